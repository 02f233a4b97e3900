// Package assist is one turn with a model: it hands over what the analyzers found, lets the model look through typed reads,
// and gives an answer whose sentences cite what they rest on, or a plan for a person to approve. A model never acts, and
// what it reads is written by strangers: which object a plan may touch, which verb and which literals it may hold, is
// decided here from the person's own words (rules.go), whatever the model was talked into. Start at Turn.
package assist

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/model"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Tools are what a turn may do in the one cluster it is about, as the member.
type Tools interface {
	// Look executes a read. It is decided, recorded and redacted like every read of that member.
	Look(ctx context.Context, step nlp.Step) (Seen, error)
	// Allowed says in words whether the member may do a step, by the cluster's own RBAC.
	Allowed(ctx context.Context, step nlp.Step) (string, error)
}

// Seen is what a read gave: lines of text, or findings of the analyzers.
type Seen struct {
	Lines    []string
	Findings []Finding
}

// Finding is one thing the analyzers found.
type Finding struct {
	Object, Reason, Severity, Text string
	Evidence                       []string
	Next                           string
}

// Meter keeps a tenant within its budget of a day.
type Meter interface {
	// Reserve takes a call's most into account before it is made; a problem says that the budget is used up.
	Reserve(ctx context.Context, scope tenant.Scope, c Call) error
	// Settle replaces what was reserved by what was used, and counts it as usage.
	Settle(ctx context.Context, scope tenant.Scope, c Call) (Budget, error)
}

// Call is one call of a model, as it is paid for. ID names it once and for all.
type Call struct {
	ID, Run, Model string
	Input, Output  int64 // tokens: reserved before the call, used after it
	CostMicros     int64 // of them
	ReservedTokens int64 // in Settle: what Reserve took
	ReservedCost   int64
	Estimated      bool // the provider counted nothing
}

// Budget is what a tenant used today, in tokens or, where that is limited, in money. Limit 0 is none.
type Budget struct{ Used, Limit int64 }

// Prices are millionths of a currency's unit for a million tokens; zero where nobody said.
type Prices struct{ Input, Output int64 }

func (p Prices) cost(input, output int64) int64 { return (input*p.Input + output*p.Output) / 1_000_000 }

// Limits are what one turn may take. Zero fields are the default.
type Limits struct {
	Calls   int           // of the model; 8
	Tools   int           // calls of tools; 12
	Input   int64         // tokens, over all calls; 60,000
	Output  int64         // tokens, over all calls; 4,000
	Wall    time.Duration // 90 s
	Window  int64         // the model's context, in tokens; 128,000
	CardMax int           // bytes of the cluster's description; 6,000
}

func (l Limits) withDefaults() Limits {
	def(&l.Calls, 8)
	def(&l.Tools, 12)
	def(&l.Input, 60_000)
	def(&l.Output, 4_000)
	def(&l.Wall, 90*time.Second)
	def(&l.Window, 128_000)
	def(&l.CardMax, 6_000)
	return l
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// result is how large one result of a tool may be, in tokens.
func (l Limits) result() int64 { return min(l.Window*15/100, 25_000) }

// Input is what a turn starts from.
type Input struct {
	Scope      tenant.Scope
	Run        string
	Question   string
	Earlier    []Earlier // turns of the conversation before, the oldest first
	Focus      nlp.Focus
	Vocabulary *nlp.Vocabulary
	Target     *nlp.Step // what the question is about, if the built-in translator knew
	Tools      Tools
}

// Earlier is a turn before, in one line without any output.
type Earlier struct{ Question, Digest string }

// Output is one of Delta, Answer, ToolUsed, Found, Spent, Proposal.
type Output interface{ output() }

// Delta is more text of an answer that is being written; an Answer replaces all of them.
type Delta struct{ Text string }

// Answer is the whole.
type Answer struct{ Sentences []Sentence }

// Sentence is one sentence and what it cites. Names in it of which nobody knows are struck out, ~~so~~.
type Sentence struct {
	Text     string
	Evidence []string
	Verified bool
}

// ToolUsed is one look into the cluster, for people.
type ToolUsed struct{ Name, Args, Summary string }

// Found is a finding under the id by which sentences cite it.
type Found struct {
	ID string
	Finding
}

// Spent is what the turn took so far.
type Spent struct {
	Input, Output, CostMicros int64
	Budget                    Budget
}

// Proposal is a plan to be approved by a person. Unsaid are its literals that the person did not say.
type Proposal struct {
	Plan   nlp.Plan
	Unsaid []string
}

func (Delta) output()    {}
func (Answer) output()   {}
func (ToolUsed) output() {}
func (Found) output()    {}
func (Spent) output()    {}
func (Proposal) output() {}

// Config is what an Assistant is made of. Model and Name are required.
type Config struct {
	Model  model.Streamer
	Name   string // for people, and the plan's source
	Meter  Meter  // nil: nothing is counted
	Prices Prices
	Limits Limits
	NewID  func() string // of calls; nil: UUIDv7
}

// Assistant answers with one model. It is safe for concurrent use.
type Assistant struct{ cfg Config }

// New makes an Assistant.
func New(c Config) *Assistant {
	c.Limits = c.Limits.withDefaults()
	if c.NewID == nil {
		c.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	return &Assistant{cfg: c}
}

// Turn answers one question. It ends with an Answer, with a Proposal, or with an error, after which the built-in
// translator's answer stands; whoever stops reading ends the turn, and with it every call it makes.
func (a *Assistant) Turn(ctx context.Context, in Input) iter.Seq2[Output, error] {
	return func(yield func(Output, error) bool) {
		ctx, cancel := context.WithTimeout(ctx, a.cfg.Limits.Wall)
		defer cancel()
		t := newTurn(a, in, func(o Output) bool { return yield(o, nil) })
		if err := t.run(ctx); err != nil && !t.gone {
			yield(nil, err)
		}
	}
}
