package kubepath_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

func TestCordonTaintAndUncordonANode(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	name := "node-" + p.ns
	p.apply(`{"apiVersion":"v1","kind":"Node","metadata":{"name":"` + name + `"},"spec":{"taints":[{"key":"old","effect":"NoSchedule"}]}}`)
	taint := p.step(nlp.OpTaint, nodes, name)
	taint.Args.Set, taint.Args.Remove = map[string]string{"gpu": "yes:NoSchedule"}, []string{"old"}
	// the node's controllers write taints of their own, which makes a preview stale: then there is a new one
	settled := func(s nlp.Step) func() bool {
		return func() bool {
			v, err := p.DryRun(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			a, err := p.Execute(t.Context(), s, v.Seen...)
			if err != nil && !problem.Is(err, problem.Conflict) {
				t.Fatal(err)
			}
			return a.Outcome == audit.Succeeded
		}
	}
	cordon := p.step(nlp.OpCordon, nodes, name)
	contains(t, p.preview(cordon).Diffs[0].Unified, "+  unschedulable: true")
	eventually(t, "the node to be cordoned", settled(cordon))
	if _, err := p.DryRun(t.Context(), cordon); !problem.Is(err, problem.Conflict) {
		t.Errorf("cordoning twice: %v", err)
	}
	eventually(t, "the taint", settled(taint))
	eventually(t, "the node to be uncordoned", settled(p.step(nlp.OpUncordon, nodes, name)))
	if got := p.kubectl("get", "node", name, "-o", "jsonpath={.spec.unschedulable}{range .spec.taints[*]}{.key}={.value}:{.effect};{end}"); !strings.Contains(got, "gpu=yes:NoSchedule") || strings.Contains(got, "old") || strings.HasPrefix(got, "true") {
		t.Errorf("node: %s", got)
	}
}

// The controllers of a node write into it all the time; an undo of what a person did does not mind.
func TestChangesOfANodeAreTakenBack(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	name := "back-" + p.ns
	p.apply(`{"apiVersion":"v1","kind":"Node","metadata":{"name":"` + name + `"},"spec":{"taints":[{"key":"old","value":"a","effect":"NoSchedule"},{"key":"old","value":"b","effect":"NoExecute"}]}}`)
	t.Cleanup(func() { p.tryKubectl("delete", "node", name) })
	state := func() string {
		return p.kubectl("get", "node", name, "-o", `jsonpath={.spec.unschedulable} {.spec.taints[?(@.value=="a")].effect} {.spec.taints[?(@.value=="b")].effect} {.spec.taints[?(@.key=="gpu")].effect}`)
	}
	taint := p.step(nlp.OpTaint, nodes, name)
	taint.Args.Set, taint.Args.Remove = map[string]string{"gpu": "yes:NoExecute"}, []string{"old"}
	before := state()
	for _, s := range []nlp.Step{p.step(nlp.OpCordon, nodes, name), taint} {
		v := p.preview(s)
		a, err := p.Execute(t.Context(), s, v.Seen...)
		if err != nil || a.Undo == nil || a.Undo.Impossible != "" || state() == before {
			t.Fatalf("%s: %+v, %v", s.Op, a, err)
		}
		back := a.Undo.Plan.Steps[0]
		w, err := p.DryRun(t.Context(), back, a.Undo.Seen...)
		if err != nil {
			t.Fatalf("%s: %v", a.Undo.Sentence, err)
		}
		if _, err := p.Execute(t.Context(), back, w.Seen...); err != nil || state() != before {
			t.Errorf("%s: %q, want %q, %v", a.Undo.Sentence, state(), before, err)
		}
	}
	contains(t, said(t, p.preview(taint)), "No pod on the node would be evicted now")
}

func TestDrainEvictsWhatWasShown(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	name := "drain-" + p.ns
	p.apply(`{"apiVersion":"v1","kind":"Node","metadata":{"name":"` + name + `"}}`)
	p.deploy("web", 1)
	uid := p.kubectl("get", "deploy", "web", "-o", "jsonpath={.metadata.uid}")
	onNode := func(pod, owner string) string {
		return fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":%q,"labels":{"pod":%q}%s},"spec":{"nodeName":%q,"containers":[{"name":"main","image":"x"}],"tolerations":[{"operator":"Exists"}],"volumes":[{"name":"v","emptyDir":{}}]}}`, pod, pod, owner, name)
	}
	owned := func(kind string) string {
		return fmt.Sprintf(`,"ownerReferences":[{"apiVersion":"apps/v1","kind":%q,"name":"web","uid":%q,"controller":true}]`, kind, uid)
	}
	p.apply(onNode("alone", ""))
	drain := p.step(nlp.OpDrain, nodes, name)
	drain.Args = nlp.Args{IgnoreDaemonSets: true, DeleteEmptyDir: true}
	if _, err := p.DryRun(t.Context(), drain); !problem.Is(err, problem.Conflict) || !strings.Contains(err.Error(), "alone") {
		t.Fatalf("a pod of nobody: %v", err)
	}
	p.kubectl("delete", "pod", "alone", "--grace-period=0", "--force")
	p.apply(onNode("worker", owned("Deployment")))
	p.apply(onNode("guarded", owned("Deployment")))
	p.apply(onNode("daemon", owned("DaemonSet")))
	for said, args := range map[string]nlp.Args{"DaemonSets": {DeleteEmptyDir: true}, "emptyDir": {IgnoreDaemonSets: true}} { // as kubectl refuses them
		plain := p.step(nlp.OpDrain, nodes, name)
		plain.Args = args
		if _, err := p.DryRun(t.Context(), plain); !problem.Is(err, problem.Conflict) || !strings.Contains(err.Error(), said) {
			t.Errorf("without leave for %s: %v", said, err)
		}
	}
	v := p.preview(drain)
	if len(v.Diffs) != 3 { // the node, worker, guarded
		t.Fatalf("preview: %s", said(t, v))
	}
	contains(t, said(t, v), "pod/"+p.ns+"/worker", "emptyDir")
	if strings.Contains(said(t, v), p.ns+"/daemon") {
		t.Error("a DaemonSet's pod would be evicted, and come back")
	}
	p.apply(onNode("late", owned("Deployment")))
	a, err := p.Execute(t.Context(), drain, v.Seen...)
	if err != nil || a.Outcome != audit.Succeeded {
		t.Fatalf("drain: %+v, %v", a, err)
	}
	left := p.kubectl("get", "pods", "-o", `jsonpath={range .items[?(@.spec.nodeName=="`+name+`")]}{.metadata.name}{.metadata.deletionTimestamp};{end}`)
	for _, gone := range []string{"worker;", "guarded;"} {
		if strings.Contains(left, gone) {
			t.Errorf("%s was not evicted: %s", gone, left)
		}
	}
	contains(t, left, "late;")
}
