package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"time"
)

// ReplicaToken is by what a replica that has no certificate yet gets its first one from an authority that runs apart. It
// is signed with a key of the authority's, so that who can only read and write the database can't make one. It may be
// used until it ends: a replica needs it again whenever it starts. Its text is "kcr1_" and base62 of
//
//	0x01 | id (8) | end, in seconds since 1970 (8) | signature (64)
//
// followed by six base62 digits of a CRC-32 over all that goes before, as in a join token.
type ReplicaToken struct {
	ID      string // 16 hexadecimal digits; by it the token is revoked
	Expires time.Time

	signature [64]byte
}

// ErrReplicaTokenEnded means that a token is genuine, and that its time is over.
var ErrReplicaTokenEnded = errors.New("replica token: it ended")

const (
	replicaPrefix = "kcr1_" // known to the log's redactor
	replicaLen    = 1 + 8 + 8 + 64
)

// NewReplicaToken makes a token for a trust domain, good until expires.
func NewReplicaToken(key crypto.Signer, trustDomain string, expires time.Time) (ReplicaToken, error) {
	var id [8]byte
	_, _ = rand.Read(id[:]) // it never fails
	t := ReplicaToken{ID: hex.EncodeToString(id[:]), Expires: expires.Truncate(time.Second)}
	sig, err := signES256(key, t.claim(trustDomain))
	if err != nil {
		return ReplicaToken{}, fmt.Errorf("replica token: %w", err)
	}
	copy(t.signature[:], sig)
	return t, nil
}

// claim is what is signed.
func (t ReplicaToken) claim(trustDomain string) string {
	return fmt.Sprintf("kubechat replica token\n%s\n%s\n%d", trustDomain, t.ID, t.Expires.Unix())
}

// Verify reports why the token is not good now: it was made for another trust domain, or by somebody else, or it has
// ended. That it was revoked is known to the authority's store.
func (t ReplicaToken) Verify(key crypto.PublicKey, trustDomain string, now time.Time) error {
	pub, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return errors.New("replica token: not a key to check it with")
	}
	sum := sha256.Sum256([]byte(t.claim(trustDomain)))
	r, s := new(big.Int).SetBytes(t.signature[:32]), new(big.Int).SetBytes(t.signature[32:])
	if !ecdsa.Verify(pub, sum[:], r, s) {
		return errors.New("replica token: the authority of this trust domain did not make it")
	}
	if now.After(t.Expires) {
		return fmt.Errorf("%w at %s", ErrReplicaTokenEnded, t.Expires.UTC().Format(time.RFC3339))
	}
	return nil
}

// String is the token itself, for the one who asked for it.
func (t ReplicaToken) String() string {
	id, err := hex.DecodeString(t.ID)
	if err != nil || len(id) != 8 {
		return ""
	}
	raw := append([]byte{1}, id...)
	raw = binary.BigEndian.AppendUint64(raw, uint64(t.Expires.Unix()))
	raw = append(raw, t.signature[:]...)
	s := replicaPrefix + new(big.Int).SetBytes(raw).Text(62)
	return s + checksum(s)
}

// ParseReplicaToken reads a token. Its errors never hold any part of the text.
func ParseReplicaToken(s string) (ReplicaToken, error) {
	t, err := parseReplicaToken(strings.TrimSpace(s))
	if err != nil {
		return ReplicaToken{}, fmt.Errorf("replica token: %w", err)
	}
	return t, nil
}

func parseReplicaToken(s string) (t ReplicaToken, err error) {
	if !strings.HasPrefix(s, replicaPrefix) || len(s) > maxTokenLen || len(s) < len(replicaPrefix)+checkDigits+1 {
		return t, errors.New("it does not look like one: it starts with kcr1_")
	}
	cut := len(s) - checkDigits
	if subtle.ConstantTimeCompare([]byte(s[cut:]), []byte(checksum(s[:cut]))) != 1 {
		return t, errors.New("its checksum is wrong: was it copied whole?")
	}
	raw, err := base62Decode(s[len(replicaPrefix):cut])
	if err != nil {
		return t, err
	}
	if len(raw) != replicaLen || raw[0] != 1 {
		return t, errors.New("its content can't be read")
	}
	t.ID = hex.EncodeToString(raw[1:9])
	t.Expires = time.Unix(int64(binary.BigEndian.Uint64(raw[9:17])), 0)
	copy(t.signature[:], raw[17:])
	if t.String() != s { // one token, one spelling
		return ReplicaToken{}, errors.New("it is not in its canonical form")
	}
	return t, nil
}

// LogValue shows which one it is.
func (t ReplicaToken) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", t.ID), slog.Time("expires", t.Expires))
}

// GoString hides the signature from %#v.
func (t ReplicaToken) GoString() string { return "pki.ReplicaToken{ID:" + t.ID + ", ...}" }
