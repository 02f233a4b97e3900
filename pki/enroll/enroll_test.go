package enroll_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/enroll"
	"github.com/kubechat/kubechat/pki/pkitest"
)

// serve answers on TLS with a certificate of the authority's, and gives a token that points there.
func serve(t *testing.T, a *pkitest.Authority, cert *tls.Certificate, h http.HandlerFunc) pki.JoinToken {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{*cert}, NextProtos: []string{"http/1.1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	token, err := a.NewJoinToken(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func service(t *testing.T, a *pkitest.Authority, name string, ips ...net.IP) *tls.Certificate {
	t.Helper()
	cert, err := a.Service(t.Context(), name, "test-1", []string{"localhost"}, ips, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

var loopback = net.IPv4(127, 0, 0, 1)

// issue answers as a control plane would, for whatever cluster.
func issue(t *testing.T, a *pkitest.Authority, change func(*pki.Certificates)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in pki.EnrolRequest
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		csr, err := pki.ParseCSR(in.CSR)
		if err != nil {
			t.Error(err)
			return
		}
		chain, err := a.EnrolCluster(r.Context(), uuid.NewString(), uuid.NewString(), csr)
		if err != nil {
			t.Error(err)
		}
		out := pki.Certificates{
			Certificates: string(pki.MarshalChainPEM(chain)), Roots: string(pki.MarshalChainPEM(a.Roots())), Region: pkitest.Region,
		}
		if change != nil {
			change(&out)
		}
		_ = json.NewEncoder(w).Encode(out)
	}
}

func join(ctx context.Context, token pki.JoinToken) (pki.Identity, error) {
	return enroll.Join(ctx, enroll.Config{Token: token, KubeSystemUID: "uid"})
}

func TestTokenIsShownOnlyToTheGatewayItNames(t *testing.T) {
	t.Parallel()
	a, other := pkitest.New(t), pkitest.New(t)
	without := *service(t, a, pki.GatewayService, loopback)
	without.Certificate = without.Certificate[:2] // the root is left out
	mixed := *service(t, other, pki.GatewayService, loopback)
	mixed.Certificate = append(mixed.Certificate[:2:2], a.Roots()[0].Raw) // the right root under somebody else's chain
	agent := a.Enrol(t, "", "", "").TLSCertificate()
	agent.Certificate = append(agent.Certificate, a.Roots()[0].Raw)
	for name, cert := range map[string]*tls.Certificate{
		"another root":           service(t, other, pki.GatewayService, loopback),
		"no root":                &without,
		"the root as decoration": &mixed,
		"another service":        service(t, a, "web", loopback),
		"another host":           service(t, a, pki.GatewayService),
		"an agent":               &agent,
	} {
		token := serve(t, a, cert, func(http.ResponseWriter, *http.Request) { t.Errorf("%s: the token was sent", name) })
		if _, err := join(t.Context(), token); err == nil {
			t.Errorf("%s: joined", name)
		} else if strings.Contains(err.Error(), token.String()) {
			t.Errorf("%s: the error shows the token", name)
		}
	}
}

func TestAnswerIsCheckedBeforeItIsBelieved(t *testing.T) {
	t.Parallel()
	a, other := pkitest.New(t), pkitest.New(t)
	someone := a.Enrol(t, "", "", "")
	for name, change := range map[string]func(*pki.Certificates){
		"someone else's certificate": func(c *pki.Certificates) { c.Certificates = string(pki.MarshalChainPEM(someone.Chain)) },
		"roots without ours":         func(c *pki.Certificates) { c.Roots = string(pki.MarshalChainPEM(other.Roots())) },
		"no certificate":             func(c *pki.Certificates) { c.Certificates = "" },
		"a leaf without its chain": func(c *pki.Certificates) {
			c.Certificates = c.Certificates[:strings.Index(c.Certificates, "-----END CERTIFICATE-----\n")+26]
		},
	} {
		if id, err := join(t.Context(), serve(t, a, service(t, a, pki.GatewayService, loopback), issue(t, a, change))); err == nil {
			t.Errorf("%s: became %v", name, id.ID)
		}
	}
	id, err := join(t.Context(), serve(t, a, service(t, a, pki.GatewayService, loopback), issue(t, a, nil)))
	if err != nil || !id.ID.IsCluster() || id.Region != pkitest.Region {
		t.Errorf("the right answer: %v, %v", id.LogValue(), err)
	}
}

func TestRefusalIsPassedOnInItsWords(t *testing.T) {
	t.Parallel()
	a := pkitest.New(t)
	cert := service(t, a, pki.GatewayService, loopback)
	for name, c := range map[string]struct {
		status int
		body   string
		final  bool
		says   string
	}{
		"used":       {401, `{"code":"join_token_used","detail":"This token was used.","fix":"Make another."}`, true, "This token was used. Make another."},
		"overloaded": {429, `{"detail":"Too many requests."}`, false, "Too many"},
		"away":       {503, `{"detail":"The database is away."}`, false, "database"},
		"a balancer": {502, `<html>bad gateway</html>`, false, "502"},
	} {
		token := serve(t, a, cert, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		_, err := join(t.Context(), token)
		var call *pki.CallError
		if !errors.As(err, &call) || call.Status != c.status || call.Final() != c.final || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEndlessAnswerIsCutOff(t *testing.T) {
	t.Parallel()
	a := pkitest.New(t)
	token := serve(t, a, service(t, a, pki.GatewayService, loopback), func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	})
	if _, err := join(t.Context(), token); err == nil {
		t.Error("joined")
	}
}

func TestGatewayThatNeverAnswersIsGivenUpOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mute, _ := net.Pipe() // nobody is at the other end
		defer mute.Close()
		start := time.Now()
		_, err := enroll.Join(t.Context(), enroll.Config{
			Token: pki.JoinToken{Region: "eu1", Gateway: "localhost:8443"},
			Dial:  func(context.Context, string) (net.Conn, error) { return mute, nil },
		})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 30*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}
