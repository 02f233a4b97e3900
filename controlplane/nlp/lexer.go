package nlp

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// literal is the type of a span that is not a word.
type literal uint8

const (
	litNone literal = iota
	litNumber
	litPercent
	litDelta    // +2, -1
	litFactor   // double, half
	litDuration //
	litQuantity // 512Mi, 250m
	litKeyValue // k=v, k!=v, k in (a,b)
	litRemove   // key-
	litTaint    // k=v:Effect
	litImage    // repo/name:tag
	litVersion  // 1.2.3, v5
	litPorts    // 80:8080
	litOrdinal  // first, 2nd, last
	litCommand  // a whole command to run in a container
	litJSON     // {"a": 1}
)

// token is one word or literal of the text. text is lower case and stripped of punctuation, raw is as typed.
type token struct {
	text, raw string
	lit       literal
	num       int
	dur       time.Duration
	quoted    bool
	quantity  bool     // a duration that may also be a quantity: 250m
	brk       bool     // a comma or sentence end follows
	possess   bool     // 's
	argv      []string // of litCommand
	env       bool     // looks like the name of an environment variable
}

var (
	setSelector   = regexp.MustCompile(`(?i)([a-z0-9][a-z0-9._/\-]*)\s+(in|notin)\s*\(([^)]*)\)`)
	reNumber      = regexp.MustCompile(`^\d{1,9}$`)
	rePercent     = regexp.MustCompile(`^\d{1,4}%$`)
	reDelta       = regexp.MustCompile(`^[+\-]\d{1,6}$`)
	reFactor      = regexp.MustCompile(`^(\d)x$`)
	reDuration    = regexp.MustCompile(`^(\d{1,6}(ms|s|sec|secs|m|min|mins|h|hr|hrs|d|w))+$`)
	reUnit        = regexp.MustCompile(`(\d+)([a-z]+)`)
	reQuantity    = regexp.MustCompile(`^(\d+(?:\.\d+)?)(m|ki|mi|gi|ti|k|g|t|mb|gb|tb|kb|mib|gib|tib)$`)
	reKeyValue    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/\-]*(=|==|!=)[^=\s]*$`)
	reEnvValue    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=.+$`)
	reRemove      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/\-]*[A-Za-z0-9]-$`)
	reTaint       = regexp.MustCompile(`(?i)^[a-z0-9][a-z0-9._/\-]*(=[a-z0-9._\-]*)?:(NoSchedule|PreferNoSchedule|NoExecute)-?$`)
	reImage       = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.\-_]*(/[A-Za-z0-9.\-_]+)*:[A-Za-z0-9][A-Za-z0-9._\-]*(@sha256:[a-f0-9]+)?$|^[a-z0-9.\-]+(:[0-9]+)?(/[a-z0-9.\-_]+)+(:[A-Za-z0-9][A-Za-z0-9._\-]*)?(@sha256:[a-f0-9]+)?$`)
	reVersion     = regexp.MustCompile(`^(v\d+(\.\d+)*|\d+(\.\d+)+)([-+][A-Za-z0-9.\-]+)?$`)
	rePorts       = regexp.MustCompile(`^\d{1,5}:\d{1,5}$`)
	reEnvName     = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$|^[A-Z]{3,}[A-Z0-9]*$`)
	reQuotedValue = regexp.MustCompile(`^([A-Za-z0-9_][A-Za-z0-9._/\-]*)=(["'])(.*)(["'])([,.;:!?]*)$`)
	reOrdinal     = regexp.MustCompile(`^(\d{1,3})(st|nd|rd|th)$`)
)

var numberWords = map[string]int{
	"zero": 0, "nought": 0, "naught": 0, "nil": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
	"eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
	"nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100, "couple": 2, "dozen": 12, "single": 1,
}

var ordinalWords = map[string]int{"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}

var factorWords = map[string]int{"double": 2, "twice": 2, "triple": 3, "quadruple": 4, "halve": -2, "half": -2}

var unitWords = map[string]time.Duration{
	"second": time.Second, "seconds": time.Second, "sec": time.Second, "secs": time.Second, "minute": time.Minute, "minutes": time.Minute,
	"min": time.Minute, "mins": time.Minute, "hour": time.Hour, "hours": time.Hour, "hr": time.Hour, "hrs": time.Hour,
	"day": 24 * time.Hour, "days": 24 * time.Hour, "week": 7 * 24 * time.Hour, "weeks": 7 * 24 * time.Hour,
}

var contractions = map[string]string{
	"what's": "what is", "whats": "what is", "what're": "what are", "who's": "who is", "where's": "where is", "how's": "how is",
	"it's": "it is", "that's": "that is", "there's": "there is", "here's": "here is", "let's": "let us", "lets": "let us",
	"don't": "do not", "dont": "do not", "doesn't": "does not", "doesnt": "does not", "isn't": "is not", "isnt": "is not",
	"aren't": "are not", "arent": "are not", "won't": "will not", "wont": "will not", "can't": "can not", "cant": "can not", "cannot": "can not",
	"didn't": "did not", "didnt": "did not", "i'm": "i am", "im": "i am", "i'd": "i would", "i'll": "i will", "we're": "we are", "they're": "they are",
	"we've": "we have", "i've": "i have", "wouldn't": "would not", "shouldn't": "should not", "hasn't": "has not", "haven't": "have not",
	"wasn't": "was not", "weren't": "were not", "you're": "you are", "why's": "why is", "gimme": "give me", "lemme": "let me", "u": "you", "ur": "your", "rn": "right now", "ya": "you", "wanna": "want to", "which's": "which is",
	"we'd": "we would", "couldn't": "could not", "whos": "who is", "til": "until", "'til": "until", "you'd": "you would", "they'd": "they would", "they've": "they have", "you've": "you have", "you'll": "you will",
	"we'll": "we will", "it'll": "it will", "they'll": "they will", "mustn't": "must not", "needn't": "need not", "ain't": "is not", "shan't": "shall not", "that'd": "that would", "who'd": "who would",
	"runing": "running", "runnig": "running", "stoped": "stopped", "teh": "the", "hte": "the", "tha": "the", "wich": "which", "whcih": "which", "whihc": "which", "wht": "what", "waht": "what", "adn": "and", "nad": "and", "fo": "of",
	"lst": "list", "w/": "with", "w/o": "without", "exsist": "exist", "exsists": "exists", "topp": "top", "incl": "including", "incl.": "including", "lsit": "list", "lits": "list", "shwo": "show", "sho": "show", "hsow": "show", "shw": "show", "tpo": "top", "gte": "get", "taht": "that", "thsi": "this", "hows": "how is", "wheres": "where is",
	"whens": "when is", "thx": "thanks", "thier": "their", "alot": "a lot", "tho": "though", "wats": "what is", "wat": "what", "givme": "give me", "shwme": "show me", "fomr": "from", "frm": "from", "abt": "about", "ths": "this",
	"nmae": "name", "sttaus": "status", "lgos": "logs", "polease": "please", "plese": "please", "pleas": "please", "somthing": "something", "anythign": "anything", "em": "them",
}

// lex splits a text into tokens, typed spans before words.
func lex(s string) []token {
	s = setSelector.ReplaceAllStringFunc(s, func(m string) string {
		p := setSelector.FindStringSubmatch(m)
		return p[1] + "\x01" + strings.ToLower(p[2]) + "\x01(" + strings.ReplaceAll(p[3], " ", "") + ")"
	})
	var out []token
	for _, f := range joinCron(splitFields(s)) {
		out = appendToken(out, f)
	}
	return joinSpans(joinValues(out))
}

type field struct {
	text   string
	quoted bool
}

// splitFields splits on blanks, keeping quoted spans whole. A quote inside a word ("what's") quotes nothing.
func splitFields(s string) []field {
	var out []field
	rs := []rune(s)
	for i := 0; i < len(rs); {
		if rs[i] == ' ' || rs[i] == '\n' {
			i++
			continue
		}
		if q := rs[i]; q == '"' || q == '\'' {
			if end := indexRune(rs, i+1, q); end > 0 {
				out = append(out, field{string(rs[i+1 : end]), true})
				i = end + 1
				continue
			}
		}
		if end := braces(rs, i); end > 0 {
			out = append(out, field{string(rs[i:end]), true})
			i = end
			continue
		}
		j := i
		for j < len(rs) && rs[j] != ' ' && rs[j] != '\n' {
			if (rs[j] == '"' || rs[j] == '\'') && j > i && rs[j-1] == '=' { // k="a b"
				if end := indexRune(rs, j+1, rs[j]); end > 0 {
					j = end
				}
			}
			j++
		}
		out = append(out, field{string(rs[i:j]), false})
		i = j
	}
	return out
}

// braces is the end of the JSON object that begins at from, or 0.
func braces(rs []rune, from int) int {
	if rs[from] != '{' {
		return 0
	}
	depth := 0
	for i := from; i < len(rs); i++ {
		switch rs[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				if json.Valid([]byte(string(rs[from : i+1]))) {
					return i + 1
				}
				return 0
			}
		}
	}
	return 0
}

func indexRune(rs []rune, from int, q rune) int {
	for i := from; i < len(rs); i++ {
		if rs[i] == q {
			return i
		}
	}
	return -1
}

func appendToken(out []token, f field) []token {
	if f.quoted {
		if strings.TrimSpace(f.text) == "" {
			return out
		}
		t := token{text: strings.ToLower(strings.TrimSpace(f.text)), raw: strings.TrimSpace(f.text), quoted: true}
		classifyLiteral(&t)
		return append(out, t)
	}
	if m := reQuotedValue.FindStringSubmatch(f.text); m != nil && (m[2] == m[4]) {
		raw := m[1] + "=" + m[3]
		return append(out, token{text: strings.ToLower(raw), raw: raw, lit: litKeyValue, brk: m[5] != ""})
	}
	raw := strings.TrimLeft(f.text, "([{,;:\"'")
	trimmed := strings.TrimRight(raw, ",.!?;:)]}\"'")
	if strings.ContainsRune(f.text, '\x01') {
		trimmed = strings.TrimRight(raw, ",.!?;:")
	}
	brk := strings.ContainsAny(raw[len(trimmed):], ",.!?;:")
	if trimmed == "" || trimmed == "-" || trimmed == "--" {
		if len(out) > 0 && (brk || f.text == "-" || f.text == "--" || strings.ContainsAny(f.text, ",;")) {
			out[len(out)-1].brk = true
		}
		return out
	}
	low := strings.ToLower(trimmed)
	if exp, ok := contractions[low]; ok {
		words := strings.Fields(exp)
		for i, w := range words {
			out = append(out, token{text: w, raw: w, brk: brk && i == len(words)-1})
		}
		return out
	}
	t := token{text: low, raw: trimmed, brk: brk}
	if strings.HasSuffix(low, "'s") {
		t.text, t.raw, t.possess = low[:len(low)-2], trimmed[:len(trimmed)-2], true
	} else if strings.HasSuffix(low, "s'") {
		t.text, t.raw, t.possess = low[:len(low)-1], trimmed[:len(trimmed)-1], true
	}
	t.text = strings.Trim(t.text, "'\"")
	if t.text == "" {
		return out
	}
	if strings.Contains(t.text, ",") && !strings.ContainsAny(t.text, "=\x01{") { // "deploy,sts" or "a,b"
		for _, part := range strings.Split(t.raw, ",") {
			out = appendToken(out, field{part, false})
		}
		return out
	}
	classifyLiteral(&t)
	return append(out, t)
}

func classifyLiteral(t *token) {
	s, raw := t.text, t.raw
	switch {
	case t.quoted && strings.HasPrefix(raw, "{"):
		t.lit = litJSON
	case strings.ContainsRune(raw, '\x01'):
		t.lit = litKeyValue
		t.raw = strings.ReplaceAll(raw, "\x01", " ")
		t.text = strings.ToLower(t.raw)
	case reNumber.MatchString(s):
		t.lit = litNumber
		t.num, _ = strconv.Atoi(s)
	case rePercent.MatchString(s):
		t.lit = litPercent
		t.num, _ = strconv.Atoi(strings.TrimSuffix(s, "%"))
	case reDelta.MatchString(s):
		t.lit = litDelta
		t.num, _ = strconv.Atoi(strings.TrimPrefix(s, "+"))
	case reFactor.MatchString(s):
		t.lit = litFactor
		t.num, _ = strconv.Atoi(s[:1])
	case reDuration.MatchString(s):
		t.lit, t.quantity = litDuration, strings.HasSuffix(s, "m")
		t.dur = parseDuration(s)
	case reQuantity.MatchString(s):
		t.lit = litQuantity
	case reTaint.MatchString(raw):
		t.lit = litTaint
	case reEnvValue.MatchString(raw) && strings.Contains(raw, "="), reKeyValue.MatchString(raw):
		t.lit = litKeyValue
	case rePorts.MatchString(s):
		t.lit = litPorts
	case reVersion.MatchString(s):
		t.lit = litVersion
	case strings.ContainsAny(raw, ":/") && reImage.MatchString(raw) && strings.Contains(raw, ":"):
		t.lit = litImage
	case strings.Count(raw, "/") >= 2 && reImage.MatchString(raw), strings.Contains(raw, ".") && strings.Contains(raw, "/") && reImage.MatchString(raw):
		t.lit = litImage
	case reRemove.MatchString(raw) && !t.quoted:
		t.lit = litRemove
	case !t.quoted && reOrdinal.MatchString(s):
		t.lit = litOrdinal
		t.num, _ = strconv.Atoi(strings.TrimRight(s, "stndrh"))
	default:
		classifyWord(t)
	}
}

func classifyWord(t *token) {
	if t.quoted {
		return
	}
	if n, ok := numberWords[t.text]; ok && t.text != "one" {
		t.lit, t.num = litNumber, n
	}
	if ten, one, ok := strings.Cut(t.text, "-"); ok && tens[ten] && numberWords[one] > 0 && numberWords[one] < 10 {
		t.lit, t.num = litNumber, numberWords[ten]+numberWords[one]
	}
	if n, ok := ordinalWords[t.text]; ok {
		t.lit, t.num = litOrdinal, n
	}
	if n, ok := factorWords[t.text]; ok {
		t.lit, t.num = litFactor, n
	}
	t.env = reEnvName.MatchString(t.raw)
}

func parseDuration(s string) time.Duration {
	var d time.Duration
	for _, m := range reUnit.FindAllStringSubmatch(s, -1) {
		n, _ := strconv.Atoi(m[1])
		switch m[2] {
		case "ms":
			d += time.Duration(n) * time.Millisecond
		case "s":
			d += time.Duration(n) * time.Second
		case "m":
			d += time.Duration(n) * time.Minute
		case "h":
			d += time.Duration(n) * time.Hour
		case "d":
			d += time.Duration(n) * 24 * time.Hour
		case "w":
			d += time.Duration(n) * 7 * 24 * time.Hour
		default:
			d += time.Duration(n) * unitWords[m[2]]
		}
	}
	return d
}

var spokenSizes = map[string]string{
	"gig": "Gi", "gigs": "Gi", "gigabyte": "Gi", "gigabytes": "Gi", "gibibytes": "Gi", "meg": "Mi", "megs": "Mi", "megabyte": "Mi", "megabytes": "Mi",
	"terabyte": "Ti", "terabytes": "Ti", "millicores": "m", "millicore": "m", "millicpu": "m", "millis": "m",
}

// partsOfTime are spans that end now: "since this morning", "this week".
var partsOfTime = map[string]time.Duration{"morning": 12 * time.Hour, "afternoon": 6 * time.Hour, "evening": 6 * time.Hour, "week": 7 * 24 * time.Hour, "hour": time.Hour}

// joinSpans joins spans of several words: "10 minutes", "half an hour", "last hour", "2 gb".
func joinSpans(in []token) []token {
	var out []token
	for i := 0; i < len(in); i++ {
		t := in[i]
		next := func(k int) string {
			if i+k < len(in) && !in[i+k-1].brk {
				return in[i+k].text
			}
			return ""
		}
		span := func(n int, d time.Duration) {
			for k := 1; k < n; k++ {
				t.raw += " " + in[i+k].raw
				t.brk = in[i+k].brk
			}
			t.text, t.lit, t.dur, t.num = strings.ToLower(t.raw), litDuration, d, 0
			i += n - 1
		}
		switch {
		case t.lit == litNumber && unitWords[next(1)] > 0:
			span(2, time.Duration(t.num)*unitWords[next(1)])
		case t.text == "half" && unitWords[next(1)] > 0:
			span(2, unitWords[next(1)]/2)
		case t.text == "half" && (next(1) == "an" || next(1) == "a") && unitWords[next(2)] > 0:
			span(3, unitWords[next(2)]/2)
		case (t.text == "an" || t.text == "a" || t.text == "one") && unitWords[next(1)] > 0 && next(1) != "second" && next(1) != "min":
			span(2, unitWords[next(1)])
		case (t.text == "last" || t.text == "past") && (next(1) == "hour" || next(1) == "day" || next(1) == "minute" || next(1) == "week"):
			span(2, unitWords[next(1)])
		case t.text == "yesterday":
			span(1, 24*time.Hour)
		case t.text == "this" && partsOfTime[next(1)] > 0:
			span(2, partsOfTime[next(1)])
		case t.lit == litNumber && (next(1) == "percent" || next(1) == "pct" || next(1) == "%"):
			t.raw += "%"
			t.text, t.lit, t.brk = t.raw, litPercent, in[i+1].brk
			i++
		case t.lit == litNumber && spokenSizes[next(1)] != "":
			t.raw += spokenSizes[next(1)]
			t.text, t.lit = strings.ToLower(t.raw), litQuantity
			t.brk = in[i+1].brk
			i++
		case t.lit == litNumber && (next(1) == "gb" || next(1) == "mb" || next(1) == "gi" || next(1) == "mi" || next(1) == "gib" || next(1) == "mib"):
			t.raw += next(1)
			t.text, t.lit = strings.ToLower(t.raw), litQuantity
			i++
		}
		out = append(out, t)
	}
	return out
}
