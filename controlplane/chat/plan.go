package chat

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// classed computes the classes of a plan from its steps; what a translator wrote into them is not looked at.
func classed(plan nlp.Plan, id cluster.ID) (nlp.Plan, error) {
	if len(plan.Steps) == 0 || len(plan.Steps) > nlp.MaxSteps {
		return nlp.Plan{}, problem.Newf(problem.Invalid, "A plan has one to %d steps.", nlp.MaxSteps)
	}
	plan.Cluster = string(id)
	plan.Steps = slices.Clone(plan.Steps)
	for i := range plan.Steps {
		step := &plan.Steps[i]
		step.Class = nlp.Classify(*step)
		if step.Class != nlp.Read && step.Class != nlp.Mutate && step.Class != nlp.Destructive {
			return nlp.Plan{}, problem.New(problem.Invalid, "That is not something the chat can do.")
		}
		if writesSecret(*step) {
			return nlp.Plan{}, problem.New(problem.Forbidden,
				"Secret values don't go through the chat, in either direction: use kubectl for that.")
		}
	}
	plan.Class = nlp.ClassifyPlan(plan)
	return plan, nil
}

// writesSecret: a value typed here would stay in the conversation, the plan and the audit's command line.
func writesSecret(step nlp.Step) bool {
	if step.Op != nlp.OpCreate && step.Op != nlp.OpPatch && step.Op != nlp.OpReplaceForce {
		return false
	}
	if touchesSecrets(step) {
		return true
	}
	var object struct{ Kind, APIVersion string }
	return json.Unmarshal(step.Args.Object, &object) == nil && object.Kind == "Secret" && object.APIVersion == "v1"
}

// touchesSecrets: reading Secrets is not a read.
func touchesSecrets(step nlp.Step) bool {
	return slices.ContainsFunc(step.Kinds(), func(r nlp.Resource) bool { return r.Key() == "secrets" })
}

func viewOf(plan nlp.Plan, hash string, sc scene) PlanView {
	v := PlanView{
		Hash: hash, Class: plan.Class, Sentence: nlp.Sentence(plan, sc.name), Kubectl: nlp.Kubectl(plan),
		Cluster: ClusterRef{ID: sc.run.Cluster, Name: sc.name}, Namespace: namespaceOf(plan), Steps: plan.Steps,
		Protected: nlp.Protected(plan), Source: plan.Source, Group: string(sc.group),
	}
	if plan.Class == nlp.Destructive || v.Protected {
		v.TypedName = typedName(plan, sc.name, false)
	}
	return v
}

// viewOfPreview is the view of a plan with its preview. What the server could not try out beforehand is approved by
// typing a name, whatever its class.
func viewOfPreview(p proposal, a Approval, sc scene) PlanView {
	v := viewOf(a.Plan, a.Hash, sc)
	v.FromClusterData = p.fromClusterData
	blind := slices.ContainsFunc(a.Previews, func(p Preview) bool { return p.Blind != "" })
	if blind && v.TypedName == "" {
		v.TypedName = typedName(a.Plan, sc.name, true)
	}
	return v
}

// namespaceOf is the one namespace a plan is about, or "".
func namespaceOf(plan nlp.Plan) string {
	ns := plan.Steps[0].Namespace
	for _, step := range plan.Steps[1:] {
		if step.Namespace != ns {
			return ""
		}
	}
	return ns
}

// typedName is what a person types to approve what destroys, or with every any change: the object if it is one, else the
// namespace, else the cluster.
func typedName(plan nlp.Plan, clusterName string, every bool) string {
	var names []string
	for _, step := range plan.Steps {
		c := nlp.Classify(step)
		if c == nlp.Destructive || c == nlp.Mutate && (every || nlp.Protected(nlp.Plan{Steps: []nlp.Step{step}})) {
			names = append(names, step.Names...)
			if len(step.Names) == 0 {
				names = append(names, "", "") // a selector: more than one
			}
		}
	}
	if len(names) == 1 {
		return names[0]
	}
	if ns := namespaceOf(plan); ns != "" {
		return ns
	}
	return clusterName
}

// approvalHash binds what was shown: the plan, to whom, where, as which group, and the version of every object.
func approvalHash(a Approval) string {
	var seen [][]Seen
	for _, p := range a.Previews {
		seen = append(seen, p.Seen)
	}
	b, err := json.Marshal([]any{a.Plan.Hash(), a.Member, a.Cluster, a.Group, seen})
	if err != nil {
		panic(fmt.Sprintf("chat: an approval always marshals: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

var verbs = map[nlp.Op]string{
	nlp.OpGet: "get", nlp.OpDescribe: "get", nlp.OpLogs: "get", nlp.OpTop: "list", nlp.OpEvents: "list", nlp.OpExplain: "get",
	nlp.OpAPIResources: "get", nlp.OpVersion: "get", nlp.OpCanI: "create", nlp.OpRolloutStatus: "get",
	nlp.OpRolloutHistory: "list", nlp.OpDiagnose: "get", nlp.OpCreate: "create", nlp.OpScale: "update", nlp.OpExpose: "create",
	nlp.OpAutoscale: "create", nlp.OpDelete: "delete", nlp.OpDeleteCollection: "deletecollection", nlp.OpDrain: "create",
	nlp.OpWait: "get", nlp.OpExec: "create", nlp.OpEvict: "create", nlp.OpReplaceForce: "delete",
}

// target says in audit's words what a step is about.
func target(step nlp.Step, id cluster.ID) audit.Target {
	t := audit.Target{
		Cluster: id, Verb: verbs[step.Op], APIGroup: step.Resource.Group, Resource: step.Resource.Plural,
		Subresource: step.Subresource, Namespace: step.Namespace,
	}
	if t.Verb == "" {
		t.Verb = "patch"
	}
	if len(step.Names) == 1 {
		t.Name = step.Names[0]
	}
	switch step.Op {
	case nlp.OpDryRun: // it shows the object and what would become of it
		t.Verb = "get"
	case nlp.OpGet, nlp.OpDescribe, nlp.OpWait:
		if len(step.Names) == 0 {
			t.Verb = "list"
		}
	case nlp.OpLogs:
		t.APIGroup, t.Resource, t.Subresource = "", "pods", "log"
	case nlp.OpScale:
		t.Subresource = "scale"
	case nlp.OpTop:
		t.APIGroup = "metrics.k8s.io"
	case nlp.OpEvents:
		t.APIGroup, t.Resource, t.Name = "", "events", ""
	case nlp.OpExpose:
		t.APIGroup, t.Resource = "", "services"
	case nlp.OpAutoscale:
		t.APIGroup, t.Resource = "autoscaling", "horizontalpodautoscalers"
	case nlp.OpExec:
		t.APIGroup, t.Resource, t.Subresource = "", "pods", "exec"
	case nlp.OpDrain, nlp.OpEvict:
		t.APIGroup, t.Resource, t.Subresource = "", "pods", "eviction"
	case nlp.OpVersion:
		t = audit.Target{Cluster: id, Verb: "get", Path: "/version"}
	case nlp.OpClusterInfo:
		t = audit.Target{Cluster: id, Verb: "get", Path: "/api"}
	case nlp.OpExplain:
		t = audit.Target{Cluster: id, Verb: "get", Path: "/openapi/v3"}
	case nlp.OpAPIResources:
		t = audit.Target{Cluster: id, Verb: "get", Path: "/apis"}
	case nlp.OpCanI, nlp.OpWhoAmI:
		t = audit.Target{Cluster: id, Verb: "create", APIGroup: "authorization.k8s.io", Resource: "selfsubjectaccessreviews"}
	}
	return t
}
