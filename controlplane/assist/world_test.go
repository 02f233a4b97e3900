package assist_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/assist"
	"github.com/kubechat/kubechat/controlplane/model"
	"github.com/kubechat/kubechat/controlplane/model/modeltest"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

var (
	deployments = nlp.Resource{Group: "apps", Version: "v1", Plural: "deployments", Kind: "Deployment", Namespaced: true}
	pods        = nlp.Resource{Version: "v1", Plural: "pods", Kind: "Pod", Namespaced: true}
	namespaces  = nlp.Resource{Version: "v1", Plural: "namespaces", Kind: "Namespace"}
	secrets     = nlp.Resource{Version: "v1", Plural: "secrets", Kind: "Secret", Namespaced: true}
	replicaSets = nlp.Resource{Group: "apps", Version: "v1", Plural: "replicasets", Kind: "ReplicaSet", Namespaced: true}
)

func vocabulary() *nlp.Vocabulary {
	kind := func(r nlp.Resource, short ...string) nlp.Kind {
		return nlp.Kind{Resource: r, Singular: strings.ToLower(r.Kind), ShortNames: short}
	}
	deployment := func(ns, name, image string) nlp.Object {
		return nlp.Object{Kind: "deployments.apps", Namespace: ns, Name: name, Details: &nlp.Details{Containers: []nlp.Container{{Name: "app", Image: image}}}}
	}
	return nlp.NewVocabulary(nlp.VocabularyConfig{
		Cluster: "prod-eu", Namespaces: []string{"default", "shop", "billing"},
		Kinds: []nlp.Kind{kind(deployments, "deploy"), kind(pods, "po"), kind(namespaces, "ns"), kind(secrets), kind(replicaSets, "rs"),
			kind(nlp.Resource{Group: "example.com", Version: "v1", Plural: "widgets", Kind: "Widget", Namespaced: true})},
		Objects: []nlp.Object{
			deployment("shop", "checkout", "registry.acme.example/shop/checkout:1.4.0"), deployment("shop", "payments", "acme/payments:2.0"),
			deployment("shop", "web", "acme/web:1"), deployment("billing", "web", "acme/web:1"), deployment("billing", "ledger", "acme/ledger:7"),
			{Kind: "replicasets.apps", Namespace: "shop", Name: "payments-7d9f8b6c5d", OwnerKind: "Deployment", OwnerName: "payments"},
			{Kind: "pods", Namespace: "shop", Name: "payments-7d9f8b6c5d-x2k4q", OwnerKind: "ReplicaSet", OwnerName: "payments-7d9f8b6c5d"},
			// it claims to belong to a deployment that nobody spoke of
			{Kind: "pods", Namespace: "billing", Name: "stray", OwnerKind: "Deployment", OwnerName: "ledger"},
			{Kind: "namespaces", Name: "shop"}, {Kind: "namespaces", Name: "billing"},
		},
	})
}

// cluster answers reads with what a test put into it.
type cluster struct {
	findings []assist.Finding
	lines    map[nlp.Op][]string
	fail     map[nlp.Op]error
	looked   []nlp.Step
	hold     chan struct{} // not nil: a read lasts until ctx ends
}

func (c *cluster) Look(ctx context.Context, s nlp.Step) (assist.Seen, error) {
	c.looked = append(c.looked, s)
	if c.hold != nil {
		close(c.hold)
		<-ctx.Done()
		return assist.Seen{}, ctx.Err()
	}
	if err := c.fail[s.Op]; err != nil {
		return assist.Seen{}, err
	}
	if s.Op == nlp.OpDiagnose {
		return assist.Seen{Findings: c.findings}, nil
	}
	return assist.Seen{Lines: c.lines[s.Op]}, nil
}

func (c *cluster) Allowed(context.Context, nlp.Step) (string, error) { return "yes", nil }

var oom = assist.Finding{
	Object: "pod/payments-7d9f8b6c5d-x2k4q in shop", Reason: "OOMKilled", Severity: "critical", Text: "The container used more than its memory limit of 64Mi.",
	Evidence: []string{"lastState.terminated.reason = OOMKilled"}, Next: "Raise the limit.",
}

func newCluster() *cluster {
	return &cluster{findings: []assist.Finding{oom}, lines: map[nlp.Op][]string{}, fail: map[nlp.Op]error{}}
}

// heard is all that a turn gave.
type heard struct {
	outputs  []assist.Output
	err      error
	requests []model.Request
}

func (h heard) proposals() (out []assist.Proposal) { return outputs[assist.Proposal](h) }

func outputs[O assist.Output](h heard) (out []O) {
	for _, o := range h.outputs {
		if x, ok := o.(O); ok {
			out = append(out, x)
		}
	}
	return out
}

func (h heard) answer(t *testing.T) assist.Answer {
	t.Helper()
	all := outputs[assist.Answer](h)
	if h.err != nil || len(all) != 1 {
		t.Fatalf("answers %v, error %v", all, h.err)
	}
	return all[0]
}

// results are what the model read from tools, all of it.
func (h heard) results() string {
	var b strings.Builder
	last := h.requests[len(h.requests)-1]
	for _, m := range last.Messages {
		for _, r := range m.Results {
			b.WriteString(r.Text + "\n")
		}
	}
	return b.String()
}

func ask(t *testing.T, c *cluster, m *modeltest.Player, question string, change ...func(*assist.Config, *assist.Input)) heard {
	t.Helper()
	cfg := assist.Config{Model: m, Name: "scripted"}
	in := assist.Input{Scope: tenant.Scope{Tenant: "t", Member: "m"}, Run: "r", Question: question, Vocabulary: vocabulary(), Tools: c}
	for _, f := range change {
		f(&cfg, &in)
	}
	var h heard
	for o, err := range assist.New(cfg).Turn(t.Context(), in) {
		if err != nil {
			h.err = err
			break
		}
		h.outputs = append(h.outputs, o)
	}
	h.requests = m.Requests()
	return h
}

func call(name, args string) modeltest.Answer {
	return modeltest.Answer{Calls: []model.ToolCall{{ID: "c-" + name, Name: name, Args: json.RawMessage(args)}}}
}

func says(text string) modeltest.Answer { return modeltest.Answer{Text: []string{text}} }

func plan(steps string) modeltest.Answer { return call("propose_plan", `{"steps":[`+steps+`]}`) }

type meter struct {
	reserved, settled []assist.Call
	limit             int64
	used              int64
}

func (m *meter) Reserve(_ context.Context, _ tenant.Scope, c assist.Call) error {
	m.reserved = append(m.reserved, c)
	if m.limit > 0 && m.used+c.Input+c.Output > m.limit {
		return problem.New(problem.Limited, "Today's budget for the model is used up.").WithCode("model_budget")
	}
	m.used += c.Input + c.Output
	return nil
}

func (m *meter) Settle(_ context.Context, _ tenant.Scope, c assist.Call) (assist.Budget, error) {
	m.settled = append(m.settled, c)
	m.used += c.Input + c.Output - c.ReservedTokens
	return assist.Budget{Used: m.used, Limit: m.limit}, nil
}

func filler(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("line %d of a log that goes on and on", i))
	}
	return out
}
