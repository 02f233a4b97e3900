package agent_test

import (
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubechat/kubechat/agent"
)

// trouble is what the next session says came before it.
func trouble(t *testing.T, p *plane) string {
	t.Helper()
	return within(t, "session", p.sessions).Peer().Attrs[agent.AttrTrouble]
}

func TestSessionTellsWhyTheAgentCouldNotConnectBefore(t *testing.T) {
	t.Parallel()
	c, p := newCluster(t), newPlane(t)
	token, _ := p.newToken("")
	cfg := config(t, c)
	cfg.JoinToken = token.String()
	stop, ended := start(t, cfg)
	if text := trouble(t, p); text != "" {
		t.Errorf("an agent that had none says %q", text)
	}
	stop()
	within(t, "end", ended)

	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	wants := "http://ana:hunter2@" + listens(t, answers("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"))
	var dials atomic.Int32
	cfg.Proxy = func(*url.URL) (*url.URL, error) {
		switch n := dials.Add(1); { // a session's dial asks once for each transport, and other calls ask as well
		case n <= 2:
			return url.Parse(wants)
		case n <= 4:
			return url.Parse("http://" + closed.Addr().String())
		}
		return nil, nil
	}
	start(t, cfg)
	text := trouble(t, p)
	for _, want := range []string{"The proxy at 127.0.0.1", "does not accept the user name and password", "No connection to the proxy"} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q in %q", want, text)
		}
	}
	if strings.Contains(text, "hunter2") || len(text) > 500 {
		t.Errorf("%d bytes: %q", len(text), text)
	}
}

func TestAgentReportsWhatIsWrongInItsClusterWhileItIsConnected(t *testing.T) {
	t.Parallel()
	for name, old := range map[string]bool{"to a control plane of now": false, "to one of before": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, p := newCluster(t), newPlane(t)
			p.old = old
			token, _ := p.newToken("")
			cfg := config(t, c)
			cfg.JoinToken, cfg.CheckEvery = token.String(), 500*time.Millisecond
			c.deny("impersonate users")
			start(t, cfg)
			session := within(t, "session", p.sessions)
			problem := session.Peer().Attrs[agent.AttrProblem]
			if problem == "" { // HELLO was faster than the look
				problem = within(t, "report", p.reports)
			}
			wrong(t, problem)
			c.deny("")
			for mended := "-"; mended != ""; {
				if mended = within(t, "report that it is mended", p.reports); mended != "" {
					wrong(t, mended) // a report that was under way
				}
			}
			if body := get(t, session, "/version"); !strings.Contains(body, "v1.37.2") {
				t.Errorf("meanwhile it answers %q", body)
			}
		})
	}
}

func wrong(t *testing.T, problem string) {
	t.Helper()
	for _, want := range []string{"RBAC", "impersonate users kubechat:user", "helm upgrade"} {
		if !strings.Contains(problem, want) {
			t.Errorf("want %q in %q", want, problem)
		}
	}
}

func (c *cluster) deny(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.denied = what
}

func TestDiagnosisSaysWhetherTheTokenIsStillGood(t *testing.T) {
	t.Parallel()
	for state, c := range map[string]struct {
		verdict agent.Verdict
		words   string
	}{
		"unused": {agent.Well, "has not been used"}, "used": {agent.Failed, "used already"}, "expired": {agent.Failed, "has expired"},
		"revoked": {agent.Failed, "was revoked"}, "cluster_revoked": {agent.Failed, "as a new one"}, "unknown": {agent.Failed, "does not know it"},
		"a gateway of before": {agent.Well, "shows when the agent joins"},
	} {
		s := newSick(t)
		hash := s.token.SecretHash()
		s.plane.mu.Lock()
		switch state {
		case "a gateway of before":
			s.plane.old = true
		case "unknown":
			delete(s.plane.tokens, hash)
		default:
			s.plane.tokens[hash].state = state
		}
		s.plane.mu.Unlock()
		wants(t, s, "join token", c.verdict, c.words)
		if s.plane.enrolments() != 0 {
			t.Errorf("%s: asking has used it", state)
		}
	}
}
