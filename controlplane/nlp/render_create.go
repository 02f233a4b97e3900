package nlp

import (
	"encoding/json"
	"strconv"
	"strings"
)

// manifest is the part of an object that create's shorthand can say.
type manifest struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Data map[string]string `json:"data"`
	Spec struct {
		Replicas *int32 `json:"replicas"`
		Template struct {
			Spec podSpec `json:"spec"`
		} `json:"template"`
		podSpec
	} `json:"spec"`
}

type podSpec struct {
	Containers []struct {
		Image string `json:"image"`
		Ports []struct {
			ContainerPort int32 `json:"containerPort"`
		} `json:"ports"`
	} `json:"containers"`
}

func (r *renderer) create() {
	if r.s.Args.From != "" {
		r.add("create", "job", r.s.Args.NewName)
		r.flag("--from", r.s.Args.From)
		r.scope()
		return
	}
	var m manifest
	if err := json.Unmarshal(r.s.Args.Object, &m); err != nil {
		r.add("create", singular(r.s.Resource))
		return
	}
	if r.s.Resource.Key() == "pods" {
		r.add("run", m.Metadata.Name)
		r.imageFlags(m.Spec.podSpec)
		r.scope()
		return
	}
	r.add("create", singular(r.s.Resource), m.Metadata.Name)
	if r.s.Resource.Key() == "deployments.apps" {
		r.imageFlags(m.Spec.Template.Spec)
		if m.Spec.Replicas != nil && *m.Spec.Replicas != 1 {
			r.flag("--replicas", strconv.Itoa(int(*m.Spec.Replicas)))
		}
	}
	if strings.EqualFold(m.Kind, "ConfigMap") {
		for _, k := range sortedKeys(m.Data) {
			r.flag("--from-literal", k+"="+m.Data[k])
		}
	}
	r.scope()
}

func (r *renderer) imageFlags(p podSpec) {
	for _, c := range p.Containers {
		r.flag("--image", c.Image)
		for _, port := range c.Ports {
			r.flag("--port", strconv.Itoa(int(port.ContainerPort)))
		}
	}
}
