package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	apidiscovery "k8s.io/api/apidiscovery/v2"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

const asDiscovery = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"

func (c *Cluster) read(ctx context.Context, path, accept string, into any) error {
	res, err := c.do(ctx, request{method: http.MethodGet, path: path, accept: accept})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(res.body, into); err != nil {
		return problem.New(problem.Unavailable, "The cluster's answer could not be read.").WithCause(err)
	}
	return nil
}

// apiResources lists the kinds that the cluster serves, each in its preferred version.
func (c *Cluster) apiResources(ctx context.Context, step nlp.Step) ([]chat.Part, error) {
	t := chat.Table{Title: "Kinds of this cluster", Rows: [][]any{}, Columns: []chat.Column{
		{Name: "Name", Kind: "text"}, {Name: "Short names", Kind: "text"}, {Name: "API version", Kind: "text"},
		{Name: "Namespaced", Kind: "text"}, {Name: "Kind", Kind: "text"}, {Name: "Verbs", Kind: "text"},
	}}
	for _, path := range []string{"/api", "/apis"} {
		var groups apidiscovery.APIGroupDiscoveryList
		if err := c.read(ctx, path, asDiscovery, &groups); err != nil {
			return nil, err
		}
		for _, g := range groups.Items {
			if len(g.Versions) > 0 && (step.Resource.Group == "" || g.Name == step.Resource.Group) { // the first is the preferred one
				t.Rows = append(t.Rows, kindRows(g.Name, g.Versions[0], step.Args.Type)...)
			}
		}
	}
	return []chat.Part{t}, nil
}

// kindRows are the rows of a group's kinds: all, or only those "namespaced", or those of the "cluster".
func kindRows(group string, v apidiscovery.APIVersionDiscovery, only string) [][]any {
	var rows [][]any
	for _, r := range v.Resources {
		inNamespaces := r.Scope == apidiscovery.ScopeNamespace
		if r.ResponseKind == nil || only == "namespaced" && !inNamespaces || only == "cluster" && inNamespaces {
			continue
		}
		version := v.Version
		if group != "" {
			version = group + "/" + v.Version
		}
		namespaced := "false"
		if r.Scope == apidiscovery.ScopeNamespace {
			namespaced = "true"
		}
		rows = append(rows, []any{r.Resource, strings.Join(r.ShortNames, ","), version, namespaced, r.ResponseKind.Kind, strings.Join(r.Verbs, ",")})
	}
	return rows
}

func (c *Cluster) version(ctx context.Context, _ nlp.Step) ([]chat.Part, error) {
	var v struct{ GitVersion, Platform, GoVersion string }
	if err := c.read(ctx, "/version", asJSON, &v); err != nil {
		return nil, err
	}
	return []chat.Part{chat.Text{Text: fmt.Sprintf("The cluster runs Kubernetes %s (%s, %s).", v.GitVersion, v.Platform, v.GoVersion)}}, nil
}

// clusterInfo is where the API server says that it is reached.
func (c *Cluster) clusterInfo(ctx context.Context, _ nlp.Step) ([]chat.Part, error) {
	var at struct {
		ServerAddressByClientCIDRs []struct{ ServerAddress string }
	}
	if err := c.read(ctx, "/api", asJSON, &at); err != nil {
		return nil, err
	}
	if len(at.ServerAddressByClientCIDRs) == 0 {
		return []chat.Part{chat.Text{Text: "The API server does not say at which address it is reached."}}, nil
	}
	return []chat.Part{chat.Text{Text: "The Kubernetes control plane is at https://" + at.ServerAddressByClientCIDRs[0].ServerAddress + "."}}, nil
}

// userInfo is who the API server takes the person for.
type userInfo struct {
	Username string
	Groups   []string
	Extra    map[string][]string
}

func (c *Cluster) self(ctx context.Context) (userInfo, error) {
	var out struct{ Status struct{ UserInfo userInfo } }
	err := c.ask(ctx, "/apis/authentication.k8s.io/v1/selfsubjectreviews", map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview",
	}, &out)
	return out.Status.UserInfo, err
}

func (c *Cluster) whoAmI(ctx context.Context, _ nlp.Step) ([]chat.Part, error) {
	who, err := c.self(ctx)
	if err != nil {
		return nil, err
	}
	t := chat.Table{Title: "You in this cluster", Rows: [][]any{{"User", who.Username}, {"Groups", strings.Join(who.Groups, ", ")}},
		Columns: []chat.Column{{Name: "Attribute", Kind: "text"}, {Name: "Value", Kind: "text"}}}
	for _, k := range sortedKeys(who.Extra) {
		t.Rows = append(t.Rows, []any{k, strings.Join(who.Extra[k], ", ")})
	}
	return []chat.Part{t}, nil
}

// canI answers one right, or with an empty verb lists them all.
func (c *Cluster) canI(ctx context.Context, step nlp.Step) ([]chat.Part, error) {
	if step.Args.Verb == "" {
		return c.rules(ctx, cmp.Or(step.Namespace, "default"))
	}
	names := step.Names
	if len(names) == 0 {
		names = []string{""}
	}
	var said []string
	var missing []right
	for _, name := range names {
		r := right{
			verb: step.Args.Verb, group: step.Resource.Group, resource: cmp.Or(step.Resource.Plural, "*"), subresource: step.Subresource,
			namespace: step.Namespace, name: name, subject: step.Args.Subject,
		}
		check, err := c.check(ctx, r)
		if err != nil {
			return nil, err
		}
		answer := "No"
		if check.Allowed {
			answer = "Yes"
		} else if r.subject == "" { // the snippet is for the asker's group
			missing = append(missing, r)
		}
		what := check.Resource
		if name != "" {
			what += "/" + name
		}
		where := "in all namespaces"
		if step.Namespace != "" {
			where = "in " + step.Namespace
		} else if !step.Resource.Namespaced {
			where = "in the cluster"
		}
		text := fmt.Sprintf("%s: %s %s %s %s %s.", answer, cmp.Or(nlp.SubjectName(step), "you"), map[bool]string{true: "may", false: "may not"}[check.Allowed], check.Verb, what, where)
		if check.Reason != "" {
			text += " (" + check.Reason + ")"
		}
		if check.Rule != "" {
			text += " It would need: " + check.Rule + "."
		}
		said = append(said, text)
	}
	parts := []chat.Part{chat.Text{Text: strings.Join(said, "\n")}}
	if len(missing) > 0 { // what the cluster's owner could apply
		parts = append(parts, chat.YAML{Text: c.snippet(ctx, nlp.Op(step.Args.Verb), missing)})
	}
	return parts, nil
}

func (c *Cluster) rules(ctx context.Context, namespace string) ([]chat.Part, error) {
	type rule struct {
		Verbs, APIGroups, Resources, ResourceNames, NonResourceURLs []string
	}
	var out struct {
		Status struct {
			ResourceRules, NonResourceRules []rule
			Incomplete                      bool
			EvaluationError                 string
		}
	}
	err := c.ask(ctx, "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": map[string]any{"namespace": namespace},
	}, &out)
	if err != nil {
		return nil, err
	}
	t := chat.Table{Title: "What you may do in " + namespace, Namespace: namespace, Rows: [][]any{}, Columns: []chat.Column{
		{Name: "Resources", Kind: "text"}, {Name: "Non-resource URLs", Kind: "text"}, {Name: "Names", Kind: "text"}, {Name: "Verbs", Kind: "text"},
	}}
	for _, r := range slices.Concat(out.Status.ResourceRules, out.Status.NonResourceRules) {
		var what []string
		for _, res := range r.Resources {
			for _, g := range r.APIGroups {
				if g != "" {
					what = append(what, res+"."+g)
				} else {
					what = append(what, res)
				}
			}
		}
		t.Rows = append(t.Rows, []any{strings.Join(what, ", "), strings.Join(r.NonResourceURLs, ", "), strings.Join(r.ResourceNames, ", "), strings.Join(r.Verbs, ", ")})
	}
	parts := []chat.Part{t}
	if out.Status.Incomplete {
		parts = append(parts, chat.Text{Text: "The cluster says that this list may be incomplete. " + out.Status.EvaluationError})
	}
	return parts, nil
}
