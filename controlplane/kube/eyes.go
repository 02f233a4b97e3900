package kube

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubechat/kubechat/controlplane/diagnose"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/redact"
)

// eyes is what the analyzers see of a cluster: what the person may read. Of Secrets they see the metadata at most, and
// nothing through a tunnel, where any read of one needs an intent of its own.
type eyes struct{ c *Cluster }

var _ diagnose.Reader = eyes{}

const (
	asMetadata     = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
	asMetadataList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
)

// resourceOf needs not know whether a kind has namespaces: the analyzers name one where it does.
func resourceOf(r schema.GroupVersionResource, namespace string) nlp.Resource {
	return nlp.Resource{Group: r.Group, Version: r.Version, Plural: r.Resource, Namespaced: namespace != ""}
}

func ofSecrets(r schema.GroupVersionResource) bool { return r.Group == "" && r.Resource == "secrets" }

// form is how to ask for a kind, or an error if it is not to be asked for at all.
func (e eyes) form(r schema.GroupVersionResource, metadata string) (string, error) {
	switch {
	case !ofSecrets(r):
		return asJSON, nil
	case e.c.tunnel:
		return "", apierrors.NewForbidden(r.GroupResource(), "", errors.New("a diagnosis reads no Secrets"))
	}
	return metadata, nil
}

// Get reads one object.
func (e eyes) Get(ctx context.Context, r schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	accept, err := e.form(r, asMetadata)
	if err != nil {
		return nil, err
	}
	res, err := e.c.do(ctx, request{method: http.MethodGet, path: objectPath(resourceOf(r, namespace), namespace, name, ""), accept: accept})
	if err != nil {
		return nil, err
	}
	o, err := readObject(res.body)
	if err == nil && ofSecrets(r) {
		onlyMetadata(o)
	}
	return o, err
}

// onlyMetadata makes a Secret of what was read, without its values, whatever the server has sent.
func onlyMetadata(o *unstructured.Unstructured) {
	o.Object = map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": o.Object["metadata"]}
	redact.DropAnnotation(o.Object, lastApplied)
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// List reads objects of a kind, page by page up to the query's limit.
func (e eyes) List(ctx context.Context, q diagnose.Query) (diagnose.List, error) {
	accept, err := e.form(q.Resource, asMetadataList)
	if err != nil {
		return diagnose.List{}, err
	}
	var out diagnose.List
	for next := ""; ; {
		query := listQuery(q.Labels, q.Fields, next)
		query.Set("limit", strconv.Itoa(min(q.Limit-len(out.Items), listPage)))
		res, err := e.c.do(ctx, request{method: http.MethodGet, path: objectPath(resourceOf(q.Resource, q.Namespace), q.Namespace, "", ""), query: query, accept: accept})
		if err != nil {
			return diagnose.List{}, err
		}
		page := &unstructured.UnstructuredList{}
		if err := page.UnmarshalJSON(res.body); err != nil {
			return diagnose.List{}, problem.New(problem.Unavailable, "The cluster's answer could not be read.").WithCause(err)
		}
		for i := range page.Items {
			if ofSecrets(q.Resource) {
				onlyMetadata(&page.Items[i])
			}
		}
		out.Items = append(out.Items, page.Items...)
		if next = page.GetContinue(); next == "" || len(out.Items) >= q.Limit {
			out.More = next != ""
			return out, nil
		}
	}
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
	return redact.Text(text), err
}
