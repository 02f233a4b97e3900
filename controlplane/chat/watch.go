package chat

import (
	"context"
	"errors"

	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// settleDown watches, after an approved plan was executed, what each change has set in motion, until there is a verdict on
// all of them or somebody stops it. Nothing depends on it: it takes no place, and what was done stays done.
func (s *Service) settleDown(j *job, steps []nlp.Step) (message string) {
	s.park(j)
	s.mu.Lock()
	j.execute = false // nothing is on its way any more: a stop need not wait
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(inRun(j.ctx, j.run), s.cfg.ExecuteTimeout)
	defer cancel()
	var found []Finding
	for i, step := range steps {
		if nlp.Classify(step) == nlp.Read {
			continue
		}
		if s.isStopped() || ctx.Err() != nil {
			return "It was not watched to its end: look how it is going."
		}
		settled, err := s.watchStep(ctx, j, step, i)
		if errors.Is(err, ErrMoved) {
			return ""
		}
		switch {
		case j.ctx.Err() != nil:
			settled = Settled{State: StateUnknown, Message: "It is no longer watched."}
		case err != nil:
			settled = Settled{State: StateUnknown, Message: "It could not be watched: " + problem.As(late(err, "The cluster did not answer in time.")).Detail}
		}
		events := []Event{s.event(TypeSettled, SettledData{Step: i, State: settled.State, Message: settled.Message})}
		var parts []Part
		for _, f := range settled.Findings {
			parts = append(parts, f)
		}
		events = append(events, s.parts(numbered(parts, &found))...)
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
		err = s.step(after, j, Change{From: []State{Executing}, Events: events})
		cancel()
		if err != nil {
			return ""
		}
	}
	return ""
}

// watchStep watches one step. It only reads, and is recorded as that before it says anything.
func (s *Service) watchStep(ctx context.Context, j *job, step nlp.Step, i int) (settled Settled, err error) {
	sc, err := s.scene(ctx, j.scope, j.run)
	if err != nil {
		return settled, err
	}
	var lost error
	look := step
	look.Op = nlp.OpGet
	_, err = s.recordedFirst(ctx, sc, look, func(record func() error) (Answer, error) {
		settled, err = sc.at.Follow(ctx, step, func(p Progress) {
			if lost == nil {
				lost = record()
			}
			if lost == nil {
				lost = s.step(ctx, j, Change{From: []State{Executing}, Events: []Event{s.event(TypeProgress, ProgressData{Step: i, Message: p.Message})}})
			}
		})
		return Answer{HTTPStatus: 200}, err
	})
	if lost != nil {
		return settled, lost
	}
	return settled, err
}
