package kube

import (
	"encoding/binary"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// names is what an index keeps of a cluster's objects, in as few bytes as they allow: each word once and each set of labels
// once, however many objects of whatever kind have it. What no object has any more is given back. It has no lock.
type names struct {
	words texts // namespaces, owners, keys and values of labels
	sets  texts // sets of labels: the numbers of their words, by key
	held  int   // bytes of what is in the shelves
}

// shelf holds the objects of one kind; the words are those of its names.
type shelf map[objectKey]objectRecord

type objectKey struct {
	namespace uint32
	name      string
}

type objectRecord struct{ ownerKind, owner, labels uint32 }

// What an object and a text cost beside their letters, as measured: their places in maps that are two thirds full.
const (
	objectCost = 80
	textCost   = 64
)

// ownName is the number of a label's value that is its object's name: "app: web" on web, and on each pod of a StatefulSet.
const ownName = 1

func newNames() names {
	n := names{words: newTexts(), sets: newTexts()}
	n.words.all = append(n.words.all, text{}) // ownName's place
	return n
}

// size is about how many bytes are in use.
func (n *names) size() int { return n.held + n.words.held + n.sets.held }

// put keeps what a vocabulary needs of an object, in place of what was known of it.
func (n *names) put(s shelf, o *metav1.PartialObjectMetadata) {
	var r objectRecord
	if ref := metav1.GetControllerOfNoCopy(o); ref != nil {
		r.ownerKind, r.owner = n.words.take(ref.Kind), n.words.take(ref.Name)
	}
	r.labels = n.takeLabels(o.Labels, o.Name)
	key := objectKey{n.words.take(o.Namespace), o.Name}
	if old, ok := s[key]; ok {
		n.release(key, old)
	} else {
		key.name = strings.Clone(o.Name) // not a part of a larger answer
		n.held += objectCost + len(o.Name)
	}
	s[key] = r
}

// remove forgets an object.
func (n *names) remove(s shelf, o *metav1.PartialObjectMetadata) {
	namespace, ok := n.words.ids[o.Namespace]
	if !ok && o.Namespace != "" {
		return
	}
	key := objectKey{namespace, o.Name}
	if r, ok := s[key]; ok {
		delete(s, key)
		n.held -= objectCost + len(key.name)
		n.release(key, r)
	}
}

// clear forgets a whole shelf.
func (n *names) clear(s shelf) {
	for key, r := range s {
		n.held -= objectCost + len(key.name)
		n.release(key, r)
	}
	clear(s)
}

func (n *names) release(key objectKey, r objectRecord) {
	n.words.drop(key.namespace)
	n.words.drop(r.ownerKind)
	n.words.drop(r.owner)
	if set := n.sets.all[r.labels].s; n.sets.drop(r.labels) {
		n.dropWords(set)
	}
}

func (n *names) takeLabels(labels map[string]string, name string) uint32 {
	if len(labels) == 0 {
		return 0
	}
	set := make([]byte, 0, 8*len(labels))
	for _, k := range sortedKeys(labels) {
		set = binary.LittleEndian.AppendUint32(set, n.words.take(k))
		value := uint32(ownName)
		if labels[k] != name {
			value = n.words.take(labels[k])
		}
		set = binary.LittleEndian.AppendUint32(set, value)
	}
	known := n.sets.has(string(set))
	id := n.sets.take(string(set))
	if known {
		n.dropWords(string(set)) // the set holds them already
	}
	return id
}

func (n *names) dropWords(set string) {
	for at := 0; at < len(set); at += 4 {
		if id := wordAt(set, at); id != ownName {
			n.words.drop(id)
		}
	}
}

func wordAt(set string, at int) uint32 { return binary.LittleEndian.Uint32([]byte(set[at : at+4])) }

// objects gives the shelf's objects as a vocabulary takes them: all, or those in some namespaces.
func (n *names) objects(s shelf, kind string, in map[string]bool) []nlp.Object {
	out := make([]nlp.Object, 0, len(s))
	labels := map[uint32]map[string]string{} // objects share them
	for key, r := range s {
		namespace := n.words.all[key.namespace].s
		if in != nil && !in[namespace] {
			continue
		}
		set, ok := labels[r.labels]
		if !ok {
			var own bool
			if set, own = n.labels(r.labels, key.name); !own {
				labels[r.labels] = set
			}
		}
		out = append(out, nlp.Object{
			Kind: kind, Namespace: namespace, Name: key.name, Labels: set, OwnerKind: n.words.all[r.ownerKind].s, OwnerName: n.words.all[r.owner].s,
		})
	}
	return out
}

// labels gives a set as the object of that name has it; own tells whether its name is in it.
func (n *names) labels(id uint32, name string) (labels map[string]string, own bool) {
	set := n.sets.all[id].s
	if set == "" {
		return nil, false
	}
	labels = make(map[string]string, len(set)/8)
	for at := 0; at < len(set); at += 8 {
		value := n.words.all[wordAt(set, at+4)].s
		if wordAt(set, at+4) == ownName {
			value, own = name, true
		}
		labels[n.words.all[wordAt(set, at)].s] = value
	}
	return labels, own
}

// texts keeps equal strings once and counts who uses them. 0 is the empty string, which costs nothing.
type texts struct {
	ids  map[string]uint32
	all  []text
	free []uint32 // places in all
	held int      // bytes
}

type text struct {
	s    string
	uses uint32
}

func newTexts() texts { return texts{ids: map[string]uint32{}, all: []text{{}}} }

func (t *texts) has(s string) bool {
	_, ok := t.ids[s]
	return ok
}

func (t *texts) take(s string) uint32 {
	if s == "" {
		return 0
	}
	if id, ok := t.ids[s]; ok {
		t.all[id].uses++
		return id
	}
	s = strings.Clone(s) // not a part of a larger answer
	id := uint32(len(t.all))
	if last := len(t.free) - 1; last >= 0 {
		id, t.free = t.free[last], t.free[:last]
		t.all[id] = text{s, 1}
	} else {
		t.all = append(t.all, text{s, 1})
	}
	t.ids[s] = id
	t.held += textCost + len(s)
	return id
}

// drop tells whether that was the last use.
func (t *texts) drop(id uint32) bool {
	if id == 0 {
		return false
	}
	if t.all[id].uses--; t.all[id].uses > 0 {
		return false
	}
	s := t.all[id].s
	delete(t.ids, s)
	t.all[id] = text{}
	t.free = append(t.free, id)
	t.held -= textCost + len(s)
	return true
}
