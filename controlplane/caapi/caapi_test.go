package caapi_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/ca"
	"github.com/kubechat/kubechat/controlplane/caapi"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/authority"
	"github.com/kubechat/kubechat/pki/pkitest"
)

// apart is an authority with its keys and its listener, and what replicas without keys need of it.
type apart struct {
	*pkitest.Authority
	url, tokenFile string
	token          string // its text

	mu     sync.Mutex // guards tokens
	tokens map[[32]byte]pki.ID
}

func newApart(t *testing.T) *apart {
	t.Helper()
	a := &apart{Authority: pkitest.New(t), tokens: map[[32]byte]pki.ID{}, tokenFile: filepath.Join(t.TempDir(), "token")}
	a.newToken(t, time.Hour)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a.url = "https://" + l.Addr().String()
	a.serve(t, l)
	return a
}

func (a *apart) serve(t *testing.T, l net.Listener) (stop func()) {
	t.Helper()
	server := caapi.NewServer(caapi.ServerConfig{
		Authority: a.Authority.Authority, Desk: ca.NewDesk(a.Authority.Authority, a.redeem, slog.New(slog.DiscardHandler)),
		Certificate: a.ServiceCertificate(pki.CAService, pki.CAInstance, nil, nil),
		DNSNames:    []string{"localhost"}, Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1) // Serve's one result
	go func() { ended <- server.Serve(ctx, l) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the authority's server ended with %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// newToken makes a replica token, and puts it where replicas read theirs.
func (a *apart) newToken(t *testing.T, life time.Duration) {
	t.Helper()
	token, err := authority.MakeReplicaToken(t.Context(), a.operator(), "test", "replicas", life)
	if err != nil {
		t.Fatal(err)
	}
	a.token = token.String()
	if err := os.WriteFile(a.tokenFile, []byte(a.token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// operator is who stands beside the keys.
func (a *apart) operator() authority.Config {
	return authority.Config{TrustDomain: pkitest.TrustDomain, Keys: a.Keys, Store: a.Store}
}

// redeem is package cluster's, in memory.
func (a *apart) redeem(_ context.Context, hash []byte, _ string) (tenant.ID, cluster.ID, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id, ok := a.tokens[[32]byte(hash)]
	if !ok {
		return "", "", problem.New(problem.Expired, "This join token was used already.").WithCode("join_token_used").WithFix("Make a new one.")
	}
	delete(a.tokens, [32]byte(hash))
	return tenant.ID(id.Tenant), cluster.ID(id.Cluster), nil
}

// joinToken is for a cluster that has none yet.
func (a *apart) joinToken(t *testing.T) (text string, id pki.ID) {
	t.Helper()
	token, err := a.NewJoinToken("127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	id = pki.ClusterID(pkitest.TrustDomain, uuid.NewString(), uuid.NewString())
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens[token.SecretHash()] = id
	return token.String(), id
}

// replica is a process without keys.
type replica struct {
	*authority.Authority
	*caapi.Client
	certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	name        string
	changed     chan struct{} // tells it to look at the authorities
}

// replica makes one, which has asked nothing yet.
func (a *apart) replica(t *testing.T) *replica {
	t.Helper()
	r := &replica{name: uuid.NewString(), changed: make(chan struct{})}
	r.Client = caapi.NewClient(caapi.ClientConfig{
		URL: a.url, TokenFile: a.tokenFile, TrustDomain: pkitest.TrustDomain,
		Roots:       func() []*x509.Certificate { return r.Authority.Roots() },
		Bundle:      func() pki.Bundle { return r.Authority.Bundle() },
		Certificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return r.certificate(h) },
	})
	var err error
	r.Authority, err = authority.New(t.Context(), authority.Config{
		TrustDomain: pkitest.TrustDomain, Region: pkitest.Region, Remote: r.Client, Store: a.Store, Changed: r.changed,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.certificate = r.ServiceCertificate(pki.ReplicaService, r.name, nil, nil)
	return r
}

func enrolRequest(t *testing.T, token string) (pki.EnrolRequest, func(pki.Certificates) pki.Identity) {
	t.Helper()
	key, csr := pkitest.Request(t)
	return pki.EnrolRequest{Token: token, CSR: pki.MarshalCSR(csr)}, func(c pki.Certificates) pki.Identity {
		t.Helper()
		id, err := pki.NewIdentity(key, c, "127.0.0.1:1", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
}

func code(err error) string {
	var p *problem.Error
	if errors.As(err, &p) {
		return string(p.Kind) + " " + p.Code
	}
	return ""
}

func TestReplicaWithoutKeysGetsItsCertificatesAndPassesAgentsCallsOn(t *testing.T) {
	t.Parallel()
	a := newApart(t)
	r := a.replica(t)
	cert, err := r.certificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := cert.Leaf.URIs[0].String(); got != pki.ServiceID(pkitest.TrustDomain, pki.ReplicaService, r.name).String() || len(cert.Leaf.DNSNames) > 0 {
		t.Errorf("the replica is %s with %v", got, cert.Leaf.DNSNames)
	}
	gate, err := r.ServiceCertificate(pki.GatewayService, r.name, []string{"evil.example"}, nil)(nil)
	if err != nil || len(gate.Leaf.DNSNames) != 1 || gate.Leaf.DNSNames[0] != "localhost" {
		t.Fatalf("a gateway's names are the authority's to choose: %v %v", gate, err)
	}
	if again, err := r.certificate(nil); err != nil || again != cert {
		t.Errorf("asked for once more: %v", err)
	}

	text, want := a.joinToken(t)
	in, identity := enrolRequest(t, text)
	answer, err := r.Client.Enrol(t.Context(), in)
	if err != nil || answer.ClusterID != want.Cluster || answer.TenantID != want.Tenant {
		t.Fatalf("%+v %v", answer, err)
	}
	id := identity(answer)
	if err := r.Prove(t.Context(), id.ID.Tenant, id.ID.Cluster, id.Chain[0], pki.Claim{}); err != nil {
		t.Errorf("a replica without keys judges by the same record: %v", err)
	}
	if _, err := r.Client.Enrol(t.Context(), in); code(err) != "expired join_token_used" {
		t.Errorf("the token again: %v", err)
	}
	_, csr := pkitest.Request(t)
	proof, err := pki.SignProof(id, csr, time.Now().Add(3*time.Hour)) // an agent's clock may be wrong
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Client.Renew(t.Context(), id.Chain[0], pki.RenewRequest{CSR: pki.MarshalCSR(csr), Proof: proof}); err != nil {
		t.Errorf("renewal: %v", err)
	}
}

func TestWhoPassesACallOnGetsNothingByItself(t *testing.T) {
	t.Parallel()
	a := newApart(t)
	r := a.replica(t)
	id := a.Enrol(t, "", "", "")
	victim := a.Enrol(t, "", "", "")
	mine, other := request(t), request(t)
	proofOf := func(i pki.Identity, csr *x509.CertificateRequest, at time.Time) string {
		t.Helper()
		p, err := pki.SignProof(i, csr, at)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	borrowed := victim // somebody else's certificate, which is no secret, and a key of one's own
	borrowed.Key = id.Key
	expired := proofOf(id, mine, time.Now().Add(48*time.Hour))
	for name, in := range map[string]pki.RenewRequest{
		"a proof for another request":        {CSR: pki.MarshalCSR(other), Proof: proofOf(id, mine, time.Now())},
		"a certificate without its key":      {CSR: pki.MarshalCSR(mine), Proof: proofOf(borrowed, mine, time.Now())},
		"a proof from after the certificate": {CSR: pki.MarshalCSR(mine), Proof: expired},
		"nonsense":                           {CSR: pki.MarshalCSR(mine), Proof: "a.b.c"},
	} {
		if _, err := r.Client.Renew(t.Context(), victim.Chain[0], in); code(err) != "unauthenticated identity_void" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := r.Client.Renew(t.Context(), victim.Chain[0], pki.RenewRequest{CSR: pki.MarshalCSR(mine)}); code(err) != "unavailable agent_too_old" {
		t.Errorf("no proof: %v", err)
	}
	proof := proofOf(id, mine, time.Now())
	if _, err := r.Client.Renew(t.Context(), nil, pki.RenewRequest{CSR: pki.MarshalCSR(mine), Proof: proof}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Client.Renew(t.Context(), nil, pki.RenewRequest{CSR: pki.MarshalCSR(mine), Proof: proof}); code(err) != "unauthenticated identity_void" {
		t.Errorf("the proof once more: %v", err)
	}
	text, _ := a.joinToken(t)
	if _, err := r.Client.Enrol(t.Context(), pki.EnrolRequest{Token: text[:len(text)-1], CSR: pki.MarshalCSR(mine)}); code(err) != "invalid join_token_malformed" {
		t.Errorf("a damaged join token: %v", err)
	}
	if _, err := r.Authority.Enrol(t.Context(), id.ID.Tenant, id.ID.Cluster, mine, pki.Pin{}); err == nil {
		t.Error("a process without keys has issued")
	}
}

func request(t *testing.T) *x509.CertificateRequest {
	t.Helper()
	_, csr := pkitest.Request(t)
	return csr
}

func TestServiceCertificatesAreForTokensThatTheAuthorityMade(t *testing.T) {
	t.Parallel()
	a := newApart(t)
	ask := func(name, instance string) error {
		r := a.replica(t)
		_, err := r.Client.Service(t.Context(), authority.ServiceRequest{Name: name, Instance: instance, CSR: request(t)})
		return err
	}
	for _, service := range []string{pki.CAService, "billing"} {
		if err := ask(service, "x"); code(err) != "forbidden " {
			t.Errorf("service %s: %v", service, err)
		}
	}
	if err := ask(pki.ReplicaService, "../x"); code(err) != "forbidden " {
		t.Errorf("an instance that is no name: %v", err)
	}
	theirs := newApart(t)
	for name, text := range map[string]string{"another authority's": theirs.token, "damaged": a.token[:len(a.token)-2] + "xx", "none": ""} {
		if err := os.WriteFile(a.tokenFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := ask(pki.ReplicaService, "x"); code(err) != "unauthenticated replica_token" {
			t.Errorf("a token that is %s: %v", name, err)
		}
	}
	a.newToken(t, time.Nanosecond)
	if err := ask(pki.ReplicaService, "x"); code(err) != "unauthenticated replica_token" {
		t.Errorf("an ended token: %v", err)
	}
}

func TestReplicaRenewsByWhatItHoldsUntilItsTokenIsRevoked(t *testing.T) {
	t.Parallel()
	a := newApart(t)
	r := a.replica(t)
	held, err := r.certificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	renew := func(name, instance string) error {
		_, err := r.Client.Service(t.Context(), authority.ServiceRequest{Name: name, Instance: instance, CSR: request(t), Held: held})
		return err
	}
	a.newToken(t, time.Nanosecond) // it ends: who is in stays in, nobody comes in
	if err := renew(pki.ReplicaService, r.name); err != nil {
		t.Errorf("renewal after the token's end: %v", err)
	}
	for name, instance := range map[string]string{"another replica": uuid.NewString(), "the gateway beside it": r.name} {
		service := pki.ReplicaService
		if instance == r.name {
			service = pki.GatewayService
		}
		if err := renew(service, instance); err == nil {
			t.Errorf("a replica's certificate was enough to become %s", name)
		}
	}
	a.newToken(t, time.Hour)
	if err := renew(pki.ReplicaService, r.name); err != nil {
		t.Errorf("renewal with a new token: %v", err)
	}
	token, err := pki.ParseReplicaToken(a.token)
	if err != nil {
		t.Fatal(err)
	}
	if err := authority.RevokeReplicaToken(t.Context(), a.operator(), "test", token.ID, "drill"); err != nil {
		t.Fatal(err)
	}
	if err := renew(pki.ReplicaService, r.name); code(err) != "unauthenticated replica_token" {
		t.Errorf("after the token was revoked: %v", err)
	}
}

func TestOnlyReplicasPassCallsOn(t *testing.T) {
	t.Parallel()
	a := newApart(t)
	id := a.Enrol(t, "", "", "")
	r := a.replica(t)
	show := func(cert tls.Certificate) error {
		r.certificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil }
		in, _ := enrolRequest(t, "kcj1_x")
		_, err := r.Client.Enrol(t.Context(), in)
		return err
	}
	if err := show(tls.Certificate{}); code(err) != "unauthenticated " {
		t.Errorf("a stranger: %v", err)
	}
	if err := show(id.TLSCertificate()); code(err) != "unavailable ca_away" {
		t.Errorf("an agent: %v", err)
	}
	gate, err := a.Service(t.Context(), pki.GatewayService, "x", nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := show(*gate); code(err) != "unauthenticated " {
		t.Errorf("a gateway's certificate: %v", err)
	}
}

func TestAuthorityThatIsAwayIsSaidToBe(t *testing.T) {
	t.Parallel()
	a := newApart(t)
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	gone, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	other := newApart(t)
	for want, url := range map[string]string{
		"it refuses the connection":               "https://" + gone.Addr().String(),
		"its name has no address":                 "https://no-such-host.invalid:1",
		"what answers there is not the authority": other.url,
		"it does not answer in time":              "https://" + silent.Addr().String(),
	} {
		a.url = url
		r := a.replica(t)
		began := time.Now()
		_, err := r.certificate(nil)
		var p *problem.Error
		if !errors.As(err, &p) || p.Kind != problem.Unavailable || p.Code != "ca_away" || p.RetryAfter == 0 {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if !strings.Contains(p.Detail, want) {
			t.Errorf("want %q in %q", want, p.Detail)
		}
		if strings.Contains(p.Detail, "127.0.0.1") || time.Since(began) > 10*time.Second {
			t.Errorf("%q after %s", p.Detail, time.Since(began))
		}
	}
}

// asks is a client's greeting that says which root it knows.
func asks(root *x509.Certificate) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{SupportedProtos: []string{"kct/1", pki.RootHint(pki.SPKIHash(root))}}
}

func TestReplicaFollowsWhatHappensToTheAuthorities(t *testing.T) {
	t.Parallel()
	a := newApart(t)
	r := a.replica(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1) // Run's one result
	go func() { ended <- r.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	shown := func(hello *tls.ClientHelloInfo) (issuing, root string) {
		t.Helper()
		cert, err := r.certificate(hello)
		if err != nil {
			t.Fatal(err)
		}
		n := len(cert.Certificate)
		for i, to := range map[int]*string{1: &issuing, n - 1: &root} {
			c, err := x509.ParseCertificate(cert.Certificate[i])
			if err != nil {
				t.Fatal(err)
			}
			*to = pki.Fingerprint(c)
		}
		return issuing, root
	}
	follows := func() { r.changed <- struct{}{}; r.changed <- struct{}{} } // it is back from the first when it takes the second
	first, old := shown(nil)
	if err := a.RotateIssuing(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	follows()
	second, _ := shown(nil)
	if second == first {
		t.Error("the certificate of the issuing authority before is still shown")
	}
	if err := a.Taint(t.Context(), "test", second, "drill"); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(t.Context()); err != nil { // known, and not yet renewed
		t.Fatal(err)
	}
	if third, _ := shown(nil); third == second {
		t.Error("a certificate of a revoked authority is shown")
	}

	// A root is replaced: who knows the new one is shown it, from the moment that it signs.
	force := authority.Override{Force: true, Reason: "drill"}
	if _, err := a.PrepareRoot(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	for _, phase := range []pki.Phase{pki.Init, pki.UpdateClients, pki.UpdateServers} {
		if err := a.Enter(t.Context(), "test", phase, "", force); err != nil {
			t.Fatal(err)
		}
	}
	follows()
	roots := r.Authority.Roots()
	if len(roots) != 2 || pki.Fingerprint(roots[0]) != old {
		t.Fatalf("it believes %d roots", len(roots))
	}
	if _, root := shown(nil); root == old {
		t.Error("the old root is still shown to who does not say what it knows")
	}
	for _, want := range roots {
		if _, root := shown(asks(want)); root != pki.Fingerprint(want) {
			t.Errorf("who knows root %.8s is shown %.8s", pki.Fingerprint(want), root)
		}
	}
	if r.RootSPKI() != pki.SPKIHash(roots[1]) {
		t.Error("join tokens still pin the old root")
	}
	in, _ := enrolRequest(t, "kcj1_x") // calls go on under the new root
	if _, err := r.Client.Enrol(t.Context(), in); code(err) != "invalid join_token_malformed" {
		t.Errorf("a call in the middle of it: %v", err)
	}
}
