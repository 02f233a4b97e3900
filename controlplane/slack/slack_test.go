package slack_test

import (
	"encoding/base64"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/account"
	"github.com/kubechat/kubechat/controlplane/assist/settings"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/slack"
	"github.com/kubechat/kubechat/controlplane/slack/slacktest"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// The example of Slack's documentation, "Verifying requests from Slack", byte for byte.
const (
	docsSecret    = "8f742231b10e8888abcd99yyyzzz85a5"
	docsTimestamp = "1531420618"
	docsSignature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
	docsBody      = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	docsTeam      = "T1DC2JH3J"
)

func docsTime() time.Time {
	at, _ := strconv.ParseInt(docsTimestamp, 10, 64)
	return time.Unix(at, 0)
}

type world struct {
	*slack.Service
	db          *storetest.Database
	acme, other tenant.Scope

	mu  sync.Mutex // guards at
	now time.Time
}

func (w *world) at(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = t
}

func newWorld(t *testing.T) *world {
	t.Helper()
	d := storetest.New(t)
	vault, err := settings.ParseVault([]byte(base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{db: d, acme: storetest.Tenant(t, d.DB, "acme"), other: storetest.Tenant(t, d.DB, "other"), now: docsTime()}
	w.Service = slack.New(slack.Config{
		Store: d.DB.Slack(), Members: account.New(account.Config{Store: d.DB.Accounts()}), Sealer: vault.For("slack signing secret"),
		Now: func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now },
	})
	return w
}

func (w *world) connect(t *testing.T, who tenant.Scope, team, secret string) {
	t.Helper()
	if _, err := w.Put(t.Context(), who, slack.Change{Team: slack.TeamID(team), Secret: &secret}); err != nil {
		t.Fatal(err)
	}
}

func docs() slack.Signed {
	return slack.Signed{Team: docsTeam, Timestamp: docsTimestamp, Signature: docsSignature, Body: []byte(docsBody)}
}

func TestSlacksOwnExampleIsBelievedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect(t, w.acme, docsTeam, docsSecret)
	if got := slacktest.Sign(docsSecret, docsTimestamp, []byte(docsBody)); got != docsSignature {
		t.Errorf("the tests' own signer says %s", got)
	}
	got, err := w.Verify(t.Context(), docs())
	if err != nil || got.Tenant != w.acme.Tenant || got.Slug != "acme" {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := w.Verify(t.Context(), docs()); !problem.Is(err, problem.Unauthenticated) {
		t.Errorf("the same request again: %v", err)
	}
}

func TestWhatIsNotSignedByItsWorkspaceNowIsRefusedAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect(t, w.acme, docsTeam, docsSecret)
	w.connect(t, w.other, "T0OTHER", "another-secret-entirely")
	said := map[string]bool{}
	for name, c := range map[string]struct {
		change func(*slack.Signed)
		late   time.Duration
	}{
		"another body":             {change: func(s *slack.Signed) { s.Body = append(s.Body, '&') }},
		"another user in it":       {change: func(s *slack.Signed) { s.Body = []byte(strings.Replace(docsBody, "U2CERLKJA", "U2CERLKJB", 1)) }},
		"another time":             {change: func(s *slack.Signed) { s.Timestamp = "1531420619" }},
		"no time":                  {change: func(s *slack.Signed) { s.Timestamp = "" }},
		"another signature":        {change: func(s *slack.Signed) { s.Signature = docsSignature[:len(docsSignature)-1] + "4" }},
		"no signature":             {change: func(s *slack.Signed) { s.Signature = "" }},
		"another scheme":           {change: func(s *slack.Signed) { s.Signature = "v1" + docsSignature[2:] }},
		"capital letters":          {change: func(s *slack.Signed) { s.Signature = "v0=" + strings.ToUpper(docsSignature[3:]) }},
		"another tenant's team":    {change: func(s *slack.Signed) { s.Team = "T0OTHER" }},
		"nobody's team":            {change: func(s *slack.Signed) { s.Team = "T0NOBODY" }},
		"signed by another tenant": {change: func(s *slack.Signed) { s.Signature = slacktest.Sign("another-secret-entirely", s.Timestamp, s.Body) }},
		"too old":                  {change: func(*slack.Signed) {}, late: slack.Window + time.Second},
		"from the future":          {change: func(*slack.Signed) {}, late: -slack.Window - time.Second},
	} {
		w.at(docsTime().Add(c.late))
		in := docs()
		c.change(&in)
		_, err := w.Verify(t.Context(), in)
		if !problem.Is(err, problem.Unauthenticated) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		said[err.Error()] = true
	}
	if len(said) != 1 {
		t.Errorf("refusals tell apart: %v", said)
	}
	w.at(docsTime().Add(slack.Window))
	if _, err := w.Verify(t.Context(), docs()); err != nil {
		t.Errorf("at the end of the window: %v", err)
	}
}

func TestASecretThatWasChangedOrRemovedSignsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect(t, w.acme, docsTeam, docsSecret)
	w.connect(t, w.acme, docsTeam, "a-newer-secret-of-slack")
	if _, err := w.Verify(t.Context(), docs()); !problem.Is(err, problem.Unauthenticated) {
		t.Errorf("the secret before: %v", err)
	}
	if err := w.Delete(t.Context(), w.acme); err != nil {
		t.Fatal(err)
	}
	in := docs()
	in.Signature = slacktest.Sign("a-newer-secret-of-slack", in.Timestamp, in.Body)
	if _, err := w.Verify(t.Context(), in); !problem.Is(err, problem.Unauthenticated) {
		t.Errorf("a workspace that was disconnected: %v", err)
	}
}

func TestACodeLinksItsSlackUserOnceAndInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect(t, w.acme, docsTeam, docsSecret)
	ws := slack.Workspace{Tenant: w.acme.Tenant, Slug: "acme", Team: docsTeam}
	ada := slack.Person{Team: docsTeam, User: "U0ADA", Name: "ada"}
	code := func() string {
		t.Helper()
		c, err := w.NewCode(t.Context(), ws, ada)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if _, _, err := w.Who(t.Context(), ws, ada); !problem.Is(err, problem.Unauthenticated) {
		t.Errorf("before: %v", err)
	}
	replaced, good := code(), code()
	if _, err := w.Confirm(t.Context(), w.acme, replaced); !problem.Is(err, problem.NotFound) {
		t.Errorf("a code that a newer one replaced: %v", err)
	}
	if _, err := w.Confirm(t.Context(), w.other, good); !problem.Is(err, problem.NotFound) {
		t.Errorf("in another tenant: %v", err)
	}
	program := w.acme
	program.Via = tenant.ViaToken
	if _, err := w.Confirm(t.Context(), program, good); !problem.Is(err, problem.Invalid) {
		t.Errorf("by a program: %v", err)
	}
	var wins sync.WaitGroup
	results := make(chan error, 4) // one for each
	for range 4 {
		wins.Go(func() { _, err := w.Confirm(t.Context(), w.acme, good); results <- err })
	}
	wins.Wait()
	close(results)
	won := 0
	for err := range results {
		if err == nil {
			won++
		} else if !problem.Is(err, problem.NotFound) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("one code was good %d times", won)
	}
	scope, link, err := w.Who(t.Context(), ws, ada)
	if err != nil || scope.Member != w.acme.Member || scope.Via != tenant.ViaSlack || scope.Login != link.ID || scope.Role != tenant.Admin {
		t.Errorf("%+v, %v", scope, err)
	}
	stranger := ada
	stranger.Team = "T0OTHER"
	if _, _, err := w.Who(t.Context(), ws, stranger); !problem.Is(err, problem.Unauthenticated) {
		t.Errorf("the same user id in another workspace: %v", err)
	}
	late := code()
	w.at(docsTime().Add(slack.CodeLife))
	if _, err := w.Confirm(t.Context(), w.acme, late); !problem.Is(err, problem.NotFound) {
		t.Errorf("too late: %v", err)
	}
}

func TestWhoHasLeftActsNoLonger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect(t, w.acme, docsTeam, docsSecret)
	ws := slack.Workspace{Tenant: w.acme.Tenant, Slug: "acme", Team: docsTeam}
	bea := storetest.Member(t, w.db.DB, w.acme, "bea@acme.test", tenant.User)
	who := slack.Person{Team: docsTeam, User: "U0BEA"}
	code, err := w.NewCode(t.Context(), ws, who)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Confirm(t.Context(), bea, code); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Who(t.Context(), ws, who); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.DB.Accounts().Deactivate(t.Context(), w.acme, bea.Member); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Who(t.Context(), ws, who); !problem.Is(err, problem.Unauthenticated) {
		t.Errorf("a member who has left: %v", err)
	}
}

func TestAnotherWorkspaceEndsTheLinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect(t, w.acme, docsTeam, docsSecret)
	ws := slack.Workspace{Tenant: w.acme.Tenant, Slug: "acme", Team: docsTeam}
	code, err := w.NewCode(t.Context(), ws, slack.Person{Team: docsTeam, User: "U0ADA"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Confirm(t.Context(), w.acme, code); err != nil {
		t.Fatal(err)
	}
	w.connect(t, w.acme, "T0NEW", docsSecret)
	if all, err := w.Links(t.Context(), w.acme); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}
