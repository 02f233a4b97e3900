package kube

import (
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
		"status":      {nlp.Step{Op: nlp.OpPatch, Resource: pods, Names: []string{"p"}, Subresource: "status"}, "get pods shop/p, patch pods/status shop/p"},
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
	for _, op := range []nlp.Op{
		nlp.OpGet, nlp.OpDescribe, nlp.OpLogs, nlp.OpTop, nlp.OpEvents, nlp.OpExplain, nlp.OpAPIResources, nlp.OpVersion, nlp.OpCanI,
		nlp.OpWhoAmI, nlp.OpRolloutStatus, nlp.OpRolloutHistory, nlp.OpDiagnose, nlp.OpCreate, nlp.OpScale, nlp.OpSetImage, nlp.OpSetEnv,
		nlp.OpSetResources, nlp.OpLabel, nlp.OpAnnotate, nlp.OpExpose, nlp.OpAutoscale, nlp.OpPatch, nlp.OpRolloutUndo, nlp.OpRolloutRestart,
		nlp.OpRolloutPause, nlp.OpRolloutResume, nlp.OpCordon, nlp.OpUncordon, nlp.OpTaint, nlp.OpDelete, nlp.OpDeleteCollection, nlp.OpDrain,
	} {
		_, reads := readers[op]
		_, writes := changers[op]
		if read := nlp.Classify(nlp.Step{Op: op}) == nlp.Read; reads != read || writes == read {
			t.Errorf("%s: reads %v, writes %v, class %s", op, reads, writes, nlp.Classify(nlp.Step{Op: op}))
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
