package chat

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Approve lets a run change what its preview showed. It holds for exactly that: the plan, this member, the cluster and
// the objects as they were shown, for five minutes. What an assistant outside of the service suggested, whoever holds its
// token cannot approve. If the cluster has moved on, a new preview is made and the answer is
// problem.Conflict: what would now be changed has not been seen by anyone.
func (s *Service) Approve(ctx context.Context, scope tenant.Scope, id RunID, planHash, typedName string) (Run, error) {
	return s.approve(ctx, scope, id, planHash, typedName, false)
}

func (s *Service) approve(ctx context.Context, scope tenant.Scope, id RunID, planHash, typedName string, always bool) (Run, error) {
	run, err := s.awaiting(ctx, scope, id, planHash)
	if err != nil {
		return Run{}, err
	}
	if strings.HasPrefix(run.Plan.Source, nlp.SourceMCP) && scope.Via != tenant.ViaWeb {
		return Run{}, problem.New(problem.Forbidden, "An assistant suggested this plan: it is approved in the web chat only.").WithCode("approve_in_web").
			WithFix("Sign in with a browser and decide there.")
	}
	var with Change
	if always {
		with.Remember = standings(scope.Via, run.Approval.Plan, *run.Plan)
		if len(with.Remember) == 0 {
			return Run{}, errNotStanding
		}
	}
	if run.Plan.TypedName != "" && typedName != run.Plan.TypedName {
		return Run{}, problem.New(problem.Forbidden, "The name does not match: nothing was approved.").WithCode("typed_name").
			WithFix("Type the name exactly as it is shown.")
	}
	ctx, cancel := context.WithTimeout(inRun(ctx, run.ID), s.cfg.AnswerTimeout)
	defer cancel()
	sc, err := s.sceneOf(ctx, scope, run)
	if err != nil {
		return Run{}, err
	}
	if err := s.mayChange(sc, run.Approval.Plan); err != nil {
		return Run{}, err
	}
	now, err := s.dryRuns(ctx, sc, run.Approval.Plan, presumed(run.Approval.Previews)...)
	if err != nil {
		return Run{}, late(err, "The cluster did not answer in time; nothing was changed.")
	}
	if sc.group != run.Approval.Group || !slices.EqualFunc(run.Approval.Previews, now, samePreview) {
		return Run{}, s.previewAgain(ctx, sc)
	}
	run, err = s.approved(ctx, sc, now, with)
	return s.whole(ctx, scope, run, err)
}

// approved hands the plan to the workers, with the objects' versions of a moment ago. with is what stands, or is to stand,
// beside this one approval.
func (s *Service) approved(ctx context.Context, sc scene, now []Preview, with Change) (Run, error) {
	id, hash := sc.run.ID, sc.run.Approval.Hash
	j, err := s.reserve(sc.scope, id, sc.run.Cluster, true, func(j *job) { s.execute(j, now) })
	if err != nil {
		return Run{}, err
	}
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	with.From, with.FromHash, with.State, with.Owner, with.Decision = []State{AwaitingApproval}, hash, Executing, s.cfg.Replica, Approved
	with.Events = []Event{s.event(TypeApproved, DecidedData{By: sc.scope.Email, Standing: len(with.Uses) > 0})}
	run, err := s.update(detached, sc.scope, id, with)
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
	run, err = s.update(ctx, scope, run.ID, Change{
		From: []State{AwaitingApproval}, FromHash: run.Approval.Hash, State: Done, Decision: Declined,
		Events: []Event{
			s.event(TypeDeclined, DecidedData{By: scope.Email}),
			s.event(TypeEnd, EndData{State: Done, Message: "Declined. Nothing was changed."}),
		},
	})
	return s.whole(ctx, scope, run, moved(err))
}

// awaiting gives the run, or the part of it, that waits for a decision on exactly this plan. The store gives members their own runs only.
func (s *Service) awaiting(ctx context.Context, scope tenant.Scope, id RunID, planHash string) (Run, error) {
	if err := mayAsk(scope); err != nil {
		return Run{}, err
	}
	run, err := s.cfg.Store.Run(ctx, scope, id)
	if err == nil && run.Divided {
		if id, err = decided(run, planHash); err == nil {
			run, err = s.cfg.Store.Run(ctx, scope, id)
		}
	}
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
		return Run{}, errOtherPlan
	}
	return run, nil
}

// samePreview compares what a person saw: identity, content and what would become of it. A version that moved by a
// status alone does not make a preview stale.
func samePreview(a, b Preview) bool {
	return a.Blind == b.Blind && slices.EqualFunc(a.Seen, b.Seen, func(x, y Seen) bool {
		x.ResourceVersion, y.ResourceVersion = "", ""
		return x == y
	}) && slices.EqualFunc(a.Diffs, b.Diffs, func(x, y Diff) bool { return x.Before == y.Before && x.After == y.After })
}

// presumed is what the plan of these previews presumes, if it is an undo.
func presumed(all []Preview) []Seen {
	for _, p := range all {
		if len(p.Presumes) > 0 {
			return p.Presumes
		}
	}
	return nil
}

func (s *Service) previewAgain(ctx context.Context, sc scene) error {
	p := proposal{plan: sc.run.Approval.Plan, fromClusterData: sc.run.Plan.FromClusterData, presumes: presumed(sc.run.Approval.Previews)}
	got, err := s.preview(ctx, sc, p)
	if err != nil {
		return err
	}
	view := viewOfPreview(p, got.approval, sc)
	_, err = s.update(ctx, sc.scope, sc.run.ID, Change{
		From: []State{AwaitingApproval}, FromHash: sc.run.Approval.Hash, Plan: &view, Approval: &got.approval,
		Events: append(s.shown(view, sc, p, got), s.awaits(sc, view, got.approval)),
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
