package nlp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

var update = flag.Bool("update", false, "write the golden files anew, to be read before they are committed")

// clusters are the two worlds that sentences are tried in: other names, other kinds, other collisions.
var clusters = []string{"shop", "bank"}

func vocabulary(t testing.TB, name string) *nlp.Vocabulary {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	v, err := nlp.FromManifests(f, name, "")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func translate(v *nlp.Vocabulary, said string) nlp.Translation {
	turns := strings.Split(said, " >> ")
	req := nlp.Request{Utterance: turns[len(turns)-1], Vocabulary: v}
	for _, turn := range turns[:len(turns)-1] {
		req.Context = append(req.Context, nlp.Turn{Utterance: turn})
	}
	return nlp.Translator{}.Translate(context.Background(), req)
}

func sentences(t testing.TB, name string) []string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	var out []string
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if line := strings.TrimSpace(sc.Text()); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

// shown is a translation as the golden files hold it: the plan, or what it could become.
func shown(tr nlp.Translation) string {
	var b strings.Builder
	b.WriteString("  " + string(tr.Class) + "\n")
	for _, line := range strings.Split(tr.Kubectl, "\n") {
		if line != "" {
			b.WriteString("  $ " + line + "\n")
		}
	}
	if tr.Plan != nil {
		for _, s := range tr.Plan.Steps {
			if post, err := json.Marshal(s.Post); err == nil && string(post) != "{}" {
				b.WriteString("  rows " + string(post) + "\n")
			}
		}
		return b.String()
	}
	b.WriteString("  " + tr.Message + "\n")
	for _, c := range tr.Choices {
		b.WriteString("  [" + c.Label + "] " + c.Text + "\n")
	}
	return b.String()
}

func TestSentencesBecomeThePlansOfTheGoldenFiles(t *testing.T) {
	t.Parallel()
	for _, name := range clusters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := vocabulary(t, name)
			var b strings.Builder
			for _, said := range sentences(t, name) {
				b.WriteString(said + "\n" + shown(translate(v, said)))
			}
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); diff != "" {
				t.Errorf("translations changed (-golden +now):\n%s", diff)
			}
		})
	}
}

// renames turns the shop into a cluster of other names, of other lengths and places in the alphabet.
var renames = strings.NewReplacer(
	"checkout", "zapper", "frontend", "lobby", "cart", "basket-svc", "ledger", "abacus", "gateway", "turnstile", "postgres", "vault0",
	"nightly-export", "dawn-sync", "shop", "plaza", "staging", "rehearsal", "payments", "treasury", "tools", "shed", "uploads", "attic",
	"worker-1", "metal-7", "worker-2", "metal-8", "settings", "knobs", "toolbox", "drawer", "widgets", "gizmos", "widget", "gizmo", "Widget", "Gizmo",
)

func TestNothingDependsOnTheNamesOfOneCluster(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("testdata", "shop.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := nlp.FromManifests(strings.NewReader(renames.Replace(string(raw))), "plaza", "")
	if err != nil {
		t.Fatal(err)
	}
	v := vocabulary(t, "shop")
	for _, said := range sentences(t, "shop") {
		if strings.Contains(said, "ledgr") || strings.Contains(said, "stagign") {
			continue // a typing error of a name that is not there any more
		}
		a, b := translate(v, said), translate(other, renames.Replace(said))
		if want := renames.Replace(a.Kubectl); a.Class != b.Class || want != b.Kubectl {
			t.Errorf("%q: %s %q, but under other names: %s %q (%s)", said, a.Class, a.Kubectl, b.Class, b.Kubectl, b.Message)
		}
	}
}

func TestTranslationIsDeterministic(t *testing.T) {
	t.Parallel()
	for _, name := range clusters {
		one, two := vocabulary(t, name), vocabulary(t, name)
		for _, said := range sentences(t, name) {
			a, b := translate(one, said), translate(two, said)
			if diff := cmp.Diff(a, b); diff != "" {
				t.Fatalf("%s: %q came out differently:\n%s", name, said, diff)
			}
		}
	}
}

func TestEveryPlanIsValidAndClassedFromItsFields(t *testing.T) {
	t.Parallel()
	for _, name := range clusters {
		v := vocabulary(t, name)
		for _, said := range sentences(t, name) {
			tr := translate(v, said)
			if tr.Plan == nil {
				if tr.Class != nlp.Clarify && tr.Class != nlp.Refuse {
					t.Errorf("%q: no plan, but class %s", said, tr.Class)
				}
				continue
			}
			if err := nlp.Validate(*tr.Plan, v); err != nil {
				t.Errorf("%q: %v", said, err)
			}
			if tr.Class != nlp.ClassifyPlan(*tr.Plan) {
				t.Errorf("%q: class %s, plan says %s", said, tr.Class, nlp.ClassifyPlan(*tr.Plan))
			}
		}
	}
}

func TestRenderedCommandsReadBackAsThemselves(t *testing.T) {
	t.Parallel()
	for _, name := range clusters {
		v := vocabulary(t, name)
		for _, said := range sentences(t, name) {
			tr := translate(v, said)
			if tr.Plan == nil {
				continue
			}
			for _, s := range tr.Plan.Steps {
				if s.Op == nlp.OpDiagnose {
					continue // it is more than one command
				}
				line := nlp.KubectlStep(s)
				back := translate(v, line)
				if back.Kubectl != line {
					t.Errorf("%q gave %q, which reads back as %s %q (%s)", said, line, back.Class, back.Kubectl, back.Message)
				}
			}
		}
	}
}

func TestEveryChoiceIsAnAnswer(t *testing.T) {
	t.Parallel()
	for _, name := range clusters {
		v := vocabulary(t, name)
		for _, said := range sentences(t, name) {
			tr := translate(v, said)
			if len(tr.Choices) > 5 {
				t.Errorf("%q: %d choices", said, len(tr.Choices))
			}
			for _, c := range tr.Choices {
				if got := translate(v, c.Text); got.Plan == nil {
					t.Errorf("%q offers %q, which is %s: %s", said, c.Text, got.Class, got.Message)
				}
			}
		}
	}
}
