package nlp

import (
	"slices"
	"strings"
)

// Taint is one of a node's. A node may have several of one key, each with another effect.
type Taint struct {
	Key    string
	Value  string
	Effect string // NoSchedule, PreferNoSchedule or NoExecute
}

// String is the taint as kubectl reads it.
func (t Taint) String() string {
	if t.Value == "" {
		return t.Key + ":" + t.Effect
	}
	return t.Key + "=" + t.Value + ":" + t.Effect
}

// Taints are those that a taint step sets, in the order of their keys.
func Taints(set map[string]string) []Taint {
	var out []Taint
	for _, key := range sortedKeys(set) {
		for one := range strings.SplitSeq(set[key], ",") {
			value, effect := "", one
			if i := strings.LastIndexByte(one, ':'); i >= 0 {
				value, effect = one[:i], one[i+1:]
			}
			out = append(out, Taint{key, value, effect})
		}
	}
	return out
}

// AddTaint puts one more into what a taint step sets: the other effects of its key stay.
func AddTaint(set map[string]string, t Taint) map[string]string {
	one := t.Value + ":" + t.Effect
	if has, ok := set[t.Key]; ok {
		one = has + "," + one
	}
	return put(set, t.Key, one)
}

// noExecutes tells whether a taint step takes pods off its nodes.
func noExecutes(set map[string]string) bool {
	return slices.ContainsFunc(Taints(set), func(t Taint) bool { return t.Effect == "NoExecute" })
}
