package controlplane

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"github.com/kubechat/kubechat/controlplane/assist"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// assistant carries a turn's words between chat and assist, which don't know each other.
type assistant struct {
	inner *assist.Assistant
	name  string
}

var _ chat.Assistant = assistant{}

// Assist answers one question.
func (a assistant) Assist(ctx context.Context, in chat.AssistInput) iter.Seq2[chat.AssistOutput, error] {
	return func(yield func(chat.AssistOutput, error) bool) {
		for out, err := range a.inner.Turn(ctx, turnInput(in)) {
			if err != nil {
				if p := problem.As(err); p.Code == "model_budget" && !yield(chat.BannerData{Kind: chat.BannerBudget, Message: strings.TrimSpace(p.Detail + " " + p.Fix)}, nil) {
					return
				}
				yield(nil, err)
				return
			}
			if !yield(a.view(out), nil) {
				return
			}
		}
	}
}

func turnInput(in chat.AssistInput) assist.Input {
	out := assist.Input{
		Scope: in.Scope, Run: string(in.Run), Question: in.Question, Focus: in.Focus, Vocabulary: in.Vocabulary, Tools: chatTools{in},
	}
	for _, t := range in.Turns {
		out.Earlier = append(out.Earlier, assist.Earlier(t))
	}
	if p := in.BuiltIn.Plan; p != nil && len(p.Steps) > 0 {
		out.Target = &p.Steps[0]
	}
	return out
}

func (a assistant) view(out assist.Output) chat.AssistOutput {
	switch o := out.(type) {
	case assist.Delta:
		return chat.AnswerDelta{Text: o.Text}
	case assist.Answer:
		data := chat.AnswerData{Model: a.name, Sentences: []chat.AnswerSentence{}}
		for _, s := range o.Sentences {
			data.Sentences = append(data.Sentences, chat.AnswerSentence(s))
		}
		return data
	case assist.ToolUsed:
		return chat.ToolData(o)
	case assist.Found:
		f := chat.Finding{ID: o.ID, Object: o.Object, Reason: o.Reason, Severity: o.Severity, Text: o.Text, Next: o.Next, Evidence: []chat.Evidence{}}
		for _, e := range o.Evidence {
			path, value, _ := strings.Cut(e, ": ")
			f.Evidence = append(f.Evidence, chat.Evidence{Path: path, Value: value})
		}
		return f
	case assist.Spent:
		return chat.UsageData{Model: a.name, InputTokens: o.Input, OutputTokens: o.Output, CostMicros: o.CostMicros, Budget: chat.UsageBudget(o.Budget)}
	case assist.Proposal:
		return chat.Proposal{Plan: o.Plan, FromClusterData: o.Unsaid}
	}
	panic(fmt.Sprintf("controlplane: an output of a turn that chat has no word for: %T", out))
}

// toolbox gives assistants outside of the service the tools of a tenant's model.
type toolbox struct{}

var _ chat.Toolbox = toolbox{}

// Use does one read.
func (toolbox) Use(ctx context.Context, in chat.AssistInput, tool string, args json.RawMessage) (text string, failed bool) {
	return assist.Use(ctx, turnInput(in), tool, args)
}

// Suggest makes a plan.
func (toolbox) Suggest(in chat.AssistInput, args json.RawMessage, source string) (chat.Proposal, error) {
	p, err := assist.Suggest(turnInput(in), args, source)
	return chat.Proposal{Plan: p.Plan, FromClusterData: p.Unsaid}, err
}

// chatTools are chat's own reads, so that what a model looks at is decided and recorded like what its person looks at.
type chatTools struct{ in chat.AssistInput }

// Look executes one read.
func (t chatTools) Look(ctx context.Context, step nlp.Step) (assist.Seen, error) {
	parts, err := t.in.Look(ctx, step)
	if err != nil {
		return assist.Seen{}, err
	}
	var seen assist.Seen
	for _, p := range parts {
		addPart(&seen, p)
	}
	return seen, nil
}

// Allowed asks for the member's rights.
func (t chatTools) Allowed(ctx context.Context, step nlp.Step) (string, error) {
	v, err := t.in.Review(ctx, step)
	if err != nil {
		return "", err
	}
	for _, c := range v.Checks {
		if !c.Allowed {
			return fmt.Sprintf("no: may not %s %s", c.Verb, c.Resource), nil
		}
	}
	return "yes", nil
}

// addPart writes a part of an answer as lines.
func addPart(seen *assist.Seen, part chat.Part) {
	lines := func(text string) {
		seen.Lines = append(seen.Lines, strings.Split(strings.TrimRight(text, "\n"), "\n")...)
	}
	switch p := part.(type) {
	case chat.Table:
		seen.Lines = append(seen.Lines, tableLines(p)...)
	case chat.Text:
		lines(p.Text)
	case chat.YAML:
		lines(p.Text)
	case chat.Log:
		seen.Lines = append(seen.Lines, "log of "+p.Pod+"/"+p.Container+":")
		seen.Lines = append(seen.Lines, p.Lines...)
	case chat.Count:
		seen.Lines = append(seen.Lines, fmt.Sprintf("%d of %d: %s", p.Count, p.Of, p.What))
	case chat.Finding:
		f := assist.Finding{Object: p.Object, Reason: p.Reason, Severity: p.Severity, Text: strings.TrimSpace(p.Text + " " + p.Cause), Next: p.Next}
		for _, e := range p.Evidence {
			f.Evidence = append(f.Evidence, e.String())
		}
		seen.Findings = append(seen.Findings, f)
	}
}

func tableLines(t chat.Table) []string {
	var head []string
	for _, c := range t.Columns {
		head = append(head, c.Name)
	}
	out := []string{strings.TrimSpace(t.Title + ": " + strings.Join(head, " | "))}
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, c := range row {
			if c != nil {
				cells[i] = fmt.Sprint(c)
			}
		}
		out = append(out, strings.Join(cells, " | "))
	}
	if t.Truncated {
		out = append(out, "(there are more rows)")
	}
	return out
}
