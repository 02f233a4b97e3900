package wsmux_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
	"github.com/kubechat/kubechat/tunnel/wsmux"
)

func TestBytesPassWhateverTheMessages(t *testing.T) {
	t.Parallel()
	agent, plane, _ := sockets(t, wsmux.Options{})
	data := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	for _, ends := range [][2]net.Conn{{agent, plane}, {plane, agent}} {
		sent := make(chan error, 1)
		go func() {
			var err error
			for rest := data; len(rest) > 0 && err == nil; {
				n := min(len(rest), 40_001) // more than a write buffer
				_, err = ends[0].Write(rest[:n])
				rest = rest[n:]
			}
			sent <- err
		}()
		got := make([]byte, len(data))
		if _, err := io.ReadFull(ends[1], got); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("the bytes differ, %v", err)
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	}
}

func TestCloseIsTheOtherSidesEnd(t *testing.T) {
	t.Parallel()
	agent, plane, _ := sockets(t, wsmux.Options{})
	if _, err := agent.Write([]byte("last words")); err != nil {
		t.Fatal(err)
	}
	_ = agent.Close()
	if got, err := io.ReadAll(plane); err != nil || string(got) != "last words" {
		t.Errorf("%q, %v", got, err)
	}
	agent, plane, fault := sockets(t, wsmux.Options{})
	fault.Cut()
	if _, err := io.ReadAll(plane); err == nil {
		t.Error("a cut connection looks like an orderly end")
	}
	_ = agent.Close()
}

func TestBlockedReadAndWriteEndAtTheirDeadlines(t *testing.T) {
	t.Parallel()
	agent, _, fault := sockets(t, wsmux.Options{})
	_ = agent.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := agent.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	fault.StallWrites()
	_ = agent.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := agent.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write: %v", err)
	}
}

// TestBothSidesPing counts what arrives on connections that nobody writes to.
func TestBothSidesPing(t *testing.T) {
	t.Parallel()
	if wsmux.PingEvery > 20*time.Second {
		t.Errorf("a ping every %s: balancers cut after 30 s", wsmux.PingEvery)
	}
	pings := make(chan string, 100)
	count := func(who string, ws *websocket.Conn) {
		ws.SetPingHandler(func(string) error { pings <- who; return nil })
		_, _, _ = ws.NextReader()
	}
	o := wsmux.Options{PingEvery: 20 * time.Millisecond}
	edge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "" { // the agent's end is under test
			u := websocket.Upgrader{Subprotocols: []string{wsmux.Subprotocol}}
			ws, err := u.Upgrade(w, r, nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer ws.Close()
			count("agent", ws)
			return
		}
		conn, err := wsmux.Upgrade(w, r, o)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = conn.Read(make([]byte, 1))
	}))
	defer edge.Close()
	raw, err := net.Dial("tcp", edge.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	agent, err := wsmux.Client(t.Context(), raw, "gateway.example", o)
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	d := websocket.Dialer{Subprotocols: []string{wsmux.Subprotocol}}
	plane, _, err := d.Dial("ws"+strings.TrimPrefix(edge.URL, "http")+wsmux.Path+"?plane", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer plane.Close()
	go count("plane", plane)
	late := time.After(20 * time.Second)
	for seen := map[string]int{}; seen["agent"] < 3 || seen["plane"] < 3; {
		select {
		case who := <-pings:
			seen[who]++
		case <-late:
			t.Fatalf("pings: %v", seen)
		}
	}
}

func TestFailedUpgradeSaysWhatAnswered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		says   string
	}{
		"not found":      {http.NotFound, "404"},
		"proxy password": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(407) }, "user name and password"},
		"plain page":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }, "passes none"},
		"another protocol": {func(w http.ResponseWriter, r *http.Request) {
			ws, err := new(websocket.Upgrader).Upgrade(w, r, nil)
			if err == nil {
				_ = ws.Close()
			}
		}, "kct.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			edge := httptest.NewServer(http.HandlerFunc(c.answer))
			defer edge.Close()
			raw, err := net.Dial("tcp", edge.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			_, err = wsmux.Client(t.Context(), raw, "gateway.example", wsmux.Options{})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
			if _, err := raw.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the connection is left open: %v", err)
			}
		})
	}
}

func TestUpgradeRefusesBrowsersAndOtherProtocols(t *testing.T) {
	t.Parallel()
	edge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, err := wsmux.Upgrade(w, r, wsmux.Options{}); err == nil {
			_ = conn.Close()
			t.Error("upgraded")
		}
	}))
	defer edge.Close()
	to := "ws" + strings.TrimPrefix(edge.URL, "http")
	d := websocket.Dialer{Subprotocols: []string{wsmux.Subprotocol}}
	if _, res, err := d.Dial(to, http.Header{"Origin": {"https://evil.example"}}); err == nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("from a page: %v", err)
	}
	d.Subprotocols = []string{"kct.99"}
	if _, res, err := d.Dial(to, nil); err == nil || res.StatusCode != http.StatusBadRequest {
		t.Errorf("another major: %v", err)
	}
}

func TestTextMessageIsNoTunnel(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	edge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := wsmux.Upgrade(w, r, wsmux.Options{})
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, err = conn.Read(make([]byte, 10))
		failed <- err
	}))
	defer edge.Close()
	d := websocket.Dialer{Subprotocols: []string{wsmux.Subprotocol}}
	ws, _, err := d.Dial("ws"+strings.TrimPrefix(edge.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if err := ws.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "not binary") {
		t.Errorf("%v", err)
	}
}

// BenchmarkStream is one stream from the agent to the plane, in 32 KiB writes; tlsmux has its like.
func BenchmarkStream(b *testing.B) {
	rig := tunneltest.Connect(b, wire(b), tunnel.Config{}, tunnel.Config{})
	go func() {
		c, err := rig.Agent.Accept()
		if err != nil {
			return
		}
		piece := make([]byte, 32<<10)
		for range b.N {
			_, _ = c.Write(piece)
		}
		_ = c.Close()
	}()
	c, err := rig.Plane.Open(b.Context(), tunnel.Header{Kind: tunnel.KindHTTP})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(32 << 10)
	b.ResetTimer()
	if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, c, make([]byte, 64<<10)); n != int64(b.N)*32<<10 || err != nil {
		b.Fatalf("%d bytes, %v", n, err)
	}
}

// BenchmarkBytes is one direction through both TLS layers, against which tlsmux's benchmark of bare TLS stands.
func BenchmarkBytes(b *testing.B) {
	agent, plane, _ := sockets(b, wsmux.Options{})
	agentTLS, planeTLS := tunneltest.TLS(b, tlsmux.ALPN)
	go func() {
		c := tls.Client(agent, agentTLS)
		piece := make([]byte, 32<<10)
		for range b.N {
			if _, err := c.Write(piece); err != nil {
				return
			}
		}
		_ = c.Close()
	}()
	b.SetBytes(32 << 10)
	_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, tls.Server(plane, planeTLS), make([]byte, 64<<10))
}
