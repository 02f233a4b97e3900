package nlp

import (
	"encoding/json"
	"fmt"
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
		Schedule    string `json:"schedule"`
		JobTemplate struct {
			Spec struct {
				Template struct {
					Spec podSpec `json:"spec"`
				} `json:"template"`
			} `json:"spec"`
		} `json:"jobTemplate"`
		Hard           map[string]string `json:"hard"`
		MinAvailable   any               `json:"minAvailable"`
		MaxUnavailable any               `json:"maxUnavailable"`
		Selector       json.RawMessage   `json:"selector"`
		Type           string            `json:"type"`
		Ports          []struct {
			Port       int32 `json:"port"`
			TargetPort any   `json:"targetPort"`
		} `json:"ports"`
	} `json:"spec"`
	Rules []struct {
		APIGroups []string `json:"apiGroups"`
		Resources []string `json:"resources"`
		Verbs     []string `json:"verbs"`
	} `json:"rules"`
	RoleRef struct {
		Kind string `json:"kind"`
		Name string `json:"name"`
	} `json:"roleRef"`
	Subjects []struct {
		Kind      string `json:"kind"`
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"subjects"`
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
	switch r.s.Resource.Key() {
	case "pods":
		r.add("run", m.Metadata.Name)
		r.imageFlags(m.Spec.podSpec)
	case "services":
		r.createService(m)
	default:
		r.add("create", singular(r.s.Resource), m.Metadata.Name)
		r.createFlags(m)
	}
	r.scope()
}

// createFlags are what kubectl create takes for the kind.
func (r *renderer) createFlags(m manifest) {
	switch r.s.Resource.Plural {
	case "deployments", "jobs":
		r.imageFlags(m.Spec.Template.Spec)
		if m.Spec.Replicas != nil && *m.Spec.Replicas != 1 {
			r.flag("--replicas", strconv.Itoa(int(*m.Spec.Replicas)))
		}
	case "cronjobs":
		r.imageFlags(m.Spec.JobTemplate.Spec.Template.Spec)
		r.flag("--schedule", m.Spec.Schedule)
	case "configmaps":
		for _, k := range sortedKeys(m.Data) {
			r.flag("--from-literal", k+"="+m.Data[k])
		}
	case "roles", "clusterroles":
		for _, rule := range m.Rules {
			r.flag("--verb", strings.Join(rule.Verbs, ","))
			r.flag("--resource", strings.Join(groupedNames(rule.Resources, rule.APIGroups), ","))
		}
	case "rolebindings", "clusterrolebindings":
		r.flag("--"+strings.ToLower(m.RoleRef.Kind), m.RoleRef.Name)
		for _, s := range m.Subjects {
			name := s.Name
			if s.Kind == "ServiceAccount" {
				name = s.Namespace + ":" + s.Name
			}
			r.flag("--"+strings.ToLower(s.Kind), name)
		}
	case "resourcequotas":
		r.flag("--hard", joinPairs(m.Spec.Hard))
	case "poddisruptionbudgets":
		var sel struct {
			MatchLabels map[string]string `json:"matchLabels"`
		}
		if json.Unmarshal(m.Spec.Selector, &sel) == nil {
			r.flag("--selector", joinPairs(sel.MatchLabels))
		}
		if v := m.Spec.MinAvailable; v != nil {
			r.flag("--min-available", fmt.Sprint(v))
		}
		if v := m.Spec.MaxUnavailable; v != nil {
			r.flag("--max-unavailable", fmt.Sprint(v))
		}
	}
}

// groupedNames are resources as kubectl create role takes them: with their group, unless that is the core.
func groupedNames(resources, groups []string) []string {
	if len(groups) != 1 || groups[0] == "" {
		return resources
	}
	out := make([]string, len(resources))
	for i, res := range resources {
		out[i] = res + "." + groups[0]
	}
	return out
}

func (r *renderer) createService(m manifest) {
	r.add("create", "service", strings.ToLower(m.Spec.Type), m.Metadata.Name)
	for _, p := range m.Spec.Ports {
		target := fmt.Sprint(p.TargetPort)
		if p.TargetPort == nil {
			target = fmt.Sprint(p.Port)
		}
		r.flag("--tcp", fmt.Sprintf("%d:%s", p.Port, target))
	}
}

func (r *renderer) imageFlags(p podSpec) {
	for _, c := range p.Containers {
		r.flag("--image", c.Image)
		for _, port := range c.Ports {
			r.flag("--port", strconv.Itoa(int(port.ContainerPort)))
		}
	}
}
