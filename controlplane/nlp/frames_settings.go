package nlp

import (
	"slices"
	"strings"
)

// namedOf is the one object of a kind that is named, or nil.
func (r *reading) namedOf(key string) *Object {
	for _, o := range r.freeObjects() {
		if refs := refsOf(o, key, scope{}); len(refs) > 0 && (len(refs) == len(o.refs) || r.saysKind(key)) {
			return refs[0]
		}
	}
	return nil
}

// valueTo is the last free word that stands after "to" (or "be"), and where.
func (r *reading) valueTo() (int, bool) {
	for i := len(r.toks) - 1; i > 0; i-- {
		if p := r.toks[i-1].text; (p == "to" || p == "be" || p == "=" || p == "becomes") && !r.used[i] && !r.namespaceAt(i, 2) {
			return i, true
		}
	}
	return 0, false
}

// settled is the step of a patch on the one named object of a kind.
func (r *reading) settled(key string, patch map[string]any) (outcome, bool) {
	r.take(cSet, cMake, cUp, cDown, cPatch, cGeneric, cScale, cResize)
	t, q := r.target(targetSpec{kinds: []string{key}, write: true, verb: "change"})
	if q != nil {
		return asks(q)
	}
	r.take(cIt)
	s := step(OpPatch, t)
	s.Args.Patch = jsonOf(patch)
	return done(s)
}

// buildData sets a key of a ConfigMap: "flip dark-mode to true in the configmap feature-flags".
func buildData(r *reading) (outcome, bool) {
	key := "configmaps"
	if r.namedOf(key) == nil || r.asksSomething() || r.imperative(cCreate, cDelete, cLabel, cAnnotate) && !r.imperative(cSet) {
		return none()
	}
	data := map[string]string{}
	for i, t := range r.toks {
		if t.lit == litKeyValue && !r.used[i] {
			k, v, _ := strings.Cut(t.raw, "=")
			data[k] = v
			r.useTok(i)
		}
	}
	if v, ok := r.valueTo(); ok && len(data) == 0 && v > 1 {
		k := v - 2
		if r.toks[k].lit != litNone && r.toks[k].lit != litVersion || stopWords[r.toks[k].text] || r.objectNamed(k) && !r.toks[k].quoted || r.isKind(k) {
			return none()
		}
		data[r.toks[k].raw] = r.toks[v].raw
		r.use(mention{i: k, j: v + 1})
	}
	if len(data) == 0 || r.has(cLabel, cAnnotate) {
		return none()
	}
	r.useWords("flip", "key", "entry", "value", "data", "field")
	return r.settled(key, map[string]any{"data": data})
}

// buildQuota changes what a ResourceQuota allows: "raise the pods of team-quota to 30".
func buildQuota(r *reading) (outcome, bool) {
	key := "resourcequotas"
	o := r.namedOf(key)
	v, ok := r.valueTo()
	if o == nil || !ok || r.asksSomething() || r.has(cLabel, cAnnotate) {
		return none()
	}
	amount, ok := r.quantityAt(v)
	if !ok {
		return none()
	}
	what := ""
	for _, k := range r.freeKinds() {
		if k.kinds[0].Key() != key && k.kinds[0].Plural != "limitranges" {
			what = k.kinds[0].Plural
			r.useKind(k)
			break
		}
	}
	for c, name := range map[concept]string{cCPU: "cpu", cMemory: "memory"} {
		if r.has(c) {
			what = name
			if r.has(cRequest) {
				what = "requests." + name
			} else if r.has(cLimit) {
				what = "limits." + name
			}
		}
	}
	if what == "" {
		return none()
	}
	r.useTok(v)
	for i, t := range r.toks { // "from 20 to 30"
		if i > 0 && r.toks[i-1].text == "from" && t.lit == litNumber {
			r.useTok(i)
		}
	}
	r.take(cCPU, cMemory, cRequest, cLimit, cMax)
	r.useWords("pass", "must", "should", "hard", "quota")
	return r.settled(key, map[string]any{"spec": map[string]any{"hard": map[string]string{what: amount}}})
}

// buildReclaim sets what becomes of a volume that nothing claims any more.
func buildReclaim(r *reading) (outcome, bool) {
	key := "persistentvolumes"
	policy := ""
	for i, t := range r.toks {
		if p := map[string]string{"retain": "Retain", "delete": "Delete", "recycle": "Recycle", "retained": "Retain", "kept": "Retain"}[t.text]; p != "" && i > 0 {
			policy = p
			r.useTok(i)
		}
	}
	if policy == "" || r.namedOf(key) == nil || !r.hasWord("reclaim", "reclaimed", "persistentvolumereclaimpolicy") || r.asksSomething() {
		return none()
	}
	r.useWords("reclaim", "policy", "persistentvolumereclaimpolicy", "its")
	r.also(cAttr)
	return r.settled(key, map[string]any{"spec": map[string]any{"persistentVolumeReclaimPolicy": policy}})
}

const defaultClass = "storageclass.kubernetes.io/is-default-class"

// buildDefaultClass makes a storage class the one that claims get which name none, or no longer.
func buildDefaultClass(r *reading) (outcome, bool) {
	key := "storageclasses.storage.k8s.io"
	if r.namedOf(key) == nil || !r.hasWord("default") || r.asksSomething() || !r.imperative(cMake, cSet, cGeneric) && !r.hasWord("should", "must", "shall", "becomes", "longer") {
		return none()
	}
	on := "true"
	if r.hasWord("not", "longer", "non-default", "stop") {
		on = "false"
	}
	r.useWords("default", "not", "no", "longer", "must", "should", "shall", "be", "becomes", "become", "any", "more", "stop")
	r.take(cMake, cSet, cGeneric, cNot, cFiller, cMore)
	t, q := r.target(targetSpec{kinds: []string{key}, write: true, verb: "change"})
	if q != nil {
		return asks(q)
	}
	r.take(cIt)
	s := step(OpAnnotate, t)
	s.Args.Set, s.Args.Overwrite = map[string]string{defaultClass: on}, true
	return done(s)
}

// fieldNouns are words for what of a thing people change, or bring in: with one of them a verb of changes is a request,
// whatever else it leaves out.
var fieldNouns = wordSet(`hotfix fix release build version image tag rollout deployment config configuration configs manifest chart replicas replica instances copies env variable variables environment label
labels annotation annotations taint taints limit limits request requests memory cpu resources schedule cron port ports selector scale autoscaler namespace quota role binding certificate secret size storage volume`)

var (
	changeNouns = wordSet("removal deletion restart rollback rollout suspension drain draining upgrade scaling")
	proceeding  = wordSet("proceed perform initiate execute carry go start do arrange begin make trigger")
)

// missing asks for what a request leaves out, where it is one about this cluster: "patch the ingress", "deploy the hotfix".
func (rq *request) missing() *question {
	for _, p := range rq.parts {
		if len(p.toks) > 1 && holdsWord(p.toks, changeNouns) && proceeding[p.toks[0].text] {
			return &question{text: "Of what? Name the object that you mean."}
		}
		if p.role != roleRequest || len(p.toks) < 2 || !slices.ContainsFunc(lexicon[p.toks[0].text], func(f phrase) bool {
			return slices.Contains(changeCues, f.c) || f.c == cPatch || f.c == cEdit || f.c == cBind || f.c == cReplace
		}) || askWords[p.toks[0].text] || onlyShows(p.toks[0].text) && !asksChange(p.toks, 0) {
			continue
		}
		r := rq.reading(p.toks)
		if r.aboutSomethingElse() || slices.ContainsFunc(p.toks, func(t token) bool { return hardware[t.text] }) {
			continue
		}
		noun := slices.ContainsFunc(p.toks[1:], func(t token) bool { return fieldNouns[t.text] })
		if len(r.thingsNamed())+len(r.kinds) == 0 && !noun {
			continue
		}
		switch named := r.thingsNamed(); {
		case len(named) > 0:
			return &question{text: "What exactly should be changed about " + named[0].name + "? Say which part of it, and to what, such as \"set LOG_LEVEL to debug\" or \"the memory limit to 1Gi\"."}
		case len(r.kinds) > 0:
			return &question{text: "Which " + strings.ToLower(r.kinds[0].kinds[0].Kind) + " do you mean, and what should become of it?"}
		}
		return &question{text: "Of which deployment or other object, and what should it become? Name it, and the value it should have."}
	}
	return nil
}

// hardware are things that no command puts into a cluster.
var hardware = wordSet("physical hardware module modules server servers laptop computer machine machines disk disks rack supplier invoice licence license dimm chip gpu gpus card cards room meeting ticket email mail letter")
