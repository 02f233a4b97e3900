package tlsmux_test

import (
	"crypto/tls"
	"io"
	"testing"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

func connect(b *testing.B) tunneltest.Rig {
	w, _ := lay(b)
	return tunneltest.Connect(b, w, tunnel.Config{}, tunnel.Config{})
}

// BenchmarkStream is one stream from the agent to the plane, in 32 KiB writes.
func BenchmarkStream(b *testing.B) {
	rig := connect(b)
	go func() {
		c, err := rig.Agent.Accept()
		if err != nil {
			return
		}
		piece := make([]byte, 32<<10)
		for range b.N {
			c.Write(piece)
		}
		c.Close()
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

// BenchmarkOpen is one stream opened, used for a line each way and closed.
func BenchmarkOpen(b *testing.B) {
	rig := connect(b)
	go answerLines(rig.Agent)
	line := make([]byte, 100)
	for b.Loop() {
		c, err := rig.Plane.Open(b.Context(), httpHeader)
		if err != nil {
			b.Fatal(err)
		}
		c.Write(line)
		if _, err := io.ReadFull(c, line); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}

// BenchmarkBareTLS is what BenchmarkStream is measured against.
func BenchmarkBareTLS(b *testing.B) {
	client, server := tcpPair(b)
	agentTLS, planeTLS := tunneltest.TLS(b, tlsmux.ALPN, "http/1.1")
	go func() {
		c := tls.Client(client, agentTLS)
		piece := make([]byte, 32<<10)
		for range b.N {
			c.Write(piece)
		}
		c.Close()
	}()
	b.SetBytes(32 << 10)
	io.CopyBuffer(struct{ io.Writer }{io.Discard}, tls.Server(server, planeTLS), make([]byte, 64<<10))
}

// BenchmarkOpenEarly is BenchmarkOpen with the line in the same frame as the header.
func BenchmarkOpenEarly(b *testing.B) {
	rig := connect(b)
	go answerLines(rig.Agent)
	line := make([]byte, 100)
	for b.Loop() {
		c, err := tunnel.OpenEarly(b.Context(), rig.Plane, httpHeader, line)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, line); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}

func answerLines(s tunnel.Session) {
	for {
		c, err := s.Accept()
		if err != nil {
			return
		}
		go func() {
			line := make([]byte, 100)
			io.ReadFull(c, line)
			c.Write(line)
			c.Close()
		}()
	}
}
