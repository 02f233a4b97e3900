package kubereq

import "strings"

// IsRead reports whether the request only reads: get, list or watch of anything but secrets (so pods/log too),
// discovery, OpenAPI, health, and access reviews. Whatever leaves HTTP, runs something, opens a port, passes through
// to another server, or hands out a credential is not a read, whatever its HTTP method.
func (i Info) IsRead() bool {
	switch {
	case i.Upgrade, i.IsConnect(), i.IsSecret():
		return false
	case !i.IsResource:
		return i.isGet() && (i.IsDiscovery() || isHealth(i.Path))
	case i.IsAccessReview():
		return true
	}
	return i.isGet() && (i.Verb == "get" || i.Verb == "list" || i.Verb == "watch")
}

// IsConnect reports whether the request opens a way through the API server: exec, attach, portforward or proxy, over
// an Upgrade or not.
func (i Info) IsConnect() bool { return i.IsExec() || i.IsPortForward() || i.IsProxy() }

// IsExec reports whether the request runs something in a container or joins what runs there.
func (i Info) IsExec() bool {
	return i.IsResource && (i.Subresource == "exec" || i.Subresource == "attach")
}

// IsPortForward reports whether the request opens a port of a pod.
func (i Info) IsPortForward() bool { return i.IsResource && i.Subresource == "portforward" }

// IsProxy reports whether the request is handed on to a node, pod, service or another cluster's API: the proxy
// subresource of any kind, and the old /proxy/ path prefix.
func (i Info) IsProxy() bool {
	return i.IsResource && (i.Subresource == "proxy" || i.Verb == "proxy")
}

// IsSecret reports whether the request is about Secrets, the imagestreams/secrets of OpenShift included.
func (i Info) IsSecret() bool {
	return i.IsResource && (i.Resource == "secrets" || i.Subresource == "secrets")
}

// IsTokenRequest reports whether the request asks for a service account's token.
func (i Info) IsTokenRequest() bool {
	return i.IsResource && i.Subresource == "token"
}

// IsAccessReview reports whether the request asks who one is or what one may do. It creates nothing that stays.
func (i Info) IsAccessReview() bool {
	if !i.IsResource || i.Verb != "create" || i.Subresource != "" || i.Name != "" {
		return false
	}
	switch i.APIGroup + "/" + i.Resource {
	case "authorization.k8s.io/selfsubjectaccessreviews", "authorization.k8s.io/selfsubjectrulesreviews",
		"authorization.k8s.io/subjectaccessreviews", "authorization.k8s.io/localsubjectaccessreviews",
		"authentication.k8s.io/selfsubjectreviews":
		return true
	}
	return false
}

// IsDiscovery reports whether the path is discovery, OpenAPI, /version or /readyz: what every client needs and every
// identity may see.
func (i Info) IsDiscovery() bool {
	if i.IsResource {
		return false
	}
	parts := splitPath(i.Path)
	if len(parts) == 0 {
		return false
	}
	switch parts[0] {
	case "api":
		return len(parts) <= 2
	case "apis":
		return len(parts) <= 3
	case "openapi":
		return len(parts) == 1 || parts[1] == "v2" || parts[1] == "v3"
	case "version", "readyz":
		return len(parts) == 1
	}
	return false
}

// isHealth is what else a read may be off the resources; by default the agent's policy refuses these all the same.
func isHealth(path string) bool {
	path = strings.TrimSuffix(path, "/")
	for _, tree := range []string{"/readyz", "/livez", "/healthz"} {
		if path == tree || strings.HasPrefix(path, tree+"/") {
			return true
		}
	}
	return path == "/.well-known/openid-configuration" || path == "/openid/v1/jwks"
}

func (i Info) isGet() bool { return i.Method == "GET" || i.Method == "HEAD" }

// ResourceName is "pods", "deployments.apps" or "pods/exec", as kubectl and the local policy write it.
func (i Info) ResourceName() string {
	name := i.Resource
	if i.APIGroup != "" {
		name += "." + i.APIGroup
	}
	if i.Subresource != "" {
		name += "/" + i.Subresource
	}
	return name
}

// IsWhole reports whether the answer is of use only as a whole: one object, a list, a discovery document. Nobody waits
// for the beginning of it, as with a watch, a log or whatever a proxied server sends.
func (i Info) IsWhole() bool {
	if !i.isGet() || i.Upgrade || i.LegacyWatch || i.IsConnect() || i.Subresource == "log" {
		return false
	}
	return !i.IsResource || i.Verb == "get" || i.Verb == "list"
}
