package tlsmux_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

// over connects both sides through a path.
func over(t *testing.T, delay time.Duration, rate int, agent, plane tunnel.Config) tunneltest.Rig {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	path, err := tunneltest.NewPath(l.Addr().String(), delay, rate)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { path.Close() })
	near, err := net.Dial("tcp", path.Addr())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		near.Close()
		far.Close()
	})
	agentTLS, planeTLS := tunneltest.TLS(t, tlsmux.ALPN, "http/1.1")
	return tunneltest.Connect(t, tunneltest.Wire{
		Agent: func(ctx context.Context, cfg tunnel.Config) (tunnel.Session, error) {
			return tlsmux.Agent(ctx, tls.Client(near, agentTLS), cfg)
		},
		Plane: func(ctx context.Context, cfg tunnel.Config) (tunnel.Session, error) {
			return tlsmux.Plane(ctx, tls.Server(far, planeTLS), cfg)
		},
	}, agent, plane)
}

func openOn(t *testing.T, rig tunneltest.Rig) (plane, agent net.Conn) {
	t.Helper()
	taken := make(chan net.Conn, 1)
	go func() {
		c, _ := rig.Agent.Accept()
		taken <- c
	}()
	plane, err := rig.Plane.Open(t.Context(), httpHeader)
	if err != nil {
		t.Fatal(err)
	}
	return plane, <-taken
}

// TestKeystrokesDoNotQueueBehindLists: the bar is 50 ms above idle on a quiet machine (e2e/bench/tunnelbench has the
// figure); behind the lists' queues it would be seconds.
func TestKeystrokesDoNotQueueBehindLists(t *testing.T) {
	t.Parallel()
	cfg := tunnel.Config{OpenTimeout: 30 * time.Second}
	rig := over(t, 0, 100_000_000/8, cfg, cfg)
	shell, pod := openOn(t, rig)
	go io.Copy(pod, pod)
	for range 8 {
		plane, agent := openOn(t, rig)
		go io.Copy(agent, endless{})
		go io.Copy(io.Discard, plane)
		io.ReadFull(plane, make([]byte, 1000))
	}
	var times []time.Duration
	for range 50 {
		began := time.Now()
		key := []byte("k")
		shell.Write(key)
		if _, err := io.ReadFull(shell, key); err != nil {
			t.Fatal(err)
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	if p := times[len(times)*9/10]; p > 500*time.Millisecond {
		t.Errorf("nine of ten keystrokes are echoed within %s, want 500ms", p)
	}
}

// TestListOverALongPathIsNotWindowBound: with the window every stream begins with it would take half a minute at least.
func TestListOverALongPathIsNotWindowBound(t *testing.T) {
	t.Parallel()
	cfg := tunnel.Config{OpenTimeout: 30 * time.Second}
	rig := over(t, 200*time.Millisecond, 0, cfg, cfg)
	const size = 20 << 20
	plane, agent := openOn(t, rig)
	began := time.Now()
	go func() {
		agent.Write(make([]byte, size))
		agent.Close()
	}()
	if n, err := io.Copy(io.Discard, plane); n != size || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("20 MiB at 400 ms round trip took %s", took)
	}
}

func TestWhatNobodyReadsIsBounded(t *testing.T) {
	t.Parallel()
	node := tunnel.NewBudget(8 << 20)
	cfg := tunnel.Config{OpenTimeout: 30 * time.Second}
	planeCfg := cfg
	planeCfg.Budget, planeCfg.MaxBuffered = node, 1<<20
	rig := over(t, 0, 0, cfg, planeCfg)
	failed := make(chan error, 8)
	var readers, writers []net.Conn
	for range 8 { // two MiB in windows
		plane, agent := openOn(t, rig)
		readers, writers = append(readers, plane), append(writers, agent)
	}
	for _, c := range writers {
		go func() {
			_, err := io.Copy(c, endless{})
			failed <- err
		}()
	}
	select {
	case err := <-failed:
		var e *tunnel.CloseError
		if !errors.As(err, &e) || e.Reason != tunnel.ReasonOverloaded || !e.Remote {
			t.Errorf("a writer got %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was shed")
	}
	if used := node.Used(); used > 2<<20 {
		t.Errorf("%d KiB are buffered", used>>10)
	}
	for _, c := range readers {
		c.Close()
	}
	deadline := time.Now().Add(30 * time.Second)
	for node.Used() > 0 || rig.Plane.Streams() > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes of %d streams are still charged", node.Used(), rig.Plane.Streams())
		}
		pause := time.NewTimer(2 * time.Millisecond)
		<-pause.C
	}
}

// TestFullSessionOpensNoStream: and says that another one may.
func TestFullSessionOpensNoStream(t *testing.T) {
	t.Parallel()
	node := tunnel.NewBudget(1 << 20)
	cfg := tunnel.Config{OpenTimeout: 30 * time.Second}
	planeCfg := cfg
	planeCfg.Budget = node
	rig := over(t, 0, 0, cfg, planeCfg)
	node.Take(1 << 20) // another session's
	_, err := rig.Plane.Open(t.Context(), httpHeader)
	var refused *tunnel.RefusedError
	if !errors.As(err, &refused) || refused.Code != tunnel.RefuseOverloaded || !errors.Is(err, tunnel.ErrNotAccepted) {
		t.Errorf("open: %v", err)
	}
	node.Release(1 << 20)
	openOn(t, rig)
}
