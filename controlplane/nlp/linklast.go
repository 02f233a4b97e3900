package nlp

import (
	"slices"
	"strings"
)

// linkLastWords lets a thing's kind be called by its last word beside its name: "the scratch claim", "budget web-pdb". Alone such
// a word may mean anything.
func (r *reading) linkLastWords() {
	for _, o := range r.objs {
		for _, i := range []int{o.j, o.i - 1} {
			if i < 0 || i >= len(r.toks) || r.toks[i].quoted || r.toks[i].lit != litNone || i == o.j && r.toks[i-1].brk || i < o.i && r.toks[i].brk || r.isKind(i) || r.inObject(i) {
				continue
			}
			if k := r.kindEnding(o.refs, r.toks[i].text); k != nil {
				r.kinds = append(r.kinds, kindMention{mention{i: i, j: i + 1}, []*Kind{k}, false})
				r.cues = slices.DeleteFunc(r.cues, func(q cue) bool { return q.i == i && q.j == i+1 })
				break
			}
		}
	}
}

// kindEnding is the one kind among the objects whose name in words ends with the word, or nil.
func (r *reading) kindEnding(refs []*Object, w string) *Kind {
	var found *Kind
	if len(w) < 4 {
		return nil
	}
	for _, ref := range refs {
		k := r.v.kinds[ref.Kind]
		if k == nil || k == found || !strings.HasSuffix(k.Kind, strings.ToUpper(w[:1])+w[1:]) || len(k.Kind) == len(w) {
			continue
		}
		if found != nil {
			return nil
		}
		found = k
	}
	return found
}

// isRelative tells whether "that" only begins what is said of things: "anything in staging that is not ready".
func (r *reading) isRelative(q cue) bool {
	if q.c != cIt || q.j-q.i != 1 || r.toks[q.i].text != "that" || q.i == 0 || r.toks[q.i-1].brk || q.j >= len(r.toks) {
		return false
	}
	before := r.toks[q.i-1].text
	return relativeVerbs[r.toks[q.j].text] && (r.isKind(q.i-1) || r.inObject(q.i-1) || r.namespaceAt(q.i-1, 1) || anyThings[before])
}

var (
	relativeVerbs = wordSet("is are was were has have do does did can could will would run runs lack lacks need needs keep keeps")
	anyThings     = wordSet("anything something everything things ones those all any stuff pods")
)
