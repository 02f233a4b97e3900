// Package diagnose looks at a cluster's objects and says what is wrong with them, by rules and with no model. Every
// finding names the fields it was read from; healthy objects give none. Start at Run.
package diagnose

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Reader is the little that the analyzers need of a cluster; it reads as the person who asked.
type Reader interface {
	// Get reads one object; namespace is empty for cluster-scoped kinds. An error for which apierrors.IsNotFound
	// holds means there is none.
	Get(ctx context.Context, r schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error)
	// List reads the objects of a kind, by selectors in the API's own syntax; both may be empty.
	List(ctx context.Context, r schema.GroupVersionResource, namespace, labelSelector, fieldSelector string) ([]unstructured.Unstructured, error)
	// Logs reads the last lines of a container's log, of its previous run if previous is set.
	Logs(ctx context.Context, namespace, pod, container string, previous bool, lines int64) (string, error)
}

// Target is what to look at: one object, everything in a namespace (Name empty), or the whole cluster (both empty).
type Target struct {
	Resource      schema.GroupVersionResource
	Namespace     string
	Name          string
	LabelSelector string // with an empty Name: only what matches
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
	Object   string   `json:"object"` // "pod/checkout-1 in shop"
	Reason   string   `json:"reason"` // a stable word, such as "CrashLoopBackOff"
	Severity Severity `json:"severity"`
	Text     string   `json:"text"`     // one or two plain sentences
	Evidence []string `json:"evidence"` // field paths with their values, log lines
	Next     string   `json:"next"`     // what to do or look at next
}
