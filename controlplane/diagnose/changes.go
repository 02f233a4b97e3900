package diagnose

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Change is something that was changed in the cluster, by a person or by a controller.
type Change struct {
	At     time.Time
	Object string // "deployment/checkout in shop"
	What   string // "revision 4: image of app 1.0 -> 1.1"
	By     string // the program that asked for it, where the cluster says: "kubectl-set"
}

// History is what changed, the newest first, and what could not be looked at.
type History struct {
	Changes []Change
	Notes   []string
}

// maxChanges is how many changes a History holds.
const maxChanges = 50

// Changes says what was changed about the target since a time: revisions with what differs in their templates, edits
// of configuration, scaling, nodes that came and went. It reads Secrets' metadata only.
func Changes(ctx context.Context, r Reader, t Target, since time.Time) (History, error) {
	s := newSession(ctx, r, t)
	c := &chronicle{session: s, since: since}
	if err := c.gather(); err != nil {
		return History{}, err
	}
	sort.SliceStable(c.list, func(i, j int) bool { return c.list[i].At.After(c.list[j].At) })
	if len(c.list) > maxChanges {
		s.left("There are %d more changes before these.", len(c.list)-maxChanges)
		c.list = c.list[:maxChanges]
	}
	return History{Changes: c.list, Notes: s.notes}, nil
}

// chronicle gathers changes.
type chronicle struct {
	*session
	since time.Time
	list  []Change
}

func (c *chronicle) add(at time.Time, who key, what, by string) {
	if at.Before(c.since) || at.IsZero() {
		return
	}
	c.list = append(c.list, Change{at, who.String(), what, by})
}

// written are the kinds that people configure a namespace with.
var written = []schema.GroupVersionResource{deployments, statefulSets, daemonSets, cronJobs, configMaps, secrets, services, ingresses, policies, autoscalers, quotas, roleBindings}

func (c *chronicle) gather() error {
	t := c.target
	if t.Resource == namespaces && t.Name != "" {
		t = Target{Namespace: t.Name}
	}
	if t.Name != "" {
		return c.one(t)
	}
	kinds := written
	if t.Resource.Resource != "" && t.Resource != pods {
		kinds = []schema.GroupVersionResource{t.Resource}
	}
	var qs []Query
	for _, gvr := range append(slices.Clone(kinds), replicaSets) {
		qs = append(qs, everything(gvr, t.Namespace))
	}
	c.warm(append(qs, scalings(t.Namespace), nodeEvents))
	var first error
	read := 0
	for _, gvr := range kinds {
		a := c.ask(everything(gvr, t.Namespace))
		if a.err != nil {
			first = firstError(first, fmt.Errorf("list %s: %w", gvr.Resource, a.err))
			continue
		}
		read++
		for _, o := range a.items {
			c.object(o)
		}
	}
	if read == 0 {
		return first
	}
	c.scaled(t.Namespace, "")
	c.nodes("")
	return nil
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// one gathers what changed about one object and what its pods are configured with.
func (c *chronicle) one(t Target) error {
	o, err := c.get(t.Resource, t.Namespace, t.Name)
	if err != nil {
		return fmt.Errorf("read %s %s: %w", t.Resource.Resource, t.Name, err)
	}
	for hop := 0; hop < 2; hop++ { // what people change is the deployment, not its pod
		ref, ok := o.owner()
		gvr, known := resources[ref.Kind]
		if !ok || !known {
			break
		}
		up, err := c.get(gvr, o.GetNamespace(), ref.Name)
		if err != nil {
			break
		}
		o = up
	}
	c.object(o)
	for _, ref := range configOf(podSpec(o)) {
		if ref.kind == "Secret" {
			if x, err := c.get(secrets, o.GetNamespace(), ref.name); err == nil {
				c.object(x)
			}
			continue
		}
		if x, err := c.get(configMaps, o.GetNamespace(), ref.name); err == nil {
			c.object(x)
		}
	}
	if o.GetNamespace() != "" {
		c.scaled(o.GetNamespace(), o.GetName())
	}
	if o.GetKind() == "Node" {
		c.nodes(o.GetName())
		return nil
	}
	c.nodesOf(o)
	return nil
}

// object says when an object was made and when it was edited last, by whom.
func (c *chronicle) object(o object) {
	if o.GetName() == "kube-root-ca.crt" {
		return
	}
	if _, owned := o.owner(); owned {
		return // its owner's change is the one that somebody made
	}
	made := o.GetCreationTimestamp().Time
	c.add(made, o.key(), "made", firstManager(o))
	revised := c.revisions(o)
	for _, e := range edits(o) {
		if e.at.Sub(made) < time.Second || slices.ContainsFunc(revised, func(t time.Time) bool { return t.Sub(e.at).Abs() < 5*time.Second }) {
			continue
		}
		c.add(e.at, o.key(), e.what, e.by)
	}
}

// edit is one writer's last write to an object.
type edit struct {
	at       time.Time
	by, what string
}

// machines write by themselves all the time.
var machines = []string{"kube-controller-manager", "kube-scheduler", "kubelet", "kube-apiserver", "cloud-controller-manager", "k3s", "k0s"}

// edits are the last writes of each program, by the fields that the API server says it manages.
func edits(o object) []edit {
	var out []edit
	for _, m := range o.GetManagedFields() {
		if m.Time == nil || slices.Contains(machines, m.Manager) || m.Subresource == "status" {
			continue
		}
		what := "edited"
		switch {
		case m.Subresource == "scale":
			what = fmt.Sprintf("scaled to %d", o.replicas())
		case m.Manager == "kubectl-rollout":
			what = "restarted, paused or resumed"
		case m.FieldsV1 != nil:
			what = "edited" + bracket(fieldsOf(m.FieldsV1))
		}
		out = append(out, edit{m.Time.Time, m.Manager, what})
	}
	return out
}

// fieldsOf names the parts of an object that a writer manages.
func fieldsOf(f *metav1.FieldsV1) string {
	text := f.GetRawString()
	var out []string
	for _, part := range []string{"spec", "data", "stringData", "rules", "subjects", "webhooks"} {
		if strings.Contains(text, `"f:`+part+`"`) {
			out = append(out, part)
		}
	}
	if len(out) == 0 {
		return "metadata"
	}
	return strings.Join(out, ", ")
}

func firstManager(o object) string {
	var first *metav1.ManagedFieldsEntry
	for _, m := range o.GetManagedFields() {
		if m.Time != nil && m.Subresource == "" && (first == nil || m.Time.Before(first.Time)) {
			first = &m
		}
	}
	if first == nil {
		return ""
	}
	return first.Manager
}

// revisions are the newest template of a deployment and what differs from the one before.
func (c *chronicle) revisions(o object) []time.Time {
	if o.GetKind() != "Deployment" {
		return nil
	}
	last, before, ok := c.newest(o)
	if !ok {
		return nil
	}
	at := last.GetCreationTimestamp().Time
	if at.Before(before.GetCreationTimestamp().Time) { // rolled back: an old ReplicaSet is used again
		at = o.updated("Progressing")
	}
	c.add(at, o.key(), fmt.Sprintf("revision %s: %s", revisionOf(last), cmp.Or(differences(before, last), "the same template")), lastEditor(o, at))
	return []time.Time{at}
}

// updated is when the condition was updated last.
func (o object) updated(kind string) time.Time {
	for _, c := range o.maps("status", "conditions") {
		if c["type"] == kind {
			return when(c, "lastUpdateTime")
		}
	}
	return time.Time{}
}

func lastEditor(o object, at time.Time) string {
	for _, e := range edits(o) {
		if e.at.Sub(at).Abs() < 5*time.Second {
			return e.by
		}
	}
	return ""
}

func scalings(namespace string) Query {
	return Query{Resource: events, Namespace: namespace, Fields: "reason=SuccessfulRescale", Limit: maxEvents}
}

// scaled are the autoscalers' doings; scaling by hand shows in the object's managed fields.
func (c *chronicle) scaled(namespace, name string) {
	for _, e := range c.ask(scalings(namespace)).items {
		who, _ := e.Object["involvedObject"].(map[string]any)
		if name == "" || text(who, "name") == name {
			c.add(lastSeen(e), key{text(who, "kind"), e.GetNamespace(), text(who, "name")}, lower(e.text("message")), "horizontal-pod-autoscaler")
		}
	}
}

var nodeEvents = Query{Resource: events, Namespace: "default", Fields: "involvedObject.kind=Node", Limit: maxEvents}

// turns are the events that say that a node has come, gone or changed.
var turns = []string{"NodeNotReady", "NodeReady", "NodeNotSchedulable", "NodeSchedulable", "Rebooted", "RegisteredNode", "RemovingNode", "NodeHasDiskPressure", "NodeHasInsufficientMemory", "SystemOOM", "Shutdown"}

func (c *chronicle) nodes(name string) {
	for _, e := range c.ask(nodeEvents).items {
		who, _ := e.Object["involvedObject"].(map[string]any)
		if slices.Contains(turns, e.text("reason")) && (name == "" || text(who, "name") == name) {
			c.add(lastSeen(e), key{"Node", "", text(who, "name")}, e.text("reason")+": "+strings.TrimSpace(e.text("message")), text(e.Object, "source", "component"))
		}
	}
}

// nodesOf are the nodes of a workload's pods.
func (c *chronicle) nodesOf(o object) {
	sel, ok := o.selector()
	if !ok {
		return
	}
	seen := map[string]bool{}
	for _, p := range c.session.list(pods, o.GetNamespace(), sel) {
		if n := p.text("spec", "nodeName"); n != "" && !seen[n] {
			seen[n] = true
			c.nodes(n)
		}
	}
}
