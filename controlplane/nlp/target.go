package nlp

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// targetSpec says what a frame acts on.
type targetSpec struct {
	kinds   []string // kind keys it takes, preferred first; empty: any
	write   bool     // a change: names are never mended silently, the kind never guessed
	list    bool     // a kind without a name will do
	askKind bool     // a name that several kinds have is asked about
	place   bool     // without a name, the namespace that is named will do
	focus   bool     // without a name, what the conversation is about will do even with no pronoun
	loose   bool     // "the deployment" may be a list: several are shown and not asked about
	verb    string   // for questions: "restart"
}

// target is what a frame acts on.
type target struct {
	kind   *Kind
	also   []*Kind
	where  scope
	names  []string
	objs   []*Object // as many as names when they are known
	labels string
	field  string
	owner  *Object // whose pods these are
}

// scope is where: ns or all; said tells whether the text says so.
type scope struct {
	ns   string
	all  bool
	said bool
	typo string // how the namespace was typed, when that was a typing error
}

// question is what has to be asked before there is a plan, or (refuse) why there will be none.
type question struct {
	text       string
	candidates []*Object
	choices    []Choice
	refuse     bool
	lost       bool      // it is refused because it was not understood
	respell    [2]string // a typing error and what it may mean: the same words with that are the one choice
	spread     bool      // several things are named that are not in one namespace
	open       bool      // the question is of the target's name, and any object of a kind would answer it
}

var workloadKinds = []string{"deployments.apps", "statefulsets.apps", "daemonsets.apps"}
var logKinds = []string{"deployments.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch", "cronjobs.batch", "pods", "replicasets.apps"}
var anyKinds = []string{
	"deployments.apps", "statefulsets.apps", "daemonsets.apps", "cronjobs.batch", "jobs.batch", "pods", "services", "nodes",
	"ingresses.networking.k8s.io", "configmaps", "persistentvolumeclaims", "horizontalpodautoscalers.autoscaling", "secrets",
}

func isWorkload(key string) bool {
	return slices.Contains(workloadKinds, key) || key == "replicasets.apps" || key == "jobs.batch" || key == "replicationcontrollers"
}

// scope reads where the text says it happens, and uses those words. needObject keeps a bare word that is also an
// object's name for the object, if no other object is named.
func (r *reading) scope(needObject bool) scope {
	best := -1
	for i, n := range r.nss {
		if !r.free(n.mention) {
			continue
		}
		if n.strength < 2 && needObject && r.objectAt(n.i) && !r.objectBesides(n.i) {
			continue
		}
		if best < 0 || n.strength > r.nss[best].strength {
			best = i
		}
	}
	if best >= 0 && r.nss[best].strength < 2 && r.has(cEverywhere) && r.firstCue(cEverywhere) > r.nss[best].j {
		best = -1 // "what the orders team owns, whole cluster"
	}
	if best >= 0 {
		n := r.nss[best]
		if !r.inPlace(n.i) {
			r.use(n.mention)
		}
		r.note(n.mention, "namespace "+n.ns)
		if n.fixed != "" && n.fixed != n.ns {
			r.notes = append(r.notes, fmt.Sprintf("I read %q as the namespace %s.", n.fixed, n.ns))
		}
		r.take(cNS)
		where := scope{ns: n.ns, said: true}
		if n.typo {
			where.typo = n.fixed
		}
		return where
	}
	if r.take(cEverywhere) {
		return scope{all: true, said: true}
	}
	return scope{}
}

func (r *reading) objectAt(i int) bool {
	for _, o := range r.objs {
		if o.i == i && r.free(o.mention) {
			return true
		}
	}
	return false
}

// inPlace tells whether one word names a thing and its namespace: "orders/webapp".
func (r *reading) inPlace(i int) bool {
	return strings.Contains(r.toks[i].text, "/") && r.objectAt(i)
}

func (r *reading) objectBesides(i int) bool {
	for _, o := range r.objs {
		if o.i != i && r.free(o.mention) && !r.namespaceAt(o.i, 2) {
			return true
		}
	}
	return false
}

func (r *reading) namespaceAt(i, strength int) bool {
	for _, n := range r.nss {
		if n.i <= i && i < n.j && n.strength >= strength {
			return true
		}
	}
	return false
}

func (r *reading) freeKinds() []kindMention {
	var out []kindMention
	for _, k := range r.kinds {
		if r.free(k.mention) {
			out = append(out, k)
		}
	}
	return out
}

func (r *reading) freeObjects() []objMention {
	var out []objMention
	for _, o := range r.objs {
		if r.free(o.mention) {
			out = append(out, o)
		}
	}
	return out
}

// target finds what to act on. What is changed has a name, unless the frame takes a list.
func (r *reading) target(spec targetSpec) (target, *question) {
	t, q := r.findTarget(spec)
	if q == nil && spec.write && !spec.list && len(t.names) == 0 {
		var kinds []kindMention
		if t.kind != nil {
			kinds = []kindMention{{kinds: []*Kind{t.kind}}}
		}
		return target{}, r.askWhich(spec, kinds, t.where)
	}
	return t, q
}

func (r *reading) findTarget(spec targetSpec) (target, *question) {
	kinds := r.freeKinds()
	r.dropKindsUnderNames(&kinds)
	needObject := len(kinds) == 0 || !spec.list || r.namedOfKind(kinds)
	var where scope
	if len(kinds) == 0 || kinds[0].kinds[0].Plural != "namespaces" || !r.namedOfKind(kinds[:1]) {
		where = r.scope(needObject)
	}
	if spec.write && where.typo != "" && r.forced == nil {
		return target{}, &question{text: fmt.Sprintf("There is no namespace %q. Did you mean %s?", where.typo, where.ns), respell: [2]string{where.typo, where.ns}}
	}
	if spec.write && len(r.lost) > 0 && !where.said {
		return target{}, r.noNamespace(r.lost[0])
	}
	objs := r.freeObjects()
	for i := len(objs) - 1; i >= 0; i-- { // a word taken as namespace elsewhere in the text stays that
		if r.namespaceAt(objs[i].i, 2) && !r.inPlace(objs[i].i) {
			objs = slices.Delete(objs, i, i+1)
		}
	}
	if spec.write && where.all && len(objs) == 0 && r.forced == nil {
		return target{}, &question{text: "I change nothing in all namespaces at once. Name one namespace.", refuse: true}
	}
	if spec.place && len(objs) == 0 && len(kinds) == 0 && where.said && !where.all && r.forced == nil && !r.has(cAll) {
		if ns := r.v.find("namespaces", "", where.ns); ns != nil {
			return r.one(r.v.kinds["namespaces"], ns), nil
		}
	}
	if spec.list && !spec.write && r.forced == nil {
		kinds = r.volumes(kinds, objs)
		kinds, objs = r.relate(kinds, objs, where)
		if t, ok := r.companions(kinds, objs, where); ok {
			return t, nil
		}
	}
	if len(objs) == 0 && r.forced == nil {
		return r.withoutName(spec, kinds, where)
	}
	if spec.write && len(objs) > 1 && r.forced == nil && r.orBetween(objs) {
		return target{}, &question{text: fmt.Sprintf("Which one should I %s?", cmp.Or(spec.verb, "take")), candidates: slices.Concat(objs[0].refs, objs[1].refs)}
	}
	return r.withName(spec, kinds, objs, where)
}

// dropKindsUnderNames forgets a kind word that is the name itself ("service" of a pod called service).
func (r *reading) dropKindsUnderNames(kinds *[]kindMention) {
	if len(*kinds) < 2 {
		return
	}
	var keep []kindMention
	for _, k := range *kinds {
		if k.j-k.i == 1 && r.objectAt(k.i) && !strings.Contains(r.toks[k.i].text, "/") {
			continue
		}
		keep = append(keep, k)
	}
	if len(keep) > 0 {
		*kinds = keep
	}
}

// namedOfKind tells whether a named object is of a named kind.
func (r *reading) namedOfKind(kinds []kindMention) bool {
	for _, o := range r.freeObjects() {
		for _, ref := range o.refs {
			for _, k := range kinds {
				if ref.Kind == k.kinds[0].Key() {
					return true
				}
			}
		}
	}
	return false
}

// withoutName: a list, or the object of the conversation, or a question.
func (r *reading) withoutName(spec targetSpec, kinds []kindMention, where scope) (target, *question) {
	if i, name := r.row(); name != "" {
		r.useTok(i)
		r.take(cIt)
		f := r.focus
		f.Names = []string{name}
		return r.fromFocus(f, spec, kinds, where)
	}
	if f, ok := r.changedFocus(spec); ok && r.has(cIt) && (len(kinds) == 0 || loose(kinds[0].kinds[0])) && !where.said {
		r.take(cIt)
		return r.fromFocus(f, spec, kinds, where)
	}
	if t, q, ok := r.fromListed(spec); ok {
		return t, q
	}
	elsewhere := where.said && where.ns != r.focus.Namespace || r.hasWord("ones") && len(kinds) == 0 && where.said
	if len(r.focus.Names) == 0 && len(r.focus.Rows) == 1 && r.has(cIt) && r.focus.Resource.Plural != "" && !elsewhere { // "it" is the only one listed
		r.take(cIt)
		f := r.focus
		f.Names = f.Rows
		return r.fromFocus(f, spec, kinds, where)
	}
	if len(r.focus.Names) > 1 && r.hasWord("it", "its") && !r.has(cAll) { // one is meant, and which is not said
		return target{where: where}, r.askWhich(spec, kinds, where)
	}
	there := spec.write && len(r.focus.Names) == 1 && len(kinds) == 0 && !where.said && r.hasWord("there")
	if len(r.focus.Names) > 0 && (r.has(cIt) || spec.focus || there) && !(spec.list && len(kinds) > 0 && !r.has(cIt)) {
		r.take(cIt)
		return r.fromFocus(r.focus, spec, kinds, where)
	}
	if len(kinds) > 0 && spec.list {
		if t, q, ok := r.definite(spec, kinds, where); ok {
			return t, q
		}
		t := target{kind: kinds[0].kinds[0], where: r.listScope(where, kinds[0].kinds[0])}
		r.useKind(kinds[0])
		for _, k := range kinds[1:] {
			t.also = append(t.also, k.kinds[0])
			r.useKind(k)
		}
		return t, nil
	}
	return target{where: where}, r.askWhich(spec, kinds, where)
}

func (r *reading) useKind(k kindMention) {
	r.use(k.mention)
	r.note(k.mention, "kind "+k.kinds[0].Key())
}

// fromFocus acts on the object the conversation is about.
func (r *reading) fromFocus(f Focus, spec targetSpec, kinds []kindMention, where scope) (target, *question) {
	if !where.said {
		where.ns = f.Namespace
	}
	kind := r.v.kinds[f.Resource.Key()]
	if kind == nil {
		return target{}, r.askWhich(spec, kinds, where)
	}
	first := r.objectOrBare(kind, where.ns, f.Names[0])
	want := kind
	if len(kinds) > 0 {
		want = kinds[0].kinds[0]
		r.useKind(kinds[0])
	}
	if want.Key() == "pods" && kind.Key() != "pods" && !spec.write {
		return r.podsOf(first, want)
	}
	if want != kind && !(loose(want) && isWorkload(kind.Key())) {
		if o := r.v.find(want.Key(), where.ns, f.Names[0]); o != nil {
			return r.one(want, o), nil
		}
		if want.Key() == "endpoints" && kind.Key() == "services" {
			return r.one(want, &Object{Kind: want.Key(), Namespace: where.ns, Name: f.Names[0]}), nil
		}
		if spec.list && !spec.write && len(kinds) > 0 && kinds[0].plural { // "its limit ranges": those beside it
			return target{kind: want, where: r.listScope(scope{ns: cmp.Or(where.ns, f.Namespace), said: where.ns != "" || f.Namespace != ""}, want)}, nil
		}
		return target{}, r.askWhich(spec, []kindMention{{kinds: []*Kind{want}}}, where)
	}
	if len(spec.kinds) > 0 && !slices.Contains(spec.kinds, kind.Key()) {
		return target{}, r.askWhich(spec, kinds, where)
	}
	t := target{kind: kind, where: where, names: f.Names}
	if !kind.Namespaced {
		t.where = scope{}
	}
	for _, n := range f.Names {
		t.objs = append(t.objs, r.objectOrBare(kind, where.ns, n))
	}
	return t, nil
}

func (r *reading) objectOrBare(k *Kind, ns, name string) *Object {
	if !k.Namespaced {
		ns = ""
	}
	if o := r.v.find(k.Key(), ns, name); o != nil {
		return o
	}
	return &Object{Kind: k.Key(), Namespace: ns, Name: name}
}

func (r *reading) one(k *Kind, o *Object) target {
	return target{kind: k, where: scope{ns: o.Namespace}, names: []string{o.Name}, objs: []*Object{o}}
}

// withName resolves named objects to one kind and one namespace (rules N1 to N4).
func (r *reading) withName(spec targetSpec, kinds []kindMention, objs []objMention, where scope) (target, *question) {
	if r.forced != nil {
		objs = r.force(objs)
	}
	key, podsOf := r.chooseKind(spec, kinds, objs, where)
	if key == "" {
		return r.noSuch(spec, kinds, objs, where)
	}
	if key == "?" {
		return target{}, r.askKind(spec, objs, where)
	}
	k := r.v.kinds[key]
	var named []objMention
	for _, o := range objs {
		if len(refsOf(o, key, scope{})) > 0 {
			named = append(named, o)
		}
	}
	if q := r.fits(spec, named, key, where); q != nil && r.forced == nil {
		return target{}, q
	}
	ns, q := r.chooseNamespace(spec, named, key, where)
	if q != nil {
		return target{}, q
	}
	t := target{kind: k, where: ns}
	for _, o := range named {
		ref := refsOf(o, key, ns)[0]
		if q := r.mended(spec, o, ref); q != nil {
			return target{}, q
		}
		if !slices.Contains(t.names, ref.Name) {
			t.names, t.objs = append(t.names, ref.Name), append(t.objs, ref)
		}
		r.use(o.mention)
		r.useApposition(o)
		r.note(o.mention, strings.ToLower(k.Kind)+" "+ref.Name)
	}
	for _, km := range kinds {
		if km.kinds[0] == k || podsOf || loose(km.kinds[0]) || key == "endpoints" {
			r.useKind(km)
		}
	}
	if podsOf {
		return r.podsOf(t.objs[0], r.v.kinds["pods"])
	}
	return t, nil
}

func (r *reading) force(objs []objMention) []objMention {
	forced := objMention{name: strings.ToLower(r.forced.Name), refs: []*Object{r.forced}}
	if len(objs) == 0 {
		return []objMention{forced}
	}
	out := slices.Clone(objs)
	for i := range out {
		if out[i].name == forced.name || len(objs) == 1 {
			out[i].name, out[i].refs, out[i].fixed = forced.name, forced.refs, ""
		}
	}
	return out
}

// refsOf are the objects a mention can be, of a kind and in a scope.
func refsOf(o objMention, key string, where scope) []*Object {
	var out []*Object
	for _, ref := range o.refs {
		if ref.Kind == key && (where.ns == "" || ref.Namespace == where.ns || ref.Namespace == "") {
			out = append(out, ref)
		}
	}
	return out
}

// chooseKind is the key of the kind that is meant, "?" when that has to be asked, "" when nothing fits. podsOf tells
// that the pods of the named workload are meant.
func (r *reading) chooseKind(spec targetSpec, kinds []kindMention, objs []objMention, where scope) (key string, podsOf bool) {
	has := func(key string) bool {
		for _, o := range objs {
			if len(refsOf(o, key, where)) > 0 {
				return true
			}
		}
		return false
	}
	takes := func(key string) bool { return len(spec.kinds) == 0 || slices.Contains(spec.kinds, key) }
	saidPods := false
	for _, k := range kinds {
		saidPods = saidPods || k.kinds[0].Key() == "pods"
	}
	var fallback string
	for _, k := range kinds {
		for _, alt := range k.kinds {
			key := alt.Key()
			if !has(key) {
				if fallback == "" && r.anywhere(objs, key) && takes(key) {
					fallback = key
				}
				continue
			}
			if saidPods && key != "pods" && takes("pods") && !(spec.write && takes(key)) {
				return key, true // "the pods of deployment checkout"
			}
			if takes(key) {
				return key, false
			}
		}
	}
	if len(kinds) > 0 {
		for _, k := range kinds {
			if !loose(k.kinds[0]) {
				return fallback, false
			}
		}
		if saidPods && takes("pods") && has("nodes") && r.onlyNodes(objs) {
			return "nodes", true // "pods gpu-1"
		}
		for _, key := range append(slices.Clone(workloadKinds), "jobs.batch", "replicasets.apps", "services") {
			if !has(key) {
				continue
			}
			if saidPods && takes("pods") && !slices.Contains(spec.kinds, key) {
				return key, true
			}
			if takes(key) && !(saidPods && len(spec.kinds) == 0) {
				return key, false
			}
			if saidPods {
				return key, true
			}
		}
		if fallback != "" {
			return fallback, false
		}
	}
	key = r.kindOfName(spec, objs, has, where)
	if spec.write && len(kinds) > 0 && key != "" && key != "?" && !isWorkload(key) && key != "services" && key != "cronjobs.batch" && key != "pods" && !CustomKind(key) {
		return "", false // "the nginx pod" is no ingress class of that name
	}
	return key, false
}

func (r *reading) onlyNodes(objs []objMention) bool {
	for _, o := range objs {
		if len(refsOf(o, "nodes", scope{})) != len(o.refs) {
			return false
		}
	}
	return true
}

func (r *reading) anywhere(objs []objMention, key string) bool {
	for _, o := range objs {
		if len(refsOf(o, key, scope{})) > 0 {
			return true
		}
	}
	return false
}

// kindOfName decides the kind of a bare name: of the conversation, then by the frame's preference.
func (r *reading) kindOfName(spec targetSpec, objs []objMention, has func(string) bool, where scope) string {
	if f := r.focus.Resource.Key(); f != "" && has(f) && (len(spec.kinds) == 0 || slices.Contains(spec.kinds, f)) {
		return f
	}
	if spec.loose {
		for _, p := range impliedKinds {
			if r.says(p.c) && has(p.key) {
				return p.key
			}
		}
	}
	order := spec.kinds
	if len(order) == 0 {
		order = slices.Clone(anyKinds)
		var rest []string
		for _, o := range objs {
			for _, ref := range o.refs {
				if !slices.Contains(order, ref.Kind) && !slices.Contains(rest, ref.Kind) {
					rest = append(rest, ref.Kind)
				}
			}
		}
		sort.Strings(rest)
		order = append(order, rest...)
	}
	var found []string
	for _, key := range order {
		if has(key) {
			found = append(found, key)
		}
	}
	switch {
	case len(found) == 0:
		for _, key := range order {
			if r.anywhere(objs, key) {
				return key // in another namespace than was said: chooseNamespace asks
			}
		}
		return ""
	case len(found) > 1 && spec.askKind:
		return "?"
	}
	return found[0]
}
