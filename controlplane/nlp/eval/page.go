package eval

import (
	_ "embed"
	"io"
	"strings"
	"text/template"
)

//go:embed page.tmpl
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"percent": percent, "refused": refused, "says": says, "tags": func(g []Group) []Group { return atLeast(g, 20) },
}).Parse(pageText))

// WritePage writes the page that people read about the translator.
func (r Report) WritePage(w io.Writer) error { return page.Execute(w, r) }

// says is what a mistake's answer is called in a sentence.
func says(m Mistake) string {
	switch {
	case m.Got == "clarify":
		return "asks back"
	case m.Got == "refuse":
		return "refuses"
	case m.Got == m.Want:
		return "another " + strings.TrimSpace(m.Got)
	}
	return m.Got
}

// atLeast leaves out the groups that are too small to say anything.
func atLeast(groups []Group, rows int) []Group {
	var out []Group
	for _, g := range groups {
		if g.Rows >= rows {
			out = append(out, g)
		}
	}
	return out
}

// Frequent are the mistakes that were made more than once, at most fifteen of them.
func (r Report) Frequent() []Mistake {
	var out []Mistake
	for _, m := range r.Confusion {
		if m.Times > 1 && len(out) < 15 {
			out = append(out, m)
		}
	}
	return out
}

// About says what a cluster is.
func (Report) About(cluster string) string {
	return map[string]string{
		"almhof":   "a grocer; names in German, Spanish and transliterated Russian",
		"colossus": "sixty teams, hundreds of near-namesakes",
		"fable":    "a small shop in one namespace",
		"helix":    "a data and model platform; most things are custom resources",
		"kestrel":  "a travel company with production and staging of the same services",
		"pulse":    "telephony, edge and a game; names that look like kinds, verbs and numbers",
		"saudade":  "a retailer; names in Portuguese, and guests under their own long names",
	}[cluster]
}
