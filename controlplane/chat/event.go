package chat

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// EventType says what an event's data is.
type EventType string

// The event types; each constant's data type stands beside it.
const (
	TypeAccepted EventType = "accepted" // AcceptedData
	TypeClarify  EventType = "clarify"  // ClarifyData
	TypeRefused  EventType = "refused"  // RefusedData
	TypePlan     EventType = "plan"     // PlanView
	TypeAccess   EventType = "access"   // AccessData
	TypeDiff     EventType = "diff"     // DiffData
	TypeApproval EventType = "approval" // ApprovalData
	TypeApproved EventType = "approved" // DecidedData
	TypeDeclined EventType = "declined" // DecidedData
	TypeExpired  EventType = "expired"  // ExpiredData
	TypeStarted  EventType = "started"  // StartedData
	TypeTable    EventType = "table"    // Table
	TypeText     EventType = "text"     // Text
	TypeLog      EventType = "log"      // Log
	TypeYAML     EventType = "yaml"     // YAML
	TypeFinding  EventType = "finding"  // Finding
	TypeResult   EventType = "result"   // ResultData
	TypeError    EventType = "error"    // ErrorData
	TypeEnd      EventType = "end"      // EndData

	TypeScope    EventType = "scope"    // ScopeData: once per translated run, before its plan
	TypeExplain  EventType = "explain"  // ExplainData: after each plan
	TypeCount    EventType = "count"    // Count
	TypeProgress EventType = "progress" // ProgressData: between a change and its settling
	TypeSettled  EventType = "settled"  // SettledData; its findings follow as finding events
	TypeUndo     EventType = "undo"     // UndoData: at the end of a run that changed something
	TypePlanEnd  EventType = "plan.end" // EndData: of one cluster's part of a run over several
	TypePruned   EventType = "pruned"   // PrunedData: stands where output was, a day later

	TypeTool        EventType = "tool"         // ToolData: a model's look into the cluster
	TypeAnswerDelta EventType = "answer.delta" // AnswerDelta: more of an answer that is being written
	TypeAnswer      EventType = "answer"       // AnswerData: the whole answer, which replaces its deltas
	TypeUsage       EventType = "usage"        // UsageData
	TypeBanner      EventType = "banner"       // BannerData
)

// AcceptedData is the question as it was taken.
type AcceptedData struct {
	Text string `json:"text"`
}

// ClarifyData is one question back.
type ClarifyData struct {
	Message string   `json:"message"`
	Choices []Choice `json:"choices"`
}

// Choice is one answer to a question back; Text is what asking it means.
type Choice struct {
	Label string `json:"label"`
	Text  string `json:"text"`
}

// RefusedData says why nothing is done.
type RefusedData struct {
	Message string `json:"message"`
}

// AccessData is the cluster's verdict on a plan.
type AccessData struct {
	Allowed bool          `json:"allowed"`
	Steps   []Check       `json:"steps"`
	Group   cluster.Group `json:"group"`
	Snippet string        `json:"snippet,omitempty"` // YAML that would allow what is missing, for the cluster's owner
}

// DiffData is what a plan would change.
type DiffData struct {
	Steps []Diff `json:"steps"`
}

// ApprovalData says that the run now waits.
type ApprovalData struct {
	ExpiresAt time.Time `json:"expiresAt"`
	PlanHash  string    `json:"planHash"`
	// Remember says that a member may approve this kind of change for the rest of their login.
	Remember bool `json:"remember,omitempty"`
}

// DecidedData says who decided.
type DecidedData struct {
	By       string `json:"by"`
	Standing bool   `json:"standing,omitempty"` // nobody was asked: the member had said so before, in this login
}

// ExpiredData is empty: nobody decided in time.
type ExpiredData struct{}

// StartedData says which step, counted from 0, is being done.
type StartedData struct {
	Step    int    `json:"step"`
	Kubectl string `json:"kubectl"`
}

// ResultData says how a step that changes something ended.
type ResultData struct {
	Step     int            `json:"step"`
	Outcome  audit.Outcome  `json:"outcome"`
	Message  string         `json:"message"`
	IntentID audit.IntentID `json:"intentId,omitempty"`
}

// ErrorData carries a problem (RFC 9457).
type ErrorData struct {
	Problem ProblemData `json:"problem"`
}

// ProblemData is a problem as the HTTP API writes it.
type ProblemData struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Code      string `json:"code,omitempty"`
	Detail    string `json:"detail"`
	Fix       string `json:"fix,omitempty"`
	RequestID string `json:"requestId"` // the run's id
}

// EndData is the last event's.
type EndData struct {
	State   State  `json:"state"`
	Message string `json:"message,omitempty"`
}

// PrunedData says what was here.
type PrunedData struct {
	Was EventType `json:"was"`
}

// Bulky are the types whose data is what a cluster answered: it is kept for a day.
var Bulky = []EventType{TypeTable, TypeText, TypeLog, TypeYAML, TypeFinding, TypeTool}

// EndOf is the end of a run whose parts have all ended. The store makes it, with the last part's end.
func EndOf(parts []State) Event {
	done := 0
	for _, s := range parts {
		if s == Done {
			done++
		}
	}
	data := EndData{State: StateOf(parts)}
	if done < len(parts) {
		data.Message = fmt.Sprintf("%d of %d clusters ended without trouble.", done, len(parts))
	}
	b, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Sprintf("chat: an end always marshals: %v", err))
	}
	return Event{Type: TypeEnd, Data: b}
}

// event makes an event; the store gives it its Seq. All text in data is neutralised here, in the one place that every
// event passes, so that no adapter can forget it.
func (s *Service) event(t EventType, data any) Event {
	b, err := json.Marshal(data)
	if err != nil { // a programming error: every data type above marshals
		panic(fmt.Sprintf("chat: event %s: %v", t, err))
	}
	return Event{At: s.now().UTC(), Type: t, Data: cleanJSON(b)}
}

func (s *Service) parts(parts []Part) []Event {
	out := make([]Event, 0, len(parts))
	for _, p := range parts {
		out = append(out, s.event(p.partType(), p))
	}
	return out
}

func (s *Service) failure(run RunID, err error) Event {
	p := problem.As(err)
	return s.event(TypeError, ErrorData{Problem: ProblemData{
		Type: "/problems/" + string(p.Kind), Title: titles[p.Kind], Status: p.Kind.Status(), Code: p.Code,
		Detail: p.Detail, Fix: p.Fix, RequestID: string(run),
	}})
}

var titles = map[problem.Kind]string{
	problem.Invalid: "Not valid", problem.Unauthenticated: "Not signed in", problem.Forbidden: "Not allowed",
	problem.NotFound: "Not found", problem.Conflict: "Conflict", problem.Expired: "Expired",
	problem.TooLarge: "Too large", problem.Limited: "Too much at once", problem.Unavailable: "Not available",
	problem.Internal: "Internal error",
}
