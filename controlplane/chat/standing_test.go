package chat_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/chat/chattest"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// signedIn is the admin in a login of their own.
func (w *world) signedIn() tenant.Scope {
	w.t.Helper()
	scope := w.admin
	scope.Login, scope.Via = uuid.NewString(), tenant.ViaWeb
	w.Exec(w.t, `insert into login (tenant_id, login_id, member_id, secret_hash, role, created_at, seen_at, rotated_at, expires_at)
		values ($1, $2, $3, sha256(gen_random_uuid()::text::bytea), 'tenant_admin', now(), now(), now(), now() + interval '1 hour')`, scope.Tenant, scope.Login, scope.Member)
	return scope
}

// mayRemember is what the page goes by.
func (w *world) mayRemember(who tenant.Scope, run chat.Run) bool {
	w.t.Helper()
	return data[chat.ApprovalData](w.t, w.until(who, run.ID, chat.TypeApproval), chat.TypeApproval).Remember
}

func (w *world) remembers(who tenant.Scope, text string) {
	w.t.Helper()
	run := w.awaits(who, text)
	if !w.mayRemember(who, run) {
		w.t.Error("it is not said that this may be approved for the login")
	}
	if _, err := w.ApproveForLogin(w.t.Context(), who, run.ID, run.Approval.Hash, ""); err != nil {
		w.t.Fatal(err)
	}
	w.finished(who, run.ID)
}

func (w *world) refusesToRemember(who tenant.Scope, id chat.RunID, hash string) error {
	_, err := w.ApproveForLogin(w.t.Context(), who, id, hash, "")
	return err
}

// standingRecords are what the tenant's record has of standing approvals, the latest first.
func (w *world) standingRecords() (out []string) {
	for _, r := range w.records(audit.KindAdmin) {
		if what, ok := strings.CutPrefix(r.Action, "standing_approval."); ok {
			out = append(out, what+": "+r.Target.Name)
		}
	}
	return out
}

// Giving one's word is part of the approval that it is given with: where that comes to nothing, so does the other.
func TestAWordIsGivenWithItsApprovalOrNotAtAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.signedIn()
	run := w.awaits(who, "scale checkout to 5")
	w.at.Change("checkout", func(o *chattest.Object) { o.Replicas = 7 })
	wantProblem(t, w.refusesToRemember(who, run.ID, run.Approval.Hash), problem.Conflict, "preview_changed")
	if got := w.standingRecords(); len(got) != 0 {
		t.Errorf("recorded %v", got)
	}
	w.awaits(who, "scale web to 3")
	gone := who
	gone.Login = uuid.NewString() // whose login is no more can't be remembered, so that nothing is approved
	run = w.awaits(gone, "scale web to 4")
	if w.refusesToRemember(gone, run.ID, run.Approval.Hash) == nil {
		t.Error("approved without what was asked for with it")
	}
	if run, _ = w.run(who, run.ID); run.State != chat.AwaitingApproval || w.at.Replicas("web") != 1 {
		t.Errorf("%s, %d replicas", run.State, w.at.Replicas("web"))
	}
}

func TestWordsAreOnRecordWhenGivenUsedAndTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.signedIn()
	w.remembers(who, "scale checkout to 5")
	w.finished(who, w.ask(who, "scale web to 3").ID)
	for range 2 { // the second time there is nothing
		if err := w.AskAgain(t.Context(), who); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.standingRecords(); !slices.Equal(got, []string{"withdrawn: scale in shop", "used: scale in shop", "given: scale in shop"}) {
		t.Errorf("recorded %q", got)
	}
}

func TestWhatIsApprovedForALoginIsNotAskedAgainInIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.signedIn()
	w.remembers(who, "scale checkout to 5")
	run, events := w.finished(who, w.ask(who, "scale web to 3").ID)
	if got := data[chat.DecidedData](t, events, chat.TypeApproved); run.State != chat.Done || !got.Standing || w.at.Replicas("web") != 3 {
		t.Errorf("%s: %+v", run.State, got)
	}
	if !slices.Contains(types(events), chat.TypeDiff) || run.Approval.DecidedBy != who.Member {
		t.Errorf("it was not shown, or nobody's: %v", types(events))
	}
	w.awaits(who, "label deployment web team=a") // another kind of change
	w.awaits(w.signedIn(), "scale web to 4")     // another login
	w.awaits(w.admin, "scale web to 4")          // none
	if err := w.AskAgain(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	w.awaits(who, "scale web to 4")
}

func TestAWordForALoginEndsWithIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.signedIn()
	w.remembers(who, "scale checkout to 5")
	if err := w.DB.Logins().EndLogin(t.Context(), who, who.Login, time.Now()); err != nil {
		t.Fatal(err)
	}
	w.awaits(who, "scale web to 3")
	if w.at.Replicas("web") != 1 {
		t.Error("it went on after its login")
	}
}

func TestWhatDestroysIsAskedEachTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.signedIn()
	run := w.awaits(who, "delete deployment web in shop")
	if w.mayRemember(who, run) {
		t.Error("a deletion may be approved for the login")
	}
	wantProblem(t, w.refusesToRemember(who, run.ID, run.Approval.Hash), problem.Invalid, "not_standing")
	token := w.admin
	token.Via = tenant.ViaToken
	run = w.awaits(token, "scale checkout to 5")
	wantProblem(t, w.refusesToRemember(token, run.ID, run.Approval.Hash), problem.Invalid, "not_standing")
	run = w.awaits(who, "scale checkout to 5")
	wantProblem(t, w.refusesToRemember(who, run.ID, "another"), problem.Conflict, "plan_changed")
	wantProblem(t, w.refusesToRemember(newOther(t, w), run.ID, run.Approval.Hash), problem.NotFound, "")
}
