package agent_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/pkitest"
	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
)

const patience = 20 * time.Second

// plane is as much of a control plane as an agent needs: the real authority, the two calls, and tunnels.
type plane struct {
	t         *testing.T
	authority *pkitest.Authority
	addr      string
	sessions  chan tunnel.Session

	mu      sync.Mutex // guards the rest
	tokens  map[[32]byte]*joinToken
	revoked map[string]bool // clusters
	enrols  int
	own     pki.OwnCluster // as last told

	reports chan string // what agents report as wrong
	old     bool        // it is one of before: no questions about tokens, no reports
}

type joinToken struct {
	tenant, cluster string
	used            bool
	state           string // if it is neither used nor unused
}

func newPlane(t *testing.T) *plane {
	t.Helper()
	p := &plane{t: t, authority: pkitest.New(t), sessions: make(chan tunnel.Session, 100), tokens: map[[32]byte]*joinToken{}, revoked: map[string]bool{},
		reports: make(chan string, 100)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = listener.Addr().String()
	calls := &handoff{addr: listener.Addr(), conns: make(chan net.Conn), done: make(chan struct{})}
	api := &http.Server{Handler: p.calls(), ReadHeaderTimeout: patience}
	var tasks sync.WaitGroup
	tasks.Go(func() { _ = api.Serve(calls) })
	ctx, cancel := context.WithCancel(context.Background())
	tasks.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			tasks.Go(func() { p.serve(ctx, conn, calls) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		_ = calls.Close()
		_ = api.Close()
		tasks.Wait()
	})
	return p
}

func (p *plane) serve(ctx context.Context, raw net.Conn, calls *handoff) {
	conn := tls.Server(raw, &tls.Config{
		MinVersion: tls.VersionTLS13, GetCertificate: p.authority.Gateway(p.t), NextProtos: []string{tlsmux.ALPN, "http/1.1"},
		ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: pki.Pool(p.authority.Roots()), SessionTicketsDisabled: true,
		VerifyConnection: p.verify,
	})
	if conn.HandshakeContext(ctx) != nil {
		_ = raw.Close()
		return
	}
	if conn.ConnectionState().NegotiatedProtocol != tlsmux.ALPN {
		calls.hand(conn)
		return
	}
	session, err := tlsmux.Plane(ctx, conn, tunnel.Config{})
	if err != nil {
		return
	}
	p.sessions <- session
	select {
	case <-session.Done():
	case <-ctx.Done():
		_ = session.CloseWith(tunnel.ReasonShutdown, "the test is over")
	}
}

func (p *plane) verify(cs tls.ConnectionState) error {
	if len(cs.VerifiedChains) == 0 {
		if cs.NegotiatedProtocol == tlsmux.ALPN {
			return errors.New("a tunnel needs a certificate")
		}
		return nil
	}
	id, err := pki.PeerID(cs)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.revoked[id.Cluster] {
		return errors.New("revoked")
	}
	return nil
}

func (p *plane) calls() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pki.EnrolPath, func(w http.ResponseWriter, r *http.Request) {
		var in pki.EnrolRequest
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			p.t.Error(err)
		}
		token, err := pki.ParseJoinToken(in.Token)
		if err != nil {
			p.t.Error(err)
		}
		p.mu.Lock()
		p.own = in.OwnCluster
		p.enrols++
		known := p.tokens[token.SecretHash()]
		ok := known != nil && !known.used && in.KubeSystemUID == kubeSystemUID
		if ok {
			known.used = true
		}
		p.mu.Unlock()
		if !ok {
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"status":409,"code":"token_used","detail":"This join token has been used."}`)
			return
		}
		csr, err := pki.ParseCSR(in.CSR)
		if err != nil {
			p.t.Error(err)
			return
		}
		chain, err := p.authority.EnrolCluster(r.Context(), known.tenant, known.cluster, csr)
		if err != nil {
			p.t.Error(err)
			return
		}
		answer := p.authority.Answer(chain)
		answer.TenantID, answer.ClusterID = known.tenant, known.cluster
		_ = json.NewEncoder(w).Encode(answer)
	})
	mux.HandleFunc("POST "+pki.RenewPath, func(w http.ResponseWriter, r *http.Request) {
		var in pki.RenewRequest
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			p.t.Error(err)
		}
		csr, err := pki.ParseCSR(in.CSR)
		if err != nil {
			p.t.Error(err)
			return
		}
		id, chain, err := p.authority.Recover(r.Context(), in.Proof, csr)
		if err != nil {
			w.WriteHeader(http.StatusGone)
			_, _ = io.WriteString(w, `{"status":410,"code":"identity_expired","detail":"This identity expired more than 14 days ago."}`)
			return
		}
		answer := p.authority.Answer(chain)
		answer.TenantID, answer.ClusterID = id.Tenant, id.Cluster
		_ = json.NewEncoder(w).Encode(answer)
	})
	mux.HandleFunc("POST "+pki.TrustPath, func(w http.ResponseWriter, r *http.Request) {
		var in pki.TrustRequest
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			p.t.Error(err)
		}
		p.mu.Lock()
		p.own = in.OwnCluster
		p.mu.Unlock()
		_ = json.NewEncoder(w).Encode(p.authority.Bundle().Answer())
	})
	mux.HandleFunc("POST "+pki.TokenPath, p.tokenState)
	mux.HandleFunc("POST "+pki.ReportPath, p.report)
	return mux
}

func (p *plane) tokenState(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.old {
		http.NotFound(w, r)
		return
	}
	var in pki.TokenRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		p.t.Error(err)
	}
	token, err := pki.ParseJoinToken(in.Token)
	if err != nil {
		p.t.Error(err)
	}
	known := p.tokens[token.SecretHash()]
	switch {
	case known == nil:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"status":404,"code":"join_token_unknown","detail":"This join token is not known here."}`)
	case known.state != "":
		_ = json.NewEncoder(w).Encode(pki.TokenAnswer{State: known.state})
	case known.used:
		_ = json.NewEncoder(w).Encode(pki.TokenAnswer{State: "used"})
	default:
		_ = json.NewEncoder(w).Encode(pki.TokenAnswer{State: "unused"})
	}
}

func (p *plane) report(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	old := p.old
	p.mu.Unlock()
	var in pki.Report
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(r.TLS.PeerCertificates) == 0 {
		p.t.Errorf("a report without a certificate, or: %v", err)
	}
	p.reports <- in.Problem
	if old {
		http.NotFound(w, r)
		return
	}
	_, _ = io.WriteString(w, "{}")
}

// newToken makes a join token for a cluster; an empty one is made up.
func (p *plane) newToken(cluster string) (pki.JoinToken, string) {
	p.t.Helper()
	token, err := p.authority.NewJoinToken(p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	if cluster == "" {
		cluster = uuid.NewString()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tokens[token.SecretHash()] = &joinToken{tenant: uuid.NewString(), cluster: cluster}
	return token, cluster
}

func (p *plane) enrolments() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.enrols
}

func (p *plane) revoke(cluster string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.revoked[cluster] = true
}

// client asks through a session.
func client(session tunnel.Session, id tunnel.Identity) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return session.Open(ctx, tunnel.Header{Kind: tunnel.KindHTTP, RequestID: "r", Identity: id})
		}}}
}

// handoff is a net.Listener of connections that somebody else accepted.
type handoff struct {
	addr  net.Addr
	conns chan net.Conn
	once  sync.Once
	done  chan struct{} // closed by Close
}

func (h *handoff) hand(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.done:
		_ = c.Close()
	}
}

func (h *handoff) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

func (h *handoff) Close() error   { h.once.Do(func() { close(h.done) }); return nil }
func (h *handoff) Addr() net.Addr { return h.addr }

// within waits for one value.
func within[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case v := <-c:
		return v
	case <-timer.C:
		t.Fatalf("no %s within %s", what, patience)
		panic("not reached")
	}
}
