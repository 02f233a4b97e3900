package kube

import (
	"net/http"
	"strings"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
)

// Needs derives a step's requests from the rights that they need: a right is a request that was not sent yet.
func (c *Cluster) Needs(step nlp.Step) chat.Needs {
	var out chat.Needs
	seen := map[chat.ExplainRequest]bool{}
	for _, r := range unique(rights(step)) {
		out.Rights = append(out.Rights, chat.ExplainRight{Verb: r.verb, Resource: r.full(), Namespace: r.namespace})
		req := r.request(versionOfGroup(step, r))
		if !seen[req] {
			seen[req] = true
			out.Requests = append(out.Requests, req)
		}
	}
	if path, ok := asksFor[step.Op]; ok {
		out.Requests = append(out.Requests, path)
	}
	return out
}

// asksFor are the requests that everybody may make.
var asksFor = map[nlp.Op]chat.ExplainRequest{
	nlp.OpExplain:      {Method: http.MethodGet, Path: "/openapi/v3"},
	nlp.OpAPIResources: {Method: http.MethodGet, Path: "/apis"},
	nlp.OpVersion:      {Method: http.MethodGet, Path: "/version"},
	nlp.OpClusterInfo:  {Method: http.MethodGet, Path: "/api"},
	nlp.OpCanI:         {Method: http.MethodPost, Path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"},
	nlp.OpWhoAmI:       {Method: http.MethodPost, Path: "/apis/authentication.k8s.io/v1/selfsubjectreviews"},
}

// full is the resource as a rule of RBAC and kubectl name it.
func (r right) full() string {
	s := r.resource
	if r.group != "" {
		s += "." + r.group
	}
	if r.subresource != "" {
		s += "/" + r.subresource
	}
	return s
}

var methods = map[string]string{
	"get": http.MethodGet, "list": http.MethodGet, "watch": http.MethodGet, "create": http.MethodPost, "update": http.MethodPut,
	"patch": http.MethodPatch, "delete": http.MethodDelete, "deletecollection": http.MethodDelete,
}

func (r right) request(version string) chat.ExplainRequest {
	path := "/api/" + version
	if r.group != "" {
		path = "/apis/" + r.group + "/" + version
	}
	if r.namespace != "" {
		path += "/namespaces/" + r.namespace
	}
	path += "/" + r.resource
	switch {
	case r.name != "":
		path += "/" + r.name
	case r.subresource != "", r.verb == "get", r.verb == "update", r.verb == "patch", r.verb == "delete":
		path += "/{name}" // of each that was found
	}
	if r.subresource != "" {
		path += "/" + r.subresource
	}
	return chat.ExplainRequest{Method: methods[r.verb], Path: path}
}

// versionOfGroup is the version that a step names for the right's kind, or the group's usual one.
func versionOfGroup(step nlp.Step, r right) string {
	for _, k := range step.Kinds() {
		if k.Group == r.group && k.Plural == r.resource && k.Version != "" {
			return k.Version
		}
	}
	switch {
	case r.group == "autoscaling":
		return "v2"
	case strings.HasPrefix(r.group, "metrics."):
		return "v1beta1"
	}
	return "v1"
}
