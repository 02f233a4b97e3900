package chat

import (
	"context"
	"errors"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// answer is a run's work from the question to its end, or to a plan that awaits approval.
func (s *Service) answer(j *job) {
	ctx, cancel := context.WithTimeout(inRun(j.ctx, j.run), s.cfg.AnswerTimeout)
	defer cancel()
	t, err := s.gather(ctx, j)
	if err != nil {
		s.fail(j, err)
		return
	}
	switch at := s.where(ctx, t); len(at) {
	case 1:
		s.answerAt(ctx, j, t, at[0])
	default:
		s.answerAcross(ctx, j, t, at)
	}
}

// answerAt answers a question about one cluster.
func (s *Service) answerAt(ctx context.Context, j *job, t *turn, at cluster.ID) {
	if err := s.moveTo(ctx, t, at); err != nil {
		s.fail(j, err)
		return
	}
	tr, err := s.translate(ctx, t)
	if err != nil {
		s.fail(j, err)
		return
	}
	s.follows(ctx, j, t, t.elsewhere(tr))
}

// follows does what the translation asks for. Its class is computed here, from the plan.
func (s *Service) follows(ctx context.Context, j *job, t *turn, tr nlp.Translation) {
	head := Change{
		Focus: &tr.Focus, Namespace: tr.Focus.Namespace, Addressed: &[]cluster.ID{t.run.Cluster}, Cluster: t.run.Cluster,
	}
	if t.run.Cluster != t.Conversation.Cluster {
		head.Namespace = "" // that is where the conversation's own cluster is at
	}
	switch {
	case tr.Undo:
		s.undo(ctx, j, t, head)
	case tr.Lost && s.assisted(ctx, j, t, tr, &head):
	case tr.Plan == nil && tr.Class == nlp.Clarify:
		head.Events = append(head.Events, s.lookAtChoices(ctx, t, tr)...)
		head.Events = append(head.Events, s.event(TypeClarify, clarifyData(tr)))
		s.endWith(j, Done, "", head)
	case tr.Plan == nil:
		s.refuse(j, head, tr.Message)
	default:
		plan, err := classed(*tr.Plan, t.run.Cluster)
		if err != nil {
			s.refuse(j, head, problem.As(err).Detail)
			return
		}
		scope := scopeOf(plan, t.scene, tr.Choices)
		scope.Choices = append(scope.Choices, t.otherPlaces(plan.Class)...)
		head.Events = append(head.Events, s.event(TypeScope, scope))
		if plan.Class == nlp.Read {
			view := viewOf(plan, plan.Hash(), t.scene)
			head.Events = append(head.Events, s.planned(view, t.scene, tr.Trace)...)
			s.read(ctx, j, t, reading{plan: plan, view: view, builtIn: &tr}, head)
			return
		}
		s.propose(ctx, j, t.scene, proposal{plan: plan, trace: tr.Trace}, head)
	}
}

func clarifyData(tr nlp.Translation) ClarifyData {
	data := ClarifyData{Message: tr.Message, Choices: []Choice{}}
	for _, c := range tr.Choices {
		data.Choices = append(data.Choices, Choice{Label: c.Label, Text: c.Text})
	}
	return data
}

// refuse ends a run with a polite no.
func (s *Service) refuse(j *job, head Change, message string) {
	head.Events = append(head.Events, s.event(TypeRefused, RefusedData{Message: message}))
	s.endWith(j, Done, "", head)
}

// planned shows a plan, and what it means.
func (s *Service) planned(view PlanView, sc scene, trace []nlp.TraceEntry) []Event {
	return []Event{s.event(TypePlan, view), s.event(TypeExplain, explain(view, sc.at, trace))}
}

// late turns the end of our own patience into a problem; every other error stays itself.
func late(err error, detail string) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return problem.New(problem.Unavailable, detail).WithCode("timeout").WithCause(err)
	}
	return err
}
