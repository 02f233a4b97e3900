package kubereq

import (
	"slices"
	"strings"
)

// selectedName is the name that a field selector pins with metadata.name=NAME, or "". The API server puts it into the
// request's name, so that RBAC's resourceNames work for lists. The terms are looked at sorted, as apimachinery does.
func selectedName(selector string) string {
	terms := splitTerms(selector)
	slices.Sort(terms)
	name, found := "", false
	for _, term := range terms {
		if term == "" {
			continue
		}
		field, op, value, ok := splitTerm(term)
		if !ok {
			return ""
		}
		value, ok = unescape(value)
		if !ok {
			return ""
		}
		if op != "!=" && field == "metadata.name" && !found {
			name, found = value, true
		}
	}
	if name == "." || name == ".." || strings.ContainsAny(name, "/%") {
		return ""
	}
	return name
}

// splitTerms splits at commas that no backslash escapes.
func splitTerms(selector string) []string {
	var terms []string
	start, escaped := 0, false
	for i, c := range selector {
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == ',':
			terms = append(terms, selector[start:i])
			start = i + 1
		}
	}
	return append(terms, selector[start:])
}

func splitTerm(term string) (field, op, value string, ok bool) {
	for i := range term {
		for _, op := range []string{"!=", "==", "="} {
			if strings.HasPrefix(term[i:], op) {
				return term[:i], op, term[i+len(op):], true
			}
		}
	}
	return "", "", "", false
}

func unescape(value string) (string, bool) {
	var b strings.Builder
	escaped := false
	for _, c := range value {
		switch {
		case escaped:
			if c != '\\' && c != ',' && c != '=' {
				return "", false
			}
			b.WriteRune(c)
			escaped = false
		case c == '\\':
			escaped = true
		case c == ',' || c == '=':
			return "", false
		default:
			b.WriteRune(c)
		}
	}
	return b.String(), !escaped
}
