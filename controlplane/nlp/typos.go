package nlp

import (
	"iter"
	"math/bits"
	"slices"
)

// editsAllowed is how many typing errors a word of this length may have and still be recognised.
func editsAllowed(n int) int {
	switch {
	case n < 4:
		return 0
	case n < 7:
		return 1
	}
	return 2
}

// distance is the Damerau-Levenshtein distance (a swap of neighbours is one edit), or limit+1 once it is larger.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	if len(b) > 63 || len(a) > 63 {
		return limit + 1
	}
	var rows [3][64]int
	two, prev, cur := &rows[0], &rows[1], &rows[2]
	for j := 0; j <= len(b); j++ {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		best := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, two[j-2]+1)
			}
			cur[j] = d
			best = min(best, d)
		}
		if best > limit {
			return limit + 1
		}
		two, prev, cur = prev, cur, two
	}
	return prev[len(b)]
}

// nearest finds the one word nearest to w within the allowed edits. ties is the number of words at that distance.
func nearest(w string, candidates []string) (best string, dist, ties int) {
	return nearestOf(w, slices.Values(candidates))
}

func nearestOf(w string, candidates iter.Seq[string]) (best string, dist, ties int) {
	limit := editsAllowed(len(w))
	if limit == 0 {
		return "", 0, 0
	}
	dist = limit + 1
	mask := letters(w)
	for c := range candidates {
		if len(c) < 4 || (c[0] != w[0] && len(w) < 7) || editsAllowed(len(c)) == 0 {
			continue
		}
		if len(c)-len(w) > limit || len(w)-len(c) > limit || bits.OnesCount64(mask^letters(c)) > 2*limit {
			continue // too far apart to be worth measuring
		}
		d := distance(w, c, min(limit, dist))
		switch {
		case d < dist:
			best, dist, ties = c, d, 1
		case d == dist && d <= limit && c != best:
			if ties++; swapped(w, c) && !swapped(w, best) {
				best = c // fingers swap letters more often than they miss them
			}
		}
	}
	if dist > limit {
		return "", 0, 0
	}
	return best, dist, ties
}

// swapped tells whether two words are the same letters in another order.
func swapped(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	var n [256]int
	for i := range len(a) {
		n[a[i]]++
		n[b[i]]--
	}
	return n == [256]int{}
}

// letters is the set of characters of a word: an edit changes at most two of them.
func letters(w string) uint64 {
	var set uint64
	for i := 0; i < len(w); i++ {
		set |= 1 << (w[i] & 63)
	}
	return set
}
