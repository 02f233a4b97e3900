package eval

import (
	"slices"
	"strings"
	"unicode"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// before an imperative, before anything, and after anything: what people add without meaning more.
var (
	asking   = []string{"please ", "pls ", "can you ", "could you please ", "would you kindly ", "i need you to ", "let's ", "go ahead and "}
	greeting = []string{"hey, ", "hi, ", "ok so ", "morning! ", "quick one: ", "hello there, "}
	parting  = []string{" please", " thanks", " asap", " for me", ", thank you", " pls", " real quick", " now please"}
)

// imperatives are the first words that the asking forms go before.
var imperatives = words(`show list get give print describe follow restart scale set add bounce roll pause resume suspend run create
	update autoscale cordon uncordon label annotate tag taint delete remove drain count`)

// mistakable are the words of our own that a slip may hit: kinds and verbs, never names.
var mistakable = words(`restart describe delete remove scale deployment deployments services service statefulset configmap
	configmaps namespace namespaces events suspend resume cordon uncordon replicas rollout cronjob cronjobs warnings secrets pods
	ingresses annotate drain version memory history status previous`)

// disturb makes a generated row sound like somebody in particular, or like somebody in a hurry.
func (p *picker) disturb(row *Row) {
	plain := slices.Contains(row.Tags, "passthrough") || slices.Contains(row.Tags, "adversarial") || slices.Contains(row.Tags, "terse")
	if plain {
		return
	}
	switch n := p.rnd.IntN(20); {
	case n < 3 && imperatives[firstWord(row.Utterance)] && len(row.Context) == 0:
		row.Utterance = p.one(asking, nil) + row.Utterance
		row.Tags = union(row.Tags, []string{"polite"})
	case n < 5:
		row.Utterance = p.one(greeting, nil) + row.Utterance
		row.Tags = union(row.Tags, []string{"polite"})
	case n < 7 && !strings.HasSuffix(row.Utterance, "?"):
		row.Utterance += p.one(parting, nil)
		row.Tags = union(row.Tags, []string{"polite"})
	case n < 9:
		r := []rune(row.Utterance)
		r[0] = unicode.ToUpper(r[0])
		row.Utterance = strings.TrimRight(string(r), "?.") + p.one([]string{".", "!", "?", ""}, nil)
	case n < 13 && !slices.Contains(row.Tags, "typo"):
		p.slip(row)
	}
}

func firstWord(s string) string {
	w, _, _ := strings.Cut(s, " ")
	return w
}

// slip mistypes one word of ours. A change may then be asked about instead, as may what was to be asked about be refused.
func (p *picker) slip(row *Row) {
	said := strings.Split(row.Utterance, " ")
	var may []int
	for i, w := range said {
		if mistakable[w] && len(w) >= 6 {
			may = append(may, i)
		}
	}
	if len(may) == 0 {
		return
	}
	i := may[p.rnd.IntN(len(may))]
	said[i] = p.mistype(said[i])
	row.Utterance = strings.Join(said, " ")
	row.Tags = union(row.Tags, []string{"typo"})
	if row.Class == nlp.Mutate || row.Class == nlp.Destructive {
		row.ClassAccept = append(row.ClassAccept, nlp.Clarify)
	}
	if row.Class == nlp.Clarify {
		row.ClassAccept = append(row.ClassAccept, nlp.Refuse)
	}
}

// mistype makes one slip in a word: two letters swapped, one lost, or one doubled; never the first letter.
func (p *picker) mistype(word string) string {
	r := []rune(word)
	i := 1 + p.rnd.IntN(len(r)-2)
	for r[i] == r[i+1] || !unicode.IsLetter(r[i]) || !unicode.IsLetter(r[i+1]) {
		i = i%(len(r)-2) + 1
	}
	switch p.rnd.IntN(3) {
	case 0:
		r[i], r[i+1] = r[i+1], r[i]
	case 1:
		r = slices.Delete(r, i, i+1)
	default:
		r = slices.Insert(r, i, r[i])
	}
	return string(r)
}
