package assist

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kubechat/kubechat/controlplane/model"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/redact"
)

// turn is the work on one question. It is used by one goroutine.
type turn struct {
	a        *Assistant
	in       Input
	yield    func(Output) bool
	gone     bool // nobody reads any more
	limits   Limits
	rules    *rules
	evidence *evidence
	loop     *loop
	messages []model.Message
	tools    []model.Tool

	calls, looks  int
	input, output int64 // tokens
	cost          int64
	withdrawn     string // why no tool may be called any more; "" while they may
	refusals      int    // calls of withdrawn tools
}

var errGone = errors.New("assist: nobody reads the answer")

func newTurn(a *Assistant, in Input, yield func(Output) bool) *turn {
	t := &turn{a: a, in: in, yield: yield, limits: a.cfg.Limits, tools: toolList, evidence: newEvidence(), loop: newLoop()}
	t.rules = newRules(in)
	return t
}

func (t *turn) emit(o Output) error {
	if t.gone || !t.yield(o) {
		t.gone = true
		return errGone
	}
	return nil
}

func (t *turn) run(ctx context.Context) error {
	t.messages = opening(t.in, t.limits)
	if err := t.facts(ctx); err != nil {
		return err
	}
	for {
		said, err := t.ask(ctx)
		if err != nil {
			return err
		}
		if len(said.calls) == 0 {
			return t.finish(said.text)
		}
		done, err := t.answerCalls(ctx, said)
		if done || err != nil {
			return err
		}
	}
}

// facts runs the analyzers before the model is asked, over what the question is about, and hands their findings over as
// the result of a call, in the role of a tool: they quote what strangers wrote.
func (t *turn) facts(ctx context.Context) error {
	step, ok := t.rules.subject(t.in)
	if !ok {
		return nil
	}
	seen, err := t.in.Tools.Look(ctx, step)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	call := model.ToolCall{ID: "facts", Name: toolAnalyzers, Args: analyzerArgs(step)}
	result := model.ToolResult{Call: call.ID}
	if err != nil {
		result.Text, result.Failed = failure(err), true
	} else {
		var found []Found
		result.Text, found = t.evidence.add(toolAnalyzers, seen)
		for _, f := range found {
			if err := t.emit(f); err != nil {
				return err
			}
		}
		t.fit(&result)
	}
	t.messages = append(t.messages,
		model.Message{Role: model.Assistant, Calls: []model.ToolCall{call}}, model.Message{Role: model.Results, Results: []model.ToolResult{result}})
	return nil
}

// said is one answer of the model.
type said struct {
	text  string
	calls []model.ToolCall
}

// ask makes one call of the model, within what is left of every budget.
func (t *turn) ask(ctx context.Context) (said, error) {
	req := t.request()
	input := tokens(req)
	if t.calls >= t.limits.Calls || t.input+input > t.limits.Input || t.output >= t.limits.Output {
		return said{}, errBudget
	}
	if last := t.calls+1 == t.limits.Calls || t.input+2*input+t.limits.result() > t.limits.Input; last && t.withdrawn == "" {
		t.withdraw("the budget of this turn is nearly used up")
		req = t.request()
	}
	t.calls++
	call := Call{ID: t.a.cfg.NewID(), Run: t.in.Run, Model: t.a.cfg.Name, Input: input, Output: int64(req.MaxTokens)}
	call.CostMicros = t.a.cfg.Prices.cost(call.Input, call.Output)
	if m := t.a.cfg.Meter; m != nil {
		if err := m.Reserve(ctx, t.in.Scope, call); err != nil {
			return said{}, err
		}
	}
	out, usage, err := t.listen(ctx, req)
	if settled := t.settle(ctx, call, usage, out); settled != nil && err == nil {
		err = settled
	}
	return out, err
}

var errBudget = model.NewError(model.Invalid, "the question needs more than one turn may take")

func (t *turn) request() model.Request {
	zero := 0.0
	return model.Request{
		System: system, Tools: t.tools, Withdrawn: t.withdrawn != "", Messages: t.messages, MaxTokens: int(t.limits.Output - t.output), Temperature: &zero,
	}
}

// listen reads one answer. What people see of it meanwhile is whole sentences, made inert.
func (t *turn) listen(ctx context.Context, req model.Request) (out said, usage *model.Usage, err error) {
	var text strings.Builder
	var sentences sentenceStream
	for event, failed := range t.a.cfg.Model.Stream(ctx, req) {
		if failed != nil {
			out.text = text.String()
			return out, usage, failed
		}
		switch e := event.(type) {
		case model.TextDelta:
			text.WriteString(e.Text)
			if shown := sentences.write(e.Text); shown != "" && err == nil {
				err = t.emit(Delta{shown})
			}
		case model.ToolCall:
			out.calls = append(out.calls, e)
		case model.Usage:
			usage = &e
		}
		if err != nil {
			break
		}
	}
	out.text = text.String()
	if rest := sentences.close(); rest != "" && err == nil {
		err = t.emit(Delta{rest})
	}
	return out, usage, err
}

// settle counts what a call took. What the provider did not count is estimated, so that no budget is without end.
func (t *turn) settle(ctx context.Context, c Call, u *model.Usage, out said) error {
	c.ReservedTokens, c.ReservedCost = c.Input+c.Output, c.CostMicros
	if u != nil {
		c.Input, c.Output = u.InputTokens, u.OutputTokens
	} else {
		c.Output, c.Estimated = size(out.text), true
		for _, call := range out.calls {
			c.Output += size(string(call.Args))
		}
	}
	c.CostMicros = t.a.cfg.Prices.cost(c.Input, c.Output)
	t.input, t.output, t.cost = t.input+c.Input, t.output+c.Output, t.cost+c.CostMicros
	var b Budget
	if m := t.a.cfg.Meter; m != nil {
		var err error
		if b, err = m.Settle(context.WithoutCancel(ctx), t.in.Scope, c); err != nil {
			return err
		}
	}
	if t.gone {
		return nil
	}
	return t.emit(Spent{Input: t.input, Output: t.output, CostMicros: t.cost, Budget: b})
}

// withdraw takes the tools away; the model has to answer with what it has.
func (t *turn) withdraw(why string) {
	t.withdrawn = why
	t.messages = append(t.messages, model.Message{Role: model.User, Text: "(From the service, not the person: no more tools, because " + why + ". Answer now, from what you have.)"})
}

// answerCalls does what the model asked for. done: a plan was proposed, and the turn is over.
func (t *turn) answerCalls(ctx context.Context, s said) (done bool, err error) {
	msg := model.Message{Role: model.Assistant, Text: redact.Text(s.text), Calls: s.calls}
	var results []model.ToolResult
	why := ""
	for i := range msg.Calls {
		call := &msg.Calls[i]
		call.Args = redact.JSON(call.Args) // it is repeated with every further call
		if call.Name == toolPropose && t.withdrawn == "" && call.Malformed == "" {
			p, refused := t.rules.propose(call.Args, nlp.SourceModel+t.a.cfg.Name)
			if refused == nil {
				return true, t.proposed(s.text, p)
			}
			results = append(results, model.ToolResult{Call: call.ID, Text: failure(refused), Failed: true})
			continue
		}
		r, stop, err := t.look(ctx, *call)
		if err != nil {
			return false, err
		}
		if stop != "" {
			why = stop
		}
		results = append(results, r)
	}
	t.messages = append(t.messages, msg, model.Message{Role: model.Results, Results: results})
	if why != "" && t.withdrawn == "" {
		t.withdraw(why)
	}
	return false, nil
}

const mostRefusals = 3

// look answers one call of a tool. stop says why there must be no further ones.
func (t *turn) look(ctx context.Context, call model.ToolCall) (r model.ToolResult, stop string, err error) {
	r.Call = call.ID
	if t.withdrawn != "" {
		if t.refusals++; t.refusals > mostRefusals {
			return r, "", errBudget
		}
		r.Text, r.Failed = "No more tools: "+t.withdrawn+". Answer now.", true
		return r, "", nil
	}
	if t.looks >= t.limits.Tools {
		r.Text, r.Failed = "No more tools in this turn. Answer now.", true
		return r, "the most calls of tools of one turn were made", nil
	}
	t.looks++
	key := callKey(call)
	if cached, ok := t.loop.results[key]; ok {
		r.Text = cached
		return r, t.loop.record(key, ""), nil
	}
	text, summary, failed := t.use(ctx, call)
	if ctx.Err() != nil {
		return r, "", ctx.Err()
	}
	if failed != nil {
		r.Text, r.Failed, summary = failure(failed), true, failure(failed)
	} else {
		r.Text = text
		t.fit(&r)
	}
	if err := t.emit(ToolUsed{Name: call.Name, Args: inert(string(redact.JSON(call.Args))), Summary: summary}); err != nil {
		return r, "", err
	}
	problem := ""
	if r.Failed {
		problem = call.Name + ": " + r.Text
	} else {
		t.loop.results[key] = r.Text
	}
	return r, t.loop.record(key, problem), nil
}

// fit replaces a result that is too large by words that say so.
func (t *turn) fit(r *model.ToolResult) {
	if n, most := size(r.Text), t.limits.result(); n > most {
		r.Failed = true
		r.Text = fmt.Sprintf("The result has about %d tokens and %d are the most. Narrow it: name a namespace, an object or a selector, fewer lines (tail), or a word to look for (grep).", n, most)
	}
}

func (t *turn) finish(text string) error {
	answer := t.evidence.judge(text, t.rules)
	if len(answer.Sentences) == 0 {
		return model.NewError(model.Invalid, "the model said nothing")
	}
	return t.emit(answer)
}

// proposed gives the words that came with a plan, and the plan.
func (t *turn) proposed(text string, p Proposal) error {
	if answer := t.evidence.judge(text, t.rules); len(answer.Sentences) > 0 {
		if err := t.emit(answer); err != nil {
			return err
		}
	}
	return t.emit(p)
}

// bytesPerToken is low, for Kubernetes' names and JSON: what is estimated must not be too little.
const bytesPerToken = 3

func size(s string) int64 { return int64(len(s)+bytesPerToken-1) / bytesPerToken }

func tokens(r model.Request) int64 {
	n := size(r.System)
	for _, tool := range r.Tools {
		n += size(tool.Description) + size(string(tool.Schema)) + 8
	}
	for _, m := range r.Messages {
		n += size(m.Text) + 4
		for _, c := range m.Calls {
			n += size(string(c.Args)) + 8
		}
		for _, res := range m.Results {
			n += size(res.Text) + 8
		}
	}
	return n
}

// analyzerArgs writes a diagnosis as the call that would have asked for it.
func analyzerArgs(step nlp.Step) []byte {
	a := analyzerInput{Kind: step.Resource.Plural, Namespace: step.Namespace}
	if len(step.Names) > 0 {
		a.Name = step.Names[0]
	}
	return a.json()
}
