package store_test

import (
	"crypto/sha256"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/account"
	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/slack"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// seeded is a tenant with at least one row in every table. Whatever of it is text for people says "canary".
type seeded struct {
	scope        tenant.Scope
	member       tenant.MemberID
	email        string
	cluster      cluster.ID
	session      string
	intent       audit.IntentID // without a result
	replica      string
	joinToken    string
	login        string
	apiToken     string
	conversation chat.ConversationID
	run          chat.RunID
	serial       string
	slack        slack.Person
	slackLink    string
	hash         []byte // of every secret
}

// ghost has ids of the same form that nobody has, in the tenant of s.
func (s seeded) ghost() seeded {
	id := uuid.NewString
	hash := sha256.Sum256([]byte(id()))
	return seeded{scope: s.scope, member: tenant.MemberID(id()), email: id(), cluster: cluster.ID(id()), session: id(), intent: audit.IntentID(id()),
		replica: s.replica, joinToken: id(), login: id(), apiToken: id(), conversation: chat.ConversationID(id()), run: chat.RunID(id()),
		serial: id(), slack: slack.Person{Team: slack.TeamID(id()), User: slack.UserID(id())}, slackLink: id(), hash: hash[:]}
}

// strings are what a parameter of type string could name.
func (s seeded) strings(method string) []string {
	if method == "Accounts.MemberByEmail" {
		return []string{s.email}
	}
	return []string{string(s.cluster), s.session, s.joinToken, s.login, s.apiToken, s.serial, string(s.intent), string(s.run),
		string(s.member), s.replica, s.slackLink}
}

func seed(t *testing.T, d *storetest.Database, slug string) seeded {
	t.Helper()
	hash := sha256.Sum256([]byte("canary " + slug))
	s := seeded{session: uuid.NewString(), joinToken: uuid.NewString(), login: uuid.NewString(), apiToken: uuid.NewString(),
		conversation: chat.ConversationID(uuid.NewString()), run: chat.RunID(uuid.NewString()), serial: uuid.NewString(),
		intent: audit.IntentID(uuid.NewString()), hash: hash[:], slackLink: uuid.NewString(),
		slack: slack.Person{Team: slack.TeamID(uuid.NewString()), User: slack.UserID(uuid.NewString())}}
	s.scope = storetest.Tenant(t, d.DB, slug)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	m, err := account.New(account.Config{Store: d.DB.Accounts()}).Create(ctx, s.scope,
		account.NewMember{Email: "canary@" + slug + ".test", Name: "canary", Role: tenant.User})
	must(err)
	s.member, s.email = m.ID, m.Email
	replicas := cluster.NewReplicas(cluster.ReplicasConfig{Store: d.DB.Replicas()})
	must(replicas.Register(ctx))
	s.replica = replicas.ID()
	clusters := cluster.New(cluster.Config{Store: d.DB.Clusters(), Replicas: replicas})
	c, err := clusters.Create(ctx, s.scope, "canary-"+slug)
	must(err)
	s.cluster = c.ID
	must(clusters.SetGroup(ctx, s.scope, c.ID, m.ID, cluster.GroupAdmin))
	must(clusters.SessionOpened(ctx, s.scope.Tenant, c.ID, cluster.SessionInfo{ID: s.session, AgentVersion: "canary"}))
	_, err = d.DB.Clusters().CreateJoinToken(ctx, s.scope, cluster.JoinToken{ID: s.joinToken, Cluster: c.ID}, s.hash, cluster.Lease)
	must(err)
	in := audit.Intent{Target: audit.Target{Cluster: c.ID, Name: "canary"}, Command: "canary"}
	store := d.DB.Audit()
	must(store.Begin(ctx, s.replica, s.scope, s.intent, in))
	done := audit.IntentID(uuid.NewString())
	must(store.Begin(ctx, s.replica, s.scope, done, in))
	must(store.Finish(ctx, s.scope, done, audit.Result{Outcome: audit.Succeeded, Detail: "canary"}))
	must(store.Reads(ctx, s.scope.Tenant, []audit.Read{{ID: uuid.NewString(), Scope: s.scope, ReadRecord: audit.ReadRecord{At: c.CreatedAt, Target: in.Target}}}))
	s.seedRest(t, d)
	return s
}

// seedRest writes rows of the other packages' tables as their owners' migrations describe them.
func (s seeded) seedRest(t *testing.T, d *storetest.Database) {
	t.Helper()
	args := pgx.NamedArgs{"t": s.scope.Tenant, "m": s.scope.Member, "c": s.cluster, "login": s.login, "token": s.apiToken, "hash": s.hash,
		"conv": s.conversation, "run": s.run, "serial": s.serial, "replica": s.replica, "team": s.slack.Team, "user": s.slack.User, "link": s.slackLink}
	for _, sql := range []string{
		`insert into cluster_disconnect (tenant_id, cluster_id, session_id, replica_id, transport, agent_name, agent_version, opened_at, closed_at, reason)
		 values (@t, @c, 'canary', @replica, 'tls', 'canary', 'canary', now(), now(), 'canary')`,
		`insert into api_token (tenant_id, api_token_id, member_id, name, secret_hash, created_at, expires_at)
		 values (@t, @token, @m, 'canary', @hash, now(), now() + interval '1 day')`,
		`insert into login (tenant_id, login_id, member_id, secret_hash, role, created_at, seen_at, rotated_at, expires_at)
		 values (@t, @login, @m, @hash, 'tenant_admin', now(), now(), now(), now() + interval '1 hour')`,
		`insert into standing_approval (tenant_id, login_id, cluster_id, namespace, op) values (@t, @login, @c, 'canary', 'scale')`,
		`insert into idempotency (tenant_id, member_id, key_hash, asked_hash, created_at, status, sealed)
		 values (@t, @m, @hash, @hash, now(), 200, 'canary')`,
		`insert into conversation (tenant_id, conversation_id, member_id, cluster_id, title, created_at, updated_at)
		 values (@t, @conv, @m, @c, 'canary', now(), now())`,
		`insert into run (tenant_id, run_id, conversation_id, member_id, cluster_id, text, request_key, state, owner, last_seq, created_at)
		 values (@t, @run, @conv, @m, @c, 'canary', 'canary', 'awaiting_approval', @replica, 1, now())`,
		`insert into run_event (tenant_id, run_id, seq, at, type, data) values (@t, @run, 1, now(), 'text', '{"text":"canary"}')`,
		`insert into approval (tenant_id, run_id, revision, hash, member_id, cluster_id, k8s_group, plan, previews, created_at, expires_at, decision)
		 values (@t, @run, 1, 'canary', @m, @c, 'admin', '{}', '[]', now(), now() + interval '1 hour', 'proposed')`,
		`insert into model_setting (tenant_id, provider, model, sealed_key) values (@t, 'openai', 'canary', @hash)`,
		`insert into model_day (tenant_id, day, tokens, micros) values (@t, (now() at time zone 'utc')::date, 1, 1)`,
		`insert into slack_workspace (tenant_id, team_id, name, sealed_secret) values (@t, @team, 'canary', @hash)`,
		`insert into slack_link (tenant_id, link_id, team_id, slack_user, slack_name, member_id, cluster_id, conversation_id, created_at)
		 values (@t, @link, @team, @user, 'canary', @m, @c, @conv, now())`,
		`insert into slack_code (tenant_id, team_id, slack_user, slack_name, code_hash, expires_at)
		 values (@t, @team, @user, 'canary', @hash, now() + interval '10 minutes')`,
		`insert into slack_request (tenant_id, signature_hash, at) values (@t, decode(repeat('00', 32), 'hex'), now())`,
		`insert into certificate_line (tenant_id, cluster_id, generation, serial, enrolled_at, advanced_at, retried)
		 values (@t, @c, 1, @serial, now(), now(), false)`,
		`insert into cluster_certificate (tenant_id, cluster_id, serial, generation, certificate, not_after)
		 values (@t, @c, @serial, 1, 'canary', now())`,
	} {
		d.Exec(t, sql, args)
	}
}
