// Package sock reads and writes TCP sockets without announcing each call to Go's scheduler. A socket of Go's never
// blocks: what is not there yet is waited for in the netpoller. Still every read and write counts as a call that
// might, and the first one after the process was idle wakes the scheduler's watch thread (sysmon), which then looks
// around every 20 µs until all is quiet again. A process that passes small requests on is idle twice in each of them,
// so that these wake-ups were a sixth of its CPU time, and more where switching threads is dear, as in virtual
// machines. Elsewhere than on Linux, and under the race detector, which learns from such calls what came before what,
// connections stay as they are. Start at Conn.
package sock

import (
	"context"
	"net"
)

// Listener makes l's connections Conns.
func Listener(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return Conn(c), nil
}

// Dial makes a dial's connections Conns.
func Dial(dial func(ctx context.Context, network, addr string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return Conn(c), nil
	}
}
