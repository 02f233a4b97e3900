//go:build linux && !386

package sock

import (
	"crypto/tls"
	"net"
	"syscall"
	"unsafe"
)

// Idle says whether nothing has come for a connection that nobody reads: no byte, no end and no error. It looks into the
// kernel's buffer, and takes nothing out; what a TLS connection above has taken out already is its reader's business.
// Where it cannot look it says so as well.
func Idle(c net.Conn) bool {
	if over, ok := c.(*tls.Conn); ok {
		c = over.NetConn()
	}
	socket, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	idle := false
	err = raw.Control(func(fd uintptr) {
		for {
			var b byte // RawSyscall, because this can't block
			_, _, err := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&b)), 1, syscall.MSG_PEEK|syscall.MSG_DONTWAIT, 0, 0)
			if err != syscall.EINTR {
				idle = err == syscall.EAGAIN
				return
			}
		}
	})
	return err == nil && idle
}
