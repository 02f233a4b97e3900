package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

type clusterItem struct {
	ID                string `json:"id"`
	Name              string `json:"name"`
	State             string `json:"state"`
	Reason            string `json:"reason"`
	Group             string `json:"group"`
	KubernetesVersion string `json:"kubernetesVersion"`
	AgentVersion      string `json:"agentVersion"`
}

type clusterList struct {
	Items []clusterItem `json:"items"`
}

// signedInFlags adds --server and --tenant and gives the client for them once the flags are parsed.
func (e *env) signedInFlags(name string, args []string, more func(f flagSet)) (*settings, *signedIn, []string, error) {
	f := e.flags(name)
	server := f.String("server", "", "the service's `URL`; the last used if absent")
	tenant := f.String("tenant", "", "the organisation's `slug`; the last used if absent")
	if more != nil {
		more(f)
	}
	rest, err := parse(f, args)
	if err != nil {
		return nil, nil, nil, err
	}
	set, err := loadSettings(e.getenv)
	if err != nil {
		return nil, nil, nil, err
	}
	l, err := set.find(strings.TrimSuffix(*server, "/"), *tenant)
	return set, l, rest, err
}

// flagSet is what commands add their own flags to.
type flagSet interface {
	String(name, value, usage string) *string
	Bool(name string, value bool, usage string) *bool
}

func runClusters(ctx context.Context, e *env, args []string) error {
	var output *string
	_, l, _, err := e.signedInFlags("clusters", args, func(f flagSet) {
		output = f.String("output", "text", "text or json")
	})
	if err != nil {
		return err
	}
	c := newClient(l)
	if *output == "json" {
		var raw json.RawMessage
		if err := c.call(ctx, http.MethodGet, c.in("/clusters"), nil, &raw); err != nil {
			return err
		}
		_, err = fmt.Fprintf(e.out, "%s\n", raw)
		return err
	}
	var all clusterList
	if err := c.call(ctx, http.MethodGet, c.in("/clusters"), nil, &all); err != nil {
		return err
	}
	if len(all.Items) == 0 {
		_, err = fmt.Fprintln(e.out, "No clusters yet.")
		return err
	}
	w := tabwriter.NewWriter(e.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "NAME\tSTATE\tYOU ARE\tKUBERNETES\tAGENT")
	for _, cl := range all.Items {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", printable(cl.Name), printable(cl.State), printable(cl.Group),
			printable(cl.KubernetesVersion), printable(cl.AgentVersion))
	}
	return w.Flush()
}

// pick finds a cluster by name or id; without one, the only cluster that is connected.
func (c *client) pick(ctx context.Context, want string) (clusterItem, error) {
	var all clusterList
	if err := c.call(ctx, http.MethodGet, c.in("/clusters"), nil, &all); err != nil {
		return clusterItem{}, err
	}
	var live []clusterItem
	for _, cl := range all.Items {
		if want != "" && (cl.Name == want || cl.ID == want) && cl.State != "revoked" {
			return cl, nil
		}
		if slices.Contains([]string{"connected", "degraded", "upgrading"}, cl.State) { // the states that requests reach
			live = append(live, cl)
		}
	}
	switch {
	case want != "":
		return clusterItem{}, fmt.Errorf("no cluster is called %s: run kubechat clusters", want)
	case len(live) == 1:
		return live[0], nil
	case len(live) == 0:
		return clusterItem{}, fmt.Errorf("no cluster is connected: run kubechat clusters")
	}
	names := make([]string, 0, len(live))
	for _, cl := range live {
		names = append(names, cl.Name)
	}
	return clusterItem{}, usagef("which cluster? Give --cluster %s", strings.Join(names, ", or "))
}

func runKubeconfig(ctx context.Context, e *env, args []string) error {
	var write *string
	_, l, rest, err := e.signedInFlags("kubeconfig", args, func(f flagSet) {
		write = f.String("write", "", "write to this `file`, readable by you only, instead of printing")
	})
	if err != nil {
		return err
	}
	if len(rest) > 1 {
		return usagef("one cluster at a time")
	}
	c := newClient(l)
	cl, err := c.pick(ctx, strings.Join(rest, ""))
	if err != nil {
		return err
	}
	var doc []byte
	if err := c.call(ctx, http.MethodGet, c.in("/clusters/%s/kubeconfig", cl.ID), nil, &doc); err != nil {
		return err
	}
	if *write == "" {
		_, err = e.out.Write(doc)
		return err
	}
	if err := os.WriteFile(*write, doc, 0o600); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	_, err = fmt.Fprintf(e.out, "Wrote %s. Try: kubectl --kubeconfig %s get namespaces\n", *write, *write)
	return err
}

// credential is client.authentication.k8s.io/v1's answer, as kubectl reads it.
type credential struct {
	APIVersion string           `json:"apiVersion"`
	Kind       string           `json:"kind"`
	Status     credentialStatus `json:"status"`
}

type credentialStatus struct {
	Token               string `json:"token"`
	ExpirationTimestamp string `json:"expirationTimestamp,omitempty"`
}

func runCredential(_ context.Context, e *env, args []string) error {
	_, l, _, err := e.signedInFlags("credential", args, nil)
	if err != nil {
		return err
	}
	cred := credential{
		APIVersion: "client.authentication.k8s.io/v1", Kind: "ExecCredential", Status: credentialStatus{Token: l.Token},
	}
	if t, err := time.Parse(time.RFC3339, l.ExpiresAt); err == nil {
		cred.Status.ExpirationTimestamp = t.UTC().Format(time.RFC3339)
	}
	return json.NewEncoder(e.out).Encode(cred)
}
