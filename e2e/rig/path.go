package rig

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Direction is a set of ways through a Path.
type Direction int

// The directions. Up is from who dialled, which is the agent, to the target.
const (
	Up   Direction = 1
	Down Direction = 2
	Both           = Up | Down
)

// Path is a way to a TCP address that breaks on request: a proxy in user space, so that it needs no rights. What it does
// to a connection it does to all of it: TLS and everything above see what a network would show them.
type Path struct {
	listener net.Listener
	tasks    sync.WaitGroup

	mu      sync.Mutex // guards what follows
	targets []string
	turn    int
	arrival Arrival
	links   []*Link
	rate    map[Direction]int
	closed  bool
}

// Arrival is what becomes of new connections.
type Arrival int

// The arrivals.
const (
	Passed  Arrival = iota // on to the next target
	Hanging                // accepted, and then nothing: as in front of a backend that is stuck
	Cut                    // accepted, and reset at once
)

// NewPath listens on the loopback interface until the test ends, and passes connections on to the targets in turn.
func NewPath(t testing.TB, targets ...string) *Path {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Path{listener: l, targets: targets, rate: map[Direction]int{}}
	p.tasks.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr is where to connect to.
func (p *Path) Addr() string { return p.listener.Addr().String() }

// Arrivals says what becomes of new connections from now on.
func (p *Path) Arrivals(a Arrival) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arrival = a
}

// Target changes where new connections go.
func (p *Path) Target(targets ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = targets
}

// Throttle bounds what each connection carries in a direction, in bytes a second; 0 is no bound. Connections that stand
// are bounded as well, but the kernel's buffers go with those: throttle a path before it is used to have it as small as a
// router's.
func (p *Path) Throttle(d Direction, rate int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range []Direction{Up, Down} {
		if d&one != 0 {
			p.rate[one] = rate
		}
	}
	for _, l := range p.links {
		l.throttle(d, rate)
	}
}

// Links lists the connections that live, the oldest first.
func (p *Path) Links() []*Link {
	p.mu.Lock()
	defer p.mu.Unlock()
	var live []*Link
	for _, l := range p.links {
		if !l.over() {
			live = append(live, l)
		}
	}
	p.links = live
	return append([]*Link(nil), live...)
}

// Each does something to every connection that lives.
func (p *Path) Each(do func(*Link)) {
	for _, l := range p.Links() {
		do(l)
	}
}

// Busiest is the connection that carried the most bytes while traffic ran.
func (p *Path) Busiest(traffic func()) *Link {
	links := p.Links()
	before := make([]int64, len(links))
	for i, l := range links {
		before[i] = l.carried()
	}
	traffic()
	var best *Link
	most := int64(-1)
	for i, l := range links {
		if n := l.carried() - before[i]; n > most {
			best, most = l, n
		}
	}
	return best
}

func (p *Path) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	links := p.links
	p.mu.Unlock()
	for _, l := range links {
		l.end(nil)
	}
	p.tasks.Wait()
}

func (p *Path) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		l := &Link{near: near.(*net.TCPConn), done: make(chan struct{})}
		l.up.init()
		l.down.init()
		p.mu.Lock()
		target, arrival, closed := "", p.arrival, p.closed
		if len(p.targets) > 0 {
			target = p.targets[p.turn%len(p.targets)]
			p.turn++
		}
		l.throttle(Up, p.rate[Up])
		l.throttle(Down, p.rate[Down])
		l.thin = p.rate[Up]+p.rate[Down] > 0
		p.links = append(p.links, l)
		p.mu.Unlock()
		switch {
		case closed:
			l.end(nil)
		case arrival == Cut:
			l.Reset()
		case arrival == Hanging || target == "":
			// its end comes with the path's, or the dialler's patience: nobody reads
			p.tasks.Go(func() { _, _ = io.Copy(io.Discard, l.near); l.end(nil) })
		default:
			p.tasks.Go(func() { p.carry(l, target) })
		}
	}
}

func (p *Path) carry(l *Link, target string) {
	far, err := net.DialTimeout("tcp", target, 10*time.Second)
	if err != nil {
		l.Reset()
		return
	}
	if !l.join(far.(*net.TCPConn)) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { l.pass(&l.up, l.near, l.far) })
	both.Go(func() { l.pass(&l.down, l.far, l.near) })
	both.Wait() // both ends are done with it
	l.end(nil)
}

// Link is one connection through a Path.
type Link struct {
	near, far *net.TCPConn
	up, down  lane
	mu        sync.Mutex // guards far until it is there, and ended
	ended     bool
	thin      bool
	done      chan struct{} // closed with ended
}

// lane is one direction.
type lane struct {
	bytes   atomic.Int64
	rate    atomic.Int64
	dropped atomic.Bool
	mu      sync.Mutex // guards what follows
	open    chan struct{}
	held    bool
}

func (l *lane) init() {
	l.open = make(chan struct{})
	close(l.open)
}

func (l *lane) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.held {
		l.held, l.open = true, make(chan struct{})
	}
}

func (l *lane) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held {
		l.held = false
		close(l.open)
	}
}

func (l *lane) gate() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// Reset ends the connection at both ends, as a RST does.
func (l *Link) Reset() { l.end(func(c *net.TCPConn) { _ = c.SetLinger(0) }) }

// Finish ends both directions at both ends with a FIN, as a balancer does whose patience is over.
func (l *Link) Finish() { l.end(nil) }

// Drop lets nothing through any more in a direction, neither bytes nor the connection's end, and tells nobody.
func (l *Link) Drop(d Direction) {
	for _, one := range l.lanes(d) {
		one.dropped.Store(true)
		one.resume()
	}
}

// Hold stops a direction until Resume; what was sent meanwhile then arrives.
func (l *Link) Hold(d Direction) {
	for _, one := range l.lanes(d) {
		one.hold()
	}
}

// Resume ends Hold.
func (l *Link) Resume() {
	for _, one := range l.lanes(Both) {
		one.resume()
	}
}

// Leads says whether the link goes to a target.
func (l *Link) Leads(target string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.far != nil && l.far.RemoteAddr().String() == target
}

// Done is closed when the connection is over at either end.
func (l *Link) Done() <-chan struct{} { return l.done }

func (l *Link) lanes(d Direction) (out []*lane) {
	if d&Up != 0 {
		out = append(out, &l.up)
	}
	if d&Down != 0 {
		out = append(out, &l.down)
	}
	return out
}

func (l *Link) throttle(d Direction, rate int) {
	for _, one := range l.lanes(d) {
		one.rate.Store(int64(rate))
	}
}

func (l *Link) carried() int64 { return l.up.bytes.Load() + l.down.bytes.Load() }

func (l *Link) over() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

func (l *Link) join(far *net.TCPConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		_ = far.Close()
		return false
	}
	l.far = far
	if l.thin {
		_ = l.near.SetReadBuffer(thinBuffer)
		_ = l.far.SetReadBuffer(thinBuffer)
	}
	return true
}

func (l *Link) end(first func(*net.TCPConn)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	l.ended = true
	close(l.done)
	for _, c := range []*net.TCPConn{l.near, l.far} {
		if c == nil {
			continue
		}
		if first != nil {
			first(c)
		}
		_ = c.Close()
	}
}

const (
	pieceSize  = 32 << 10
	thinBuffer = 32 << 10 // on a throttled path, where it is how long what is small waits
)

// pass carries one direction. The end of one direction is passed on as such; an error ends the connection, unless that
// direction drops what it is given.
func (l *Link) pass(way *lane, from, to *net.TCPConn) {
	buf := make([]byte, pieceSize)
	for {
		size := len(buf)
		if rate := way.rate.Load(); rate > 0 { // small pieces, so that the rate is smooth
			size = min(size, max(1<<10, int(rate/50)))
		}
		n, err := from.Read(buf[:size])
		select {
		case <-way.gate():
		case <-l.done:
			return
		}
		if way.dropped.Load() {
			if err != nil {
				return // the other end hears nothing of it
			}
			continue
		}
		if n > 0 {
			way.bytes.Add(int64(n))
			if rate := way.rate.Load(); rate > 0 && !l.wait(time.Duration(n)*time.Second/time.Duration(rate)) {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				l.end(nil)
				return
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = to.CloseWrite()
			return
		case err != nil:
			l.Reset()
			return
		}
	}
}

func (l *Link) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.done:
		return false
	}
}

// String says what the link has carried.
func (l *Link) String() string {
	return fmt.Sprintf("%d bytes up, %d down", l.up.bytes.Load(), l.down.bytes.Load())
}
