package apiserver

import "syscall"

// tcpUserTimeout is TCP_USER_TIMEOUT of linux/tcp.h; package syscall lacks it on some architectures.
const tcpUserTimeout = 18

// giveUp has the kernel end a connection whose bytes stay unacknowledged, instead of after a quarter of an hour.
func giveUp(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int((pingAfter + pingTimeout).Milliseconds()))
	})
}
