package model

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kubechat/kubechat/controlplane/redact"
)

// Kind is what is wrong with a call.
type Kind string

// The kinds. The first three may be over in a moment.
const (
	Away    Kind = "away"    // no answer, or the provider's own error
	Limited Kind = "limited" // too much at once
	Cut     Kind = "cut"     // the answer ended in the middle
	Open    Kind = "open"    // not asked: it failed too often just now
	Refused Kind = "refused" // the key, or its rights
	Invalid Kind = "invalid" // the provider cannot do what was asked: an unknown model, too long a prompt
)

// Error is a call that failed. Its text is for the operator's log and for the tenant's admin; it holds no key.
type Error struct {
	Kind       Kind
	Status     int           // HTTP; 0: no answer
	RetryAfter time.Duration // as the provider says; 0: it does not
	text       string
	cause      error
}

// Error says what happened.
func (e *Error) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("model %s (%d): %s", e.Kind, e.Status, e.text)
	}
	return fmt.Sprintf("model %s: %s", e.Kind, e.text)
}

// LogValue leaves the provider's words out: they may quote the prompt.
func (e *Error) LogValue() slog.Value {
	return slog.StringValue(fmt.Sprintf("model %s (%d)", e.Kind, e.Status))
}

// Unwrap gives the cause only where it is the caller's own end of patience: any other may hold what was sent.
func (e *Error) Unwrap() error {
	if errors.Is(e.cause, context.Canceled) || errors.Is(e.cause, context.DeadlineExceeded) {
		return e.cause
	}
	return nil
}

// Transient tells whether the same call may succeed in a moment.
func (e *Error) Transient() bool { return e.Kind == Away || e.Kind == Limited || e.Kind == Cut }

// maxErrorText is how much of a provider's words is kept.
const maxErrorText = 300

// NewError makes an error of a provider's words; secrets are what must not be in them, whatever form they have.
func NewError(kind Kind, text string, secrets ...string) *Error {
	return &Error{Kind: kind, text: clean(text, secrets)}
}

// StatusError makes an error of an HTTP answer that is no success.
func StatusError(status int, header http.Header, text string, secrets ...string) *Error {
	e := NewError(kindOf(status), text, secrets...)
	e.Status = status
	e.RetryAfter = retryAfter(header)
	return e
}

// TransportError makes an error of what went wrong on the way; begun says that a part of the answer was there.
func TransportError(err error, begun bool, secrets ...string) *Error {
	kind := Away
	if begun {
		kind = Cut
	}
	e := NewError(kind, err.Error(), secrets...)
	e.cause = err
	return e
}

func kindOf(status int) Kind {
	switch {
	case status == http.StatusTooManyRequests:
		return Limited
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return Refused
	case status == http.StatusRequestTimeout, status == http.StatusConflict, status == http.StatusFailedDependency, status >= 500:
		return Away
	}
	return Invalid
}

// retryAfter reads seconds, which is what every provider sends; a date depends on two clocks and is not believed.
func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return time.Duration(ms * float64(time.Millisecond))
	}
	s, err := strconv.ParseFloat(h.Get("Retry-After"), 64)
	if err != nil || s <= 0 || s > 24*3600 {
		return 0
	}
	return time.Duration(s * float64(time.Second))
}

func clean(text string, secrets []string) string {
	for _, s := range secrets {
		if len(s) >= 4 {
			text = strings.ReplaceAll(text, s, "<redacted>")
		}
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, redact.Text(text))
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + "…"
	}
	return strings.TrimSpace(text)
}

// As finds the *Error in err's chain; what is none becomes Away.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return TransportError(err, false)
}
