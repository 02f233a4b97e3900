package agent_test

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/agent"
	"github.com/kubechat/kubechat/pki"
)

// expired puts an identity that ended ago before now on record, and into the agent's folder.
func expired(t *testing.T, p *plane, dir string, ago time.Duration) pki.Identity {
	t.Helper()
	id := p.authority.Forge(t, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-ago-time.Hour), time.Now().Add(-ago)
	})
	id.Gateway = p.addr
	err := p.authority.Store.Line(t.Context(), id.ID.Tenant, id.ID.Cluster, func(l *pki.Line) error {
		l.Enrol(id.Chain[0], pki.Pin{}, id.Chain[0].NotBefore)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := id.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "identity.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestAgentThatWasAwayComesBackWithoutAToken(t *testing.T) {
	t.Parallel()
	c, p := newCluster(t), newPlane(t)
	cfg := config(t, c)
	expired(t, p, cfg.StateDir, time.Second)
	start(t, cfg)
	if got := get(t, within(t, "session", p.sessions), "/api/v1/nodes"); got != "/api/v1/nodes as kubechat:viewer" {
		t.Errorf("answer %q", got)
	}
	if n := p.enrolments(); n != 0 {
		t.Errorf("%d enrolments", n)
	}
}

func TestAgentThatWasAwayForTooLongSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for name, ago := range map[string]time.Duration{"by its own clock": pki.RecoveryLimit + time.Hour, "by the control plane's word": 24 * time.Hour} {
		c, p := newCluster(t), newPlane(t)
		cfg := config(t, c)
		expired(t, p, cfg.StateDir, ago) // its authority is younger, so the control plane refuses it too
		_, ended := start(t, cfg)
		if err := within(t, "end", ended); !errors.Is(err, agent.ErrJoin) || !strings.Contains(err.Error(), "join token") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAgentTellsWhichClusterItRunsIn(t *testing.T) {
	t.Parallel()
	c, p := newCluster(t), newPlane(t)
	token, _ := p.newToken("")
	cfg := config(t, c)
	cfg.JoinToken = token.String()
	cfg.ServiceAccountTokenFile = filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(cfg.ServiceAccountTokenFile, []byte("ey.projected.token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, cfg)
	session := within(t, "session", p.sessions)
	if hello := session.Peer(); hello.Attrs[agent.AttrServiceAccountToken] != "ey.projected.token" || hello.Attrs[agent.AttrTrustBundle] != "1" {
		t.Errorf("HELLO says %v", hello.Attrs)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.own.ServiceAccountToken != "ey.projected.token" || !strings.Contains(string(p.own.Keys), "kid-1") {
		t.Errorf("enrolment says %s", p.own.Keys)
	}
}
