// Package diagnose looks at a cluster's objects and says what is wrong with them, by rules and with no model. Every
// finding names the fields it was read from, and healthy objects give none. It follows what the asked object depends
// on, and leads with the cause where others would list its echoes. Start at Run; the rules are in one table per kind,
// in analyzers.go.
package diagnose

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Reader is the little that the analyzers need of a cluster; it reads as the person who asked. It may be used by
// several goroutines at once.
type Reader interface {
	// Get reads one object; namespace is empty for cluster-scoped kinds. An error for which apierrors.IsNotFound
	// holds means there is none. Of a Secret it reads only the metadata, or refuses with an error for which
	// apierrors.IsForbidden holds.
	Get(ctx context.Context, r schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error)
	// List reads objects of a kind.
	List(ctx context.Context, q Query) (List, error)
	// Logs reads the last lines of a container's log, of its previous run if previous is set.
	Logs(ctx context.Context, namespace, pod, container string, previous bool, lines int64) (string, error)
}

// Query is one list call. Labels and Fields are selectors in the API's own syntax; each may be empty.
type Query struct {
	Resource       schema.GroupVersionResource
	Namespace      string
	Labels, Fields string
	Limit          int // at most so many objects
}

// List is the answer to a Query. More says that Limit cut it.
type List struct {
	Items []unstructured.Unstructured
	More  bool
}

// Target is what to look at: one object, everything in a namespace (Name empty), or the whole cluster (both empty).
type Target struct {
	Resource      schema.GroupVersionResource
	Namespace     string
	Name          string
	LabelSelector string    // with an empty Name: only what matches
	At            time.Time // when it is asked; zero is now
}

// Severity orders findings.
type Severity string

// The severities, worst first.
const (
	Critical Severity = "critical" // it does not work
	Warning  Severity = "warning"  // it works less well than asked, or soon will not
	Info     Severity = "info"     // worth knowing, not a fault
)

// Finding is one thing that is wrong.
type Finding struct {
	ID       string     `json:"id"`     // "F1", "F2", …: unique within a Report
	Object   string     `json:"object"` // "deployment/checkout in shop"
	Reason   string     `json:"reason"` // a stable word, as Kubernetes has it: "CrashLoopBackOff"
	Severity Severity   `json:"severity"`
	Text     string     `json:"text"`            // one or two plain sentences
	Cause    string     `json:"cause,omitempty"` // the likely one
	Evidence []Evidence `json:"evidence"`
	Next     string     `json:"next"`              // what to do or look at next
	Fix      *Fix       `json:"fix,omitempty"`     // where there is a change that mends it
	Related  []string   `json:"related,omitempty"` // other objects that are part of it
}

// Evidence is one field, event or log line that a finding rests on.
type Evidence struct {
	Path   string `json:"path"` // "status.containerStatuses[app].restartCount", "event BackOff", "log app"
	Value  string `json:"value"`
	Object string `json:"object"`
}

// Fix is a change that people may ask for in these words.
type Fix struct {
	Label string `json:"label"`
	Text  string `json:"text"`
}

// Report is what one Run found. Without a finding, Checked says what was looked at.
type Report struct {
	Findings []Finding
	Checked  string   // "deployment/checkout in shop, 3 pods and 1 node"
	Notes    []string // what could not be looked at or was left out, in sentences
	Reads    int      // how many requests it took
}
