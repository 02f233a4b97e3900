package gateway_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/pkitest"
	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
)

// clientConfig is an agent's, believing the rig's root.
func (r *rig) clientConfig(id *pki.Identity, alpn ...string) *tls.Config {
	cfg := pki.GatewayConfig("127.0.0.1", pkitest.TrustDomain, pki.Pool(r.authority.Roots()), alpn...)
	if id != nil {
		cfg.Certificates = []tls.Certificate{id.TLSCertificate()}
	}
	return cfg
}

func (r *rig) forge(t *testing.T, change func(*x509.Certificate)) *pki.Identity {
	id := pkitest.Forge(t, r.db.DB.PKI(), r.keys, r.authority.Roots(), change)
	return &id
}

// own puts a forged identity on record, as if it had been issued.
func (r *rig) own(t *testing.T, id *pki.Identity) {
	t.Helper()
	err := r.db.DB.PKI().Line(t.Context(), id.ID.Tenant, id.ID.Cluster, func(l *pki.Line) error {
		l.Enrol(id.Chain[0], pki.Pin{}, id.Chain[0].NotBefore)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOnlyAClusterOfThisRegionGetsATunnel(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, joined := r.joined(t, "prod")
	named := pki.ClusterID(pkitest.TrustDomain, string(r.admin.Tenant), string(c.ID))
	elsewhere := pkitest.New(t) // the same trust domain's name, another root
	foreign := elsewhere.Enrol(t, string(r.admin.Tenant), string(c.ID), r.addr)
	service, err := r.authority.Service(t.Context(), pki.GatewayService, "r2", nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	asService := r.clientConfig(nil, tlsmux.ALPN)
	asService.Certificates = []tls.Certificate{*service}
	old := r.clientConfig(&joined, tlsmux.ALPN)
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	for name, cfg := range map[string]*tls.Config{
		"no certificate":           r.clientConfig(nil, tlsmux.ALPN),
		"a service's certificate":  asService,
		"another authority's":      r.clientConfig(&foreign, tlsmux.ALPN),
		"TLS 1.2":                  old,
		"no protocol":              r.clientConfig(&joined),
		"an unknown protocol":      r.clientConfig(&joined, "kct/9"),
		"a cluster that never was": r.clientConfig(r.forge(t, nil), tlsmux.ALPN),
		"an expired certificate": r.clientConfig(r.forge(t, func(x *x509.Certificate) {
			x.URIs, x.NotAfter = []*url.URL{named.URL()}, time.Now().Add(-30*time.Second)
		}), tlsmux.ALPN),
		"two names": r.clientConfig(r.forge(t, func(x *x509.Certificate) { x.URIs = []*url.URL{named.URL(), named.URL()} }), tlsmux.ALPN),
		"a server's key usage": r.clientConfig(r.forge(t, func(x *x509.Certificate) {
			x.URIs, x.ExtKeyUsage = []*url.URL{named.URL()}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}), tlsmux.ALPN),
		"another tenant's cluster": r.clientConfig(r.forge(t, func(x *x509.Certificate) {
			x.URIs = []*url.URL{pki.ClusterID(pkitest.TrustDomain, uuid.NewString(), string(c.ID)).URL()}
		}), tlsmux.ALPN),
		"another region's": r.clientConfig(r.forge(t, func(x *x509.Certificate) {
			x.URIs = []*url.URL{pki.ClusterID("us1.kubechat.test", string(r.admin.Tenant), string(c.ID)).URL()}
		}), tlsmux.ALPN),
		"a cluster and a host's name": r.clientConfig(r.forge(t, func(x *x509.Certificate) { x.URIs, x.DNSNames = []*url.URL{named.URL()}, []string{"invalid"} }), tlsmux.ALPN),
	} {
		if s, err := r.dialTLS(t.Context(), cfg, tunnel.Config{}); err == nil {
			_ = s.Close()
			t.Errorf("%s: got a session", name)
		}
	}
	if s, err := r.dialTLS(t.Context(), r.clientConfig(&joined, tlsmux.ALPN), tunnel.Config{}); err != nil {
		t.Errorf("the cluster itself: %v", err)
	} else {
		_ = s.Close()
	}
}

func TestTLSIsNeverResumed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, joined := r.joined(t, "prod")
	cfg := r.clientConfig(&joined, tlsmux.ALPN)
	tickets := &ticketCount{}
	cfg.ClientSessionCache = tickets
	for range 3 {
		conn, err := (&tls.Dialer{Config: cfg}).DialContext(t.Context(), "tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		s, err := tlsmux.Agent(t.Context(), conn, tunnel.Config{}) // reads, so that a ticket would have come
		if err != nil {
			t.Fatal(err)
		}
		if conn.(*tls.Conn).ConnectionState().DidResume {
			t.Error("resumed: the chain is not checked again then")
		}
		_ = s.Close()
	}
	if n := tickets.Load(); n > 0 {
		t.Errorf("%d tickets were given out: a replica that shares their keys would resume", n)
	}
}

// ticketCount counts the tickets that a server gives out.
type ticketCount struct{ atomic.Int32 }

// Get implements tls.ClientSessionCache.
func (*ticketCount) Get(string) (*tls.ClientSessionState, bool) { return nil, false }

// Put implements tls.ClientSessionCache.
func (c *ticketCount) Put(_ string, s *tls.ClientSessionState) {
	if s != nil {
		c.Add(1)
	}
}

func TestSessionEndsBeforeItsCertificateDoes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, _ := r.joined(t, "prod")
	named := pki.ClusterID(pkitest.TrustDomain, string(r.admin.Tenant), string(c.ID))
	short := r.forge(t, func(x *x509.Certificate) {
		x.URIs, x.NotAfter = []*url.URL{named.URL()}, time.Now().Add(30*time.Second)
	})
	r.own(t, short)
	s, err := r.dialTLS(t.Context(), r.clientConfig(short, tlsmux.ALPN), tunnel.Config{})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "the agent is asked to make a new session", patience, s.Draining())
	within(t, "the session is closed", patience, s.Done())
	if time.Now().After(short.Chain[0].NotAfter) {
		t.Error("it outlived its certificate")
	}
	var cause *tunnel.CloseError
	if !errors.As(s.Cause(), &cause) || cause.Reason != tunnel.ReasonExpired {
		t.Errorf("told: %v", s.Cause())
	}
	eventually(t, "the directory knows", func() bool {
		now, err := r.clusters.Get(t.Context(), r.admin, c.ID)
		return err == nil && now.Sessions == 0
	})
}

func TestTenantOfASessionComesFromItsCertificateOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, joined := r.joined(t, "prod")
	other := uuid.NewString()
	s, err := r.dial(t.Context(), joined, tunnel.Config{Hello: tunnel.Hello{Name: other}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	eventually(t, "the session is its own tenant's", func() bool { return r.Sessions(r.admin.Tenant, "") == 0 && sessionsOf(r, joined) == 1 })
	if n := r.Sessions(tenant.ID(other), clusterOf(joined)); n != 0 {
		t.Errorf("%d sessions under a tenant it claims", n)
	}
}
