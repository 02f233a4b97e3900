package chat

import (
	"context"

	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// propose asks, in this order, everything that can say no: the role, the policy, the cluster's RBAC, the server's dry run.
// Any error says no as well. What is left is shown and waits; nothing is reserved, and nothing has changed.
func (s *Service) propose(ctx context.Context, j *job, sc scene, plan nlp.Plan) {
	p, err := s.preview(ctx, sc, plan)
	if err != nil {
		view := viewOf(plan, plan.Hash(), sc)
		s.fail(j, late(err, "The cluster did not answer the preview in time; nothing was changed."), s.shown(view, p)...)
		return
	}
	view := viewOf(plan, p.approval.Hash, sc)
	err = s.step(ctx, j, Change{
		From: []State{Running}, State: AwaitingApproval, Plan: &view, Approval: &p.approval,
		Events: append(s.shown(view, p), s.event(TypeApproval, ApprovalData{ExpiresAt: p.approval.ExpiresAt, PlanHash: p.approval.Hash})),
	})
	if err != nil {
		s.fail(j, err)
	}
}

// previewed is as much of a preview as there is.
type previewed struct {
	access   *AccessData
	diff     *DiffData
	approval Approval
}

func (s *Service) shown(view PlanView, p previewed) []Event {
	events := []Event{s.event(TypePlan, view)}
	if p.access != nil {
		events = append(events, s.event(TypeAccess, p.access))
	}
	if p.diff != nil {
		events = append(events, s.event(TypeDiff, p.diff))
	}
	return events
}

// preview makes what a person approves. Besides an error it gives what was found out until then.
func (s *Service) preview(ctx context.Context, sc scene, plan nlp.Plan) (previewed, error) {
	var p previewed
	if err := s.mayChange(sc, plan); err != nil {
		return p, err
	}
	var err error
	if p.access, err = review(ctx, sc, plan); err != nil {
		return p, err
	}
	if !p.access.Allowed {
		return p, denied(*p.access, sc)
	}
	previews, err := s.dryRuns(ctx, sc, plan)
	if err != nil {
		return p, err
	}
	p.diff = &DiffData{Steps: []Diff{}}
	for _, pr := range previews {
		p.diff.Steps = append(p.diff.Steps, pr.Diffs...)
	}
	now := s.now().UTC()
	p.approval = Approval{
		Member: sc.scope.Member, Cluster: sc.run.Cluster, Group: sc.group, Plan: plan, Previews: previews,
		CreatedAt: now, ExpiresAt: now.Add(s.cfg.ApprovalTTL), Decision: Proposed,
	}
	p.approval.Hash = approvalHash(p.approval)
	return p, nil
}

// mayChange is the service's own no: the role, then policy for every step.
func (s *Service) mayChange(sc scene, plan nlp.Plan) error {
	if !sc.scope.Can(tenant.RunChanges) {
		return problem.New(problem.Forbidden, "Your role may only read.").WithCode("role").
			WithFix("Ask a tenant_admin for the role tenant_user.")
	}
	for _, step := range plan.Steps {
		if err := s.decide(sc, step); err != nil {
			return err
		}
	}
	return nil
}

func review(ctx context.Context, sc scene, plan nlp.Plan) (*AccessData, error) {
	data := &AccessData{Allowed: true, Steps: []Check{}, Group: sc.group}
	for _, step := range plan.Steps {
		v, err := sc.at.Review(ctx, step)
		if err != nil {
			return nil, err
		}
		data.Allowed = data.Allowed && v.Allowed
		data.Steps = append(data.Steps, v.Checks...)
	}
	return data, nil
}

func denied(a AccessData, sc scene) error {
	for _, c := range a.Steps {
		if c.Allowed {
			continue
		}
		where := "cluster-wide"
		if c.Namespace != "" {
			where = "in namespace " + c.Namespace
		}
		return problem.Newf(problem.Forbidden, "On %s, group %q may not %s %s %s.", sc.name, "kubechat:"+string(a.Group), c.Verb, c.Resource, where).
			WithCode("rbac").WithFix("A tenant_admin can give you another group in this cluster; its owner can extend the group's rights.")
	}
	return problem.New(problem.Forbidden, "The cluster does not allow this.").WithCode("rbac")
}

// dryRuns previews every step that changes something. It shows the objects, so it is recorded as reading them.
func (s *Service) dryRuns(ctx context.Context, sc scene, plan nlp.Plan) ([]Preview, error) {
	out := make([]Preview, len(plan.Steps))
	for i, step := range plan.Steps {
		if nlp.Classify(step) == nlp.Read {
			continue
		}
		look := step
		look.Op = nlp.OpGet
		_, err := s.recorded(ctx, sc, look, func() (Answer, error) {
			p, err := sc.at.DryRun(ctx, step)
			out[i] = p
			if err != nil {
				return Answer{HTTPStatus: problem.As(err).Kind.Status()}, err
			}
			return Answer{HTTPStatus: 200}, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
