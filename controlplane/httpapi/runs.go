package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Runs is the part of Chat about runs.
type Runs interface {
	Start(ctx context.Context, scope tenant.Scope, id chat.ConversationID, text, key string) (chat.Run, error)
	Stop(ctx context.Context, scope tenant.Scope, id chat.RunID) error
	GetRun(ctx context.Context, scope tenant.Scope, id chat.RunID) (chat.Run, []chat.Event, error)
	Events(ctx context.Context, scope tenant.Scope, id chat.RunID, after int64) (<-chan chat.Event, error)
	Approvals
}

// Approvals is the part of Chat about approvals.
type Approvals interface {
	Approve(ctx context.Context, scope tenant.Scope, id chat.RunID, planHash, typedName string) (chat.Run, error)
	Decline(ctx context.Context, scope tenant.Scope, id chat.RunID, planHash string) (chat.Run, error)
	ApproveForLogin(ctx context.Context, scope tenant.Scope, id chat.RunID, planHash, typedName string) (chat.Run, error)
	AskAgain(ctx context.Context, scope tenant.Scope) error
}

// Run is one question and what has come of it so far.
type Run struct {
	ID             chat.RunID          `json:"id"`
	ConversationID chat.ConversationID `json:"conversationId"`
	Text           string              `json:"text"`
	State          chat.State          `json:"state" enum:"queued,running,awaiting_approval,executing,done,failed,interrupted"`
	CreatedAt      time.Time           `json:"createdAt"`
	EndedAt        *time.Time          `json:"endedAt,omitempty"`
	Plan           *chat.PlanView      `json:"plan,omitempty"`
	Approval       *Approval           `json:"approval,omitempty"`
	LastSeq        int64               `json:"lastSeq"`
	Plans          []ClusterPlan       `json:"plans,omitempty" doc:"Of a run that changes several clusters: one plan and one approval each."`
	Undo           *chat.UndoData      `json:"undo,omitempty" doc:"Of a run that changed something: whether there is a way back."`
}

// ClusterPlan is one cluster's part of a run. It is decided by its own planHash, on the run.
type ClusterPlan struct {
	Cluster  cluster.ID     `json:"clusterId"`
	State    chat.State     `json:"state" enum:"queued,running,awaiting_approval,executing,done,failed,interrupted"`
	Plan     *chat.PlanView `json:"plan,omitempty"`
	Approval *Approval      `json:"approval,omitempty"`
	Undo     *chat.UndoData `json:"undo,omitempty"`
}

// Approval is what a run waits, or waited, for.
type Approval struct {
	PlanHash  string          `json:"planHash"`
	ExpiresAt time.Time       `json:"expiresAt"`
	Decision  chat.Decision   `json:"decision" enum:"proposed,approved,declined,expired,superseded"`
	DecidedBy tenant.MemberID `json:"decidedBy,omitempty"`
	DecidedAt *time.Time      `json:"decidedAt,omitempty"`
}

// RunWithEvents is a run with all its events.
type RunWithEvents struct {
	Run
	Events []Event `json:"events"`
}

func viewRun(r chat.Run) Run {
	v := Run{
		ID: r.ID, ConversationID: r.Conversation, Text: r.Text, State: r.State, CreatedAt: r.CreatedAt.UTC(),
		EndedAt: timePtr(r.EndedAt), Plan: r.Plan, LastSeq: r.LastSeq, Approval: viewApproval(r.Approval), Undo: viewUndo(r.Undo),
	}
	for _, p := range r.Parts {
		v.Plans = append(v.Plans, ClusterPlan{p.Cluster, p.State, p.Plan, viewApproval(p.Approval), viewUndo(p.Undo)})
	}
	return v
}

func viewApproval(a *chat.Approval) *Approval {
	if a == nil {
		return nil
	}
	return &Approval{a.Hash, a.ExpiresAt.UTC(), a.Decision, a.DecidedBy, timePtr(a.DecidedAt)}
}

func viewUndo(u *chat.Undo) *chat.UndoData {
	if u == nil {
		return nil
	}
	data := u.Data()
	return &data
}

// RunPath is embedded in the input of every operation on one run.
type RunPath struct {
	InTenant
	ID chat.RunID `path:"id" maxLength:"64"`
}

type newRunInput struct {
	ConversationPath
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"4000"`
		Key  string `json:"key" minLength:"8" maxLength:"200" doc:"Choose it at random, once per question: sent again, it gives the same run."`
	}
}

type approvalInput struct {
	RunPath
	Body struct {
		PlanHash  string `json:"planHash" minLength:"1" maxLength:"128"`
		Decision  string `json:"decision" enum:"approve,decline"`
		TypedName string `json:"typedName,omitempty" maxLength:"300" doc:"For what destroys: the name, typed by the person."`
		Remember  bool   `json:"remember,omitempty" doc:"Don't ask again, in this login, for this kind of change in this namespace. Not for what destroys."`
	}
}

func (a *API) registerRuns() {
	member(a, op{
		id: "start-run", method: http.MethodPost, path: "/conversations/{id}/runs", tag: "chat", action: tenant.Ask,
		summary: "Ask; the run goes on by itself and its events tell", status: http.StatusAccepted,
	}, func(ctx context.Context, scope tenant.Scope, in *newRunInput) (*body[Run], error) {
		r, err := a.chat.Start(ctx, scope, in.ID, in.Body.Text, in.Body.Key)
		return &body[Run]{viewRun(r)}, err
	})
	member(a, op{
		id: "get-run", method: http.MethodGet, path: "/runs/{id}", tag: "chat", action: tenant.Ask,
		summary: "A run with its events",
	}, func(ctx context.Context, scope tenant.Scope, in *RunPath) (*body[RunWithEvents], error) {
		r, events, err := a.chat.GetRun(ctx, scope, in.ID)
		return &body[RunWithEvents]{RunWithEvents{viewRun(r), listOf(events, viewEvent).Body.Items}}, err
	})
	member(a, op{
		id: "stop-run", method: http.MethodDelete, path: "/runs/{id}", tag: "chat", action: tenant.Ask,
		summary: "Stop a run; what was sent already is not taken back", status: http.StatusAccepted,
	}, func(ctx context.Context, scope tenant.Scope, in *RunPath) (*empty, error) {
		return &empty{}, a.chat.Stop(ctx, scope, in.ID)
	})
	member(a, op{
		id: "decide-run", method: http.MethodPost, path: "/runs/{id}/approval", tag: "chat", action: tenant.Ask,
		summary: "Approve or decline exactly the plan that was shown", status: http.StatusAccepted,
	}, a.decideRun)
	member(a, op{
		id: "ask-again", method: http.MethodDelete, path: "/standing-approvals", tag: "chat", action: tenant.Ask,
		summary: "Take back what was approved beforehand in this login",
	}, func(ctx context.Context, scope tenant.Scope, _ *InTenant) (*empty, error) {
		return &empty{}, a.chat.AskAgain(ctx, scope)
	})
	a.registerRunEvents()
}

func (a *API) decideRun(ctx context.Context, scope tenant.Scope, in *approvalInput) (*body[Run], error) {
	if in.Body.Decision == "decline" {
		r, err := a.chat.Decline(ctx, scope, in.ID, in.Body.PlanHash)
		return &body[Run]{viewRun(r)}, err
	}
	approve := a.chat.Approve
	if in.Body.Remember {
		approve = a.chat.ApproveForLogin
	}
	r, err := approve(ctx, scope, in.ID, in.Body.PlanHash, in.Body.TypedName)
	return &body[Run]{viewRun(r)}, err
}
