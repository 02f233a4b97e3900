package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// apiSchema is the part of an OpenAPI v3 schema that explaining needs.
type apiSchema struct {
	Description          string               `json:"description"`
	Type                 string               `json:"type"`
	Ref                  string               `json:"$ref"`
	AllOf                []apiSchema          `json:"allOf"`
	Items                *apiSchema           `json:"items"`
	Properties           map[string]apiSchema `json:"properties"`
	AdditionalProperties *apiSchema           `json:"additionalProperties"`
	Required             []string             `json:"required"`
	Enum                 []any                `json:"enum"`
	Kinds                []struct {
		Group, Version, Kind string
	} `json:"x-kubernetes-group-version-kind"`
}

type openAPI struct {
	Components struct {
		Schemas map[string]apiSchema `json:"schemas"`
	} `json:"components"`
}

// explain says what a kind, or a field of it, means: from the cluster's own OpenAPI.
func (c *Cluster) explain(ctx context.Context, step nlp.Step) ([]chat.Part, error) {
	r, fields, err := c.explained(ctx, step)
	if err != nil {
		return nil, err
	}
	path := "/openapi/v3/api/" + cmp.Or(r.Version, "v1")
	if r.Group != "" {
		path = "/openapi/v3/apis/" + r.Group + "/" + r.Version
	}
	var doc openAPI
	if err := c.read(ctx, path, asJSON, &doc); err != nil {
		return nil, err
	}
	at, ok := doc.kind(r)
	if !ok {
		return nil, problem.Newf(problem.NotFound, "The cluster does not describe %s.", r.Kind)
	}
	kind := "Object"
	for i, f := range fields {
		p, ok := doc.fields(at)[f]
		if !ok {
			return nil, problem.Newf(problem.NotFound, "%s has no field %q.", strings.Join(append([]string{r.Plural}, fields[:i]...), "."), f)
		}
		kind = doc.typeOf(p)
		at = doc.inner(p)
		if p.Description != "" {
			at.Description = p.Description
		}
	}
	head := fmt.Sprintf("%s (%s) <%s>", strings.Join(append([]string{r.Kind}, fields...), "."), apiVersion(r), kind)
	parts := []chat.Part{chat.Text{Text: strings.TrimSpace(head + "\n\n" + at.Description)}}
	if t := doc.fieldTable(at); len(t.Rows) > 0 {
		parts = append(parts, t)
	}
	return parts, nil
}

// explained finds the kind, by the step or by the first part of the path, and the fields below it.
func (c *Cluster) explained(ctx context.Context, step nlp.Step) (nlp.Resource, []string, error) {
	path := strings.Split(strings.Trim(step.Args.Path, "."), ".")
	if step.Resource.Plural != "" {
		return step.Resource, slices.DeleteFunc(path[min(1, len(path)):], func(s string) bool { return s == "" }), nil
	}
	words, err := c.Vocabulary(ctx)
	if err != nil {
		return nlp.Resource{}, nil, err
	}
	found := words.Lookup(strings.ToLower(path[0]))
	if len(found) == 0 {
		return nlp.Resource{}, nil, problem.Newf(problem.NotFound, "This cluster serves no kind %q.", path[0])
	}
	return found[0].Resource, path[1:], nil
}

func (d openAPI) kind(r nlp.Resource) (apiSchema, bool) {
	for _, name := range sortedKeys(d.Components.Schemas) {
		for _, k := range d.Components.Schemas[name].Kinds {
			if k.Group == r.Group && k.Version == cmp.Or(r.Version, "v1") && k.Kind == r.Kind {
				return d.Components.Schemas[name], true
			}
		}
	}
	return apiSchema{}, false
}

// inner is the object that a field holds, through references, lists and maps.
func (d openAPI) inner(s apiSchema) apiSchema {
	for range 20 { // a document that refers in a circle
		switch {
		case s.Ref != "":
			s = d.Components.Schemas[s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]]
		case len(s.AllOf) == 1 && len(s.Properties) == 0:
			s = s.AllOf[0]
		case s.Items != nil:
			s = *s.Items
		case s.AdditionalProperties != nil && len(s.Properties) == 0:
			s = *s.AdditionalProperties
		default:
			return s
		}
	}
	return s
}

func (d openAPI) fields(s apiSchema) map[string]apiSchema { return d.inner(s).Properties }

func (d openAPI) typeOf(s apiSchema) string {
	switch {
	case s.Items != nil:
		return "[]" + d.typeOf(*s.Items)
	case s.AdditionalProperties != nil && len(s.Properties) == 0:
		return "map[string]" + d.typeOf(*s.AdditionalProperties)
	case len(s.AllOf) == 1:
		return d.typeOf(s.AllOf[0])
	case s.Ref != "":
		return s.Ref[strings.LastIndexByte(s.Ref, '.')+1:]
	}
	return cmp.Or(s.Type, "Object")
}

func (d openAPI) fieldTable(s apiSchema) chat.Table {
	t := chat.Table{Title: "Fields", Rows: [][]any{}, Columns: []chat.Column{
		{Name: "Field", Kind: "text"}, {Name: "Type", Kind: "text"}, {Name: "Required", Kind: "text"}, {Name: "Meaning", Kind: "text"},
	}}
	s = d.inner(s)
	for _, name := range sortedKeys(s.Properties) {
		p := s.Properties[name]
		required := ""
		if slices.Contains(s.Required, name) {
			required = "yes"
		}
		t.Rows = append(t.Rows, []any{name, d.typeOf(p), required, sentenceOf(cmp.Or(p.Description, d.inner(p).Description))})
	}
	return t
}

// sentenceOf is the first sentence of a description, which can be pages.
func sentenceOf(s string) string {
	const most = 300
	s, _, _ = strings.Cut(s, "\n")
	if i := strings.Index(s, ". "); i > 0 {
		s = s[:i+1]
	}
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return s
}
