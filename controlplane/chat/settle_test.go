package chat_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/chat/chattest"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// dead stops a replica the hard way: what it was working on stays as it was, as after kill -9. The run's rows are put
// back to what they were when the cluster was being asked.
func (w *world) dead(r *replica, run chat.RunID, state chat.State) {
	w.t.Helper()
	r.stop()
	w.Exec(w.t, `delete from run_event where run_id = $1 and type in ('end', 'result', 'text') and seq > (
		select max(seq) from run_event where run_id = $1 and type in ('accepted', 'plan', 'started'))`, run)
	w.Exec(w.t, `update run set state = $2, ended_at = null, last_seq = (select max(seq) from run_event where run_id = $1), owner = $3 where run_id = $1`, run, state, r.id)
	w.lapse(r.id)
}

func TestALostReplicasReadIsInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hold := w.at.Hold("execute")
	run := w.ask(w.admin, "list deployments in shop")
	<-hold.Entered
	w.dead(w.replica, run.ID, chat.Running)
	hold.Release()
	w.replica = w.start()
	run, events := w.finished(w.admin, run.ID)
	if run.State != chat.Interrupted {
		t.Errorf("%s %v", run.State, types(events))
	}
}

func TestALostReplicasChangeIsComparedWithTheClusterAndNeverSentAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		arrived bool
		meddle  func(*world)
		says    string
	}{
		"it arrived":          {true, nil, "deployment/checkout is as the plan wanted it"},
		"it did not":          {false, nil, "deployment/checkout is unchanged: it was not done"},
		"something else did":  {false, func(w *world) { w.at.Change("checkout", func(o *chattest.Object) { o.Replicas = 9 }) }, "neither as it was"},
		"the cluster is away": {true, func(w *world) { w.at.Fail("dryrun", problem.New(problem.Unavailable, "The cluster is not connected.")) }, "could not be asked"},
		"the member has left": {true, func(w *world) { w.at.Fail("open", problem.New(problem.NotFound, "No such member.")) }, "was not asked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			run := w.awaits(w.admin, "scale checkout to 5")
			hold := w.at.Hold("execute")
			if _, err := w.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, ""); err != nil {
				t.Fatal(err)
			}
			<-hold.Entered
			if !c.arrived {
				w.dead(w.replica, run.ID, chat.Executing) // its grace period ends the request before it arrives
				hold.Release()
			} else {
				hold.Release()
				w.finished(w.admin, run.ID)
				w.dead(w.replica, run.ID, chat.Executing)
			}
			sent := len(w.at.Sent())
			if c.meddle != nil {
				c.meddle(w)
			}
			w.replica = w.start()
			run, events := w.finished(w.admin, run.ID)
			if run.State != chat.Interrupted {
				t.Errorf("%s %v", run.State, types(events))
			}
			if got := data[chat.Text](t, events, chat.TypeText); !strings.Contains(got.Text, c.says) {
				t.Errorf("says %q", got.Text)
			}
			if got := data[chat.ResultData](t, events, chat.TypeResult); got.Outcome != audit.Unknown {
				t.Errorf("result %+v", got)
			}
			if len(w.at.Sent()) != sent {
				t.Errorf("sent %v", w.at.Sent())
			}
		})
	}
}

func TestALostAnswerIsUnknownAndStopsThePlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plan("both", scale("checkout", 5), scale("web", 5))
	run := w.awaits(w.admin, "both")
	w.at.LoseAnswers(true)
	if _, err := w.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, ""); err != nil {
		t.Fatal(err)
	}
	run, events := w.finished(w.admin, run.ID)
	if run.State != chat.Interrupted || len(w.at.Sent()) != 1 {
		t.Errorf("%s, sent %v", run.State, w.at.Sent())
	}
	if got := data[chat.Text](t, events, chat.TypeText); !strings.Contains(got.Text, "as the plan wanted it") {
		t.Errorf("says %q", got.Text)
	}
	if got := w.records(audit.KindIntent); len(got) != 1 || got[0].Outcome != audit.Unknown {
		t.Errorf("intents %+v", got)
	}
}

func TestTwoReplicasSettleARunOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := w.awaits(w.admin, "scale checkout to 5")
	hold := w.at.Hold("execute")
	if _, err := w.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, ""); err != nil {
		t.Fatal(err)
	}
	<-hold.Entered
	w.dead(w.replica, run.ID, chat.Executing)
	hold.Release()
	w.replica = w.start()
	w.start()
	_, events := w.finished(w.admin, run.ID)
	n := 0
	for _, e := range events {
		if e.Type == chat.TypeEnd || e.Type == chat.TypeResult {
			n++
		}
	}
	if n != 2 {
		t.Errorf("events %v", types(events))
	}
}

func TestStoppingARunEndsItsRequestOnWhicheverReplicaItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second := w.start()
	hold := w.at.Hold("execute")
	defer hold.Release()
	run := w.ask(w.admin, "list deployments in shop")
	<-hold.Entered
	if err := second.Stop(t.Context(), w.admin, run.ID); err != nil {
		t.Fatal(err)
	}
	run, events := w.finished(w.admin, run.ID)
	if run.State != chat.Interrupted || !strings.Contains(data[chat.EndData](t, events, chat.TypeEnd).Message, "Stopped") {
		t.Errorf("%s %v", run.State, types(events))
	}
	if err := second.Stop(t.Context(), w.admin, run.ID); err != nil {
		t.Errorf("stopping what is over: %v", err)
	}
	run = w.awaits(w.admin, "scale checkout to 5")
	if err := second.Stop(t.Context(), w.admin, run.ID); err != nil {
		t.Fatal(err)
	}
	if run, _ = w.finished(w.admin, run.ID); run.State != chat.Interrupted || run.Approval.Decision != chat.Declined {
		t.Errorf("%+v", run)
	}
}

func TestAStoppedChangeSaysWhatWasFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := w.awaits(w.admin, "scale checkout to 5")
	hold := w.at.Hold("execute")
	defer hold.Release()
	if _, err := w.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, ""); err != nil {
		t.Fatal(err)
	}
	<-hold.Entered
	if err := w.Stop(t.Context(), w.admin, run.ID); err != nil {
		t.Fatal(err)
	}
	run, events := w.finished(w.admin, run.ID)
	if got := data[chat.Text](t, events, chat.TypeText); run.State != chat.Interrupted || !strings.Contains(got.Text, "it was not done") {
		t.Errorf("%s %q", run.State, got.Text)
	}
}

func TestAReplicaThatStopsFinishesItsChangesAndInterruptsItsReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reader := w.start(func(c *chat.Config) { c.Grace = 20 * time.Second })
	run := w.awaits(w.admin, "scale checkout to 5")
	hold := w.at.Hold("execute")
	if _, err := reader.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, ""); err != nil {
		t.Fatal(err)
	}
	<-hold.Entered
	c := w.converse(w.admin)
	read, err := reader.Start(t.Context(), w.admin, c, "list deployments in shop", "")
	if err != nil {
		t.Fatal(err)
	}
	<-hold.Entered
	stopped := make(chan struct{})
	go func() { reader.stop(); close(stopped) }()
	if read, _ = w.finished(w.admin, read.ID); read.State != chat.Interrupted {
		t.Errorf("the read: %s", read.State)
	}
	hold.Release()
	<-stopped
	if run, _ = w.run(w.admin, run.ID); run.State != chat.Done || w.at.Replicas("checkout") != 5 {
		t.Errorf("the change: %s, %d", run.State, w.at.Replicas("checkout"))
	}
	_, err = reader.Start(t.Context(), w.admin, c, "list deployments in shop", "")
	wantProblem(t, err, problem.Unavailable, "stopping")
}

func TestAFollowerIsLetGoWhenItsReplicaStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := w.awaits(w.admin, "scale checkout to 5")
	stream, err := w.Events(context.WithoutCancel(t.Context()), w.admin, run.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.stop()
	last := chat.Event{}
	for e := range stream {
		last = e
	}
	if last.Type == chat.TypeEnd {
		t.Error("the run ended")
	}
}

func TestASlowClusterHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	small := w.start(func(c *chat.Config) { c.PerCluster, c.Queue = 2, 5 })
	other, err := w.clusters.Create(t.Context(), w.admin, "other")
	if err != nil {
		t.Fatal(err)
	}
	hold := w.at.Hold("execute")
	ask := func(c chat.ConversationID) (chat.Run, error) {
		return small.Start(t.Context(), w.admin, c, "list deployments in shop", "")
	}
	slow := w.converse(w.admin)
	for range 4 {
		if _, err := ask(slow); err != nil {
			t.Fatal(err)
		}
	}
	<-hold.Entered
	<-hold.Entered
	elsewhere, err := small.Create(t.Context(), w.admin, other.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(elsewhere.ID); err != nil {
		t.Fatal(err)
	}
	<-hold.Entered // the third that is let through is the other cluster's
	_, err = ask(slow)
	wantProblem(t, err, problem.Limited, "busy")
	hold.Release()
	_, runs, err := w.Get(t.Context(), w.admin, slow)
	if err != nil || len(runs) != 4 {
		t.Fatalf("%d runs, %v", len(runs), err)
	}
	for _, r := range runs {
		if r, _ = w.finished(w.admin, r.ID); r.State != chat.Done {
			t.Errorf("%s", r.State)
		}
	}
}

func TestAConversationIsNotDeletedUnderARun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hold := w.at.Hold("execute")
	run := w.ask(w.admin, "list deployments in shop")
	<-hold.Entered
	wantProblem(t, w.Delete(t.Context(), w.admin, run.Conversation), problem.Conflict, "run_active")
	hold.Release()
	w.finished(w.admin, run.ID)
	if err := w.Delete(t.Context(), w.admin, run.Conversation); err != nil {
		t.Error(err)
	}
}

func TestEveryRunEndsWhileTheDatabaseComesAndGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var runs []chat.RunID
	c := w.converse(w.admin)
	for i := range 5 {
		eventually(t, "an accepted question", func() bool {
			run, err := w.Start(t.Context(), w.admin, c, "list deployments in shop", fmt.Sprint(i))
			if err == nil {
				runs = append(runs, run.ID)
			}
			return err == nil
		})
		w.Exec(t, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = 'kc_app'`)
	}
	for _, id := range runs {
		eventually(t, "the run's end", func() bool {
			run, _, err := w.GetRun(t.Context(), w.admin, id)
			return err == nil && slices.Contains([]chat.State{chat.Done, chat.Failed, chat.Interrupted}, run.State)
		})
	}
}
