package nlp

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// partKinds are kinds that a question about another object may name as a part of it: "which service account does checkout
// use" is answered by checkout.
var partKinds = wordSet(`serviceaccounts secrets configmaps persistentvolumeclaims persistentvolumes storageclasses.storage.k8s.io
priorityclasses.scheduling.k8s.io nodes namespaces ingressclasses.networking.k8s.io runtimeclasses.node.k8s.io`)

// relate settles, for a read, what a kind beside an object of another kind means: the endpoints of a service, a part of the
// object ("the service account of checkout"), an object that is called after it ("the checkout pdb"), or a list of what goes
// with it ("which pdbs cover checkout"). What it cannot settle stays, and is asked about.
func (r *reading) relate(kinds []kindMention, objs []objMention, where scope) ([]kindMention, []objMention) {
	if len(objs) == 0 {
		return kinds, objs
	}
	objs = slices.Clone(objs)
	var rest []kindMention
	for _, k := range kinds {
		if r.ofKind(objs, k.kinds[0].Key()) || loose(k.kinds[0]) {
			rest = append(rest, k)
			continue
		}
		if r.endpointsOf(k, objs) {
			rest = append([]kindMention{k}, rest...) // comes before the service it is of
			continue
		}
		if i, ok := r.beside(k, objs); ok {
			r.namedAfter(k, objs, i, where)
			rest = append(rest, k)
			continue
		}
		if !k.plural && k.i > 0 && r.possessedKind(k) { // "taints that I need to tolerate in my training job"
			r.use(k.mention)
			r.note(k.mention, "what it is for")
			continue
		}
		if i, ok := r.ofObject(k, objs); ok && !partKinds[k.kinds[0].Key()] { // "the disruption budget of checkout"
			if r.namedAfter(k, objs, i, where); len(refsOf(objs[i], k.kinds[0].Key(), scope{})) > 0 {
				rest = append(rest, k)
				continue
			}
		}
		ofIt := !k.plural && k.j < len(r.toks) && r.toks[k.j].text == "of" // "the issuer of shop-tls"
		if partKinds[k.kinds[0].Key()] || ofIt {
			r.use(k.mention)
			r.note(k.mention, "a part of what is named")
			continue
		}
		rest = append(rest, k)
	}
	return rest, objs
}

// ofObject finds the object that the kind is said to be of: "the pdb of checkout", "the pdb for the checkout".
func (r *reading) ofObject(k kindMention, objs []objMention) (int, bool) {
	at := k.j
	if at >= len(r.toks) || r.toks[at].text != "of" && r.toks[at].text != "for" {
		return 0, false
	}
	for at++; at < len(r.toks) && articles[r.toks[at].text]; at++ {
	}
	i := slices.IndexFunc(objs, func(o objMention) bool { return o.i == at })
	return i, i >= 0
}

// possessedKind tells whether the kind is somebody's own and stands at the end, after what is asked for.
func (r *reading) possessedKind(k kindMention) bool {
	if k.j < len(r.toks) && !r.toks[k.j-1].brk {
		return false
	}
	p := k.i - 1
	for p > 0 && k.i-p < 3 && !stopWords[r.toks[p].text] {
		p--
	}
	return r.toks[p].text == "my" || r.toks[p].text == "our" || r.toks[p].text == "their"
}

func (r *reading) ofKind(objs []objMention, key string) bool {
	for _, o := range objs {
		if len(refsOf(o, key, scope{})) > 0 {
			return true
		}
	}
	return false
}

// endpointsOf gives the Endpoints of named services, which have the services' names and are in no vocabulary.
func (r *reading) endpointsOf(k kindMention, objs []objMention) bool {
	if k.kinds[0].Key() != "endpoints" {
		return false
	}
	found := false
	for i, o := range objs {
		var more []*Object
		for _, ref := range o.refs {
			if ref.Kind == "services" {
				more = append(more, &Object{Kind: "endpoints", Namespace: ref.Namespace, Name: ref.Name})
			}
		}
		if len(more) > 0 {
			objs[i].refs = append(slices.Clone(o.refs), more...)
			found = true
		}
	}
	return found
}

// beside finds the object that stands right before or after the kind: it is said to be of the kind.
func (r *reading) beside(k kindMention, objs []objMention) (int, bool) {
	for i, o := range objs {
		if o.i == k.j && !r.toks[k.j-1].brk || o.j == k.i && !r.toks[o.i].brk {
			return i, true
		}
		if o.i == k.j+1 && (r.toks[k.j].text == "called" || r.toks[k.j].text == "named") {
			return i, true
		}
	}
	return 0, false
}

// namedAfter reads "the checkout pdb" as checkout-pdb when that is the only one of the kind that is called after it.
func (r *reading) namedAfter(k kindMention, objs []objMention, i int, where scope) {
	var found []*Object
	for _, o := range r.v.objects.ofKind(k.kinds[0].Key()) {
		if strings.HasPrefix(o.Name, objs[i].name+"-") && (where.ns == "" || o.Namespace == where.ns || o.Namespace == "") {
			found = append(found, o)
		}
	}
	if len(found) != 1 {
		return
	}
	r.notes = append(r.notes, fmt.Sprintf("I read it as the %s %s.", strings.ToLower(k.kinds[0].Kind), found[0].Name))
	objs[i].name, objs[i].refs = strings.ToLower(found[0].Name), found
}

// companions answers "which pdbs cover checkout": a list of the kind where the object is.
func (r *reading) companions(kinds []kindMention, objs []objMention, where scope) (target, bool) {
	if len(kinds) != 1 || len(objs) != 1 || r.ofKind(objs, kinds[0].kinds[0].Key()) {
		return target{}, false
	}
	k := kinds[0].kinds[0]
	_, beside := r.beside(kinds[0], objs)
	if loose(k) && k.Key() != "services" || partKinds[k.Key()] || !k.Namespaced || (beside && !kinds[0].plural) {
		return target{}, false
	}
	var spaces []string
	for _, o := range objs[0].refs {
		if o.Namespace != "" && !slices.Contains(spaces, o.Namespace) && (where.ns == "" || where.ns == o.Namespace) {
			spaces = append(spaces, o.Namespace)
		}
	}
	sort.Strings(spaces)
	t := target{kind: k, where: where}
	switch {
	case where.said:
	case len(spaces) == 1:
		t.where = scope{ns: spaces[0]}
	case slices.Contains(spaces, r.focus.Namespace):
		t.where = scope{ns: r.focus.Namespace}
	default:
		return target{}, false
	}
	r.useKind(kinds[0])
	r.use(objs[0].mention)
	r.note(objs[0].mention, "where to look")
	if k.Key() == "replicasets.apps" || k.Key() == "endpointslices.discovery.k8s.io" {
		r.ownSelector(&t, objs[0], t.where)
	}
	return t, true
}

// ownSelector narrows a list to what carries the labels that the object selects by, or that name it.
func (r *reading) ownSelector(t *target, o objMention, where scope) {
	for _, ref := range o.refs {
		if ref.Namespace != where.ns {
			continue
		}
		if t.kind.Plural == "endpointslices" {
			if ref.Kind == "services" {
				t.labels = "kubernetes.io/service-name=" + ref.Name
			}
			continue
		}
		if d, ok := r.v.details(r.ctx, ref); ok && ref.Kind == "deployments.apps" && len(d.Selector) > 0 {
			t.labels = joinPairs(d.Selector)
		}
	}
}

// definite resolves "the service in web": one thing is meant, and which one is asked when there are several.
func (r *reading) definite(spec targetSpec, kinds []kindMention, where scope) (target, *question, bool) {
	k := kinds[0]
	if len(kinds) != 1 || k.plural || !r.singular(k) || !r.pointsAtOne(k) {
		return target{}, nil, false
	}
	key := k.kinds[0].Key()
	ns := where.ns
	if !where.said {
		ns = r.focus.Namespace
	}
	var found []*Object
	for _, o := range r.v.objects.ofKind(key) {
		if ns == "" || o.Namespace == ns || o.Namespace == "" {
			found = append(found, o)
		}
	}
	switch {
	case len(found) == 1:
		r.useKind(k)
		return r.one(k.kinds[0], found[0]), nil, true
	case len(found) > 1 && !spec.loose:
		return target{}, r.askWhich(spec, kinds, where), true
	}
	return target{}, nil, false
}

// singular tells whether the kind was said in the singular.
func (r *reading) singular(k kindMention) bool {
	said := strings.ToLower(r.words(k.mention))
	return !strings.HasSuffix(said, "s") || strings.HasSuffix(said, "ss")
}

// pointsAtOne tells whether an article of one thing stands before the kind, and nothing after it that it belongs to
// ("the pod list", "the node usage").
func (r *reading) pointsAtOne(k kindMention) bool {
	if k.i == 0 || !(r.toks[k.i-1].text == "the" || r.toks[k.i-1].text == "that" || r.toks[k.i-1].text == "this" || r.toks[k.i-1].text == "my" || r.toks[k.i-1].text == "our") {
		return false
	}
	if k.j >= len(r.toks) || r.toks[k.j-1].brk {
		return true
	}
	next := r.toks[k.j]
	return stopWords[next.text] && next.text != "list" && next.text != "that" && next.text != "which" && next.text != "named" && next.text != "called" && next.text != "name"
}

// impliedKinds are the kinds that have what is asked for: a cluster IP is a service's, a schedule a cron job's.
var impliedKinds = []struct {
	c   concept
	key string
}{
	{cClusterIP, "services"}, {cSvcType, "services"}, {cPort, "services"}, {cIP, "services"}, {cSchedule, "cronjobs.batch"},
}

// volumes are said for the claims on them: "how big is the storage-pvc volume".
func (r *reading) volumes(kinds []kindMention, objs []objMention) []kindMention {
	for _, k := range kinds {
		if k.kinds[0].Key() == "persistentvolumes" && !r.anywhere(objs, "persistentvolumes") && r.anywhere(objs, "persistentvolumeclaims") {
			r.use(k.mention)
			r.note(k.mention, "the volume of a claim")
			return slices.DeleteFunc(slices.Clone(kinds), func(x kindMention) bool { return x.mention == k.mention })
		}
	}
	return kinds
}
