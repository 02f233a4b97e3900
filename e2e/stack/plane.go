package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/kubechat/kubechat/e2e/sandbox"
)

// Plane is the running kubechatd and how to talk to it as a member: the demo's, unless it says otherwise.
type Plane struct {
	URL    string // of pages and API, plain HTTP on loopback
	Link   string // signs a browser in, once
	Tenant string // its slug
	Member string // who is asking
	Token  string // the API token in the kubeconfig; empty: a browser's login

	browser *http.Client // has the cookie of that login; nil: the token says who is asking
	proc    *proc
}

// gateway is the address that agents are told to dial.
func (s *Stack) gateway() string {
	if s.Nodes == sandbox.RealNodes {
		return fmt.Sprintf("%s:%d", sandbox.PodHost, s.cfg.TunnelPort)
	}
	return fmt.Sprintf("127.0.0.1:%d", s.cfg.TunnelPort)
}

// startPlane starts kubechatd and waits until it has written how to reach it.
func (s *Stack) startPlane(ctx context.Context) error {
	local := fmt.Sprintf("127.0.0.1:%d", s.cfg.TunnelPort)
	if s.gateway() != local {
		stop, err := forward(s.gateway(), local)
		if err != nil {
			return err
		}
		s.closers.add(stop)
	}
	s.cfg.Say(fmt.Sprintf("kubechatd on http://127.0.0.1:%d", s.cfg.WebPort))
	if err := s.StartPlane(ctx); err != nil {
		return err
	}
	s.closers.add(func() error { return s.Plane.proc.stop() })
	return nil
}

// StartPlane starts kubechatd, again if a test has killed it, and waits until it is ready.
func (s *Stack) StartPlane(ctx context.Context) error {
	proc, err := startProcess(s.cfg.State, "kubechatd", s.Programs.Kubechatd, s.cfg.PlaneEnv, "demo", "--dir", s.cfg.State,
		"--superuser-url", s.postgres.DSN, "--web-addr", fmt.Sprintf("127.0.0.1:%d", s.cfg.WebPort),
		"--tunnel-addr", fmt.Sprintf("127.0.0.1:%d", s.cfg.TunnelPort), "--ops-addr", fmt.Sprintf("127.0.0.1:%d", s.cfg.OpsPort),
		"--tunnel-host", s.gateway(), "--cluster-name", clusterName(s.Sandbox != nil), "--chart", chartDir())
	if err != nil {
		return err
	}
	s.Plane = Plane{URL: fmt.Sprintf("http://127.0.0.1:%d", s.cfg.WebPort), Tenant: "demo", proc: proc}
	s.main, s.Kubeconfig = proc, filepath.Join(s.cfg.State, "kubeconfig")
	if err := s.waitReady(ctx, proc); err != nil {
		return errors.Join(err, proc.stop())
	}
	return s.readPlane(ctx)
}

func (s *Stack) waitReady(ctx context.Context, proc *proc) error {
	deadline := time.After(time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/readyz", s.cfg.OpsPort))
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return errors.New("interrupted")
		case <-proc.ended:
			return fmt.Errorf("kubechatd ended at once: %w; its log is %s:\n%s", proc.err, proc.log, tail(proc.log))
		case <-deadline:
			return fmt.Errorf("kubechatd was not ready in a minute; its log is %s:\n%s", proc.log, tail(proc.log))
		case <-tick.C:
		}
	}
}

var bearer = regexp.MustCompile(`token: "?([^"\s}]+)`)

// readPlane reads what kubechatd has written, and asks it who we are.
func (s *Stack) readPlane(ctx context.Context) error {
	link, err := os.ReadFile(filepath.Join(s.cfg.State, "sign-in-link"))
	if err != nil {
		return fmt.Errorf("read the sign-in link: %w", err)
	}
	kubeconfig, err := os.ReadFile(s.Kubeconfig)
	if err != nil {
		return fmt.Errorf("read the demo's kubeconfig: %w", err)
	}
	token := bearer.FindSubmatch(kubeconfig)
	if token == nil {
		return errors.New("the demo's kubeconfig holds no token")
	}
	s.Plane.Link, s.Plane.Token = strings.TrimSpace(string(link)), string(token[1])
	var t struct {
		Me struct {
			ID string `json:"id"`
		} `json:"me"`
	}
	if err := s.Plane.Call(ctx, http.MethodGet, "", nil, &t); err != nil {
		return err
	}
	s.Plane.Member = t.Me.ID
	return nil
}

func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-8):], []byte("\n")))
}

// forward lets pods, which can't reach a loopback address, reach the tunnel listener on it: the address listened on
// belongs to the sandbox's own bridge and leaves the machine no more than loopback does.
func forward(from, to string) (func() error, error) {
	l, err := net.Listen("tcp", from)
	if err != nil {
		return nil, fmt.Errorf("listen for the pods' agents: %w", err)
	}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go relay(in, to)
		}
	}()
	return l.Close, nil
}

func relay(in net.Conn, to string) {
	defer in.Close()
	out, err := net.DialTimeout("tcp", to, 5*time.Second)
	if err != nil {
		return
	}
	defer out.Close()
	done := make(chan struct{}, 2) // one for each direction
	for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			done <- struct{}{}
		}()
	}
	<-done
}

// SignIn is kubechatd as a browser has it that signs in with a token: requests then go with the login's cookie.
func (pl *Plane) SignIn(ctx context.Context, token string) (*Plane, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("make a cookie jar: %w", err)
	}
	in := &Plane{URL: pl.URL, Tenant: pl.Tenant, browser: &http.Client{Jar: jar}}
	var session struct {
		Logins []struct {
			Member struct {
				ID string `json:"id"`
			} `json:"member"`
		} `json:"logins"`
	}
	if err := in.send(ctx, http.MethodPost, "/session", map[string]string{"token": token}, &session); err != nil {
		return nil, err
	}
	if len(session.Logins) != 1 {
		return nil, fmt.Errorf("signing in gave %d logins", len(session.Logins))
	}
	in.Member = session.Logins[0].Member.ID
	return in, nil
}

// Call sends one request to the tenant's API as the member; path starts after /api/v1/t/{tenant}.
func (pl *Plane) Call(ctx context.Context, method, path string, body, answer any) error {
	return pl.send(ctx, method, "/t/"+pl.Tenant+path, body, answer)
}

// send sends one request to the API; path starts after /api/v1.
func (pl *Plane) send(ctx context.Context, method, path string, body, answer any) error {
	var reader io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode the request: %w", err)
		}
		reader = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, pl.URL+"/api/v1"+path, reader)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	client := pl.browser
	if client == nil {
		client = http.DefaultClient
		req.Header.Set("Authorization", "Bearer "+pl.Token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("%s %s: read the answer: %w", method, path, err)
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, b)
	}
	if answer == nil || len(b) == 0 {
		return nil
	}
	return json.Unmarshal(b, answer)
}
