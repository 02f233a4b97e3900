package nlp

import (
	"fmt"
	"strconv"
	"strings"
)

// create reads the shapes of create and run that a plan can hold.
func (p *lineReader) create(s Step) (Step, string) {
	l := p.line
	args := l.args
	word := "pod"
	if l.verb == "create" {
		if len(args) == 0 {
			return s, "kubectl create needs a kind."
		}
		word, args = args[0], args[1:]
	}
	r, ok := p.kind(word)
	kind := ""
	if ok && r.Key() == "services" && len(args) == 2 {
		kind, args = args[0], args[1:]
	}
	if !ok || len(args) != 1 {
		return s, fmt.Sprintf("I can't read that kubectl %s: it needs a kind and one name.", l.verb)
	}
	s.Op, s.Resource, s.Names = OpCreate, r, args
	if !r.Namespaced {
		s.Namespace = ""
	}
	if r.Key() == "jobs.batch" && l.flag("from") != "" {
		s.Args.From, s.Args.NewName = l.flag("from"), args[0]
		return s, ""
	}
	obj := map[string]any{"apiVersion": apiVersion(r), "kind": r.Kind, "metadata": map[string]any{"name": args[0]}}
	if why := p.newObject(r, args[0], kind, obj); why != "" {
		return s, why
	}
	s.Args.Object = jsonOf(obj)
	return s, ""
}

// newObject fills in what the flags say.
func (p *lineReader) newObject(r Resource, name, kind string, obj map[string]any) string {
	l := p.line
	switch r.Key() {
	case "deployments.apps", "pods", "jobs.batch", "cronjobs.batch":
		return p.newWorkload(r, name, obj)
	case "configmaps":
		data := map[string]string{}
		for _, pair := range l.flags["from-literal"] {
			k, v, _ := strings.Cut(pair, "=")
			data[k] = v
		}
		if len(data) > 0 {
			obj["data"] = data
		}
	case "namespaces", "serviceaccounts":
	case "roles.rbac.authorization.k8s.io", "clusterroles.rbac.authorization.k8s.io":
		return p.newRole(obj)
	case "rolebindings.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io":
		return p.newBinding(obj)
	case "resourcequotas":
		obj["spec"] = map[string]any{"hard": pairMap(l.flag("hard"))}
	case "poddisruptionbudgets.policy":
		spec := map[string]any{"selector": map[string]any{"matchLabels": pairMap(l.flag("selector"))}}
		for flag, field := range map[string]string{"min-available": "minAvailable", "max-unavailable": "maxUnavailable"} {
			if v := l.flag(flag); v != "" {
				spec[field] = v
				if n, err := strconv.Atoi(v); err == nil {
					spec[field] = n
				}
			}
		}
		obj["spec"] = spec
	case "services":
		return p.newService(name, kind, obj)
	default:
		return fmt.Sprintf("I can't create a %s from one line. I can create %s, and a job from a cron job.", strings.ToLower(r.Kind), creatable)
	}
	return ""
}

func (p *lineReader) newWorkload(r Resource, name string, obj map[string]any) string {
	l := p.line
	if l.flag("image") == "" {
		return "It needs --image."
	}
	if r.Plural == "cronjobs" && l.flag("schedule") == "" {
		return "It needs --schedule."
	}
	port, why := p.int32("port")
	replicas, why2 := p.int32("replicas")
	if why+why2 != "" {
		return why + why2
	}
	meta := obj["metadata"].(map[string]any)
	switch r.Plural {
	case "pods":
		meta["labels"] = map[string]string{"run": name}
	case "deployments":
		meta["labels"] = map[string]string{"app": name}
	}
	if l.flag("labels") != "" {
		meta["labels"] = pairMap(l.flag("labels"))
	}
	obj["spec"] = workloadSpec(r.Plural, name, l.flag("image"), int(port), max(int(replicas), 1), l.flag("schedule"))
	return ""
}

func (p *lineReader) newRole(obj map[string]any) string {
	verbs := split(p.line.flags["verb"])
	var resources []string
	group := ""
	for _, word := range split(p.line.flags["resource"]) {
		res, ok := p.kind(word)
		if !ok {
			return fmt.Sprintf("This cluster has no kind %q.", word)
		}
		resources, group = append(resources, res.Plural), res.Group
	}
	if len(verbs) == 0 || len(resources) == 0 {
		return "It needs --verb and --resource."
	}
	obj["rules"] = []any{map[string]any{"apiGroups": []string{group}, "resources": resources, "verbs": verbs}}
	return ""
}

func split(values []string) []string {
	var out []string
	for _, v := range values {
		for _, part := range strings.Split(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

func (p *lineReader) newBinding(obj map[string]any) string {
	l := p.line
	role, kind := l.flag("role"), "Role"
	if role == "" {
		role, kind = l.flag("clusterrole"), "ClusterRole"
	}
	var subjects []any
	for _, account := range split(l.flags["serviceaccount"]) {
		ns, name, ok := strings.Cut(account, ":")
		if !ok {
			return "--serviceaccount needs NAMESPACE:NAME."
		}
		subjects = append(subjects, map[string]any{"kind": "ServiceAccount", "name": name, "namespace": ns})
	}
	for _, name := range split(l.flags["group"]) {
		subjects = append(subjects, map[string]any{"kind": "Group", "name": name, "apiGroup": "rbac.authorization.k8s.io"})
	}
	for _, name := range split(l.flags["user"]) {
		subjects = append(subjects, map[string]any{"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"})
	}
	if role == "" || len(subjects) == 0 {
		return "It needs --role or --clusterrole, and --serviceaccount, --user or --group."
	}
	obj["roleRef"] = map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}
	obj["subjects"] = subjects
	return ""
}

func (p *lineReader) newService(name, kind string, obj map[string]any) string {
	types := map[string]string{"clusterip": "ClusterIP", "nodeport": "NodePort", "loadbalancer": "LoadBalancer"}
	if types[kind] == "" || p.line.flag("tcp") == "" {
		return "Say kubectl create service clusterip|nodeport|loadbalancer NAME --tcp=PORT:TARGET."
	}
	var ports []any
	for _, pair := range split(p.line.flags["tcp"]) {
		from, to, both := strings.Cut(pair, ":")
		port, err := strconv.Atoi(from)
		target, err2 := strconv.Atoi(to)
		if !both {
			target, err2 = port, nil
		}
		if err != nil || err2 != nil {
			return fmt.Sprintf("%q is no pair of ports.", pair)
		}
		ports = append(ports, map[string]any{"port": port, "targetPort": target, "protocol": "TCP", "name": from})
	}
	obj["spec"] = map[string]any{"type": types[kind], "selector": map[string]string{"app": name}, "ports": ports}
	return ""
}
