package kube

import (
	"reflect"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

func TestRightsAreTheRealRequestsBehindAWord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		step nlp.Step
		want string
	}{
		"scale":       {nlp.Step{Op: nlp.OpScale, Resource: deployments, Names: []string{"web"}}, "get deployments.apps shop/web, get deployments.apps/scale shop/web, update deployments.apps/scale shop/web"},
		"restart":     {nlp.Step{Op: nlp.OpRolloutRestart, Resource: deployments, Names: []string{"web"}}, "get deployments.apps shop/web, patch deployments.apps shop/web"},
		"image":       {nlp.Step{Op: nlp.OpSetImage, Resource: deployments, LabelSelector: "a=b"}, "list deployments.apps shop/, patch deployments.apps shop/"},
		"logs":        {nlp.Step{Op: nlp.OpLogs, Resource: pods, Names: []string{"p"}}, "get pods/log shop/p"},
		"logs of all": {nlp.Step{Op: nlp.OpLogs, Resource: deployments, Names: []string{"web"}}, "get deployments.apps shop/web, list pods shop/, get pods/log shop/"},
		"undo":        {nlp.Step{Op: nlp.OpRolloutUndo, Resource: statefulSets, Names: []string{"db"}}, "get statefulsets.apps shop/db, patch statefulsets.apps shop/db, list controllerrevisions.apps shop/"},
		"create":      {nlp.Step{Op: nlp.OpCreate, Resource: services, Names: []string{"s"}}, "create services shop/"},
		"job":         {nlp.Step{Op: nlp.OpCreate, Resource: jobs, Args: nlp.Args{From: "cronjob/x"}}, "get cronjobs.batch shop/, create jobs.batch shop/"},
		"expose":      {nlp.Step{Op: nlp.OpExpose, Resource: deployments, Names: []string{"web"}}, "get deployments.apps shop/web, create services shop/"},
		"delete":      {nlp.Step{Op: nlp.OpDelete, Resource: pods, Names: []string{"a", "b"}}, "get pods shop/a, delete pods shop/a, get pods shop/b, delete pods shop/b"},
		"collection":  {nlp.Step{Op: nlp.OpDeleteCollection, Resource: pods}, "list pods shop/, delete pods shop/"},
		"drain":       {nlp.Step{Op: nlp.OpDrain, Resource: nodes, Names: []string{"n"}}, "get nodes /n, patch nodes /n, list pods /, create pods/eviction /"},
		"cordon":      {nlp.Step{Op: nlp.OpCordon, Resource: nodes, Names: []string{"n"}}, "get nodes /n, patch nodes /n"},
		"exec":        {nlp.Step{Op: nlp.OpExec, Resource: pods, Names: []string{"p"}}, "get pods shop/p, get pods/exec shop/p, create pods/exec shop/p"},
		"exec in any": {nlp.Step{Op: nlp.OpExec, Resource: deployments, Names: []string{"web"}}, "get deployments.apps shop/web, list pods shop/, get pods/exec shop/, create pods/exec shop/"},
		"evict":       {nlp.Step{Op: nlp.OpEvict, Resource: pods, Names: []string{"p"}}, "get pods shop/p, create pods/eviction shop/p"},
		"replace":     {nlp.Step{Op: nlp.OpReplaceForce, Resource: services, Names: []string{"s"}}, "get services shop/s, delete services shop/s, create services shop/"},
		"wait":        {nlp.Step{Op: nlp.OpWait, Resource: pods, LabelSelector: "a=b"}, "list pods shop/"},
		"finalizers":  {nlp.Step{Op: nlp.OpRemoveFinalizers, Resource: services, Names: []string{"s"}}, "get services shop/s, patch services shop/s"},
		"status":      {nlp.Step{Op: nlp.OpPatch, Resource: pods, Names: []string{"p"}, Subresource: "status"}, "get pods shop/p, patch pods/status shop/p"},
		"dry run":     {nlp.Step{Op: nlp.OpDryRun, Resource: pods, Names: []string{"a"}, Args: nlp.Args{Verb: "delete"}}, "get pods shop/a, delete pods shop/a"},
		"top":         {nlp.Step{Op: nlp.OpTop, Resource: pods}, "list pods.metrics.k8s.io shop/"},
		"describe":    {nlp.Step{Op: nlp.OpDescribe, Resource: pods, Names: []string{"p"}}, "get pods shop/p, list events shop/"},
		"version":     {nlp.Step{Op: nlp.OpVersion}, ""},
	} {
		c.step.Namespace = "shop"
		var got []string
		for _, r := range unique(rights(c.step)) {
			what := r.resource
			if r.group != "" {
				what += "." + r.group
			}
			if r.subresource != "" {
				what += "/" + r.subresource
			}
			got = append(got, r.verb+" "+what+" "+r.namespace+"/"+r.name)
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%s: %s\nwant %s", name, s, c.want)
		}
	}
}

// Every operation is either read or changed; one that is neither could not be executed.
func TestEveryOperationHasAnExecutor(t *testing.T) {
	t.Parallel()
	for _, op := range nlp.Ops() {
		_, reads := readers[op]
		_, writes := changers[op]
		step := nlp.Step{Op: op}
		if op == nlp.OpDryRun {
			step.Args.Verb = string(nlp.OpDelete)
		}
		if read := nlp.Classify(step) == nlp.Read; reads != read || writes == read {
			t.Errorf("%s: reads %v, writes %v, class %s", op, reads, writes, nlp.Classify(step))
		}
	}
}

func TestObjectPaths(t *testing.T) {
	t.Parallel()
	role := nlp.Resource{Group: "rbac.authorization.k8s.io", Version: "v1", Plural: "clusterroles"}
	for want, got := range map[string]string{
		"/api/v1/namespaces/shop/pods/p/log":                               objectPath(pods, "shop", "p", "log"),
		"/api/v1/pods":                                                     objectPath(pods, "", "", ""),
		"/apis/apps/v1/namespaces/shop/deployments":                        objectPath(deployments, "shop", "", ""),
		"/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node":      objectPath(role, "ignored", "system:node", ""),
		"/api/v1/namespaces/..%2F..%2Fkube-system/pods/%2E%2E%2Fx%3Fy%23z": strings.ReplaceAll(objectPath(pods, "../../kube-system", "../x?y#z", ""), "pods/..", "pods/%2E%2E"),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestRulesAreJoinedWhereOneSaysAsMuch(t *testing.T) {
	t.Parallel()
	got := rules([]right{
		{verb: "get", group: "apps", resource: "deployments", name: "web"}, {verb: "patch", group: "apps", resource: "deployments", name: "web"},
		{verb: "get", group: "apps", resource: "deployments", name: "api"}, {verb: "patch", group: "apps", resource: "deployments", name: "api"},
		{verb: "create", resource: "services", name: "web"}, {verb: "list", resource: "pods"}, {verb: "create", resource: "pods", subresource: "exec", name: "web-1"},
	})
	want := []policyRule{
		{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, ResourceNames: []string{"web", "api"}, Verbs: []string{"get", "patch"}},
		{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"create"}},
		{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}},
		{APIGroups: []string{""}, Resources: []string{"pods/exec"}, ResourceNames: []string{"web-1"}, Verbs: []string{"create"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}
