package eval

import (
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// theirs and all are made once: nothing changes them.
var (
	theirs = sync.OnceValues(Clusters)
	all    = sync.OnceValues(func() ([]Row, error) {
		clusters, err := theirs()
		if err != nil {
			return nil, err
		}
		return Rows(clusters)
	})
)

func clustersFor(t *testing.T) map[string]*Cluster {
	t.Helper()
	clusters, err := theirs()
	if err != nil {
		t.Fatal(err)
	}
	return clusters
}

// ours are our own rows and what they are about.
func ours(t *testing.T) ([]Row, map[string]*Cluster) {
	t.Helper()
	rows, err := all()
	if err != nil {
		t.Fatal(err)
	}
	return rows, clustersFor(t)
}

func TestTheNotationSaysWhatARowIs(t *testing.T) {
	t.Parallel()
	clusters := clustersFor(t)
	rows, err := readRows(strings.NewReader(`
# a comment
@cluster kestrel
@tags filter
show pods in production » which crash => kubectl get pods -n production || kubectl get pods -A #followup ~open
restart finder then show its pods => kubectl rollout restart deployment/finder -n staging ;; kubectl get pods -n staging -l app=finder
delete everything => !refuse #adversarial +clarify
`), clusters)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 {
		t.Fatalf("%d rows", len(rows))
	}
	first := rows[0]
	if first.Utterance != "which crash" || !reflect.DeepEqual(first.Context, []string{"show pods in production"}) || first.Class != nlp.Read ||
		first.Scope != "open" || !reflect.DeepEqual(first.Accept, []string{"kubectl get pods -A"}) || !reflect.DeepEqual(first.Tags, []string{"filter", "followup"}) {
		t.Errorf("%+v", first)
	}
	if second := rows[1]; len(second.Plan) != 2 || second.Class != nlp.Mutate {
		t.Errorf("%+v", second)
	}
	if third := rows[2]; third.Class != nlp.Refuse || third.Kubectl != "" || !reflect.DeepEqual(third.ClassAccept, []nlp.Class{nlp.Clarify}) {
		t.Errorf("%+v", third)
	}
}

func TestABadRowSaysWhereItIs(t *testing.T) {
	t.Parallel()
	clusters := clustersFor(t)
	for bad, want := range map[string]string{
		"@cluster nowhere\nx => !refuse":             `2: no cluster "nowhere"`,
		"@cluster fable\npods":                       "2: no =>",
		"@cluster fable\nx => kubectl get pods | sh": "2: ",
		"@cluster fable\nx => kubectl get a !refuse": "2: refuse and a command",
	} {
		if _, err := readRows(strings.NewReader(bad), clusters); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", bad, err, want)
		}
	}
}

func TestTheRowsAreTheSameEachTime(t *testing.T) {
	t.Parallel()
	first, clusters := ours(t)
	second, err := Rows(clusters)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(first, second) {
		t.Error("two readings differ")
	}
}

func TestTheLargeClusterIsLarge(t *testing.T) {
	t.Parallel()
	if n := len(clustersFor(t)["colossus"].Objects); n < colossusObjects {
		t.Errorf("%d objects", n)
	}
}

func TestThePageSaysHowItWent(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	r := Summarise([]Scored{{Row: Row{Cluster: "fable", Class: nlp.Refuse}, Said: Prediction{Class: nlp.Refuse}, Score: Score{Class: true, Exact: true}}})
	r.Clusters = []Size{{"fable", 1, 40}}
	if err := r.WritePage(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| class right | 100.0 % (1 of 1) | 97.0 % |", "| fable | a small shop in one namespace | 1 | 40 | 1 | 100.0 % |"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
