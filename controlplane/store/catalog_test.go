package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/store/storetest"
)

// The reviewed exceptions to the rules of migrations/0001_base.sql. A line here is a decision: say why.
var (
	// tables without a tenant
	globalTables = map[string]string{
		"goose_db_version": "the schema's own history",
		"replica":          "processes of the provider",
		"ca_certificate":   "the provider's authorities",
		"one_time_token":   "tokens that the provider's authority gives itself, for seconds",
		"revoked_serial":   "the authority's list; a serial names no tenant",
		"trust_state":      "the provider's authorities: where the replacement of a root stands",
		"ca_authority":     "the provider's authorities: their slots",
		"ca_event":         "the provider's authorities: what was done to them",
	}
	// UNIQUE that does not start with tenant_id
	globalUniques = map[string]string{
		"tenant_slug_key":          "a slug is in every URL; only the provider creates tenants",
		"slack_workspace_team_key": "Slack's requests name the workspace and no tenant; tells that one is taken, and not by whom",
	}
	// what functions of schema lookup may return besides ids
	lookupResults = map[string]string{
		"join_token_state.state":    "told to who holds the token's secret",
		"join_token_status.status":  "told to who holds the token's secret",
		"may_judge":                 "a boolean about a replica",
		"unsettled_runs.state":      "a word of ours, for the job that settles runs",
		"unsettled_runs.owner":      "a replica's id",
		"clusters_behind.bundle":    "a number of ours, for the authority's operator",
		"clusters_behind.not_after": "a certificate's end, for the same",
	}
	// tables that kc_app may only add to
	appendOnly = []string{"audit_record", "usage_event", "ca_event"}
)

const policy = `(tenant_id = ( SELECT (NULLIF(current_setting('app.current_tenant'::text, true), ''::text))::uuid AS "nullif"))`

// rule is a query that names what breaks it, one row each.
type rule struct{ name, sql string }

var rules = []rule{
	{"a tenant's table has tenant_id uuid not null", `
		select c.relname from app_table c where not global and not exists (select from pg_attribute a
		  where a.attrelid = c.oid and a.attname = 'tenant_id' and a.atttypid = 'uuid'::regtype and a.attnotnull)`},
	{"row-level security is enabled and forced", `
		select relname from app_table where not global and not (relrowsecurity and relforcerowsecurity)`},
	{"one policy, for all commands and roles, USING and WITH CHECK as written down", `
		select c.relname from app_table c where not global and (
		  (select count(*) from pg_policy p where p.polrelid = c.oid) <> 1 or not exists (
		    select from pg_policy p where p.polrelid = c.oid and p.polpermissive and p.polcmd = '*' and p.polroles = '{0}'
		      and pg_get_expr(p.polqual, p.polrelid) = $1 and pg_get_expr(p.polwithcheck, p.polrelid) = $1))`},
	{"the primary key starts with tenant_id", `
		select c.relname from app_table c where not global and not exists (select from pg_index i
		  join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
		  where i.indrelid = c.oid and i.indisprimary and a.attname = 'tenant_id')`},
	{"every UNIQUE and exclusion starts with tenant_id", `
		select n.relname from app_table c join pg_index i on i.indrelid = c.oid join pg_class n on n.oid = i.indexrelid
		left join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
		where not c.global and (i.indisunique or i.indisexclusion) and a.attname is distinct from 'tenant_id'
		  and n.relname <> all ($2)`},
	{"a foreign key to a tenant's table starts with its tenant_id", `
		select k.conname from app_table c join pg_constraint k on k.conrelid = c.oid and k.contype = 'f'
		join app_table f on f.oid = k.confrelid
		join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
		join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
		where not f.global and not (a.attname = 'tenant_id' and b.attname = 'tenant_id')`},
	{"kc_owner owns every table and view, kc_lookup none", `
		select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f', 'S')
		  and relowner <> 'kc_owner'::regrole`},
	{"a view asks as the asker", `
		select relname from pg_class where relnamespace in ('public'::regnamespace, 'lookup'::regnamespace) and relkind = 'v'
		  and not coalesce(reloptions @> '{security_invoker=true}', false)`},
	{"no materialized views, no foreign tables", `
		select relname from pg_class where relnamespace in ('public'::regnamespace, 'lookup'::regnamespace) and relkind in ('m', 'f')`},
	{"every function has an empty search_path", `
		select proname from pg_proc where pronamespace in ('public'::regnamespace, 'lookup'::regnamespace)
		  and not coalesce(proconfig @> '{"search_path=\"\""}', false)`},
	{"SECURITY DEFINER only in schema lookup, of kc_lookup", `
		select proname from pg_proc where pronamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
		  and (prosecdef <> (pronamespace = 'lookup'::regnamespace) or
		    pronamespace = 'lookup'::regnamespace and proowner <> 'kc_lookup'::regrole)`},
	{"nobody but kc_app may call a function of schema lookup", `
		select proname from pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) a
		where pronamespace = 'lookup'::regnamespace and a.grantee not in ('kc_app'::regrole, 'kc_lookup'::regrole)`},
	{"a function of schema lookup returns ids", `
		select proname from pg_proc p left join lateral (
		  select coalesce(array_agg(p.proname || '.' || n), array[p.proname]) as results
		  from unnest(p.proargnames, p.proargmodes) as u (n, m) where m in ('t', 'o', 'b')) r on true
		where pronamespace = 'lookup'::regnamespace and exists (select from unnest(r.results) as f
		  where f !~ '\._?[a-z_]*_id$' and f <> all ($3))`},
	{"kc_app holds nothing but SELECT, INSERT, UPDATE, DELETE", `
		select relname || ' ' || privilege_type from pg_class, aclexplode(relacl) a
		where relnamespace = 'public'::regnamespace and a.grantee = 'kc_app'::regrole
		  and (a.is_grantable or privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))`},
	{"kc_app only adds to append-only tables, and a trigger says so to everybody", `
		select relname from app_table c where relname = any ($4) and (
		  has_any_column_privilege('kc_app', c.oid, 'UPDATE') or has_table_privilege('kc_app', c.oid, 'DELETE')
		  or (select count(*) from pg_trigger t where t.tgrelid = c.oid and not tgisinternal and tgenabled in ('O', 'A')
		    and tgfoid = 'refuse_rewrite'::regproc) <> 2)`},
	{"PUBLIC holds nothing", `
		select relname from pg_class, aclexplode(relacl) a
		where relnamespace in ('public'::regnamespace, 'lookup'::regnamespace) and a.grantee = 0`},
	{"kc_lookup writes nothing but the use of a token", `
		select relname || ' ' || privilege_type from pg_class, aclexplode(relacl) a
		where a.grantee = 'kc_lookup'::regrole and privilege_type <> 'SELECT'
		union all
		select attrelid::regclass || '.' || attname || ' ' || privilege_type from pg_attribute, aclexplode(attacl) a
		where a.grantee = 'kc_lookup'::regrole and privilege_type <> 'SELECT' and attname <> 'used_at'`},
	{"nobody but the owners creates anything", `
		select nspname from pg_namespace where nspname not like 'pg\_%' and nspname <> 'information_schema'
		  and (has_schema_privilege('kc_app', oid, 'CREATE') or has_schema_privilege('public', oid, 'CREATE'))`},
	{"the roles are what they are meant to be", `
		select rolname from pg_roles where rolname in ('kc_owner', 'kc_app', 'kc_lookup') and (rolsuper or rolcreaterole
		  or rolcreatedb or rolreplication or rolcanlogin <> (rolname = 'kc_app') or rolbypassrls <> (rolname = 'kc_lookup'))
		union all
		select 'kc_app is a member of ' || roleid::regrole from pg_auth_members where member = 'kc_app'::regrole`},
}

// broken returns what breaks the rules, as "rule: thing".
func broken(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	_, err := conn.Exec(ctx, `
		create temp view app_table as
		select c.*, c.relname in (`+quoted(globalTables)+`) as global from pg_class c
		where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')`)
	if err != nil {
		return nil, err
	}
	params := []any{policy, keys(globalUniques), keys(lookupResults), appendOnly}
	var out []string
	for _, r := range rules {
		sql, args := r.sql, []any(nil)
		for i, p := range params { // each query has those it mentions, numbered anew
			if mark := fmt.Sprintf("$%d", i+1); strings.Contains(sql, mark) {
				args = append(args, p)
				sql = strings.ReplaceAll(sql, mark, fmt.Sprintf("$%d", len(args)))
			}
		}
		rows, err := conn.Query(ctx, sql, args...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		things, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		for _, t := range things {
			out = append(out, r.name+": "+t)
		}
	}
	return out, nil
}

func keys(m map[string]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func quoted(m map[string]string) string { return "'" + strings.Join(keys(m), "','") + "'" }

func superuser(t *testing.T, d *storetest.Database) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.OwnerDSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func TestCatalogObeysEveryRule(t *testing.T) {
	t.Parallel()
	found, err := broken(t.Context(), superuser(t, storetest.New(t)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

// Each mistake is one that somebody adding a table would make.
func TestCatalogRulesNoticeEachMistake(t *testing.T) {
	t.Parallel()
	const good = `set role kc_owner;
		create table oops (tenant_id uuid not null, oops_id uuid not null, member_id uuid, token text, primary key (tenant_id, oops_id));
		alter table oops enable row level security; alter table oops force row level security;
		create policy p on oops using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))
		  with check (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid));
		grant select, insert, update, delete on oops to kc_app;`
	cases := []struct{ name, sql, want string }{
		{"nothing wrong", ``, ``},
		{"no tenant_id", `create table forgot (id uuid primary key)`, "a tenant's table has tenant_id uuid not null: forgot"},
		{"nullable tenant_id", `alter table oops drop constraint oops_pkey; alter table oops alter tenant_id drop not null`,
			"a tenant's table has tenant_id uuid not null: oops"},
		{"not forced", `alter table oops no force row level security`, "row-level security is enabled and forced: oops"},
		{"not enabled", `alter table oops disable row level security`, "row-level security is enabled and forced: oops"},
		{"no policy", `drop policy p on oops`, "one policy"},
		{"second, wider policy", `create policy wide on oops using (true)`, "one policy"},
		{"bare current_setting", `drop policy p on oops; create policy p on oops using (tenant_id = current_setting('app.current_tenant')::uuid)`, "one policy"},
		{"no WITH CHECK", `drop policy p on oops; create policy p on oops using (tenant_id = (select nullif(current_setting('app.current_tenant', true), '')::uuid))`, "one policy"},
		{"key without tenant", `alter table oops drop constraint oops_pkey; alter table oops add primary key (oops_id)`, "the primary key starts with tenant_id: oops"},
		{"global unique", `create unique index oops_token on oops (token)`, "every UNIQUE and exclusion starts with tenant_id: oops_token"},
		{"single-column foreign key", `alter table member add constraint m unique (tenant_id, member_id, email);
			create unique index x on member (member_id); alter table oops add constraint oops_member foreign key (member_id) references member (member_id)`,
			"a foreign key to a tenant's table starts with its tenant_id: oops_member"},
		{"view as its owner", `create view peek as select * from oops`, "a view asks as the asker: peek"},
		{"materialized view", `create materialized view heap as select * from oops`, "no materialized views, no foreign tables: heap"},
		{"function without search_path", `create function f() returns int language sql as 'select 1'`, "every function has an empty search_path: f"},
		{"definer outside lookup", `create function f() returns int language sql security definer set search_path = '' as 'select 1'`, "SECURITY DEFINER only in schema lookup, of kc_lookup: f"},
		{"invoker inside lookup", `set role kc_lookup; create function lookup.f() returns uuid language sql set search_path = '' as 'select null::uuid'`, "SECURITY DEFINER only in schema lookup, of kc_lookup: f"},
		{"look-up for everybody", `grant execute on function lookup.tenant_by_slug to public`, "nobody but kc_app may call a function of schema lookup: tenant_by_slug"},
		{"look-up that tells more", `set role kc_lookup; create function lookup.f() returns table (member_id uuid, email text) language sql security definer set search_path = '' as 'select null::uuid, null::text'`, "a function of schema lookup returns ids: f"},
		{"truncate", `grant truncate on oops to kc_app`, "kc_app holds nothing but SELECT, INSERT, UPDATE, DELETE: oops TRUNCATE"},
		{"audit can be changed", `grant update on audit_record to kc_app`, "kc_app only adds to append-only tables, and a trigger says so to everybody: audit_record"},
		{"one column of audit can be changed", `grant update (detail) on audit_record to kc_app`, "kc_app only adds to append-only tables, and a trigger says so to everybody: audit_record"},
		{"trigger dropped", `drop trigger append_only on audit_record`, "kc_app only adds to append-only tables, and a trigger says so to everybody: audit_record"},
		{"trigger disabled", `alter table usage_event disable trigger append_only`, "kc_app only adds to append-only tables, and a trigger says so to everybody: usage_event"},
		{"public grant", `grant select on oops to public`, "PUBLIC holds nothing: oops"},
		{"lookup writes", `grant update on member to kc_lookup`, "kc_lookup writes nothing but the use of a token: member UPDATE"},
		{"another owner", `reset role; create table mine (tenant_id uuid)`, "kc_owner owns every table and view, kc_lookup none: mine"},
		{"app creates", `reset role; grant create on schema public to kc_app`, "nobody but the owners creates anything: public"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conn := superuser(t, storetest.NewClosed(t))
			if _, err := conn.Exec(t.Context(), good+c.sql+"; reset role"); err != nil {
				t.Fatal(err)
			}
			found, err := broken(t.Context(), conn)
			if err != nil {
				t.Fatal(err)
			}
			hit := slices.ContainsFunc(found, func(f string) bool { return strings.HasPrefix(f, c.want) })
			if c.want == "" && len(found) > 0 || c.want != "" && !hit {
				t.Errorf("found %q, want one that starts with %q", found, c.want)
			}
		})
	}
}
