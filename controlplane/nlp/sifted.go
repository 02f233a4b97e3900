package nlp

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// sifted is a pattern that is tried only on texts that hold one of the words of which every match holds one: there are some
// hundred of them for each sentence, and looking for a word costs a tenth of what a pattern does.
type sifted struct {
	*regexp.Regexp
	needs []string // in lower case; none: each text is tried
}

func sift(pattern string) *sifted {
	p := &sifted{Regexp: regexp.MustCompile(pattern)}
	if tree, err := syntax.Parse(pattern, syntax.Perl); err == nil {
		p.needs = needed(tree.Simplify())
	}
	return p
}

// MatchString is the pattern's own.
func (p *sifted) MatchString(s string) bool { return p.mayMatch(s) && p.Regexp.MatchString(s) }

// ReplaceAllString is the pattern's own.
func (p *sifted) ReplaceAllString(s, by string) string {
	if !p.mayMatch(s) {
		return s
	}
	return p.Regexp.ReplaceAllString(s, by)
}

// mayMatch errs on the side of yes: beyond ASCII, folding knows letters that lower case does not.
func (p *sifted) mayMatch(s string) bool {
	if len(p.needs) == 0 || !isASCII(s) {
		return true
	}
	lower := strings.ToLower(s)
	for _, word := range p.needs {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return false
}

const (
	mostNeeds  = 40 // beyond that looking for them costs as much as the pattern
	leastNeed  = 2  // shorter ones are in every text
	longEnough = 4  // longer ones sift no better
)

// needed is a set of words of which each match of the tree holds one; nil if there is none worth looking for.
func needed(tree *syntax.Regexp) []string {
	switch tree.Op {
	case syntax.OpLiteral:
		if word := strings.ToLower(string(tree.Rune)); len(word) >= leastNeed && isASCII(word) {
			return []string{word}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return needed(tree.Sub[0])
	case syntax.OpRepeat:
		if tree.Min > 0 {
			return needed(tree.Sub[0])
		}
	case syntax.OpConcat:
		var best []string
		for _, part := range tree.Sub {
			if words := needed(part); sifts(words) > sifts(best) {
				best = words
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, way := range tree.Sub {
			words := needed(way)
			if len(words) == 0 || len(all)+len(words) > mostNeeds {
				return nil
			}
			all = append(all, words...)
		}
		return all
	}
	return nil
}

// sifts says how well a set of words keeps texts away: few and long ones do.
func sifts(words []string) float64 {
	if len(words) == 0 {
		return 0
	}
	shortest := longEnough
	for _, w := range words {
		shortest = min(shortest, len(w))
	}
	return float64(shortest*shortest) / float64(len(words))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
