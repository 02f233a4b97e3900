package kube

import (
	"net/http"
	"slices"
	"testing"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
)

func TestAStepSaysItsRequestsAndRights(t *testing.T) {
	t.Parallel()
	web := nlp.Resource{Group: "apps", Version: "v1", Plural: "deployments", Kind: "Deployment", Namespaced: true}
	n := int32(3)
	got := (&Cluster{}).Needs(nlp.Step{Op: nlp.OpScale, Resource: web, Namespace: "shop", Names: []string{"web"}, Args: nlp.Args{Replicas: &n}})
	wantRequests := []chat.ExplainRequest{
		{Method: http.MethodGet, Path: "/apis/apps/v1/namespaces/shop/deployments/web"},
		{Method: http.MethodGet, Path: "/apis/apps/v1/namespaces/shop/deployments/web/scale"},
		{Method: http.MethodPut, Path: "/apis/apps/v1/namespaces/shop/deployments/web/scale"},
	}
	if !slices.Equal(got.Requests, wantRequests) {
		t.Errorf("requests %v", got.Requests)
	}
	wantRights := []chat.ExplainRight{
		{Verb: "get", Resource: "deployments.apps", Namespace: "shop"},
		{Verb: "get", Resource: "deployments.apps/scale", Namespace: "shop"},
		{Verb: "update", Resource: "deployments.apps/scale", Namespace: "shop"},
	}
	if !slices.Equal(got.Rights, wantRights) {
		t.Errorf("rights %v", got.Rights)
	}
	got = (&Cluster{}).Needs(nlp.Step{Op: nlp.OpLogs, Resource: web, Namespace: "shop", Names: []string{"web"}})
	if !slices.Contains(got.Requests, chat.ExplainRequest{Method: http.MethodGet, Path: "/api/v1/namespaces/shop/pods/{name}/log"}) {
		t.Errorf("requests of logs %v", got.Requests)
	}
	got = (&Cluster{}).Needs(nlp.Step{Op: nlp.OpVersion})
	if len(got.Rights) != 0 || got.Requests[0].Path != "/version" {
		t.Errorf("version needs %v", got)
	}
}
