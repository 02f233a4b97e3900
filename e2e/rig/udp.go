package rig

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Datagrams is a way for UDP to a target that breaks on request, beside a Path and at the same address.
type Datagrams struct {
	conn    *net.UDPConn
	target  *net.UDPAddr
	blocked atomic.Bool
	largest atomic.Int64
	tasks   sync.WaitGroup

	mu    sync.Mutex // guards the rest
	flows map[string]*net.UDPConn
	shut  bool
}

// Datagrams passes UDP on beside p, to the target, until the test ends.
func (p *Path) Datagrams(t testing.TB, target string) *Datagrams {
	t.Helper()
	here, err := net.ResolveUDPAddr("udp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	there, err := net.ResolveUDPAddr("udp", target)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", here)
	if err != nil {
		t.Fatal(err)
	}
	d := &Datagrams{conn: conn, target: there, flows: map[string]*net.UDPConn{}}
	d.largest.Store(64 << 10)
	d.tasks.Go(d.in)
	t.Cleanup(d.close)
	return d
}

// Block lets nothing through any more, and tells nobody, as a firewall does; or lets it through again.
func (d *Datagrams) Block(blocked bool) { d.blocked.Store(blocked) }

// Largest bounds the payload of what passes: the link's MTU less 28 bytes of headers over IPv4. What is larger is lost.
func (d *Datagrams) Largest(bytes int) { d.largest.Store(int64(bytes)) }

func (d *Datagrams) passes(n int) bool { return !d.blocked.Load() && int64(n) <= d.largest.Load() }

func (d *Datagrams) in() {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := d.conn.ReadFromUDP(buf)
		if err != nil {
			return
		}
		if !d.passes(n) {
			continue
		}
		if out := d.flow(from); out != nil {
			_, _ = out.Write(buf[:n]) // what is lost is lost
		}
	}
}

func (d *Datagrams) flow(from *net.UDPAddr) *net.UDPConn {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := d.flows[from.String()]
	if out == nil && !d.shut {
		var err error
		if out, err = net.DialUDP("udp", nil, d.target); err != nil {
			return nil
		}
		d.flows[from.String()] = out
		d.tasks.Go(func() { d.back(out, from) })
	}
	return out
}

func (d *Datagrams) back(out *net.UDPConn, to *net.UDPAddr) {
	buf := make([]byte, 64<<10)
	for {
		n, err := out.Read(buf)
		if err != nil {
			if d.over() {
				return
			}
			continue // refused, for the moment
		}
		if d.passes(n) {
			_, _ = d.conn.WriteToUDP(buf[:n], to)
		}
	}
}

func (d *Datagrams) over() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shut
}

func (d *Datagrams) close() {
	d.mu.Lock()
	d.shut = true
	for _, out := range d.flows {
		_ = out.Close()
	}
	d.mu.Unlock()
	_ = d.conn.Close()
	d.tasks.Wait()
}
