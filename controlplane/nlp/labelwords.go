package nlp

import (
	"slices"
	"strings"
)

var (
	labelNouns  = wordSet("label labels labelled labeled tag tags tagged labeld flagged")
	labelLinks  = wordSet("is are equals equal = == set to being as with value has have") // between a key and its value
	labelLeads  = wordSet("where whose with having by that matching carrying")
	labelNots   = wordSet("without not no never lacking lacks miss misses missing except excluding lack skip skipping ignore ignoring omit omitting exclude minus besides bar barring other apart")
	labelAround = wordSet("got get gets at all yet ever receive received the a an any called named key keys that have has do does with which are is do label labels labelled labeled tagged tag flagged as any having carrying carry hold holds holding bear bearing bears wear wearing than from those these ones everything all anything for of carries")
	labelOuts   = wordSet("out aside excluded omitted skipped ignored") // after "leave", or after the labels
	labelLists  = wordSet("either one any of both")
	labelOwns   = wordSet("carrying carry carries having has have with bear bears bearing hold holds holding wear wears wearing sporting got receive received") // before "a gpu label"
	labelFields = wordSet("name names namespace status phase age image images node nodes ip ports port kind type restarts restart")
)

// selector is every label selector that is said, as k=v or in words.
func (r *reading) selector() string {
	r.notLabels()
	said := r.labelSelector()
	for _, more := range []string{r.labelWords(), r.placeLabels()} {
		if more != "" && !strings.Contains(","+said+",", ","+more+",") { // "the orders team (team=orders)"
			said = joinComma(said, more)
		}
	}
	return said
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
		lead := i - 1
		article := r.toks[lead].text == "a" || r.toks[lead].text == "an" || r.toks[lead].text == "any" || r.toks[lead].text == "no"
		if article && lead > 0 {
			lead--
		}
		return r.labelPair(i, i, i, i+2, article && labelOwns[r.toks[lead].text]) // "having a gpu label"
	}
	if p, ok := r.labelKnown(i); ok {
		return p, true
	}
	lead := i - 1
	for lead > 0 && articles[r.toks[lead].text] {
		lead--
	}
	links := i+1 < len(r.toks) && (r.toks[i+1].text == "is" || r.toks[i+1].text == "are" || r.toks[i+1].text == "equals") && i > 2
	if (labelLeads[r.toks[lead].text] || links && (r.toks[lead].text == "but" || r.toks[lead].text == "and" || r.toks[lead].text == "while")) && r.labelKey(t.text) {
		return r.labelPair(lead, i, i, i+1, false)
	}
	return "", false
}

// thingKeys are labels whose values are the names of things, which people mean when they say them.
var thingKeys = wordSet("app name component instance part-of k8s-app run job-name service")

// labelKnown reads a key of labels here beside one of its values: "of team orders or team billing", "the orders team", "in zone
// eu-west-1a" where the key ends in /zone.
func (r *reading) labelKnown(i int) (string, bool) {
	if i == 0 || thingKeys[r.toks[i].text] || r.objectNamed(i) || !r.saysKindBeside(i) {
		return "", false
	}
	key := r.keyNamed(r.toks[i].text)
	if key == "" {
		return "", false
	}
	if r.toks[i-1].text == "availability" || r.toks[i-1].text == "failure" {
		r.useTok(i - 1)
	}
	if i+1 < len(r.toks) && !r.toks[i].brk {
		v := r.skip(i+1, labelLists)
		if v < len(r.toks) && r.labelValue(key, r.toks[v].text) {
			return r.labelPair(i, i, i, i+1, false)
		}
	}
	if at := i - 1; !r.toks[at].brk && !r.used[at] && r.labelValue(key, r.toks[at].text) && !r.namespaceAt(at, 2) {
		negated, from := r.negatedBefore(at)
		values := []string{r.toks[at].raw}
		for at >= 2 && r.toks[at-1].text == "or" && r.labelValue(key, r.toks[at-2].text) { // "the orders or billing team"
			at -= 2
			values = append([]string{r.toks[at].raw}, values...)
			from = min(from, at)
		}
		for x := from; x <= i; x++ {
			r.useTok(x)
		}
		r.note(mention{i: at, j: i + 1}, "label selector")
		return labelTerm(key, values, negated), true
	}
	return "", false
}

// saysKindBeside tells whether a kind is said beside the word at i, in the plural: a list that labels can narrow.
func (r *reading) saysKindBeside(i int) bool {
	if p := r.focus.Plan; p != nil && len(p.Steps) > 0 && len(r.kinds) == 0 && p.Steps[len(p.Steps)-1].Op == OpGet && len(p.Steps[len(p.Steps)-1].Names) == 0 {
		return true
	}
	return slices.ContainsFunc(r.kinds, func(k kindMention) bool { return k.plural && (k.j <= i || k.i > i) })
}

// keyNamed is the label key that the word is, or the only one that ends in it: "zone" for topology.kubernetes.io/zone.
func (r *reading) keyNamed(w string) string {
	if len(w) < 3 || stopWords[w] {
		return ""
	}
	found, many := "", false
	r.v.objects.anyLabel(func(k, _ string) bool {
		at := len(k) - len(w)
		if at < 0 || !strings.EqualFold(k[at:], w) {
			return false
		}
		if at == 0 {
			found, many = k, false
			return true
		}
		if k[at-1] == '/' {
			many = many || found != "" && found != k && !strings.HasPrefix(found, "failure-domain.") && !strings.HasPrefix(k, "failure-domain.")
			if !strings.HasPrefix(k, "failure-domain.") {
				found = k
			}
		}
		return false
	})
	if many {
		return ""
	}
	return found
}

// placeLabels reads a value of the nodes' labels for a place where only the value is said: "which nodes are in eu-west-1b".
func (r *reading) placeLabels() string {
	if !r.saysKind("nodes") {
		return ""
	}
	for i, t := range r.toks {
		if r.used[i] || t.lit != litNone || !distinctive(t.text) || r.isKind(i) || r.objectNamed(i) || i == 0 || !inWords[r.toks[i-1].text] && r.toks[i-1].text != "zone" && r.toks[i-1].text != "region" {
			continue
		}
		for _, key := range []string{"topology.kubernetes.io/zone", "topology.kubernetes.io/region"} {
			if r.labelValue(key, t.text) {
				r.useTok(i)
				r.note(mention{i: i, j: i + 1}, "label selector")
				r.lost = slices.DeleteFunc(slices.Clone(r.lost), func(w string) bool { return w == t.raw })
				return key + "=" + t.raw
			}
		}
	}
	return ""
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
	return !r.used[i] && (t.lit == litNone || t.lit == litImage && i > 0 && (labelNouns[r.toks[i-1].text] || labelAround[r.toks[i-1].text])) && !stopWords[t.text] && !labelNouns[t.text] && !strings.ContainsAny(t.text, "=:") && !r.isKind(i) && !inWords[t.text]
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
	if full := r.keyNamed(r.toks[k].text); full != "" {
		key = full
	}
	v := after
	if !r.toks[after-1].brk {
		v = r.skip(after, labelLinks)
	}
	if v+1 < len(r.toks) && r.toks[v].text == "in" && r.labelValue(key, r.toks[v+1].text) { // "with app in checkout or payments"
		v++
	}
	linked := v > after
	negated, at := r.negatedBefore(first)
	if linked && v < len(r.toks) && labelNots[r.toks[v].text] { // "where team is not orders"
		negated = true
		v = r.skip(v+1, labelAround)
	}
	v = r.skip(v, labelLists)
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
		next := v + 1
		if next < len(r.toks) && (r.toks[next].text == "or" || r.toks[next].text == "nor") {
			next++
		} else if !t.brk || next >= len(r.toks) || !r.labelValue(key, r.toks[next].text) { // "orders, billing or web"
			break
		}
		if next+1 < len(r.toks) && strings.EqualFold(r.toks[next].text, r.toks[max(0, end-2)].text) { // "team orders or team billing"
			next++
		}
		if next >= len(r.toks) {
			break
		}
		v = next
	}
	return values, end
}

// negatedBefore tells whether "without", "not" or their like stand right before the phrase, and where it then begins.
func (r *reading) negatedBefore(i int) (bool, int) {
	for k := i - 1; k >= 0 && k >= i-4; k-- {
		switch {
		case labelNots[r.toks[k].text]:
			return true, k
		case labelOuts[r.toks[k].text] && k > 0 && (strings.HasPrefix(r.toks[k-1].text, "leav") || strings.HasPrefix(r.toks[k-1].text, "filter") || r.toks[k-1].text == "left"):
			return true, k - 1
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
		no, at := r.negatedBefore(i)
		end := i
		for k := i + 1; !no && k < len(r.toks) && k <= i+3; k++ { // "app=v2 left out"
			if no = labelOuts[r.toks[k].text]; no {
				end = k
			} else if !stopWords[r.toks[k].text] && r.toks[k].text != "left" {
				break
			}
		}
		if no {
			r.toks = slices.Clone(r.toks) // other readings of the text keep theirs
			t = &r.toks[i]
			t.raw = strings.Replace(strings.Replace(t.raw, "==", "=", 1), "=", "!=", 1)
			for k := at; k <= end; k++ {
				if k != i {
					r.useTok(k)
				}
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
