// Package diagnosetest is a cluster for the analyzers' tests: objects from YAML, selectors that work, logs as text.
package diagnosetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/kubechat/kubechat/controlplane/diagnose"
)

// Reader serves what was put in. Forbidden kinds answer 403, as for a person without rights.
type Reader struct {
	Objects   []unstructured.Unstructured
	Log       map[string]string // "namespace/pod/container" or with "/previous" -> text
	Forbidden map[string]bool   // plural
	Reads     atomic.Int64      // how many calls were made
}

var _ diagnose.Reader = (*Reader)(nil)

// New reads the objects of a YAML stream.
func New(text string) (*Reader, error) {
	r := &Reader{Log: map[string]string{}, Forbidden: map[string]bool{}}
	dec := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		raw, err := dec.Read()
		if errors.Is(err, io.EOF) {
			return r, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read objects: %w", err)
		}
		var doc map[string]any
		if err := yaml.Unmarshal(raw, &doc); err != nil {
			return nil, fmt.Errorf("read an object: %w in %s", err, raw)
		}
		if doc != nil {
			r.Objects = append(r.Objects, unstructured.Unstructured{Object: doc})
		}
	}
}

// plural of the kinds that tests use.
func plural(kind string) string {
	kind = strings.ToLower(kind)
	switch {
	case kind == "endpoints":
		return kind
	case strings.HasSuffix(kind, "s"):
		return kind + "es"
	case strings.HasSuffix(kind, "y") && !strings.HasSuffix(kind, "ay"):
		return strings.TrimSuffix(kind, "y") + "ies"
	}
	return kind + "s"
}

// Get finds one object.
func (r *Reader) Get(_ context.Context, gvr schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	r.Reads.Add(1)
	if r.Forbidden[gvr.Resource] {
		return nil, apierrors.NewForbidden(gvr.GroupResource(), name, errors.New("no rights"))
	}
	for i := range r.Objects {
		o := &r.Objects[i]
		if plural(o.GetKind()) == gvr.Resource && o.GetName() == name && o.GetNamespace() == namespace {
			return o.DeepCopy(), nil
		}
	}
	return nil, apierrors.NewNotFound(gvr.GroupResource(), name)
}

// List finds objects by selectors; of fields it knows those that the analyzers ask for.
func (r *Reader) List(_ context.Context, q diagnose.Query) (diagnose.List, error) {
	r.Reads.Add(1)
	if r.Forbidden[q.Resource.Resource] {
		return diagnose.List{}, apierrors.NewForbidden(q.Resource.GroupResource(), "", errors.New("no rights"))
	}
	sel, err := labels.Parse(q.Labels)
	if err != nil {
		return diagnose.List{}, err
	}
	fsel, err := fields.ParseSelector(q.Fields)
	if err != nil {
		return diagnose.List{}, err
	}
	var out diagnose.List
	for _, o := range r.Objects {
		if plural(o.GetKind()) != q.Resource.Resource || q.Namespace != "" && o.GetNamespace() != q.Namespace || !sel.Matches(labels.Set(o.GetLabels())) || !fsel.Matches(fieldsOf(o)) {
			continue
		}
		if q.Limit > 0 && len(out.Items) == q.Limit {
			out.More = true
			break
		}
		out.Items = append(out.Items, *o.DeepCopy())
	}
	return out, nil
}

func fieldsOf(o unstructured.Unstructured) fields.Set {
	set := fields.Set{"metadata.name": o.GetName()}
	for name, path := range map[string][]string{
		"involvedObject.name": {"involvedObject", "name"}, "involvedObject.kind": {"involvedObject", "kind"}, "type": {"type"}, "reason": {"reason"}, "status.phase": {"status", "phase"},
	} {
		set[name], _, _ = unstructured.NestedString(o.Object, path...)
	}
	return set
}

// Logs gives the text put in for the container.
func (r *Reader) Logs(_ context.Context, namespace, pod, container string, previous bool, _ int64) (string, error) {
	r.Reads.Add(1)
	key := namespace + "/" + pod + "/" + container
	if previous {
		key += "/previous"
	}
	text, ok := r.Log[key]
	if !ok {
		return "", apierrors.NewBadRequest("no such log")
	}
	return text, nil
}
