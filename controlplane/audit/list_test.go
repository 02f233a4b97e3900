package audit_test

import (
	"testing"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

func TestPagesHoldEveryRecordOnceNewestFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 7 {
		if err := w.log.Finish(t.Context(), w.admin, w.begin(t), audit.Result{Outcome: audit.Succeeded}); err != nil {
			t.Fatal(err)
		}
	}
	q, seen, last := audit.Query{Limit: 4}, map[string]bool{}, "~"
	for {
		page, err := w.log.List(t.Context(), w.admin, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			if seen[r.ID] || r.ID >= last {
				t.Errorf("record %s twice or out of order", r.ID)
			}
			seen[r.ID], last = true, r.ID
		}
		if page.Next == "" {
			break
		}
		q.After = page.Next
	}
	if want := len(w.list(t, audit.Query{})); len(seen) != want || want < 15 {
		t.Errorf("%d records in pages of 4; want %d", len(seen), want)
	}
}

func TestOnlyAnAdminSeesWhatOthersDid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.begin(t)
	user := storetest.Member(t, w.DB, w.admin, "uma@acme.test", tenant.User)
	if _, err := w.log.Begin(t.Context(), user, w.intent()); err != nil {
		t.Fatal(err)
	}
	own, err := w.log.List(t.Context(), user, audit.Query{})
	if err != nil || len(own.Records) != 1 || own.Records[0].Actor.ID != user.Member {
		t.Errorf("a user sees %+v, %v; want the own record only", own.Records, err)
	}
	if _, err := w.log.List(t.Context(), user, audit.Query{Member: w.admin.Member}); !problem.Is(err, problem.Forbidden) {
		t.Errorf("asking for another's: %v", err)
	}
	if _, err := w.log.List(t.Context(), tenant.Scope{Tenant: w.admin.Tenant}, audit.Query{}); !problem.Is(err, problem.Forbidden) {
		t.Errorf("without a role: %v", err)
	}
	if got := w.list(t, audit.Query{Member: user.Member, Kind: audit.KindIntent}); len(got) != 1 {
		t.Errorf("an admin asking for the user's: %+v", got)
	}
	other := storetest.Tenant(t, w.DB, "other")
	if page, err := w.log.List(t.Context(), other, audit.Query{Cluster: w.cluster}); err != nil || len(page.Records) != 0 {
		t.Errorf("another tenant sees %+v, %v", page.Records, err)
	}
}

func TestQueriesThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		q    audit.Query
		want problem.Kind
	}{
		"limit too small": {audit.Query{Limit: -1}, problem.Invalid}, "limit too large": {audit.Query{Limit: 201}, problem.Invalid},
		"kind": {audit.Query{Kind: "x' or true --"}, problem.Invalid}, "after": {audit.Query{After: "x' or true --"}, problem.Invalid},
		"cluster": {audit.Query{Cluster: "x"}, problem.NotFound}, "member": {audit.Query{Member: "x"}, problem.NotFound},
	} {
		if _, err := w.log.List(t.Context(), w.admin, c.q); !problem.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAdminRecordOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.log.Admin(t.Context(), w.admin, "tenant.exported", "everything"); err != nil {
		t.Fatal(err)
	}
	if got := w.list(t, audit.Query{Kind: audit.KindAdmin})[0]; got.Action != "tenant.exported" || got.Target.Name != "everything" {
		t.Errorf("%+v", got)
	}
}
