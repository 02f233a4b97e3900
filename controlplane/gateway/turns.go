package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// beginWithin is how long a handshake waits to begin: one that began later would not be over in its time, and what it
// cost would be lost.
const beginWithin = 6 * time.Second

// turns bounds how many handshakes compute at once, to half of the processors: the requests of those who are here find
// the other half. Only computing takes a turn, waiting for the other side takes none: a distant agent, or somebody who
// connects and says nothing, holds up nobody. Handshakes that have begun come first.
type turns struct {
	mu           sync.Mutex // guards what follows
	free         int
	begun, fresh []*waiter // the first first
}

type waiter struct {
	ready chan struct{} // closed when it is its turn
	left  bool          // it waits no more
}

var errTurn = errors.New("it waited too long for its turn")

func newTurns() *turns { return &turns{free: max(1, runtime.GOMAXPROCS(0)/2)} }

// take waits for a turn.
func (t *turns) take(ctx context.Context, begun bool) error {
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return nil
	}
	w := &waiter{ready: make(chan struct{})}
	if begun {
		t.begun = append(t.begun, w)
	} else {
		t.fresh = append(t.fresh, w)
	}
	t.mu.Unlock()
	late := (<-chan time.Time)(nil)
	if !begun {
		timer := time.NewTimer(beginWithin)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	case <-late:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-w.ready: // at the same moment
		t.passLocked()
	default:
		w.left = true
	}
	return errTurn
}

// pass gives a turn back.
func (t *turns) pass() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.passLocked()
}

func (t *turns) passLocked() {
	for _, queue := range []*[]*waiter{&t.begun, &t.fresh} {
		for len(*queue) > 0 {
			w := (*queue)[0]
			(*queue)[0] = nil
			if *queue = (*queue)[1:]; !w.left {
				close(w.ready)
				return
			}
		}
	}
	t.free++
}

// newcomers bounds how many who connect ask the database at once. After a storm's handshakes each asks three times, and
// would leave none of its connections to the requests of those who are here.
type newcomers chan struct{} // holds a token for each

// ask waits for its place, then asks.
func (n newcomers) ask(ctx context.Context, question func() error) error {
	if n == nil {
		return question()
	}
	select {
	case n <- struct{}{}:
		defer func() { <-n }()
		return question()
	case <-ctx.Done():
		return fmt.Errorf("ask about who connects: %w", context.Cause(ctx))
	}
}

// turned is a connection whose handshake computes in turns: from what the other side said until it is asked to say more.
type turned struct {
	net.Conn
	ctx   context.Context // of the handshake
	turns *turns
	holds bool
	begun bool
	over  bool // the handshake is: reads are reads
}

// Read implements net.Conn.
func (c *turned) Read(p []byte) (int, error) {
	if c.over {
		return c.Conn.Read(p)
	}
	c.pause()
	n, err := c.Conn.Read(p)
	if n > 0 {
		if late := c.resume(); late != nil {
			return 0, late
		}
	}
	return n, err
}

func (c *turned) pause() {
	if c.holds {
		c.holds = false
		c.turns.pass()
	}
}

func (c *turned) resume() error {
	if err := c.turns.take(c.ctx, c.begun); err != nil {
		return err
	}
	c.holds, c.begun = true, true
	return nil
}

// end is called after the handshake, before anybody else reads.
func (c *turned) end() {
	c.pause()
	c.over = true
}

// NetConn is the connection below, as of a tls.Conn.
func (c *turned) NetConn() net.Conn { return c.Conn }

// SyscallConn implements syscall.Conn, for who sets the socket's options.
func (c *turned) SyscallConn() (syscall.RawConn, error) {
	if s, ok := c.Conn.(syscall.Conn); ok {
		return s.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}
