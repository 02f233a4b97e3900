package controlplane

import (
	"encoding/base64"
	"net/url"

	"sigs.k8s.io/yaml"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/httpapi"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// install writes what people copy: the line that installs an agent, and a kubeconfig.
type install struct {
	chart      string
	publicURL  string
	kubectlURL string
	kubectlCA  []byte
	agentLine  func(token string) string
}

var _ httpapi.Install = install{}

// Helm is the whole install: the token carries everything else.
func (i install) Helm(token string) string {
	return "helm install kubechat-agent " + i.chart + " \\\n  --namespace kubechat --create-namespace \\\n  --set join.token=" + token
}

// Demo is the demonstration's own line, or empty.
func (i install) Demo(token string) string {
	if i.agentLine == nil {
		return ""
	}
	return i.agentLine(token)
}

// kubeconfig has the fields of a kubeconfig that we write, in kubectl's own names.
type kubeconfig struct {
	APIVersion     string      `json:"apiVersion"`
	Kind           string      `json:"kind"`
	Clusters       []kubeNamed `json:"clusters"`
	Users          []kubeNamed `json:"users"`
	Contexts       []kubeNamed `json:"contexts"`
	CurrentContext string      `json:"current-context"`
}

type kubeNamed struct {
	Name    string         `json:"name"`
	Cluster map[string]any `json:"cluster,omitempty"`
	User    map[string]any `json:"user,omitempty"`
	Context map[string]any `json:"context,omitempty"`
}

// clusterURL is where kubectl finds a cluster.
func (i install) clusterURL(slug string, id cluster.ID) string {
	return i.kubectlURL + "/t/" + url.PathEscape(slug) + "/clusters/" + string(id) + "/k8s"
}

// Kubeconfig takes its credential from `kubechat credential`, so that it holds no secret and may be shared.
func (i install) Kubeconfig(scope tenant.Scope, c cluster.Cluster) []byte {
	return i.kubeconfig(scope.Slug, c, map[string]any{"exec": map[string]any{
		"apiVersion":         "client.authentication.k8s.io/v1",
		"command":            "kubechat",
		"args":               []string{"credential", "--server", i.publicURL, "--tenant", scope.Slug},
		"interactiveMode":    "Never",
		"provideClusterInfo": false,
		"installHint":        "kubechat is needed to sign in: see " + i.publicURL,
	}})
}

func (i install) kubeconfig(slug string, c cluster.Cluster, user map[string]any) []byte {
	name := "kubechat-" + slug + "-" + c.Name
	target := map[string]any{"server": i.clusterURL(slug, c.ID)}
	if len(i.kubectlCA) > 0 {
		target["certificate-authority-data"] = base64.StdEncoding.EncodeToString(i.kubectlCA)
	}
	doc, err := yaml.Marshal(kubeconfig{
		APIVersion: "v1", Kind: "Config", CurrentContext: name,
		Clusters: []kubeNamed{{Name: name, Cluster: target}},
		Users:    []kubeNamed{{Name: name, User: user}},
		Contexts: []kubeNamed{{Name: name, Context: map[string]any{"cluster": name, "user": name}}},
	})
	if err != nil {
		panic("kubeconfig: " + err.Error()) // it is maps of strings
	}
	return doc
}
