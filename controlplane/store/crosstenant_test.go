package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/assist"
	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/slack"
	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// aggregates are the parts of the store. Every exported method of each is called in one tenant with every id of another:
// a new method is tested without a line here, a new part needs one.
func aggregates(db *store.DB) []any {
	return []any{db.Accounts(), db.Answers(), db.Audit(), db.Billing(), db.Chats(), db.Clusters(), db.Logins(), db.Models(), db.PKI(), db.Replicas(), db.Slack()}
}

// The reviewed exceptions. These are not called: what they do has no tenant, or is how a tenant is found.
var crossing = map[string]string{
	"Accounts.CreateTenant":    "the provider's; makes the tenant",
	"Accounts.FindTenant":      "a slug is in every URL; gives the id only",
	"Answers.Sweep":            "a job over all tenants; tells nothing",
	"Audit.AbandonedIntents":   "a job over all tenants; ids only",
	"Chats.Prune":              "a job over all tenants; tells a number",
	"Chats.Unsettled":          "a job over all tenants; ids and a state only",
	"Chats.Watch":              "a job over all tenants; ids only",
	"Clusters.JoinTokenState":  "the token's secret is the permission",
	"Clusters.RedeemJoinToken": "the token's secret is the permission",
	"Logins.LoginHolder":       "the login's secret is the permission",
	"Logins.TokenHolder":       "the API token's secret is the permission",
	"PKI.Behind":               "a question over all tenants; ids and numbers only",
	"PKI.ChangeTrust":          "the provider's",
	"PKI.RevokeSerial":         "the provider's",
	"PKI.SerialRevoked":        "the provider's",
	"PKI.Trust":                "the provider's",
	"PKI.TrustEvents":          "the provider's",
	"PKI.UseOTT":               "the provider's",
	"Replicas.Beat":            "the provider's",
	"Replicas.Leave":           "the provider's",
	"Replicas.SessionsOf":      "a job over all tenants; ids only",
	"Replicas.SweepSessions":   "a job over all tenants; tells nothing",
	"Slack.SetWorkspace":       "a workspace is one tenant's; tells that it is taken, and not by whom",
	"Slack.WorkspaceOf":        "the workspace's signature is asked for next",
}

// These make a row of the asker's own under the id they are given, whoever else has that id. They are called last.
var makers = map[string]bool{
	"Accounts.CreateMember": true, "Answers.Claim": true, "Audit.Admin": true, "Clusters.CreateCluster": true,
	"Logins.CreateToken": true, "Logins.OpenLogin": true, "Slack.FirstSeen": true,
}

// These say more than an error about what is not there; the same of what nobody has.
var answering = map[string]string{
	"Audit.Settle":  "an intent that is not there was not settled",
	"Billing.Usage": "the asker's own zeros",
	"Models.Settle": "the asker's own day",
	"PKI.State":     "says that there is no such cluster",
}

// caller calls one method with one choice of ids.
type caller struct {
	name string
	call func(asker seeded, ids seeded, text string) []reflect.Value
	text bool // it takes ids as plain strings
}

func callers(t *testing.T, db *store.DB) []caller {
	var out []caller
	for _, part := range aggregates(db) {
		v := reflect.ValueOf(part)
		for i := range v.NumMethod() {
			name := v.Type().Name() + "." + v.Type().Method(i).Name
			if _, skip := crossing[name]; skip {
				continue
			}
			m := v.Method(i)
			c := caller{name: name}
			for p := range m.Type().NumIn() {
				c.text = c.text || m.Type().In(p) == reflect.TypeFor[string]()
			}
			c.call = func(asker, ids seeded, text string) []reflect.Value {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				args := make([]reflect.Value, m.Type().NumIn())
				for p := range args {
					args[p] = argument(m.Type().In(p), ctx, asker, ids, text)
				}
				if strings.HasPrefix(name, "PKI.") { // it takes the tenant as a string
					args[1] = reflect.ValueOf(string(asker.scope.Tenant))
				}
				if m.Type().IsVariadic() {
					return m.CallSlice(args)
				}
				return m.Call(args)
			}
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(x, y caller) int { return rank(x) - rank(y) })
	return out
}

var ends = regexp.MustCompile(`\.(Close|Deactivate|Delete|End|Revoke)`)

// rank puts what makes or ends things after what reads them.
func rank(c caller) int {
	switch {
	case makers[c.name]:
		return 2
	case ends.MatchString(c.name):
		return 1
	}
	return 0
}

// argument makes a value: what says who asks is the asker's, what names a thing is from ids.
func argument(typ reflect.Type, ctx context.Context, asker, ids seeded, text string) reflect.Value {
	known := map[reflect.Type]any{
		reflect.TypeFor[context.Context](): ctx, reflect.TypeFor[tenant.Scope](): asker.scope, reflect.TypeFor[tenant.ID](): asker.scope.Tenant,
		reflect.TypeFor[tenant.MemberID](): ids.member, reflect.TypeFor[cluster.ID](): ids.cluster,
		reflect.TypeFor[audit.IntentID](): ids.intent, reflect.TypeFor[chat.ConversationID](): ids.conversation,
		reflect.TypeFor[chat.RunID](): ids.run, reflect.TypeFor[[]byte](): ids.hash, reflect.TypeFor[time.Time](): time.Now(),
		reflect.TypeFor[time.Duration](): time.Minute, reflect.TypeFor[assist.Call](): assist.Call{ID: text}, reflect.TypeFor[tenant.Role](): tenant.User, reflect.TypeFor[cluster.Group](): cluster.GroupAdmin,
		reflect.TypeFor[slack.Person]():  ids.slack,
		reflect.TypeFor[audit.Outcome](): audit.Failed, reflect.TypeFor[audit.Kind](): audit.Kind(""),
	}
	if v, ok := known[typ]; ok {
		return reflect.ValueOf(v)
	}
	v := reflect.New(typ).Elem()
	switch typ.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Struct:
		for i := range typ.NumField() {
			if typ.Field(i).IsExported() {
				v.Field(i).Set(argument(typ.Field(i).Type, ctx, asker, ids, text))
			}
		}
	case reflect.Slice:
		if typ == reflect.TypeFor[[]chat.Run]() {
			return v // a run's parts are runs: without an end
		}
		v.Set(reflect.Append(v, argument(typ.Elem(), ctx, asker, ids, text)))
	case reflect.Func:
		v.Set(reflect.MakeFunc(typ, func([]reflect.Value) (out []reflect.Value) {
			for i := range typ.NumOut() {
				out = append(out, reflect.Zero(typ.Out(i)))
			}
			return out
		}))
	}
	return v
}

// answer splits what a method returned.
func answer(out []reflect.Value) (text string, empty bool, err error) {
	empty = true
	for _, v := range out {
		if e, ok := v.Interface().(error); ok {
			err = e
			continue
		}
		if v.Kind() == reflect.Interface && v.IsNil() {
			continue
		}
		b, jsonErr := json.Marshal(v.Interface())
		text += fmt.Sprintf("%+v %s %v\n", v.Interface(), b, jsonErr)
		switch v.Kind() {
		case reflect.Slice, reflect.Map:
			empty = empty && v.Len() == 0
		default:
			empty = empty && v.IsZero()
		}
	}
	return text, empty, err
}

var (
	uuidForm = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	timeForm = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*( \+0000 UTC)?( m=\S+)?`)
	nameForm = regexp.MustCompile(`\bx\d+\b`) // what stands for a name that must be new
)

func masked(text string, err error) string {
	text = uuidForm.ReplaceAllString(fmt.Sprintf("%s%v", text, err), "ID")
	return nameForm.ReplaceAllString(timeForm.ReplaceAllString(text, "TIME"), "NAME")
}

func TestNoMethodReachesAnotherTenantsThings(t *testing.T) {
	t.Parallel()
	d := storetest.New(t)
	a, b := seed(t, d, "acme"), seed(t, d, "beta")
	b.scope.Email, b.scope.Name = "b@b.test", "b" // its own text must not look like the other's
	before := snapshot(t, d, a)
	for _, c := range callers(t, d.DB) {
		ghost := a.ghost()
		texts, ghosts := []string{"x1"}, []string{"x2"}
		if c.text {
			texts, ghosts = a.strings(c.name), ghost.strings(c.name)
		}
		for i := range texts {
			got, empty, err := answer(c.call(b, a, texts[i]))
			want, _, wantErr := answer(c.call(b, ghost, ghosts[i]))
			if strings.Contains(got, "canary-acme") || strings.Contains(got, "@acme.test") || err != nil && strings.Contains(err.Error(), "acme") {
				t.Errorf("%s tells of another tenant: %s %v", c.name, got, err)
			}
			if _, ok := answering[c.name]; err == nil && !empty && !ok && !makers[c.name] && takesID(c, d.DB) {
				t.Errorf("%s answers for another tenant's id: %s", c.name, got)
			}
			if masked(got, err) != masked(want, wantErr) {
				t.Errorf("%s tells another tenant's id from one that nobody has:\n%s\n%s", c.name, masked(got, err), masked(want, wantErr))
			}
		}
	}
	for table, rows := range snapshot(t, d, a) {
		if rows != before[table] {
			t.Errorf("rows of another tenant in %s were changed", table)
		}
	}
}

// takesID tells whether a method names a thing at all; a list of all things of the asker's does not.
func takesID(c caller, db *store.DB) bool {
	part, method, _ := strings.Cut(c.name, ".")
	for _, v := range aggregates(db) {
		if reflect.TypeOf(v).Name() != part {
			continue
		}
		m := reflect.ValueOf(v).MethodByName(method).Type()
		for p := range m.NumIn() {
			switch in := m.In(p); {
			case in == reflect.TypeFor[cluster.ID](), in == reflect.TypeFor[tenant.MemberID](), in == reflect.TypeFor[audit.IntentID](),
				in == reflect.TypeFor[chat.ConversationID](), in == reflect.TypeFor[chat.RunID](), in == reflect.TypeFor[[]byte](), in.Kind() == reflect.Struct && in != reflect.TypeFor[tenant.Scope](),
				in == reflect.TypeFor[string](), in == reflect.TypeFor[[]cluster.ID]():
				return true
			}
		}
	}
	return false
}

// The same calls, asked by the tenant itself, do reach its things: the test above tests something.
func TestTheSameCallsReachOnesOwnThings(t *testing.T) {
	t.Parallel()
	d := storetest.New(t)
	a := seed(t, d, "acme")
	// what can't succeed with generated values, whoever asks: the id is taken, or the values make no sense together
	hopeless := []string{"Accounts.CreateMember", "Audit.Begin", "Chats.CreateConversation", "Chats.CreateRun", "Chats.Remember", "Chats.Update",
		"Clusters.CreateCluster", "Clusters.CreateJoinToken", "Logins.CreateToken", "Logins.OpenLogin", "Models.SetModel",
		"Slack.Redeem"}
	reached := map[string]bool{}
	for _, c := range callers(t, d.DB) {
		for _, text := range a.strings(c.name) {
			_, _, err := answer(c.call(a, a, text))
			reached[c.name] = reached[c.name] || err == nil
		}
	}
	for name, ok := range reached {
		if !ok && !slices.Contains(hopeless, name) {
			t.Errorf("%s did not succeed with the tenant's own ids", name)
		}
	}
}

// snapshot is every row of a tenant, by table.
func snapshot(t *testing.T, d *storetest.Database, s seeded) map[string]string {
	t.Helper()
	conn := superuser(t, d)
	rows, err := conn.Query(t.Context(), `
		select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
		where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, table := range tables {
		var all *string
		err := conn.QueryRow(t.Context(), `select string_agg(x::text, E'\n' order by x::text) from `+table+` x where tenant_id = $1`, s.scope.Tenant).Scan(&all)
		if err != nil {
			t.Fatal(err)
		}
		if all == nil {
			t.Fatalf("table %s has no row of the seeded tenant: add one to seed", table)
		}
		out[table] = *all
	}
	return out
}
