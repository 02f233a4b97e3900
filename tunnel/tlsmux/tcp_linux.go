package tlsmux

import (
	"crypto/tls"
	"net"
	"syscall"
	"time"
	"unsafe"
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
// clear says whether all that was sent is acknowledged. Both are nil without a socket.
func tuneTCP(conn net.Conn) (notSent func(bytes int), clear func() bool) {
	if tc, ok := conn.(*tls.Conn); ok {
		conn = tc.NetConn()
	}
	socket, ok := conn.(syscall.Conn) // a TCP connection, or what is around one
	if !ok {
		return nil, nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, nil
	}
	set := func(option, value int) {
		raw.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, option, value) })
	}
	set(tcpUserTimeout, int(unackedTimeout/time.Millisecond))
	var unacked int32
	look := func(fd uintptr) { // made once; RawSyscall because this can't block, see internal/sock
		unacked = -1
		syscall.RawSyscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&unacked)))
	}
	return func(bytes int) { set(tcpNotSentLowat, bytes) }, func() bool { return raw.Control(look) == nil && unacked == 0 }
}
