package gateway_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/gateway"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/renew"
	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
)

// pair is two replicas; a cluster's agent is connected to the second only.
func pair(t *testing.T, h http.HandlerFunc, change ...func(*gateway.Config)) (wrong, right *rig, c cluster.Cluster, a *agent) {
	t.Helper()
	right = newRig(t, change...)
	wrong = right.beside(t, change...)
	c, a = right.connected(t, "prod", h)
	return wrong, right, c, a
}

func TestRequestOnTheWrongReplicaTakesOneHop(t *testing.T) {
	t.Parallel()
	seen := make(chan tunnel.Header, 1) // of the one request
	wrong, _, c, _ := pair(t, func(w http.ResponseWriter, req *http.Request) {
		seen <- header(req)
		body, _ := io.ReadAll(req.Body)
		fmt.Fprintf(w, "%s %s", req.Method, body)
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://x/api", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Request-Id", "req-1")
	res, err := wrong.RoundTrip(wrong.admin, c.ID, req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "POST hello" {
		t.Errorf("the answer is %q, %v", body, err)
	}
	h := <-seen
	if h.Route != "" || h.RequestID != "req-1" || h.Identity.User != "kubechat:user" || !slices.Equal(h.Identity.Groups, []string{"kubechat:viewer"}) ||
		h.Identity.Extra["kubechat.io/user"][0] != wrong.admin.Email {
		t.Errorf("the agent got %+v", h)
	}
}

func TestStreamsBehaveThroughAHopAsWithout(t *testing.T) {
	t.Parallel()
	left := make(chan struct{}) // closed when the agent sees its client gone
	wrong, _, c, _ := pair(t, func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/big":
			for range 64 {
				_, _ = w.Write(make([]byte, 64<<10))
			}
		case "/cut":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
			panic(http.ErrAbortHandler)
		case "/forever":
			_, _ = io.WriteString(w, "begun\n")
			_ = http.NewResponseController(w).Flush()
			<-req.Context().Done()
			close(left)
		case "/upgrade":
			conn, buf, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n")
			input, err := io.ReadAll(buf) // its end is the client's half-close
			fmt.Fprintf(conn, "last words after %q, %v", input, err)
		}
	})
	if got, err := wrong.get(t.Context(), wrong.admin, c.ID, "/big"); err != nil || len(got) != 4<<20 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if got, err := wrong.get(t.Context(), wrong.admin, c.ID, "/cut"); err == nil {
		t.Errorf("a cut answer ended well: %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://x/forever", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := wrong.RoundTrip(wrong.admin, c.ID, req)
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil || line != "begun\n" {
		t.Errorf("%q, %v", line, err)
	}
	cancel()
	_ = res.Body.Close()
	within(t, "the cluster stops working for a client that is gone", time.Second, left)

	up, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x/upgrade", nil)
	if err != nil {
		t.Fatal(err)
	}
	up.Header.Set("Connection", "Upgrade")
	up.Header.Set("Upgrade", "test")
	res, err = wrong.RoundTrip(wrong.admin, c.ID, up)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(res, err)
	}
	rw := res.Body.(interface {
		io.ReadWriteCloser
		CloseWrite() error
	})
	defer rw.Close()
	_, _ = io.WriteString(rw, "typed")
	_ = rw.CloseWrite()
	if got, err := io.ReadAll(rw); err != nil || string(got) != `last words after "typed", <nil>` {
		t.Errorf("the upgraded stream gave %q, %v", got, err)
	}
}

func TestHopIsAcceptedOnlyByTheAgent(t *testing.T) {
	t.Parallel()
	right := newRig(t, impatient)
	wrong := right.beside(t, impatient)
	c, id := right.joined(t, "prod")
	right.agent(t, id, tunnel.Config{Admit: func(tunnel.Header) (tunnel.RefuseCode, string) {
		return tunnel.RefuseForbidden, "not of my taste"
	}}, hello)
	_, err := wrong.get(t.Context(), wrong.admin, c.ID, "/api")
	var refused *tunnel.RefusedError
	if !errors.Is(err, gateway.ErrNotSent) || !errors.As(err, &refused) || refused.Detail != "not of my taste" {
		t.Errorf("want the agent's own refusal, nothing sent: %v", err)
	}
}

func TestHopsNeverGoFurther(t *testing.T) {
	t.Parallel()
	wrong, right, c, a := pair(t, hello, impatient)
	third := right.beside(t, impatient)
	eventually(t, "both know the way", func() bool {
		_, one := wrong.get(t.Context(), wrong.admin, c.ID, "/")
		_, two := third.get(t.Context(), third.admin, c.ID, "/")
		return one == nil && two == nil
	})
	// Asked for a cluster that it can only reach by a hop of its own, a replica refuses.
	cfg := pki.ServiceTLS{Certificate: wrong.authority.ServiceCertificate(pki.ReplicaService, wrong.id, nil, nil), Roots: wrong.authority.Roots}.
		Client(pki.ServiceID(wrong.authority.TrustDomain(), pki.ReplicaService, third.id), tlsmux.ALPN)
	conn, err := (&tls.Dialer{Config: cfg}).DialContext(t.Context(), "tcp", third.peers)
	if err != nil {
		t.Fatal(err)
	}
	s, err := tlsmux.Plane(t.Context(), conn, tunnel.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Open(t.Context(), tunnel.Header{Kind: tunnel.KindHTTP, Route: a.id.ID.Tenant + "/" + string(c.ID)})
	var refused *tunnel.RefusedError
	if !errors.As(err, &refused) || refused.Code != tunnel.RefuseAbsent {
		t.Errorf("a hop to a replica without a session: %v", err)
	}
	if _, err := s.Open(t.Context(), tunnel.Header{Kind: tunnel.KindHTTP}); !errors.As(err, &refused) || refused.Code != tunnel.RefuseInvalid {
		t.Errorf("a hop to nowhere: %v", err)
	}
}

func TestPeerPortLetsOnlyReplicasIn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, id := r.joined(t, "prod")
	want := pki.ServiceID(r.authority.TrustDomain(), pki.ReplicaService, r.id)
	dial := func(cfg *tls.Config) error {
		conn, err := (&tls.Dialer{Config: cfg}).DialContext(t.Context(), "tcp", r.peers)
		if err != nil {
			return err
		}
		s, err := tlsmux.Plane(t.Context(), conn, tunnel.Config{})
		if err == nil {
			_ = s.Close()
		}
		return err
	}
	service := func(name string) pki.ServiceTLS {
		return pki.ServiceTLS{Certificate: r.authority.ServiceCertificate(name, "other", nil, nil), Roots: r.authority.Roots}
	}
	if err := dial(service(pki.ReplicaService).Client(want, tlsmux.ALPN)); err != nil {
		t.Errorf("a replica: %v", err)
	}
	if err := dial(service(pki.GatewayService).Client(want, tlsmux.ALPN)); err == nil {
		t.Error("another service got in")
	}
	agents := renew.New(renew.Config{Identity: id}).TLSConfig(tlsmux.ALPN)
	agents.InsecureSkipVerify, agents.VerifyConnection = true, nil //nolint:gosec // what the server thinks of it is asked
	if err := dial(agents); err == nil {
		t.Error("a cluster's agent got in")
	}
	if err := dial(&tls.Config{InsecureSkipVerify: true, NextProtos: []string{tlsmux.ALPN}}); err == nil { //nolint:gosec // the same
		t.Error("nobody got in")
	}
	elsewhere := pki.ServiceID(r.authority.TrustDomain(), pki.ReplicaService, "another")
	if err := dial(service(pki.ReplicaService).Client(elsewhere, tlsmux.ALPN)); err == nil {
		t.Error("another replica than the one dialled was believed")
	}
}

func TestRequestWaitsForASessionThatComesToAnotherReplica(t *testing.T) {
	t.Parallel()
	right := newRig(t)
	wrong := right.beside(t)
	c, id := right.joined(t, "prod")
	answered := make(chan error, 1) // of the one request
	go func() {
		_, err := wrong.get(t.Context(), wrong.admin, c.ID, "/api")
		answered <- err
	}()
	eventually(t, "the request waits", func() bool { return wrong.Waiting() == 1 })
	right.agent(t, id, tunnel.Config{}, hello)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestLostReplicaIsNamedUntilItsLeaseLapsesAndTheOtherSessionServes(t *testing.T) {
	t.Parallel()
	right := newRig(t, impatient)
	wrong := right.beside(t, impatient)
	c, id := right.joined(t, "prod")
	right.agent(t, id, tunnel.Config{}, hello)
	eventually(t, "the way is known", func() bool { _, err := wrong.get(t.Context(), wrong.admin, c.ID, "/"); return err == nil })
	right.stop()
	eventually(t, "its session is void", func() bool { return wrong.Known(tenantOf(id), c.ID) == 0 })
	_, err := wrong.get(t.Context(), wrong.admin, c.ID, "/")
	if !problem.Is(err, problem.Unavailable) || !errors.Is(err, gateway.ErrNotSent) {
		t.Errorf("nothing is left: %v", err)
	}
	wrong.agent(t, id, tunnel.Config{}, hello)
	if _, err := wrong.get(t.Context(), wrong.admin, c.ID, "/"); err != nil {
		t.Errorf("the agent came over: %v", err)
	}
}

func TestClusterOnAReplicaThatCannotBeReachedIsSaidToBe(t *testing.T) {
	t.Parallel()
	r := newRig(t, impatient)
	c, _ := r.joined(t, "prod")
	lost := cluster.NewReplicas(cluster.ReplicasConfig{Store: r.db.DB.Replicas(), Address: "127.0.0.1:1"})
	if err := lost.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := lost.Opened(t.Context(), r.admin.Tenant, c.ID, cluster.SessionInfo{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the directory is read", func() bool { return r.Known(r.admin.Tenant, c.ID) == 1 })
	_, err := r.get(t.Context(), r.admin, c.ID, "/")
	if !errors.Is(err, gateway.ErrNotSent) || !strings.Contains(problem.As(err).Detail, "can't be reached from this one") {
		t.Errorf("want the true cause: %v", err)
	}
	r.db.Exec(t, `update replica set lease_until = now() - interval '1 minute' where replica_id = $1`, lost.ID())
	eventually(t, "it is void", func() bool { return r.Known(r.admin.Tenant, c.ID) == 0 })
	if _, err := r.get(t.Context(), r.admin, c.ID, "/"); strings.Contains(problem.As(err).Detail, "can't be reached") {
		t.Errorf("it is gone, and nobody's tunnel is there: %v", err)
	}
}

func TestTwoMembersInterleavedThroughAHopKeepTheirIdentities(t *testing.T) {
	t.Parallel()
	wrong, right, c, _ := pair(t, func(w http.ResponseWriter, req *http.Request) {
		fmt.Fprint(w, header(req).Identity.Extra["kubechat.io/user"][0])
	})
	a := right.member(t, "op@acme.test", "tenant_user", c.ID, cluster.GroupOperator)
	b := right.member(t, "root@acme.test", "tenant_user", c.ID, cluster.GroupAdmin)
	var wg sync.WaitGroup
	for range 8 {
		for _, scope := range []struct{ s string }{{a.Email}, {b.Email}} {
			who := a
			if scope.s == b.Email {
				who = b
			}
			wg.Go(func() {
				for range 25 {
					if got, err := wrong.get(t.Context(), who, c.ID, "/"); err != nil || got != who.Email {
						t.Errorf("%s was served as %q, %v", who.Email, got, err)
					}
				}
			})
		}
	}
	wg.Wait()
}

// TestAgentsAreToldWhereOtherReplicasAre, of those that have an address of their own, as long as there is a link to them.
func TestAgentsAreToldWhereOtherReplicasAre(t *testing.T) {
	t.Parallel()
	named := func(at string) func(*gateway.Config) {
		return func(c *gateway.Config) { c.Peers.Agents = at }
	}
	one := newRig(t, named("one.example.com:443"))
	two := one.beside(t, named("two.example.com:443"))
	one.beside(t) // has none
	_, id := one.joined(t, "prod")
	told := func(r *rig) string {
		s, err := r.dial(t.Context(), id, tunnel.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		return s.Peer().Attrs["replicas"] + s.Peer().Attrs["peers"]
	}
	eventually(t, "the first names the second", func() bool { return told(one) == `3{"`+two.id+`":"two.example.com:443"}` })
	eventually(t, "the second names the first", func() bool { return told(two) == `3{"`+one.id+`":"one.example.com:443"}` })
	two.stop()
	eventually(t, "the first names nobody", func() bool { return told(one) == "2" })
}

// TestReplicasTellEachOtherWhoHasItsDatabase: one without leaves the traffic to one with.
func TestReplicasTellEachOtherWhoHasItsDatabase(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	one := newRig(t)
	if one.Sighted() {
		t.Error("alone, it knows of another")
	}
	two := one.beside(t, func(c *gateway.Config) { c.Blind = away.Load })
	eventually(t, "each knows that the other has it", func() bool { return one.Sighted() && two.Sighted() })
	away.Store(true)
	eventually(t, "the second lost it", func() bool { return !one.Sighted() })
	if !two.Sighted() {
		t.Error("the first has it still")
	}
	away.Store(false)
	eventually(t, "the second has it again", one.Sighted)
	two.Leave()
	eventually(t, "the second is about to go", func() bool { return !one.Sighted() })
}
