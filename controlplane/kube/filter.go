package kube

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/jsonpath"

	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// filter keeps the rows whose object passes every test: what the API's selectors cannot say.
func (g *grid) filter(filters []nlp.Filter, now time.Time) {
	g.rows = slices.DeleteFunc(g.rows, func(row gridRow) bool {
		return slices.ContainsFunc(filters, func(f nlp.Filter) bool { return !passes(row.object, f, now) })
	})
}

// passing are the objects for which all filters hold: what a change by selector is about, where selectors can't say it.
func passing(items []unstructured.Unstructured, filters []nlp.Filter, now time.Time) []unstructured.Unstructured {
	return slices.DeleteFunc(items, func(o unstructured.Unstructured) bool {
		return slices.ContainsFunc(filters, func(f nlp.Filter) bool { return !passes(&o, f, now) })
	})
}

// passes tells whether an object passes a test; one that is not known passes nothing.
func passes(o *unstructured.Unstructured, f nlp.Filter, now time.Time) bool {
	phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
	reason, _, _ := unstructured.NestedString(o.Object, "status", "reason")
	switch f.Test {
	case nlp.TestCrashing:
		return anyContainer(o, crashing)
	case nlp.TestUnhealthy:
		return !healthy(o)
	case nlp.TestReady:
		return ready(o)
	case nlp.TestNotReady:
		return !ready(o) && phase != "Succeeded"
	case nlp.TestFailed:
		return phase == "Failed" || conditionIs(o, "Failed", "True")
	case nlp.TestPending:
		return phase == "Pending"
	case nlp.TestEvicted:
		return reason == "Evicted"
	case nlp.TestOOMKilled:
		return anyContainer(o, func(s map[string]any) bool {
			return endReason(s, "state") == "OOMKilled" || endReason(s, "lastState") == "OOMKilled"
		})
	case nlp.TestImagePull:
		return anyContainer(o, func(s map[string]any) bool {
			return slices.Contains([]string{"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}, waitReason(s))
		})
	case nlp.TestTerminating:
		return o.GetDeletionTimestamp() != nil
	case nlp.TestCompleted:
		return phase == "Succeeded" || conditionIs(o, "Complete", "True")
	case nlp.TestSuspended:
		return boolAt(o, "spec", "suspend")
	case nlp.TestCordoned:
		return boolAt(o, "spec", "unschedulable")
	}
	return passesValue(o, f, now)
}

func passesValue(o *unstructured.Unstructured, f nlp.Filter, now time.Time) bool {
	switch f.Test {
	case nlp.TestRestartsOver:
		n, err := strconv.ParseInt(f.Value, 10, 64)
		return err == nil && restarts(o) > n
	case nlp.TestOlderThan, nlp.TestNewerThan:
		d, err := time.ParseDuration(f.Value)
		old := now.Sub(o.GetCreationTimestamp().Time) > d
		return err == nil && old == (f.Test == nlp.TestOlderThan)
	case nlp.TestName:
		return f.Value != "" && strings.Contains(o.GetName(), f.Value)
	case nlp.TestImage:
		all := containersOf(o, "containers")
		return f.Value != "" && slices.ContainsFunc(append(all, containersOf(o, "initContainers")...), func(c map[string]any) bool {
			return strings.Contains(str(c, "image"), f.Value)
		})
	}
	return false
}

func boolAt(o *unstructured.Unstructured, path ...string) bool {
	b, _, _ := unstructured.NestedBool(o.Object, path...)
	return b
}

func statuses(o *unstructured.Unstructured) []map[string]any {
	var out []map[string]any
	for _, field := range []string{"containerStatuses", "initContainerStatuses"} {
		list, _, _ := unstructured.NestedSlice(o.Object, "status", field)
		for _, s := range list {
			if m, ok := s.(map[string]any); ok {
				out = append(out, m)
			}
		}
	}
	return out
}

func anyContainer(o *unstructured.Unstructured, test func(map[string]any) bool) bool {
	return slices.ContainsFunc(statuses(o), test)
}

func waitReason(s map[string]any) string {
	r, _, _ := unstructured.NestedString(s, "state", "waiting", "reason")
	return r
}

func endReason(s map[string]any, state string) string {
	r, _, _ := unstructured.NestedString(s, state, "terminated", "reason")
	return r
}

func whole(v any) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return 0
}

func crashing(s map[string]any) bool {
	if waitReason(s) == "CrashLoopBackOff" {
		return true
	}
	last, _, _ := unstructured.NestedFieldNoCopy(s, "lastState", "terminated", "exitCode")
	is, _, _ := unstructured.NestedFieldNoCopy(s, "state", "terminated", "exitCode")
	return whole(s["restartCount"]) > 0 && (whole(is) != 0 || whole(last) != 0 && s["ready"] != true)
}

func restarts(o *unstructured.Unstructured) (n int64) {
	for _, s := range statuses(o) {
		n += whole(s["restartCount"])
	}
	return n
}

func conditionIs(o *unstructured.Unstructured, kind, status string) bool {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	return slices.ContainsFunc(list, func(c any) bool {
		m, ok := c.(map[string]any)
		return ok && m["type"] == kind && m["status"] == status
	})
}

// ready is the Ready condition where a kind has one, else that no replica is missing.
func ready(o *unstructured.Unstructured) bool {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range list {
		if m, ok := c.(map[string]any); ok && m["type"] == "Ready" {
			return m["status"] == "True"
		}
	}
	at := func(path ...string) (int64, bool) {
		v, ok, _ := unstructured.NestedFieldNoCopy(o.Object, path...)
		return whole(v), ok
	}
	if want, ok := at("status", "desiredNumberScheduled"); ok {
		has, _ := at("status", "numberReady")
		return has >= want
	}
	if want, ok := at("spec", "replicas"); ok {
		has, _ := at("status", "readyReplicas")
		return has >= want
	}
	phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
	return phase == "" || slices.Contains([]string{"Running", "Bound", "Active", "Available"}, phase)
}

func healthy(o *unstructured.Unstructured) bool {
	phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
	if phase == "Succeeded" || conditionIs(o, "Complete", "True") {
		return true
	}
	return o.GetDeletionTimestamp() == nil && phase != "Failed" && !conditionIs(o, "Failed", "True") && !anyContainer(o, crashing) && ready(o)
}

// sort orders rows by a word or a path. Numbers and quantities by size, times by time, the rest as text; what has no
// such field comes last, whichever way.
func (g *grid) sort(by string, desc bool) error {
	if by == "" {
		return nil
	}
	value := sorter(by)
	if value == nil {
		return problem.Newf(problem.Invalid, "%q is nothing to sort by: say a path, such as .metadata.name, or restarts, age, cpu, memory.", by)
	}
	g.sortBy(value, desc)
	return nil
}

func (g *grid) sortBy(value func(*unstructured.Unstructured) any, desc bool) {
	keys := make(map[*unstructured.Unstructured]any, len(g.rows))
	for _, row := range g.rows {
		keys[row.object] = value(row.object)
	}
	slices.SortStableFunc(g.rows, func(a, b gridRow) int {
		x, y := keys[a.object], keys[b.object]
		switch {
		case x == nil || y == nil:
			return cmp.Compare(b2i(x == nil), b2i(y == nil))
		case desc:
			return compareValues(y, x)
		}
		return compareValues(x, y)
	})
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func sorter(by string) func(*unstructured.Unstructured) any {
	switch by {
	case "restarts":
		return func(o *unstructured.Unstructured) any { return restarts(o) }
	case "name":
		return func(o *unstructured.Unstructured) any { return o.GetName() }
	case "age": // the oldest is the one with the greatest age; kubectl's order by creation is the other way round
		by = ".metadata.creationTimestamp"
	}
	p := jsonpath.New("sort").AllowMissingKeys(true)
	if p.Parse("{"+dotted(by)+"}") != nil {
		return nil
	}
	return func(o *unstructured.Unstructured) any { return first(p, o.Object) }
}

func first(p *jsonpath.JSONPath, o map[string]any) any {
	found, err := p.FindResults(o)
	if err != nil || len(found) == 0 || len(found[0]) == 0 {
		return nil
	}
	v := found[0][0]
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() {
		return nil
	}
	return v.Interface()
}

func compareValues(a, b any) int {
	if x, ok := number(a); ok {
		if y, ok := number(b); ok {
			return cmp.Compare(x, y)
		}
	}
	x, y := fmt.Sprint(a), fmt.Sprint(b)
	if p, err := resource.ParseQuantity(x); err == nil {
		if q, err := resource.ParseQuantity(y); err == nil {
			return p.Cmp(q)
		}
	}
	return cmp.Compare(x, y) // RFC 3339 times in UTC sort as text
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}
