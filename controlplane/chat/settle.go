package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

func (s *Service) settleLoop(ctx context.Context) {
	tick := time.NewTicker(s.cfg.SettleEvery)
	defer tick.Stop()
	for {
		if err := s.Recover(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "settling runs failed", "cause", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Recover settles the runs that nobody works on any more: of a replica whose lease has lapsed, of an earlier life of
// this one, and those whose approval has expired. What was only reading is interrupted. What was changing something is
// compared with the cluster, says what was found, and is interrupted; nothing is ever sent again. Run calls it at its
// start and every Config.SettleEvery.
func (s *Service) Recover(ctx context.Context) error {
	found, err := s.cfg.Store.Unsettled(ctx, s.cfg.Replica)
	if err != nil {
		return fmt.Errorf("list unsettled runs: %w", err)
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8) // clusters that don't answer hold up a few others, not all
	for _, u := range found {
		if u.Owner == s.cfg.Replica && u.State != AwaitingApproval && s.worksOn(u.Run) {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			s.settleLogged(ctx, u)
		})
	}
	wg.Wait()
	return ctx.Err()
}

func (s *Service) worksOn(id RunID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobs[id] != nil
}

func (s *Service) settleLogged(ctx context.Context, u Unsettled) {
	if err := s.settle(ctx, u); err != nil && !errors.Is(err, ErrMoved) && ctx.Err() == nil {
		s.log.WarnContext(ctx, "run not settled", "run", u.Run, "cause", err)
	}
}

func (s *Service) settle(ctx context.Context, u Unsettled) error {
	scope := tenant.Scope{Tenant: u.Tenant, Member: u.Member, Via: tenant.ViaJob}
	switch u.State {
	case AwaitingApproval:
		_, err := s.update(ctx, scope, u.Run, Change{
			From: []State{AwaitingApproval}, State: Interrupted, Decision: Expired, Events: []Event{
				s.event(TypeExpired, ExpiredData{}),
				s.event(TypeEnd, EndData{State: Interrupted, Message: "Nobody approved in time. Nothing was changed."}),
			},
		})
		return err
	case Executing:
		return s.settleExecuting(ctx, scope, u)
	default:
		_, err := s.update(ctx, scope, u.Run, Change{
			From: []State{Queued, Running}, FromOwner: u.Owner, State: Interrupted, Events: []Event{s.event(TypeEnd, EndData{
				State: Interrupted, Message: "The service was interrupted while it worked on this. Nothing was changed; ask again.",
			})},
		})
		return err
	}
}

// settleExecuting takes the run over, so that one replica alone asks the cluster, and ends it with what it found.
func (s *Service) settleExecuting(ctx context.Context, scope tenant.Scope, u Unsettled) error {
	ctx, cancel := context.WithTimeout(inRun(ctx, u.Run), lookTime+storeTime)
	defer cancel()
	j, err := s.reserve(scope, u.Run, "", true, nil)
	if err != nil {
		return err
	}
	defer s.release(j)
	run, err := s.update(ctx, scope, u.Run, Change{From: []State{Executing}, FromOwner: u.Owner, Owner: s.cfg.Replica})
	if err != nil {
		return err
	}
	events, err := s.allEvents(ctx, scope, u.Run)
	if err != nil {
		return err
	}
	n := len(run.Approval.Plan.Steps)
	i, open, failed := openStep(events)
	var out []Event
	var undo *Undo
	message := rest("The service was interrupted.", i, n)
	state := Interrupted
	if !open && !failed && i == n-1 && run.Undo != nil { // all of it was done: only the watching was cut short
		state, message = Done, "All steps were done; the service was interrupted while it watched them."
	}
	if open && nlp.Classify(run.Approval.Plan.Steps[i]) != nlp.Read {
		undo = &Undo{Impossible: "Nobody knows whether it was done: its answer was lost."}
		out = append(out, s.event(TypeResult, ResultData{Step: i, Outcome: audit.Unknown, Message: "It may have been sent; the answer was lost."}))
		out = append(out, s.event(TypeText, Text{Text: s.foundAgain(ctx, scope, u.Run, i)}))
	}
	out = append(out, s.event(TypeEnd, EndData{State: state, Message: message}))
	_, err = s.update(ctx, scope, u.Run, Change{From: []State{Executing}, FromOwner: s.cfg.Replica, State: state, Undo: undo, Events: out})
	return err
}

// openStep is the last step that was begun, whether how it ended is missing, and whether it is known not to have succeeded.
// Before the first it is -1.
func openStep(events []Event) (i int, open, failed bool) {
	i = -1
	for _, e := range events {
		var d struct {
			Step    int
			Outcome audit.Outcome
		}
		if (e.Type == TypeStarted || e.Type == TypeResult) && json.Unmarshal(e.Data, &d) == nil {
			i, open = d.Step, e.Type == TypeStarted
			failed = e.Type == TypeResult && d.Outcome != audit.Succeeded
		}
	}
	return i, open, failed
}

func (s *Service) foundAgain(ctx context.Context, scope tenant.Scope, id RunID, i int) string {
	sc, err := s.scene(ctx, scope, id)
	if err != nil {
		return "The cluster was not asked what became of it: " + problem.As(err).Detail
	}
	return s.found(ctx, sc, i)
}

// found compares the cluster as it is with the plan's preview and says, for people, what became of a step.
func (s *Service) found(ctx context.Context, sc scene, i int) string {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	step, was := sc.run.Approval.Plan.Steps[i], sc.run.Approval.Previews[i]
	var now Preview
	if step.Op == nlp.OpExec {
		return "What the program did inside its container cannot be looked up from here."
	}
	_, err := s.recorded(ctx, sc, nlp.Step{Op: nlp.OpGet, Resource: step.Resource, Namespace: step.Namespace, Names: step.Names}, func() (Answer, error) {
		var err error
		now, err = sc.at.DryRun(ctx, step)
		return Answer{HTTPStatus: 200}, err
	})
	gone := problem.Is(err, problem.NotFound) && (step.Op == nlp.OpDelete || step.Op == nlp.OpDeleteCollection || step.Op == nlp.OpEvict)
	made := problem.Is(err, problem.Conflict) && (step.Op == nlp.OpCreate || step.Op == nlp.OpExpose || step.Op == nlp.OpAutoscale)
	switch {
	case gone:
		return "Looked in the cluster: it is gone, as the plan wanted."
	case made:
		return "Looked in the cluster: an object of that name exists now, as the plan wanted."
	case err != nil:
		return "The cluster could not be asked what became of it: " + problem.As(late(err, "It did not answer in time.")).Detail
	}
	return compare(was, now)
}

// compare says for each object of the preview whether the cluster is where the plan wanted it.
func compare(was, now Preview) string {
	live := map[string]string{}
	for _, d := range now.Diffs {
		live[d.Title] = d.Before
	}
	var said []string
	for _, d := range was.Diffs {
		at, ok := live[d.Title]
		switch {
		case !ok && d.After == "":
			said = append(said, d.Title+" is gone, as the plan wanted.")
		case !ok:
			said = append(said, d.Title+" is not there.")
		case matches(at, d.After):
			said = append(said, d.Title+" is as the plan wanted it.")
		case at == d.Before:
			said = append(said, d.Title+" is unchanged: it was not done.")
		default:
			said = append(said, d.Title+" is neither as it was nor as the plan wanted it.")
		}
	}
	return "Looked in the cluster: " + strings.Join(said, " ")
}

// matches compares line by line; where the preview could not know a value yet, any will do.
func matches(live, planned string) bool {
	a, b := strings.Split(live, "\n"), strings.Split(planned, "\n")
	return slices.EqualFunc(a, b, func(x, y string) bool {
		before, _, later := strings.Cut(y, Later)
		return x == y || later && strings.HasPrefix(x, strings.TrimRight(before, `'"`))
	})
}
