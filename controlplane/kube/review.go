package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// right is one thing that must be allowed for a step.
type right struct {
	verb        string
	group       string
	resource    string
	subresource string
	namespace   string
	name        string
	subject     string // who would do it; empty is the asker
}

// rights are the real requests behind a step's word, for each object.
func rights(s nlp.Step) []right {
	if change, ok := s.Tried(); ok {
		return rights(change) // the same requests
	}
	var out []right
	add := func(r nlp.Resource, sub string, names []string, verbs ...string) {
		ns := s.Namespace
		if !r.Namespaced {
			ns = ""
		}
		if len(names) == 0 {
			names = []string{""}
		}
		for _, name := range names {
			for _, v := range verbs {
				out = append(out, right{verb: v, group: r.Group, resource: r.Plural, subresource: sub, namespace: ns, name: name})
			}
		}
	}
	each := func(sub string, verbs ...string) {
		for _, r := range s.Kinds() {
			add(r, sub, s.Names, verbs...)
		}
	}
	look := "get"
	if len(s.Names) == 0 {
		look = "list"
	}
	switch s.Op {
	case nlp.OpGet, nlp.OpDiagnose, nlp.OpRolloutStatus:
		each("", look)
	case nlp.OpDescribe:
		each("", look)
		add(events, "", nil, "list")
	case nlp.OpWait:
		each("", look)
	case nlp.OpLogs:
		logRights(s, add)
	case nlp.OpTop:
		r := s.Resource
		r.Group = "metrics.k8s.io"
		add(r, "", s.Names, look)
	case nlp.OpEvents:
		add(events, "", nil, "list")
	case nlp.OpRolloutHistory:
		each("", look)
		add(historyOf(s.Resource), "", nil, "list")
	case nlp.OpExplain, nlp.OpAPIResources, nlp.OpVersion, nlp.OpClusterInfo, nlp.OpCanI, nlp.OpWhoAmI: // what everybody may ask
	default:
		changeRights(s, look, add, each)
	}
	return out
}

type addRights func(r nlp.Resource, sub string, names []string, verbs ...string)

func logRights(s nlp.Step, add addRights) {
	if s.Resource.Key() == pods.Key() && len(s.Names) > 0 {
		add(pods, "log", s.Names, "get")
		return
	}
	if len(s.Names) > 0 {
		add(s.Resource, "", s.Names, "get")
	}
	add(pods, "", nil, "list")
	add(pods, "log", nil, "get")
}

// execRights: the upgrade is a GET on the wire, so some clusters ask for get where others ask for create.
func execRights(s nlp.Step, add addRights) {
	if s.Resource.Key() == pods.Key() {
		add(pods, "", s.Names, "get")
		add(pods, "exec", s.Names, "get", "create")
		return
	}
	add(s.Resource, "", s.Names, "get")
	add(pods, "", nil, "list")
	add(pods, "exec", nil, "get", "create")
}

func historyOf(r nlp.Resource) nlp.Resource {
	if r.Key() == deployments.Key() {
		return replicaSets
	}
	return revisions
}

func changeRights(s nlp.Step, look string, add addRights, each func(sub string, verbs ...string)) {
	switch s.Op {
	case nlp.OpCreate:
		if s.Args.From != "" {
			add(cronJobs, "", nil, "get")
			add(jobs, "", nil, "create")
			return
		}
		add(s.Resource, "", nil, "create") // RBAC cannot restrict create by name
	case nlp.OpScale:
		each("", look)
		each("scale", "get", "update")
	case nlp.OpExpose:
		each("", look)
		add(services, "", nil, "create")
	case nlp.OpAutoscale:
		each("", look)
		add(autoscalers, "", nil, "create")
	case nlp.OpRolloutUndo:
		each("", look, "patch")
		add(historyOf(s.Resource), "", nil, "list")
	case nlp.OpDelete, nlp.OpDeleteCollection:
		each("", look, "delete")
	case nlp.OpExec:
		execRights(s, add)
	case nlp.OpEvict:
		each("", look)
		add(pods, "eviction", s.Names, "create")
	case nlp.OpReplaceForce:
		each("", look, "delete")
		add(s.Resource, "", nil, "create")
	case nlp.OpDrain:
		each("", look, "patch")
		everywhere := pods
		everywhere.Namespaced = false // a node's pods are in any namespace
		add(everywhere, "", nil, "list")
		add(everywhere, "eviction", nil, "create")
	default: // all that is a patch
		each("", look)
		each(s.Subresource, "patch")
	}
}

const (
	maxChecks    = 200
	checksAtOnce = 8
)

// Review asks the cluster's RBAC, as the person, about every request behind the step.
func (c *Cluster) Review(ctx context.Context, step nlp.Step) (chat.Verdict, error) {
	need := unique(rights(step))
	if len(need) > maxChecks {
		return chat.Verdict{}, tooMany(len(step.Names))
	}
	checks := make([]chat.Check, len(need))
	errs := make([]error, len(need))
	var wg sync.WaitGroup
	slots := make(chan struct{}, checksAtOnce)
	for i, r := range need {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			checks[i], errs[i] = c.check(ctx, r)
		})
	}
	wg.Wait()
	v := chat.Verdict{Allowed: true, Checks: checks}
	var missing []right
	for i := range need {
		if errs[i] != nil {
			return chat.Verdict{}, errs[i]
		}
		if !checks[i].Allowed {
			missing = append(missing, need[i])
		}
	}
	if len(missing) > 0 {
		v.Allowed, v.Snippet = false, c.snippet(ctx, step.Op, missing)
	}
	return v, nil
}

func unique(all []right) []right {
	seen := map[right]bool{}
	var out []right
	for _, r := range all {
		if !seen[r] {
			seen[r] = true
			out = append(out, r)
		}
	}
	return out
}

type reviewStatus struct {
	Allowed         bool   `json:"allowed"`
	Denied          bool   `json:"denied"`
	Reason          string `json:"reason"`
	EvaluationError string `json:"evaluationError"`
}

func (c *Cluster) check(ctx context.Context, r right) (chat.Check, error) {
	attributes := map[string]any{"verb": r.verb, "group": r.group, "resource": r.resource}
	for k, v := range map[string]string{"subresource": r.subresource, "namespace": r.namespace, "name": r.name} {
		if v != "" {
			attributes[k] = v
		}
	}
	status, err := c.review(ctx, r.subject, attributes)
	if err != nil {
		return chat.Check{}, err
	}
	resource := r.resource
	if r.group != "" {
		resource += "." + r.group
	}
	if r.subresource != "" {
		resource += "/" + r.subresource
	}
	check := chat.Check{
		Verb: r.verb, Resource: resource, Namespace: r.namespace, Name: r.name,
		Allowed: status.Allowed && !status.Denied, Reason: cmp.Or(status.Reason, status.EvaluationError),
	}
	if !check.Allowed {
		check.Rule = r.rule()
	}
	return check, nil
}

// review asks about the asker, or about somebody else when the asker may ask that.
func (c *Cluster) review(ctx context.Context, subject string, attributes map[string]any) (reviewStatus, error) {
	if subject == "" {
		return c.selfReview(ctx, map[string]any{"resourceAttributes": attributes})
	}
	spec := map[string]any{"resourceAttributes": attributes, "user": subject}
	if rest, ok := strings.CutPrefix(subject, "system:serviceaccount:"); ok {
		ns, _, _ := strings.Cut(rest, ":")
		spec["groups"] = []string{"system:serviceaccounts", "system:serviceaccounts:" + ns, "system:authenticated"}
	}
	var out struct{ Status reviewStatus }
	err := c.ask(ctx, "/apis/authorization.k8s.io/v1/subjectaccessreviews", map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec,
	}, &out)
	return out.Status, err
}

func (c *Cluster) selfReview(ctx context.Context, spec map[string]any) (reviewStatus, error) {
	var out struct{ Status reviewStatus }
	err := c.ask(ctx, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec,
	}, &out)
	return out.Status, err
}

// ask posts one of the API's questions: a review, which stores nothing.
func (c *Cluster) ask(ctx context.Context, path string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	res, err := c.do(ctx, request{method: http.MethodPost, path: path, contentType: asJSON, body: body})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(res.body, answer); err != nil {
		return problem.New(problem.Unavailable, "The cluster's answer could not be read.").WithCause(err)
	}
	return nil
}
