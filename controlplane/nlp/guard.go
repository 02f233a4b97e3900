package nlp

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// MaxUtterance is the longest thing that is read, in characters.
const MaxUtterance = 2000

var (
	shellSyntax = regexp.MustCompile("\\$\\(|\\$\\{|`|\\|\\||&&|\\||>>|<<|&")
	comparison  = regexp.MustCompile(`(?:^|\s)[<>]=?\s*\d`)
	arrow       = regexp.MustCompile(` +[-=]+> +| *[\x{2192}\x{21d2}] *`) // no shell has these
	arrowAsk    = regexp.MustCompile(`(?i) *(?:[-=]+>|\x{2192}|\x{21d2}) *(how|what|which|where|who|why|when|is|are|does|do|show|list|logs?|status|describe|events?|delete|restart|scale|get|any|ready)\b`)
	curly       = strings.NewReplacer("\u2019", "'", "\u2018", "'", "\u201c", `"`, "\u201d", `"`, "\u2013", "-", "\u2014", " - ", "\u00a0", " ")
)

// clean normalises what was typed: NFC, no control, zero-width or direction-changing characters, straight quotes, one line.
func clean(s string) string {
	s = arrowAsk.ReplaceAllString(s, ": $1")
	s = arrow.ReplaceAllString(curly.Replace(norm.NFC.String(s)), " to ")
	s = strings.TrimSpace(placeholders.Replace(s))
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\t' || c == '\r':
			return ' '
		case c == '\n':
			return '\n'
		case unicode.IsControl(c), unicode.Is(unicode.Cf, c), unicode.Is(unicode.Co, c), unicode.Is(unicode.So, c), unicode.Is(unicode.Sk, c), c == unicode.ReplacementChar:
			return -1
		}
		return c
	}, s)
}

// guard says why a text is not read at all, or "".
func guard(s string) string {
	if strings.TrimSpace(s) == "" {
		return "There is nothing to read. " + help
	}
	if len([]rune(s)) > MaxUtterance {
		return "That is longer than I read at once (2000 characters). Say it in one or two sentences."
	}
	bare := unquoted(s)
	if strings.ContainsRune(bare, '\n') {
		return "I read one line at a time. Say it in one sentence, or send the lines one by one."
	}
	if why := unsafe(s); why != "" {
		return why
	}
	rest := comparison.ReplaceAllString(bare, " ")
	if m := shellSyntax.FindString(rest); m != "" || strings.ContainsAny(rest, "<>") {
		return noShell
	}
	for _, part := range strings.Split(rest, ";")[1:] {
		if first := strings.Fields(part); len(first) > 0 && !startsClause(strings.ToLower(first[0])) && !plainlySaid(first) {
			return noShell
		}
	}
	return ""
}

// startsClause tells whether a word after a semicolon goes on in plain words: shells have programs of some verbs' names.
func startsClause(w string) bool {
	if clauseStart[w] {
		return true
	}
	if shellPrograms[w] {
		return false
	}
	return slices.ContainsFunc(lexicon[w], func(p phrase) bool { return slices.Contains(changeCues, p.c) || p.c == cShow || p.c == cDescribe })
}

// plainlySaid tells whether what follows a semicolon is a sentence: at least three words, none of them a program, a path or a flag.
func plainlySaid(words []string) bool {
	if len(words) < 3 {
		return false
	}
	for i, w := range words {
		low := strings.ToLower(strings.Trim(w, ",.!?"))
		if strings.HasPrefix(w, "-") || strings.ContainsAny(w, "/\\$*") && !strings.ContainsAny(w, "=") || i == 0 && (shellPrograms[low] || !english(low)) {
			return false
		}
	}
	return true
}

var shellPrograms = wordSet("rm kill ls cp cat sh bash exec echo curl wget nc dd del cut top reboot shutdown halt env set export mount run eval source sort tail head find python perl ruby node nmap make git docker sudo su ssh scp touch chmod chown dig ping host trap read time test true false exit cd who w id ps more less service update date cal watch")

const noShell = "That has shell syntax in it. There is no shell here: I read plain words or one kubectl command, without pipes, redirections or substitutions."

var clauseStart = map[string]bool{"then": true, "and": true, "also": true, "after": true, "next": true, "finally": true, "show": true, "list": true,
	"afterwards": true, "please": true, "but": true, "it": true, "we": true, "i": true, "the": true, "this": true, "they": true, "so": true, "our": true, "there": true}

// unquoted blanks quoted spans, in which shell characters mean nothing.
func unquoted(s string) string {
	var b strings.Builder
	var quote rune
	prev := ' '
	for _, c := range s {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
			b.WriteByte(' ')
		case (c == '\'' || c == '"') && (prev == ' ' || prev == '=' || prev == ':' || prev == '('):
			quote = c
			b.WriteByte(' ')
		default:
			b.WriteRune(c)
		}
		prev = c
	}
	if quote != 0 { // an open quote hides nothing
		return s
	}
	return b.String()
}
