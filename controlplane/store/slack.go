package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/slack"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Slack keeps Slack workspaces, links and codes.
type Slack struct{ db *DB }

// Slack is the part of the store about Slack.
func (db *DB) Slack() Slack { return Slack{db} }

var _ slack.Store = Slack{}

var (
	noWorkspace = problem.New(problem.NotFound, "No Slack workspace is connected.")
	noSlackCode = problem.New(problem.NotFound, "No such code.")
	noSlackLink = problem.New(problem.NotFound, "No such link.")
)

const workspaceColumns = `w.tenant_id, t.slug, w.team_id, w.name, w.updated_at, w.sealed_secret`

func scanWorkspace(row pgx.CollectableRow) (s slack.Stored, err error) {
	err = row.Scan(&s.Tenant, &s.Slug, &s.Team, &s.Name, &s.UpdatedAt, &s.Sealed)
	s.UpdatedAt = s.UpdatedAt.UTC()
	return s, err
}

func workspace(ctx context.Context, tx pgx.Tx, id tenant.ID) (slack.Stored, error) {
	return one(ctx, tx, noWorkspace, scanWorkspace, `
		select `+workspaceColumns+` from slack_workspace w join tenant t using (tenant_id) where w.tenant_id = $1`, id)
}

// Workspace gives the tenant's.
func (s Slack) Workspace(ctx context.Context, id tenant.ID) (w slack.Stored, err error) {
	if !anID(id) {
		return w, noWorkspace
	}
	err = s.db.InTenant(ctx, id, func(ctx context.Context, tx pgx.Tx) (err error) {
		w, err = workspace(ctx, tx, id)
		return err
	})
	return w, err
}

// WorkspaceOf looks across tenants, by the one function that may.
func (s Slack) WorkspaceOf(ctx context.Context, team slack.TeamID) (slack.Stored, error) {
	var id tenant.ID
	err := s.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select tenant_id from lookup.slack_workspace_by_team($1)`, team).Scan(&id)
	})
	if noRows(err) {
		return slack.Stored{}, noWorkspace
	}
	if err != nil {
		return slack.Stored{}, err
	}
	w, err := s.Workspace(ctx, id)
	if err == nil && w.Team != team { // it was changed between the two
		return slack.Stored{}, noWorkspace
	}
	return w, err
}

// SetWorkspace replaces the tenant's.
func (s Slack) SetWorkspace(ctx context.Context, by tenant.Scope, w slack.Stored) (got slack.Stored, err error) {
	err = s.db.InTenant(ctx, by.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from slack_workspace where tenant_id = $1 and team_id <> $2`, by.Tenant, w.Team); err != nil {
			return fmt.Errorf("forget the workspace before: %w", err)
		}
		_, err := tx.Exec(ctx, `
			insert into slack_workspace (tenant_id, team_id, name, sealed_secret) values ($1, $2, $3, $4)
			on conflict (tenant_id) do update set name = excluded.name, sealed_secret = excluded.sealed_secret, updated_at = now()`,
			by.Tenant, w.Team, w.Name, w.Sealed)
		if isViolation(err, "slack_workspace_team_key") {
			return problem.New(problem.Conflict, "This Slack workspace is connected already, by another organisation.").WithCode("slack_team_taken").
				WithFix("It has to disconnect it first.")
		}
		if err != nil {
			return fmt.Errorf("set the workspace: %w", err)
		}
		if got, err = workspace(ctx, tx, by.Tenant); err != nil {
			return err
		}
		return recordAdmin(ctx, tx, by, adminRecord{action: "slack.connected", name: string(w.Team), detail: w.Name})
	})
	return got, err
}

// DeleteWorkspace forgets it; that there was none is no error, and no record.
func (s Slack) DeleteWorkspace(ctx context.Context, by tenant.Scope) error {
	return s.db.InTenant(ctx, by.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		var team string
		err := tx.QueryRow(ctx, `delete from slack_workspace where tenant_id = $1 returning team_id`, by.Tenant).Scan(&team)
		if noRows(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("forget the workspace: %w", err)
		}
		return recordAdmin(ctx, tx, by, adminRecord{action: "slack.disconnected", name: team})
	})
}

// FirstSeen remembers a signature for longer than its timestamp is good, and forgets those that no longer are.
func (s Slack) FirstSeen(ctx context.Context, id tenant.ID, signature []byte, at time.Time) (first bool, err error) {
	err = s.db.InTenant(ctx, id, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from slack_request where tenant_id = $1 and at < $2`, id, at.Add(-4*slack.Window)); err != nil {
			return fmt.Errorf("forget old signatures: %w", err)
		}
		tag, err := tx.Exec(ctx, `
			insert into slack_request (tenant_id, signature_hash, at) values ($1, $2, $3) on conflict do nothing`, id, signature, at)
		first = tag.RowsAffected() == 1
		return err
	})
	return first, err
}

// AddCode keeps a Slack user's code, instead of the one before.
func (s Slack) AddCode(ctx context.Context, id tenant.ID, c slack.Code) error {
	return s.db.InTenant(ctx, id, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into slack_code (tenant_id, team_id, slack_user, slack_name, code_hash, expires_at) values ($1, $2, $3, $4, $5, $6)
			on conflict (tenant_id, team_id, slack_user) do update
			set slack_name = excluded.slack_name, code_hash = excluded.code_hash, expires_at = excluded.expires_at`,
			id, c.Team, c.User, clean(c.Name), c.Hash, c.ExpiresAt)
		return err
	})
}

func scanCode(row pgx.CollectableRow) (c slack.Code, err error) {
	err = row.Scan(&c.Team, &c.User, &c.Name, &c.Hash, &c.ExpiresAt)
	c.ExpiresAt = c.ExpiresAt.UTC()
	return c, err
}

// Code gives one, also one that has expired.
func (s Slack) Code(ctx context.Context, id tenant.ID, hash []byte) (c slack.Code, err error) {
	err = s.db.InTenant(ctx, id, func(ctx context.Context, tx pgx.Tx) (err error) {
		c, err = one(ctx, tx, noSlackCode, scanCode, `
			select team_id, slack_user, slack_name, code_hash, expires_at from slack_code where tenant_id = $1 and code_hash = $2`, id, hash)
		return err
	})
	return c, err
}

const linkColumns = `l.link_id::text, l.team_id, l.slack_user, l.slack_name, l.cluster_id::text, l.conversation_id::text, l.member_id::text, m.email, l.created_at`

func scanLink(row pgx.CollectableRow) (l slack.Link, err error) {
	var at, conversation *string
	err = row.Scan(&l.ID, &l.Team, &l.User, &l.Name, &at, &conversation, &l.Member, &l.Email, &l.CreatedAt)
	if at != nil {
		l.Cluster = cluster.ID(*at)
	}
	if conversation != nil {
		l.Conversation = *conversation
	}
	l.CreatedAt = l.CreatedAt.UTC()
	return l, err
}

// Redeem deletes the code first: of two who use it at once, the second waits for the first and finds none.
func (s Slack) Redeem(ctx context.Context, by tenant.Scope, hash []byte, at time.Time) (l slack.Link, err error) {
	err = s.db.InTenant(ctx, by.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		c, err := one(ctx, tx, noSlackCode, scanCode, `
			delete from slack_code where tenant_id = $1 and code_hash = $2 and expires_at > $3
			returning team_id, slack_user, slack_name, code_hash, expires_at`, by.Tenant, hash, at)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			delete from slack_link where tenant_id = $1 and (member_id = $2 or team_id = $3 and slack_user = $4)`,
			by.Tenant, by.Member, c.Team, c.User); err != nil {
			return fmt.Errorf("end the links before: %w", err)
		}
		id := newID()
		if _, err := tx.Exec(ctx, `
			insert into slack_link (tenant_id, link_id, team_id, slack_user, slack_name, member_id, created_at) values ($1, $2, $3, $4, $5, $6, $7)`,
			by.Tenant, id, c.Team, c.User, c.Name, by.Member, at); err != nil {
			return fmt.Errorf("link: %w", err)
		}
		l, err = one(ctx, tx, noSlackLink, scanLink, `
			select `+linkColumns+` from slack_link l join member m using (tenant_id, member_id) where l.link_id = $1`, id)
		if err != nil {
			return err
		}
		return recordAdmin(ctx, tx, by, adminRecord{action: "slack.linked", name: l.Email, detail: slackUser(l)})
	})
	return l, err
}

// slackUser is a link's Slack user, for people.
func slackUser(l slack.Link) string {
	return fmt.Sprintf("Slack user %s of %s", l.User, l.Team)
}

// Link gives a Slack user's.
func (s Slack) Link(ctx context.Context, id tenant.ID, p slack.Person) (l slack.Link, err error) {
	err = s.db.InTenant(ctx, id, func(ctx context.Context, tx pgx.Tx) (err error) {
		l, err = one(ctx, tx, noSlackLink, scanLink, `
			select `+linkColumns+` from slack_link l join member m using (tenant_id, member_id)
			where l.tenant_id = $1 and l.team_id = $2 and l.slack_user = $3`, id, p.Team, p.User)
		return err
	})
	return l, err
}

// Links gives all of the tenant's.
func (s Slack) Links(ctx context.Context, id tenant.ID) (all []slack.Link, err error) {
	err = s.db.InTenant(ctx, id, func(ctx context.Context, tx pgx.Tx) (err error) {
		all, err = many(ctx, tx, scanLink, `
			select `+linkColumns+` from slack_link l join member m using (tenant_id, member_id) where l.tenant_id = $1 order by m.email`, id)
		return err
	})
	return all, err
}

// DeleteLink ends one.
func (s Slack) DeleteLink(ctx context.Context, by tenant.Scope, link string) error {
	if !anID(link) {
		return noSlackLink
	}
	return s.db.InTenant(ctx, by.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		l, err := one(ctx, tx, noSlackLink, scanLink, `
			select `+linkColumns+` from slack_link l join member m using (tenant_id, member_id) where l.link_id = $1`, link)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from slack_link where link_id = $1`, link); err != nil {
			return fmt.Errorf("unlink: %w", err)
		}
		return recordAdmin(ctx, tx, by, adminRecord{action: "slack.unlinked", name: l.Email, detail: slackUser(l)})
	})
}

// SetPlace says where a link's questions go. It is the Slack user's convenience, so it leaves no record.
func (s Slack) SetPlace(ctx context.Context, id tenant.ID, link string, p slack.Place) error {
	if !anID(link) {
		return noSlackLink
	}
	return s.db.InTenant(ctx, id, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update slack_link set cluster_id = $2, conversation_id = $3 where link_id = $1`,
			link, orNull(p.Cluster), orNull(p.Conversation))
		if err == nil && tag.RowsAffected() == 0 {
			return noSlackLink
		}
		return err
	})
}
