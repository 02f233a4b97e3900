package chat

import (
	"testing"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// What audit and policy hear of a step is the request that matters, not the kind that was named.
func TestTheTargetOfAStepIsItsRealRequest(t *testing.T) {
	t.Parallel()
	pods := nlp.Resource{Version: "v1", Plural: "pods", Kind: "Pod", Namespaced: true}
	services := nlp.Resource{Version: "v1", Plural: "services", Kind: "Service", Namespaced: true}
	for want, step := range map[string]nlp.Step{
		"create pods/exec":      {Op: nlp.OpExec, Resource: pods, Names: []string{"web-1"}},
		"create pods/eviction":  {Op: nlp.OpEvict, Resource: pods, Names: []string{"web-1"}},
		"delete services/":      {Op: nlp.OpReplaceForce, Resource: services, Names: []string{"web"}},
		"patch services/":       {Op: nlp.OpSetSelector, Resource: services, Names: []string{"web"}},
		"get pods/":             {Op: nlp.OpWait, Resource: pods, Names: []string{"web-1"}},
		"list pods/":            {Op: nlp.OpWait, Resource: pods, LabelSelector: "a=b"},
		"update services/scale": {Op: nlp.OpScale, Resource: services, Names: []string{"web"}},
	} {
		if got := target(step, "c"); got.Verb+" "+got.Resource+"/"+got.Subresource != want {
			t.Errorf("%s: %+v, want %s", step.Op, got, want)
		}
	}
	secrets := nlp.Resource{Version: "v1", Plural: "secrets", Kind: "Secret", Namespaced: true}
	if !writesSecret(nlp.Step{Op: nlp.OpReplaceForce, Resource: secrets}) {
		t.Error("a Secret may be replaced from chat")
	}
}
