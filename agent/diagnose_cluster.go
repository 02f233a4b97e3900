package agent

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/kubechat/kubechat/agent/apiserver"
)

// api asks the API server what the agent asks it first.
func (d *diagnosis) api(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	version, err := d.cfg.Server.Version(ctx)
	if err == nil {
		d.well(stepAPI, "%s answers: Kubernetes %s.", d.cfg.Server.URL.Host, version)
		return
	}
	d.apiFails = true
	fix := "Let the pods reach it: networkPolicy.apiServerPorts, and the cluster's own policies."
	var unknown x509.UnknownAuthorityError
	var refused *apiserver.StatusError
	switch {
	case errors.As(err, &unknown):
		fix = "The CA given with the agent's credentials is not the API server's: restart the pod, or renew the kubeconfig."
	case errors.As(err, &refused) && refused.Code == http.StatusUnauthorized:
		fix = "It does not know the agent's token: restart the pod, or renew the kubeconfig's credentials."
	}
	d.fail(stepAPI, "It can't be asked: "+err.Error()+".", fix)
}

// right is one thing the agent itself must be allowed to do.
type right struct {
	Group       string `json:"group,omitempty"`
	Resource    string `json:"resource"`
	Subresource string `json:"subresource,omitempty"`
	Verb        string `json:"verb"`
	Namespace   string `json:"namespace,omitempty"`
	Name        string `json:"name,omitempty"`

	without string // what does not work then
}

func (r right) String() string {
	what := r.Verb + " " + r.Resource
	if r.Subresource != "" {
		what += "/" + r.Subresource
	}
	if r.Name != "" {
		what += " " + r.Name
	}
	return what
}

// rights are what the chart gives the agent, whatever the preset. Groups above viewer are the owner's choice.
func (d *diagnosis) rights() []right {
	all := []right{
		{Verb: "get", Resource: "namespaces", Name: "kube-system", without: "the agent can't tell which cluster this is, and does not start"},
		{Verb: "impersonate", Resource: "users", Name: "kubechat:user", without: "no request can be made for anybody"},
		{Verb: "impersonate", Resource: "groups", Name: "kubechat:viewer", without: "viewers can't do anything"},
		{Group: "authentication.k8s.io", Verb: "impersonate", Resource: "userextras", Subresource: "kubechat.io/user",
			without: "requests can't carry the person's name into this cluster's audit log, and fail"},
	}
	if d.cfg.IdentitySecret != "" {
		for _, verb := range []string{"get", "patch"} {
			all = append(all, right{Verb: verb, Resource: "secrets", Namespace: d.cfg.Namespace, Name: d.cfg.IdentitySecret,
				without: "the identity can't be kept"})
		}
	}
	return all
}

// rbac asks the API server about the agent's own rights, one review each.
func (d *diagnosis) rbac(ctx context.Context) {
	if d.apiFails {
		d.skip("The API server can't be asked.", stepRBAC)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	var missing []string
	for _, r := range d.rights() {
		allowed, err := d.may(ctx, r)
		if err != nil {
			d.fail(stepRBAC, "It can't be asked about: "+err.Error()+".", "Every service account may ask about itself by the ClusterRole system:basic-user; put it back.")
			return
		}
		if !allowed {
			missing = append(missing, fmt.Sprintf("%s (without it %s)", r, r.without))
		}
	}
	if len(missing) > 0 {
		d.fail(stepRBAC, "The agent may not "+strings.Join(missing, "; ")+".", "helm upgrade --reuse-values puts the chart's roles and bindings back.")
		return
	}
	groups := []string{"viewer"}
	for _, g := range []string{"operator", "admin"} {
		if ok, err := d.may(ctx, right{Verb: "impersonate", Resource: "groups", Name: "kubechat:" + g}); ok && err == nil {
			groups = append(groups, g)
		}
	}
	d.well(stepRBAC, "The agent has its own rights, and may act for %s.", strings.Join(groups, ", "))
}

func (d *diagnosis) may(ctx context.Context, r right) (bool, error) {
	review := map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
		"spec": map[string]any{"resourceAttributes": r},
	}
	var answer struct {
		Status struct {
			Allowed bool `json:"allowed"`
		} `json:"status"`
	}
	err := d.cfg.Server.Do(ctx, http.MethodPost, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review, &answer)
	return answer.Status.Allowed, err
}
