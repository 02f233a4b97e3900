package signin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/account"
	"github.com/kubechat/kubechat/controlplane/login"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/signin"
	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

var _ signin.Store = store.Logins{}

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

type world struct {
	db      *storetest.Database
	clock   *clock
	service *signin.Service
	acme    tenant.Scope
	globex  tenant.Scope
}

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{db: storetest.New(t), clock: &clock{t: time.Now().Truncate(time.Second)}}
	w.service = signin.New(signin.Config{Store: w.db.DB.Logins(), Secure: true, Now: w.clock.now})
	w.acme = storetest.Tenant(t, w.db.DB, "acme")
	w.globex = storetest.Tenant(t, w.db.DB, "globex")
	return w
}

func (w *world) token(t *testing.T, scope tenant.Scope) (login.Token, login.Secret) {
	t.Helper()
	tok, secret, err := w.service.CreateToken(t.Context(), scope, "test", w.clock.now().Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return tok, secret
}

// browser is a cookie jar that does what the service says.
type browser struct{ cookies map[string]*http.Cookie }

func (b *browser) request(t *testing.T) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://kubechat.test/", nil)
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	return r
}

func (b *browser) take(rec *httptest.ResponseRecorder) {
	if b.cookies == nil {
		b.cookies = map[string]*http.Cookie{}
	}
	for _, c := range rec.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c
	}
}

func (b *browser) signIn(t *testing.T, w *world, secret login.Secret) login.Holder {
	t.Helper()
	rec := httptest.NewRecorder()
	h, err := w.service.SignInWithToken(rec, b.request(t), secret)
	if err != nil {
		t.Fatal(err)
	}
	b.take(rec)
	return h
}

func withToken(t *testing.T, secret login.Secret) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://kubechat.test/", nil)
	r.Header.Set("Authorization", "Bearer "+secret.Reveal())
	return r
}

func wantKind(t *testing.T, err error, kind problem.Kind) {
	t.Helper()
	if !problem.Is(err, kind) {
		t.Fatalf("got %v, want a problem of kind %s", err, kind)
	}
}

func TestTokenGivesItsMembersScope(t *testing.T) {
	t.Parallel()
	w := setup(t)
	tok, secret := w.token(t, w.acme)
	got, err := w.service.Scope(withToken(t, secret), "acme")
	if err != nil {
		t.Fatal(err)
	}
	want := w.acme
	want.Login, want.Via = tok.ID, tenant.ViaToken
	if got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

func TestSomebodyFromElsewhereLearnsNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, secret := w.token(t, w.globex)
	b := &browser{}
	b.signIn(t, w, secret)
	for name, r := range map[string]*http.Request{"token": withToken(t, secret), "login": b.request(t)} {
		_, theirs := w.service.Scope(r, "acme")
		_, nobodys := w.service.Scope(r, "no-such-tenant")
		wantKind(t, theirs, problem.NotFound)
		if theirs.Error() != nobodys.Error() {
			t.Errorf("%s: %q for a tenant that exists, %q for one that does not", name, theirs, nobodys)
		}
	}
}

func TestNobodyIsAskedToSignInWhateverTheTenant(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, slug := range []string{"acme", "no-such-tenant"} {
		_, err := w.service.Scope((&browser{}).request(t), slug)
		wantKind(t, err, problem.Unauthenticated)
		_, err = w.service.Scope(withToken(t, login.NewTokenSecret()), slug)
		wantKind(t, err, problem.Unauthenticated)
		_, err = w.service.Scope(withToken(t, "kcp_short"), slug)
		wantKind(t, err, problem.Unauthenticated)
	}
}

func TestBrowserHoldsTwoTenantsAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, a := w.token(t, w.acme)
	_, g := w.token(t, w.globex)
	b := &browser{}
	b.signIn(t, w, a)
	b.signIn(t, w, g)
	for _, slug := range []string{"acme", "globex"} {
		got, err := w.service.Scope(b.request(t), slug)
		if err != nil || got.Slug != slug {
			t.Fatalf("%s: %+v, %v", slug, got, err)
		}
	}
	hs, err := w.service.Holders(b.request(t))
	if err != nil || len(hs) != 2 {
		t.Fatalf("%d logins, %v; want 2", len(hs), err)
	}
}

func TestLoginCookieIsOutOfReachOfScriptsAndOtherSites(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, secret := w.token(t, w.acme)
	b := &browser{}
	b.signIn(t, w, secret)
	for name, c := range b.cookies {
		if !strings.HasPrefix(name, "__Host-kc_") || len(name) != len("__Host-kc_")+12 {
			t.Errorf("name %q", name)
		}
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("cookie %+v", c)
		}
	}
}

func TestLoginEndsWhenUnusedAndAtTheLatestAfterTwelveHours(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, secret := w.token(t, w.acme)
	b := &browser{}
	b.signIn(t, w, secret)

	w.clock.forward(login.Idle - time.Minute)
	if _, err := w.service.Scope(b.request(t), "acme"); err != nil {
		t.Fatalf("just before the idle limit: %v", err)
	}
	w.clock.forward(login.Idle - time.Minute) // counted from the use above
	if _, err := w.service.Scope(b.request(t), "acme"); err != nil {
		t.Fatalf("used meanwhile: %v", err)
	}
	w.clock.forward(login.Idle)
	_, err := w.service.Scope(b.request(t), "acme")
	wantKind(t, err, problem.Unauthenticated)

	b = &browser{}
	b.signIn(t, w, secret)
	for used := time.Duration(0); used < login.Absolute; used += login.Idle / 2 {
		if _, err := w.service.Scope(b.request(t), "acme"); err != nil {
			t.Fatalf("after %s: %v", used, err)
		}
		w.clock.forward(login.Idle / 2)
	}
	_, err = w.service.Scope(b.request(t), "acme")
	wantKind(t, err, problem.Unauthenticated)
}

func TestOpenPageKeepsNoLoginAlive(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, secret := w.token(t, w.acme)
	b := &browser{}
	scope := b.signIn(t, w, secret).Scope
	for range 5 {
		w.clock.forward(login.Idle / 6)
		if err := w.service.Check(t.Context(), scope); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.forward(login.Idle / 6)
	if err := w.service.Check(t.Context(), scope); err == nil {
		t.Fatal("the login still holds, though nobody has used it")
	}
}

func TestSignOutWorksAtOnceAndEverywhere(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, secret := w.token(t, w.acme)
	b := &browser{}
	scope := b.signIn(t, w, secret).Scope
	stolen := b.request(t)
	rec := httptest.NewRecorder()
	if err := w.service.SignOut(rec, b.request(t), scope); err != nil {
		t.Fatal(err)
	}
	b.take(rec)
	if len(b.cookies) != 0 {
		t.Error("the cookie was not taken back")
	}
	_, err := w.service.Scope(stolen, "acme")
	wantKind(t, err, problem.Unauthenticated)
	if err := w.service.Check(t.Context(), scope); err == nil {
		t.Error("an open stream goes on after the sign-out")
	}
}

func TestSigningInAgainEndsTheLoginBefore(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, secret := w.token(t, w.acme)
	b := &browser{}
	b.signIn(t, w, secret)
	before := b.request(t)
	b.signIn(t, w, secret)
	_, err := w.service.Scope(before, "acme")
	wantKind(t, err, problem.Unauthenticated)
	if _, err := w.service.Scope(b.request(t), "acme"); err != nil {
		t.Fatal(err)
	}
}

func TestCookieUnderAnotherTenantsNameIsIgnored(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, a := w.token(t, w.acme)
	_, g := w.token(t, w.globex)
	victim, attacker := &browser{}, &browser{}
	victim.signIn(t, w, a)
	attacker.signIn(t, w, g)
	for name := range victim.cookies {
		for _, c := range attacker.cookies {
			planted := *c
			planted.Name = name
			victim.cookies[name] = &planted
		}
	}
	for _, slug := range []string{"acme", "globex"} {
		_, err := w.service.Scope(victim.request(t), slug)
		wantKind(t, err, problem.Unauthenticated)
	}
}

func TestSingleUseTokenOpensOneLoginHoweverManyTry(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, secret, err := w.service.CreateSingleUse(t.Context(), w.acme, "first admin", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.service.Scope(withToken(t, secret), "acme")
	wantKind(t, err, problem.Unauthenticated) // it is good for nothing but signing in

	var wg sync.WaitGroup
	results := make(chan error, 8) // one slot per try
	for range cap(results) {
		wg.Go(func() {
			_, err := w.service.SignInWithToken(httptest.NewRecorder(), (&browser{}).request(t), secret)
			results <- err
		})
	}
	wg.Wait()
	close(results)
	won := 0
	for err := range results {
		if err == nil {
			won++
			continue
		}
		wantKind(t, err, problem.Unauthenticated)
	}
	if won != 1 {
		t.Fatalf("%d logins from one single-use token", won)
	}
}

func TestRevokedTokenEndsTheLoginsItOpened(t *testing.T) {
	t.Parallel()
	w := setup(t)
	tok, secret := w.token(t, w.acme)
	b := &browser{}
	b.signIn(t, w, secret)
	if err := w.service.RevokeToken(t.Context(), w.acme, tok.ID); err != nil {
		t.Fatal(err)
	}
	_, err := w.service.Scope(withToken(t, secret), "acme")
	wantKind(t, err, problem.Unauthenticated)
	_, err = w.service.Scope(b.request(t), "acme")
	wantKind(t, err, problem.Unauthenticated)
}

func TestTokenExpiresAndMustExpireWithinAYear(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, secret := w.token(t, w.acme)
	w.clock.forward(24 * time.Hour)
	_, err := w.service.Scope(withToken(t, secret), "acme")
	wantKind(t, err, problem.Unauthenticated)
	for _, expires := range []time.Time{{}, w.clock.now(), w.clock.now().Add(login.MaxTokenAge + time.Hour)} {
		_, _, err := w.service.CreateToken(t.Context(), w.acme, "x", expires)
		wantKind(t, err, problem.Invalid)
	}
}

func TestTokensOfOthersAreNotFound(t *testing.T) {
	t.Parallel()
	w := setup(t)
	tok, _ := w.token(t, w.acme)
	colleague := storetest.Member(t, w.db.DB, w.acme, "bea@acme.test", tenant.Admin)
	for _, scope := range []tenant.Scope{w.globex, colleague} {
		wantKind(t, w.service.RevokeToken(t.Context(), scope, tok.ID), problem.NotFound)
		ts, err := w.service.Tokens(t.Context(), scope)
		if err != nil || len(ts) != 0 {
			t.Errorf("%d tokens, %v; want none", len(ts), err)
		}
	}
	wantKind(t, w.service.RevokeToken(t.Context(), w.acme, "../etc"), problem.NotFound)
}

func TestRoleCountsFromTheNextRequestAndChangesTheSecret(t *testing.T) {
	t.Parallel()
	w := setup(t)
	bea := storetest.Member(t, w.db.DB, w.acme, "bea@acme.test", tenant.Admin)
	_, secret := w.token(t, bea)
	b := &browser{}
	opened := b.signIn(t, w, secret).Scope
	accounts := account.New(account.Config{Store: w.db.DB.Accounts()})
	if _, err := accounts.SetRole(t.Context(), w.acme, bea.Member, tenant.Viewer); err != nil {
		t.Fatal(err)
	}
	if err := w.service.Check(t.Context(), opened); err == nil {
		t.Error("a stream opened as admin goes on for a viewer")
	}
	before := b.request(t)
	scope, err := w.service.Scope(before, "acme")
	if err != nil || scope.Role != tenant.Viewer {
		t.Fatalf("role %s, %v", scope.Role, err)
	}
	rec := httptest.NewRecorder()
	if err := w.service.Refresh(rec, before, scope); err != nil {
		t.Fatal(err)
	}
	b.take(rec)
	if len(rec.Result().Cookies()) != 1 {
		t.Fatal("the secret was not changed")
	}
	if _, err := w.service.Scope(b.request(t), "acme"); err != nil {
		t.Fatalf("the new secret: %v", err)
	}
	if _, err := w.service.Scope(before, "acme"); err != nil {
		t.Fatalf("the secret of a request under way: %v", err)
	}
	w.clock.forward(login.Grace)
	_, err = w.service.Scope(before, "acme")
	wantKind(t, err, problem.Unauthenticated)
}

func TestLeavingEndsLoginsAndTokens(t *testing.T) {
	t.Parallel()
	w := setup(t)
	bea := storetest.Member(t, w.db.DB, w.acme, "bea@acme.test", tenant.User)
	_, secret := w.token(t, bea)
	b := &browser{}
	opened := b.signIn(t, w, secret).Scope
	accounts := account.New(account.Config{Store: w.db.DB.Accounts()})
	if _, err := accounts.Deactivate(t.Context(), w.acme, bea.Member); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*http.Request{withToken(t, secret), b.request(t)} {
		_, err := w.service.Scope(r, "acme")
		wantKind(t, err, problem.Unauthenticated)
	}
	if err := w.service.Check(t.Context(), opened); err == nil {
		t.Error("an open stream goes on")
	}
}

func TestDatabaseAwayIsNotASignOut(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, secret := w.token(t, w.acme)
	w.db.DB.Close()
	_, err := w.service.Scope(withToken(t, secret), "acme")
	if err == nil || problem.Is(err, problem.Unauthenticated) || problem.Is(err, problem.NotFound) {
		t.Fatalf("got %v: a page would send the person to sign in again", err)
	}
}
