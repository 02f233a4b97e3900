package sock_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/kubechat/kubechat/internal/sock"
)

// pair is two ends of a connection over loopback.
func pair(t *testing.T) (here, there net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := sock.Listener(l).Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	here, err = sock.Dial((&net.Dialer{}).DialContext)(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	there = <-accepted
	t.Cleanup(func() {
		here.Close()
		there.Close()
	})
	return here, there
}

func TestAllBytesArriveInTheirOrder(t *testing.T) {
	t.Parallel()
	here, there := pair(t)
	sent := make([]byte, 8<<20) // more than both sockets hold, so that each end waits for the other
	rand.Read(sent)
	wrote := make(chan error, 1)
	go func() {
		n, err := here.Write(sent)
		if n != len(sent) && err == nil {
			err = io.ErrShortWrite
		}
		wrote <- errors.Join(err, here.(interface{ CloseWrite() error }).CloseWrite())
	}()
	got, err := io.ReadAll(there)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d of %d bytes: %v", len(got), len(sent), err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
}

func TestDeadlinesAndCloseEndAWait(t *testing.T) {
	t.Parallel()
	here, there := pair(t)
	here.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := here.Read(make([]byte, 1))
	var timeout net.Error
	if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("read: %v", err)
	}
	much := make([]byte, 64<<20)
	here.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := here.Write(much); !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 {
		t.Errorf("write: %d, %v", n, err)
	}
	here.SetReadDeadline(time.Time{})
	waiting := make(chan error, 1)
	go func() {
		_, err := here.Read(make([]byte, 1))
		waiting <- err
	}()
	here.Close()
	if err := <-waiting; !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	_ = there
}

func TestResetIsAnErrorAndNoEnd(t *testing.T) {
	t.Parallel()
	here, there := pair(t)
	there.(interface{ SetLinger(int) error }).SetLinger(0)
	there.Close()
	if _, err := here.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read: %v", err)
	}
	if n, err := here.Read(nil); n != 0 || err != nil {
		t.Errorf("of nothing: %d, %v", n, err)
	}
}

func TestDialThatFailsIsNoConnection(t *testing.T) {
	t.Parallel()
	failed := errors.New("no way")
	c, err := sock.Dial(func(context.Context, string, string) (net.Conn, error) { return nil, failed })(t.Context(), "", "")
	if c != nil || !errors.Is(err, failed) {
		t.Errorf("%v, %v", c, err)
	}
}

func TestIdleIsAConnectionOnWhichNothingCame(t *testing.T) {
	t.Parallel()
	here, there := pair(t)
	if !sock.Idle(here) {
		t.Error("nothing came, and it is not idle")
	}
	if _, err := there.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	for sock.Idle(here) { // until it has come
		runtime.Gosched()
	}
	b := make([]byte, 2)
	if n, err := here.Read(b); n != 1 || err != nil || !sock.Idle(here) {
		t.Errorf("looking took it away: %d bytes, %v", n, err)
	}
	there.Close()
	for sock.Idle(here) { // an end is something as well
		runtime.Gosched()
	}
}
