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
	"os"
	"path/filepath"
	"time"

	"github.com/kubechat/kubechat/e2e/sandbox"
)

// Plane is the running kubechatd and how to talk to it, as `kubechatd demo` wrote it when it was ready.
type Plane struct {
	URL    string `json:"url"`
	Link   string `json:"link"` // signs a browser in, once
	Tenant string `json:"tenant"`
	Member string `json:"member"`
	Token  string `json:"token"` // the member's API token

	proc *proc
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

// StartPlane starts kubechatd, again if a test has killed it.
func (s *Stack) StartPlane(ctx context.Context) error {
	path := filepath.Join(s.cfg.State, "demo.json")
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("forget the earlier demo: %w", err)
	}
	proc, err := startProcess(s.cfg.State, "kubechatd", s.Programs.Kubechatd, nil, "demo", "--state", s.cfg.State, "--dsn", s.postgres.DSN,
		"--listen", fmt.Sprintf("127.0.0.1:%d", s.cfg.WebPort), "--tunnel-listen", fmt.Sprintf("127.0.0.1:%d", s.cfg.TunnelPort),
		"--ops-listen", fmt.Sprintf("127.0.0.1:%d", s.cfg.OpsPort), "--gateway", s.gateway())
	if err != nil {
		return err
	}
	s.Plane, s.main = Plane{proc: proc}, proc
	deadline := time.After(time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if b, err := os.ReadFile(path); err == nil && json.Unmarshal(b, &s.Plane) == nil && s.Plane.Link != "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(errors.New("interrupted"), proc.stop())
		case <-proc.ended:
			return fmt.Errorf("kubechatd ended at once: %w; its log is %s:\n%s", proc.err, proc.log, tail(proc.log))
		case <-deadline:
			return errors.Join(fmt.Errorf("kubechatd was not ready in a minute; its log is %s:\n%s", proc.log, tail(proc.log)), proc.stop())
		case <-tick.C:
		}
	}
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

// Call sends one request to the tenant's API as the demo's member; path starts after /api/v1/t/{tenant}.
func (pl *Plane) Call(ctx context.Context, method, path string, body, answer any) error {
	var reader io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode the request: %w", err)
		}
		reader = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, pl.URL+"/api/v1/t/"+pl.Tenant+path, reader)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+pl.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
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
