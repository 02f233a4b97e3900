// Package audit keeps what was done by whom, append only. A change has an intent, committed before its first byte is
// sent, and a result, written at its end together with its usage; an intent whose replica is gone gets the result
// "unknown" within 30 seconds and is never re-sent. Reads are recorded by a group-commit writer within a second, which
// refuses when it cannot keep up. Start at Log.
package audit

import (
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Kind is what a record records.
type Kind string

// The kinds.
const (
	KindIntent Kind = "intent" // a change is about to be sent
	KindResult Kind = "result" // how it ended
	KindRead   Kind = "read"   // a read of a cluster
	KindAdmin  Kind = "admin"  // a change to the tenant itself: members, clusters, tokens
)

// Outcome is how a change ended.
type Outcome string

// The outcomes.
const (
	Succeeded Outcome = "succeeded"
	Failed    Outcome = "failed"
	Denied    Outcome = "denied"  // by us, the agent or the cluster; nothing was changed
	Unknown   Outcome = "unknown" // sent, and the answer was lost: look before sending it again
)

func (o Outcome) valid() bool { return o == Succeeded || o == Failed || o == Denied || o == Unknown }

// Target is what a request was about, as the agent's request parser says it.
type Target struct {
	Cluster     cluster.ID
	Verb        string // Kubernetes verb: get, list, watch, create, update, patch, delete, deletecollection, connect
	APIGroup    string
	Resource    string
	Subresource string
	Namespace   string
	Name        string
	Path        string // for non-resource paths only
}

// Intent says that a change is about to be sent. RunID, Step and ApprovedBy are set on the chat path.
type Intent struct {
	Target     Target
	Command    string // what people read: the kubectl line, or method and path
	RequestID  string
	RunID      string
	Step       int
	ApprovedBy tenant.MemberID
	K8sGroup   cluster.Group // the member's group in that cluster
}

// Result says how a change ended.
type Result struct {
	Outcome    Outcome
	HTTPStatus int    // 0 when no answer came
	Detail     string // for people; never a body, never a secret
	Duration   time.Duration
	BytesIn    int64
	BytesOut   int64
}

// ReadRecord says that something was read.
type ReadRecord struct {
	At         time.Time
	Target     Target
	RequestID  string
	HTTPStatus int
	Duration   time.Duration
	BytesOut   int64
	K8sGroup   cluster.Group
}

// IntentID names an intent.
type IntentID string
