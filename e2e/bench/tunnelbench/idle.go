package tunnelbench

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
)

// idle is what sessions cost that do nothing, and what it takes to make them all at once.
func idle(ctx context.Context, cfg Config) (results []Result, err error) {
	k, err := newKeys()
	if err != nil {
		return nil, err
	}
	_, planeTLS, err := k.configs()
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &plane{tls: planeTLS, all: make(chan struct{}), want: cfg.Sessions + warm}
	var serving sync.WaitGroup
	serving.Go(func() { p.accept(ctx, l) })
	defer func() {
		cancel()
		l.Close()
		p.close()
		serving.Wait()
	}()
	stop, err := startAgents(ctx, cfg, k, l.Addr().String(), warm)
	if err != nil {
		return nil, err
	}
	defer stop()
	if err := p.await(ctx, warm); err != nil { // code and pools are there after these
		return nil, err
	}
	memory, used, began := resident(), processCPU(), time.Now()
	more, err := startAgents(ctx, cfg, k, l.Addr().String(), cfg.Sessions)
	if err != nil {
		return nil, err
	}
	defer more()
	if err := p.await(ctx, cfg.Sessions+warm); err != nil {
		return nil, err
	}
	took, made := time.Since(began), processCPU()-used
	if err := p.useEach(ctx); err != nil {
		return nil, err
	}
	whose, n := "the plane's process alone", float64(cfg.Sessions)
	if cfg.Agents == nil {
		whose = "both ends in this process"
	}
	each := (resident() - memory) / n
	if err := pause(ctx, 15*time.Second); err != nil { // until the memory given back above has been faulted in again
		return nil, err
	}
	used, began = processCPU(), time.Now()
	if err := pause(ctx, 30*time.Second); err != nil { // two keepalives
		return nil, err
	}
	share := float64(processCPU()-used) / float64(time.Since(began)) * 100
	results = []Result{
		{Name: "resident memory of an idle session", Value: each, Unit: "KiB", Bar: 56, Stretch: 45, Atmost: true,
			Detail: fmt.Sprintf("%d sessions, each used once, %s; without the kernel's part", cfg.Sessions, whose)},
		{Name: "idle CPU at 5,000 sessions", Value: share * 5000 / (n + warm), Unit: "% of a core", Bar: 8, Atmost: true,
			Detail: fmt.Sprintf("measured with %d, %s", cfg.Sessions, whose)},
		{Name: "storm: handshakes a second", Value: n / took.Seconds(), Unit: "/s",
			Detail: fmt.Sprintf("%d at once, %.2f s; CPU %.2f ms each, %s", cfg.Sessions, took.Seconds(), ms(made)/n, whose)},
	}
	if cfg.Agents == nil { // no figure for the plane
		results[0].Bar, results[0].Stretch, results[1].Bar = 0, 0, 0
	}
	return results, nil
}

const warm = 20

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// plane accepts sessions and keeps them.
type plane struct {
	tls      *tls.Config
	want     int
	mu       sync.Mutex // guards what follows
	sessions []tunnel.Session
	failed   error
	all      chan struct{} // closed and made anew at each session
}

func (p *plane) accept(ctx context.Context, l net.Listener) {
	var handshakes sync.WaitGroup
	defer handshakes.Wait()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		handshakes.Go(func() {
			s, err := tlsmux.Plane(ctx, tls.Server(conn, p.tls), tunnel.Config{HandshakeTimeout: time.Minute})
			p.mu.Lock()
			defer p.mu.Unlock()
			if err != nil {
				p.failed = err
			} else {
				p.sessions = append(p.sessions, s)
			}
			close(p.all)
			p.all = make(chan struct{})
		})
	}
}

func (p *plane) await(ctx context.Context, n int) error {
	for {
		p.mu.Lock()
		have, failed, changed := len(p.sessions), p.failed, p.all
		p.mu.Unlock()
		if failed != nil || have >= n {
			return failed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// useEach sends one request over each session, as one that was used before it idles.
func (p *plane) useEach(ctx context.Context) error {
	for _, s := range p.sessions {
		c, err := s.Open(ctx, header)
		if err != nil {
			return err
		}
		err = ask(c, make([]byte, lineSize))
		c.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *plane) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	var closing sync.WaitGroup
	for _, s := range p.sessions {
		closing.Go(func() { s.Close() })
	}
	closing.Wait()
}

// startAgents starts agents, in a process of their own if there is a command for it.
func startAgents(ctx context.Context, cfg Config, k keys, addr string, n int) (stop func(), err error) {
	if cfg.Agents == nil {
		ctx, cancel := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- dialAll(ctx, k, addr, n) }()
		return func() { cancel(); <-done }, nil
	}
	key, err := x509.MarshalECPrivateKey(k.key)
	if err != nil {
		return nil, fmt.Errorf("encode the key: %w", err)
	}
	cmd := exec.CommandContext(ctx, cfg.Agents[0], cfg.Agents[1:]...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the agents: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the agents: %w", err)
	}
	fmt.Fprintf(in, "%s %d %s %s\n", addr, n, hex.EncodeToString(k.der), hex.EncodeToString(key))
	return func() { in.Close(); cmd.Wait() }, nil
}

// Agents is the process of Config.Agents: it reads what to do from in and ends with it.
func Agents(ctx context.Context, in io.Reader) error {
	lines := bufio.NewReader(in)
	line, err := lines.ReadString('\n')
	if err != nil {
		return fmt.Errorf("read what to do: %w", err)
	}
	fields := strings.Fields(line)
	if len(fields) != 4 {
		return fmt.Errorf("%d fields, want an address, a number, a certificate and a key", len(fields))
	}
	n, err := strconv.Atoi(fields[1])
	if err != nil {
		return fmt.Errorf("read the number: %w", err)
	}
	der, err := hex.DecodeString(fields[2])
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	raw, err := hex.DecodeString(fields[3])
	if err != nil {
		return fmt.Errorf("read the key: %w", err)
	}
	key, err := x509.ParseECPrivateKey(raw)
	if err != nil {
		return fmt.Errorf("read the key: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		io.Copy(io.Discard, lines) // ends with the parent
		cancel()
	}()
	return dialAll(ctx, keys{der, key}, fields[0], n)
}

func dialAll(ctx context.Context, k keys, addr string, n int) error {
	agentTLS, _, err := k.configs()
	if err != nil {
		return err
	}
	var agents sync.WaitGroup
	var mu sync.Mutex // guards failed
	var failed error
	atOnce := make(chan struct{}, 64) // a token per dial in progress
	for range n {
		agents.Go(func() {
			if err := dialOne(ctx, agentTLS, addr, atOnce); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = errors.Join(failed, err)
			}
		})
	}
	agents.Wait()
	return failed
}

func dialOne(ctx context.Context, cfg *tls.Config, addr string, atOnce chan struct{}) error {
	atOnce <- struct{}{}
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		<-atOnce
		return fmt.Errorf("dial: %w", err)
	}
	s, err := tlsmux.Agent(ctx, tls.Client(raw, cfg), tunnel.Config{HandshakeTimeout: time.Minute})
	<-atOnce
	if err != nil {
		return err
	}
	defer s.Close()
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	for {
		c, err := s.Accept()
		if err != nil {
			return nil
		}
		answer(c)
		c.Close()
	}
}

// resident is this process's resident memory in KiB, when nothing is left to give back.
func resident() float64 {
	debug.FreeOSMemory()
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib
		}
	}
	return 0
}

// processCPU is what this process used so far.
func processCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
