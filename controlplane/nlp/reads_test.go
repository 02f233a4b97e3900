package nlp_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadingsOfTheTable(t *testing.T) {
	t.Parallel()
	v := vocabulary(t, "shop")
	raw, err := os.ReadFile(filepath.Join("testdata", "shop.reads.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(raw), "\n") {
		said, want, ok := strings.Cut(line, " => ")
		if !ok {
			continue
		}
		tr := translate(v, said)
		got := tr.Kubectl
		if got == "" {
			got = string(tr.Class)
		}
		if got != want {
			t.Errorf("%q\n  want %s\n  got  %s (%s)", said, want, got, tr.Message)
		}
	}
}

func TestTheTraceTellsEveryWordThatCounted(t *testing.T) {
	t.Parallel()
	v := vocabulary(t, "shop")
	tr := translate(v, "show me the last 50 log lines of ledger since 10 minutes")
	var told strings.Builder
	for _, e := range tr.Trace {
		if e.Words == "" || e.As == "" {
			t.Errorf("an empty entry: %+v", e)
		}
		told.WriteString(e.Words + " -> " + e.As + "\n")
	}
	for _, want := range []string{"50 -> a number", "10 minutes -> a span of time", "ledger -> deployment ledger", "rule logs"} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("the trace does not tell %q:\n%s", want, told.String())
		}
	}
}

func TestOneQuestionMayBeTwoReads(t *testing.T) {
	t.Parallel()
	v := vocabulary(t, "shop")
	for said, want := range map[string]string{
		"list the pods in shop and their cpu usage":   "kubectl get pods -n shop\nkubectl top pods -n shop",
		"list pods in shop plus their memory":         "kubectl get pods -n shop\nkubectl top pods -n shop",
		"show the pods in shop and their cpu usage":   "kubectl top pods -n shop",
		"pods in shop and staging":                    "kubectl get pods -n shop\nkubectl get pods -n staging",
		"list the deployments of shop and of staging": "kubectl get deployments -n shop\nkubectl get deployments -n staging",
		"delete all pods in shop and staging":         "",
	} {
		if got := translate(v, said).Kubectl; got != want {
			t.Errorf("%q\n  want %s\n  got  %s", said, want, got)
		}
	}
}
