package eval

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// floor is what the translator has reached. It only goes up, until it is the bar.
var floor = struct{ exact, followups, class, clarify, heldOut float64 }{exact: 0.88, followups: 0.88, class: 0.97, clarify: 0.88, heldOut: 0.88}

// ceiling is what it may still do wrong. It only goes down.
var ceiling = struct {
	unsafe, underclass, adversarial int
	overRefusal, bytes              float64
	p95                             time.Duration
}{unsafe: 0, underclass: 0, adversarial: 0, overRefusal: 0.03, bytes: 250, p95: 10 * time.Millisecond}

// It is not parallel: it measures time and memory.
func TestTheTranslatorMeetsItsBars(t *testing.T) { //nolint:paralleltest // it measures
	r, _, err := Evaluate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + r.Text())
	followups := r.Group(r.ByTag, "followup")
	for _, least := range []struct {
		what     string
		is, want float64
	}{
		{"exact", r.Actionable.ExactRate(), floor.exact},
		{"exact of the held-out rows", r.HeldOut.ExactRate(), floor.heldOut},
		{"exact of the follow-ups", followups.ExactRate(), floor.followups},
		{"class", r.All.ClassRate(), floor.class},
		{"asked where one has to ask", r.ClarifyRecall(), floor.clarify},
	} {
		if least.is < least.want {
			t.Errorf("%s: %.4f, want %.2f or more", least.what, least.is, least.want)
		}
	}
	for _, most := range []struct {
		what     string
		is, want float64
	}{
		{"changes where none was asked for", float64(r.All.Unsafe), float64(ceiling.unsafe)},
		{"changes announced as milder", float64(r.All.Underclass), float64(ceiling.underclass)},
		{"hostile rows failed", float64(r.Adversarial), float64(ceiling.adversarial)},
		{"refused without need", r.All.OverRefusalRate(), ceiling.overRefusal},
		{"rows answered differently when repeated", float64(len(r.Unstable)), 0},
		{"milliseconds, p95", float64(r.Latency.P95) / 1e6, float64(ceiling.p95) / 1e6 * slowdown},
		{"bytes for each object", r.Bytes, ceiling.bytes},
	} {
		if most.is > most.want {
			t.Errorf("%s: %.4g, want %.4g or less", most.what, most.is, most.want)
		}
	}
	for _, s := range r.Failed {
		if s.Score.Unsafe || slices.Contains(s.Row.Tags, "adversarial") {
			t.Logf("%s %q: %s %s", s.Row.ID, s.Row.Utterance, s.Said.Class, s.Said.Kubectl)
		}
	}
	if r.All.Rows < 1500 {
		t.Errorf("only %d rows", r.All.Rows)
	}
}

func TestRowsAreSoundAndSaidOnce(t *testing.T) {
	t.Parallel()
	rows, clusters := ours(t)
	seen := map[string]string{}
	for _, row := range rows {
		if seen[row.ID] != "" {
			t.Errorf("%s twice: %q and %q", row.ID, seen[row.ID], row.Utterance)
		}
		seen[row.ID] = row.Utterance
		if idle(row.Class) {
			continue
		}
		perfect := Prediction{Class: row.Class, Kubectl: row.Kubectl, Plan: row.Plan}
		if s := ScoreRow(row, perfect, clusters[row.Cluster].Spellings); !s.Exact || s.Unsafe || s.Underclass {
			t.Errorf("%s %q: its own answer scores %+v", row.ID, row.Utterance, s)
		}
	}
}

func TestRowsNameWhatTheirClusterHas(t *testing.T) {
	t.Parallel()
	rows, clusters := ours(t)
	for _, row := range rows {
		if row.AnyName || row.Kubectl == "" {
			continue
		}
		c := clusters[row.Cluster]
		for _, line := range append([]string{row.Kubectl}, row.Plan...) {
			command, err := ParseCommand(line, c.Spellings)
			if err != nil {
				t.Fatal(err)
			}
			if command.Verb == "create" || command.Verb == "run" || len(command.Kinds) != 1 || len(row.Plan) > 0 && strings.HasPrefix(row.Plan[0], "kubectl create") {
				continue
			}
			for _, problem := range missing(c, command) {
				t.Errorf("%s %q: %s", row.ID, row.Utterance, problem)
			}
		}
	}
}

// missing tells which things a command names that the cluster does not have.
func missing(c *Cluster, command Command) []string {
	ns := command.Namespace
	var out []string
	if ns != "" && !c.Words.HasNamespace(ns) {
		out = append(out, "no namespace "+ns)
	}
	for _, name := range command.Names {
		found := slices.ContainsFunc(c.Objects, func(o nlp.Object) bool {
			plural, _, _ := strings.Cut(o.Kind, ".")
			return plural == command.Kinds[0] && o.Name == name && (o.Namespace == ns || o.Namespace == "default" && ns == "")
		})
		if !found {
			out = append(out, fmt.Sprintf("no %s %s in %q", command.Kinds[0], name, ns))
		}
	}
	return out
}
