package rig

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/agent"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/tunnel/dialer"
)

// policy lets everything through that the tests ask for.
const policy = "identities: {groups: ['kubechat:viewer', 'kubechat:operator', 'kubechat:admin']}\n"

// Cluster is a joined cluster: an agent, what it dials through, and the API it serves.
type Cluster struct {
	ID   cluster.ID
	Name string
	Path *Path
	API  *API
	Said *Output // the agent's log
	Stop func()  // ends the agent and waits
	// CloseIdle closes the agent's connections to its API server that are only kept for later; nil in a process of its own.
	CloseIdle func()
	// Process is the agent's, if it has one of its own.
	Process *Process

	replica *Replica
	service *Service
}

// JoinOptions change a Cluster; the zero value works.
type JoinOptions struct {
	Name     string // of the cluster; "" is one that no other has
	Sessions int    // 0 is 2
	// Path is what the agent dials; nil is one to the first replica.
	Path       *Path
	Transports []dialer.Transport
	Proxy      func(*url.URL) (*url.URL, error)
	// Kubeconfig, optional, is of another API server than a small one of the cluster's own.
	Kubeconfig string
	Drain      time.Duration // 0 is 1 s
	// Process runs the agent in a process of its own, see Cluster.Process.
	Process bool
	// NoWait returns before there is a session.
	NoWait bool
}

// Join makes a cluster, and runs its agent until the test ends. It waits until all sessions are there.
func (s *Service) Join(t testing.TB, o JoinOptions) *Cluster {
	t.Helper()
	defer turn()()
	c := &Cluster{service: s, replica: s.live()[0], Path: o.Path, Said: new(Output)}
	if o.Name == "" {
		o.Name = "c-" + strings.ToLower(rand.Text()[:8])
	}
	c.Name = o.Name
	if o.Sessions == 0 {
		o.Sessions = 2
	}
	if o.Drain == 0 {
		o.Drain = time.Second
	}
	if c.Path == nil {
		c.Path = NewPath(t, c.replica.Tunnels)
	}
	if o.Kubeconfig == "" {
		c.API = NewAPI(t)
		o.Kubeconfig = c.API.Kubeconfig(t)
	}
	var joinToken string
	c.ID, joinToken = s.NewCluster(t, o.Name, c.Path.Addr())
	settings := agentSettings{
		Kubeconfig: o.Kubeconfig, StateDir: filepath.Join(t.TempDir(), "state"), JoinToken: joinToken, Sessions: o.Sessions,
		Transports: o.Transports, Drain: o.Drain, Policy: filepath.Join(t.TempDir(), "policy.yaml"),
	}
	if err := os.WriteFile(settings.Policy, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			said := c.Said.String()
			t.Logf("the end of what agent %s said:\n%s", o.Name, said[max(0, len(said)-8000):])
		}
	})
	c.run(t, settings, o)
	if !o.NoWait {
		Eventually(t, patience, "the agent has its sessions", func() bool { return c.Sessions() >= o.Sessions })
	}
	return c
}

func (c *Cluster) run(t testing.TB, settings agentSettings, o JoinOptions) {
	t.Helper()
	if o.Process {
		c.Process = startProcess(t, agentRole, settings, c.Said)
		c.Stop = c.Process.Kill
		return
	}
	cfg, err := settings.config()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Proxy, cfg.Log = o.Proxy, c.Said.Logger(o.Name)
	c.CloseIdle = cfg.Server.CloseIdle
	c.Stop = background(t, func(ctx context.Context) error {
		defer cfg.Server.CloseIdle()
		return agent.Run(ctx, cfg)
	})
}

// agentSettings are an agent's, as they can be handed to another process.
type agentSettings struct {
	Kubeconfig, StateDir, JoinToken, Policy string
	Sessions                                int
	Transports                              []dialer.Transport
	Drain                                   time.Duration
}

func (s agentSettings) config() (agent.Config, error) {
	server, err := agent.OpenServer(s.Kubeconfig, "", os.Getenv)
	if err != nil {
		return agent.Config{}, err
	}
	return agent.Config{
		Server: server, Name: "agent", Version: "1.2.3", Namespace: "kubechat", OwnNamePrefix: "kubechat-agent",
		StateDir: s.StateDir, JoinToken: s.JoinToken, PolicyFile: s.Policy, Sessions: s.Sessions, Transports: s.Transports, Drain: s.Drain,
	}, nil
}

// Sessions is how many sessions of the cluster the service's replicas in this process hold.
func (c *Cluster) Sessions() (n int) {
	for _, r := range c.service.live() {
		n += r.Sessions(c.service.Admin.Tenant, c.ID)
	}
	return n
}

func (s *Service) live() []*Replica {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Replica(nil), s.replicas...)
}

// Client asks the cluster as kubectl does, by way of the first replica.
func (c *Cluster) Client(t testing.TB) *Client { return c.ClientAt(t, c.replica.Web) }

// ClientAt asks it by way of another replica, or of a path to one: "http://host:port".
func (c *Cluster) ClientAt(t testing.TB, web string) *Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &Client{Base: web + "/t/" + Slug + "/clusters/" + string(c.ID) + "/k8s", Token: token, HTTP: &http.Client{Transport: transport}}
}

// Kubeconfig writes one for a server that wants a bearer token; ca is PEM, and empty for a server without TLS.
func Kubeconfig(t testing.TB, server, bearer string, ca []byte) string {
	t.Helper()
	dir := t.TempDir()
	more := ""
	if len(ca) > 0 {
		if err := os.WriteFile(filepath.Join(dir, "ca.crt"), ca, 0o600); err != nil {
			t.Fatal(err)
		}
		more = ", certificate-authority: ca.crt"
	}
	path := filepath.Join(dir, "config")
	content := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"+
		"clusters: [{name: c, cluster: {server: %q%s}}]\nusers: [{name: u, user: {token: %q}}]\n", server, more, bearer)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// CertificatePEM is a certificate as kubeconfigs have it.
func CertificatePEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}
