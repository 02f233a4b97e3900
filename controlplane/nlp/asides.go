package nlp

import (
	"regexp"
	"slices"
	"strings"
)

var (
	reasonWords   = wordSet("because cuz coz bcuz bcs cause bc")
	reasonLeads   = wordSet("since as so") // with somebody after it: "since we", "as my boss", "so that I"
	reasonPersons = wordSet("i we they he she it you my our the their that this someone somebody people customers users everyone nobody im there")
)

// withoutReasons drops why somebody asks ("because the client is complaining") up to the end of the sentence part: a reason
// changes nothing about what is asked, and its words must not be taken for it. It returns the rest and what was dropped.
func withoutReasons(toks []token) (rest []token, reasons []string) {
	for i := 0; i < len(toks); i++ {
		if !startsReason(toks, i) {
			rest = append(rest, toks[i])
			continue
		}
		end := i
		for end < len(toks)-1 && !toks[end].brk {
			end++
		}
		var words []string
		for _, t := range toks[i : end+1] {
			words = append(words, t.raw)
		}
		reasons = append(reasons, strings.Join(words, " "))
		if len(rest) > 0 {
			rest[len(rest)-1].brk = true
		}
		i = end
	}
	if len(rest) == 0 {
		return toks, nil
	}
	return rest, reasons
}

var preambleEnd = regexp.MustCompile(`(?i)[,.:!-]?\s+(?:so|therefore|hence|thus)\s+(?:please\s+|now\s+|let'?s\s+|can you\s+|could you\s+|we (?:should|must|need to)\s+)?|[,.!:]\s+(?:please\s+|can you\s+|could you\s+)?| - `)

// withoutPreamble cuts off what is said before a request to explain it: "we expect traffic, so please scale web to 5". What
// is cut off asks for nothing itself, and neither denies nor conditions what follows. It is "" where there is no such thing.
func withoutPreamble(v *Vocabulary, said string) string {
	bare := unquoted(said)
	if len(bare) != len(said) {
		return "" // quotes hold characters of several bytes: positions would not agree
	}
	for _, at := range preambleEnd.FindAllStringIndex(bare, -1) {
		lead, rest := said[:at[0]], said[at[1]:]
		if !startsCommand(rest) || len(strings.Fields(lead)) == 0 {
			continue
		}
		toks := lex(lead)
		if _, asks := commandAt(toks); asks || slices.ContainsFunc(toks, func(t token) bool { return conditions[t.text] || denials[t.text] || offTopic[t.text] }) {
			return ""
		}
		named := slices.ContainsFunc(toks, func(t token) bool { return v.objects.has(t.text) || len(v.words[t.text]) > 0 })
		if named && slices.ContainsFunc(lex(rest), func(t token) bool { return pronouns[t.text] || t.text == "all" }) {
			return "" // "checkout is stuck, restart it" is about checkout
		}
		return rest
	}
	return ""
}

// withoutChat drops the parts of a text that say nothing: "ok then the same for the nodes" is one request.
func withoutChat(parts []string) []string {
	if len(parts) < 2 {
		return parts
	}
	said := slices.DeleteFunc(slices.Clone(parts), func(part string) bool {
		return !slices.ContainsFunc(lex(part), func(t token) bool { return t.lit != litNone || !stopWords[t.text] && !plainWords[t.text] })
	})
	if len(said) == 0 {
		return parts
	}
	return said
}

var iMean = regexp.MustCompile(`(?i)[.,;!?-]\s+(?:i mean|meaning|that is|i\.e\.|in other words)[,:]?\s+`)

// afterIMean is what somebody says again in other words, or "": "what kinds of storage can one order? I mean the storage classes".
func afterIMean(said string) string {
	if at := iMean.FindStringIndex(said); at != nil && len(unquoted(said)) == len(said) {
		return said[at[1]:]
	}
	return ""
}

var wishes = wordSet("think need want guess would wonder suppose just want'd must")

var pronouns = wordSet("it its them they their that this those these one ones there")

var denials = wordSet("not never no dont without avoid only after before then until")

func startsReason(toks []token, i int) bool {
	t := toks[i]
	if t.quoted || i+1 >= len(toks) || t.brk {
		return false
	}
	if reasonWords[t.text] {
		return t.text != "cause" || reasonPersons[toks[i+1].text]
	}
	if !reasonLeads[t.text] || !reasonPersons[toks[i+1].text] || i == 0 && t.text != "since" {
		return false
	}
	if t.text == "so" && i+2 < len(toks) && toks[i+1].text == "i" && wishes[toks[i+2].text] {
		return false // "ok so I need the volumes"
	}
	if t.text == "as" { // "as the yaml" is a form, "as we need it" a reason
		return toks[i+1].text == "i" || toks[i+1].text == "we" || toks[i+1].text == "they" || toks[i+1].text == "my" || toks[i+1].text == "our"
	}
	if t.text == "since" { // "since the restart" is a time
		return toks[i+1].text != "the" && toks[i+1].text != "that" && toks[i+1].text != "this"
	}
	return true
}
