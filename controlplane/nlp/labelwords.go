package nlp

import (
	"slices"
	"strings"
)

var (
	labelNouns  = wordSet("label labels labelled labeled tag tags tagged labeld")
	labelLinks  = wordSet("is are equals equal = == set to being as with value has have") // between a key and its value
	labelLeads  = wordSet("where whose with having by that matching")
	labelNots   = wordSet("without not no lacking missing except excluding lack except")
	labelAround = wordSet("the a an any called named key keys that have has do does with which are is do label labels labelled labeled tagged tag any having carrying carry")
	labelFields = wordSet("name names namespace status phase age image images node nodes ip ports port kind type restarts restart")
)

// selector is every label selector that is said, as k=v or in words.
func (r *reading) selector() string {
	r.notLabels()
	return joinComma(r.labelSelector(), r.labelWords())
}

// labelWords finds label selectors said in words: "labelled tier backend", "whose tier label is backend", "where app is
// checkout", "without the label team". A key said without the word label must be one that objects here carry.
func (r *reading) labelWords() string {
	var parts []string
	for i := range r.toks {
		if p, ok := r.labelAt(i); ok {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ",")
}

func (r *reading) labelAt(i int) (string, bool) {
	t := r.toks[i]
	if r.used[i] || t.quoted || stopWords[t.text] && !labelNouns[t.text] {
		return "", false
	}
	if labelNouns[t.text] {
		if !r.labelNoun(i) {
			return "", false
		}
		if k := r.skip(i+1, labelAround); k < len(r.toks) && r.keyLike(k) && !r.breakBetween(i, k) {
			return r.labelPair(i, i, k, k+1, true)
		}
		return "", false
	}
	if !r.keyLike(i) || i == 0 || labelFields[t.text] {
		return "", false
	}
	if i+1 < len(r.toks) && (r.toks[i+1].text == "label" || r.toks[i+1].text == "tag") && !t.brk { // "whose tier label is backend"
		return r.labelPair(i, i, i, i+2, false)
	}
	lead := i - 1
	for lead > 0 && articles[r.toks[lead].text] {
		lead--
	}
	if labelLeads[r.toks[lead].text] && r.labelKey(t.text) {
		return r.labelPair(lead, i, i, i+1, false)
	}
	return "", false
}

// labelNoun: the word speaks of labels that things have, and is not the verb of a command nor a wish to see labels.
func (r *reading) labelNoun(i int) bool {
	if i > 0 && (r.toks[i-1].text == "what" || r.toks[i-1].text == "which" || r.toks[i-1].text == "image") {
		return false
	}
	return !(r.toks[i].text == "label" || r.toks[i].text == "tag") || i > 0 && !r.verbPlace(i)
}

func (r *reading) keyLike(i int) bool {
	t := r.toks[i]
	return !r.used[i] && t.lit == litNone && !stopWords[t.text] && !labelNouns[t.text] && !strings.ContainsAny(t.text, "=:") && !r.isKind(i) && !inWords[t.text]
}

func (r *reading) skip(i int, words map[string]bool) int {
	for i < len(r.toks) && words[r.toks[i].text] {
		i++
	}
	return i
}

func (r *reading) breakBetween(i, k int) bool {
	for ; i < k; i++ {
		if r.toks[i].brk {
			return true
		}
	}
	return false
}

// labelPair reads the value after the key at token k, from token after on; first is where the whole phrase begins.
func (r *reading) labelPair(first, from, k, after int, labelled bool) (string, bool) {
	key := r.toks[k].raw
	v := after
	if !r.toks[after-1].brk {
		v = r.skip(after, labelLinks)
	}
	linked := v > after
	negated, at := r.negatedBefore(first)
	values, end := r.labelValues(v, key, linked || labelled)
	if len(values) == 0 {
		missing := negated && r.labelKey(r.toks[k].text) // "nodes that have no disk label"
		if !labelled && !missing || r.aliasOf(r.toks[k].text) != "" || r.objectNamed(k) && !r.labelKey(r.toks[k].text) {
			return "", false
		}
		end = after
	}
	for x := at; x < end; x++ {
		r.useTok(x)
	}
	r.note(mention{i: min(at, from), j: end}, "label selector")
	return labelTerm(key, values, negated), true
}

func labelTerm(key string, values []string, negated bool) string {
	switch {
	case len(values) == 0 && negated:
		return "!" + key
	case len(values) == 0:
		return key
	case len(values) == 1 && negated:
		return key + "!=" + values[0]
	case len(values) == 1:
		return key + "=" + values[0]
	case negated:
		return key + " notin (" + strings.Join(values, ",") + ")"
	}
	return key + " in (" + strings.Join(values, ",") + ")"
}

// labelValues reads one value, or several joined by "or". Without a link word the value must be one that the key has here.
func (r *reading) labelValues(v int, key string, linked bool) (values []string, end int) {
	end = v
	for v < len(r.toks) {
		t := r.toks[v]
		ok := !r.used[v] && (t.lit == litNone && !stopWords[t.text] && !inWords[t.text] || t.lit == litVersion || t.lit == litNumber || t.quoted)
		if !ok || !linked && !r.labelValue(key, t.text) || v > 0 && r.toks[v-1].brk && len(values) == 0 {
			break
		}
		values, end = append(values, t.raw), v+1
		if v+2 >= len(r.toks) || r.toks[v+1].text != "or" {
			break
		}
		v += 2
	}
	return values, end
}

// negatedBefore tells whether "without", "not" or their like stand right before the phrase, and where it then begins.
func (r *reading) negatedBefore(i int) (bool, int) {
	for k := i - 1; k >= 0 && k >= i-4; k-- {
		switch {
		case labelNots[r.toks[k].text]:
			return true, k
		case !labelAround[r.toks[k].text]:
			return false, i
		}
	}
	return false, i
}

// notLabels turns k=v into k!=v where the text says "without" or "not".
func (r *reading) notLabels() {
	for i := range r.toks {
		t := &r.toks[i]
		if t.lit != litKeyValue || r.used[i] || strings.Contains(t.raw, "!=") || strings.Contains(t.raw, " ") {
			continue
		}
		if no, at := r.negatedBefore(i); no {
			r.toks = slices.Clone(r.toks) // other readings of the text keep theirs
			t = &r.toks[i]
			t.raw = strings.Replace(strings.Replace(t.raw, "==", "=", 1), "=", "!=", 1)
			for k := at; k < i; k++ {
				r.useTok(k)
			}
		}
	}
}

// labelKey tells whether an object here carries a label of that key.
func (r *reading) labelKey(key string) bool {
	return r.v.objects.anyLabel(func(k, _ string) bool { return strings.EqualFold(k, key) })
}

func (r *reading) labelValue(key, value string) bool {
	return r.v.objects.anyLabel(func(k, v string) bool { return strings.EqualFold(k, key) && strings.EqualFold(v, value) })
}
