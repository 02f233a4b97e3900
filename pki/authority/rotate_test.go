package authority_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/authority"
	"github.com/kubechat/kubechat/pki/pkitest"
)

// fleet is an authority, its gateway, and agents of clusters that follow it.
type fleet struct {
	*pkitest.Authority
	t       *testing.T
	gateway func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	agents  []*agent
}

type agent struct {
	id      pki.Identity
	offline bool
}

func newFleet(t *testing.T, n int) *fleet {
	f := &fleet{Authority: pkitest.New(t), t: t}
	f.gateway = f.Gateway(t)
	for range n {
		f.agents = append(f.agents, &agent{id: f.Enrol(t, "", "", "localhost:1")})
	}
	return f
}

// handshake is a TLS connection of an agent with the gateway, both ways verified.
func (f *fleet) handshake(id pki.Identity) error {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	server := tls.Server(theirs, &tls.Config{
		MinVersion: tls.VersionTLS13, GetCertificate: f.gateway, ClientAuth: tls.RequireAndVerifyClientCert,
		ClientCAs: pki.Pool(f.Roots()), NextProtos: []string{"kct/1"}, SessionTicketsDisabled: true,
	})
	done := make(chan error, 1) // of the one handshake
	go func() { done <- server.Handshake() }()
	cert := id.TLSCertificate()
	client := tls.Client(ours, &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, InsecureSkipVerify: true,
		NextProtos: append([]string{"kct/1"}, id.Bundle().RootHints()...),
		VerifyConnection: func(cs tls.ConnectionState) error {
			chains, err := id.Bundle().VerifyServer(cs.PeerCertificates, "localhost", time.Now())
			if err != nil {
				return err
			}
			cs.VerifiedChains = chains
			return pki.CheckGateway(cs, pkitest.TrustDomain, []string{"kct/1"})
		},
	})
	if err := client.Handshake(); err != nil {
		_ = ours.Close()
		<-done
		return err
	}
	return <-done
}

// follow lets every agent that is online connect, learn, tell what it learned, and renew.
func (f *fleet) follow(renewing bool) {
	f.t.Helper()
	for i, a := range f.agents {
		if a.offline {
			continue
		}
		for range 2 {
			if err := f.handshake(a.id); err != nil {
				f.t.Fatalf("agent %d: handshake in %s: %v", i, f.phase(), err)
			}
			claim := pki.TrustRequest{Bundle: a.id.BundleVersion}
			b, err := f.Learn(f.t.Context(), a.id.ID.Tenant, a.id.ID.Cluster, a.id.Chain[0], claim)
			if err != nil {
				f.t.Fatalf("agent %d: learn in %s: %v", i, f.phase(), err)
			}
			if b.Version > a.id.BundleVersion {
				a.id = a.id.WithBundle(b)
			}
		}
		if renewing {
			a.id = f.Renewed(f.t, a.id)
		}
	}
}

func (f *fleet) phase() pki.Phase {
	t, err := f.Store.Trust(f.t.Context(), pkitest.TrustDomain)
	if err != nil {
		f.t.Fatal(err)
	}
	return t.Phase
}

func (f *fleet) enter(to pki.Phase, o authority.Override) error {
	return f.Enter(f.t.Context(), "somebody", to, "", o)
}

func (f *fleet) mustEnter(to pki.Phase) {
	f.t.Helper()
	if err := f.enter(to, authority.Override{}); err != nil {
		f.t.Fatalf("enter %s: %v", to, err)
	}
}

func TestRootIsReplacedWithoutAnAgentNoticing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3)
		token, err := f.NewJoinToken("localhost:1")
		if err != nil {
			t.Fatal(err)
		}
		old := f.Bundle().Roots[0]
		f.follow(false)
		if _, err := f.PrepareRoot(t.Context(), "somebody"); err != nil {
			t.Fatal(err)
		}
		f.mustEnter(pki.Init)
		late := f.agents[2]
		late.offline = true
		if err := f.enter(pki.UpdateClients, authority.Override{}); !errors.Is(err, authority.ErrBehind) || !strings.Contains(err.Error(), "3 clusters") {
			t.Fatalf("nobody has learned, and: %v", err)
		}
		f.follow(false)
		if err := f.enter(pki.UpdateClients, authority.Override{}); !errors.Is(err, authority.ErrBehind) {
			t.Fatalf("one has not learned, and: %v", err)
		}
		time.Sleep(pki.AgentLifetime + time.Hour - time.Minute) // the one away has expired: nobody waits for it
		for _, a := range f.agents[:2] {
			if err := recovery2(t, f, a); err != nil {
				t.Fatal(err)
			}
		}
		f.follow(true)
		f.mustEnter(pki.UpdateClients)
		f.follow(true)
		for _, a := range f.agents[:2] {
			if a.id.Chain[1].CheckSignatureFrom(f.Bundle().Roots[1]) != nil {
				t.Error("an agent's certificate still comes from the old root")
			}
		}
		f.mustEnter(pki.UpdateServers)
		f.follow(true)
		if shown := must(t, f.gateway); !slices.Equal(shown.Certificate[2], f.Bundle().Roots[1].Raw) {
			t.Error("the gateway still shows the old root to whoever does not ask for it")
		}
		if hinted, err := f.gateway(&tls.ClientHelloInfo{SupportedProtos: []string{"http/1.1", pki.RootHint(token.RootSPKI)}}); err != nil ||
			!slices.Equal(hinted.Certificate[2], old.Raw) {
			t.Errorf("a join token from before is worthless: %v", err)
		}
		// The one that was away knows the old root only, and comes back with an expired certificate.
		late.offline = false
		if err := recovery2(t, f, late); err != nil {
			t.Fatalf("the one that was away: %v", err)
		}
		f.follow(false)
		if err := f.enter(pki.Standby, authority.Override{}); !errors.Is(err, authority.ErrBehind) {
			t.Fatalf("others may still come back like that, and: %v", err)
		}
		for range 15 {
			time.Sleep(pki.AgentLifetime - time.Hour)
			f.follow(true)
		}
		time.Sleep(pki.AgentLifetime - time.Hour)
		f.follow(true)
		f.mustEnter(pki.Standby)
		f.follow(true)
		if b := f.Bundle(); len(b.Roots) != 1 || b.Roots[0].Equal(old) {
			t.Errorf("%d roots are believed", len(b.Roots))
		}
	})
}

// recovery2 brings an agent with an expired certificate back.
func recovery2(t *testing.T, f *fleet, a *agent) error {
	t.Helper()
	key, csr := pkitest.Request(t)
	proof, err := pki.SignProof(a.id, csr, time.Now())
	if err != nil {
		return err
	}
	_, chain, err := f.Recover(t.Context(), proof, csr)
	if err != nil {
		return err
	}
	a.id, err = pki.NewIdentity(key, f.Answer(chain), a.id.Gateway, time.Now())
	return err
}

func TestEveryPhaseRollsBack(t *testing.T) {
	for _, at := range []pki.Phase{pki.Init, pki.UpdateClients, pki.UpdateServers} {
		t.Run(string(at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, 2)
				old := f.Bundle().Roots[0]
				if _, err := f.PrepareRoot(t.Context(), "somebody"); err != nil {
					t.Fatal(err)
				}
				for _, p := range []pki.Phase{pki.Init, pki.UpdateClients, pki.UpdateServers} {
					f.mustEnter(p)
					f.follow(true)
					if p == at {
						break
					}
				}
				f.mustEnter(pki.Rollback)
				if at != pki.Init {
					if err := f.enter(pki.Standby, authority.Override{}); !errors.Is(err, authority.ErrBehind) {
						t.Errorf("agents hold certificates of the next root, and: %v", err)
					}
				}
				f.follow(true)
				f.mustEnter(pki.Standby)
				f.follow(true)
				if b := f.Bundle(); len(b.Roots) != 1 || !b.Roots[0].Equal(old) {
					t.Errorf("%d roots are believed", len(b.Roots))
				}
				if err := f.enter(pki.UpdateServers, authority.Override{}); !errors.Is(err, pki.ErrPhase) {
					t.Errorf("a phase was skipped: %v", err)
				}
			})
		})
	}
}

func TestOverrideIsRecordedWithItsReason(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	if _, err := f.PrepareRoot(t.Context(), "somebody"); err != nil {
		t.Fatal(err)
	}
	f.mustEnter(pki.Init)
	if err := f.enter(pki.UpdateClients, authority.Override{Force: true}); err == nil {
		t.Error("an override needs no reason")
	}
	if err := f.enter(pki.UpdateClients, authority.Override{Force: true, Reason: "drill 7"}); err != nil {
		t.Fatal(err)
	}
	events := f.Store.Events()
	last := events[len(events)-1]
	if last.Actor != "somebody" || !strings.Contains(last.Detail, "drill 7") || !strings.Contains(last.Detail, "1 clusters have not followed") {
		t.Errorf("recorded: %+v", last)
	}
}

// The compromise drill: the issuing key is in other hands.
func TestRevokedIssuingAuthorityIsBelievedByNobodyAndItsAgentsGoOn(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	stolen := f.agents[0].id.Chain[1]
	evil := f.Forge(t, same(f.agents[0].id))
	if err := f.Taint(t.Context(), "somebody", pki.Fingerprint(stolen), ""); err == nil {
		t.Error("revoked without a reason")
	}
	shown := must(t, f.gateway) // what a thief could make as well
	if err := f.Taint(t.Context(), "somebody", pki.Fingerprint(stolen), "drill"); err != nil {
		t.Fatal(err)
	}
	f.follow(false)
	if !slices.Contains(f.agents[0].id.Distrusted, pki.Fingerprint(stolen)) {
		t.Error("the agent did not learn")
	}
	leaf := parse(t, shown.Certificate...)
	if _, err := f.agents[0].id.Bundle().VerifyServer(leaf, "localhost", time.Now()); !errors.Is(err, pki.ErrDistrusted) {
		t.Errorf("an agent believes a gateway with a certificate of it: %v", err)
	}
	if err := renew(t, f.Authority, evil.Chain[0]); !errors.Is(err, pki.ErrForged) {
		t.Errorf("a forged certificate: %v", err)
	}
	f.follow(true)
	if next := f.agents[1].id.Chain[1]; next.Equal(stolen) {
		t.Error("it still signs")
	}
	f.follow(true)
	if err := f.Taint(t.Context(), "somebody", pki.Fingerprint(f.Bundle().Roots[0]), "drill"); err == nil {
		t.Error("the root in use was revoked: nobody could connect any more")
	}
}

func parse(t *testing.T, ders ...[]byte) (out []*x509.Certificate) {
	t.Helper()
	for _, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}
