// Package enroll turns a join token into an agent's first identity: it makes the key, dials the gateway named in the
// token inside a TLS pinned by the token's hash of the root, and redeems the token's secret for a certificate. What
// comes back is checked like anything else from outside. Start at Join.
package enroll

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/kubechat/kubechat/pki"
)

// Identity is what enrolment gives.
type Identity = pki.Identity

// Unmarshal reads an identity from a Secret's data; see pki.UnmarshalIdentity.
func Unmarshal(data map[string][]byte) (Identity, error) { return pki.UnmarshalIdentity(data) }

// Config is what Join needs.
type Config struct {
	Token pki.JoinToken
	// Dial opens a raw connection to the gateway, through the cluster's proxy if it has one. Nil dials directly.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// Fallback, optional, opens it in another way, for when what Dial opened does not lead to a TLS with the root that
	// the token names: something on the way opens TLS, or lets nothing but HTTP out. The token is not sent before.
	Fallback          func(ctx context.Context, addr string) (net.Conn, error)
	KubeSystemUID     string // pins the token to this cluster
	AgentVersion      string
	KubernetesVersion string
	Own               pki.OwnCluster   // proves which cluster this is; may be empty
	Timeout           time.Duration    // for the whole of it; 0 is 30 s
	Now               func() time.Time // nil is time.Now
}

// Join redeems the token once. An error that is a *pki.CallError with Final() true will not go away by trying again;
// any other may. A token counts as used once the control plane has answered, even if the answer is lost.
func Join(ctx context.Context, cfg Config) (Identity, error) {
	cfg.setDefaults()
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	id, err := join(ctx, cfg)
	if err != nil {
		return Identity{}, fmt.Errorf("enrol at %s: %w", cfg.Token.Gateway, err)
	}
	return id, nil
}

func (c *Config) setDefaults() {
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Dial == nil {
		c.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		}
	}
}

// State asks the token's gateway whether the token could be redeemed (pki.TokenAnswer), inside the same TLS, and leaves
// it as it is. A gateway of before does not say: its answer is a *pki.CallError of 404 without a code.
func State(ctx context.Context, cfg Config) (string, error) {
	cfg.setDefaults()
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	var answer pki.TokenAnswer
	var domain string
	err := pki.Call(ctx, pinnedClient(cfg, &domain), "https://"+cfg.Token.Gateway+pki.TokenPath, pki.TokenRequest{Token: cfg.Token.String()}, &answer)
	if err != nil {
		return "", fmt.Errorf("ask %s about the join token: %w", cfg.Token.Gateway, err)
	}
	return answer.State, nil
}

// pinnedClient sends nothing before TLS is what the token says; domain becomes the gateway's trust domain.
func pinnedClient(cfg Config, domain *string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialTLSContext: func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
			conn, *domain, err = dialPinned(ctx, cfg)
			return conn, err
		},
		DisableKeepAlives: true,
	}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func join(ctx context.Context, cfg Config) (Identity, error) {
	key, err := pki.NewKey()
	if err != nil {
		return Identity{}, err
	}
	csr, err := pki.NewCSR(key)
	if err != nil {
		return Identity{}, err
	}
	var gatewayDomain string
	client := pinnedClient(cfg, &gatewayDomain)
	var answer pki.Certificates
	err = pki.Call(ctx, client, "https://"+cfg.Token.Gateway+pki.EnrolPath, pki.EnrolRequest{
		Token: cfg.Token.String(), CSR: pki.MarshalCSR(csr), KubeSystemUID: cfg.KubeSystemUID,
		AgentVersion: cfg.AgentVersion, KubernetesVersion: cfg.KubernetesVersion, OwnCluster: cfg.Own,
	}, &answer)
	if err != nil {
		return Identity{}, err
	}
	id, err := pki.NewIdentity(key, answer, cfg.Token.Gateway, cfg.Now())
	switch {
	case err != nil:
		return Identity{}, err
	case id.ID.TrustDomain != gatewayDomain:
		return Identity{}, errors.New("issued certificate: another trust domain than the gateway's")
	case pinned(id.Roots, cfg.Token.RootSPKI) == nil:
		return Identity{}, errors.New("issued roots: the one the token names is missing")
	}
	return id, nil
}

// dialPinned opens TLS 1.3 to the gateway, in one of the ways there are.
func dialPinned(ctx context.Context, cfg Config) (net.Conn, string, error) {
	first := ctx
	if cfg.Fallback != nil { // the first way may hang, and must leave time for the second
		var cancel context.CancelFunc
		first, cancel = context.WithTimeout(ctx, cfg.Timeout/2)
		defer cancel()
	}
	conn, domain, err := dialPinnedBy(first, cfg, cfg.Dial)
	if unreached, ok := errors.AsType[unreachable](err); ok {
		return nil, "", unreached.error // which the other way would be as well
	}
	if err == nil || cfg.Fallback == nil || ctx.Err() != nil {
		return conn, domain, err
	}
	conn, domain, again := dialPinnedBy(ctx, cfg, cfg.Fallback)
	if again != nil {
		return nil, "", errors.Join(err, again)
	}
	return conn, domain, nil
}

// unreachable marks that there is no connection at all.
type unreachable struct{ error }

func (u unreachable) Unwrap() error { return u.error }

// dialPinnedBy opens TLS 1.3 to the gateway. The only trust anchor is the root whose key the token names; the gateway
// sends it along in its chain.
func dialPinnedBy(ctx context.Context, cfg Config, dial func(context.Context, string) (net.Conn, error)) (net.Conn, string, error) {
	host, _, err := net.SplitHostPort(cfg.Token.Gateway)
	if err != nil {
		return nil, "", err
	}
	raw, err := dial(ctx, cfg.Token.Gateway)
	if err != nil {
		return nil, "", unreachable{err}
	}
	var domain string
	conn := tls.Client(raw, &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: host, NextProtos: []string{"http/1.1", pki.RootHint(cfg.Token.RootSPKI)},
		InsecureSkipVerify: true, // verified below, against the pin instead of the system's roots
		VerifyConnection: func(cs tls.ConnectionState) (err error) {
			domain, err = verifyPinned(cs, cfg.Token.RootSPKI, host, cfg.Now())
			return err
		},
	})
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, "", err
	}
	return conn, domain, nil
}

func verifyPinned(cs tls.ConnectionState, pin [sha256.Size]byte, host string, now time.Time) (string, error) {
	root := pinned(cs.PeerCertificates, pin)
	if root == nil {
		return "", errors.New("the gateway does not show the root that the join token names: " +
			"is something between the cluster and the gateway opening TLS?")
	}
	chains, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{
		Roots: pki.Pool([]*x509.Certificate{root}), Intermediates: pki.Pool(cs.PeerCertificates[1:]),
		DNSName: host, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return "", err
	}
	cs.VerifiedChains = chains
	if err := pki.CheckGateway(cs, "", []string{"http/1.1"}); err != nil {
		return "", err
	}
	id, err := pki.PeerID(cs)
	return id.TrustDomain, err
}

func pinned(certs []*x509.Certificate, pin [sha256.Size]byte) *x509.Certificate {
	for _, c := range certs {
		if pki.SPKIHash(c) == pin && c.IsCA {
			return c
		}
	}
	return nil
}
