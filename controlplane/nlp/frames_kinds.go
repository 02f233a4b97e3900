package nlp

import (
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
	kinds := r.freeKinds()
	if len(kinds) != 1 || len(r.thingsNamed()) > 0 || len(r.nss) > 0 || r.has(cShow) && !r.has(cAsk) && !r.imperative(cExplain) {
		return none()
	}
	path := kinds[0].kinds[0].Plural
	for _, k := range []int{kinds[0].j, kinds[0].i - 1} {
		if k >= 0 && k < len(r.toks) && specWords[r.toks[k].text] && r.imperative(cExplain) {
			path += "." + r.toks[k].text
			r.useTok(k)
			break
		}
	}
	r.take(cExplain, cShow, cGeneric, cAsk, cWorkload, cYAML, cAll, cAttr, cUses, cKinds)
	r.useKind(kinds[0])
	return done(Step{Op: OpExplain, Args: Args{Path: path}})
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
