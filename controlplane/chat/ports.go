package chat

import (
	"context"
	"errors"

	"github.com/kubechat/kubechat/controlplane/access"
	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Translator turns words into a plan.
type Translator interface {
	Translate(ctx context.Context, req nlp.Request) nlp.Translation
}

// Clusters opens clusters for a member.
type Clusters interface {
	// Open gives the cluster as the scope's member may see it. It does not ask the cluster anything yet.
	Open(ctx context.Context, scope tenant.Scope, id cluster.ID) (Cluster, error)
}

// Cluster is one cluster under one member's impersonation.
type Cluster interface {
	// Vocabulary is what the member may hear named: a kind they may not list is absent.
	Vocabulary(ctx context.Context) (*nlp.Vocabulary, error)
	// Review asks the cluster's RBAC about every request behind the step. An error blocks a change.
	Review(ctx context.Context, step nlp.Step) (Verdict, error)
	// DryRun sends the step's very requests with dryRun=All. An error blocks a change. seen are preconditions, of an undo:
	// the objects as the change left them; what has moved on since is problem.Conflict.
	DryRun(ctx context.Context, step nlp.Step, seen ...Seen) (Preview, error)
	// Execute does the step. For a change, Answer.Outcome is set even beside an error; seen are its preconditions.
	Execute(ctx context.Context, step nlp.Step, seen ...Seen) (Answer, error)
	// Stream does a read whose answer grows (Args.Follow: a log, a watched list) and gives each part when it is there.
	// A Log that follows another of the same pod and container continues it. It ends by itself after a bounded time.
	Stream(ctx context.Context, step nlp.Step, emit func(Part)) (Answer, error)
	// Needs says, without asking the cluster, which requests a step makes and which rights they need.
	Needs(step nlp.Step) Needs
	// Follow watches what an executed step has set in motion until there is a verdict, or its time is up. It only reads.
	Follow(ctx context.Context, step nlp.Step, emit func(Progress)) (Settled, error)
}

// Answer is what a step gave.
type Answer struct {
	Parts      []Part
	Outcome    audit.Outcome // of a change; reads leave it empty
	HTTPStatus int           // of the last request; 0 when no answer came
	Message    string        // one line for people
	Bytes      int64         // read from the cluster
	Undo       *Undo         // of a change: the way back from what was done, also where not all of it was
	// Beside finds out why what was read is not well, for after it is shown: that takes more reads. Nil: there is nothing
	// to find out.
	Beside func(context.Context) []Part
}

// Needs is what a step asks of a cluster's API server.
type Needs struct {
	Requests []ExplainRequest
	Rights   []ExplainRight
}

// Directory knows the tenant's clusters and the member's group in each.
type Directory interface {
	Get(ctx context.Context, scope tenant.Scope, id cluster.ID) (cluster.Cluster, error)
	List(ctx context.Context, scope tenant.Scope) ([]cluster.Cluster, error)
	Group(ctx context.Context, scope tenant.Scope, id cluster.ID) (cluster.Group, error)
}

// Members says what a member is now: a role may have changed, or ended, since the request that began the run.
type Members interface {
	Scope(ctx context.Context, t tenant.ID, m tenant.MemberID) (tenant.Scope, error)
}

// Ledger is audit.Log's part that runs need.
type Ledger interface {
	Begin(ctx context.Context, scope tenant.Scope, intent audit.Intent) (audit.IntentID, error)
	Finish(ctx context.Context, scope tenant.Scope, id audit.IntentID, result audit.Result) error
	Read(ctx context.Context, scope tenant.Scope, rec audit.ReadRecord) error
}

// Decide is access.Decide: nil, or the problem that names the rule.
type Decide func(access.Request) error

// ErrMoved says that a run is no longer in the state, or with the owner, that a change presumed.
var ErrMoved = errors.New("chat: the run has moved on")

// Store keeps conversations, runs and their events. Everything but the last group is inside the scope's tenant and of the
// scope's member; anything else is problem.NotFound.
type Store interface {
	ConversationStore
	RunStore
	StandingStore
	// Watch calls f for every note of every replica until ctx ends; it reconnects by itself, and then says Note{}.
	Watch(ctx context.Context, f func(Note)) error
	// Unsettled lists, over all tenants, the runs that somebody must settle: those of replicas without a lease, those
	// whose approval has expired, and the active ones of `replica` itself, which knows which of them it works on.
	Unsettled(ctx context.Context, replica string) ([]Unsettled, error)
	// Prune removes the output of some of the runs, of all tenants, that ended before a moment; it says how many those were.
	Pruner
}

// ConversationStore keeps conversations.
type ConversationStore interface {
	CreateConversation(ctx context.Context, scope tenant.Scope, c Conversation) error
	Conversation(ctx context.Context, scope tenant.Scope, id ConversationID) (Conversation, error)
	Conversations(ctx context.Context, scope tenant.Scope, search Search) ([]Conversation, error)
	RenameConversation(ctx context.Context, scope tenant.Scope, id ConversationID, title string) (Conversation, error)
	// DeleteConversation removes it with its runs and events; what was done stays in audit.
	DeleteConversation(ctx context.Context, scope tenant.Scope, id ConversationID) error
}

// RunStore keeps runs and events.
type RunStore interface {
	// CreateRun stores a queued run with its first event, or gives the run that the key already made (created false).
	CreateRun(ctx context.Context, scope tenant.Scope, run Run, key string, first Event) (stored Run, created bool, err error)
	Run(ctx context.Context, scope tenant.Scope, id RunID) (Run, error)
	// Opening gives a run with its conversation and at most that many turns before it.
	Opening(ctx context.Context, scope tenant.Scope, id RunID, turns int) (Opening, error)
	// Changed gives the conversation's last run with an Undo; of a divided one, the parts that have one.
	Changed(ctx context.Context, scope tenant.Scope, id ConversationID) ([]Run, error)
	Runs(ctx context.Context, scope tenant.Scope, id ConversationID) ([]Run, error)
	// Update applies a change in one transaction and tells every replica; ErrMoved when a From field doesn't hold.
	Update(ctx context.Context, scope tenant.Scope, id RunID, change Change) (Run, error)
	Events(ctx context.Context, scope tenant.Scope, id RunID, after int64, limit int) ([]Event, error)
	// AskStop marks the run and tells every replica, so that the one that works on it stops.
	AskStop(ctx context.Context, scope tenant.Scope, id RunID) error
}

// Change is one step forward of a run. Zero fields keep what is there.
type Change struct {
	From      []State // the run must be in one of these
	FromOwner string  // and be owned by this replica
	FromHash  string  // and its newest approval must be this one
	State     State
	Owner     string
	Plan      *PlanView
	Approval  *Approval // a new proposed row; an older undecided one becomes superseded
	Decision  Decision  // decides the newest approval
	Focus     *nlp.Focus
	Namespace string
	Addressed *[]cluster.ID // the conversation's, beside its Focus
	Cluster   cluster.ID    // the run is about this one, not the conversation's own
	Undo      *Undo
	Parts     []Run      // makes the run a divided one
	Remember  []Standing // given with the decision, for the scope's login; recorded
	Uses      []Standing // what the decision rests on; recorded, and ErrMoved where one of them stands no more
	Events    []Event
}

// Note says that a run has new events or was asked to stop; the zero Note that anything may have happened.
type Note struct {
	Tenant tenant.ID
	Run    RunID
	Stop   bool
}

// Unsettled is a run that somebody must settle.
type Unsettled struct {
	Tenant tenant.ID
	Member tenant.MemberID
	Run    RunID
	State  State
	Owner  string
}

type runKey struct{}

func inRun(ctx context.Context, id RunID) context.Context {
	return context.WithValue(ctx, runKey{}, id)
}

// RunFrom is the run that a call to the cluster is made for, or "": so that the cluster's own audit log names it too.
func RunFrom(ctx context.Context) RunID {
	id, _ := ctx.Value(runKey{}).(RunID)
	return id
}
