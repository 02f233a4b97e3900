// Package chat is the domain of conversations: what a member asked, the run that answers it, the plan the run proposes,
// the approval that lets it change something, and the events by which all of it is followed. A run is owned by the
// service, not by the tab that asked; it ends in done, failed or interrupted, always. Translating words is package nlp's
// business, reaching the cluster an adapter's (Clusters), keeping it the store's. Start at Service.Start, then answer.
package chat

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// ConversationID identifies a conversation: a UUID in canonical text form.
type ConversationID string

// RunID identifies a run: a UUID in canonical text form.
type RunID string

// NewRunID returns a fresh run id (UUIDv7, so that ids sort by creation).
func NewRunID() RunID { return RunID(uuid.Must(uuid.NewV7()).String()) }

// NewConversationID returns a fresh conversation id.
func NewConversationID() ConversationID { return ConversationID(uuid.Must(uuid.NewV7()).String()) }

// State is where a run is.
type State string

// The states. The last three are final.
const (
	Queued           State = "queued"
	Running          State = "running" // translating, reading, reviewing, previewing
	AwaitingApproval State = "awaiting_approval"
	Executing        State = "executing" // approved; a change may be on its way
	Done             State = "done"
	Failed           State = "failed"
	Interrupted      State = "interrupted" // stopped, expired, its replica lost, or a change whose answer was lost
)

// Final reports whether nothing more will happen to a run in this state.
func (s State) Final() bool { return s == Done || s == Failed || s == Interrupted }

// Conversation is one thread of one member about one cluster.
type Conversation struct {
	ID        ConversationID
	Member    tenant.MemberID
	Cluster   cluster.ID
	Title     string       // the first question, shortened
	Namespace string       // where the conversation is at
	Focus     nlp.Focus    // what "it" means; the translator's
	Addressed []cluster.ID // what the last turn was about; none: Cluster alone
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Run is one question and all that came of it.
type Run struct {
	ID           RunID
	Conversation ConversationID
	Member       tenant.MemberID
	Cluster      cluster.ID
	Text         string
	State        State
	Owner        string // the replica that works on it
	StopAsked    bool
	CreatedAt    time.Time
	EndedAt      time.Time // zero until final
	Plan         *PlanView // nil until there is one
	Approval     *Approval // nil unless the plan changes something
	LastSeq      int64     // of its events
	Undo         *Undo     // nil until it has changed something
	Divided      bool      // it changes several clusters: Parts do the work
	Parts        []Run     // one per cluster; each has its own plan and approval
	Parent       RunID     // of a part; its events are the parent's, under the part's cluster
}

// Root is the run whose events tell of r: r itself, or what it is a part of.
func (r Run) Root() RunID {
	if r.Parent != "" {
		return r.Parent
	}
	return r.ID
}

// StateOf is the state of a run that has parts in these states.
func StateOf(parts []State) State {
	for _, s := range []State{Executing, AwaitingApproval, Running, Queued, Failed, Interrupted} {
		if slices.Contains(parts, s) {
			return s
		}
	}
	return Done
}

// Turn is an earlier question of a conversation, without its output.
type Turn struct {
	Text     string
	At       time.Time
	State    State
	Sentence string // of its plan; "" if it had none
}

// Opening is what work on a run begins with. Earlier has the turns before it, the latest first.
type Opening struct {
	Run          Run
	Conversation Conversation
	Earlier      []Turn
}

// Search finds conversations: all words occur in the title, or all in one question. None finds all.
type Search struct{ Words []string }

// Approval is the one `proposed` row of a preview: what was shown, to whom, until when, and what they decided. Hash binds
// plan, member, cluster and the version of every object it would change, so a stale tab cannot approve what it did not show.
type Approval struct {
	Hash      string
	Member    tenant.MemberID
	Cluster   cluster.ID
	Group     cluster.Group // the member's group in the cluster when it was proposed
	Plan      nlp.Plan
	Previews  []Preview // one per step; reads have an empty one
	CreatedAt time.Time
	ExpiresAt time.Time
	Decision  Decision
	DecidedBy tenant.MemberID
	DecidedAt time.Time
}

// Decision is what became of an approval.
type Decision string

// The decisions.
const (
	Proposed   Decision = "proposed"
	Approved   Decision = "approved"
	Declined   Decision = "declined"
	Expired    Decision = "expired"
	Superseded Decision = "superseded" // the cluster moved on; a newer preview took its place
)

// PlanView is a plan as people see it: P of the HTTP API.
type PlanView struct {
	Hash      string     `json:"hash"`
	Class     nlp.Class  `json:"class"`
	Sentence  string     `json:"sentence"`
	Kubectl   string     `json:"kubectl"`
	Cluster   ClusterRef `json:"cluster"`
	Namespace string     `json:"namespace"`
	Steps     []nlp.Step `json:"steps"`
	Protected bool       `json:"protected"`
	TypedName string     `json:"typedName,omitempty"` // must be typed to approve

	Source          string   `json:"source,omitempty"`          // "builtin"; "llm:" and the model; "mcp:" and the assistant
	Group           string   `json:"group,omitempty"`           // the member's in the cluster: "kubechat:" and this is who the cluster sees
	FromClusterData []string `json:"fromClusterData,omitempty"` // literals that no person typed: they occur in what the cluster answered only
}

// ClusterRef names a cluster to people.
type ClusterRef struct {
	ID   cluster.ID `json:"id"`
	Name string     `json:"name"`
}

// Seen is an object as a preview saw it, and the precondition of changing it: the same object, with the same content.
// Its version moves with every status that a controller writes, on an object in trouble many times a minute; so what is
// compared is Digest, the content without status, and the version only makes comparing and changing one step.
type Seen struct {
	Resource        nlp.Resource `json:"resource"`
	Namespace       string       `json:"namespace,omitempty"`
	Name            string       `json:"name"`
	UID             string       `json:"uid,omitempty"`
	ResourceVersion string       `json:"resourceVersion,omitempty"`
	Digest          string       `json:"digest,omitempty"` // "" allows any content: the plan itself changed it before
}

// Check is one right, as the cluster judged it.
type Check struct {
	Verb      string `json:"verb"`
	Resource  string `json:"resource"` // plural[.group][/subresource]
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Allowed   bool   `json:"allowed"`
	Reason    string `json:"reason"`
	Rule      string `json:"rule,omitempty"` // the RBAC rule that is missing, in words; "" where it is allowed
}

// Verdict is what the cluster's own RBAC says about a step, asked under the member's impersonation.
type Verdict struct {
	Allowed bool
	Checks  []Check
	// Snippet is a role with its binding, as YAML, that would allow what is missing: for the cluster's owner to apply.
	Snippet string
}

// Diff is what one object looks like before and after, as the server's dry run says.
type Diff struct {
	Title    string   `json:"title"`
	Before   string   `json:"before"`
	After    string   `json:"after"`
	Unified  string   `json:"unified"`
	Warnings []string `json:"warnings"`
}

// Later stands in a Diff's After for what is only known when it is done, such as the time of a restart.
const Later = "(set when it is done)"

// Preview is a step's dry run.
type Preview struct {
	Diffs []Diff `json:"diffs"`
	Seen  []Seen `json:"seen"`
	Undo  *Undo  `json:"undo,omitempty"` // the way back, or why there is none; its Seen is known afterwards only
	// Blind says why the server could not preview the step, such as a webhook that refuses dry runs: then a name has to
	// be typed, whatever the class. "" is the rule.
	Blind string `json:"blind,omitempty"`
	// Presumes are the objects as an undone change left them: what its undo may be done to, also when it is shown again.
	Presumes []Seen `json:"presumes,omitempty"`
	// Nothing says that the objects are as asked already: there is nothing to send. "" is the rule.
	Nothing string `json:"nothing,omitempty"`
}

// Event is one thing that happened in a run. Seq starts at 1 and has no gaps. In a run that changes several clusters,
// what belongs to one cluster's plan (plan, explain, access, diff, approval, and all until plan.end) names the cluster.
type Event struct {
	Seq     int64           `json:"seq"`
	At      time.Time       `json:"at"`
	Type    EventType       `json:"type"`
	Cluster cluster.ID      `json:"cluster,omitempty"`
	Data    json.RawMessage `json:"data"`
}
