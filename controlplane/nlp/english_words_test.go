package nlp

import (
	"slices"
	"strings"
	"testing"
)

func TestEnglishKnowsItsWords(t *testing.T) {
	t.Parallel()
	words := strings.Fields(englishWords)
	if !slices.IsSorted(words) {
		t.Fatal("the words are not in order")
	}
	for _, w := range words {
		if !english(w) {
			t.Fatalf("%q is in the list and not found", w)
		}
	}
	for _, w := range []string{"", "a", "pagerduty", "zzz", "kubectl", "-", "nodepool"} {
		if english(w) {
			t.Errorf("%q is found", w)
		}
	}
}
