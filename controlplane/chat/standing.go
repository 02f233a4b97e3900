package chat

import (
	"context"
	"slices"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Standing is a member's word that one kind of change in one namespace needs no further approval of theirs. It holds for
// the login it was given in, and ends with it.
type Standing struct {
	Cluster   cluster.ID
	Namespace string
	Op        nlp.Op
}

// StandingStore keeps them. A login that has ended has none. Change.Remember gives them.
type StandingStore interface {
	Standing(ctx context.Context, scope tenant.Scope, at cluster.ID) ([]Standing, error)
	// Forget takes all of the login's back, and records it.
	Forget(ctx context.Context, scope tenant.Scope) error
}

var errNotStanding = problem.New(problem.Invalid, "This kind of change is approved each time.").WithCode("not_standing").
	WithFix("Only changes in a namespace that destroy nothing, were read from your own words and need no typed name can be approved until you sign out.")

// ApproveForLogin is Approve, and lets further changes of the same kind in the same namespace go on without asking again
// until the member signs out. Both are done, or neither.
func (s *Service) ApproveForLogin(ctx context.Context, scope tenant.Scope, id RunID, planHash, typedName string) (Run, error) {
	return s.approve(ctx, scope, id, planHash, typedName, true)
}

// AskAgain takes back what ApproveForLogin was told in this login.
func (s *Service) AskAgain(ctx context.Context, scope tenant.Scope) error {
	if err := mayAsk(scope); err != nil {
		return err
	}
	if scope.Via != tenant.ViaWeb {
		return nil
	}
	return s.cfg.Store.Forget(ctx, scope)
}

// eachTime are the operations whose arguments are the change: having approved one says nothing of the next.
var eachTime = map[nlp.Op]bool{nlp.OpExec: true, nlp.OpPatch: true, nlp.OpCreate: true}

// standings are what a plan's changes would need; none for a plan that is to be shown every time, and none for who is not
// in a browser: only such a login is one that its member signs out of.
func standings(via tenant.Via, plan nlp.Plan, view PlanView) []Standing {
	if via != tenant.ViaWeb || plan.Class != nlp.Mutate || plan.Source != nlp.SourceBuiltin || view.Protected || view.TypedName != "" {
		return nil
	}
	var out []Standing
	for _, step := range plan.Steps {
		if nlp.Classify(step) == nlp.Read {
			continue
		}
		if step.Namespace == "" || step.AllNamespaces || len(step.Names) == 0 || eachTime[step.Op] {
			return nil
		}
		if st := (Standing{cluster.ID(plan.Cluster), step.Namespace, step.Op}); !slices.Contains(out, st) {
			out = append(out, st)
		}
	}
	return out
}

// stands says whether the member's word stands for all that a plan changes.
func (s *Service) stands(ctx context.Context, sc scene, view PlanView, a Approval) bool {
	need := standings(sc.scope.Via, a.Plan, view)
	if len(need) == 0 {
		return false
	}
	have, err := s.cfg.Store.Standing(ctx, sc.scope, sc.run.Cluster)
	if err != nil {
		s.log.WarnContext(ctx, "standing approvals not read; the plan waits", "run", sc.run.ID, "cause", err)
		return false
	}
	return !slices.ContainsFunc(need, func(n Standing) bool { return !slices.Contains(have, n) })
}

// goesOn approves a plan that was just shown, as the member's word for it stands. Everything that can say no has been
// asked a moment ago, and is asked again before each step.
func (s *Service) goesOn(ctx context.Context, sc scene, view PlanView, a Approval) {
	if now, err := s.cfg.Store.Run(ctx, sc.scope, sc.run.ID); err != nil || now.StopAsked {
		return
	}
	sc.run.Approval = &a
	if _, err := s.approved(ctx, sc, a.Previews, Change{Uses: standings(sc.scope.Via, a.Plan, view)}); err != nil {
		s.log.WarnContext(ctx, "standing approval not used; the plan waits", "run", sc.run.ID, "cause", err)
	}
}
