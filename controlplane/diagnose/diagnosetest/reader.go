// Package diagnosetest is a cluster for the analyzers' tests: objects from YAML, selectors that work, logs as text.
package diagnosetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Reader serves what was put in. Forbidden kinds answer 403, as for a person without rights.
type Reader struct {
	Objects   []unstructured.Unstructured
	Log       map[string]string // "namespace/pod/container" or with "/previous" -> text
	Forbidden map[string]bool   // plural
	Reads     int               // how many calls were made
}

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
			return nil, fmt.Errorf("read an object: %w", err)
		}
		if doc != nil {
			r.Objects = append(r.Objects, unstructured.Unstructured{Object: doc})
		}
	}
}

// plural of the kinds that tests use.
func plural(kind string) string {
	kind = strings.ToLower(kind)
	if strings.HasSuffix(kind, "s") {
		return kind + "es"
	}
	return kind + "s"
}

// Get finds one object.
func (r *Reader) Get(_ context.Context, gvr schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	r.Reads++
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

// List finds objects by selectors; of fields it knows metadata.name and involvedObject.name.
func (r *Reader) List(_ context.Context, gvr schema.GroupVersionResource, namespace, labelSelector, fieldSelector string) ([]unstructured.Unstructured, error) {
	r.Reads++
	if r.Forbidden[gvr.Resource] {
		return nil, apierrors.NewForbidden(gvr.GroupResource(), "", errors.New("no rights"))
	}
	sel, err := labels.Parse(labelSelector)
	if err != nil {
		return nil, err
	}
	fsel, err := fields.ParseSelector(fieldSelector)
	if err != nil {
		return nil, err
	}
	var out []unstructured.Unstructured
	for _, o := range r.Objects {
		involved, _, _ := unstructured.NestedString(o.Object, "involvedObject", "name")
		set := fields.Set{"metadata.name": o.GetName(), "involvedObject.name": involved}
		if plural(o.GetKind()) == gvr.Resource && (namespace == "" || o.GetNamespace() == namespace) && sel.Matches(labels.Set(o.GetLabels())) && fsel.Matches(set) {
			out = append(out, *o.DeepCopy())
		}
	}
	return out, nil
}

// Logs gives the text put in for the container.
func (r *Reader) Logs(_ context.Context, namespace, pod, container string, previous bool, _ int64) (string, error) {
	r.Reads++
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
