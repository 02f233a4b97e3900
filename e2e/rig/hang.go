package rig

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/kubechat/kubechat/pki"
)

// Step is how far a backend that is stuck still gets.
type Step int

// The steps: it accepts and says nothing; it also makes the tunnel's TLS; or only HTTP's, and never answers the request.
const (
	StuckInTLS Step = iota
	StuckInHello
	StuckInUpgrade
)

// NewStuck is a gateway, with the replica's certificate, that gets stuck at a step. It gives host:port.
func NewStuck(t testing.TB, r *Replica, at Step) (addr string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{
		MinVersion:     tls.VersionTLS13,
		GetCertificate: r.Issuer.ServiceCertificate(pki.GatewayService, r.ID, nil, []net.IP{net.IPv4(127, 0, 0, 1)}),
	}
	switch at {
	case StuckInHello:
		cfg.NextProtos = []string{"kct/1", "http/1.1"}
	case StuckInUpgrade:
		cfg.NextProtos = []string{"http/1.1"}
	}
	silent := func(c net.Conn) {
		defer c.Close()
		if at != StuckInTLS {
			c = tls.Server(c, cfg)
		}
		_, _ = io.Copy(io.Discard, c)
	}
	background(t, func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { _ = l.Close() })
		defer stop()
		// http.Server only for its knowing all connections and closing them
		srv := &http.Server{ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
			ConnState: func(c net.Conn, state http.ConnState) {
				if state == http.StateNew {
					silent(c)
				}
			}}
		stopServer := context.AfterFunc(ctx, func() { _ = srv.Close() })
		defer stopServer()
		_ = srv.Serve(l)
		return nil
	})
	return l.Addr().String()
}

// NewFull is an address at which connections are neither accepted nor refused: its queue is full, so that the kernel drops
// what would begin another one, as a firewall does.
func NewFull(t testing.TB) (addr string) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}
	for {
		c, err := net.DialTimeout("tcp", at.String(), 300*time.Millisecond)
		if err != nil {
			return at.String() // full
		}
		t.Cleanup(func() { _ = c.Close() })
	}
}
