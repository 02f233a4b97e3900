package chat

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/kubechat/kubechat/controlplane/access"
	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// reading is a plan that only reads, as it is shown.
type reading struct {
	plan    nlp.Plan
	view    PlanView
	builtIn *nlp.Translation // what the plan came from; nil for a model's
}

// read executes a plan that only reads. Each read is recorded before it is shown; a record that cannot be taken means
// that nothing is shown. head is what was found out so far: it is stored with the first step.
func (s *Service) read(ctx context.Context, j *job, t *turn, r reading, head Change) {
	head.Plan = &r.view
	var err error
	for i := 0; err == nil && i < len(r.plan.Steps); i++ {
		head, err = s.readStep(ctx, j, t.scene, r.plan.Steps[i], i, head, &t.found)
	}
	switch {
	case err != nil:
		s.failWith(j, head, late(err, "The cluster did not answer in time."))
	case r.builtIn != nil && diagnostic(r.plan):
		s.explained(ctx, j, t, *r.builtIn, head)
	default:
		s.endWith(j, Done, "", head)
	}
}

// readStep does one step. before is stored before the cluster is asked; what it gives is to be stored next: with the
// next step, or the end.
func (s *Service) readStep(ctx context.Context, j *job, sc scene, step nlp.Step, i int, before Change, found *[]Finding) (Change, error) {
	if err := s.mayRead(sc, step); err != nil {
		return before, err
	}
	before.From = []State{Running, Executing}
	before.Events = append(before.Events, s.event(TypeStarted, StartedData{Step: i, Kubectl: nlp.KubectlStep(step)}))
	if err := s.step(ctx, j, before); err != nil {
		return Change{}, err
	}
	if step.Args.Follow {
		return Change{}, s.stream(j, sc, step, found)
	}
	answer, err := s.firstLook(ctx, sc, step)
	if err != nil {
		return Change{}, err
	}
	after := Change{Events: s.parts(numbered(answer.Parts, found))}
	if rows := rowNames(answer.Parts); len(rows) > 0 && before.Focus != nil {
		focus := *before.Focus
		focus.Rows = rows
		after.Focus = &focus
	}
	if answer.Beside != nil {
		after.From = before.From
		if err := s.step(ctx, j, after); err != nil {
			return Change{}, err
		}
		after = Change{Events: s.parts(numbered(answer.Beside(ctx), found))}
	}
	return after, nil
}

// firstLook executes a read and records it; what there is to find out beside it waits until it is shown.
func (s *Service) firstLook(ctx context.Context, sc scene, step nlp.Step) (Answer, error) {
	return s.recorded(ctx, sc, step, func() (Answer, error) { return sc.at.Execute(ctx, step) })
}

// look is firstLook and what there is to find out beside it.
func (s *Service) look(ctx context.Context, sc scene, step nlp.Step) (Answer, error) {
	answer, err := s.firstLook(ctx, sc, step)
	if err == nil && answer.Beside != nil {
		answer.Parts = append(answer.Parts, answer.Beside(ctx)...)
	}
	return answer, err
}

// stream shows an answer that grows, until it ends or somebody stops it. It does not take one of the cluster's places.
func (s *Service) stream(j *job, sc scene, step nlp.Step, found *[]Finding) error {
	s.park(j)
	ctx, cancel := context.WithTimeoutCause(inRun(j.ctx, j.run), s.cfg.ExecuteTimeout, errStreamed)
	defer cancel()
	var lost error
	_, err := s.recordedFirst(ctx, sc, step, func(record func() error) (Answer, error) {
		return sc.at.Stream(ctx, step, func(p Part) {
			if log, ok := p.(Log); ok {
				log.Follow = true
				p = log
			}
			if lost == nil {
				lost = record()
			}
			if lost == nil {
				lost = s.step(ctx, j, Change{From: []State{Running, Executing}, Events: s.parts(numbered([]Part{p}, found))})
			}
			if lost != nil {
				cancel()
			}
		})
	})
	switch {
	case lost != nil && !errors.Is(lost, context.Canceled):
		return lost
	case errors.Is(context.Cause(ctx), errStreamed):
		return nil
	}
	return err
}

// recorded runs a read and records it, its refusal by the cluster as well; a read that was never sent is none.
func (s *Service) recorded(ctx context.Context, sc scene, step nlp.Step, read func() (Answer, error)) (Answer, error) {
	return s.recordedFirst(ctx, sc, step, func(func() error) (Answer, error) { return read() })
}

// recordedFirst is recorded for an answer that grows: read calls record before it shows the first of it, and shows
// nothing that could not be recorded. Of Secrets, which have an intent, there is nothing left to record then.
func (s *Service) recordedFirst(ctx context.Context, sc scene, step nlp.Step, read func(record func() error) (Answer, error)) (Answer, error) {
	if touchesSecrets(step) {
		return s.intended(ctx, sc, step, func() (Answer, error) { return read(func() error { return nil }) })
	}
	began, recorded := s.now(), false
	var refused error
	record := func(status int, bytes int64) error {
		if !recorded {
			recorded = true
			refused = s.cfg.Ledger.Read(context.WithoutCancel(ctx), sc.scope, audit.ReadRecord{
				At: began.UTC(), Target: target(step, sc.run.Cluster), RequestID: string(sc.run.Root()), HTTPStatus: status,
				Duration: s.now().Sub(began), BytesOut: bytes, K8sGroup: sc.group,
			})
		}
		return refused
	}
	answer, err := read(func() error { return record(http.StatusOK, 0) })
	if err != nil && answer.HTTPStatus == 0 {
		return answer, err
	}
	if unrecorded := record(answer.HTTPStatus, answer.Bytes); err == nil {
		err = unrecorded
	}
	return answer, err
}

// intended runs a read of Secrets. Like every read of them it has an intent before its first byte and a result at its
// end; it needs no approval, because chat shows their names and sizes only.
func (s *Service) intended(ctx context.Context, sc scene, step nlp.Step, read func() (Answer, error)) (Answer, error) {
	root := sc.run.Root()
	intent, err := s.cfg.Ledger.Begin(ctx, sc.scope, audit.Intent{
		Target: target(step, sc.run.Cluster), Command: nlp.KubectlStep(step), RequestID: string(root), RunID: string(root), K8sGroup: sc.group,
	})
	if err != nil {
		return Answer{}, err
	}
	began := s.now()
	answer, err := read()
	result := audit.Result{Outcome: audit.Succeeded, HTTPStatus: answer.HTTPStatus, Duration: s.now().Sub(began), BytesOut: answer.Bytes}
	if err != nil {
		result.Outcome, result.Detail = audit.Failed, Clean(problem.As(err).Detail)
		if problem.Is(err, problem.Forbidden) {
			result.Outcome = audit.Denied
		}
	}
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	if finished := s.cfg.Ledger.Finish(after, sc.scope, intent, result); finished != nil {
		return answer, errors.Join(finished, err)
	}
	return answer, err
}

// mayRead is the service's own no to a read. A dry run is asked for by the requests of a change: who may not make the
// change may not try it out either.
func (s *Service) mayRead(sc scene, step nlp.Step) error {
	if change, ok := step.Tried(); ok {
		return s.mayChange(sc, nlp.Plan{Steps: []nlp.Step{change}})
	}
	return s.decide(sc, step)
}

// decide asks the one function that says who may do what.
func (s *Service) decide(sc scene, step nlp.Step) error {
	return s.cfg.Decide(access.Request{
		Scope: sc.scope, Group: sc.group, IsRead: nlp.Classify(step) == nlp.Read && !touchesSecrets(step),
		Target: access.Target(target(step, sc.run.Cluster)),
	})
}

// numbered gives each finding without an id the run's next one, and keeps them all in found.
func numbered(parts []Part, found *[]Finding) []Part {
	out := make([]Part, len(parts))
	for i, p := range parts {
		if f, ok := p.(Finding); ok {
			if f.ID == "" {
				f.ID = fmt.Sprintf("F%d", len(*found)+1)
			}
			*found = append(*found, f)
			p = f
		}
		out[i] = p
	}
	return out
}

// rowNames are what "the first one" and "those" may refer to in the next turn.
func rowNames(parts []Part) []string {
	var names []string
	for _, p := range parts {
		t, ok := p.(Table)
		if !ok {
			continue
		}
		for i, c := range t.Columns {
			if c.Name == "Name" {
				for _, row := range t.Rows {
					if name, ok := row[i].(string); ok && len(names) < 200 {
						names = append(names, name)
					}
				}
				break
			}
		}
	}
	return names
}
