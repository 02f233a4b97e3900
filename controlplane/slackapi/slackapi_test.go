package slackapi_test

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/chat/chattest"
	"github.com/kubechat/kubechat/controlplane/slack/slacktest"
	"github.com/kubechat/kubechat/controlplane/slackapi"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

func contains(t *testing.T, s string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(s, want) {
			t.Errorf("no %q in %s", want, s)
		}
	}
}

func lacks(t *testing.T, s string, unwanted ...string) {
	t.Helper()
	for _, u := range unwanted {
		if strings.Contains(s, u) {
			t.Errorf("there is %q in %s", u, s)
		}
	}
}

func TestFromLinkToApprovedChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	link := w.link(ada, w.admin)
	contains(t, w.says(ada, "clusters"), "staging")
	got := w.asks(ada, "list deployments in shop")
	contains(t, got, "checkout", "kubectl get deployments", public+"/t/acme/chat/", `"response_type":"ephemeral"`)
	card := w.asks(ada, "scale checkout in shop to 3")
	contains(t, card, "kubectl scale", `"Approve"`, `"Decline"`)
	if n := w.at.Replicas("checkout"); n != 2 {
		t.Fatalf("it was done before it was approved: %d", n)
	}
	value := buttons(t, card)
	w.presses(ada, "approve", value)
	contains(t, w.answer(), "Approved", `"replace_original":true`)
	contains(t, w.answer(), "succeeded", "/kubechat undo that")
	if n := w.at.Replicas("checkout"); n != 3 {
		t.Errorf("%d replicas", n)
	}
	w.presses(ada, "approve", value) // a second press
	contains(t, w.answer(), "awaits no approval any more")

	var via, member, login string
	err := w.db.DB.InTenant(t.Context(), w.admin.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select via, actor_id::text, login_id from audit_record where kind = 'intent'`).Scan(&via, &member, &login)
	})
	if err != nil || via != string(tenant.ViaSlack) || member != string(w.admin.Member) || login != link.ID {
		t.Errorf("the audit has %q of %q by %q, and not %q: %v", via, member, login, link.ID, err)
	}
}

func TestWhoIsNotLinkedLearnsHowAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, text := range []string{"", "help", "clusters", "use staging", "unlink", "list deployments in shop"} {
		got := w.says("U0NOBODY", text)
		contains(t, got, "/kubechat link")
		lacks(t, got, "staging", "shop", "KUBERNETES")
	}
}

func TestALinkEndsAtOnceWithTheMemberOrByTheirWord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bea := storetest.Member(t, w.db.DB, w.admin, "bea@acme.test", tenant.User)
	w.link(ada, w.admin)
	w.link("U0BEA", bea)
	contains(t, w.says("U0BEA", "clusters"), "staging")
	must(w.accounts.Deactivate(t.Context(), w.admin, bea.Member))(t)
	lacks(t, w.says("U0BEA", "clusters"), "staging")
	contains(t, w.says(ada, "unlink"), "no longer linked")
	lacks(t, w.says(ada, "clusters"), "staging")
}

func TestAnAnswerIsWithheldFromWhoHasLeftMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bea := storetest.Member(t, w.db.DB, w.admin, "bea@acme.test", tenant.User)
	w.link("U0BEA", bea)
	held := w.at.Hold("vocabulary")
	w.begins("U0BEA", "list deployments in shop")
	select {
	case <-held.Entered:
	case a := <-w.answers:
		t.Fatalf("answered before it looked: %s", a)
	}
	must(w.accounts.Deactivate(t.Context(), w.admin, bea.Member))(t)
	held.Release()
	w.stop() // waits for what is under way
	select {
	case a := <-w.answers:
		t.Errorf("sent all the same: %s", a)
	default:
	}
}

func TestOnlyWhoWasAskedMayPress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bea := storetest.Member(t, w.db.DB, w.admin, "bea@acme.test", tenant.Admin)
	w.link(ada, w.admin)
	w.link("U0BEA", bea)
	value := buttons(t, w.asks(ada, "scale checkout in shop to 3"))
	w.presses("U0BEA", "approve", value)
	contains(t, w.answer(), "Only who asked")
	w.presses("U0BEA", "approve", strings.Replace(value, ada, "U0BEA", 1)) // as only who knows the secret could
	lacks(t, w.answer(), "Approved")
	w.presses("U0NOBODY", "approve", value)
	contains(t, w.answer(), "not linked")
	w.presses(ada, "approve", strings.Replace(value, "|"+ada, "0|"+ada, 1)) // another plan's hash
	lacks(t, w.answer(), "It is being done")
	if n := w.at.Replicas("checkout"); n != 2 {
		t.Errorf("%d replicas", n)
	}
	w.presses(ada, "decline", value)
	contains(t, w.answer(), "Declined")
	w.presses(ada, "approve", value)
	contains(t, w.answer(), "awaits no approval any more")
	if n := w.at.Replicas("checkout"); n != 2 {
		t.Errorf("%d replicas", n)
	}
}

func TestACardOfAClusterThatMovedOnIsShownAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.link(ada, w.admin)
	value := buttons(t, w.asks(ada, "scale checkout in shop to 3"))
	w.at.Change("checkout", func(o *chattest.Object) { o.Replicas = 7 })
	w.presses(ada, "approve", value)
	again := w.answer()
	contains(t, again, "changed since the preview", `"replace_original":true`)
	if n := w.at.Replicas("checkout"); n != 7 {
		t.Fatalf("%d replicas", n)
	}
	w.presses(ada, "approve", buttons(t, again))
	contains(t, w.answer(), "Approved")
	contains(t, w.answer(), "succeeded")
	if n := w.at.Replicas("checkout"); n != 3 {
		t.Errorf("%d replicas", n)
	}
}

func TestWhatDestroysIsDecidedInTheWeb(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.link(ada, w.admin)
	mutating := buttons(t, w.asks(ada, "scale checkout in shop to 3"))
	card := w.asks(ada, "delete deployment web in shop")
	contains(t, card, "Decide in KubeChat", "kubectl delete")
	lacks(t, card, `"Approve"`, `"actions"`)
	// a button that was made up for it is of no use either
	run := strings.Split(strings.SplitAfter(card, "?run=")[1], "|")[0]
	parts := strings.Split(mutating, "|")
	w.presses(ada, "approve", strings.Join([]string{parts[0], run, parts[2], ada}, "|"))
	contains(t, w.answer(), "Decide in KubeChat")
	if n := w.at.Replicas("web"); n != 1 {
		t.Errorf("%d replicas", n)
	}
}

func TestClusterDataIsNeitherMarkupNorMentionNorSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.link(ada, w.admin)
	w.at.Change("checkout", func(o *chattest.Object) {
		o.Note = "<!channel> <@U0ADA> <https://evil.example|click> ```*bold*"
	})
	w.at.Change("web", func(o *chattest.Object) { o.Note = "password=hunter2hunter2 & ``` \u202etxt" })
	got := w.asks(ada, "list deployments in shop")
	contains(t, got, "&lt;!channel&gt;", "&lt;@U0ADA&gt;")
	lacks(t, got, "<!channel", "<@U0ADA", "<https://evil", "hunter2", "\u202e")
	if strings.Count(got, "```") != 2*strings.Count(got, `"text":"`+"```") {
		t.Errorf("a fence was ended from inside: %s", got)
	}
}

func TestQuestionsGoToTheClusterThatWasChosen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.link(ada, w.admin)
	must(w.clusters.Create(t.Context(), w.admin, "prod"))(t)
	contains(t, w.asks(ada, "list deployments in shop"), "/kubechat use CLUSTER")
	contains(t, w.says(ada, "use nowhere"), "no cluster of that name")
	contains(t, w.says(ada, "use staging"), "staging")
	first := w.asks(ada, "list deployments in shop")
	contains(t, first, "checkout", "In staging")
	w.db.Exec(t, `delete from conversation`) // as its member may, in the web
	contains(t, w.asks(ada, "list deployments in shop"), "checkout")
}

func TestRequestsThatProveNothingGetNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.link(ada, w.admin)
	body := url.Values{"team_id": {team}, "user_id": {ada}, "text": {"clusters"}}.Encode()
	now := strconv.FormatInt(time.Now().Unix(), 10)
	old := strconv.FormatInt(time.Now().Add(-time.Hour).Unix(), 10)
	good := slacktest.Sign(secret, now, []byte(body))
	if rec := w.send(slackapi.CommandsPath, body, now, good); rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	for name, c := range map[string]struct {
		path, body, at, signature string
		want                      int
	}{
		"a replay":           {slackapi.CommandsPath, body, now, good, http.StatusUnauthorized},
		"tampered":           {slackapi.CommandsPath, body + "x", now, good, http.StatusUnauthorized},
		"old":                {slackapi.CommandsPath, body, old, slacktest.Sign(secret, old, []byte(body)), http.StatusUnauthorized},
		"unsigned press":     {slackapi.InteractionsPath, "payload=%7B%22team%22%3A%7B%22id%22%3A%22T0ACME%22%7D%7D", now, good, http.StatusUnauthorized},
		"no JSON":            {slackapi.InteractionsPath, "payload=x", now, good, http.StatusUnprocessableEntity},
		"too large":          {slackapi.CommandsPath, "text=" + strings.Repeat("x", 300<<10), now, good, http.StatusRequestEntityTooLarge},
		"an address of none": {"/slack/other", body, now, good, http.StatusNotFound},
	} {
		rec := w.send(c.path, c.body, c.at, c.signature)
		if rec.Code != c.want || strings.Contains(rec.Body.String(), "staging") {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
}

func TestAnswersGoToSlackAndNowhereElse(t *testing.T) {
	t.Parallel()
	if err := slackapi.CheckAddress("https://hooks.slack.com/commands/T1/2/3"); err != nil {
		t.Error(err)
	}
	for _, address := range []string{
		"", "http://hooks.slack.com/x", "https://hooks.slack.com.evil.example/x", "https://evil.example/hooks.slack.com", "https://user@hooks.slack.com/x",
		"https://hooks.slack.com:8443/x", "https://hooks.slack.com@evil.example/", "//hooks.slack.com/x", "https://127.0.0.1/x", "https:hooks.slack.com/x",
		"https://hooks.slack.com/" + strings.Repeat("x", 600), "https://HOOKS.slack.com./x",
	} {
		if err := slackapi.CheckAddress(address); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
	w := newWorld(t)
	w.link(ada, w.admin)
	rec := w.post(slackapi.CommandsPath, url.Values{
		"team_id": {team}, "user_id": {ada}, "text": {"list deployments in shop"}, "response_url": {"https://evil.example/x"},
	})
	contains(t, rec.Body.String(), "nothing was asked")
	w.post(slackapi.CommandsPath, url.Values{
		"team_id": {team}, "user_id": {ada}, "text": {"list deployments in shop"}, "response_url": {w.hooks.URL + "/redirect"},
	})
	w.stop()
	select {
	case a := <-w.answers:
		t.Errorf("a redirect was followed: %s", a)
	default:
	}
}
