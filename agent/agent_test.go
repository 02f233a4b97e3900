package agent_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/agent"
	"github.com/kubechat/kubechat/agent/apiserver/apiservertest"
	"github.com/kubechat/kubechat/tunnel"
)

var viewer = tunnel.Identity{User: "kubechat:user", Groups: []string{"kubechat:viewer"}}

func config(t *testing.T, c *cluster) agent.Config {
	return agent.Config{
		Server: apiservertest.Open(t, c.Server), Name: "pod-1", Version: "1.2.3", Namespace: "kubechat", OwnNamePrefix: "kubechat-agent",
		StateDir: t.TempDir(), Sessions: 1, Drain: patience, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

// start runs an agent until the test ends or stop is called; ended gets what Run returned.
func start(t *testing.T, cfg agent.Config) (stop context.CancelFunc, ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done, finished := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(finished)
		done <- agent.Run(ctx, cfg)
	}()
	t.Cleanup(func() {
		cancel()
		within(t, "end of the agent", finished)
	})
	return cancel, done
}

func get(t *testing.T, session tunnel.Session, path string) string {
	t.Helper()
	res, err := client(session, viewer).Get("http://cluster" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestAgentJoinsWithItsTokenAndServesTheCluster(t *testing.T) {
	t.Parallel()
	c, p := newCluster(t), newPlane(t)
	token, _ := p.newToken("")
	cfg := config(t, c)
	cfg.JoinToken = " " + token.String() + "\n"
	cfg.HealthAddr = freeAddr(t)
	stop, ended := start(t, cfg)
	session := within(t, "session", p.sessions)
	hello := session.Peer()
	if hello.Name != "pod-1" || hello.Version != "1.2.3" || hello.Attrs[agent.AttrKubernetesVersion] != "v1.37.2" || hello.Attrs[agent.AttrKubeSystemUID] != kubeSystemUID {
		t.Errorf("HELLO is %+v", hello)
	}
	if got := get(t, session, "/api/v1/namespaces/shop/pods"); got != "/api/v1/namespaces/shop/pods as kubechat:viewer" {
		t.Errorf("answer %q", got)
	}
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "connected", "/metrics": `kubechat_agent_sessions_total{result="up",transport="tls"} 1`} {
		res, err := (&http.Client{Timeout: patience}).Get("http://" + cfg.HealthAddr + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != 200 || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %s", path, res.StatusCode, body)
		}
	}
	stop()
	if err := within(t, "end", ended); err != nil {
		t.Errorf("an agent that is stopped returns %v", err)
	}
	within(t, "end of the session", session.Done())
	var closed *tunnel.CloseError
	if !errors.As(session.Cause(), &closed) || closed.Reason != tunnel.ReasonShutdown {
		t.Errorf("the session ended with %v", session.Cause())
	}
}

func TestStoredIdentityMakesTheTokenIrrelevant(t *testing.T) {
	t.Parallel()
	c, p := newCluster(t), newPlane(t)
	token, _ := p.newToken("")
	cfg := config(t, c)
	cfg.JoinToken = token.String()
	stop, ended := start(t, cfg)
	within(t, "session", p.sessions)
	stop()
	within(t, "end", ended)
	for _, text := range []string{token.String(), "", "nonsense"} {
		cfg.JoinToken = text
		stop, ended := start(t, cfg)
		within(t, "session", p.sessions)
		stop()
		if err := within(t, "end", ended); err != nil {
			t.Error(err)
		}
	}
	if n := p.enrolments(); n != 1 {
		t.Errorf("%d enrolments", n)
	}
}

func TestTwoReplicasSpendOneTokenOnce(t *testing.T) {
	t.Parallel()
	c, p := newCluster(t), newPlane(t)
	token, _ := p.newToken("")
	for n := range 2 {
		cfg := config(t, c)
		cfg.Name, cfg.StateDir, cfg.IdentitySecret, cfg.JoinToken = fmt.Sprintf("pod-%d", n), "", "kubechat-agent-identity", token.String()
		start(t, cfg)
	}
	names := map[string]bool{}
	for range 2 {
		names[within(t, "session", p.sessions).Peer().Name] = true
	}
	if n := p.enrolments(); n != 1 || len(names) != 2 {
		t.Errorf("%d enrolments for sessions of %v", n, names)
	}
	if c.locked() {
		t.Error("the lock was not given back")
	}
}

func TestWhoeverInstallsIsToldWhatIsWrongWithTheToken(t *testing.T) {
	t.Parallel()
	c, p := newCluster(t), newPlane(t)
	used, _ := p.newToken("")
	p.mu.Lock()
	p.tokens[used.SecretHash()].used = true
	p.mu.Unlock()
	for name, tc := range map[string]struct{ token, says string }{
		"none":   {"", "no join token"},
		"broken": {used.String()[:40], "not whole"},
		"other":  {"eyJhbGciOi", "not whole"},
		"used":   {used.String(), "This join token has been used."},
	} {
		cfg := config(t, c)
		cfg.JoinToken = tc.token
		_, ended := start(t, cfg)
		err := within(t, "end", ended)
		if !errors.Is(err, agent.ErrJoin) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", name, err)
		}
		if tc.token != "" && strings.Contains(fmt.Sprint(err), tc.token) {
			t.Errorf("%s: the error holds the token: %v", name, err)
		}
	}
}

func TestRefusedTokenGivesTheLockBack(t *testing.T) {
	t.Parallel()
	c, p := newCluster(t), newPlane(t)
	token, _ := p.newToken("")
	p.mu.Lock()
	p.tokens[token.SecretHash()].used = true
	p.mu.Unlock()
	cfg := config(t, c)
	cfg.StateDir, cfg.IdentitySecret, cfg.JoinToken = "", "kubechat-agent-identity", token.String()
	_, ended := start(t, cfg)
	if err := within(t, "end", ended); !errors.Is(err, agent.ErrJoin) {
		t.Error(err)
	}
	if c.locked() {
		t.Error("the lock was not given back")
	}
}

func TestRefusedIdentityJoinsAnewOnceThereIsANewToken(t *testing.T) {
	t.Parallel()
	c, p := newCluster(t), newPlane(t)
	token, cluster := p.newToken("")
	cfg := config(t, c)
	cfg.JoinToken = token.String()
	stop, ended := start(t, cfg)
	first := within(t, "session", p.sessions)
	p.revoke(cluster)
	_ = first.CloseWith(tunnel.ReasonRevoked, "")
	stop()
	within(t, "end", ended)

	next, _ := p.newToken("") // of another cluster: the first was removed
	cfg.JoinToken = next.String()
	start(t, cfg)
	if got := get(t, within(t, "session", p.sessions), "/api/v1/nodes"); got != "/api/v1/nodes as kubechat:viewer" {
		t.Errorf("answer %q", got)
	}
}

func TestStoppingFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	c, p := newCluster(t), newPlane(t)
	token, _ := p.newToken("")
	cfg := config(t, c)
	cfg.JoinToken = token.String()
	stop, ended := start(t, cfg)
	session := within(t, "session", p.sessions)
	res, err := client(session, viewer).Get("http://cluster/api/v1/namespaces/shop/pods/cart/log?follow=true")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	stop()
	within(t, "drain", session.Draining())
	if _, err := session.Open(t.Context(), tunnel.Header{Kind: tunnel.KindHTTP, Identity: viewer}); err == nil {
		t.Error("a stopping agent takes another request")
	}
	close(c.block)
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "the last line" {
		t.Errorf("%q, %v", body, err)
	}
	if err := within(t, "end", ended); err != nil {
		t.Error(err)
	}
}

func TestWhatNeverEndsIsCutOffWhenTheAgentStops(t *testing.T) {
	t.Parallel()
	c, p := newCluster(t), newPlane(t)
	token, _ := p.newToken("")
	cfg := config(t, c)
	cfg.JoinToken, cfg.Drain = token.String(), 200*time.Millisecond
	stop, ended := start(t, cfg)
	session := within(t, "session", p.sessions)
	res, err := client(session, viewer).Get("http://cluster/api/v1/namespaces/shop/pods/cart/log?follow=true")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	stop()
	if body, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("a log that was cut off ended cleanly with %q", body)
	}
	if err := within(t, "end", ended); err != nil {
		t.Error(err)
	}
}

func TestConfigReportsEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	err := agent.Run(t.Context(), agent.Config{IdentitySecret: "x", StateDir: "y"})
	for _, want := range []string{"API server", "either a Secret or a folder", "namespace"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestTwoAgentsDoNotShareAFolder(t *testing.T) {
	t.Parallel()
	c, p := newCluster(t), newPlane(t)
	token, _ := p.newToken("")
	cfg := config(t, c)
	cfg.JoinToken = token.String()
	start(t, cfg)
	within(t, "session", p.sessions)
	if err := agent.Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "in use by another agent") {
		t.Error(err)
	}
}

// freeAddr is an address that was free a moment ago.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
