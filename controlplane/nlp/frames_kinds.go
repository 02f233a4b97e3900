package nlp

import (
	"regexp"
	"slices"
	"strings"
)

// specWords are the top fields that every object has: "explain the deployment spec".
var specWords = wordSet("spec status metadata data")

func buildExplain(r *reading) (outcome, bool) {
	if path, ok := r.fieldPath(); ok {
		r.take(cExplain, cShow, cGeneric, cAsk, cAttr, cYAML)
		for _, k := range r.freeKinds() {
			r.useKind(k)
		}
		return done(Step{Op: OpExplain, Args: Args{Path: path}})
	}
	if path, ok := r.spokenPath(); ok {
		r.take(cExplain, cShow, cGeneric, cAsk, cAttr, cYAML, cUses, cWhy)
		return done(Step{Op: OpExplain, Args: Args{Path: path}})
	}
	kinds := r.freeKinds()
	if len(kinds) != 1 || len(r.thingsNamed()) > 0 || len(r.nss) > 0 || r.has(cShow) && !r.has(cAsk) && !r.imperative(cExplain) {
		return none()
	}
	path := kinds[0].kinds[0].Plural
	before := kinds[0].i - 1
	for before >= 0 && (articles[r.toks[before].text] || r.toks[before].text == "a" || r.toks[before].text == "an" || r.toks[before].text == "of" || r.toks[before].text == "on" || r.toks[before].text == "in") {
		before--
	}
	for _, k := range []int{kinds[0].j, before} {
		if k >= 0 && k < len(r.toks) && (specWords[r.toks[k].text] || reCamel.MatchString(r.toks[k].raw)) {
			if !specWords[r.toks[k].text] {
				path += ".spec." + r.toks[k].raw
				r.useTok(k)
				break
			}
			path += "." + r.toks[k].text
			r.useTok(k)
			break
		}
	}
	r.take(cExplain, cShow, cGeneric, cAsk, cWorkload, cYAML, cAll, cAttr, cUses, cKinds)
	r.useKind(kinds[0])
	return done(Step{Op: OpExplain, Args: Args{Path: path}})
}

// buildExplainPath: a field said with its dots and its kind asks what it is, in whatever words.
func buildExplainPath(r *reading) (outcome, bool) {
	dotted := slices.ContainsFunc(r.toks, func(t token) bool {
		head, _, ok := strings.Cut(t.text, ".")
		return ok && specWords[head] && t.lit == litNone || reCamel.MatchString(t.raw) && !r.v.objects.has(t.text) && len(r.v.words[t.text]) == 0 && r.hasWord("mean", "means", "meaning", "for", "explain", "what")
	})
	if !dotted || len(r.freeKinds()) != 1 || !r.asks() || len(r.thingsNamed()) > 0 || len(r.nss) > 0 {
		return none()
	}
	return buildExplain(r)
}

// reCamel is how fields of the API are written.
var reCamel = regexp.MustCompile(`^[a-z]+[A-Z][A-Za-z]+$`)

// partFields are the fields of a spec that hold others, by the words for them; in pods, and in the templates of what makes pods.
var partFields = map[string]string{"container": "containers", "containers": "containers", "volume": "volumes", "volumes": "volumes", "template": "template", "metadata": "metadata", "status": "status", "spec": "spec"}

// spokenPath reads a field that is said in words: "the strategy field under a deployment's spec", "the resources field of a pod's
// containers". Fields of the API are one word each, and what is named first lies deepest.
func (r *reading) spokenPath() (string, bool) {
	at := slices.IndexFunc(r.toks, func(t token) bool {
		return (t.text == "field" || t.text == "property" || t.text == "attribute" || t.text == "setting") && !t.quoted
	})
	if at < 0 {
		return "", false
	}
	leaf := -1
	for _, k := range []int{at - 1, at + 1} {
		if k >= 0 && k < len(r.toks) && leaf < 0 && !stopWords[r.toks[k].text] && !r.isKind(k) && r.toks[k].lit == litNone && partFields[r.toks[k].text] == "" && !r.says1(k, cExplain) {
			leaf = k
		}
	}
	kinds := r.freeKinds()
	kinds = slices.DeleteFunc(kinds, func(k kindMention) bool { return k.j-k.i == 1 && partFields[r.toks[k.i].text] != "" })
	if leaf < 0 || len(kinds) != 1 {
		return "", false
	}
	kind, where, parts := kinds[0], "spec", []string(nil)
	for i, t := range r.toks {
		if part := partFields[t.text]; part != "" && i != leaf && !(kind.i <= i && i < kind.j) {
			switch part {
			case "status", "metadata", "spec":
				where = part
			default:
				parts = append(parts, part)
			}
			r.useTok(i)
		}
	}
	r.useTok(at)
	r.useTok(leaf)
	r.useKind(kind)
	return strings.Join(append([]string{kind.kinds[0].Plural, where}, append(parts, r.toks[leaf].raw)...), "."), true
}

// says1 tells whether the single word is one for the concept.
func (r *reading) says1(i int, c concept) bool {
	return slices.ContainsFunc(r.cues, func(q cue) bool { return q.c == c && q.i <= i && i < q.j })
}

// fieldPath reads "deployment.spec.strategy", or "spec.strategy" beside a kind.
func (r *reading) fieldPath() (string, bool) {
	for i, t := range r.toks {
		head, rest, dotted := strings.Cut(t.text, ".")
		if !dotted || rest == "" || t.lit != litNone || len(r.v.words[t.text]) > 0 {
			continue
		}
		_, path, _ := strings.Cut(t.raw, ".")
		switch kinds := r.freeKinds(); {
		case len(r.v.words[head]) > 0:
			r.useTok(i)
			return r.v.words[head][0].Plural + "." + path, true
		case specWords[head] && len(kinds) == 1:
			r.useTok(i)
			return kinds[0].kinds[0].Plural + "." + t.raw, true
		}
	}
	return "", false
}

// buildKinds: what kinds does the cluster serve; of one API group, with or without namespaces.
func buildKinds(r *reading) (outcome, bool) {
	s := Step{Op: OpAPIResources}
	group := r.groupSaid()
	if len(r.freeObjects()) > 0 || len(r.freeKinds()) > 0 && group == "" {
		return none()
	}
	r.take(cKinds, cShow, cGeneric, cAsk, cAll, cUses, cAttr, cIt, cEverywhere, cFollow)
	r.also(cExplain)
	s.Resource.Group = group
	switch no := r.hasWord("not", "non-namespaced", "cluster-scoped", "cluster-wide"); {
	case no && r.hasWord("namespaced", "non-namespaced", "cluster-scoped", "scoped"), r.hasWord("scoped") && r.hasWord("cluster"):
		s.Args.Type = "cluster"
	case r.hasWord("namespaced"):
		s.Args.Type = "namespaced"
	}
	for i, t := range r.toks {
		switch t.text {
		case "namespaced", "non-namespaced", "cluster-scoped", "scoped", "not", "group", "api", "serve", "support", "supported", "served":
			r.useTok(i)
		}
	}
	return done(s)
}

// groupSaid is the API group that stands beside the word group: "in the apps group", "api group batch".
func (r *reading) groupSaid() string {
	for i, t := range r.toks {
		if t.text != "group" && t.text != "groups" {
			continue
		}
		for _, k := range []int{i - 1, i + 1} {
			if k < 0 || k >= len(r.toks) {
				continue
			}
			if g := r.v.group(r.toks[k].text); g != "" {
				r.useTok(k)
				r.useTok(i)
				return g
			}
		}
	}
	for i, t := range r.toks { // a group's full name needs no word beside it
		if g := r.v.group(t.text); g != "" && strings.Contains(g, ".") && g == t.text {
			r.useTok(i)
			return g
		}
	}
	return ""
}

// group is the API group of that name, or the only one whose name begins with it.
func (v *Vocabulary) group(w string) string {
	var found []string
	for _, k := range v.kinds {
		switch {
		case k.Group == "":
		case k.Group == w:
			return w
		case strings.HasPrefix(k.Group, w+".") && !slices.Contains(found, k.Group):
			found = append(found, k.Group)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return ""
}

func buildVersion(r *reading) (outcome, bool) {
	if len(r.freeKinds()) > 0 || len(r.freeObjects()) > 0 {
		return none()
	}
	r.take(cVersion, cShow, cGeneric, cAsk, cImage, cRunning, cEverywhere, cCompare, cAttr, cUses)
	for i, t := range r.toks {
		if t.text == "kubectl" || t.text == "server" || t.text == "api" {
			r.useTok(i)
		}
	}
	return done(Step{Op: OpVersion})
}
