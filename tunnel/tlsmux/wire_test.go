package tlsmux

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// recorded keeps each write apart, and holds them up until it is let go.
type recorded struct {
	net.Conn
	held   chan struct{} // a token per write that may go on
	mu     sync.Mutex    // guards writes
	writes [][]byte
}

func record() *recorded { return &recorded{held: make(chan struct{}, 100)} }

func (r *recorded) Write(p []byte) (int, error) {
	<-r.held
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes = append(r.writes, bytes.Clone(p))
	return len(p), nil
}
func (r *recorded) SetWriteDeadline(time.Time) error { return nil }
func (r *recorded) Close() error                     { return nil }

// put writes a frame as yamux does: header and body apart.
func put(t *testing.T, w *wire, kind, flags byte, id, length int, body []byte) []byte {
	t.Helper()
	head := []byte{0, kind, 0, flags}
	head = binary.BigEndian.AppendUint32(head, uint32(id))
	head = binary.BigEndian.AppendUint32(head, uint32(length))
	for _, p := range [][]byte{head, body} {
		if len(p) == 0 {
			continue
		}
		if n, err := w.Write(p); n != len(p) || err != nil {
			t.Fatalf("write %q: %d, %v", p, n, err)
		}
	}
	return append(head, body...)
}

func TestFramesThatWaitGoInOneWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := record()
		w := newWire(r)
		defer w.Close()
		var want []byte
		want = append(want, put(t, w, frameWindow, flagSYN, 1, 0, nil)...) // says nothing by itself
		synctest.Wait()
		if w.out.running {
			t.Error("a stream's first frame was sent before its second")
		}
		want = append(want, put(t, w, frameData, 0, 1, 5, []byte("hello"))...)
		put(t, w, frameWindow, 0, 1, 9, nil) // yamux's own windows are not sent
		want = append(want, put(t, w, frameWindow, flagFIN, 1, 0, nil)...)
		r.held <- struct{}{}
		synctest.Wait()
		if got := bytes.Join(r.writes, nil); !bytes.Equal(got, want) || len(r.writes) != 1 {
			t.Errorf("%d writes: %q, want %q", len(r.writes), got, want)
		}
		if w.out.running || w.out.urgent != nil || w.out.bulk != nil {
			t.Error("an empty queue holds something")
		}
	})
}

// TestWhatIsSmallOvertakesBulk: each stream's frames stay in order, a stream's end behind its data.
func TestWhatIsSmallOvertakesBulk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := record()
		w := newWire(r)
		defer w.Close()
		put(t, w, frameWindow, flagSYN, 1, 0, nil)
		put(t, w, frameWindow, flagSYN, 3, 0, nil)
		chunk := make([]byte, 32<<10)
		for range 20 {
			put(t, w, frameData, 0, 1, len(chunk), chunk)
		}
		put(t, w, frameWindow, flagFIN, 1, 0, nil)
		synctest.Wait() // the first write is under way
		put(t, w, frameData, 0, 3, 3, []byte("key"))
		for range 30 {
			r.held <- struct{}{}
		}
		synctest.Wait()
		if w.out.running {
			t.Fatal("not all was sent")
		}
		before, after, found := bytes.Cut(bytes.Join(r.writes, nil), []byte("key"))
		if !found || len(before) > 4*startBatch {
			t.Errorf("the keystroke left after %d bytes", len(before))
		}
		fin := []byte{0, frameWindow, 0, flagFIN, 0, 0, 0, 1, 0, 0, 0, 0}
		if !bytes.HasSuffix(after, fin) {
			t.Error("the end of the bulk is not the last")
		}
		if len(before)+len(after) != 3*frameHeader+frameHeader+20*(frameHeader+len(chunk)) {
			t.Errorf("%d bytes were sent", len(before)+len(after))
		}
	})
}

func TestBulkWaitsForRoomAndSmallDoesNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := record()
		w := newWire(r)
		defer w.Close()
		put(t, w, frameWindow, flagSYN, 1, 0, nil)
		put(t, w, frameWindow, flagSYN, 3, 0, nil)
		put(t, w, frameWindow, flagSYN, 5, 0, nil)
		bulk, small, late := w.lookup(1), w.lookup(3), w.lookup(5)
		late.burst = 2 * urgentBurst
		chunk := make([]byte, 32<<10)
		for range 20 {
			put(t, w, frameData, 0, 1, len(chunk), chunk)
		}
		passed := false
		go func() {
			if err := w.gate(bulk); err != nil {
				t.Error(err)
			}
			passed = true
		}()
		if err := w.gate(small); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if passed {
			t.Error("bulk did not wait")
		}
		late.writeBy = time.Now().Add(time.Second)
		if err := w.gate(late); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after the deadline: %v", err)
		}
		for range 30 {
			r.held <- struct{}{}
		}
		synctest.Wait()
		if !passed {
			t.Error("bulk was not let on")
		}
	})
}

// TestAnswersNobodyReadsEndTheSession: yamux itself answers pings and streams too many, and nothing of ours bounds that.
func TestAnswersNobodyReadsEndTheSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := record()
		w := newWire(r)
		put(t, w, frameWindow, flagSYN, 1, 0, nil)
		var err error
		waits := false
		for sent := 0; sent < 2*tooMuch && err == nil; sent += frameHeader {
			if len(w.out.urgent) > crowd && !waits {
				waits = true
				go w.gate(w.lookup(1))
				synctest.Wait()
				if !w.out.crowded {
					t.Error("a writer passed the crowd")
				}
			}
			_, err = w.Write(frame(2, flagACK, 0, 1, 0))
		}
		if !errors.Is(err, errUnread) || w.failure() != errUnread {
			t.Errorf("got %v, noted %v", err, w.failure())
		}
		r.held <- struct{}{}
		w.Close()
	})
}

func TestConnectionThatTakesNoBytesFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer b.Close()
		w := newWire(a)
		defer w.Close()
		start := time.Now()
		put(t, w, frameWindow, flagFIN, 1, 0, nil)
		if _, err := a.Read(make([]byte, 1)); err == nil { // returns when the connection is closed
			t.Error("a byte was read")
		}
		if w.failure() != errStalled || time.Since(start) != writeStall {
			t.Errorf("noted %v after %s", w.failure(), time.Since(start))
		}
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
		want int
	}{
		{0, maxPlaneWindow, nearWindow},
		{200 * time.Microsecond, maxPlaneWindow, nearWindow},
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

func TestBatchFollowsThePace(t *testing.T) {
	t.Parallel()
	p := pace{batch: startBatch}
	for range 30 {
		p.add(64<<10, 5*time.Millisecond) // 100 Mbit/s
	}
	if p.batch < 25<<10 || p.batch > 100<<10 {
		t.Errorf("at 100 Mbit/s a batch is %d", p.batch)
	}
	for range 100 {
		p.add(64<<10, 200*time.Microsecond)
	}
	if p.batch != maxBatch {
		t.Errorf("at 300 MB/s a batch is %d", p.batch)
	}
	p.add(256<<10, 4*time.Millisecond)
	if p.batch < 128<<10 {
		t.Errorf("after one slow write a batch is %d", p.batch)
	}
}
