package chat

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Toolbox is what an assistant outside of the service may use: the reads of a turn with a model, one at a time, and its
// proposals.
type Toolbox interface {
	// Use does one read. The text is for the assistant to read; failed says that it is why nothing was found out.
	Use(ctx context.Context, in AssistInput, tool string, args json.RawMessage) (text string, failed bool)
	// Suggest makes a plan, as far as the person's words (in.Question) allow it; otherwise it is a problem.
	Suggest(in AssistInput, args json.RawMessage, source string) (Proposal, error)
}

const (
	maxVisits   = 4                // calls at once of one login
	visitTime   = 45 * time.Second // for one call
	maxProgram  = 60               // bytes of a program's name
	unnamedTool = "an assistant"
)

// visit is one call of an assistant outside.
func (s *Service) visit(ctx context.Context, scope tenant.Scope, id cluster.ID, call RunID, f func(context.Context, AssistInput) error) error {
	if err := mayAsk(scope); err != nil {
		return err
	}
	leave := s.visits.Take(scope.Login)
	if leave == nil {
		return problem.Newf(problem.Limited, "%d calls of this login are under way.", maxVisits).WithCode("busy").
			WithFix("Ask for one thing at a time.").WithRetryAfter(time.Second)
	}
	defer leave()
	ctx, cancel := context.WithTimeout(inRun(ctx, call), visitTime)
	defer cancel()
	sc, err := s.sceneOf(ctx, scope, Run{ID: call, Cluster: id})
	if err != nil {
		return err
	}
	if s.cfg.Toolbox == nil {
		return problem.New(problem.Unavailable, "This service has no tools for assistants.")
	}
	words, err := sc.at.Vocabulary(ctx)
	if err != nil {
		return late(err, "The cluster did not answer in time.")
	}
	return f(ctx, AssistInput{
		Scope: sc.scope, Run: call, Cluster: ClusterRef{ID: id, Name: sc.name}, Vocabulary: words, Review: sc.at.Review,
		Look: func(ctx context.Context, step nlp.Step) ([]Part, error) { return s.lookFor(ctx, sc, step) },
	})
}

// UseTool does one read for an assistant outside of the service: as the member, decided, recorded under the call's id
// and redacted like what a model of the tenant's reads. The text is for the assistant.
func (s *Service) UseTool(ctx context.Context, scope tenant.Scope, id cluster.ID, call, tool string, args json.RawMessage) (text string, failed bool, err error) {
	err = s.visit(ctx, scope, id, RunID(call), func(ctx context.Context, in AssistInput) error {
		text, failed = s.cfg.Toolbox.Use(ctx, in, tool, args)
		return nil
	})
	return text, failed, err
}

// Suggestion is a change that an assistant outside of the service proposes.
type Suggestion struct {
	Request      string         // the person's words, as the assistant gives them
	Program      string         // the assistant's name, for people
	Conversation ConversationID // to go on with; "" begins one
	Key          string         // chosen at random, once per suggestion
	Call         string         // the request's id
	Args         json.RawMessage
}

// Suggest makes a run of a suggestion: it takes the way of every plan, with the person's words for its question, and waits
// for them. It gives the run with its events once it awaits approval, or ended because nothing of it may be. Nothing is
// executed: that is Approve's business, which for such a plan is heard from the member's own login only.
func (s *Service) Suggest(ctx context.Context, scope tenant.Scope, id cluster.ID, g Suggestion) (run Run, events []Event, err error) {
	text, err := asked(g.Request, g.Key)
	if err != nil {
		return Run{}, nil, err
	}
	source := nlp.SourceMCP + program(g.Program)
	err = s.visit(ctx, scope, id, RunID(g.Call), func(ctx context.Context, in AssistInput) error {
		in.Question = text
		p, err := s.cfg.Toolbox.Suggest(in, g.Args, source)
		if err != nil {
			return err
		}
		if nlp.ClassifyPlan(p.Plan) == nlp.Read {
			return problem.New(problem.Invalid, "That changes nothing, so there is nothing to decide.").WithCode("plan_refused").WithFix("Use the tools that read.")
		}
		at, err := s.threadFor(ctx, scope, id, g.Conversation)
		if err != nil {
			return err
		}
		if run, err = s.accept(ctx, scope, at, text, g.Key, func(j *job) { s.offer(j, p) }); err != nil {
			return err
		}
		return s.awaitOffer(ctx, scope, &run, &events)
	})
	return run, events, err
}

// program is a name that another program gave itself, in a form that can be shown anywhere.
func program(name string) string {
	name = strings.Join(strings.Fields(Clean(name)), " ")
	if len(name) > maxProgram {
		name = strings.ToValidUTF8(name[:maxProgram], "")
	}
	if name == "" {
		return unnamedTool
	}
	return name
}

// threadFor is the conversation that a suggestion goes into: of this member, about this cluster.
func (s *Service) threadFor(ctx context.Context, scope tenant.Scope, id cluster.ID, at ConversationID) (Conversation, error) {
	if at == "" {
		return s.Create(ctx, scope, id)
	}
	c, err := s.cfg.Store.Conversation(ctx, scope, at)
	if err == nil && c.Cluster != id {
		err = problem.New(problem.Invalid, "That conversation is about another cluster.").WithFix("Leave it out to begin one.")
	}
	return c, err
}

// offer is the work on a suggestion until it awaits approval, or its end.
func (s *Service) offer(j *job, p Proposal) {
	ctx, cancel := context.WithTimeout(inRun(j.ctx, j.run), s.cfg.AnswerTimeout)
	defer cancel()
	t, err := s.gather(ctx, j)
	if err == nil {
		err = t.unworded
	}
	if err != nil {
		s.fail(j, late(err, "The cluster did not answer in time."))
		return
	}
	s.suggested(ctx, j, t, p)
}

// awaitOffer follows a suggestion's run until it awaits approval, or its end.
func (s *Service) awaitOffer(ctx context.Context, scope tenant.Scope, run *Run, events *[]Event) error {
	stream, err := s.Events(ctx, scope, run.ID, 0)
	if err != nil {
		return err
	}
	settled := false
	for e := range stream {
		*events = append(*events, e)
		if settled = e.Type == TypeApproval || e.Type == TypeEnd; settled {
			break
		}
	}
	if !settled {
		return problem.New(problem.Unavailable, "The plan is still being previewed.").WithCode("timeout").WithFix("Look in the web chat whether it waits there.")
	}
	*run, err = s.cfg.Store.Run(ctx, scope, run.ID)
	return err
}
