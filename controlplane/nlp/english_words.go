package nlp

import (
	_ "embed" // the words
	"strings"
)

// englishWords are some forty thousand English words in the order of their bytes, a blank or line end after each: the sizes 10,
// 20 and 35 of SCOWL, American and British, the words of small letters only. SCOWL is Copyright 2000-2011 by Kevin Atkinson.
// Permission to use, copy, modify, distribute and sell these word lists, the associated scripts, the output created from the
// scripts, and its documentation for any purpose is hereby granted without fee, provided that the above copyright notice
// appears in all copies and that both that copyright notice and this permission notice appear in supporting documentation.
// Kevin Atkinson makes no representations about the suitability of this array for any purpose. It is provided "as is" without
// express or implied warranty.
//
//go:embed english.txt
var englishWords string

// english tells whether a word is one of everyday English. It searches the text itself: a map of it would cost each process
// some megabytes for a look-up that takes half a microsecond so.
func english(w string) bool {
	if w == "" {
		return false
	}
	lo, hi := 0, len(englishWords)
	for lo < hi {
		from := (lo + hi) / 2
		for from > lo && !blank(englishWords[from-1]) {
			from--
		}
		to := from
		for to < hi && !blank(englishWords[to]) {
			to++
		}
		switch c := strings.Compare(englishWords[from:to], w); {
		case c == 0:
			return true
		case c < 0:
			lo = to + 1
		default:
			hi = from
		}
	}
	return false
}

func blank(c byte) bool { return c == ' ' || c == '\n' }
