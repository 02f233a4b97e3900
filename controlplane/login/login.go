// Package login is the domain of getting in: logins of persons in browsers, API tokens of programs, how long they
// live and what their secrets look like. A secret is shown to its holder once; what is kept is its SHA-256. How a
// secret travels in a request is package signin's business. Start at Login and Token.
package login

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"hash/crc32"
	"log/slog"
	"math/big"
	"strings"
	"time"

	"github.com/kubechat/kubechat/controlplane/tenant"
)

// How long things live.
const (
	Idle        = 30 * time.Minute // a login unused this long has ended
	Absolute    = 12 * time.Hour   // and so has every login after this long
	Grace       = 30 * time.Second // the secret before a rotation works this long, for requests under way
	MaxTokenAge = 365 * 24 * time.Hour
	touchEvery  = time.Minute // how stale "last seen" may be, so that reading a page is not a write
)

// Login is one person signed in to one tenant in one browser.
type Login struct {
	ID        string
	CreatedAt time.Time
	SeenAt    time.Time
	RotatedAt time.Time
	ExpiresAt time.Time   // the absolute end
	EndedAt   time.Time   // zero while it goes on
	Role      tenant.Role // the member's role when the secret was last changed
}

// Live reports whether the login still lets its holder in.
func (l Login) Live(now time.Time) bool {
	return l.EndedAt.IsZero() && now.Before(l.ExpiresAt) && now.Sub(l.SeenAt) < Idle
}

// Stale reports whether "last seen" is worth writing again.
func (l Login) Stale(now time.Time) bool { return now.Sub(l.SeenAt) >= touchEvery }

// Token is one API token. It does what its member may do at the moment of its use, never more.
type Token struct {
	ID         string
	Name       string
	CreatedAt  time.Time
	ExpiresAt  time.Time
	LastUsedAt time.Time // zero if never
	RevokedAt  time.Time // zero unless revoked
	SingleUse  bool      // good for one sign-in and nothing else
}

// Live reports whether the token still works.
func (t Token) Live(now time.Time) bool { return t.RevokedAt.IsZero() && now.Before(t.ExpiresAt) }

// Stale reports whether "last used" is worth writing again.
func (t Token) Stale(now time.Time) bool { return now.Sub(t.LastUsedAt) >= touchEvery }

// Holder is whom a secret belongs to, read at the moment of its use.
type Holder struct {
	Scope      tenant.Scope // Login and Via are filled
	TenantName string
	Active     bool  // neither the member is deactivated nor the tenant closed
	Login      Login // set for a login
	Token      Token // set for an API token
}

// Secret is what a holder shows. It prints as its kind only.
type Secret string

// LogValue hides the secret from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// String hides the secret from text; Reveal gives it.
func (s Secret) String() string { return "[secret]" }

// Reveal gives the secret itself, for the one place that shows it.
func (s Secret) Reveal() string { return string(s) }

// Hash is what is kept of the secret.
func (s Secret) Hash() []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

// TokenPrefix starts every API token, so that scanners and our own log redaction know one.
const TokenPrefix = "kcp_"

const (
	secretBytes = 32
	bodyLen     = 43 // base62 digits of 32 bytes
	checkLen    = 6  // base62 digits of a CRC-32
)

// NewTokenSecret makes the secret of an API token: the prefix, 256 random bits and a checksum, so that a mistyped one is
// known as such without a look-up.
func NewTokenSecret() Secret {
	var b [secretBytes]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	body := base62(new(big.Int).SetBytes(b[:]), bodyLen)
	return Secret(TokenPrefix + body + checksum(body))
}

// WellFormed reports whether s could be an API token's secret.
func WellFormed(s string) bool {
	rest, ok := strings.CutPrefix(s, TokenPrefix)
	if !ok || len(rest) != bodyLen+checkLen {
		return false
	}
	return rest[bodyLen:] == checksum(rest[:bodyLen])
}

// NewLoginSecret makes the secret of a login: 256 random bits, as text that fits in a cookie.
func NewLoginSecret() Secret {
	var b [secretBytes]byte
	_, _ = rand.Read(b[:])
	return Secret(base64.RawURLEncoding.EncodeToString(b[:]))
}

func checksum(body string) string {
	return base62(big.NewInt(int64(crc32.ChecksumIEEE([]byte(body)))), checkLen)
}

func base62(n *big.Int, width int) string {
	s := n.Text(62)
	return strings.Repeat("0", max(0, width-len(s))) + s
}

// Rotation is one change of a login's secret. The old one works on for Grace.
type Rotation struct {
	Old, New []byte // hashes
	Role     tenant.Role
	At       time.Time
}

// Opened is the API token that a login came from. Revoking the token ends the login as well.
type Opened struct {
	Token     string // its id; empty for another door
	SingleUse bool
}
