package eval

import (
	"encoding/json"
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// Spellings maps each way to write a kind to its plural.
type Spellings map[string]string

// NewSpellings knows plural, singular, Kind and short names of the kinds.
func NewSpellings(kinds []nlp.Kind) Spellings {
	s := Spellings{"all": "all", "crds": "customresourcedefinitions"}
	for _, k := range kinds {
		for _, w := range append([]string{k.Singular, strings.ToLower(k.Kind), k.Plural}, k.ShortNames...) {
			if _, taken := s[w]; w != "" && (!taken || w == k.Plural) {
				s[w] = k.Plural
			}
		}
	}
	return s
}

// Plural is the plural of a kind however it is written, "deploy" and "deployments.apps" included.
func (s Spellings) Plural(word string) string {
	word = strings.ToLower(word)
	if _, ok := s[word]; !ok {
		word, _, _ = strings.Cut(word, ".")
	}
	if p, ok := s[word]; ok {
		return p
	}
	if p, ok := s[strings.TrimRight(word, "s")]; ok {
		return p
	}
	return word
}

// canonicalValue is the one form of a flag's value that equal values share.
func canonicalValue(flag, value string) string {
	switch flag {
	case "selector", "field-selector":
		return canonicalSelector(value)
	case "since", "timeout", "grace-period-duration", "duration":
		return canonicalDuration(value)
	case "sort-by":
		return strings.TrimLeft(strings.Trim(value, "'\"{}"), ".")
	case "patch":
		return canonicalJSON(value)
	case "output":
		return strings.NewReplacer(" ", "", "\t", "", "'", "", `"`, "").Replace(value)
	case "limits", "requests", "hard", "labels", "verb", "resource", "types":
		terms := strings.Split(value, ",")
		sort.Strings(terms)
		return strings.Join(terms, ",")
	}
	return value
}

func canonicalJSON(value string) string {
	var doc any
	dec := json.NewDecoder(strings.NewReader(value))
	dec.UseNumber()
	if dec.Decode(&doc) != nil {
		return value
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return value
	}
	return string(b)
}

var aDay = regexp.MustCompile(`^(\d+(?:\.\d+)?)d(.*)$`)

// canonicalDuration reads Go's durations and days.
func canonicalDuration(value string) string {
	var days float64
	rest := value
	if m := aDay.FindStringSubmatch(value); m != nil {
		days, _ = strconv.ParseFloat(m[1], 64)
		rest = m[2]
	}
	var d time.Duration
	if rest != "" {
		var err error
		if d, err = time.ParseDuration(rest); err != nil {
			return value
		}
	}
	return fmt.Sprintf("%gs", days*86400+d.Seconds())
}

var setTerm = regexp.MustCompile(`^(\S+)\s+(in|notin)\s*\(([^)]*)\)$`)

// canonicalSelector sorts the terms, and writes a set of one as an equality.
func canonicalSelector(value string) string {
	var terms []string
	depth, start := 0, 0
	for i, r := range value + "," {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			terms = append(terms, canonicalTerm(value[start:i]))
			start = i + 1
		}
	}
	sort.Strings(terms)
	return strings.Join(terms, ",")
}

func canonicalTerm(term string) string {
	term = strings.ReplaceAll(strings.TrimSpace(term), "==", "=")
	m := setTerm.FindStringSubmatch(term)
	if m == nil {
		return term
	}
	values := strings.Split(m[3], ",")
	for i := range values {
		values[i] = strings.TrimSpace(values[i])
	}
	sort.Strings(values)
	if len(values) > 1 {
		return fmt.Sprintf("%s %s (%s)", m[1], m[2], strings.Join(values, ","))
	}
	if m[2] == "in" {
		return m[1] + "=" + values[0]
	}
	return m[1] + "!=" + values[0]
}
