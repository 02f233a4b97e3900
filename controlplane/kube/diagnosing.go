package kube

import (
	"context"
	"errors"
	"net/url"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/diagnose"
	"github.com/kubechat/kubechat/controlplane/nlp"
)

// eyes is what the analyzers see of a cluster: what the person may read, without secrets.
type eyes struct{ c *Cluster }

var _ diagnose.Reader = eyes{}

// resourceOf needs not know whether a kind has namespaces: the analyzers name one where it does.
func resourceOf(r schema.GroupVersionResource, namespace string) nlp.Resource {
	return nlp.Resource{Group: r.Group, Version: r.Version, Plural: r.Resource, Namespaced: namespace != ""}
}

// noSecrets: reading Secrets is not a read, and nobody asked for one. The rules do without.
func noSecrets(r schema.GroupVersionResource) error {
	if r.Group == "" && r.Resource == "secrets" {
		return apierrors.NewForbidden(r.GroupResource(), "", errors.New("the diagnosis reads no Secrets"))
	}
	return nil
}

// Get reads one object, redacted.
func (e eyes) Get(ctx context.Context, r schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	if err := noSecrets(r); err != nil {
		return nil, err
	}
	o, err := e.c.get(ctx, resourceOf(r, namespace), namespace, name, "")
	if err != nil {
		return nil, err
	}
	redact(o.Object)
	return o, nil
}

// List reads the objects of a kind, redacted.
func (e eyes) List(ctx context.Context, r schema.GroupVersionResource, namespace, labels, fields string) ([]unstructured.Unstructured, error) {
	if err := noSecrets(r); err != nil {
		return nil, err
	}
	items, _, err := e.c.list(ctx, resourceOf(r, namespace), namespace, labels, fields)
	for i := range items {
		redact(items[i].Object)
	}
	return items, err
}

// Logs reads the last lines of a log, redacted.
func (e eyes) Logs(ctx context.Context, namespace, pod, container string, previous bool, n int64) (string, error) {
	q := url.Values{"tailLines": {strconv.FormatInt(n, 10)}}
	if container != "" {
		q.Set("container", container)
	}
	if previous {
		q.Set("previous", "true")
	}
	text, err := e.c.logText(ctx, namespace, pod, q)
	return redactText(text), err
}

// diagnose looks for what is wrong with the step's objects, by rules.
func (c *Cluster) diagnose(ctx context.Context, step nlp.Step) ([]chat.Part, error) {
	target := diagnose.Target{Namespace: step.Namespace, LabelSelector: step.LabelSelector}
	if step.Resource.Plural != "" {
		target.Resource = schema.GroupVersionResource{Group: step.Resource.Group, Version: or(step.Resource.Version, "v1"), Resource: step.Resource.Plural}
	}
	names := step.Names
	if len(names) == 0 {
		names = []string{""}
	}
	var parts []chat.Part
	for _, name := range names {
		target.Name = name
		found, err := diagnose.Run(ctx, eyes{c}, target)
		if err != nil {
			return nil, asProblem(err)
		}
		for _, f := range found {
			parts = append(parts, chat.Finding{
				Object: f.Object, Reason: f.Reason, Severity: string(f.Severity), Text: redactText(f.Text),
				Evidence: append([]string{}, f.Evidence...), Next: f.Next,
			})
		}
	}
	if len(parts) == 0 {
		parts = append(parts, chat.Text{Text: "Nothing is wrong that the rules know of."})
	}
	return parts, nil
}
