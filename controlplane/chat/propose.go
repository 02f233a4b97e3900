package chat

import (
	"context"
	"slices"
	"strings"

	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// proposal is a plan on its way to a person, with where it came from.
type proposal struct {
	plan            nlp.Plan // classed
	trace           []nlp.TraceEntry
	presumes        []Seen   // of an undo: the objects as the change left them
	fromClusterData []string // of a model's plan: literals that the person did not say
}

// propose asks, in this order, everything that can say no: the role, the policy, the cluster's RBAC, the server's dry run.
// Any error says no as well. What is left is shown and waits; nothing is reserved, and nothing has changed. head is what
// was found out so far.
func (s *Service) propose(ctx context.Context, j *job, sc scene, p proposal, head Change) {
	got, err := s.preview(ctx, sc, p)
	if err != nil {
		head.Events = append(head.Events, s.shown(viewOf(p.plan, p.plan.Hash(), sc), sc, p, got)...)
		s.failWith(j, head, late(err, "The cluster did not answer the preview in time; nothing was changed."))
		return
	}
	view := viewOfPreview(p, got.approval, sc)
	if why := nothingToDo(p.plan, got.approval.Previews); why != "" {
		head.Plan, head.Events = &view, append(head.Events, s.shown(view, sc, p, got)...)
		s.endWith(j, Done, why, head)
		return
	}
	stands := s.stands(ctx, sc, view, got.approval) // before it is shown: a word given for what is shown is for the next
	head.From, head.State, head.Plan, head.Approval = []State{Running}, AwaitingApproval, &view, &got.approval
	head.Events = append(head.Events, s.shown(view, sc, p, got)...)
	head.Events = append(head.Events, s.awaits(sc, view, got.approval))
	if err := s.step(ctx, j, head); err != nil {
		s.fail(j, err)
		return
	}
	if stands {
		s.goesOn(ctx, sc, view, got.approval)
	}
}

// nothingToDo says why a plan needs no approval: everything that it would change is as asked already.
func nothingToDo(plan nlp.Plan, previews []Preview) string {
	var why []string
	for i, step := range plan.Steps {
		if nlp.Classify(step) == nlp.Read {
			continue
		}
		if previews[i].Nothing == "" {
			return ""
		}
		why = append(why, previews[i].Nothing)
	}
	return strings.Join(why, " ")
}

func (s *Service) awaits(sc scene, view PlanView, a Approval) Event {
	remember := len(standings(sc.scope.Via, a.Plan, view)) > 0
	return s.event(TypeApproval, ApprovalData{ExpiresAt: a.ExpiresAt, PlanHash: a.Hash, Remember: remember})
}

// previewed is as much of a preview as there is.
type previewed struct {
	access   *AccessData
	diff     *DiffData
	approval Approval
}

func (s *Service) shown(view PlanView, sc scene, p proposal, got previewed) []Event {
	events := s.planned(view, sc, p.trace)
	if got.access != nil {
		events = append(events, s.event(TypeAccess, got.access))
	}
	if got.diff != nil {
		events = append(events, s.event(TypeDiff, got.diff))
	}
	return events
}

// preview makes what a person approves. Besides an error it gives what was found out until then.
func (s *Service) preview(ctx context.Context, sc scene, p proposal) (previewed, error) {
	var got previewed
	if err := s.mayChange(sc, p.plan); err != nil {
		return got, err
	}
	var err error
	if got.access, err = review(ctx, sc, p.plan); err != nil {
		return got, err
	}
	if !got.access.Allowed {
		return got, denied(*got.access, sc)
	}
	previews, err := s.dryRuns(ctx, sc, p.plan, p.presumes...)
	if err != nil {
		return got, err
	}
	got.diff = &DiffData{Steps: []Diff{}}
	for _, pr := range previews {
		got.diff.Steps = append(got.diff.Steps, pr.Diffs...)
	}
	now := s.now().UTC()
	got.approval = Approval{
		Member: sc.scope.Member, Cluster: sc.run.Cluster, Group: sc.group, Plan: counted(p.plan, previews), Previews: previews,
		CreatedAt: now, ExpiresAt: now.Add(s.cfg.ApprovalTTL), Decision: Proposed,
	}
	got.approval.Hash = approvalHash(got.approval)
	return got, nil
}

// counted is the plan with the replicas that the previews found, where it says how many there are: its translator knew what
// the conversation last made of them, or what was there half a minute ago.
func counted(plan nlp.Plan, previews []Preview) nlp.Plan {
	plan.Steps = slices.Clone(plan.Steps)
	for i := range plan.Steps {
		step, found := &plan.Steps[i], previews[i]
		switch back := found.Undo; {
		case step.Op != nlp.OpScale || step.Args.Current == nil || len(step.Names) != 1:
		case found.Nothing != "":
			step.Args.Current = step.Args.Replicas
		case back != nil && len(back.Plan.Steps) == 1 && back.Plan.Steps[0].Op == nlp.OpScale:
			step.Args.Current = back.Plan.Steps[0].Args.Replicas
		}
	}
	return plan
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
	var snippets []string
	for _, step := range plan.Steps {
		v, err := sc.at.Review(ctx, step)
		if err != nil {
			return nil, err
		}
		data.Allowed = data.Allowed && v.Allowed
		data.Steps = append(data.Steps, v.Checks...)
		if v.Snippet != "" && !slices.Contains(snippets, v.Snippet) {
			snippets = append(snippets, v.Snippet)
		}
	}
	data.Snippet = strings.Join(snippets, "---\n")
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
func (s *Service) dryRuns(ctx context.Context, sc scene, plan nlp.Plan, presumes ...Seen) ([]Preview, error) {
	out := make([]Preview, len(plan.Steps))
	for i, step := range plan.Steps {
		if nlp.Classify(step) == nlp.Read {
			continue
		}
		look := step
		look.Op = nlp.OpGet
		_, err := s.recorded(ctx, sc, look, func() (Answer, error) {
			p, err := sc.at.DryRun(ctx, step, presumes...)
			p.Presumes = presumes
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
