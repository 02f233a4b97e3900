package nlp

import (
	"cmp"
	"iter"
	"slices"
	"sort"
	"strings"
)

// objects holds what a cluster has in as few bytes as names allow: one slice sorted by kind, namespace and name, so that a
// kind is a range of it; an order by name; every string once, in one piece of memory; and every set of labels once.
type objects struct {
	all    []Object
	ranges map[string][2]int32 // kind's key -> first and one past the last in all
	byName []int32             // indices into all, by lower-case name
	cased  bool                // some name has capitals; the API server's have none, but for those of a few kinds
	words  []string            // keys and values of labels
	sets   [][]uint32          // label sets: pairs of indices into words; the first is the empty set
}

// newObjects keeps the objects for which keep holds. It keeps no memory of what it is given.
func newObjects(given []Object, keep func(*Object) bool) objects {
	o := objects{ranges: map[string][2]int32{}}
	in := newInterner()
	labels := newLabelSets()
	for i := range given {
		g := &given[i]
		if !keep(g) {
			continue
		}
		o.cased = o.cased || strings.ToLower(g.Name) != g.Name
		o.all = append(o.all, Object{
			Kind: in.of(g.Kind), Namespace: in.of(g.Namespace), Name: in.of(g.Name), OwnerKind: in.of(g.OwnerKind), OwnerName: in.of(g.OwnerName),
			Details: g.Details, set: labels.of(g.Labels),
		})
	}
	o.all = slices.Clip(o.all)
	in.compact(o.all)
	o.words, o.sets = labels.done()
	slices.SortStableFunc(o.all, func(a, b Object) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	for from := 0; from < len(o.all); {
		to := from
		for to < len(o.all) && o.all[to].Kind == o.all[from].Kind {
			to++
		}
		o.ranges[o.all[from].Kind] = [2]int32{int32(from), int32(to)}
		from = to
	}
	o.byName = make([]int32, len(o.all))
	for i := range o.byName {
		o.byName[i] = int32(i)
	}
	slices.SortStableFunc(o.byName, func(a, b int32) int {
		return cmp.Compare(strings.ToLower(o.all[a].Name), strings.ToLower(o.all[b].Name))
	})
	return o
}

// ofKind are the objects of a kind, by namespace and name.
func (o *objects) ofKind(key string) iter.Seq2[int, *Object] {
	span := o.ranges[key]
	return func(yield func(int, *Object) bool) {
		for i := span[0]; i < span[1]; i++ {
			if !yield(int(i-span[0]), &o.all[i]) {
				return
			}
		}
	}
}

// low is the name of an object in lower case.
func (o *objects) low(i int32) string {
	if !o.cased {
		return o.all[i].Name
	}
	return strings.ToLower(o.all[i].Name)
}

// named are the objects of a name, by kind and namespace. The name is in lower case.
func (o *objects) named(name string) []*Object {
	at := sort.Search(len(o.byName), func(i int) bool { return o.low(o.byName[i]) >= name })
	var out []*Object
	for ; at < len(o.byName) && strings.EqualFold(o.all[o.byName[at]].Name, name); at++ {
		out = append(out, &o.all[o.byName[at]])
	}
	return out
}

// has tells whether there is an object of that name.
func (o *objects) has(name string) bool {
	at := sort.Search(len(o.byName), func(i int) bool { return o.low(o.byName[i]) >= name })
	return at < len(o.byName) && strings.EqualFold(o.all[o.byName[at]].Name, name)
}

// names are the distinct names in lower case, in order.
func (o *objects) names() iter.Seq[string] {
	return func(yield func(string) bool) {
		last := ""
		for _, i := range o.byName {
			name := o.low(i)
			if name != last && !yield(name) {
				return
			}
			last = name
		}
	}
}

// label is the value of an object's label.
func (o *objects) label(of *Object, key string) (string, bool) {
	set := o.sets[of.set]
	for i := 0; i < len(set); i += 2 {
		if o.words[set[i]] == key {
			return o.words[set[i+1]], true
		}
	}
	return "", false
}

func (o *objects) labels(of *Object) map[string]string {
	set := o.sets[of.set]
	if len(set) == 0 {
		return nil
	}
	out := make(map[string]string, len(set)/2)
	for i := 0; i < len(set); i += 2 {
		out[o.words[set[i]]] = o.words[set[i+1]]
	}
	return out
}

// anyLabel tells whether some label of some object passes.
func (o *objects) anyLabel(ok func(key, value string) bool) bool {
	for _, set := range o.sets {
		for i := 0; i < len(set); i += 2 {
			if ok(o.words[set[i]], o.words[set[i+1]]) {
				return true
			}
		}
	}
	return false
}

// interner gives equal strings one memory.
type interner struct {
	seen map[string]string
	size int
}

func newInterner() *interner { return &interner{seen: map[string]string{}} }

func (in *interner) of(s string) string {
	if s == "" {
		return ""
	}
	if have, ok := in.seen[s]; ok {
		return have
	}
	in.seen[s] = s
	in.size += len(s)
	return s
}

// compact moves the strings of the objects into one piece of memory, which costs each its bytes and no more.
func (in *interner) compact(all []Object) {
	var b strings.Builder
	b.Grow(in.size)
	at := make(map[string]int, len(in.seen))
	for s := range in.seen {
		at[s] = b.Len()
		b.WriteString(s)
	}
	whole := b.String()
	for i := range all {
		for _, s := range []*string{&all[i].Kind, &all[i].Namespace, &all[i].Name, &all[i].OwnerKind, &all[i].OwnerName} {
			if *s != "" {
				from := at[*s]
				*s = whole[from : from+len(*s)]
			}
		}
	}
}

// labelSets collects distinct sets of labels.
type labelSets struct {
	words []string
	index map[string]uint32
	sets  [][]uint32
	found map[string]uint32
}

func newLabelSets() *labelSets {
	return &labelSets{index: map[string]uint32{}, sets: [][]uint32{nil}, found: map[string]uint32{}}
}

func (l *labelSets) word(s string) uint32 {
	if i, ok := l.index[s]; ok {
		return i
	}
	i := uint32(len(l.words))
	s = strings.Clone(s) // not a part of a larger document
	l.words, l.index[s] = append(l.words, s), i
	return i
}

func (l *labelSets) of(labels map[string]string) uint32 {
	if len(labels) == 0 {
		return 0
	}
	var key strings.Builder
	pairs := make([]uint32, 0, 2*len(labels))
	for _, k := range sortedKeys(labels) {
		key.WriteString(k + "=" + labels[k] + ",")
		pairs = append(pairs, l.word(k), l.word(labels[k]))
	}
	if i, ok := l.found[key.String()]; ok {
		return i
	}
	i := uint32(len(l.sets))
	l.sets, l.found[key.String()] = append(l.sets, pairs), i
	return i
}

// done moves the sets into one piece of memory.
func (l *labelSets) done() (words []string, sets [][]uint32) {
	n := 0
	for _, s := range l.sets {
		n += len(s)
	}
	flat := make([]uint32, 0, n)
	sets = make([][]uint32, len(l.sets))
	for i, s := range l.sets {
		from := len(flat)
		flat = append(flat, s...)
		sets[i] = flat[from:len(flat):len(flat)]
	}
	return slices.Clip(l.words), sets
}
