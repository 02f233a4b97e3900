package chat

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

const (
	maxText   = 4000 // bytes
	maxKey    = 200
	storeTime = 10 * time.Second // for a write that must not depend on the caller's, or the run's, context
)

// Start takes a question and answers at once; the run goes on by itself and outlives the request. The same key in the
// same conversation is the same run, however often it is sent.
func (s *Service) Start(ctx context.Context, scope tenant.Scope, id ConversationID, text, key string) (Run, error) {
	if err := mayAsk(scope); err != nil {
		return Run{}, err
	}
	text, err := asked(text, key)
	if err != nil {
		return Run{}, err
	}
	c, err := s.cfg.Store.Conversation(ctx, scope, id)
	if err != nil {
		return Run{}, err
	}
	return s.accept(ctx, scope, c, text, key, s.answer)
}

// asked is a question as it is kept, if it can be one.
func asked(text, key string) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", problem.New(problem.Invalid, "The question is empty.")
	case len(text) > maxText || len(key) > maxKey:
		return "", problem.Newf(problem.TooLarge, "A question may have %d bytes, its key %d.", maxText, maxKey)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0) || !utf8.ValidString(key) || strings.ContainsRune(key, 0):
		return "", problem.New(problem.Invalid, "The question is not valid text.")
	}
	return text, nil
}

// accept stores a run of a conversation and hands it to the workers.
func (s *Service) accept(ctx context.Context, scope tenant.Scope, c Conversation, text, key string, work func(*job)) (Run, error) {
	run := Run{
		ID: NewRunID(), Conversation: c.ID, Member: scope.Member, Cluster: c.Cluster, Text: text, State: Queued,
		Owner: s.cfg.Replica, CreatedAt: s.now().UTC(),
	}
	j, err := s.reserve(scope, run.ID, run.Cluster, false, work)
	if err != nil {
		return Run{}, err
	}
	// a client that goes away must not leave a stored run that nobody was told to work on
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	stored, created, err := s.cfg.Store.CreateRun(detached, scope, run, key, s.event(TypeAccepted, AcceptedData{Text: text}))
	if err != nil || !created {
		s.release(j)
		return stored, err
	}
	s.enqueue(j)
	return stored, nil
}

// Stop ends a run on the member's word, on whichever replica it is. A change that was already sent is not taken back:
// the run's events say what was found.
func (s *Service) Stop(ctx context.Context, scope tenant.Scope, id RunID) error {
	if err := mayAsk(scope); err != nil {
		return err
	}
	run, err := s.cfg.Store.Run(ctx, scope, id)
	if err != nil || run.State.Final() {
		return err
	}
	if run.Divided {
		return s.stopParts(ctx, scope, run)
	}
	if run.State == AwaitingApproval {
		_, err := s.update(ctx, scope, id, Change{
			From: []State{AwaitingApproval}, State: Interrupted, Decision: Declined,
			Events: []Event{s.event(TypeEnd, EndData{State: Interrupted, Message: "Stopped. Nothing was changed."})},
		})
		if errors.Is(err, ErrMoved) { // approved, declined or expired in the same moment
			return s.cfg.Store.AskStop(ctx, scope, id)
		}
		return err
	}
	if err := s.cfg.Store.AskStop(ctx, scope, id); err != nil {
		return err
	}
	s.stopHere(id)
	return nil
}

// update stores a change and wakes who follows the run here.
func (s *Service) update(ctx context.Context, scope tenant.Scope, id RunID, c Change) (Run, error) {
	run, err := s.cfg.Store.Update(ctx, scope, id, c)
	if err == nil {
		s.hub.wake(run.Root())
	}
	return run, err
}

// step stores a change of the job's own run: it must still be this replica's.
func (s *Service) step(ctx context.Context, j *job, c Change) error {
	c.FromOwner = s.cfg.Replica
	_, err := s.update(ctx, j.scope, j.run, c)
	return err
}

// end stores the run's end. It does not depend on the run's context: what was done is recorded after a stop as well. If
// the store is away, the run is settled later, like that of a lost replica.
func (s *Service) end(j *job, state State, message string, events ...Event) {
	s.endWith(j, state, message, Change{Events: events})
}

// endWith stores what else is to be stored with the end.
func (s *Service) endWith(j *job, state State, message string, c Change) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(j.ctx), storeTime)
	defer cancel()
	c.From, c.State = []State{Queued, Running, Executing}, state
	c.Events = append(c.Events, s.event(TypeEnd, EndData{State: state, Message: message}))
	if err := s.step(ctx, j, c); err != nil {
		s.log.ErrorContext(ctx, "run could not be ended; it will be settled", "run", j.run, "cause", err)
	}
}

// fail ends a run because of err; a context that was ended on purpose is no failure.
func (s *Service) fail(j *job, err error, before ...Event) {
	s.failWith(j, Change{Events: before}, err)
}

// failWith stores what else is to be stored with the failure.
func (s *Service) failWith(j *job, c Change, err error) {
	if errors.Is(err, ErrMoved) {
		return // another replica settled it; the run is not ours to write to
	}
	switch cause := context.Cause(j.ctx); {
	case errors.Is(cause, errStopAsked):
		s.endWith(j, Interrupted, "Stopped. Nothing was changed.", c)
	case errors.Is(cause, errStopping):
		s.endWith(j, Interrupted, "The service was restarted while it worked on this. Nothing was changed; ask again.", c)
	default:
		if problem.As(err).Kind == problem.Internal {
			s.log.ErrorContext(j.ctx, "run failed", "run", j.run, "cause", err)
		}
		c.Events = append(c.Events, s.failure(j.run, err))
		s.endWith(j, Failed, "", c)
	}
}
