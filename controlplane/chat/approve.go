package chat

import (
	"context"
	"errors"
	"slices"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Approve lets a run change what its preview showed. It holds for exactly that: the plan, this member, the cluster and
// the objects as they were shown, for five minutes. If the cluster has moved on, a new preview is made and the answer is
// problem.Conflict: what would now be changed has not been seen by anyone.
func (s *Service) Approve(ctx context.Context, scope tenant.Scope, id RunID, planHash, typedName string) (Run, error) {
	run, err := s.awaiting(ctx, scope, id, planHash)
	if err != nil {
		return Run{}, err
	}
	if run.Plan.TypedName != "" && typedName != run.Plan.TypedName {
		return Run{}, problem.New(problem.Forbidden, "The name does not match: nothing was approved.").WithCode("typed_name").
			WithFix("Type the name exactly as it is shown.")
	}
	ctx, cancel := context.WithTimeout(inRun(ctx, id), s.cfg.AnswerTimeout)
	defer cancel()
	sc, err := s.scene(ctx, scope, id)
	if err != nil {
		return Run{}, err
	}
	if err := s.mayChange(sc, run.Approval.Plan); err != nil {
		return Run{}, err
	}
	now, err := s.dryRuns(ctx, sc, run.Approval.Plan)
	if err != nil {
		return Run{}, late(err, "The cluster did not answer in time; nothing was changed.")
	}
	if sc.group != run.Approval.Group || !slices.EqualFunc(run.Approval.Previews, now, samePreview) {
		return Run{}, s.previewAgain(ctx, sc)
	}
	return s.approved(ctx, sc, now)
}

// approved hands the plan to the workers, with the objects' versions of a moment ago.
func (s *Service) approved(ctx context.Context, sc scene, now []Preview) (Run, error) {
	id, hash := sc.run.ID, sc.run.Approval.Hash
	j, err := s.reserve(sc.scope, id, sc.run.Cluster, true, func(j *job) { s.execute(j, now) })
	if err != nil {
		return Run{}, err
	}
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	run, err := s.update(detached, sc.scope, id, Change{
		From: []State{AwaitingApproval}, FromHash: hash, State: Executing, Owner: s.cfg.Replica, Decision: Approved,
		Events: []Event{s.event(TypeApproved, DecidedData{By: sc.scope.Email})},
	})
	if err != nil {
		s.release(j)
		return Run{}, moved(err)
	}
	s.enqueue(j)
	return run, nil
}

// Decline ends a run that awaits approval.
func (s *Service) Decline(ctx context.Context, scope tenant.Scope, id RunID, planHash string) (Run, error) {
	run, err := s.awaiting(ctx, scope, id, planHash)
	if err != nil {
		return Run{}, err
	}
	run, err = s.update(ctx, scope, id, Change{
		From: []State{AwaitingApproval}, FromHash: run.Approval.Hash, State: Done, Decision: Declined,
		Events: []Event{
			s.event(TypeDeclined, DecidedData{By: scope.Email}),
			s.event(TypeEnd, EndData{State: Done, Message: "Declined. Nothing was changed."}),
		},
	})
	return run, moved(err)
}

// awaiting gives the run if it waits for a decision on exactly this plan. The store gives members their own runs only.
func (s *Service) awaiting(ctx context.Context, scope tenant.Scope, id RunID, planHash string) (Run, error) {
	if err := mayAsk(scope); err != nil {
		return Run{}, err
	}
	run, err := s.cfg.Store.Run(ctx, scope, id)
	switch {
	case err != nil:
		return Run{}, err
	case run.State != AwaitingApproval || run.Approval == nil || run.Plan == nil:
		return Run{}, problem.New(problem.Conflict, "This run awaits no approval any more.").WithCode("not_awaiting")
	case run.Approval.Member != scope.Member:
		return Run{}, problem.New(problem.Forbidden, "Only who asked may approve.").WithCode("approver")
	case !s.now().Before(run.Approval.ExpiresAt):
		s.settleLogged(ctx, Unsettled{Tenant: scope.Tenant, Member: scope.Member, Run: id, State: AwaitingApproval, Owner: run.Owner})
		return Run{}, problem.New(problem.Conflict, "The approval has expired; nothing was changed.").WithCode("approval_expired").
			WithFix("Ask again.")
	case run.Approval.Hash != planHash:
		return Run{}, problem.New(problem.Conflict, "This is not the plan that is shown now.").WithCode("plan_changed").
			WithFix("Look at the newest preview of the run.")
	}
	return run, nil
}

// samePreview compares what a person saw: identity, content and what would become of it. A version that moved by a
// status alone does not make a preview stale.
func samePreview(a, b Preview) bool {
	return slices.EqualFunc(a.Seen, b.Seen, func(x, y Seen) bool {
		x.ResourceVersion, y.ResourceVersion = "", ""
		return x == y
	}) && slices.EqualFunc(a.Diffs, b.Diffs, func(x, y Diff) bool { return x.Before == y.Before && x.After == y.After })
}

func (s *Service) previewAgain(ctx context.Context, sc scene) error {
	p, err := s.preview(ctx, sc, sc.run.Approval.Plan)
	if err != nil {
		return err
	}
	view := viewOf(sc.run.Approval.Plan, p.approval.Hash, sc)
	_, err = s.update(ctx, sc.scope, sc.run.ID, Change{
		From: []State{AwaitingApproval}, FromHash: sc.run.Approval.Hash, Plan: &view, Approval: &p.approval,
		Events: append(s.shown(view, p), s.event(TypeApproval, ApprovalData{ExpiresAt: p.approval.ExpiresAt, PlanHash: p.approval.Hash})),
	})
	if err != nil {
		return moved(err)
	}
	return problem.New(problem.Conflict, "The cluster has changed since the preview; nothing was done.").WithCode("preview_changed").
		WithFix("Look at the new preview, and approve that.")
}

func moved(err error) error {
	if errors.Is(err, ErrMoved) {
		return problem.New(problem.Conflict, "This run awaits no approval any more.").WithCode("not_awaiting").WithCause(err)
	}
	return err
}
