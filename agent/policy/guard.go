package policy

import (
	"fmt"
	"strings"

	"github.com/kubechat/kubechat/agent/kubereq"
)

// Own is what belongs to the agent itself in its cluster. Whoever can write or enter it can lift every other limit, so
// no setting opens it.
type Own struct {
	Namespace string // where the agent's pods and its identity Secret live
	// NamePrefix is what the names of the agent's roles and bindings start with, in this and any namespace and
	// cluster-scoped.
	NamePrefix string
}

// Decide refuses what no setting allows: writes, exec, attach, port-forward, proxying and other ways in, Secret reads
// and TokenRequests in the agent's own namespace, and writes to the agent's own roles and bindings anywhere. The
// verdict's field selector keeps the own namespace's Secrets out of a list over all namespaces.
func (o Own) Decide(req kubereq.Info) (Verdict, error) {
	if !req.IsResource {
		return Verdict{}, nil
	}
	if err := o.decideRBAC(req); err != nil {
		return Verdict{}, err
	}
	if err := decideNodeProxy(req); err != nil {
		return Verdict{}, err
	}
	if o.Namespace == "" {
		return Verdict{}, nil
	}
	if req.Namespace == o.Namespace {
		return Verdict{}, o.decideInside(req)
	}
	if !req.IsSecret() || req.Namespace != "" {
		return Verdict{}, nil
	}
	if req.LegacyWatch || req.Verb != "list" && req.Verb != "watch" {
		return Verdict{}, forbid("Secrets of all namespaces can be listed and watched, not more: the agent's own are among them")
	}
	return Verdict{FieldSelector: "metadata.namespace!=" + o.Namespace}, nil
}

func (o Own) decideInside(req kubereq.Info) error {
	switch {
	case req.IsSecret():
		return forbid("Secrets in the agent's own namespace %q are out of reach", o.Namespace)
	case req.IsConnect(), req.Upgrade && !req.IsConnect() && !isWatch(req):
		return forbid("nothing opens a way into the agent's own namespace %q", o.Namespace)
	case req.IsTokenRequest():
		return forbid("no tokens are made in the agent's own namespace %q", o.Namespace)
	case !req.IsRead() && !isWatch(req):
		return forbid("nothing is written in the agent's own namespace %q", o.Namespace)
	}
	return nil
}

// isWatch is a watch over a WebSocket or plain; it reads and opens nothing.
func isWatch(req kubereq.Info) bool { return req.Verb == "watch" && req.Method == "GET" }

func (o Own) decideRBAC(req kubereq.Info) error {
	if req.APIGroup != "rbac.authorization.k8s.io" || req.IsRead() || isWatch(req) {
		return nil
	}
	switch req.Resource {
	case "roles", "rolebindings", "clusterroles", "clusterrolebindings":
	default:
		return nil
	}
	if req.Verb == "deletecollection" {
		return forbid("%s are deleted one by one, so that the agent's own are not among them", req.Resource)
	}
	if o.NamePrefix != "" && (req.Name == o.NamePrefix || strings.HasPrefix(req.Name, o.NamePrefix+"-")) {
		return forbid("%s %q is the agent's own", req.Resource, req.Name)
	}
	return nil
}

// decideNodeProxy keeps what a policy may open of a node, its kubelet's figures and logs, from being a way into every
// pod on it, the agent's included.
func decideNodeProxy(req kubereq.Info) error {
	if !req.IsProxy() || req.Resource != "nodes" {
		return nil
	}
	target := proxiedPath(req)
	reads := (req.Method == "GET" || req.Method == "HEAD") && !req.Upgrade
	if reads {
		switch target {
		case "metrics", "stats", "healthz", "pods", "logs", "configz":
			return nil
		}
	}
	return forbid("through nodes/proxy only metrics, stats, healthz, pods, logs and configz can be read")
}

// proxiedPath is the first segment of what is asked of the proxied server.
func proxiedPath(req kubereq.Info) string {
	skip := 3 // nodes, NAME, proxy
	if req.Verb == "proxy" {
		skip = 2
	}
	if len(req.Parts) <= skip {
		return ""
	}
	return req.Parts[skip]
}

func forbid(format string, args ...any) error {
	return &Refusal{Text: "the agent refuses this in every configuration: " + fmt.Sprintf(format, args...)}
}
