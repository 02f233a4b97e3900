package nlp

import (
	"regexp"
	"slices"
	"strings"
)

var (
	thenPattern = regexp.MustCompile(`(?i)\s*(?:[,;]\s*|\s)(?:and\s+then|then|and\s+after\s+that|after\s+that|afterwards|and\s+afterwards|followed\s+by|and\s+finally|finally)\s+|;\s*(?:and\s+|also\s+)?`)
	andPattern  = regexp.MustCompile(`(?i)\s*,?\s+and\s+(?:also\s+)?|\.\s+|,\s+`)
	ifThen      = regexp.MustCompile(`(?i)^\s*(?:if|when|once|unless|after|until|first)\b`)
)

// splitThen cuts a text at words that put one thing after another, outside quotes.
func splitThen(s string) []string {
	if ifThen.MatchString(s) && !strings.HasPrefix(strings.ToLower(strings.TrimSpace(s)), "first") {
		return nil // "if X then Y" is a condition, which no plan can hold
	}
	return cut(s, thenPattern, nil)
}

// splitAnd cuts at "and", at commas and sentence ends where a new command starts after it.
func splitAnd(s string) []string {
	return cut(s, andPattern, startsCommand)
}

// startsCommand tells whether the text begins with a verb that a frame can be asked by.
func startsCommand(s string) bool {
	words := strings.Fields(strings.ToLower(s))
	for len(words) > 0 && (words[0] == "please" || words[0] == "also" || words[0] == "then" || words[0] == "just") {
		words = words[1:]
	}
	if len(words) < 2 {
		return false
	}
	for _, p := range lexicon[strings.Trim(words[0], ",.!?")] {
		if len(p.words) > len(words) || len(p.words) > 1 && !slices.Equal(p.words[1:], words[1:len(p.words)]) {
			continue
		}
		switch p.c {
		case cShow, cGeneric, cDescribe, cScale, cRestart, cUndo, cDelete, cLabel, cAnnotate, cExpose, cAutoscale, cCordon, cUncordon, cDrain, cTaint,
			cSet, cSuspend, cResume, cPause, cCreate, cUpgrade, cUp, cDown, cTrigger, cFollow, cTail, cExplain, cWhy, cCount, cLogs, cEvents:
			return true
		case cTop:
			return p.words[0] == "top"
		}
	}
	return false
}

func cut(s string, at *regexp.Regexp, ok func(rest string) bool) []string {
	bare := unquoted(s)
	if len(bare) != len(s) {
		bare = s // quotes hold characters of several bytes: positions would not agree
	}
	var out []string
	from := 0
	for _, m := range at.FindAllStringIndex(bare, -1) {
		if m[0] <= from && strings.TrimSpace(s[from:m[0]]) == "" {
			continue
		}
		if ok != nil && !ok(s[m[1]:]) {
			continue
		}
		if strings.TrimSpace(s[m[1]:]) == "" {
			continue
		}
		out = append(out, strings.TrimSpace(s[from:m[0]]))
		from = m[1]
	}
	if from == 0 {
		return nil
	}
	return append(out, strings.TrimSpace(s[from:]))
}
