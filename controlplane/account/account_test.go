package account_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kubechat/kubechat/controlplane/account"
	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

func newWorld(t *testing.T) (*storetest.Database, *account.Service, tenant.Scope) {
	t.Helper()
	d := storetest.New(t)
	return d, account.New(account.Config{Store: d.DB.Accounts()}), storetest.Tenant(t, d.DB, "acme")
}

func TestTenantBeginsWithOneAdmin(t *testing.T) {
	t.Parallel()
	_, s, admin := newWorld(t)
	if admin.Role != tenant.Admin || admin.Slug != "acme" || admin.Email != "admin@acme.test" {
		t.Errorf("scope %+v", admin)
	}
	got, err := s.Tenant(t.Context(), admin)
	if err != nil || got.ID != admin.Tenant || got.Slug != "acme" || got.CreatedAt.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	if id, err := s.FindTenant(t.Context(), "acme"); err != nil || id != admin.Tenant {
		t.Errorf("found %q, %v", id, err)
	}
	for _, slug := range []string{"nobody", "", "ACME", "acme'--"} {
		if _, err := s.FindTenant(t.Context(), slug); !problem.Is(err, problem.NotFound) {
			t.Errorf("%q: %v", slug, err)
		}
	}
}

func TestTenantAndMemberNamesAreChecked(t *testing.T) {
	t.Parallel()
	_, s, admin := newWorld(t)
	good := account.NewTenant{Slug: "beta", Name: "Beta", AdminEmail: "a@beta.test", AdminName: "A"}
	for name, c := range map[string]struct {
		change func(*account.NewTenant)
		want   problem.Kind
	}{
		"slug taken":   {func(n *account.NewTenant) { n.Slug = "acme" }, problem.Conflict},
		"slug short":   {func(n *account.NewTenant) { n.Slug = "ab" }, problem.Invalid},
		"slug upper":   {func(n *account.NewTenant) { n.Slug = "Beta" }, problem.Invalid},
		"no name":      {func(n *account.NewTenant) { n.Name = " " }, problem.Invalid},
		"two lines":    {func(n *account.NewTenant) { n.Name = "a\nb" }, problem.Invalid},
		"no e-mail":    {func(n *account.NewTenant) { n.AdminEmail = "a" }, problem.Invalid},
		"named e-mail": {func(n *account.NewTenant) { n.AdminEmail = "A <a@b.test>" }, problem.Invalid},
	} {
		n := good
		c.change(&n)
		if _, _, err := s.CreateTenant(t.Context(), n); !problem.Is(err, c.want) {
			t.Errorf("%s: %v; want %s", name, err, c.want)
		}
	}
	m, err := s.Create(t.Context(), admin, account.NewMember{Email: " Uma@Acme.Test ", Name: " Uma ", Role: tenant.User})
	if err != nil || m.Email != "uma@acme.test" || m.Name != "Uma" {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := s.Create(t.Context(), admin, account.NewMember{Email: "UMA@acme.test", Name: "x", Role: tenant.User}); !problem.Is(err, problem.Conflict) {
		t.Errorf("same address again: %v", err)
	}
	if _, err := s.Create(t.Context(), admin, account.NewMember{Email: "x@acme.test", Name: "x", Role: "root"}); !problem.Is(err, problem.Invalid) {
		t.Errorf("no such role: %v", err)
	}
	if got, err := s.FindByEmail(t.Context(), admin, "UMA@ACME.TEST"); err != nil || got.ID != m.ID {
		t.Errorf("by e-mail: %+v, %v", got, err)
	}
}

func TestRolesDecideWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	d, s, admin := newWorld(t)
	user := storetest.Member(t, d.DB, admin, "uma@acme.test", tenant.User)
	viewer := storetest.Member(t, d.DB, admin, "vera@acme.test", tenant.Viewer)
	leaver := storetest.Member(t, d.DB, admin, "lea@acme.test", tenant.Viewer) // whose removal changes nobody else's lot
	may := map[string]struct {
		who  []tenant.Scope
		call func(tenant.Scope) error
	}{
		"see the tenant": {[]tenant.Scope{admin, user, viewer}, func(sc tenant.Scope) error { _, err := s.Tenant(t.Context(), sc); return err }},
		"see oneself":    {[]tenant.Scope{admin, user, viewer}, func(sc tenant.Scope) error { _, err := s.Get(t.Context(), sc, sc.Member); return err }},
		"see another":    {[]tenant.Scope{admin, user}, func(sc tenant.Scope) error { return getAnother(t, s, sc, admin, user) }},
		"list":           {[]tenant.Scope{admin, user}, func(sc tenant.Scope) error { _, err := s.List(t.Context(), sc); return err }},
		"search":         {[]tenant.Scope{admin, user}, func(sc tenant.Scope) error { _, err := s.FindByEmail(t.Context(), sc, user.Email); return err }},
		"add": {[]tenant.Scope{admin}, func(sc tenant.Scope) error {
			_, err := s.Create(t.Context(), sc, account.NewMember{Email: "new@acme.test", Name: "n", Role: tenant.User})
			return err
		}},
		"change a role": {[]tenant.Scope{admin}, func(sc tenant.Scope) error {
			_, err := s.SetRole(t.Context(), sc, viewer.Member, tenant.Viewer)
			return err
		}},
		"remove": {[]tenant.Scope{admin}, func(sc tenant.Scope) error { _, err := s.Deactivate(t.Context(), sc, leaver.Member); return err }},
	}
	for name, m := range may {
		for _, sc := range []tenant.Scope{viewer, user, admin} {
			err := m.call(sc)
			if allowed := slices.Contains(m.who, sc); allowed && err != nil || !allowed && !problem.Is(err, problem.Forbidden) {
				t.Errorf("%s by %s: %v; want allowed %t", name, sc.Role, err, allowed)
			}
		}
	}
	if err := func() error { _, err := s.Tenant(t.Context(), tenant.Scope{Tenant: admin.Tenant}); return err }(); !problem.Is(err, problem.Forbidden) {
		t.Errorf("without a role: %v", err)
	}
}

// getAnother gets a or b, whichever is not the asker.
func getAnother(t *testing.T, s *account.Service, sc, a, b tenant.Scope) error {
	t.Helper()
	other := a.Member
	if sc.Member == a.Member {
		other = b.Member
	}
	_, err := s.Get(t.Context(), sc, other)
	return err
}

func TestMemberWhoLeftHasNoScope(t *testing.T) {
	t.Parallel()
	d, s, admin := newWorld(t)
	user := storetest.Member(t, d.DB, admin, "uma@acme.test", tenant.User)
	left, err := s.Deactivate(t.Context(), admin, user.Member)
	if err != nil || left.Active() {
		t.Fatalf("%+v, %v", left, err)
	}
	if _, err := s.Scope(t.Context(), admin.Tenant, user.Member); !problem.Is(err, problem.NotFound) {
		t.Errorf("scope of who left: %v", err)
	}
	if _, err := s.SetRole(t.Context(), admin, user.Member, tenant.Admin); !problem.Is(err, problem.NotFound) {
		t.Errorf("role for who left: %v", err)
	}
	if _, err := s.Deactivate(t.Context(), admin, user.Member); !problem.Is(err, problem.NotFound) {
		t.Errorf("leaving again: %v", err)
	}
	if all, err := s.List(t.Context(), admin); err != nil || len(all) != 2 || !slices.ContainsFunc(all, func(m account.Member) bool { return !m.Active() }) {
		t.Errorf("list %+v, %v; want who left in it", all, err)
	}
}

func TestTwoAdminsCannotRemoveEachOtherAtOnce(t *testing.T) {
	t.Parallel()
	d, s, admin := newWorld(t)
	other := storetest.Member(t, d.DB, admin, "ada@acme.test", tenant.Admin)
	if _, err := s.SetRole(t.Context(), other, admin.Member, tenant.User); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetRole(t.Context(), other, other.Member, tenant.User); !problem.Is(err, problem.Conflict) {
		t.Errorf("the last admin gave the role up: %v", err)
	}
	if _, err := s.SetRole(t.Context(), other, admin.Member, tenant.Admin); err != nil {
		t.Fatal(err)
	}
	errs := make([]error, 2)
	var wait sync.WaitGroup
	wait.Go(func() { _, errs[0] = s.Deactivate(t.Context(), admin, other.Member) })
	wait.Go(func() { _, errs[1] = s.SetRole(t.Context(), other, admin.Member, tenant.User) })
	wait.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("%v, %v; want exactly one refused", errs[0], errs[1])
	}
	for _, err := range errs {
		if err != nil && !problem.Is(err, problem.Conflict) {
			t.Error(err)
		}
	}
}

func TestEveryChangeIsInAuditWithWhoMadeIt(t *testing.T) {
	t.Parallel()
	d, s, admin := newWorld(t)
	user := storetest.Member(t, d.DB, admin, "uma@acme.test", tenant.User)
	if _, err := s.SetRole(t.Context(), admin, user.Member, tenant.Viewer); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Deactivate(t.Context(), admin, user.Member); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Deactivate(t.Context(), admin, admin.Member); !problem.Is(err, problem.Conflict) {
		t.Fatal(err)
	}
	page, err := audit.New(audit.Config{Store: d.DB.Audit()}).List(t.Context(), admin, audit.Query{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range page.Records {
		got = append(got, strings.Join([]string{r.Action, r.Target.Name, r.Detail, r.Actor.Type, r.Actor.Email}, "|"))
	}
	want := []string{
		"member.deactivated|uma@acme.test||member|admin@acme.test",
		"member.role_changed|uma@acme.test|role tenant_viewer|member|admin@acme.test",
		"member.created|uma@acme.test|role tenant_user|member|admin@acme.test",
		"tenant.created|acme|first admin: admin@acme.test|service|",
	}
	if !slices.Equal(got, want) {
		t.Errorf("records\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
