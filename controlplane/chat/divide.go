package chat

import (
	"context"
	"errors"
	"sync"

	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// share is one cluster's part of a change.
type share struct {
	scene
	proposal
}

// changeAcross makes a plan and an approval for each cluster: nobody approves for one cluster what was shown for another.
func (s *Service) changeAcross(ctx context.Context, j *job, places []*place, head Change) {
	var shares []share
	for _, p := range places {
		switch {
		case !p.planned():
		case p.plan.Class == nlp.Read:
			p.plan, p.why = nlp.Plan{}, "The same words only read here."
		default:
			shares = append(shares, share{p.scene, proposal{plan: p.plan, trace: p.tr.Trace}})
		}
	}
	head.Events = append(head.Events, s.event(TypeScope, scopeAcross(places, firstPlanned(places))))
	if m := missing(places); len(m) > 0 {
		head.Events = append(head.Events, s.event(TypeText, Text{Text: "Nothing is proposed on\n" + saidMissing(m)}))
	}
	s.divide(ctx, j, shares, head)
}

// divide makes the run one of several parts, and proposes each part's plan. From then on the parts are what is approved,
// executed, stopped and settled, each by itself; the run is where their events are read, and ends with the last of them.
func (s *Service) divide(ctx context.Context, j *job, shares []share, head Change) {
	head.From = []State{Running}
	jobs := make([]*job, len(shares))
	for i := range shares {
		part := shares[i].run
		part.ID, part.Parent, part.State, part.Owner = NewRunID(), j.run, Running, s.cfg.Replica
		shares[i].run = part
		head.Parts = append(head.Parts, part)
		var err error
		if jobs[i], err = s.reserve(j.scope, part.ID, part.Cluster, false, nil); err != nil {
			s.releaseAll(jobs[:i])
			s.failWith(j, Change{}, err)
			return
		}
	}
	defer s.releaseAll(jobs)
	if err := s.step(ctx, j, head); err != nil {
		s.fail(j, err)
		return
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, clustersAtOnce)
	for i, sh := range shares {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			s.proposePart(ctx, j, jobs[i], sh)
		})
	}
	wg.Wait()
}

// proposePart is stopped with the whole.
func (s *Service) proposePart(ctx context.Context, whole, part *job, sh share) {
	defer s.survive(part)
	ended := context.AfterFunc(whole.ctx, func() { part.cancel(context.Cause(whole.ctx)) })
	defer ended()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alone := context.AfterFunc(part.ctx, func() { cancel(context.Cause(part.ctx)) }) // each part is stopped by itself, too
	defer alone()
	s.propose(ctx, part, sh.scene, sh.proposal, Change{})
}

func (s *Service) releaseAll(jobs []*job) {
	for _, j := range jobs {
		s.release(j)
	}
}

// decided finds what a plan's hash decides: the run itself, or the part of it that showed that plan.
func decided(run Run, planHash string) (RunID, error) {
	if !run.Divided {
		return run.ID, nil
	}
	for _, p := range run.Parts {
		if p.Approval != nil && p.Approval.Hash == planHash {
			return p.ID, nil
		}
	}
	return "", errOtherPlan
}

var errOtherPlan = problem.New(problem.Conflict, "This is not the plan that is shown now.").WithCode("plan_changed").
	WithFix("Look at the newest preview of the run.")

// whole gives the run that r is, or is a part of.
func (s *Service) whole(ctx context.Context, scope tenant.Scope, r Run, err error) (Run, error) {
	if err != nil || r.Parent == "" {
		return r, err
	}
	return s.cfg.Store.Run(ctx, scope, r.Parent)
}

// stopParts stops those that have not ended.
func (s *Service) stopParts(ctx context.Context, scope tenant.Scope, run Run) error {
	var errs []error
	for _, p := range run.Parts {
		if !p.State.Final() {
			errs = append(errs, s.Stop(ctx, scope, p.ID))
		}
	}
	return errors.Join(errs...)
}
