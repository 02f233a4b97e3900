package gateway_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/pkitest"
	"github.com/kubechat/kubechat/pki/renew"
	"github.com/kubechat/kubechat/tunnel"
)

func status(err error) int {
	var call *pki.CallError
	if errors.As(err, &call) {
		return call.Status
	}
	return 0
}

func TestAgentJoinsConnectsAndAnswers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, a := r.connected(t, "prod", hello)
	if a.id.ID != pki.ClusterID(pkitest.TrustDomain, string(r.admin.Tenant), string(c.ID)) || a.id.Region != pkitest.Region {
		t.Errorf("joined as %v in %q", a.id.ID, a.id.Region)
	}
	now, err := r.clusters.Get(t.Context(), r.admin, c.ID)
	if err != nil || now.State != cluster.Connected || now.Sessions != 1 || now.AgentVersion != "1.2.3" || now.KubernetesVersion != "v1.37.2" {
		t.Errorf("shown as %+v, %v", now, err)
	}
	if body, err := r.get(t.Context(), r.admin, c.ID, "/version"); err != nil || body != "/version" {
		t.Errorf("answered %q, %v", body, err)
	}
	data, err := a.id.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	back, err := pki.UnmarshalIdentity(data)
	if err != nil || back.ID != a.id.ID || back.Gateway != a.id.Gateway {
		t.Errorf("stored and read: %v, %v", back.LogValue(), err)
	}
}

func TestJoinTokenAdmitsOneOfManyRacingAgents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, token := r.cluster(t, "prod")
	var won, refused atomic.Int32
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			_, err := join(t.Context(), token)
			var call *pki.CallError
			switch {
			case err == nil:
				won.Add(1)
			case errors.As(err, &call) && call.Final() && call.Detail != "":
				refused.Add(1)
			default:
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || refused.Load() != 5 {
		t.Errorf("%d joined, %d refused", won.Load(), refused.Load())
	}
}

func TestTokenOfAnotherRootIsNotShownToThisGateway(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	tok, err := pki.NewJoinToken("eu1", r.addr, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := join(t.Context(), tok.String()); err == nil || status(err) != 0 || !strings.Contains(err.Error(), "root") {
		t.Fatalf("got %v", err)
	}
}

func TestUnknownAndRevokedTokensAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	never, _, err := r.mint()
	if err != nil {
		t.Fatal(err)
	}
	c, revoked := r.cluster(t, "prod")
	tokens, err := r.clusters.JoinTokens(t.Context(), r.admin, c.ID)
	if err != nil || len(tokens) != 1 {
		t.Fatal(len(tokens), err)
	}
	if err := r.clusters.RevokeJoinToken(t.Context(), r.admin, c.ID, tokens[0].ID); err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{"never made": never, "revoked": revoked} {
		if _, err := join(t.Context(), token); status(err) < 400 || status(err) >= 500 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// client speaks to the gateway's calls without pki/enroll, to send what that never would.
func (r *rig) client(certs ...tls.Certificate) *http.Client {
	cfg := pki.GatewayConfig("127.0.0.1", pkitest.TrustDomain, pki.Pool(r.authority.Roots()), "http/1.1")
	cfg.Certificates = certs
	return &http.Client{Transport: &http.Transport{TLSClientConfig: cfg, DisableKeepAlives: true}}
}

func (r *rig) post(t *testing.T, client *http.Client, path string, body io.Reader) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+r.addr+path, body)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestRefusedRequestsDoNotUseTheTokenUp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, token := r.cluster(t, "prod")
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	request := func(tmpl x509.CertificateRequest) string {
		der, err := x509.CreateCertificateRequest(rand.Reader, &tmpl, key)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
	}
	other := pki.ClusterID(pkitest.TrustDomain, uuid.NewString(), uuid.NewString()).URL()
	body := func(in pki.EnrolRequest) io.Reader {
		data, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.NewReader(data)
	}
	for name, c := range map[string]struct {
		body io.Reader
		want int
	}{
		"another tenant's name": {body(pki.EnrolRequest{Token: token, CSR: request(x509.CertificateRequest{URIs: []*url.URL{other}})}), 422},
		"a DNS name":            {body(pki.EnrolRequest{Token: token, CSR: request(x509.CertificateRequest{DNSNames: []string{"localhost"}})}), 422},
		"no request":            {body(pki.EnrolRequest{Token: token}), 422},
		"two requests":          {body(pki.EnrolRequest{Token: token, CSR: strings.Repeat(request(x509.CertificateRequest{}), 2)}), 422},
		"a damaged token":       {body(pki.EnrolRequest{Token: token[:len(token)-1], CSR: request(x509.CertificateRequest{})}), 422},
		"no JSON":               {strings.NewReader("token=" + token), 422},
		"1 MB":                  {body(pki.EnrolRequest{Token: token, CSR: strings.Repeat("x", 1<<20)}), 413},
	} {
		got, text := r.post(t, r.client(), pki.EnrolPath, c.body)
		if got != c.want {
			t.Errorf("%s: %d %s", name, got, text)
		}
		if strings.Contains(text, token[10:30]) {
			t.Errorf("%s: the answer shows the token: %s", name, text)
		}
	}
	if _, err := join(t.Context(), token); err != nil {
		t.Errorf("the token itself: %v", err)
	}
}

func TestCallsAreLimitedPerAddress(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	client := r.client()
	for range 60 {
		if code, _ := r.post(t, client, pki.EnrolPath, strings.NewReader("{}")); code == http.StatusTooManyRequests {
			return
		}
	}
	t.Error("60 attempts in a row were let through")
}

func TestRenewalIsForTheHolderOfTheNewestCertificate(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, first := r.joined(t, "prod")
	again := func(id pki.Identity) (pki.Identity, error) {
		key, csr := pkitest.Request(t)
		answer, err := renew.HTTP(nil)(t.Context(), id, csr)
		if err != nil {
			return pki.Identity{}, err
		}
		return pki.NewIdentity(key, answer, id.Gateway, id.Chain[0].NotBefore.Add(pki.Backdate))
	}
	second, err := again(first)
	if err != nil || second.ID != first.ID {
		t.Fatal(second.LogValue(), err)
	}
	third, err := again(second)
	if err != nil {
		t.Fatal(err)
	}
	a := r.agent(t, third, tunnel.Config{}, hello)
	if _, err := again(first); status(err) != http.StatusForbidden {
		t.Errorf("a copy of the first certificate: %v", err)
	}
	if _, err := again(third); status(err) != http.StatusForbidden {
		t.Errorf("the newest one, after a copy was seen: %v", err)
	}
	within(t, "a locked cluster's session is closed", patience, a.Done())
	if _, err := r.dial(t.Context(), third, tunnel.Config{}); err == nil {
		t.Error("a locked cluster connected")
	}
	fresh, err := join(t.Context(), r.token(t, c.ID))
	if err != nil {
		t.Fatalf("joining again: %v", err)
	}
	r.agent(t, fresh, tunnel.Config{}, hello)
}

func TestRenewalWithoutACertificateIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if code, text := r.post(t, r.client(), pki.RenewPath, strings.NewReader("{}")); code != http.StatusUnauthorized {
		t.Errorf("%d %s", code, text)
	}
	_, id := r.joined(t, "prod")
	same, err := pki.NewCSR(id.Key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := renew.HTTP(nil)(t.Context(), id, same); status(err) != http.StatusUnprocessableEntity {
		t.Errorf("for the same key: %v", err)
	}
}

func TestRevokedClusterIsCutOffAtOnceAndForGood(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	streaming := make(chan struct{})
	c, a := r.connected(t, "prod", func(w http.ResponseWriter, req *http.Request) {
		_ = http.NewResponseController(w).Flush()
		close(streaming)
		<-req.Context().Done()
	})
	token := r.token(t, c.ID)
	ended := make(chan error, 1) // of the one request
	go func() {
		_, err := r.get(t.Context(), r.admin, c.ID, "/logs?follow=true")
		ended <- err
	}()
	within(t, "the stream has begun", patience, streaming)
	if _, err := r.clusters.Revoke(t.Context(), r.admin, c.ID); err != nil {
		t.Fatal(err)
	}
	within(t, "the session is closed", 5e9, a.Done())
	var cause *tunnel.CloseError
	if !errors.As(a.Cause(), &cause) || cause.Reason != tunnel.ReasonRevoked {
		t.Errorf("told: %v", a.Cause())
	}
	if err := <-ended; err == nil {
		t.Error("a stream that was cut looks complete")
	}
	if _, err := r.dial(t.Context(), a.id, tunnel.Config{}); err == nil {
		t.Error("it connected again")
	}
	_, csr := pkitest.Request(t)
	if _, err := renew.HTTP(nil)(t.Context(), a.id, csr); status(err) != http.StatusForbidden {
		t.Errorf("renewal: %v", err)
	}
	if _, err := join(t.Context(), token); status(err) < 400 {
		t.Errorf("an unused token of it: %v", err)
	}
	if n := r.Sessions(tenant.ID(a.id.ID.Tenant), c.ID); n != 0 {
		eventually(t, "no session is left", func() bool { return r.Sessions(tenant.ID(a.id.ID.Tenant), c.ID) == 0 })
	}
}

func TestEndedContextEndsEnrolment(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, token := r.cluster(t, "prod")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := join(ctx, token); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}
