//go:build linux && !race

package sock

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// Conn is c, reading and writing as the package says if it is a TCP connection.
func Conn(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c
	}
	s := &socket{TCPConn: tcp, raw: raw}
	// made once: one made for each call would be garbage after it
	s.in.try, s.out.try = s.in.read, s.out.write
	return s
}

// socket keeps all else that a TCP connection can do.
type socket struct {
	*net.TCPConn
	raw     syscall.RawConn
	in, out transfer
}

// transfer is the one read, or write, under way.
type transfer struct {
	mu  sync.Mutex // held for all of a call; readers, and writers, take turns in net.Conn as well
	p   []byte     // what is left of the caller's
	n   int        // bytes so far
	err syscall.Errno
	try func(fd uintptr) bool
}

// read says whether it is done; if not, there is nothing to read yet.
func (t *transfer) read(fd uintptr) bool {
	for {
		n, _, err := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&t.p[0])), uintptr(len(t.p)))
		switch err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return false
		case 0:
			t.n = int(n)
		}
		t.err = err
		return true
	}
}

// write says whether it is done; if not, there is no room yet.
func (t *transfer) write(fd uintptr) bool {
	for len(t.p) > 0 {
		n, _, err := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&t.p[0])), uintptr(len(t.p)))
		switch err {
		case 0:
			t.n += int(n)
			t.p = t.p[n:]
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			t.err = err
			return true
		}
	}
	return true
}

// Read implements net.Conn.
func (s *socket) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := s.in.run(p, s.raw.Read)
	if err != nil {
		return 0, s.failed("read", err)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Write implements net.Conn.
func (s *socket) Write(p []byte) (int, error) {
	n, err := s.out.run(p, s.raw.Write)
	if err != nil {
		return n, s.failed("write", err)
	}
	return n, nil
}

func (t *transfer) run(p []byte, wait func(func(uintptr) bool) error) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.p, t.n, t.err = p, 0, 0
	err := wait(t.try)
	t.p = nil
	if err == nil && t.err != 0 {
		err = os.NewSyscallError("socket", t.err)
	}
	return t.n, err
}

// failed words an error as net does: deadlines and closed connections are told by errors.Is, and by Timeout.
func (s *socket) failed(op string, err error) error {
	if e, ok := err.(*net.OpError); ok { // of SyscallConn: "raw-read"
		err = e.Err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: err}
}
