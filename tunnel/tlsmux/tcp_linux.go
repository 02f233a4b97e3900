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

const (
	// unackedTimeout is how long sent data may stay unacknowledged before the kernel gives the connection up.
	unackedTimeout = 20 * time.Second
	// notSent bounds what waits in the socket without being sent: there nothing can overtake, neither a keystroke nor
	// a CANCEL.
	notSent = 128 << 10
)

// tuneTCP sets the socket below conn, if there is one that can be reached. Failing is harmless.
func tuneTCP(conn net.Conn) {
	if tc, ok := conn.(*tls.Conn); ok {
		conn = tc.NetConn()
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(unackedTimeout/time.Millisecond))
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat, notSent)
	})
}
