package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
)

const revisionAnnotation = "deployment.kubernetes.io/revision"

func revisionOf(rs object) string { return cmp.Or(rs.GetAnnotations()[revisionAnnotation], "?") }

// newest are the ReplicaSets of the deployment's present revision and of the one before.
func (s *session) newest(o object) (last, before object, ok bool) {
	sel, some := o.selector()
	if !some {
		return last, before, false
	}
	var mine []object
	for _, rs := range s.list(replicaSets, o.GetNamespace(), sel) {
		if ref, ok := rs.owner(); ok && ref.Kind == "Deployment" && ref.Name == o.GetName() {
			mine = append(mine, rs)
		}
	}
	number := func(rs object) (n int) {
		_, _ = fmt.Sscan(rs.GetAnnotations()[revisionAnnotation], &n)
		return n
	}
	sort.SliceStable(mine, func(i, j int) bool { return number(mine[i]) > number(mine[j]) })
	if len(mine) < 2 {
		return last, before, false
	}
	return mine[0], mine[1], true
}

func podSpec(o object) map[string]any {
	path := []string{"spec", "template", "spec"}
	switch o.GetKind() {
	case "Pod":
		path = []string{"spec"}
	case "CronJob":
		path = []string{"spec", "jobTemplate", "spec", "template", "spec"}
	}
	m, _ := at(o.Object, path...).(map[string]any)
	return m
}

// differences says what differs between the templates of two ReplicaSets, the parts that matter first.
func differences(a, b object) string {
	var out []string
	from, to := podSpec(a), podSpec(b)
	before := map[string]map[string]any{}
	for _, c := range containersIn(from) {
		before[text(c, "name")] = c
	}
	for _, c := range containersIn(to) {
		name := text(c, "name")
		old, ok := before[name]
		delete(before, name)
		if !ok {
			out = append(out, "new container "+name)
			continue
		}
		if x, y := text(old, "image"), text(c, "image"); x != y {
			out = append(out, fmt.Sprintf("image of %s %s -> %s", name, x, y))
		}
		for _, f := range []string{"command", "args", "resources", "env", "envFrom", "ports", "readinessProbe", "livenessProbe", "startupProbe", "volumeMounts", "securityContext"} {
			if show(old[f]) == show(c[f]) {
				continue
			}
			out = append(out, differs(f, name, old[f], c[f]))
		}
	}
	for _, name := range sortedKeys(before) {
		out = append(out, "without container "+name)
	}
	for _, f := range []string{"volumes", "nodeSelector", "affinity", "tolerations", "serviceAccountName", "securityContext", "priorityClassName"} {
		if show(from[f]) != show(to[f]) {
			out = append(out, differs(f, "the pod", from[f], to[f]))
		}
	}
	if len(out) == 0 && a.pairs("spec", "template", "metadata", "annotations")[restarted] != b.pairs("spec", "template", "metadata", "annotations")[restarted] {
		return "a restart"
	}
	return some(out, 6)
}

const restarted = "kubectl.kubernetes.io/restartedAt"

// unshown are fields whose values may be nobody's business.
var unshown = []string{"command", "args", "envFrom", "volumes", "volumeMounts", "affinity", "securityContext"}

// differs shows small values; of environments only the names.
func differs(field, name string, a, b any) string {
	if field == "env" {
		return fmt.Sprintf("env of %s (%s)", name, anded(changedNames(a, b)))
	}
	if slices.Contains(unshown, field) {
		return field + " of " + name
	}
	if x, y := show(a), show(b); len(x)+len(y) < 120 {
		return fmt.Sprintf("%s of %s %s -> %s", field, name, x, y)
	}
	return field + " of " + name
}

func changedNames(a, b any) []string {
	read := func(v any) map[string]string {
		out := map[string]string{}
		list, _ := v.([]any)
		for _, x := range list {
			if m, ok := x.(map[string]any); ok {
				out[text(m, "name")] = show(m)
			}
		}
		return out
	}
	x, y := read(a), read(b)
	var names []string
	for _, k := range sortedKeys(y) {
		if x[k] != y[k] {
			names = append(names, k)
		}
	}
	for _, k := range sortedKeys(x) {
		if _, ok := y[k]; !ok {
			names = append(names, k+" removed")
		}
	}
	return names
}

func containersIn(spec map[string]any) []map[string]any {
	return append(maps(spec, "initContainers"), maps(spec, "containers")...)
}

// configOf are the ConfigMaps and Secrets that a pod's spec names.
func configOf(spec map[string]any) []key {
	var out []key
	add := func(kind, name string) {
		if k := (key{kind, "", name}); name != "" && !slices.Contains(out, k) && len(out) < 8 {
			out = append(out, k)
		}
	}
	for _, c := range containersIn(spec) {
		for _, e := range maps(c, "env") {
			add("ConfigMap", text(e, "valueFrom", "configMapKeyRef", "name"))
			add("Secret", text(e, "valueFrom", "secretKeyRef", "name"))
		}
		for _, e := range maps(c, "envFrom") {
			add("ConfigMap", text(e, "configMapRef", "name"))
			add("Secret", text(e, "secretRef", "name"))
		}
	}
	for _, v := range maps(spec, "volumes") {
		add("ConfigMap", text(v, "configMap", "name"))
		add("Secret", text(v, "secret", "secretName"))
	}
	return out
}
