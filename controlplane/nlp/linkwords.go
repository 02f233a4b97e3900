package nlp

import (
	"slices"
	"strings"
)

// maxSpoken is how many words a name with dashes may be said in.
const maxSpoken = 5

// linkSpoken finds names that were said or heard in words: "node exporter" is node-exporter, "web ui" is web-ui, and
// "check out" is checkout. It runs after single words are linked, and a longer name wins over the shorter ones in it.
func (r *reading) linkSpoken() {
	for i := 0; i < len(r.toks); i++ {
		for n := min(maxSpoken, len(r.toks)-i); n > 1; n-- {
			m := mention{i: i, j: i + n}
			if !r.speakable(m) {
				continue
			}
			name, refs, ns := r.spoken(m)
			if name == "" && ns == "" || len(refs) > 0 && r.readsShorter(m, refs) {
				continue
			}
			m.fixed, m.spoken = r.words(m), true
			r.objs = slices.DeleteFunc(r.objs, func(o objMention) bool { return m.i <= o.i && o.i < m.j })
			if len(refs) > 0 {
				r.objs = append(r.objs, objMention{m, name, refs})
			}
			if ns != "" {
				r.spokenNS = append(r.spokenNS, nsMention{m, ns, 1})
			}
			i += n - 1
			break
		}
	}
}

// speakable: plain words in a row, with no break between them.
func (r *reading) speakable(m mention) bool {
	for k := m.i; k < m.j; k++ {
		t := r.toks[k]
		if t.quoted || (t.brk || t.possess) && k < m.j-1 || t.lit != litNone && t.lit != litNumber && t.lit != litVersion || strings.ContainsAny(t.text, "/=:") {
			return false
		}
	}
	if r.isCue(m.i) && r.verbPlace(m.i) { // a verb is a verb, whatever is called "show-pods"
		return false
	}
	return !stopWords[r.toks[m.i].text] && !stopWords[r.toks[m.j-1].text]
}

func (r *reading) spoken(m mention) (name string, refs []*Object, ns string) {
	var words []string
	for k := m.i; k < m.j; k++ {
		words = append(words, r.toks[k].text)
	}
	joined := []string{strings.Join(words, "-")}
	if len(words) == 2 && len(words[0])+len(words[1]) > 5 {
		joined = append(joined, words[0]+words[1])
	}
	for _, name := range joined {
		if r.v.namespaces[name] {
			ns = name
		}
		if refs := r.v.objects.named(name); len(refs) > 0 {
			return name, refs, ns
		}
		if ns != "" {
			return name, nil, ns
		}
	}
	return "", nil, ""
}

// readsShorter tells whether the words are better read as a name and a kind or verb beside it: "checkout service" where
// there is a service checkout, "payments events" where events were asked for.
func (r *reading) readsShorter(m mention, refs []*Object) bool {
	for _, k := range r.kinds {
		if k.i < m.i || k.j > m.j || k.j-k.i > 1 {
			continue
		}
		for _, o := range r.objs {
			if m.i <= o.i && o.i < m.j && (o.j == k.i || k.j == o.i) && (len(refsOf(o, k.kinds[0].Key(), scope{})) > 0 || loose(k.kinds[0]) || k.kinds[0].Plural == "events") {
				return !slices.ContainsFunc(refs, func(ref *Object) bool { return r.saysKindOutside(m, ref.Kind) }) && m.j-m.i == 2
			}
		}
	}
	return false
}

func (r *reading) saysKindOutside(m mention, key string) bool {
	return slices.ContainsFunc(r.kinds, func(k kindMention) bool { return (k.i >= m.j || k.j <= m.i) && k.kinds[0].Key() == key })
}

// linkGroups uses the word for an API group before one of its kinds: "argo applications", "istio virtual services".
func (r *reading) linkGroups() {
	for i := range r.kinds {
		k := &r.kinds[i]
		if k.i == 0 || r.toks[k.i-1].brk || r.isCue(k.i-1) || r.objectNamed(k.i-1) || r.v.namespaces[r.toks[k.i-1].text] {
			continue
		}
		w := strings.TrimSuffix(r.toks[k.i-1].text, "-")
		for _, kind := range k.kinds {
			if len(w) >= 3 && groupSays(kind.Group, w) {
				k.i--
				k.kinds = []*Kind{kind}
				break
			}
		}
	}
}

// groupSays tells whether a word is the beginning of a part of the group's name.
func groupSays(group, w string) bool {
	if group == "" {
		return false
	}
	for _, part := range strings.Split(group, ".") {
		if len(part) > 2 && part != "io" && part != "k8s" && (strings.HasPrefix(part, w) || strings.HasPrefix(strings.ReplaceAll(part, "-", ""), w)) {
			return true
		}
	}
	return false
}

// linkClusters notes words that name a cluster: "in cluster prod-eu", "on the prod-eu cluster". Which cluster is asked is
// settled before a text is translated; here they only must not be taken for namespaces.
func (r *reading) linkClusters() {
	for i, t := range r.toks {
		if t.text != "cluster" && t.text != "clusters" {
			continue
		}
		for _, k := range []int{i - 1, i + 1} {
			if k < 0 || k >= len(r.toks) || k > i && t.brk || k < i && r.toks[k].brk {
				continue
			}
			w := r.toks[k]
			if distinctive(w.text) && w.lit == litNone && !r.v.objects.has(w.text) && r.aliasOf(w.text) == "" {
				r.cues = append(r.cues, cue{mention{i: min(i, k), j: max(i, k) + 1}, cFiller})
			}
		}
	}
	name := strings.ToLower(r.v.cfg.Cluster)
	for i, t := range r.toks {
		if name != "" && t.text == name && !r.v.objects.has(name) {
			r.cues = append(r.cues, cue{mention{i: i, j: i + 1}, cFiller})
		}
	}
}
