package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/kubechat/kubechat/e2e/sandbox"
	"github.com/kubechat/kubechat/internal/image"
)

// AgentImage is the agent's image under the name that the chart gives it, so that an install needs to say nothing.
const AgentImage = "docker.io/kubechat/kubechat-agent"

// AgentNamespace is where the chart is installed.
const AgentNamespace = "kubechat"

// join adds the cluster, gives the demo's member the group admin in it, installs the agent and waits for it.
func (s *Stack) join(ctx context.Context) error {
	token, err := s.AddCluster(ctx, clusterName(s.Sandbox != nil))
	if err != nil {
		return err
	}
	s.ClusterID = token.Cluster
	if err := s.giveGroup(ctx, token.Cluster, "admin"); err != nil {
		return err
	}
	if token.State != "connected" {
		if err := s.installAgent(ctx, token.Token); err != nil {
			return err
		}
	}
	s.cfg.Say("waiting for the agent to connect")
	return s.WaitConnected(ctx, token.Cluster)
}

func clusterName(sandboxed bool) string {
	if sandboxed {
		return "sandbox"
	}
	return "existing"
}

// Joining is a cluster that was added, or was there already, and the token its agent may enrol with.
type Joining struct{ Cluster, Token, State string }

type apiCluster struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	State string `json:"state"`

	Reason string `json:"reason"`
}

// AddCluster adds a cluster of that name through the API; one that is there already gets a new token.
func (s *Stack) AddCluster(ctx context.Context, name string) (Joining, error) {
	var list struct {
		Items []apiCluster `json:"items"`
	}
	if err := s.Plane.Call(ctx, http.MethodGet, "/clusters", nil, &list); err != nil {
		return Joining{}, err
	}
	for _, c := range list.Items {
		if c.Name == name && c.State != "revoked" {
			var join struct {
				Token string `json:"token"`
			}
			err := s.Plane.Call(ctx, http.MethodPost, "/clusters/"+c.ID+"/join-tokens", struct{}{}, &join)
			return Joining{Cluster: c.ID, Token: join.Token, State: c.State}, err
		}
	}
	var created struct {
		Cluster apiCluster `json:"cluster"`
		Join    struct {
			Token string `json:"token"`
		} `json:"join"`
	}
	err := s.Plane.Call(ctx, http.MethodPost, "/clusters", map[string]string{"name": name}, &created)
	return Joining{Cluster: created.Cluster.ID, Token: created.Join.Token, State: created.Cluster.State}, err
}

func (s *Stack) giveGroup(ctx context.Context, cluster, group string) error {
	return s.Plane.Call(ctx, http.MethodPut, "/clusters/"+cluster+"/groups/"+s.Plane.Member, map[string]string{"group": group}, nil)
}

// WaitConnected waits until the API says that the cluster is connected.
func (s *Stack) WaitConnected(ctx context.Context, cluster string) error {
	return s.WaitState(ctx, cluster, "connected")
}

// WaitState waits until the API says that the cluster is in a state.
func (s *Stack) WaitState(ctx context.Context, cluster, state string) error {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var c apiCluster
	for {
		err := s.Plane.Call(ctx, http.MethodGet, "/clusters/"+cluster, nil, &c)
		if err == nil && c.State == state {
			return nil
		}
		select {
		case <-ctx.Done():
			if err == nil {
				err = ctx.Err()
			}
			return fmt.Errorf("cluster %s is %q (%s) and not %s after 90 s: %w; see the logs in %s (make demo-down starts afresh)", cluster, c.State, c.Reason, state, err, s.Logs())
		case <-tick.C:
		}
	}
}

// installAgent is a helm install where there are real pods, and a process elsewhere.
func (s *Stack) installAgent(ctx context.Context, token string) error {
	if s.Nodes == sandbox.RealNodes {
		s.cfg.Say("helm install kubechat-agent, in the sandbox")
		if err := s.LoadAgentImage(ctx); err != nil {
			return err
		}
		return s.HelmInstall(ctx, token)
	}
	s.cfg.Say("starting the agent as a process beside the cluster")
	_, err := s.startAgent(ctx, "agent", s.Direct, token)
	return err
}

// LoadAgentImage packs the agent as an image and makes it known to the sandbox's node.
func (s *Stack) LoadAgentImage(ctx context.Context) error {
	f, err := image.FromDisk(s.Programs.Agent, "/kubechat-agent", 0o755)
	if err != nil {
		return err
	}
	chart, err := os.ReadFile(filepath.Join(chartDir(), "Chart.yaml"))
	if err != nil {
		return fmt.Errorf("read the chart's version: %w", err)
	}
	version := appVersion.FindSubmatch(chart)
	if version == nil {
		return errors.New("the chart names no appVersion")
	}
	return s.Sandbox.LoadImage(ctx, image.Image{
		Ref: AgentImage + ":" + string(version[1]), Architecture: runtime.GOARCH, Entrypoint: []string{"/kubechat-agent"}, User: "65532:65532", Files: []image.File{f},
	})
}

var appVersion = regexp.MustCompile(`(?m)^appVersion: "?([^"\s]+)`)

func chartDir() string { return filepath.Join(sandbox.Root(), "helm", "kubechat-agent") }

// HelmInstall installs the agent's chart with the token, as a customer would, and returns when helm does.
func (s *Stack) HelmInstall(ctx context.Context, token string, more ...string) error {
	args := append([]string{
		"upgrade", "--install", "kubechat-agent", chartDir(), "--namespace", AgentNamespace, "--create-namespace",
		"--set", "join.token=" + token, "--set", "access.preset=admin",
	}, more...)
	return s.Helm(ctx, args...)
}

// Helm runs helm against the cluster, as its administrator.
func (s *Stack) Helm(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, s.Programs.Helm, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.Direct)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("helm %s: %w\n%s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}

// agentPolicy lets an agent outside its cluster act for all the groups; the chart writes the same for the preset admin.
const agentPolicy = `identities: {groups: ["kubechat:viewer", "kubechat:operator", "kubechat:admin", "kubechat:index"]}
`

// startAgent runs the agent as a process, after giving the cluster the roles that the chart would have given it.
func (s *Stack) startAgent(ctx context.Context, name, kubeconfig, token string) (*proc, error) {
	if err := s.applyRoles(ctx, kubeconfig); err != nil {
		return nil, err
	}
	p, err := s.agentProcess(name, kubeconfig, token)
	if err != nil {
		return nil, err
	}
	at := len(s.agents)
	s.agents = append(s.agents, p)
	s.closers.add(func() error { return s.agents[at].stop() })
	return p, nil
}

func (s *Stack) agentProcess(name, kubeconfig, token string) (*proc, error) {
	policy := filepath.Join(s.cfg.State, name+"-policy.yaml")
	if err := os.WriteFile(policy, []byte(agentPolicy), 0o644); err != nil {
		return nil, fmt.Errorf("write the agent's policy: %w", err)
	}
	return startProcess(s.cfg.State, name, s.Programs.Agent, []string{"KUBECHAT_JOIN_TOKEN=" + token},
		"--kubeconfig", kubeconfig, "--state-dir", filepath.Join(s.cfg.State, name+"-identity"), "--policy", policy, "--sessions", "1")
}

// applyRoles applies the chart's cluster roles and bindings.
func (s *Stack) applyRoles(ctx context.Context, kubeconfig string) error {
	cmd := exec.CommandContext(ctx, s.Programs.Helm, "template", "kubechat-agent", chartDir(),
		"--namespace", AgentNamespace, "--set", "join.existingSecret=none", "--set", "access.preset=admin")
	rendered, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return fmt.Errorf("render the chart's roles: %w\n%s", err, exit.Stderr)
		}
		return fmt.Errorf("render the chart's roles: %w", err)
	}
	var roles []string
	for _, doc := range strings.Split(string(rendered), "\n---") {
		if strings.Contains(doc, "\nkind: ClusterRole\n") || strings.Contains(doc, "\nkind: ClusterRoleBinding\n") {
			roles = append(roles, doc)
		}
	}
	if len(roles) == 0 {
		return errors.New("the chart renders no cluster roles")
	}
	kubectl := "kubectl"
	if s.Sandbox != nil {
		kubectl = filepath.Join(s.Sandbox.Bin, "kubectl")
	}
	apply := exec.CommandContext(ctx, kubectl, "--kubeconfig", kubeconfig, "apply", "-f", "-")
	apply.Stdin = strings.NewReader(strings.Join(roles, "\n---\n"))
	if out, err := apply.CombinedOutput(); err != nil {
		return fmt.Errorf("apply the chart's roles: %w\n%s", err, bytes.TrimSpace(out))
	}
	return nil
}

// StartSecond starts an API server of its own and joins it, with a token that the running demo gave, to that demo.
func StartSecond(ctx context.Context, cfg Config, token string) (*Stack, error) {
	if cfg.Say == nil {
		cfg.Say = func(string) {}
	}
	s := &Stack{cfg: cfg, Nodes: sandbox.NoNodes}
	if err := s.second(ctx, token); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Stack) second(ctx context.Context, token string) error {
	if err := os.MkdirAll(s.cfg.State, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", s.cfg.State, err)
	}
	var err error
	if s.Programs, err = build(ctx, s.cfg); err != nil {
		return err
	}
	s.Sandbox, err = sandbox.Start(ctx, sandbox.Config{Dir: filepath.Join(s.cfg.State, "second"), Nodes: sandbox.NoNodes, Say: s.cfg.Say})
	if err != nil {
		return err
	}
	s.closers.add(s.Sandbox.Stop)
	s.Kubeconfig, s.Direct = s.Sandbox.Kubeconfig, s.Sandbox.Kubeconfig
	// A token is for one cluster: the identity of another one that joined here before must not stand in its way.
	if err := os.RemoveAll(filepath.Join(s.cfg.State, "second-agent-identity")); err != nil {
		return fmt.Errorf("forget the earlier second cluster: %w", err)
	}
	s.cfg.Say("starting the second agent")
	s.main, err = s.startAgent(ctx, "second-agent", s.Kubeconfig, token)
	return err
}
