package nlp

import "strings"

// kindredOf finds the kind that is told from the last turn's by its first word: "and the validating ones" after
// mutatingwebhookconfigurations, "the cluster ones" after roles.
func (r *reading) kindredOf(was Resource) (kindMention, bool) {
	for i, t := range r.toks {
		if len(t.text) < 5 || i+1 >= len(r.toks) || r.toks[i+1].text != "ones" && r.toks[i+1].text != "one" {
			continue
		}
		for _, k := range r.v.kinds {
			rest, ok := strings.CutPrefix(k.Plural, t.text)
			if ok && len(rest) >= 5 && k.Plural != was.Plural && k.Group == was.Group && strings.HasSuffix(was.Plural, rest) {
				r.useTok(i + 1)
				return kindMention{mention: mention{i: i, j: i + 1}, kinds: []*Kind{k}, plural: true}, true
			}
		}
	}
	return kindMention{}, false
}

// inNamespace are the objects of a kind in a namespace.
func (v *Vocabulary) inNamespace(key, ns string) []*Object {
	var out []*Object
	for _, o := range v.objects.ofKind(key) {
		if o.Namespace == ns {
			out = append(out, o)
		}
	}
	return out
}
