package chat

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

const lookTime = 20 * time.Second // for comparing the cluster with the plan after an answer was lost

// execute does an approved plan, step by step. The first step that is not known to have succeeded is the last.
func (s *Service) execute(j *job, previews []Preview) {
	ctx, cancel := context.WithTimeout(inRun(j.ctx, j.run), s.cfg.ExecuteTimeout)
	defer cancel()
	run, err := s.cfg.Store.Run(ctx, j.scope, j.run)
	if err != nil {
		s.abandon(j, 0, 0, err)
		return
	}
	steps, touched, done := run.Approval.Plan.Steps, map[Seen]bool{}, &wayBack{}
	for i, step := range steps {
		if s.isStopped() {
			err = errStopping
		} else {
			err = s.executeStep(ctx, j, run, i, seenBy(previews[i], touched), done)
		}
		var stop *stopped
		switch {
		case errors.As(err, &stop):
			s.end(j, stop.state, rest(stop.message, i, len(steps)), s.undoEvents(done)...)
			return
		case err != nil:
			s.abandon(j, i, len(steps), err, s.undoEvents(done)...)
			return
		}
		if nlp.Classify(step) != nlp.Read {
			for _, o := range previews[i].Seen {
				touched[identity(o)] = true
			}
		}
	}
	if err := s.step(ctx, j, Change{From: []State{Executing}, Events: s.undoEvents(done)}); err != nil {
		s.abandon(j, len(steps), len(steps), err)
		return
	}
	message := s.settleDown(j, steps)
	s.end(j, Done, message)
}

// wayBack gathers, step by step, how to go back from what was done.
type wayBack struct {
	undos   []*Undo
	changed bool // something was done, or may have been
}

// add takes a step's answer and gives the way back from all steps so far.
func (w *wayBack) add(a Answer) *Undo {
	w.changed = w.changed || a.Outcome == audit.Succeeded || a.Outcome == audit.Unknown || a.Undo != nil
	u := a.Undo
	if a.Outcome == audit.Unknown {
		u = &Undo{Impossible: "Nobody knows whether it was done: its answer was lost."}
	}
	w.undos = append(w.undos, u)
	return w.joined()
}

func (w *wayBack) joined() *Undo { return JoinUndos(w.undos...) }

// undoEvents is none for a run that changed nothing.
func (s *Service) undoEvents(w *wayBack) []Event {
	if !w.changed {
		return nil
	}
	return []Event{s.undoEvent(w.joined())}
}

// stopped is the orderly end of a plan at one of its steps: the step's own events are stored already.
type stopped struct {
	state   State
	message string
}

func (s *stopped) Error() string { return s.message }

// executeStep re-checks the role, the policy and the group, since minutes may have passed with the steps before.
func (s *Service) executeStep(ctx context.Context, j *job, run Run, i int, seen []Seen, back *wayBack) error {
	sc, err := s.scene(ctx, j.scope, j.run)
	if err != nil {
		return err
	}
	step := run.Approval.Plan.Steps[i]
	if nlp.Classify(step) == nlp.Read {
		var found []Finding
		after, err := s.readStep(ctx, j, sc, step, i, Change{}, &found)
		if err != nil {
			return err
		}
		after.From = []State{Executing}
		return s.step(ctx, j, after)
	}
	if sc.group != run.Approval.Group {
		return problem.New(problem.Forbidden, "Your group in this cluster has changed since the approval.").WithCode("group")
	}
	if err := s.mayChange(sc, nlp.Plan{Steps: []nlp.Step{step}}); err != nil {
		return err
	}
	return s.change(ctx, j, sc, i, seen, back)
}

// change sends one step that changes something: nothing is sent before its intent is committed, and what came of it is
// recorded whatever happens to the run.
func (s *Service) change(ctx context.Context, j *job, sc scene, i int, seen []Seen, back *wayBack) error {
	step, root := sc.run.Approval.Plan.Steps[i], string(sc.run.Root())
	started := s.event(TypeStarted, StartedData{Step: i, Kubectl: nlp.KubectlStep(step)})
	if err := s.step(ctx, j, Change{From: []State{Executing}, Events: []Event{started}}); err != nil {
		return err
	}
	intent, err := s.cfg.Ledger.Begin(ctx, sc.scope, audit.Intent{
		Target: target(step, sc.run.Cluster), Command: nlp.KubectlStep(step), RequestID: root,
		RunID: root, Step: i, ApprovedBy: sc.run.Approval.DecidedBy, K8sGroup: sc.group,
	})
	if err != nil {
		return err
	}
	began := s.now()
	answer, err := sc.at.Execute(ctx, step, seen...)
	answer = outcome(answer, err)
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	finished := s.cfg.Ledger.Finish(after, sc.scope, intent, audit.Result{
		Outcome: answer.Outcome, HTTPStatus: answer.HTTPStatus, Detail: Clean(answer.Message), Duration: s.now().Sub(began), BytesOut: answer.Bytes,
	})
	if finished != nil { // the ledger keeps trying, or its sweep says unknown; either way the run tells what it knows
		s.log.ErrorContext(after, "result not recorded", "run", j.run, "intent", intent, "cause", finished)
	}
	events := append(s.parts(answer.Parts), s.event(TypeResult, ResultData{
		Step: i, Outcome: answer.Outcome, Message: answer.Message, IntentID: intent,
	}))
	if answer.Outcome == audit.Unknown {
		events = append(events, s.event(TypeText, Text{Text: s.found(after, sc, i)}))
	} else if err != nil {
		events = append(events, s.failure(j.run, err))
	}
	if err := s.step(after, j, Change{From: []State{Executing}, Events: events, Undo: back.add(answer)}); err != nil {
		return err
	}
	switch answer.Outcome {
	case audit.Succeeded:
		return nil
	case audit.Unknown:
		return &stopped{Interrupted, "The answer was lost: look before you ask for it again."}
	default:
		return &stopped{Failed, ""}
	}
}

// outcome fills in what an adapter left open, towards the worse: an error without an outcome may have changed something.
func outcome(a Answer, err error) Answer {
	switch {
	case a.Outcome != "":
	case err == nil:
		a.Outcome = audit.Succeeded
	default:
		a.Outcome = audit.Unknown
	}
	if a.Message == "" && err != nil {
		a.Message = problem.As(err).Detail
	}
	if a.Outcome == audit.Unknown {
		a.Message = "Sent, and no answer came back."
	}
	return a
}

// abandon ends a run between two steps: nothing of the present step was sent.
func (s *Service) abandon(j *job, i, n int, err error, events ...Event) {
	switch cause := context.Cause(j.ctx); {
	case errors.Is(err, ErrMoved):
	case errors.Is(cause, errStopAsked):
		s.end(j, Interrupted, rest("Stopped.", i-1, n), events...)
	case errors.Is(cause, errStopping), errors.Is(err, errStopping):
		s.end(j, Interrupted, rest("The service was restarted.", i-1, n), events...)
	default:
		err = late(err, "The cluster did not answer in time.")
		if problem.As(err).Kind == problem.Internal {
			s.log.ErrorContext(j.ctx, "run failed", "run", j.run, "cause", err)
		}
		s.end(j, Failed, rest("", i-1, n), append(events, s.failure(j.run, err))...)
	}
}

// rest says what was not begun, after step i of n (counted from 0).
func rest(message string, i, n int) string {
	if left := n - i - 1; left > 0 && n > 1 {
		if message != "" {
			message += " "
		}
		message += fmt.Sprintf("%d of %d steps were not begun.", left, n)
	}
	return message
}

// seenBy gives a step's preconditions. An object that an earlier step of the same plan changed keeps its identity and
// loses its content: the plan itself, and the controllers after it, moved that.
func seenBy(p Preview, touched map[Seen]bool) []Seen {
	out := make([]Seen, 0, len(p.Seen))
	for _, o := range p.Seen {
		if touched[identity(o)] {
			o.ResourceVersion, o.Digest = "", ""
		}
		out = append(out, o)
	}
	return out
}

func identity(o Seen) Seen {
	o.UID, o.ResourceVersion, o.Digest = "", "", ""
	return o
}
