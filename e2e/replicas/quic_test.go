package replicas

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// datagrams is a way to one UDP address that can be blocked: what is sent is lost without a word, as in a firewall.
type datagrams struct {
	to      string
	blocked atomic.Bool
	passed  atomic.Int64
	conn    net.PacketConn
	tasks   sync.WaitGroup

	mu  sync.Mutex // guards out
	out map[string]net.Conn
}

// newDatagrams listens where addr is, over UDP, until the test ends.
func newDatagrams(t *testing.T, addr, to string) *datagrams {
	t.Helper()
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	d := &datagrams{to: to, conn: conn, out: map[string]net.Conn{}}
	d.tasks.Go(d.forth)
	t.Cleanup(func() {
		_ = conn.Close()
		d.mu.Lock()
		for _, c := range d.out {
			_ = c.Close()
		}
		d.mu.Unlock()
		d.tasks.Wait()
	})
	return d
}

func (d *datagrams) forth() {
	p := make([]byte, 2048)
	for {
		n, from, err := d.conn.ReadFrom(p)
		if err != nil {
			return
		}
		if out := d.outOf(from); out != nil && !d.blocked.Load() {
			d.passed.Add(1)
			_, _ = out.Write(p[:n]) // a datagram may be lost
		}
	}
}

// outOf is the socket on which one sender's go on.
func (d *datagrams) outOf(from net.Addr) net.Conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	if out := d.out[from.String()]; out != nil {
		return out
	}
	out, err := net.Dial("udp", d.to)
	if err != nil {
		return nil
	}
	d.out[from.String()] = out
	d.tasks.Go(func() {
		p := make([]byte, 2048)
		for {
			n, err := out.Read(p)
			if err != nil {
				return
			}
			if !d.blocked.Load() {
				_, _ = d.conn.WriteTo(p[:n], from)
			}
		}
	})
	return out
}

// TestQUICCarriesEverythingAndGivesWayToTLS: an agent that can't get through over TCP is served over QUIC; when UDP is
// blocked without a word it is back on TLS.
func TestQUICCarriesEverythingAndGivesWayToTLS(t *testing.T) {
	t.Parallel()
	var tcp *wire
	var udp *datagrams
	r := newRig(t, setup{
		replicas: 1, sessions: 1, agent: []string{"--transports", "tls,quic"},
		flags: func(*replica) []string { return []string{"--tunnel-quic"} },
		front: func(p *replica) string {
			if tcp == nil {
				tcp = newWire(t, p.tunAt)
				udp = newDatagrams(t, tcp.addr, p.tunAt)
			}
			return tcp.addr
		},
	})
	over := func(transport string) bool {
		var c struct{ Transports []string }
		r.call(http.MethodGet, "/clusters/"+r.cluster, nil, &c)
		return slices.Equal(c.Transports, []string{transport})
	}
	l := r.load(r.web.addr)
	l.write()
	l.pod()
	r.eventually("TLS is first", func() bool { return over("tls") })
	tcp.cut()
	r.eventually("QUIC gets through", func() bool { return over("quic") })
	before := udp.passed.Load()
	l.unary(50, 8)
	l.watch(3)
	shells := l.shells(2, r.replicas[0])
	began := time.Now()
	for range 20 {
		shells.goOn(t, began, time.Minute)
	}
	r.eventually("reads, changes and watches go over QUIC", func() bool {
		return l.reads.Load() > 100 && l.changes.Load() > 5 && l.watched.Load() > 60
	})
	shells.end()
	l.quiet()
	l.end()
	l.check()
	if n := udp.passed.Load() - before; n < 200 {
		t.Errorf("%d datagrams came by", n)
	}

	tcp.heal()
	udp.blocked.Store(true)
	blocked := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	for !over("tls") {
		if !pause(ctx, 200*time.Millisecond) {
			t.Fatal("the agent stays on a path that drops everything")
		}
	}
	t.Logf("back on TLS %s after UDP was blocked", time.Since(blocked).Round(100*time.Millisecond))
	if err := r.load(r.web.addr).read(http.DefaultClient); err != nil {
		t.Error(err)
	}
}
