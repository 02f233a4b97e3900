package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
)

// NewLogger writes to w every record at or above level, with known secrets replaced. Types that hold secrets have a
// LogValue of their own; this is the net below them, for text that came from somewhere else.
func NewLogger(w io.Writer, level slog.Level, json bool) *slog.Logger {
	opts := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewTextHandler(w, opts)
	if json {
		h = slog.NewJSONHandler(w, opts)
	}
	return slog.New(redactor{h})
}

// Each pattern keeps the prefix, which tells the reader what was there, and drops what follows.
var secretForms = regexp.MustCompile(`(?i)(kcj1_|kcr1_|kcp_|bearer\s+|basic\s+|__Host-kc_[0-9a-f]{12}=|\bkc_[0-9a-f]{12}=)[A-Za-z0-9._~+/=-]{4,}` +
	`|(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)`)

// Redact replaces every known form of secret in s.
func Redact(s string) string {
	if !mayHoldSecret(s) {
		return s
	}
	return secretForms.ReplaceAllStringFunc(s, func(found string) string {
		if strings.HasPrefix(found, "-----BEGIN") {
			return "[private key]"
		}
		return secretForms.FindStringSubmatch(found)[1] + "[redacted]"
	})
}

// mayHoldSecret spares the regular expression on nearly every log line.
func mayHoldSecret(s string) bool {
	lower := strings.ToLower(s)
	for _, mark := range []string{"kcj1_", "kcr1_", "kcp_", "kc_", "bearer", "basic", "-----begin"} {
		if strings.Contains(lower, mark) {
			return true
		}
	}
	return false
}

// redactor is a slog.Handler that cleans a record before the next one writes it.
type redactor struct{ next slog.Handler }

// Enabled reports whether the next handler writes this level.
func (r redactor) Enabled(ctx context.Context, l slog.Level) bool { return r.next.Enabled(ctx, l) }

// Handle cleans the message and every attribute.
func (r redactor) Handle(ctx context.Context, rec slog.Record) error {
	clean := slog.NewRecord(rec.Time, rec.Level, Redact(rec.Message), rec.PC)
	rec.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(cleanAttr(a))
		return true
	})
	return r.next.Handle(ctx, clean)
}

// WithAttrs cleans attributes once, when they are attached.
func (r redactor) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = cleanAttr(a)
	}
	return redactor{r.next.WithAttrs(clean)}
}

// WithGroup opens a group.
func (r redactor) WithGroup(name string) slog.Handler { return redactor{r.next.WithGroup(name)} }

func cleanAttr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, Redact(v.String()))
	case slog.KindGroup:
		members := v.Group()
		clean := make([]slog.Attr, len(members))
		for i, m := range members {
			clean[i] = cleanAttr(m)
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(clean...)}
	case slog.KindAny:
		return cleanAny(a.Key, v.Any())
	default:
		return slog.Attr{Key: a.Key, Value: v}
	}
}

// cleanAny keeps a value as it is unless its text shows a secret; then only the cleaned text is kept.
func cleanAny(key string, v any) slog.Attr {
	var text string
	switch t := v.(type) {
	case error:
		text = t.Error()
		return slog.String(key, Redact(text))
	case fmt.Stringer:
		text = t.String()
	case []byte:
		text = string(t)
	default:
		text = fmt.Sprintf("%+v", v)
	}
	if clean := Redact(text); clean != text {
		return slog.String(key, clean)
	}
	return slog.Any(key, v)
}
