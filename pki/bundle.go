package pki

import (
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"
)

// Bundle is whom to believe. Its version counts; a party that holds an older one has to learn.
type Bundle struct {
	Version    int64
	Roots      []*x509.Certificate
	Distrusted []string // fingerprints of authorities whose key may be in other hands
}

// ErrDistrusted means that a chain goes through an authority that was revoked.
var ErrDistrusted = errors.New("the certificate comes from an authority that was revoked")

// VerifyServer checks the certificates that a server showed, the leaf first, for host at the time now, and returns the
// chains that hold without a distrusted authority.
func (b Bundle) VerifyServer(shown []*x509.Certificate, host string, now time.Time) ([][]*x509.Certificate, error) {
	if len(shown) == 0 {
		return nil, errors.New("the server showed no certificate")
	}
	chains, err := shown[0].Verify(x509.VerifyOptions{
		Roots: Pool(b.Roots), Intermediates: Pool(shown[1:]), DNSName: host, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return nil, err
	}
	return b.Trusted(chains)
}

// Trusted are the chains without a distrusted authority; none is ErrDistrusted.
func (b Bundle) Trusted(chains [][]*x509.Certificate) ([][]*x509.Certificate, error) {
	chains = slices.DeleteFunc(slices.Clone(chains), func(chain []*x509.Certificate) bool {
		return slices.ContainsFunc(chain[1:], func(c *x509.Certificate) bool { return slices.Contains(b.Distrusted, Fingerprint(c)) })
	})
	if len(chains) == 0 {
		return nil, ErrDistrusted
	}
	return chains, nil
}

// rootHint starts the ALPN names by which a client says which roots it knows: a gateway in the middle of a rotation
// then shows one of them. A name that a gateway does not know is ignored.
const rootHint = "kc-root/"

// RootHint is the ALPN name for a root of which only the hash of the key is known.
func RootHint(spki [32]byte) string { return rootHint + hex.EncodeToString(spki[:8]) }

// RootHints are the ALPN names for the bundle's roots.
func (b Bundle) RootHints() (out []string) {
	for _, c := range b.Roots {
		out = append(out, RootHint(SPKIHash(c)))
	}
	return out
}

// Hinted are the hints among a client's ALPN names.
func Hinted(protos []string) (out []string) {
	for _, p := range protos {
		if strings.HasPrefix(p, rootHint) {
			out = append(out, p)
		}
	}
	return out
}
