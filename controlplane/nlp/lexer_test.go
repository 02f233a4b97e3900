package nlp

import (
	"strings"
	"testing"
	"time"
)

func TestLexerTypesSpansBeforeWords(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]struct {
		lit  literal
		text string
	}{
		"5": {litNumber, "5"}, "three": {litNumber, "three"}, "70%": {litPercent, "70%"}, "+2": {litDelta, "+2"}, "double": {litFactor, "double"}, "10m": {litDuration, "10m"},
		"10 minutes": {litDuration, "10 minutes"}, "half an hour": {litDuration, "half an hour"}, "512Mi": {litQuantity, "512mi"}, "2 GB": {litQuantity, "2gb"},
		"app=web": {litKeyValue, "app=web"}, "app!=web": {litKeyValue, "app!=web"}, "app in (a, b)": {litKeyValue, "app in (a,b)"}, "tier-": {litRemove, "tier-"},
		"a=b:NoSchedule": {litTaint, "a=b:noschedule"}, "nginx:1.27": {litImage, "nginx:1.27"}, "ghcr.io/a/b@sha256:" + strings.Repeat("a", 64): {litImage, "ghcr.io/a/b@sha256:" + strings.Repeat("a", 64)},
		"1.2.3": {litVersion, "1.2.3"}, "v5": {litVersion, "v5"}, "80:8080": {litPorts, "80:8080"}, "first": {litOrdinal, "first"}, "2nd": {litOrdinal, "2nd"},
		"checkout": {litNone, "checkout"}, "kafka-0": {litNone, "kafka-0"}, "checkout's": {litNone, "checkout"}, "pods,": {litNone, "pods"}, "(pods)?": {litNone, "pods"},
	} {
		got := lex(in)
		if len(got) != 1 || got[0].lit != want.lit || got[0].text != want.text {
			t.Errorf("%q: %+v", in, got)
		}
	}
	if got := lex("what's up, don't"); len(got) != 5 || got[1].text != "is" || !got[2].brk || got[4].text != "not" {
		t.Errorf("%+v", got)
	}
	if got := lex("last 90 seconds"); len(got) != 2 || got[1].dur != 90*time.Second {
		t.Errorf("%+v", got)
	}
	if got := lex(`set A="x y" 'p q'`); len(got) != 3 || got[2].text != "p q" || !got[2].quoted {
		t.Errorf("%+v", got)
	}
}

func TestTypingErrorsAreCountedByDamerauAndLevenshtein(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{{"abcd", "abcd", 0}, {"abcd", "abdc", 1}, {"abcd", "abc", 1}, {"abcd", "abxd", 1}, {"deploymnets", "deployments", 1}, {"abcd", "wxyz", 3}} {
		if got := distance(c.a, c.b, 2); got != c.want {
			t.Errorf("%s %s: %d", c.a, c.b, got)
		}
	}
	for w, want := range map[string]string{"nod": "", "nodez": "nodes", "xodes": "", "recomendation": "recommendation", "pods": "pods"} {
		if got, _, _ := nearest(w, []string{"nodes", "pods", "recommendation"}); got != want {
			t.Errorf("%q is mended to %q, want %q", w, got, want)
		}
	}
}

func TestATieBetweenTwoNamesIsNoRepair(t *testing.T) {
	t.Parallel()
	if _, _, ties := nearest("cart-x", []string{"cart-a", "cart-b"}); ties != 2 {
		t.Errorf("%d ties", ties)
	}
}

// The lexicon is closed: a phrase that no one can reach is a mistake.
func TestEveryConceptHasWordsAndNoWordIsEmpty(t *testing.T) {
	t.Parallel()
	for c, line := range lexiconTable {
		for _, w := range strings.Split(line, ",") {
			if strings.TrimSpace(w) == "" || strings.ToLower(w) != w {
				t.Errorf("%s has the entry %q", c, w)
			}
		}
	}
}
