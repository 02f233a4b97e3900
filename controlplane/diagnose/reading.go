package diagnose

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// reading remembers what was read in one Run, so that nothing is read twice, and what could not be.
type reading struct {
	ctx context.Context
	r   Reader

	mu    sync.Mutex // guards lists, notes and reads while warm reads side by side; all else is one goroutine's
	lists map[Query]answer
	gets  map[string]answer
	notes []string
	reads int
	eyed  int // single objects read
	asked int // objects whose own events were listed
}

type answer struct {
	items []object
	more  bool
	err   error
}

func newReading(ctx context.Context, r Reader) *reading {
	return &reading{ctx: ctx, r: r, lists: map[Query]answer{}, gets: map[string]answer{}}
}

// warm reads lists side by side, for what follows to find them read.
func (r *reading) warm(queries []Query) {
	var wg sync.WaitGroup
	places := make(chan struct{}, 6) // as many at once: a tunnel carries them side by side, and a small API server bears it
	for _, q := range queries {
		wg.Add(1)
		places <- struct{}{}
		go func() {
			defer wg.Done()
			defer func() { <-places }()
			r.ask(q)
		}()
	}
	wg.Wait()
}

// ask reads a list, once.
func (r *reading) ask(q Query) answer {
	r.mu.Lock()
	a, done := r.lists[q]
	r.mu.Unlock()
	if done {
		return a
	}
	list, err := r.r.List(r.ctx, q)
	a = answer{more: list.More, err: err}
	for i := range list.Items {
		a.items = append(a.items, object{&list.Items[i]})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	r.lists[q] = a
	r.judge(q.Resource, q.Namespace, err)
	return a
}

// judge notes what may not be read. A kind that the cluster does not have is nothing to note.
func (r *reading) judge(gvr schema.GroupVersionResource, namespace string, err error) {
	if err == nil || apierrors.IsNotFound(err) || r.ctx.Err() != nil {
		return
	}
	where := ""
	if namespace != "" {
		where = " in " + namespace
	}
	why := "the cluster gave an error"
	if apierrors.IsForbidden(err) {
		why = "reading them is not allowed"
	}
	r.say(fmt.Sprintf("Could not look at %s%s: %s.", gvr.Resource, where, why))
}

func (r *reading) say(note string) {
	if !slices.Contains(r.notes, note) {
		r.notes = append(r.notes, note)
	}
}

// left notes what was left out.
func (r *reading) left(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.say(fmt.Sprintf(format, args...))
}

func limitOf(gvr schema.GroupVersionResource) int {
	if gvr == pods {
		return maxPods
	}
	return maxList
}

func everything(gvr schema.GroupVersionResource, namespace string) Query {
	return Query{Resource: gvr, Namespace: namespace, Limit: limitOf(gvr)}
}

// whole is the full list that an answer about a namespace can be taken from, if it was read.
func (r *reading) whole(gvr schema.GroupVersionResource, namespace string) (answer, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ns := range []string{namespace, ""} {
		if a, ok := r.lists[everything(gvr, ns)]; ok && a.err == nil && !a.more {
			return a, true
		}
	}
	return answer{}, false
}

// list gives the objects of a kind, in a namespace ("" is all of them) and with the labels, or none if they can't be read.
func (r *reading) list(gvr schema.GroupVersionResource, namespace string, sel labels.Selector) []object {
	items, _ := r.tryList(gvr, namespace, sel)
	return items
}

// tryList is list that tells whether the answer is complete.
func (r *reading) tryList(gvr schema.GroupVersionResource, namespace string, sel labels.Selector) ([]object, bool) {
	if a, ok := r.whole(gvr, namespace); ok {
		var out []object
		for _, o := range a.items {
			if (namespace == "" || o.GetNamespace() == namespace) && (sel == nil || sel.Matches(labels.Set(o.GetLabels()))) {
				out = append(out, o)
			}
		}
		return out, true
	}
	q := everything(gvr, namespace)
	if sel != nil {
		q.Labels = sel.String()
	}
	a := r.ask(q)
	if a.more {
		r.left("Looked at the first %d %s only.", len(a.items), gvr.Resource)
	}
	return a.items, a.err == nil && !a.more
}

// get reads one object, once.
func (r *reading) get(gvr schema.GroupVersionResource, namespace, name string) (object, error) {
	if a, ok := r.whole(gvr, namespace); ok {
		for _, o := range a.items {
			if o.GetName() == name && o.GetNamespace() == namespace {
				return o, nil
			}
		}
		return object{}, apierrors.NewNotFound(gvr.GroupResource(), name)
	}
	id := gvr.String() + "/" + namespace + "/" + name
	a, done := r.gets[id]
	if !done {
		if r.eyed >= maxGets {
			r.left("Stopped after reading %d objects one by one.", maxGets)
			return object{}, errEnough
		}
		o, err := r.r.Get(r.ctx, gvr, namespace, name)
		a = answer{err: err}
		if err == nil {
			a.items = []object{{o}}
		}
		r.reads++
		r.eyed++
		r.gets[id] = a
		r.judge(gvr, namespace, err)
	}
	if a.err != nil {
		return object{}, a.err
	}
	return a.items[0], nil
}

var errEnough = apierrors.NewForbidden(schema.GroupResource{}, "", fmt.Errorf("enough was read"))

// missing tells whether an object is not there; not being allowed to look is not the same.
func (r *reading) missing(gvr schema.GroupVersionResource, ns, name string) bool {
	_, err := r.get(gvr, ns, name)
	return err != nil && apierrors.IsNotFound(err)
}

func warningsIn(namespace string) Query {
	return Query{Resource: events, Namespace: namespace, Fields: "type=Warning", Limit: maxEvents}
}

// warnings are an object's warning events, newest first.
func (r *reading) warnings(o object) []object {
	for _, ns := range []string{o.GetNamespace(), ""} {
		r.mu.Lock()
		a, ok := r.lists[warningsIn(ns)]
		r.mu.Unlock()
		if ok && a.err == nil && !a.more {
			return about(a.items, o)
		}
	}
	var out []object
	for _, e := range r.eventsOf(o) {
		if e.text("type") == "Warning" {
			out = append(out, e)
		}
	}
	return out
}

// eventsOf are all of an object's events, newest first.
func (r *reading) eventsOf(o object) []object {
	q := Query{Resource: events, Namespace: o.GetNamespace(), Limit: maxEvents,
		Fields: "involvedObject.kind=" + o.GetKind() + ",involvedObject.name=" + o.GetName()}
	r.mu.Lock()
	_, done := r.lists[q]
	enough := !done && r.asked >= maxLookups
	if !done && !enough {
		r.asked++
	}
	r.mu.Unlock()
	if enough {
		r.left("Read the events of the first %d objects only.", maxLookups)
		return nil
	}
	return about(r.ask(q).items, o)
}

// about are the events of this very object, newest first: not of one of the same name before it.
func about(list []object, o object) []object {
	var out []object
	for _, e := range list {
		who, _ := e.Object["involvedObject"].(map[string]any)
		uid := text(who, "uid")
		same := uid == "" || o.GetUID() == "" || uid == string(o.GetUID()) || uid == o.GetName() // a node's events have its name there
		inPlace := e.GetNamespace() == "" || o.GetNamespace() == "" || e.GetNamespace() == o.GetNamespace()
		if text(who, "name") == o.GetName() && (text(who, "kind") == "" || text(who, "kind") == o.GetKind()) && same && inPlace {
			out = append(out, e)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return lastSeen(out[i]).After(lastSeen(out[j])) })
	return out
}

func lastSeen(e object) time.Time {
	for _, path := range [][]string{{"series", "lastObservedTime"}, {"lastTimestamp"}, {"eventTime"}} {
		if t := when(e.Object, path...); !t.IsZero() {
			return t
		}
	}
	return e.GetCreationTimestamp().Time
}

func firstSeen(e object) time.Time {
	for _, f := range []string{"firstTimestamp", "eventTime"} {
		if t := when(e.Object, f); !t.IsZero() {
			return t
		}
	}
	return lastSeen(e)
}

// event finds the newest of the object's warnings with one of the reasons.
func (r *reading) event(o object, reasons ...string) (object, bool) {
	for _, e := range r.warnings(o) {
		if slices.Contains(reasons, e.text("reason")) {
			return e, true
		}
	}
	return object{}, false
}

func citeEvent(e object) Evidence {
	who, _ := e.Object["involvedObject"].(map[string]any)
	k := key{text(who, "kind"), text(who, "namespace"), text(who, "name")}
	return Evidence{Path: "event " + e.text("reason"), Value: strings.TrimSpace(e.text("message")), Object: k.String()}
}
