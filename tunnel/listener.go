package tunnel

import (
	"fmt"
	"net"
	"sync"
)

// Listen gives an http.Server a listener it may close without ending the session: http.Server.Shutdown closes its
// listeners first and then waits for what is in flight, which needs the session. Drain the session before that, so that
// the other side opens no streams nobody accepts.
func Listen(s Session) net.Listener {
	own, ok := s.(*session)
	if !ok {
		return s
	}
	return &listener{session: own, closed: make(chan struct{})}
}

type listener struct {
	*session
	once   sync.Once
	closed chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case <-l.closed: // before looking at arrivals
		return nil, fmt.Errorf("accept stream: %w", net.ErrClosed)
	default:
	}
	select {
	case c := <-l.arrivals:
		return c, nil
	case <-l.closed:
		return nil, fmt.Errorf("accept stream: %w", net.ErrClosed)
	case <-l.done:
		return nil, fmt.Errorf("accept stream: %w: %w", net.ErrClosed, l.ended())
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}
