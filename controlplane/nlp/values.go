package nlp

import (
	"strconv"
	"strings"
)

// sizeUnits are spoken units of size and of processors, and what one of them is in the smaller unit that divides well.
var sizeUnits = map[string]struct {
	unit  string // as the API writes it
	small string // the next smaller one
	parts int    // of which it has so many
}{
	"gig": {"Gi", "Mi", 1024}, "gigs": {"Gi", "Mi", 1024}, "gb": {"Gi", "Mi", 1024}, "gi": {"Gi", "Mi", 1024}, "gib": {"Gi", "Mi", 1024},
	"gigabyte": {"Gi", "Mi", 1024}, "gigabytes": {"Gi", "Mi", 1024}, "gibibyte": {"Gi", "Mi", 1024}, "gibibytes": {"Gi", "Mi", 1024},
	"meg": {"Mi", "Ki", 1024}, "megs": {"Mi", "Ki", 1024}, "mb": {"Mi", "Ki", 1024}, "mi": {"Mi", "Ki", 1024}, "mib": {"Mi", "Ki", 1024},
	"megabyte": {"Mi", "Ki", 1024}, "megabytes": {"Mi", "Ki", 1024}, "mebibyte": {"Mi", "Ki", 1024}, "mebibytes": {"Mi", "Ki", 1024},
	"tb": {"Ti", "Gi", 1024}, "ti": {"Ti", "Gi", 1024}, "terabyte": {"Ti", "Gi", 1024}, "terabytes": {"Ti", "Gi", 1024},
	"tebibyte": {"Ti", "Gi", 1024}, "tebibytes": {"Ti", "Gi", 1024},
	"core": {"", "m", 1000}, "cpu": {"", "m", 1000}, "vcpu": {"", "m", 1000}, "cores": {"", "m", 1000}, "cpus": {"", "m", 1000}, "vcpus": {"", "m", 1000},
}

// quarters are spoken parts of one, in quarters.
var quarters = map[string]int{"half": 2, "quarter": 1}

var tens = wordSet("twenty thirty forty fifty sixty seventy eighty ninety")

// joinValues reads numbers and sizes that are said in several words: "twenty five", "half a gig", "one and a half gigs".
func joinValues(in []token) []token {
	var out []token
	for i := 0; i < len(in); i++ {
		t, n := in[i], 1
		if v, used := spokenNumber(in[i:]); used > 1 {
			t, n = literalOf(in[i:i+used], strconv.Itoa(v)), used
			t.lit, t.num = litNumber, v
		}
		if text, used := spokenSize(in[i:]); used > 0 {
			t, n = literalOf(in[i:i+used], text), used
			t.lit = litQuantity
		}
		out = append(out, t)
		i += n - 1
	}
	return out
}

// literalOf is one token in the place of several.
func literalOf(span []token, text string) token {
	return token{text: strings.ToLower(text), raw: text, brk: span[len(span)-1].brk}
}

// plainNumber is the value of one word or number.
func plainNumber(t token) (int, bool) {
	if t.quoted {
		return 0, false
	}
	if t.lit == litNumber {
		return t.num, true
	}
	n, ok := numberWords[t.text]
	return n, ok && t.text != "single" && t.text != "couple" && t.text != "dozen"
}

// spokenNumber is a number of several words, and how many: "twenty five", "one hundred and twenty".
func spokenNumber(in []token) (value, used int) {
	if len(in) < 2 || in[0].brk {
		return 0, 0
	}
	small := func(at int) (int, bool) {
		if at >= len(in) {
			return 0, false
		}
		n, ok := plainNumber(in[at])
		return n, ok && n < 10 && !reNumber.MatchString(in[at].raw)
	}
	if tens[in[0].text] {
		if n, ok := small(1); ok && n > 0 && (len(in) == 2 || in[2].text != "hundred") {
			base, _ := plainNumber(in[0])
			return base + n, 2
		}
		return 0, 0
	}
	n, ok := plainNumber(in[0])
	if in[0].text == "a" {
		n, ok = 1, true
	}
	if !ok || n == 0 || n > 9 || in[1].text != "hundred" {
		return 0, 0
	}
	value, used = n*100, 2
	at := 2
	if at < len(in) && in[at].text == "and" {
		at++
	}
	if at < len(in) && !in[1].brk {
		if more, ok := plainNumber(in[at]); ok && more < 100 && !reNumber.MatchString(in[at].raw) {
			rest, n := spokenNumber(in[at:])
			if n == 0 {
				rest, n = more, 1
			}
			return value + rest, at + n
		}
	}
	return value, used
}

// spokenSize is a size of several words, and how many: "half a gig", "a quarter core", "twenty gibibytes", "one and a half gigs".
func spokenSize(in []token) (text string, used int) {
	word := func(i int) string {
		if i < len(in) && (i == 0 || !in[i-1].brk) && !in[i].quoted {
			return in[i].text
		}
		return ""
	}
	at, parts := 0, 0 // in quarters of a unit
	if n, ok := plainNumber(in[0]); ok && word(1) == "and" && word(2) == "a" && quarters[word(3)] > 0 {
		at, parts = 4, 4*n+quarters[word(3)]
	} else {
		if word(0) == "a" || word(0) == "an" {
			at++
		}
		if quarters[word(at)] == 0 {
			return wholeSize(in, word)
		}
		parts = quarters[word(at)]
		at++
		for word(at) == "a" || word(at) == "of" || word(at) == "an" {
			at++
		}
	}
	u, ok := sizeUnits[word(at)]
	if !ok {
		return "", 0
	}
	return strconv.Itoa(parts*u.parts/4) + u.small, at + 1
}

// wholeSize is a whole number of a unit that is said as a word: "twenty gibibytes", "a gig". Processors are counted elsewhere.
func wholeSize(in []token, word func(int) string) (text string, used int) {
	n, ok := plainNumber(in[0])
	if word(0) == "a" {
		n, ok = 1, true
	}
	u, known := sizeUnits[word(1)]
	if !ok || !known || u.unit == "" || len(word(1)) < 3 && word(0) == "a" || len(word(1)) < 4 && reNumber.MatchString(in[0].raw) {
		return "", 0 // "2 GB" is joined as it is written
	}
	return strconv.Itoa(n) + u.unit, 2
}

// joinCron joins the five fields of a cron expression that stands without quotes.
func joinCron(in []field) []field {
	var out []field
	for i := 0; i < len(in); i++ {
		if i+5 <= len(in) && isCron(in[i:i+5]) {
			var parts []string
			for _, f := range in[i : i+5] {
				parts = append(parts, strings.TrimRight(f.text, ".,;!?)"))
			}
			out = append(out, field{strings.Join(parts, " "), true})
			i += 4
			continue
		}
		out = append(out, in[i])
	}
	return out
}

// isCron tells whether five words are the fields of a cron expression: at least one of them is open.
func isCron(fields []field) bool {
	open := false
	for k, f := range fields {
		text := strings.TrimLeft(strings.TrimRight(f.text, ".,;!?)"), "(:")
		if k < 4 && text != f.text || f.quoted || text == "" || strings.Trim(text, "0123456789*/,-") != "" {
			return false
		}
		open = open || strings.HasPrefix(text, "*")
	}
	return open
}
