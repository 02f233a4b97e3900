package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// report groups siblings, leaves out echoes, ranks what remains and says what was looked at.
func (s *session) report() Report {
	list := s.causes(s.grouped())
	s.explainByChange(list)
	sort.SliceStable(list, func(i, j int) bool {
		a, b := s.weight(list[i]), s.weight(list[j])
		if a != b {
			return a > b
		}
		return list[i].Object+list[i].Reason < list[j].Object+list[j].Reason
	})
	out := Report{Notes: s.notes, Reads: s.reads, Checked: s.checked()}
	for i, f := range list {
		f.ID = "F" + strconv.Itoa(i+1)
		f.Related = distinct(f.Related, f.Object)
		out.Findings = append(out.Findings, f.Finding)
	}
	return out
}

// distinct leaves out what is named twice, and the object itself.
func distinct(list []string, self string) []string {
	var out []string
	for _, x := range list {
		if x != self && !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// grouped makes one finding of the same trouble of siblings.
func (s *session) grouped() []*finding {
	groups := map[string]*finding{}
	var out []*finding
	for _, f := range s.found {
		if f.group == "" {
			out = append(out, f)
			continue
		}
		first, ok := groups[f.group]
		if !ok {
			groups[f.group] = f
			out = append(out, f)
			continue
		}
		first.join(f)
	}
	for _, f := range out {
		if f.group != "" {
			s.nameSiblings(f)
		}
	}
	return out
}

// join takes in a sibling with the same trouble; the worse one speaks for both, the newer one among equals.
func (f *finding) join(g *finding) {
	members, began, when := f.members, earliest(f.began, g.began), latest(f.when, g.when)
	related := append(f.Related, g.Related...)
	if rank[g.Severity] > rank[f.Severity] || g.Severity == f.Severity && g.when.After(f.when) {
		logs := f.logLines()
		*f = *g
		f.Evidence = append(f.Evidence, logs...)
	}
	f.members = append(slices.Clone(members), g.members...)
	f.began, f.when, f.Related = began, when, related
}

// logLines are the lines of a log among the evidence; of siblings, only one's is read.
func (f *finding) logLines() []Evidence {
	var out []Evidence
	for _, e := range f.Evidence {
		if strings.HasPrefix(e.Path, "log ") {
			out = append(out, e)
		}
	}
	return out
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// nameSiblings says how many of how many have the trouble.
func (s *session) nameSiblings(f *finding) {
	seen := map[key]bool{}
	for _, m := range f.members {
		seen[m] = true
	}
	all := 0
	for k, o := range s.looks {
		if k.kind != "Pod" || o.text("status", "phase") == "Succeeded" {
			continue
		}
		own, ok := o.workload()
		if ok && own == f.about || !ok && slices.Contains(s.below[f.about], k) {
			all++
		}
	}
	f.Text = fmt.Sprintf("%d of %s of %s: %s", len(seen), counted(max(all, len(seen)), "pod"), f.about.name, lower(f.Text))
	for _, m := range f.members {
		if name := m.String(); !slices.Contains(f.Related, name) && len(f.Related) < 10 {
			f.Related = append(f.Related, name)
		}
	}
}

// causes leaves out echoes of what was found below them, and keeps them as evidence of it. What was asked for by name
// and is no workload (a service, an ingress) keeps its own finding, after the cause.
func (s *session) causes(list []*finding) []*finding {
	var out []*finding
	for _, f := range list {
		if !f.echo {
			out = append(out, f)
		}
	}
	roots := slices.Clone(out)
	for _, f := range list {
		if !f.echo {
			continue
		}
		cause := s.causeOf(f, roots)
		if cause == nil {
			f.echo = false // it stands for itself
			out = append(out, f)
			continue
		}
		if own := s.looks[f.about]; own.Unstructured != nil && s.asksFor(own) && !s.isWorkload(f.about) {
			f.Cause = cmp.Or(f.Cause, fmt.Sprintf("%s: %s", cause.Object, cause.Reason))
			f.Related = append(f.Related, cause.Object)
			out = append(out, f)
			continue
		}
		if len(f.Evidence) > 0 && !slices.Contains(cause.Evidence, f.Evidence[0]) {
			cause.Evidence = append(cause.Evidence, f.Evidence[0])
		}
		if f.Object != cause.Object && !slices.Contains(cause.Related, f.Object) {
			cause.Related = append(cause.Related, f.Object)
		}
	}
	return out
}

// causeOf finds the worst trouble at the same object or below it.
func (s *session) causeOf(f *finding, roots []*finding) *finding {
	under := s.reach(f.about)
	var best *finding
	for _, r := range roots {
		if r.Severity == Info {
			continue
		}
		hit := r.about == f.about
		for _, m := range r.members {
			hit = hit || under[m]
		}
		if (hit || under[r.about]) && (best == nil || s.weight(r) > s.weight(best)) {
			best = r
		}
	}
	return best
}

// reach is everything that looking at an object led to.
func (s *session) reach(from key) map[key]bool {
	out := map[key]bool{}
	queue := slices.Clone(s.below[from])
	for len(queue) > 0 {
		k := queue[0]
		queue = queue[1:]
		if !out[k] {
			out[k] = true
			queue = append(queue, s.below[k]...)
		}
	}
	return out
}

var rank = map[Severity]int{Critical: 3, Warning: 2, Info: 1}

// weight is severity times recency times nearness to what was asked.
func (s *session) weight(f *finding) float64 {
	w := map[Severity]float64{Critical: 100, Warning: 20, Info: 1}[f.Severity]
	if !f.when.IsZero() {
		switch old := s.at.Sub(f.when); {
		case old > 7*24*time.Hour:
			w *= .7
		case old > 24*time.Hour:
			w *= .8
		case old > time.Hour:
			w *= .9
		}
	}
	far := maxHops + 1
	for _, m := range append([]key{f.about}, f.members...) {
		if d, ok := s.depth[m]; ok {
			far = min(far, d)
		} else if _, looked := s.looks[m]; looked {
			far = 0
		}
	}
	w /= 1 + .1*float64(far)
	if f.echo {
		w *= .5
	}
	if len(f.members) > 1 {
		w *= 1.02 // of two troubles the wider one first
	}
	return w
}

// checked says what was looked at: the target first, then how many of each kind.
func (s *session) checked() string {
	count, kinds := map[string]int{}, []string{}
	for i, k := range s.order {
		if i == 0 && !s.wide {
			continue
		}
		if count[k.kind]++; count[k.kind] == 1 {
			kinds = append(kinds, k.kind)
		}
	}
	var parts []string
	if !s.wide && len(s.order) > 0 {
		parts = append(parts, s.order[0].String())
	}
	for _, kind := range kinds {
		parts = append(parts, counted(count[kind], kindWord(kind)))
	}
	text := anded(parts)
	if more := s.asides(); more != "" {
		text += "; " + more
	}
	return text
}

func kindWord(kind string) string {
	if strings.ToUpper(kind) == kind {
		return kind
	}
	var b strings.Builder
	for i, r := range kind {
		if i > 0 && r >= 'A' && r <= 'Z' && kind[i-1] >= 'a' && kind[i-1] <= 'z' {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// asides are no faults, and still what somebody who asks may want to hear: when the pods last restarted.
func (s *session) asides() string {
	restarts, last := int64(0), time.Time{}
	why := ""
	for _, o := range s.looks {
		if o.GetKind() != "Pod" {
			continue
		}
		for _, c := range containersOf(o) {
			n, _ := number(c.status, "restartCount")
			restarts += n
			if t := when(c.status, "lastState", "terminated", "finishedAt"); t.After(last) {
				last = t
				why = cmp.Or(text(c.status, "lastState", "terminated", "reason"), "Completed")
			}
		}
	}
	if s.wide || restarts == 0 {
		return ""
	}
	out := counted(int(restarts), "restart") + " so far"
	if !last.IsZero() {
		out += fmt.Sprintf(", the last %s ago (%s)", ago(s.at.Sub(last)), why)
	}
	return out
}
