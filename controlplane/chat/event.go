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
}

// DiffData is what a plan would change.
type DiffData struct {
	Steps []Diff `json:"steps"`
}

// ApprovalData says that the run now waits.
type ApprovalData struct {
	ExpiresAt time.Time `json:"expiresAt"`
	PlanHash  string    `json:"planHash"`
}

// DecidedData says who decided.
type DecidedData struct {
	By string `json:"by"`
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

// Part is one piece of an answer: one of Table, Text, Log, YAML, Finding.
type Part interface{ partType() EventType }

// Column is a table's column. Kind is "text", "age", "number" or "status".
type Column struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// Table is rows of what the cluster answered. Cells are plain text, numbers or null.
type Table struct {
	Title     string   `json:"title"`
	Columns   []Column `json:"columns"`
	Rows      [][]any  `json:"rows"`
	Truncated bool     `json:"truncated,omitempty"`
	Namespace string   `json:"namespace,omitempty"`
}

// Text is plain text, never markup.
type Text struct {
	Text string `json:"text"`
}

// Log is lines of one container.
type Log struct {
	Lines     []string `json:"lines"`
	Container string   `json:"container"`
	Pod       string   `json:"pod"`
}

// YAML is an object, or several, without Secret values.
type YAML struct {
	Text string `json:"text"`
}

// Finding is one thing the diagnosis found.
type Finding struct {
	Object   string   `json:"object"`
	Reason   string   `json:"reason"`
	Severity string   `json:"severity"`
	Text     string   `json:"text"`
	Evidence []string `json:"evidence"`
	Next     string   `json:"next"`
}

func (Table) partType() EventType   { return TypeTable }
func (Text) partType() EventType    { return TypeText }
func (Log) partType() EventType     { return TypeLog }
func (YAML) partType() EventType    { return TypeYAML }
func (Finding) partType() EventType { return TypeFinding }

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
