package chat

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCleanMakesTextInert(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain\ttext\nüß 漢 👩":                     "plain\ttext\nüß 漢 👩",
		"\x1b[1;31mred\x1b[0m":                    "red",
		"\x1b]8;;http://evil\x07link\x1b]8;;\x07": "link",
		"\x1b]0;title\x1b\\x":                     "x",
		"a\rb":                                    `a\u000db`,
		"a\x00b\x07":                              `a\u0000b\u0007`,
		"user\u202etxt.exe":                       `user\u202etxt.exe`,
		"zero\u200bwidth\ufeff":                   `zero\u200bwidth\ufeff`,
		"c1\u009b31m":                             `c1\u009b31m`,
		"bad\xff":                                 "bad\uFFFD",
		"lone \x1b":                               `lone \u001b`,
		"tag\U000e0041":                           `tag\ue0041`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzCleanIsInertAndIdempotent(f *testing.F) {
	for _, s := range []string{"", "a\x1b[31", "\u202e\u2066", "\xff\xfe", "\x1b\x1b[0m[0m"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if !utf8.ValidString(got) || strings.IndexFunc(got, dangerous) >= 0 {
			t.Fatalf("Clean(%q) = %q", s, got)
		}
		if again := Clean(got); again != got {
			t.Fatalf("Clean(Clean(%q)) = %q, not %q", s, again, got)
		}
	})
}

func TestEventsAreCleanedWhereverTheTextIs(t *testing.T) {
	t.Parallel()
	got := string(cleanJSON([]byte(`{"a":["x\u001b[1my",{"k\u202e":"v\u0000"}],"n":12345678901234567890}`)))
	if want := `{"a":["xy",{"k\\u202e":"v\\u0000"}],"n":12345678901234567890}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestMatchesLetsOnlyWhatIsKnownLaterDiffer(t *testing.T) {
	t.Parallel()
	planned := "a: 1\nrestartedAt: " + Later + "\nb: 2\n"
	for live, want := range map[string]bool{
		"a: 1\nrestartedAt: \"2026-01-01\"\nb: 2\n": true,
		"a: 1\nrestartedAt: x\nb: 3\n":              false,
		"a: 1\nother: x\nb: 2\n":                    false,
		"a: 1\nb: 2\n":                              false,
	} {
		if got := matches(live, planned); got != want {
			t.Errorf("%q: %v", live, got)
		}
	}
}
