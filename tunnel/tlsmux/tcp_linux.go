package tlsmux

import (
	"crypto/tls"
	"net"
	"syscall"
	"time"
)

// From linux/tcp.h; package syscall lacks them on some architectures.
const (
	tcpUserTimeout  = 18
	tcpNotSentLowat = 25
)

// unackedTimeout is how long sent data may stay unacknowledged before the kernel gives the connection up.
const unackedTimeout = 20 * time.Second

// tuneTCP sets the socket below conn, if there is one that can be reached. Failing is harmless. What it returns bounds
// the bytes that wait in the socket without being sent: there nothing can overtake, neither a keystroke nor a CANCEL.
// It is nil without a socket.
func tuneTCP(conn net.Conn) (notSent func(bytes int)) {
	if tc, ok := conn.(*tls.Conn); ok {
		conn = tc.NetConn()
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	set := func(option, value int) {
		raw.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, option, value) })
	}
	set(tcpUserTimeout, int(unackedTimeout/time.Millisecond))
	return func(bytes int) { set(tcpNotSentLowat, bytes) }
}
