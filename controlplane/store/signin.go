package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/login"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Logins keeps logins and API tokens.
type Logins struct{ db *DB }

// Logins keeps logins and API tokens in db.
func (db *DB) Logins() Logins { return Logins{db} }

var errNoSecret = problem.New(problem.NotFound, "No such login or token.")

// tokensShownAfterEnd is how long an ended token stays in its owner's list.
const tokensShownAfterEnd = "30 days"

// LoginHolder finds whom a login's secret belongs to. Ended logins are found as well: their holder may be told so.
func (s Logins) LoginHolder(ctx context.Context, hash []byte) (login.Holder, error) {
	return recall(ctx, s.db.known, "login "+string(hash), func(ctx context.Context) (tenant.ID, login.Holder, error) {
		t, id, err := s.find(ctx, `select tenant_id::text, login_id::text from lookup.login_by_hash($1)`, hash)
		if err != nil {
			return "", login.Holder{}, err
		}
		h, err := s.loginHolder(ctx, t, id, hash)
		if time.Since(h.Login.SeenAt) > login.Idle/2 {
			t = "" // whether it has ended by now is another replica's to say, too
		}
		return t, h, err
	})
}

// LoginByID reads a login again.
func (s Logins) LoginByID(ctx context.Context, t tenant.ID, id string) (login.Holder, error) {
	return s.loginHolder(ctx, t, id, nil)
}

// TokenHolder finds whom an API token belongs to.
func (s Logins) TokenHolder(ctx context.Context, hash []byte) (login.Holder, error) {
	return recall(ctx, s.db.known, "token "+string(hash), func(ctx context.Context) (tenant.ID, login.Holder, error) {
		t, id, err := s.find(ctx, `select tenant_id::text, api_token_id::text from lookup.api_token_by_hash($1)`, hash)
		if err != nil {
			return "", login.Holder{}, err
		}
		h, err := s.TokenByID(ctx, t, id)
		return t, h, err
	})
}

func (s Logins) find(ctx context.Context, query string, hash []byte) (t tenant.ID, id string, err error) {
	err = s.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, query, hash).Scan(&t, &id)
	})
	if noRows(err) {
		return "", "", errNoSecret
	}
	return t, id, err
}

func (s Logins) loginHolder(ctx context.Context, t tenant.ID, id string, hash []byte) (login.Holder, error) {
	if !anID(id) {
		return login.Holder{}, errNoSecret
	}
	h := login.Holder{Scope: tenant.Scope{Tenant: t, Login: id, Via: tenant.ViaWeb}, Login: login.Login{ID: id}}
	var ended, previousUntil *time.Time
	var viaPrevious bool
	err := s.db.InTenant(ctx, t, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			select t.slug, t.name, m.member_id::text, m.email, m.name, m.role, m.deactivated_at is null,
			  l.created_at, l.seen_at, l.rotated_at, l.expires_at, l.ended_at, l.role, l.previous_until,
			  coalesce(l.previous_hash = $2 and l.secret_hash <> $2, false)
			from login l join member m using (tenant_id, member_id) join tenant t using (tenant_id)
			where l.login_id = $1`, id, hash).Scan(
			&h.Scope.Slug, &h.TenantName, &h.Scope.Member, &h.Scope.Email, &h.Scope.Name, &h.Scope.Role, &h.Active,
			&h.Login.CreatedAt, &h.Login.SeenAt, &h.Login.RotatedAt, &h.Login.ExpiresAt, &ended, &h.Login.Role, &previousUntil,
			&viaPrevious)
	})
	if noRows(err) {
		return login.Holder{}, errNoSecret
	}
	if err != nil {
		return login.Holder{}, err
	}
	h.Login.EndedAt = zeroIfNull(ended)
	if viaPrevious && previousUntil != nil && previousUntil.Before(h.Login.ExpiresAt) {
		h.Login.ExpiresAt = *previousUntil // the secret before a rotation has a short life of its own
	}
	return h, nil
}

// TokenByID reads an API token again.
func (s Logins) TokenByID(ctx context.Context, t tenant.ID, id string) (login.Holder, error) {
	if !anID(id) {
		return login.Holder{}, errNoSecret
	}
	h := login.Holder{Scope: tenant.Scope{Tenant: t, Login: id, Via: tenant.ViaToken}, Token: login.Token{ID: id}}
	var used, revoked *time.Time
	err := s.db.InTenant(ctx, t, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			select t.slug, t.name, m.member_id::text, m.email, m.name, m.role, m.deactivated_at is null,
			  k.name, k.created_at, k.expires_at, k.last_used_at, k.revoked_at, k.single_use
			from api_token k join member m using (tenant_id, member_id) join tenant t using (tenant_id)
			where k.api_token_id = $1`, id).Scan(
			&h.Scope.Slug, &h.TenantName, &h.Scope.Member, &h.Scope.Email, &h.Scope.Name, &h.Scope.Role, &h.Active,
			&h.Token.Name, &h.Token.CreatedAt, &h.Token.ExpiresAt, &used, &revoked, &h.Token.SingleUse)
	})
	if noRows(err) {
		return login.Holder{}, errNoSecret
	}
	h.Token.LastUsedAt, h.Token.RevokedAt = zeroIfNull(used), zeroIfNull(revoked)
	return h, err
}

// OpenLogin keeps a new login, and in the same transaction consumes the single-use token that opened it, if any.
func (s Logins) OpenLogin(ctx context.Context, scope tenant.Scope, l login.Login, hash []byte, from login.Opened) error {
	return s.db.changeAccess(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		if from.SingleUse {
			if err := consume(ctx, tx, from.Token, l.CreatedAt); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `
			insert into login
			  (tenant_id, login_id, member_id, api_token_id, secret_hash, role, created_at, seen_at, rotated_at, expires_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			scope.Tenant, l.ID, scope.Member, orNull(from.Token), hash, l.Role, l.CreatedAt, l.SeenAt, l.RotatedAt, l.ExpiresAt)
		if err != nil {
			return err
		}
		return recordAdmin(ctx, tx, scope, adminRecord{action: "login.opened", name: scope.Email})
	})
}

func consume(ctx context.Context, tx pgx.Tx, token string, at time.Time) error {
	tag, err := tx.Exec(ctx, `
		update api_token set revoked_at = $2, last_used_at = $2
		where api_token_id = $1 and single_use and revoked_at is null and expires_at > $2`, token, at)
	if err == nil && tag.RowsAffected() == 0 {
		return problem.New(problem.Unauthenticated, "This sign-in was used already.").WithCode("token_used").
			WithFix("Ask for a new one.")
	}
	return err
}

// TouchLogin notes that the login was used.
func (s Logins) TouchLogin(ctx context.Context, t tenant.ID, id string, at time.Time) error {
	amend(s.db.known, func(h login.Holder) (login.Holder, bool) { // first: while the database is away one try is enough
		h.Login.SeenAt = at
		return h, h.Login.ID == id
	})
	return s.note(ctx, t, `update login set seen_at = greatest(seen_at, $2) where login_id = $1`, id, at)
}

// RotateLogin changes a login's secret, unless a request that ran beside this one has just done so.
func (s Logins) RotateLogin(ctx context.Context, t tenant.ID, id string, c login.Rotation) (changed bool, err error) {
	err = s.db.changeAccess(ctx, t, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			update login set secret_hash = $3, previous_hash = $2, previous_until = $5, role = $4, rotated_at = $6
			where login_id = $1 and secret_hash = $2 and ended_at is null`,
			id, c.Old, c.New, c.Role, c.At.Add(login.Grace), c.At)
		changed = err == nil && tag.RowsAffected() == 1
		return err
	})
	return changed, err
}

// EndLogin ends a login; ending it twice is no error.
func (s Logins) EndLogin(ctx context.Context, scope tenant.Scope, id string, at time.Time) error {
	return s.db.changeAccess(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update login set ended_at = $2 where login_id = $1 and ended_at is null`, id, at)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return recordAdmin(ctx, tx, scope, adminRecord{action: "login.ended", name: scope.Email})
	})
}

// TouchToken notes that the token was used.
func (s Logins) TouchToken(ctx context.Context, t tenant.ID, id string, at time.Time) error {
	amend(s.db.known, func(h login.Holder) (login.Holder, bool) {
		h.Token.LastUsedAt = at
		return h, h.Token.ID == id
	})
	return s.note(ctx, t, `update api_token set last_used_at = greatest(last_used_at, $2) where api_token_id = $1`, id, at)
}

// note writes what nobody waits for: a request goes on without it when the database takes long.
func (s Logins) note(ctx context.Context, t tenant.ID, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return s.db.InTenant(ctx, t, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, query, args...)
		return err
	})
}

// CreateToken keeps a new API token of the scope's member.
func (s Logins) CreateToken(ctx context.Context, scope tenant.Scope, tok login.Token, hash []byte) error {
	return s.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into api_token (tenant_id, api_token_id, member_id, name, secret_hash, single_use, created_at, expires_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8)`,
			scope.Tenant, tok.ID, scope.Member, tok.Name, hash, tok.SingleUse, tok.CreatedAt, tok.ExpiresAt)
		if err != nil {
			return err
		}
		return recordAdmin(ctx, tx, scope, adminRecord{action: "api_token.created", name: tok.Name})
	})
}

// Tokens lists the tokens of the scope's member, newest first.
func (s Logins) Tokens(ctx context.Context, scope tenant.Scope) (out []login.Token, err error) {
	err = s.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			select api_token_id::text, name, created_at, expires_at, last_used_at, revoked_at, single_use
			from api_token
			where member_id = $1 and least(expires_at, revoked_at) > now() - interval '`+tokensShownAfterEnd+`'
			order by api_token_id desc limit 500`, scope.Member)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (login.Token, error) {
			var k login.Token
			var used, revoked *time.Time
			err := row.Scan(&k.ID, &k.Name, &k.CreatedAt, &k.ExpiresAt, &used, &revoked, &k.SingleUse)
			k.LastUsedAt, k.RevokedAt = zeroIfNull(used), zeroIfNull(revoked)
			return k, err
		})
		return err
	})
	return out, err
}

// RevokeToken ends one of the member's tokens; revoking it twice is no error.
func (s Logins) RevokeToken(ctx context.Context, scope tenant.Scope, id string, at time.Time) error {
	missing := problem.New(problem.NotFound, "No such API token.")
	if !anID(id) {
		return missing
	}
	return s.db.changeAccess(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		var name string
		err := tx.QueryRow(ctx, `
			update api_token set revoked_at = coalesce(revoked_at, $3) where api_token_id = $1 and member_id = $2
			returning name`, id, scope.Member, at).Scan(&name)
		if noRows(err) {
			return missing
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			update login set ended_at = $2 where api_token_id = $1 and ended_at is null`, id, at); err != nil {
			return err
		}
		return recordAdmin(ctx, tx, scope, adminRecord{action: "api_token.revoked", name: name})
	})
}
