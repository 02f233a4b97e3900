package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
)

const manifests = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout, namespace: shop}
spec: {replicas: 2, selector: {matchLabels: {app: checkout}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout, namespace: staging}
spec: {replicas: 1, selector: {matchLabels: {app: checkout}}}
`

func translated(t *testing.T, input string) []sentenceOut {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cluster.yaml")
	if err := os.WriteFile(file, []byte(manifests), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if err := translate(context.Background(), []string{"--manifests", file}, strings.NewReader(input), &out, &errs); err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	var rows []sentenceOut
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var row sentenceOut
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		rows = append(rows, row)
	}
	return rows
}

func TestEachLineIsAnsweredByOneLine(t *testing.T) {
	t.Parallel()
	rows := translated(t, `{"id":"a","utterance":"show pods in shop"}
{"id":2,"utterance":"scale checkout in shop to 3 then show its pods"}

{"id":"c","utterance":"restart checkout"}
{"id":"d","utterance":"and in staging?","context":["scale checkout in shop to 4"]}
{"id":"e","utterance":"tell me a joke","context":[{"utterance":"show pods in shop"}]}
`)
	want := []struct {
		id    string
		class nlp.Class
		plan  string
	}{
		{`"a"`, nlp.Read, "kubectl get pods -n shop"},
		{`2`, nlp.Mutate, "kubectl scale deployment/checkout -n shop --replicas=3|kubectl get pods -n shop -l app=checkout"},
		{`"c"`, nlp.Clarify, ""},
		{`"d"`, nlp.Mutate, "kubectl scale deployment/checkout -n staging --replicas=4"},
		{`"e"`, nlp.Refuse, ""},
	}
	if len(rows) != len(want) {
		t.Fatalf("%d rows: %+v", len(rows), rows)
	}
	for i, w := range want {
		r := rows[i]
		if string(r.ID) != w.id || r.Class != w.class || strings.Join(r.Plan, "|") != w.plan || (r.Kubectl == nil) != (w.plan == "") || r.Message == "" {
			t.Errorf("row %d: %s %s %q %q", i, r.ID, r.Class, r.Plan, r.Message)
		}
	}
}

func TestALineThatCannotBeReadIsAnsweredAndTheNextOnesToo(t *testing.T) {
	t.Parallel()
	rows := translated(t, "not json\n{\"id\":7}\n{\"id\":8,\"utterance\":5}\n"+
		`{"id":9,"utterance":"pods","context":"x"}`+"\n"+strings.Repeat("x", maxLine+10)+"\n"+`{"id":10,"utterance":"nodes"}`)
	if len(rows) != 6 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, r := range rows[:5] {
		if r.Error == "" || r.Class != nlp.Refuse || r.Kubectl != nil {
			t.Errorf("row %d: %+v", i, r)
		}
	}
	if rows[5].Kubectl == nil || *rows[5].Kubectl != "kubectl get nodes" {
		t.Errorf("the last row: %+v", rows[5])
	}
}

func TestTranslateSaysWhatIsWrongWithItsArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"x"}, {"--nope"}, {"--manifests", "/does/not/exist"}, {"--kubeconfig", "/does/not/exist"}, {"--manifests", "x", "--answer"}} {
		var out, errs bytes.Buffer
		if err := translate(context.Background(), args, strings.NewReader(""), &out, &errs); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}

func TestAMessageSumsUpWhatADiagnosisFound(t *testing.T) {
	t.Parallel()
	finding := func(name string) any {
		return chat.Finding{Object: "pod/" + name + " in shop", Reason: "OOMKilled", Text: "It was killed.", Cause: "Its limit is low.", Next: "Raise the limit of " + name + "."}
	}
	diagnosis := []nlp.Step{{Op: nlp.OpDiagnose}}
	well := []part{{Type: "text", Data: chat.Text{Text: "Nothing is wrong."}}}
	for name, c := range map[string]struct {
		reply sentenceOut
		want  string
	}{
		"one":               {sentenceOut{Steps: diagnosis, Findings: []any{finding("a")}}, "Found: pod/a in shop: OOMKilled. It was killed. Its limit is low. Next: Raise the limit of a."},
		"nothing":           {sentenceOut{Steps: diagnosis, Answer: well}, "Nothing is wrong."},
		"no diagnosis":      {sentenceOut{Steps: []nlp.Step{{Op: nlp.OpGet}}, Answer: well}, ""},
		"nothing at all":    {sentenceOut{Steps: diagnosis}, ""},
		"beside what shows": {sentenceOut{Steps: []nlp.Step{{Op: nlp.OpGet}}, Findings: []any{finding("b")}}, "Found: pod/b in shop: OOMKilled. It was killed. Its limit is low. Next: Raise the limit of b."},
	} {
		if got := summary(c.reply); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	many := summary(sentenceOut{Steps: diagnosis, Findings: []any{finding("a"), finding("b"), finding("c"), finding("d"), finding("e")}})
	if !strings.Contains(many, "pod/c") || strings.Contains(many, "pod/d") || !strings.Contains(many, "2 more.") || !strings.HasSuffix(many, "Next: Raise the limit of a.") {
		t.Errorf("%q", many)
	}
}
