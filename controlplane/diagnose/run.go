package diagnose

import (
	"context"
	"fmt"
	"sort"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	pods         = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	services     = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	claims       = schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}
	nodes        = schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
	events       = schema.GroupVersionResource{Version: "v1", Resource: "events"}
	configMaps   = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	deployments  = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	statefulSets = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}
	daemonSets   = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}
	jobs         = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}
	classes      = schema.GroupVersionResource{Group: "storage.k8s.io", Version: "v1", Resource: "storageclasses"}
)

// maxObjects bounds how many objects of a kind one Run looks at; maxLogs how many logs it reads.
const (
	maxObjects = 500
	maxLogs    = 5
)

// Run looks at the target and what belongs to it, and returns what is wrong, worst first. A healthy target gives none.
// What the reader may not read is passed over; only the target itself being unreadable is an error.
func Run(ctx context.Context, r Reader, t Target) ([]Finding, error) {
	s := &session{ctx: ctx, r: r, seen: map[string]bool{}}
	if err := s.target(t); err != nil {
		return nil, err
	}
	return s.result(), nil
}

// session is one Run: what was looked at and what was found.
type session struct {
	ctx      context.Context
	r        Reader
	seen     map[string]bool
	findings []finding
	logs     int
}

// finding is a Finding with what groups it with those of its siblings.
type finding struct {
	Finding
	group string // the same fault of the same owner; empty stands alone
	owner string
	depth int // hops from the target
}

func (s *session) target(t Target) error {
	if t.Name == "" {
		return s.place(t)
	}
	look := s.analyzer(t.Resource)
	if look == nil {
		return s.eventsOnly(t)
	}
	o, err := s.r.Get(s.ctx, t.Resource, t.Namespace, t.Name)
	if err != nil {
		return fmt.Errorf("read %s %s: %w", t.Resource.Resource, t.Name, err)
	}
	look(o, 0)
	return nil
}

func (s *session) analyzer(gvr schema.GroupVersionResource) func(*unstructured.Unstructured, int) {
	switch gvr.Group + "/" + gvr.Resource {
	case "/pods":
		return s.pod
	case "/services":
		return s.service
	case "/persistentvolumeclaims":
		return s.claim
	case "/nodes":
		return s.node
	case "apps/deployments":
		return s.deployment
	case "apps/statefulsets":
		return s.statefulSet
	case "apps/daemonsets":
		return s.daemonSet
	case "apps/replicasets":
		return s.replicaSet
	case "batch/jobs":
		return s.job
	case "batch/cronjobs":
		return s.cronJob
	}
	return nil
}

// place looks at everything of a kind, of a namespace, or of the cluster.
func (s *session) place(t Target) error {
	kinds := []schema.GroupVersionResource{t.Resource}
	whole := t.LabelSelector == "" && (t.Resource.Resource == "" || t.Resource == pods)
	if whole {
		kinds = []schema.GroupVersionResource{deployments, statefulSets, daemonSets, jobs, pods, services, claims}
		if t.Namespace == "" {
			kinds = append(kinds, nodes)
		}
	}
	var first error
	read := 0
	for _, kind := range kinds {
		look := s.analyzer(kind)
		if look == nil {
			return s.eventsOnly(t)
		}
		list, err := s.r.List(s.ctx, kind, t.Namespace, t.LabelSelector, "")
		if err != nil {
			if first == nil {
				first = fmt.Errorf("list %s: %w", kind.Resource, err)
			}
			continue
		}
		read++
		for i := range list[:min(len(list), maxObjects)] {
			look(&list[i], 0)
		}
	}
	if read == 0 {
		return first
	}
	return nil
}

// eventsOnly is for kinds without rules of their own: its warnings are all there is to say.
func (s *session) eventsOnly(t Target) error {
	if t.Name == "" {
		return nil
	}
	o, err := s.r.Get(s.ctx, t.Resource, t.Namespace, t.Name)
	if err != nil {
		return fmt.Errorf("read %s %s: %w", t.Resource.Resource, t.Name, err)
	}
	s.warnings(o, 0)
	return nil
}

// once tells whether the object has not been looked at yet in this Run.
func (s *session) once(o *unstructured.Unstructured) bool {
	key := o.GetKind() + "/" + o.GetNamespace() + "/" + o.GetName()
	if s.seen[key] {
		return false
	}
	s.seen[key] = true
	return true
}

func (s *session) found(o *unstructured.Unstructured, depth int, f Finding) {
	f.Object = nameOf(o)
	s.findings = append(s.findings, finding{Finding: f, depth: depth})
}

// foundInPod groups the fault with the same fault of the pod's siblings.
func (s *session) foundInPod(o *unstructured.Unstructured, depth int, container string, f Finding) {
	f.Object = nameOf(o)
	kind, name := ownerOf(o)
	own := ""
	if name != "" {
		own = kind + " " + name
	}
	group := ""
	if own != "" {
		group = o.GetNamespace() + "/" + own + "/" + f.Reason + "/" + container
	}
	s.findings = append(s.findings, finding{Finding: f, group: group, owner: own, depth: depth})
}

var severityRank = map[Severity]int{Critical: 0, Warning: 1, Info: 2}

// result groups siblings and sorts: worst first, nearest to the target first, then by name.
func (s *session) result() []Finding {
	count, first := map[string]int{}, map[string]int{}
	var kept []finding
	for _, f := range s.findings {
		if f.group == "" {
			kept = append(kept, f)
			continue
		}
		if count[f.group]++; count[f.group] == 1 {
			first[f.group] = len(kept)
			kept = append(kept, f)
		}
	}
	for g, n := range count {
		if n > 1 {
			f := &kept[first[g]]
			f.Text = fmt.Sprintf("%s The same holds for %d more %s of %s.", f.Text, n-1, plural("pod", n-1), f.owner)
		}
	}
	sort.SliceStable(kept, func(i, j int) bool {
		a, b := kept[i], kept[j]
		if severityRank[a.Severity] != severityRank[b.Severity] {
			return severityRank[a.Severity] < severityRank[b.Severity]
		}
		if a.depth != b.depth {
			return a.depth > b.depth // the pod's fault explains the deployment's
		}
		return a.Object+a.Reason < b.Object+b.Reason
	})
	out := make([]Finding, len(kept))
	for i, f := range kept {
		out[i] = f.Finding
	}
	return out
}

func plural(word string, n int) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func nameOf(o *unstructured.Unstructured) string {
	text := strings.ToLower(o.GetKind()) + "/" + o.GetName()
	if ns := o.GetNamespace(); ns != "" {
		text += " in " + ns
	}
	return text
}

// ownerOf is the controller; a ReplicaSet made by a Deployment is called by the Deployment's name.
func ownerOf(o *unstructured.Unstructured) (kind, name string) {
	for _, ref := range o.GetOwnerReferences() {
		if ref.Controller == nil || !*ref.Controller {
			continue
		}
		if hash := o.GetLabels()["pod-template-hash"]; ref.Kind == "ReplicaSet" && hash != "" {
			return "deployment", strings.TrimSuffix(ref.Name, "-"+hash)
		}
		return strings.ToLower(ref.Kind), ref.Name
	}
	return "", ""
}

// podsOf are the pods a workload's selector picks. An empty selector picks none.
func (s *session) podsOf(o *unstructured.Unstructured) []unstructured.Unstructured {
	sel := selectorOf(o)
	if sel == "" {
		return nil
	}
	list, err := s.r.List(s.ctx, pods, o.GetNamespace(), sel, "")
	if err != nil {
		return nil
	}
	return list[:min(len(list), maxObjects)]
}

func selectorOf(o *unstructured.Unstructured) string {
	m, _, _ := unstructured.NestedStringMap(o.Object, "spec", "selector", "matchLabels")
	if o.GetKind() == "Service" {
		m, _, _ = unstructured.NestedStringMap(o.Object, "spec", "selector")
	}
	if len(m) == 0 {
		return ""
	}
	return labels.SelectorFromSet(m).String()
}

// missing tells whether an object is not there; not being allowed to look is not the same.
func (s *session) missing(gvr schema.GroupVersionResource, ns, name string) bool {
	_, err := s.r.Get(s.ctx, gvr, ns, name)
	return err != nil && apierrors.IsNotFound(err)
}

// warnings turns the object's newest warning events into a finding, for want of a better one.
func (s *session) warnings(o *unstructured.Unstructured, depth int) bool {
	list := s.eventsOf(o)
	for _, e := range list {
		if str(&e, "type") != "Warning" {
			continue
		}
		s.found(o, depth, Finding{
			Reason: str(&e, "reason"), Severity: Warning, Text: "The newest warning says: " + sentence(str(&e, "message")),
			Evidence: []string{"event " + str(&e, "reason") + ": " + str(&e, "message")}, Next: "Read all its events: kubectl describe shows them.",
		})
		return true
	}
	return false
}

// eventsOf are the object's events, newest first.
func (s *session) eventsOf(o *unstructured.Unstructured) []unstructured.Unstructured {
	ns := o.GetNamespace()
	list, err := s.r.List(s.ctx, events, ns, "", "involvedObject.name="+o.GetName())
	if err != nil {
		return nil
	}
	var out []unstructured.Unstructured
	for _, e := range list {
		kind, _, _ := unstructured.NestedString(e.Object, "involvedObject", "kind")
		name, _, _ := unstructured.NestedString(e.Object, "involvedObject", "name")
		uid, _, _ := unstructured.NestedString(e.Object, "involvedObject", "uid")
		if name == o.GetName() && (kind == "" || kind == o.GetKind()) && (uid == "" || o.GetUID() == "" || uid == string(o.GetUID())) {
			out = append(out, e)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return eventTime(out[i]) > eventTime(out[j]) })
	return out
}

func eventTime(e unstructured.Unstructured) string {
	for _, f := range []string{"lastTimestamp", "eventTime"} {
		if t := str(&e, f); t != "" {
			return t
		}
	}
	return e.GetCreationTimestamp().UTC().Format("2006-01-02T15:04:05Z")
}

func str(o *unstructured.Unstructured, path ...string) string {
	v, _, _ := unstructured.NestedString(o.Object, path...)
	return v
}

// num is an integer field; YAML and JSON decoders disagree about its Go type.
func num(m map[string]any, path ...string) (int64, bool) {
	v, ok, _ := unstructured.NestedFieldNoCopy(m, path...)
	if !ok {
		return 0, false
	}
	switch n := v.(type) {
	case int64:
		return n, true
	case float64:
		return int64(n), true
	case int:
		return int64(n), true
	}
	return 0, false
}

// sentence ends a message with a full stop and keeps it short.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if rs := []rune(s); len(rs) > 300 {
		s = string(rs[:300]) + "…"
	}
	if s == "" || strings.HasSuffix(s, ".") || strings.HasSuffix(s, "…") {
		return s
	}
	return s + "."
}

// condition is the condition of a type, or nil.
func condition(o *unstructured.Unstructured, typ string) map[string]any {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range list {
		if m, ok := c.(map[string]any); ok && m["type"] == typ {
			return m
		}
	}
	return nil
}

func textOf(m map[string]any, key string) string {
	s, _ := m[key].(string)
	return s
}
