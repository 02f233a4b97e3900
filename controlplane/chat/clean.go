package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// terminal matches whole ANSI sequences: what a container prints for a terminal means nothing on a page. CSI, OSC with
// its end, then any other two-character escape.
var terminal = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_a-z0-9=<>]`)

// Clean makes untrusted text inert for pages and terminals: ANSI sequences go, control and bidirectional characters and
// invisible ones are shown as their code, invalid UTF-8 as U+FFFD. Line feeds and tabs stay. Clean is idempotent.
func Clean(s string) string {
	if inert(s) {
		return s
	}
	s = terminal.ReplaceAllString(strings.ToValidUTF8(s, "\uFFFD"), "")
	var b strings.Builder
	for _, r := range s {
		if dangerous(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func inert(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, dangerous) < 0
}

// dangerous are the characters that change how others are shown, or show nothing: a name that reads like another one.
func dangerous(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
		return true
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x2029, r >= 0x2060 && r <= 0x206f:
		return true
	case r == 0xad, r == 0x034f, r == 0x115f, r == 0x1160, r == 0x180e, r == 0x3164, r == 0xfeff, r == 0xffa0:
		return true
	}
	return r >= 0xfff9 && r <= 0xfffb || r >= 0xe0000 && r <= 0xe007f // interlinear marks; tags
}

// cleanJSON cleans every string, and key, inside b.
func cleanJSON(b []byte) json.RawMessage {
	if !bytes.Contains(b, []byte(`\u`)) && inert(string(b)) { // json.Marshal writes controls as \u escapes
		return b
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		panic(fmt.Sprintf("chat: an event's own JSON: %v", err)) // it was marshalled a line before
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(cleanValue(v)); err != nil {
		panic(fmt.Sprintf("chat: an event's own JSON: %v", err))
	}
	return bytes.TrimSpace(out.Bytes())
}

func cleanValue(v any) any {
	switch x := v.(type) {
	case string:
		return Clean(x)
	case []any:
		for i := range x {
			x[i] = cleanValue(x[i])
		}
	case map[string]any:
		for k, item := range x {
			delete(x, k)
			x[Clean(k)] = cleanValue(item)
		}
	}
	return v
}
