package nlp

import (
	"slices"
	"strings"
)

// idiom is a way of asking for a change, and the plain command that it stands for. Both are words and slots: <x> is what the
// change is of, <n> a number, <i> an image or a version, <kv> pairs, <ekv> pairs of a variable and its value, <q> a quantity, <e> a variable's name, <w> and <v> one word, <d> a span of time,
// <t> a time that comes round, <k> a kind that can be made, <new> the name of what is not there yet, <p> and <g> the past and the -ing form of a verb of changes, <.> a few words of no matter, <..> more of them.
// "a|b" is either word, a word with ? may be missing, $ is the end of the clause. What stands after the idiom stays after the command.
type idiom struct {
	from, to string
	of       string // what <x> has to be: cron, node, scale, run (a workload or a cron job), claim, service, custom (a custom resource); "" is anything named
}

const (
	maxSlot  = 8 // words that <x> may be
	maxNoise = 4 // words that <.> may be
	maxTale  = 9 // words that <..> may be
)

// pattern is an idiom, split.
type pattern struct {
	idiom
	want [][]string
	opt  []bool
	out  []string
}

var patterns []pattern

// idiomStarts are the words that idioms begin with.
var idiomStarts = wordSet("patch edit modify bind grant")

func init() { // the table is long, and split once
	for _, i := range slices.Concat(speechIdioms, idioms) {
		p := pattern{idiom: i, out: strings.Fields(i.to)}
		for _, w := range strings.Fields(i.from) {
			opt := strings.HasSuffix(w, "?")
			if strings.Contains(w, "replicas|") {
				w = strings.TrimSuffix(w, "?") + "|broker|brokers|worker|workers|node|nodes|member|members"
			}
			p.want, p.opt = append(p.want, strings.Split(strings.TrimSuffix(w, "?"), "|")), append(p.opt, opt)
		}
		patterns = append(patterns, p)
		for _, w := range p.want[0] {
			if !strings.HasPrefix(w, "<") {
				idiomStarts[w] = true
			}
		}
	}
}

// phrasing matches idioms against the words of one clause.
type phrasing struct {
	r     *reading // of these words
	toks  []token
	slots map[string][]token
}

// rephrase turns an idiom at the beginning of the words into the command it stands for.
func rephrase(r *reading, toks []token) ([]token, bool) {
	if len(r.toks) == len(toks) {
		toks = slices.Clone(r.toks) // typing errors in the names of kinds are mended there
	}
	ph := &phrasing{r: r, toks: toks}
	for _, p := range patterns {
		ph.slots = map[string][]token{}
		end, ok := ph.match(p, 0, 0)
		if !ok {
			continue
		}
		var out []token
		for _, w := range p.out {
			if span, slot := ph.slots[w]; slot {
				out = append(out, span...)
				continue
			}
			if k, v, ok := strings.Cut(w, "="); ok && len(ph.slots[k]) == 1 && len(ph.slots[v]) == 1 {
				out = append(out, plainToken(ph.slots[k][0].raw+"="+ph.slots[v][0].raw))
				continue
			}
			if strings.HasPrefix(w, "<") {
				continue // an optional slot that nothing stands in
			}
			out = append(out, plainToken(w))
		}
		for i := range out {
			out[i].brk = false
		}
		return append(out, toks[end:]...), true
	}
	return toks, false
}

func plainToken(w string) token {
	t := token{text: strings.ToLower(w), raw: w}
	classifyLiteral(&t)
	return t
}

// match matches the pattern from its word k on against the words from i on, and returns where it ends.
func (ph *phrasing) match(p pattern, k, i int) (int, bool) {
	if k == len(p.want) {
		return i, true
	}
	if end, ok := ph.matchHere(p, k, i); ok {
		return end, true
	}
	if p.opt[k] {
		return ph.match(p, k+1, i)
	}
	return 0, false
}

func (ph *phrasing) matchHere(p pattern, k, i int) (int, bool) {
	w := p.want[k][0]
	if w == "$" && (i == len(ph.toks) || i > 0 && ph.toks[i-1].brk) {
		return ph.match(p, k+1, i)
	}
	if i >= len(ph.toks) {
		return 0, false
	}
	switch {
	case w == "<x>" || w == "<.>" || w == "<..>":
		most := map[string]int{"<x>": maxSlot, "<.>": maxNoise, "<..>": maxTale}[w]
		for n := 1; n <= most && i+n <= len(ph.toks); n++ {
			if n > 1 && ph.toks[i+n-2].brk && w == "<x>" && k < len(p.want)-1 {
				break
			}
			if w == "<x>" && (dangling[ph.toks[i+n-1].text] || i == 0 && k == 0 && asksChange(ph.toks, 0) && !ph.r.objectNamed(0)) {
				continue // a verb before it is no part of a name
			}
			if last := ph.toks[i+n-1].text; w == "<x>" && n > 1 && (relatives[last] || last == "that" && ph.describes(i+n)) {
				continue // "pods that do not carry a label" says which, and not what to do with them
			}
			if w == "<x>" && !ph.isTarget(i, i+n, p.of) {
				continue
			}
			if end, ok := ph.match(p, k+1, i+n); ok {
				ph.slots[w] = slices.Clone(ph.toks[i : i+n])
				return end, true
			}
		}
		return 0, false
	case w == "<k>":
		for _, m := range ph.r.kinds {
			if m.i == i && creators[m.kinds[0].Key()] != nil {
				if end, ok := ph.match(p, k+1, m.j); ok {
					ph.slots[w] = slices.Clone(ph.toks[i:m.j])
					return end, true
				}
			}
		}
		return 0, false
	case w == "<t>":
		cron, n := ph.timeAt(i)
		if n == 0 {
			return 0, false
		}
		end, ok := ph.match(p, k+1, i+n)
		ph.slots[w] = []token{{text: cron, raw: cron, quoted: true}}
		return end, ok
	}
	if !ph.fits(w, p.want[k], i) {
		return 0, false
	}
	end, ok := ph.match(p, k+1, i+1)
	if ok && strings.HasPrefix(w, "<") {
		ph.slots[w] = []token{ph.toks[i]}
		ph.slots[w][0].env = ph.slots[w][0].env || w == "<e>"
		if w == "<p>" || w == "<g>" {
			ph.slots[w][0].text = baseForm(ph.toks[i].text)
			ph.slots[w][0].raw = ph.slots[w][0].text
		}
	}
	return end, ok
}

var relatives = wordSet("which who whose")

// describes tells whether what follows says what things have or do, and not what is to become of them.
func (ph *phrasing) describes(i int) bool {
	return i < len(ph.toks) && (statives[ph.toks[i].text] || labelOwns[ph.toks[i].text] || ph.toks[i].text == "lack" || ph.toks[i].text == "lacks" || ph.toks[i].text == "miss")
}

// baseForm is the verb that a past or -ing form is of, if the lexicon knows it.
func baseForm(w string) string {
	if base := irregularBase[w]; base != "" {
		return base
	}
	stem := strings.TrimSuffix(strings.TrimSuffix(w, "ed"), "ing")
	if stem == w || len(stem) < 2 {
		return w
	}
	for _, base := range []string{stem, stem + "e", stem[:len(stem)-1]} {
		if slices.Contains(verbForms(base), w) || strings.HasSuffix(stem, base[len(base)-1:]+base[len(base)-1:]) {
			if len(lexicon[base]) > 0 {
				return base
			}
		}
	}
	return w
}

var irregularBase = map[string]string{
	"taken": "take", "thrown": "throw", "given": "give", "bound": "bind", "undone": "undo", "sent": "send", "brought": "bring", "made": "make", "built": "build",
}

// fits tells whether the one word at i is what the pattern wants.
func (ph *phrasing) fits(w string, words []string, i int) bool {
	t := ph.toks[i]
	switch w {
	case "<n>":
		return ph.r.isNumber(i) || t.text == "one" && !t.quoted
	case "<i>":
		return t.lit == litImage || t.lit == litVersion
	case "<kv>":
		return t.lit == litKeyValue
	case "<ekv>":
		key, _, _ := strings.Cut(t.raw, "=")
		return t.lit == litKeyValue && isEnvKey(key)
	case "<q>":
		_, ok := ph.r.quantityAt(i)
		return ok && (t.lit == litQuantity || t.quantity)
	case "<e>":
		said := i > 0 && (ph.toks[i-1].text == "variable" || ph.toks[i-1].text == "var" || ph.toks[i-1].text == "env")
		return t.env || said && t.lit == litNone && len(t.raw) > 1 && isEnvKey(t.raw)
	case "<d>":
		return t.lit == litDuration
	case "<w>", "<v>":
		return t.lit == litNone && !stopWords[t.text] || t.quoted || t.lit == litVersion || t.lit == litNumber || t.lit == litDuration || t.lit == litQuantity
	case "<new>":
		return (t.lit == litNone || t.lit == litVersion) && !stopWords[t.text] && !plainWords[t.text] && !ph.r.objectNamed(i) && !ph.r.isKind(i) && !ph.r.namespaceAt(i, 1) && (!ph.r.isCue(i) || distinctive(t.text))
	case "<p>", "<g>":
		return !t.quoted && verbForm(t.text, w) && asksChange(ph.toks, i)
	}
	return !t.quoted && slices.Contains(words, t.text)
}

// irregular are past forms of verbs of changes that do not end in -ed.
var irregular = wordSet("shut put set cut taken thrown given bound undone run sent brought made built spun torn")

func verbForm(w, form string) bool {
	if form == "<g>" {
		return strings.HasSuffix(w, "ing") && len(w) > 5
	}
	return strings.HasSuffix(w, "ed") && len(w) > 4 || irregular[w]
}

// timeAt is a time that comes round again, at i: in words, or as a cron expression.
func (ph *phrasing) timeAt(i int) (string, int) {
	if t := ph.toks[i]; t.quoted && len(strings.Fields(t.raw)) == 5 {
		return t.raw, 1
	}
	return spokenCron(ph.toks[i:])
}

// targetKinds are what <x> may have to be.
var targetKinds = map[string][]string{
	"cron": {"cronjobs.batch"}, "node": {"nodes"}, "scale": scalable, "claim": {"persistentvolumeclaims"}, "service": {"services"},
	"roll": workloadKinds, "run": append([]string{"cronjobs.batch"}, workloadKinds...),
	"binding": {"rolebindings.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io"},
	"budget":  {"poddisruptionbudgets.policy"}, "hpa": {"horizontalpodautoscalers.autoscaling"},
}

// runs are kinds that "take down" stops and does not delete.
var runs = slices.Concat(workloadKinds, []string{"replicasets.apps", "cronjobs.batch", "nodes"})

// dangling are words that no name ends with.
var dangling = wordSet("to at by with from of in on for and or is be into onto over up")

var targetPronouns = wordSet("it them that this these those there one its ones")

// isTarget tells whether the words name something of the kind, or point at what the conversation is about.
func (ph *phrasing) isTarget(from, to int, of string) bool {
	keys := targetKinds[of]
	fits := func(key string) bool {
		if of == "custom" {
			return CustomKind(key)
		}
		if of == "other" {
			return !slices.Contains(runs, key)
		}
		return len(keys) == 0 || slices.Contains(keys, key)
	}
	for i := from; i < to; i++ {
		if t := ph.toks[i]; !t.quoted && (negations[t.text] || statives[t.text] && !ph.r.objectNamed(i) && t.text != "keep" || conditions[t.text]) {
			return false
		}
	}
	for _, k := range ph.r.kinds { // "the hpa frontend" is no deployment of that name
		if k.i >= from && k.j <= to && len(keys) > 0 && !loose(k.kinds[0]) && !fits(k.kinds[0].Key()) && !ph.r.objectNamed(k.i) {
			return false
		}
	}
	named := false
	for _, o := range ph.r.objs {
		if o.i < from || o.j > to {
			continue
		}
		named = true
		if slices.ContainsFunc(o.refs, func(ref *Object) bool { return fits(ref.Kind) }) {
			return true
		}
	}
	for _, k := range ph.r.kinds {
		if k.i >= from && k.j <= to && fits(k.kinds[0].Key()) && !named {
			return true
		}
	}
	for _, n := range ph.r.nss {
		if of == "" && n.i >= from && n.j <= to {
			return true
		}
	}
	f := ph.r.focus
	for i := from; i < to && !named; i++ {
		if !targetPronouns[ph.toks[i].text] {
			continue
		}
		if f.Resource.Plural != "" && fits(f.Resource.Key()) {
			return true
		}
		if _, ok := lastChanged(f, keys); ok {
			return true
		}
	}
	return false
}
