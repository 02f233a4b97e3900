package quicmux

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

var httpHeader = tunnel.Header{Kind: tunnel.KindHTTP}

// connect is a rig whose agent answers each stream with what it got.
func connect(t testing.TB, change func(*socket)) tunneltest.Rig {
	t.Helper()
	w, s, _ := lay(t)
	if change != nil {
		change(s)
	}
	rig := tunneltest.Connect(t, w, tunnel.Config{}, tunnel.Config{})
	go func() {
		for {
			c, err := rig.Agent.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	return rig
}

// echo sends n bytes and reads them back.
func echo(t testing.TB, s tunnel.Session, n int) {
	t.Helper()
	c, err := s.Open(t.Context(), httpHeader)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		_, _ = c.Write(make([]byte, n))
		_ = c.CloseWrite()
	}()
	if got, err := io.Copy(io.Discard, c); got != int64(n) || err != nil {
		t.Fatalf("%d of %d bytes came back: %v", got, n, err)
	}
}

// TestStreamsAreGivenBack opens more, one after the other, than may be open at once.
func TestStreamsAreGivenBack(t *testing.T) {
	t.Parallel()
	rig := connect(t, nil)
	for range agentStreams + agentStreams/4 {
		echo(t, rig.Plane, 10)
	}
}

// TestPathWithASmallMTU is one that loses, without a word, what IPv6's least MTU of 1280 has no room for.
func TestPathWithASmallMTU(t *testing.T) {
	t.Parallel()
	const room = 1280 - 40 - 8 // the headers of IPv6 and UDP
	rig := connect(t, func(s *socket) { s.mtu = room })
	echo(t, rig.Plane, 1<<20)
}

func TestBlockedUDPIsNamed(t *testing.T) {
	t.Parallel()
	agentTLS, _ := tunneltest.TLS(t, ALPN)
	silent := udp(t) // answers nothing, as a firewall that drops
	start := time.Now()
	_, err := Dial(t.Context(), nil, silent.LocalAddr(), agentTLS, tunnel.Config{HandshakeTimeout: 300 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "UDP") || time.Since(start) > 10*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
}

// TestSilenceIsADeadPeer: nothing fails on a path that drops everything, and QUIC's own clock is the first to run out.
func TestSilenceIsADeadPeer(t *testing.T) {
	t.Parallel()
	wire, _, _ := lay(t)
	rig := tunneltest.Connect(t, wire, tunnel.Config{}, tunnel.Config{})
	began := time.Now()
	wire.Stall()
	for side, s := range map[string]tunnel.Session{"agent": rig.Agent, "plane": rig.Plane} {
		select {
		case <-s.Done():
		case <-time.After(time.Minute):
			t.Fatalf("the %s does not notice", side)
		}
		if e, ok := errors.AsType[*tunnel.CloseError](s.Cause()); !ok || e.Reason != tunnel.ReasonDead || e.Remote {
			t.Errorf("the %s ended for %v", side, s.Cause())
		}
	}
	if took := time.Since(began); took > 25*time.Second {
		t.Errorf("it took %s to notice", took)
	}
}

// TestRefusedCertificateIsAnAlert, though TLS 1.3 tells the client only once it believes all is well.
func TestRefusedCertificateIsAnAlert(t *testing.T) {
	t.Parallel()
	agentTLS, planeTLS := tunneltest.TLS(t, ALPN)
	planeTLS.VerifyConnection = func(tls.ConnectionState) error { return errors.New("revoked") }
	conn := udp(t)
	l, err := Listen(conn, planeTLS, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Dial(t.Context(), nil, conn.LocalAddr(), agentTLS, tunnel.Config{})
	if alert, ok := errors.AsType[*net.OpError](err); !ok || alert.Op != "remote error" {
		t.Errorf("%v", err)
	}
}

func TestAnotherProtocolIsNoTunnel(t *testing.T) {
	t.Parallel()
	agentTLS, planeTLS := tunneltest.TLS(t, ALPN)
	agentTLS.NextProtos = []string{"h3"}
	conn := udp(t)
	l, err := Listen(conn, planeTLS, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Dial(t.Context(), nil, conn.LocalAddr(), agentTLS, tunnel.Config{}); err == nil {
		t.Error("connected")
	}
}

// TestStoppedReadersLeaveRoomForOthers: QUIC has a window for all streams together, which must not be small.
func TestStoppedReadersLeaveRoomForOthers(t *testing.T) {
	t.Parallel()
	w, _, _ := lay(t)
	rig := tunneltest.Connect(t, w, tunnel.Config{}, tunnel.Config{})
	const stopped = 40
	var blocked []*tunnel.Conn
	for range stopped {
		go func() {
			if c, err := rig.Agent.Accept(); err == nil {
				_, _ = c.Write(make([]byte, 2*firstStreamWindow))
			}
		}()
		c, err := rig.Plane.Open(t.Context(), httpHeader)
		if err != nil {
			t.Fatal(err)
		}
		blocked = append(blocked, c)
	}
	go func() {
		if c, err := rig.Agent.Accept(); err == nil {
			_, _ = c.Write(make([]byte, 4<<20))
			_ = c.Close()
		}
	}()
	c, err := rig.Plane.Open(t.Context(), httpHeader)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, c); n != 4<<20 || err != nil {
		t.Errorf("%d bytes beside stopped readers, %v", n, err)
	}
	for _, c := range blocked {
		_ = c.Reset(tunnel.ReasonCancelled)
	}
}

func TestManyHandshakesHaveToProveTheirAddress(t *testing.T) {
	t.Parallel()
	k := newKnocks()
	for range maxKnocks {
		if k.tooMany(nil) {
			t.Fatal("few are too many")
		}
	}
	if !k.tooMany(nil) {
		t.Error("many are not")
	}
	k.since = k.since.Add(-2 * time.Second)
	if k.tooMany(nil) {
		t.Error("a second later they still are")
	}
}

// BenchmarkStream is one stream from the agent to the plane, in 32 KiB writes; tlsmux has its like.
func BenchmarkStream(b *testing.B) {
	agentTLS, planeTLS := tunneltest.TLS(b, ALPN)
	agentUDP, planeUDP := udp(b), udp(b) // bare, so that quic-go may use all that the system offers
	l, err := Listen(planeUDP, planeTLS, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	w := tunneltest.Wire{
		Agent: func(ctx context.Context, cfg tunnel.Config) (tunnel.Session, error) {
			return Dial(ctx, agentUDP, planeUDP.LocalAddr(), agentTLS, cfg)
		},
		Plane: func(ctx context.Context, cfg tunnel.Config) (tunnel.Session, error) {
			conn, err := l.Accept(ctx)
			if err != nil {
				return nil, err
			}
			return conn.Plane(ctx, cfg)
		},
	}
	rig := tunneltest.Connect(b, w, tunnel.Config{}, tunnel.Config{})
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
	c, err := rig.Plane.Open(b.Context(), httpHeader)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(32 << 10)
	b.ResetTimer()
	if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, c, make([]byte, 64<<10)); n != int64(b.N)*32<<10 || err != nil {
		b.Fatalf("%d bytes, %v", n, err)
	}
}
