package tunneltest

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Path is a way to a TCP address that is far or thin: a proxy in user space, so that it needs no rights and works
// where the kernel has no netem.
type Path struct {
	listener net.Listener
	target   string
	delay    time.Duration
	rate     int
	tasks    sync.WaitGroup
	mu       sync.Mutex // guards what follows
	conns    map[net.Conn]struct{}
	closed   bool
}

// NewPath listens on the loopback interface and passes every connection on to target. Each direction takes delay longer
// (half of the round trip) and carries at most rate bytes a second; 0 is no bound. The caller closes it.
func NewPath(target string, delay time.Duration, rate int) (*Path, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Path{listener: l, target: target, delay: delay, rate: rate, conns: map[net.Conn]struct{}{}}
	p.tasks.Go(p.accept)
	return p, nil
}

// Addr is where to connect to.
func (p *Path) Addr() string { return p.listener.Addr().String() }

// Close cuts all connections and waits until nothing runs any more.
func (p *Path) Close() error {
	err := p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.tasks.Wait()
	return err
}

func (p *Path) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil {
			near.Close()
			continue
		}
		if !p.keep(near, far) {
			return
		}
		p.tasks.Go(func() { p.carry(near, far) })
		p.tasks.Go(func() { p.carry(far, near) })
	}
}

func (p *Path) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.closed {
			c.Close()
			continue
		}
		p.conns[c] = struct{}{}
		if tcp, ok := c.(*net.TCPConn); ok && p.rate > 0 { // else the kernel's buffers are the path
			tcp.SetReadBuffer(pathBuffer)
			tcp.SetWriteBuffer(pathBuffer)
		}
	}
	return !p.closed
}

const (
	pathBuffer = 32 << 10 // of a thin path, as a router has
	thinPiece  = 4 << 10
	farPiece   = 64 << 10
)

type piece struct {
	due  time.Time
	data []byte
}

// carry passes on one direction.
func (p *Path) carry(from, to net.Conn) {
	size, room := farPiece, 4096
	if p.rate > 0 {
		size, room = thinPiece, pathBuffer/thinPiece/2
	}
	pieces := make(chan piece, room) // what is on the way
	p.tasks.Go(func() { p.deliver(pieces, from, to) })
	defer close(pieces)
	for {
		b := make([]byte, size)
		n, err := from.Read(b)
		if n > 0 {
			pieces <- piece{time.Now().Add(p.delay), b[:n]}
		}
		if err != nil {
			return
		}
	}
}

func (p *Path) deliver(pieces <-chan piece, from, to net.Conn) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	free := time.Now() // when the path has carried what was before
	var failed error
	for next := range pieces {
		if failed != nil {
			continue // until the reader has noticed
		}
		if p.rate > 0 {
			if now := time.Now(); now.Sub(free) > 20*time.Millisecond { // less is a late timer, not an idle path
				free = now
			}
			free = free.Add(time.Duration(float64(len(next.data)) / float64(p.rate) * float64(time.Second)))
			next.due = free.Add(p.delay)
		}
		if wait := time.Until(next.due); wait > 0 {
			timer.Reset(wait)
			<-timer.C
		}
		if _, failed = to.Write(next.data); failed != nil {
			from.Close()
		}
	}
	if tcp, ok := to.(*net.TCPConn); ok && (failed == nil || errors.Is(failed, io.EOF)) {
		tcp.CloseWrite()
	}
}
