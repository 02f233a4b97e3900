package chat

import (
	"context"
	"iter"

	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Assistants says whether a tenant has a model, and gives it.
type Assistants interface {
	// Assistant gives the tenant's, or nil when it has chosen none. An error means that it has one that is away.
	Assistant(ctx context.Context, scope tenant.Scope) (Assistant, error)
}

// Assistant answers what the built-in translator does not: with a model that looks and explains, and never acts.
type Assistant interface {
	// Assist answers one question. The sequence ends with the answer, with a Proposal, or with an error, which is no
	// failure of the run: the built-in answer is given instead, under a banner. Whoever stops reading ends the turn.
	Assist(ctx context.Context, in AssistInput) iter.Seq2[AssistOutput, error]
}

// AssistInput is what a turn with a model starts from. All it may know of the cluster comes through Vocabulary and Look.
type AssistInput struct {
	Scope      tenant.Scope
	Run        RunID
	Cluster    ClusterRef
	Question   string
	Turns      []AssistTurn // of the conversation before, the oldest first
	Focus      nlp.Focus
	Vocabulary *nlp.Vocabulary
	BuiltIn    nlp.Translation // what the built-in translator made of the question
	Findings   []Finding       // that were shown already, with their ids; the turn's own go on from there

	// Look executes one read as the member: decided, recorded and redacted like any read of a chat. A step that is not a
	// read is refused.
	Look func(ctx context.Context, step nlp.Step) ([]Part, error)
	// Review asks the cluster's RBAC whether the member may do a step.
	Review func(ctx context.Context, step nlp.Step) (Verdict, error)
}

// AssistTurn is an earlier question with what became of it, in one line without any output.
type AssistTurn struct {
	Question string
	Digest   string
}

// AssistOutput is one thing a turn gives: AnswerDelta, AnswerData, ToolData, Finding, UsageData, BannerData or Proposal.
type AssistOutput interface{ assistOutput() }

// Proposal is a plan that the model suggests. It is classed, reviewed, previewed and approved like any other, and it is
// the last output of a turn.
type Proposal struct {
	Plan            nlp.Plan
	FromClusterData []string // literals of the plan that the person did not say
}

func (AnswerDelta) assistOutput() {}
func (AnswerData) assistOutput()  {}
func (ToolData) assistOutput()    {}
func (Finding) assistOutput()     {}
func (UsageData) assistOutput()   {}
func (BannerData) assistOutput()  {}
func (Proposal) assistOutput()    {}
