package kubepath_test

import (
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// lets a user of the test's own do some things in its namespace.
func (p *place) allow(rules string) string {
	p.t.Helper()
	user := "user-of-" + p.ns
	p.apply(`{"apiVersion":"v1","kind":"List","items":[
		{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"some"},"rules":` + rules + `},
		{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding","metadata":{"name":"some"},
		 "roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"some"},"subjects":[{"kind":"User","name":"` + user + `","apiGroup":"rbac.authorization.k8s.io"}]}]}`)
	return user
}

func TestTheReviewAsksForEveryRequestBehindAWord(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.deploy("web", 1)
	user := p.allow(`[{"apiGroups":["apps"],"resources":["deployments"],"verbs":["get","list"]},{"apiGroups":["apps"],"resources":["deployments/scale"],"verbs":["get"]}]`)
	c := p.as(user)
	s := p.step(nlp.OpScale, deployments, "web")
	s.Args.Replicas = ptr(int32(3))
	v, err := c.Review(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if v.Allowed {
		t.Error("a scale without update on deployments/scale is allowed")
	}
	missing := []string{}
	for _, check := range v.Checks {
		if !check.Allowed {
			missing = append(missing, check.Verb+" "+check.Resource+" "+check.Namespace+"/"+check.Name)
		}
	}
	if got, want := strings.Join(missing, ","), "update deployments.apps/scale "+p.ns+"/web"; got != want {
		t.Errorf("missing %q, want %q", got, want)
	}
	if _, err := c.DryRun(t.Context(), s); !problem.Is(err, problem.Forbidden) {
		t.Errorf("the dry run: %v", err)
	}
	if a, err := c.Execute(t.Context(), s); !problem.Is(err, problem.Forbidden) || a.Outcome != audit.Denied || a.HTTPStatus != 403 {
		t.Errorf("execute: %+v, %v", a, err)
	}
	if v, err := p.Review(t.Context(), s); err != nil || !v.Allowed {
		t.Errorf("the administrator: %+v, %v", v, err)
	}
}

func TestWhatMayNotBeListedIsNotNamed(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.deploy("hidden-service", 1)
	p.apply(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"seen"}}`)
	user := p.allow(`[{"apiGroups":[""],"resources":["configmaps"],"verbs":["list"]}]`)
	words, err := p.as(user).Vocabulary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := words.Objects("deployments.apps", ""); len(got) != 0 {
		t.Errorf("deployments are named: %v", got)
	}
	words, err = p.Vocabulary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := words.Objects("deployments.apps", p.ns); len(got) != 1 {
		t.Errorf("the administrator sees %v", got)
	}
}

func TestOfAllKindsWhatMayBeSeenIsShown(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.deploy("web", 1)
	user := p.allow(`[{"apiGroups":["apps"],"resources":["deployments"],"verbs":["list"]}]`)
	s := nlp.Step{Op: nlp.OpGet, Resource: nlp.Resource{Plural: nlp.CategoryAll}, Also: []nlp.Resource{pods, deployments}, Namespace: p.ns}
	a, err := p.as(user).Execute(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, said(t, a.Parts), "web", "Some kinds are left out")
	s = nlp.Step{Op: nlp.OpGet, Resource: pods, Namespace: p.ns}
	if _, err := p.as(user).Execute(t.Context(), s); !problem.Is(err, problem.Forbidden) {
		t.Errorf("pods: %v", err)
	}
}
