package chat

import (
	"slices"
	"strings"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
)

// address is what a question says about where: the clusters that it names, and the question without them.
type address struct {
	clusters []cluster.Cluster // as named, each once; none named: nil
	rest     string
}

// prepositions may stand before a cluster's name, and belong to it.
var prepositions = words("in on at from across over for of to within against with")

// joints stand between names.
var joints = words("and & or plus , as well also then")

// leads say that nothing but another place was meant: "and in prod-us?", "what about prod-us".
var leads = words("and & what about how now also same again it that the for too there please then or is in on at do does show me")

func words(s string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(s) {
		out[w] = true
	}
	return out
}

// spoken is one word of a question.
type spoken struct {
	text       string // as it is, with what stands around it
	word       string // lower case, without punctuation
	start, end int    // bytes of the question
}

func speak(text string) []spoken {
	var out []spoken
	start := -1
	for i, r := range text + " " {
		switch space := r == ' ' || r == '\t' || r == '\n'; {
		case space && start >= 0:
			raw := text[start:i]
			word := strings.ToLower(strings.Trim(raw, ",.;:!?\"'()`"))
			out = append(out, spoken{raw, strings.TrimSuffix(strings.TrimSuffix(word, "'s"), "’s"), start, i})
			start = -1
		case !space && start < 0:
			start = i
		}
	}
	return out
}

// addressed finds the clusters that a question names, as people name them: "in prod-eu and prod-us", "on the staging
// cluster", "in all clusters". A name that also means something inside the conversation's cluster is only taken for a
// cluster's where the word cluster stands beside it. A kubectl line names none.
func addressed(text string, all []cluster.Cluster, here *nlp.Vocabulary) address {
	said := speak(text)
	if len(said) == 0 || said[0].word == "kubectl" || said[0].word == "k" {
		return address{rest: text}
	}
	a := reader{said: said, names: named(all), here: here}
	var out address
	var cut [][2]int
	for i := 0; i < len(said); {
		got, end, ok := a.group(i, all)
		if !ok {
			i++
			continue
		}
		for _, c := range got {
			if !slices.ContainsFunc(out.clusters, func(x cluster.Cluster) bool { return x.ID == c.ID }) {
				out.clusters = append(out.clusters, c)
			}
		}
		cut = append(cut, [2]int{said[i].start, said[end-1].end})
		i = end
	}
	out.rest = without(text, cut)
	return out
}

// named are the clusters that can be asked, by their names.
func named(all []cluster.Cluster) map[string]cluster.Cluster {
	out := map[string]cluster.Cluster{}
	for _, c := range all {
		if c.State != cluster.Revoked {
			out[c.Name] = c
		}
	}
	return out
}

type reader struct {
	said  []spoken
	names map[string]cluster.Cluster
	here  *nlp.Vocabulary
}

// group reads at word i: [preposition] [the] [cluster] NAME {joint NAME} [cluster], or [preposition] all clusters.
func (a reader) group(i int, all []cluster.Cluster) (got []cluster.Cluster, end int, ok bool) {
	at, led := i, false
	for at < len(a.said) && prepositions[a.said[at].word] {
		led, at = true, at+1
	}
	if n := a.every(at); n > 0 {
		for _, c := range all {
			if _, ok := a.names[c.Name]; ok {
				got = append(got, c)
			}
		}
		return got, at + n, len(got) > 0
	}
	sure := false
	for at < len(a.said) && (a.said[at].word == "the" || a.said[at].word == "both") {
		at++
	}
	if at < len(a.said) && isCluster(a.said[at].word) {
		sure, at = true, at+1
	}
	for at < len(a.said) {
		c, plain := a.name(at)
		if c.ID == "" {
			break
		}
		got, end = append(got, c), at+1
		sure = sure || !plain
		led = led || strings.HasSuffix(strings.ToLower(a.said[at].text), "'s")
		next := a.joined(at)
		if next == 0 {
			break
		}
		at = next
	}
	if len(got) == 0 {
		return nil, 0, false
	}
	if end < len(a.said) && isCluster(a.said[end].word) {
		sure, end = true, end+1
	}
	return got, end, sure && (led || beside(a.said, i, end))
}

// joined is the word after the name at i that another name joined to it may be: ", and in the NAME". 0 is none.
func (a reader) joined(i int) int {
	joint := strings.HasSuffix(a.said[i].text, ",")
	at := i + 1
	for ; at < len(a.said); at++ {
		switch w := a.said[at].word; {
		case joints[w] || w == "": // a comma or a dash alone
			joint = true
		case joint && (prepositions[w] || w == "the"):
		default:
			if c, _ := a.name(at); joint && c.ID != "" {
				return at
			}
			return 0
		}
	}
	return 0
}

// beside: without a preposition, a name is only taken for a place where the word cluster is part of what was said.
func beside(said []spoken, i, end int) bool {
	return slices.ContainsFunc(said[i:end], func(s spoken) bool { return isCluster(s.word) })
}

func isCluster(word string) bool { return word == "cluster" || word == "clusters" }

// every counts the words of "all [of] [the|my|our] clusters" at i.
func (a reader) every(i int) int {
	at := i
	if at >= len(a.said) || !slices.Contains([]string{"all", "every", "each", "both", "any"}, a.said[at].word) {
		return 0
	}
	at++
	for at < len(a.said) && slices.Contains([]string{"of", "the", "my", "our", "single", "connected"}, a.said[at].word) {
		at++
	}
	if at < len(a.said) && isCluster(a.said[at].word) {
		return at + 1 - i
	}
	return 0
}

// name is the cluster that word i names. plain: the word means something inside of the conversation's cluster as well.
func (a reader) name(i int) (c cluster.Cluster, plain bool) {
	word := a.said[i].word
	if c, ok := a.names[word]; ok {
		return c, a.here != nil && (a.here.HasNamespace(word) || a.isObject(word))
	}
	if base, ok := strings.CutSuffix(word, "-cluster"); ok {
		return a.names[base], false
	}
	return cluster.Cluster{}, false
}

func (a reader) isObject(name string) bool {
	for _, k := range a.here.Kinds() {
		if slices.ContainsFunc(a.here.Objects(k.Key(), ""), func(o nlp.Object) bool { return o.Name == name }) {
			return true
		}
	}
	return false
}

// without cuts pieces out of a text and closes the gaps.
func without(text string, cut [][2]int) string {
	if len(cut) == 0 {
		return text
	}
	var b strings.Builder
	from := 0
	for _, c := range cut {
		b.WriteString(text[from:c[0]])
		if tail := text[c[0]:c[1]]; strings.HasSuffix(tail, "?") {
			b.WriteString("?")
		}
		from = c[1]
	}
	b.WriteString(text[from:])
	rest := strings.ReplaceAll(strings.Join(strings.Fields(b.String()), " "), " ?", "?")
	return strings.Trim(rest, " ,;:")
}

// onlyPlace: what is left of a question says nothing but that it is asked about another place.
func onlyPlace(rest string) bool {
	for _, s := range speak(rest) {
		if s.word != "" && !leads[s.word] {
			return false
		}
	}
	return true
}
