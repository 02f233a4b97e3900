package tlsmux

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// recorded keeps each write apart.
type recorded struct {
	net.Conn
	writes [][]byte
}

func (r *recorded) Write(p []byte) (int, error) {
	r.writes = append(r.writes, bytes.Clone(p))
	return len(p), nil
}
func (r *recorded) SetWriteDeadline(time.Time) error { return nil }

func TestFrameIsOneWrite(t *testing.T) {
	t.Parallel()
	r := &recorded{}
	w := newWire(r)
	head := []byte{0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5}   // data, 5 bytes
	update := []byte{0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9} // a window update has no body, whatever its length says
	fin := []byte{0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0}    // data without any
	for _, p := range [][]byte{head, []byte("hello"), update, fin, head, []byte("again")} {
		if n, err := w.Write(p); n != len(p) || err != nil {
			t.Fatalf("write %q: %d, %v", p, n, err)
		}
	}
	want := [][]byte{append(bytes.Clone(head), "hello"...), update, fin, append(bytes.Clone(head), "again"...)}
	if len(r.writes) != len(want) {
		t.Fatalf("%d writes: %q", len(r.writes), r.writes)
	}
	for i := range want {
		if !bytes.Equal(r.writes[i], want[i]) {
			t.Errorf("write %d is %q, want %q", i, r.writes[i], want[i])
		}
	}
}

func TestConnectionThatTakesNoBytesFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer b.Close()
		w := newWire(a)
		start := time.Now()
		_, err := w.Write(make([]byte, 12))
		if !errors.Is(err, errStalled) || time.Since(start) != writeStall {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		if w.failure() != errStalled {
			t.Errorf("noted %v", w.failure())
		}
		a.Close()
	})
}

func TestFirstFailureIsTheCause(t *testing.T) {
	t.Parallel()
	a, b := net.Pipe()
	w := newWire(a)
	b.Close()
	if _, err := w.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("read: %v", err)
	}
	a.Close()
	w.Write(make([]byte, 12))
	if w.failure() != errHungUp {
		t.Errorf("noted %v, want %v", w.failure(), errHungUp)
	}
}

func TestLastReceivedFollowsTheBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer b.Close()
		w := newWire(a)
		go func() {
			time.Sleep(time.Minute)
			b.Write([]byte("x"))
		}()
		w.Read(make([]byte, 10))
		got := w.lastReceived()
		time.Sleep(time.Minute)
		if since := time.Since(got); since != time.Minute {
			t.Errorf("the byte came %s ago", since)
		}
		a.Close()
	})
}

func TestWindowFollowsTheRoundTrip(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rtt  time.Duration
		most int
		want uint32
	}{
		{0, maxPlaneWindow, minWindow},
		{200 * time.Microsecond, maxPlaneWindow, minWindow},
		{10 * time.Millisecond, maxPlaneWindow, 1677721},
		{50 * time.Millisecond, maxPlaneWindow, 8 << 20},
		{300 * time.Millisecond, maxPlaneWindow, maxPlaneWindow},
		{50 * time.Millisecond, maxAgentWindow, maxAgentWindow},
		{50 * time.Millisecond, 1000, minWindow},
	} {
		if got := window(c.rtt, c.most); got != c.want {
			t.Errorf("window for %s, at most %d: %d, want %d", c.rtt, c.most, got, c.want)
		}
	}
}
