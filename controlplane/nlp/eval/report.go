package eval

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// Report is what an evaluation found.
type Report struct {
	All         Tally // every row
	Open        Tally // the rows whose failures are listed
	HeldOut     Tally // the rows whose failures are not
	ByHand      Tally // without the generated rows
	Actionable  Tally // the rows that a command answers: read, mutate, destructive
	ByClass     []Group
	ByTag       []Group
	ByFrame     []Group // by what the right command does
	ByCluster   []Group
	Confusion   []Mistake // most frequent first
	Adversarial int       // rows with that tag that failed
	Unstable    []string  // rows that were answered differently when repeated
	Latency     Latency
	Bytes       float64  // of memory for each object of the large cluster
	Failed      []Scored // not the held out
	Objects     int      // of the large cluster
	Clusters    []Size   // all of them
}

// Size is how large a cluster is.
type Size struct {
	Name                string
	Namespaces, Objects int
}

// Tally counts how rows fared.
type Tally struct {
	Rows, Exact, Class, Unsafe, Underclass, OverRefused int
	Answerable                                          int // rows that a command answers
}

// Group is a Tally of the rows that share something.
type Group struct {
	Name string
	Tally
}

// Mistake is a kind of right answer, what was answered instead, and how often.
type Mistake struct {
	Want, Got string
	Times     int
}

// Latency is how long one translation takes on the large cluster.
type Latency struct{ P50, P95, Max time.Duration }

func (t *Tally) add(s Scored) {
	t.Rows++
	t.Exact += one(s.Score.Exact)
	t.Class += one(s.Score.Class)
	t.Unsafe += one(s.Score.Unsafe)
	t.Underclass += one(s.Score.Underclass)
	t.OverRefused += one(s.Score.OverRefusal)
	t.Answerable += one(!idle(s.Row.Class))
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ExactRate is the part that is exactly right.
func (t Tally) ExactRate() float64 { return part(t.Exact, t.Rows) }

// ClassRate is the part whose class is right.
func (t Tally) ClassRate() float64 { return part(t.Class, t.Rows) }

// OverRefusalRate is the part of the answerable rows that were refused or asked about.
func (t Tally) OverRefusalRate() float64 { return part(t.OverRefused, t.Answerable) }

func part(n, of int) float64 {
	if of == 0 {
		return 1
	}
	return float64(n) / float64(of)
}

// Summarise counts what was scored.
func Summarise(scored []Scored) Report {
	var r Report
	class, tag, frame, cluster := groups{}, groups{}, groups{}, groups{}
	mistakes := map[[2]string]int{}
	for _, s := range scored {
		r.All.add(s)
		if s.Row.HeldOut {
			r.HeldOut.add(s)
		} else {
			r.Open.add(s)
		}
		if s.Row.Template == "" {
			r.ByHand.add(s)
		}
		if !idle(s.Row.Class) {
			r.Actionable.add(s)
		}
		class.add(string(s.Row.Class), s)
		cluster.add(s.Row.Cluster, s)
		frame.add(Frame(s.Row), s)
		for _, t := range s.Row.Tags {
			tag.add(t, s)
		}
		if s.Score.Exact {
			continue
		}
		mistakes[[2]string{Frame(s.Row), s.Said.Frame()}]++
		if slices.Contains(s.Row.Tags, "adversarial") {
			r.Adversarial++
		}
		if !s.Row.HeldOut {
			r.Failed = append(r.Failed, s)
		}
	}
	r.ByClass, r.ByTag, r.ByFrame, r.ByCluster = class.sorted(), tag.sorted(), frame.sorted(), cluster.sorted()
	r.Confusion = sortedMistakes(mistakes)
	return r
}

// Group finds a group by its name; a missing one is empty.
func (r Report) Group(of []Group, name string) Tally {
	for _, g := range of {
		if g.Name == name {
			return g.Tally
		}
	}
	return Tally{}
}

type groups map[string]*Tally

func (g groups) add(name string, s Scored) {
	if g[name] == nil {
		g[name] = &Tally{}
	}
	g[name].add(s)
}

func (g groups) sorted() []Group {
	out := make([]Group, 0, len(g))
	for name, t := range g {
		out = append(out, Group{name, *t})
	}
	slices.SortFunc(out, func(a, b Group) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func sortedMistakes(times map[[2]string]int) []Mistake {
	out := make([]Mistake, 0, len(times))
	for pair, n := range times {
		out = append(out, Mistake{pair[0], pair[1], n})
	}
	slices.SortFunc(out, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(b.Times, a.Times), cmp.Compare(a.Want, b.Want), cmp.Compare(a.Got, b.Got))
	})
	return out
}

// Frame names what the right answer to a row does: "rollout restart", "diagnose", "compound", "refuse".
func Frame(row Row) string {
	switch {
	case row.Diagnose:
		return "diagnose"
	case len(row.Plan) > 1:
		return "compound"
	case idle(row.Class):
		return string(row.Class)
	}
	return frameOf(row.Kubectl)
}

// Frame names what an answer does, in the same words.
func (p Prediction) Frame() string {
	switch commands := p.Commands(); {
	case idle(p.Class):
		return string(p.Class)
	case len(commands) > 1:
		return "compound"
	case len(commands) == 1:
		return frameOf(commands[0])
	}
	return "nothing"
}

// frameOf is a command's verb, with the second word where the first says little.
func frameOf(line string) string {
	f := strings.Fields(strings.TrimPrefix(line, "kubectl "))
	if len(f) == 0 {
		return "nothing"
	}
	if len(f) > 1 && (f[0] == "rollout" || f[0] == "set") {
		return f[0] + " " + f[1]
	}
	return f[0]
}

// ClarifyRecall is the part of the rows to be asked about that were asked about.
func (r Report) ClarifyRecall() float64 { return r.Group(r.ByClass, string(nlp.Clarify)).ExactRate() }
