package chat

import (
	"context"

	"github.com/kubechat/kubechat/controlplane/problem"
)

// UndoLife is how long the way back from a change is kept: as long as output is.
const UndoLife = outputLife

// sayUndo is what a person says to go back.
const sayUndo = "undo that"

// undoEvent says at a run's end whether there is a way back.
func (s *Service) undoEvent(u *Undo) Event { return s.event(TypeUndo, u.Data()) }

// Data says for people whether there is a way back, and what to say to take it.
func (u *Undo) Data() UndoData {
	switch {
	case u == nil:
		return UndoData{Why: "This kind of change has no way back that is known."}
	case u.Impossible != "":
		return UndoData{Why: Clean(u.Impossible)}
	}
	return UndoData{Available: true, Sentence: Clean(u.Sentence), Text: sayUndo}
}

// sourceUndo is the Source of a plan that was made of what the cluster held, not of the member's words.
const sourceUndo = "undo"

// undo proposes the way back from the conversation's last change, as it was recorded when that was made. It takes the same
// way to approval as every plan, and what it does can itself be undone.
func (s *Service) undo(ctx context.Context, j *job, t *turn, head Change) {
	changed, err := s.cfg.Store.Changed(ctx, t.scope, t.run.Conversation)
	if err != nil {
		s.failWith(j, head, err)
		return
	}
	var back []Run
	var left []Missing
	why := "Nothing was changed in this conversation, so there is nothing to undo."
	for _, r := range changed {
		switch {
		case s.now().Sub(r.CreatedAt) > UndoLife:
			why = "The last change is more than a day old: the way back is kept for a day."
		case r.Undo.Impossible != "":
			why = "The last change cannot be undone: " + r.Undo.Impossible
			left = append(left, Missing{t.refOf(r.Cluster).Name, r.Undo.Impossible})
		default:
			back = append(back, r)
		}
	}
	if len(back) > 0 && len(left) > 0 { // half an undo must not look like a whole one
		head.Events = append(head.Events, s.event(TypeText, Text{Text: "Not undone on\n" + saidMissing(left)}))
	}
	switch len(back) {
	case 0:
		s.refuse(j, head, why)
	case 1:
		s.undoRun(ctx, j, t, back[0], head)
	default:
		s.undoAcross(ctx, j, t, back, head)
	}
}

// undoAcross proposes the way back on each of several clusters.
func (s *Service) undoAcross(ctx context.Context, j *job, t *turn, back []Run, head Change) {
	var places []*place
	var shares []share
	for _, r := range back {
		p := &place{ref: t.refOf(r.Cluster)}
		places = append(places, p)
		there := *t
		if p.err = s.moveTo(ctx, &there, r.Cluster); p.err != nil {
			continue
		}
		if p.plan, p.err = classed(r.Undo.Plan, r.Cluster); p.err == nil {
			p.plan.Source = sourceUndo
			p.scene = there.scene
			shares = append(shares, share{p.scene, proposal{plan: p.plan, presumes: r.Undo.Seen}})
		}
	}
	if len(shares) == 0 {
		s.nowhere(j, head, places)
		return
	}
	head.Cluster, head.Events = "", append(head.Events, s.event(TypeScope, scopeAcross(places, firstPlanned(places))))
	if m := missing(places); len(m) > 0 {
		head.Events = append(head.Events, s.event(TypeText, Text{Text: "Nothing is proposed on\n" + saidMissing(m)}))
	}
	s.divide(ctx, j, shares, head)
}

func (s *Service) undoRun(ctx context.Context, j *job, t *turn, back Run, head Change) {
	plan, err := classed(back.Undo.Plan, back.Cluster)
	if err != nil {
		s.refuse(j, head, problem.As(err).Detail)
		return
	}
	if err := s.moveTo(ctx, t, back.Cluster); err != nil {
		s.failWith(j, head, err)
		return
	}
	plan.Source = sourceUndo
	head.Cluster = back.Cluster
	head.Events = append(head.Events, s.event(TypeScope, scopeOf(plan, t.scene, nil)))
	s.propose(ctx, j, t.scene, proposal{plan: plan, presumes: back.Undo.Seen}, head)
}
