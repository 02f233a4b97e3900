package diagnose

import (
	"fmt"
	"sort"
	"strings"
	"time"
	"unicode"
)

// sentence ends a message with a full stop, on one line, and keeps it short.
func sentence(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if rs := []rune(s); len(rs) > 300 {
		s = string(rs[:300]) + "…"
	}
	if s == "" || strings.HasSuffix(s, ".") || strings.HasSuffix(s, "…") {
		return s
	}
	return s + "."
}

// because ends a sentence with a reason, if there is one.
func because(message string) string {
	if strings.TrimSpace(message) == "" {
		return "."
	}
	return ": " + sentence(message)
}

func capital(s string) string {
	rs := []rune(s)
	if len(rs) == 0 {
		return s
	}
	rs[0] = unicode.ToUpper(rs[0])
	return string(rs)
}

func lower(s string) string {
	rs := []rune(s)
	if len(rs) > 1 && unicode.IsUpper(rs[0]) && !unicode.IsUpper(rs[1]) {
		rs[0] = unicode.ToLower(rs[0])
	}
	return string(rs)
}

// counted is "1 pod", "3 pods".
func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %s", n, plural(word))
}

func plural(word string) string {
	switch {
	case strings.HasSuffix(word, "s") || strings.HasSuffix(word, "x"):
		return word + "es"
	case strings.HasSuffix(word, "cy") || strings.HasSuffix(word, "ry"):
		return strings.TrimSuffix(word, "y") + "ies"
	}
	return word + "s"
}

// anded is "a", "a and b", "a, b and c".
func anded(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

// some names the first of many.
func some(list []string, most int) string {
	if len(list) <= most {
		return anded(list)
	}
	return strings.Join(list[:most], ", ") + fmt.Sprintf(" and %d more", len(list)-most)
}

// ago says how long it has been, roughly.
func ago(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return counted(max(int(d.Seconds()), 0), "second")
	case d < 2*time.Hour:
		return counted(int(d.Minutes()), "minute")
	case d < 48*time.Hour:
		return counted(int(d.Hours()), "hour")
	}
	return counted(int(d.Hours()/24), "day")
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// equalities writes labels as people write selectors: "app=web,tier=backend".
func equalities(m map[string]string) string {
	parts := make([]string, 0, len(m))
	for _, k := range sortedKeys(m) {
		parts = append(parts, k+"="+m[k])
	}
	return strings.Join(parts, ",")
}
