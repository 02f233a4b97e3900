package pki

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math/big"
	"net"
	"regexp"
	"strconv"
	"strings"
)

// JoinToken is the only value an install needs: where to dial, whom to believe there, and a secret to be redeemed
// once. Its text is "kcj1_" and base62 of
//
//	0x01 | len(region) | region | len(gateway) | gateway | root SPKI hash (32) | secret (32)
//
// followed by six base62 digits of a CRC-32 over all that goes before, which catches a token cut by a copy and paste.
type JoinToken struct {
	Region   string
	Gateway  string   // host:port of the region's tunnel listener
	RootSPKI [32]byte // SHA-256 of the root's SubjectPublicKeyInfo; the pin enrolment runs inside of
	Secret   [32]byte
}

// joinPrefix is registered with secret scanners and our own log redactor; it never changes for this layout.
const joinPrefix = "kcj1_"

const (
	base62Digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" // the order of big.Int.Text
	checkDigits  = 6                                                                // 62^6 > 2^32
	maxTokenLen  = 700                                                              // more than two names of up to 255 bytes need
)

var tokenForm = regexp.MustCompile(`^kcj1_[0-9A-Za-z]{90,}$`)

// NewJoinToken makes a token with a fresh secret.
func NewJoinToken(region, gateway string, rootSPKI [32]byte) (JoinToken, error) {
	t := JoinToken{Region: region, Gateway: gateway, RootSPKI: rootSPKI}
	if err := t.validate(); err != nil {
		return JoinToken{}, fmt.Errorf("join token: %w", err)
	}
	_, err := rand.Read(t.Secret[:])
	return t, err
}

// LooksLikeJoinToken reports whether s has the form of a join token; it may still be damaged, used or expired.
func LooksLikeJoinToken(s string) bool { return tokenForm.MatchString(s) }

// ParseJoinToken reads a token. Its errors never hold any part of the text.
func ParseJoinToken(s string) (JoinToken, error) {
	t, err := parseJoinToken(strings.TrimSpace(s))
	if err != nil {
		return JoinToken{}, fmt.Errorf("join token: %w", err)
	}
	return t, nil
}

func parseJoinToken(s string) (JoinToken, error) {
	switch {
	case !strings.HasPrefix(s, joinPrefix):
		return JoinToken{}, errors.New("it does not start with kcj1_")
	case len(s) > maxTokenLen:
		return JoinToken{}, errors.New("it is too long")
	case len(s) < len(joinPrefix)+checkDigits+1:
		return JoinToken{}, errors.New("it is too short")
	}
	cut := len(s) - checkDigits
	if subtle.ConstantTimeCompare([]byte(s[cut:]), []byte(checksum(s[:cut]))) != 1 {
		return JoinToken{}, errors.New("its checksum is wrong: was it copied whole?")
	}
	raw, err := base62Decode(s[len(joinPrefix):cut])
	if err != nil {
		return JoinToken{}, err
	}
	t, err := unpackToken(raw)
	if err != nil {
		return JoinToken{}, err
	}
	if t.String() != s { // one token, one spelling
		return JoinToken{}, errors.New("it is not in its canonical form")
	}
	return t, t.validate()
}

func unpackToken(raw []byte) (JoinToken, error) {
	var t JoinToken
	bad := errors.New("its content can't be read")
	if len(raw) == 0 || raw[0] != 1 {
		return t, bad
	}
	take := func(n int) (b []byte) {
		if n < 0 || len(raw) < n {
			return nil
		}
		b, raw = raw[:n:n], raw[n:]
		return b
	}
	str := func() (string, bool) {
		n := take(1)
		if n == nil {
			return "", false
		}
		b := take(int(n[0]))
		return string(b), b != nil
	}
	take(1)
	var ok1, ok2 bool
	t.Region, ok1 = str()
	t.Gateway, ok2 = str()
	if !ok1 || !ok2 || len(raw) != 64 {
		return t, bad
	}
	copy(t.RootSPKI[:], take(32))
	copy(t.Secret[:], take(32))
	return t, nil
}

func (t JoinToken) validate() error {
	if !validLabel(t.Region) {
		return errors.New("the region is not of a-z, 0-9 and '-'")
	}
	host, port, err := net.SplitHostPort(t.Gateway)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || host == "" || perr != nil || n == 0 || len(t.Gateway) > 200 {
		return errors.New("the gateway is not host:port")
	}
	return nil
}

// String is the token itself, secret included: it is for the one page that shows it.
func (t JoinToken) String() string {
	raw := []byte{1, byte(len(t.Region))}
	raw = append(raw, t.Region...)
	raw = append(raw, byte(len(t.Gateway)))
	raw = append(raw, t.Gateway...)
	raw = append(raw, t.RootSPKI[:]...)
	raw = append(raw, t.Secret[:]...)
	s := joinPrefix + new(big.Int).SetBytes(raw).Text(62)
	return s + checksum(s)
}

// SecretHash is what the control plane stores and looks up: SHA-256 of the secret.
func (t JoinToken) SecretHash() [32]byte { return sha256.Sum256(t.Secret[:]) }

// LogValue hides the secret.
func (t JoinToken) LogValue() slog.Value {
	return slog.GroupValue(slog.String("region", t.Region), slog.String("gateway", t.Gateway))
}

// GoString hides the secret from %#v.
func (t JoinToken) GoString() string {
	return "pki.JoinToken{Region:" + strconv.Quote(t.Region) + ", ...}"
}

// SPKIHash is SHA-256 of a certificate's public key information: the pin in a join token.
func SPKIHash(c *x509.Certificate) [32]byte { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

func checksum(s string) string {
	n := new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(s)))).Text(62)
	return strings.Repeat("0", checkDigits-len(n)) + n
}

func base62Decode(s string) ([]byte, error) {
	for _, c := range []byte(s) {
		if !strings.ContainsRune(base62Digits, rune(c)) {
			return nil, errors.New("it holds a character that is not a letter or digit")
		}
	}
	n, ok := new(big.Int).SetString(s, 62)
	if !ok {
		return nil, errors.New("its content can't be read")
	}
	return n.Bytes(), nil
}
