package tlsmux

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubechat/kubechat/tunnel"
)

func frame(kind, flags byte, id, length, body int) []byte {
	b := []byte{0, kind, 0, flags}
	b = binary.BigEndian.AppendUint32(b, uint32(id))
	b = binary.BigEndian.AppendUint32(b, uint32(length))
	return append(b, make([]byte, body)...)
}

func arrive(t *testing.T, w *wire, b []byte) {
	t.Helper()
	if err := w.arrived(b); err != nil {
		t.Fatal(err)
	}
}

// grants are the window updates on the wire, for one stream.
func grants(r *recorded) (sum int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := bytes.Join(r.writes, nil)
	for ; len(all) >= frameHeader; all = all[frameHeader:] {
		if all[1] == frameWindow {
			sum += int(binary.BigEndian.Uint32(all[8:]))
		}
	}
	return sum
}

// receiver is a wire on which the other side has opened stream 1.
func receiver(t *testing.T, b bounds) (*wire, *recorded, *flow) {
	r := record()
	for range cap(r.held) {
		r.held <- struct{}{}
	}
	w := newWire(r)
	w.bounds = b
	if w.bounds.shed == nil {
		w.bounds.shed = func(uint64) {}
	}
	arrive(t, w, frame(frameWindow, flagSYN, 1, 0, 0))
	put(t, w, frameWindow, flagACK, 1, 4*maxPlaneWindow-minWindow, nil)
	return w, r, w.lookup(1)
}

func TestWindowGrowsWhileItHoldsTheOtherSideBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		each time.Duration // between the other side's half windows
		want int
	}{"reader waits for the path": {60 * time.Millisecond, 4 << 20}, "reader is slow": {time.Second, minWindow}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				budget := tunnel.NewBudget(maxPlaneWindow)
				w, r, f := receiver(t, bounds{rtt: 50 * time.Millisecond, most: 4 << 20, start: minWindow, budget: budget})
				defer w.Close()
				sent := 0
				for range 10 {
					time.Sleep(c.each)
					half := f.window / 2
					arrive(t, w, frame(frameData, 0, 1, half, half))
					w.read(f, half)
					sent += half
					synctest.Wait()
				}
				if f.window != c.want {
					t.Errorf("the window is %d, want %d", f.window, c.want)
				}
				if got := minWindow + grants(r); got != sent+f.window {
					t.Errorf("%d may be sent in all, want %d", got, sent+f.window)
				}
				if got := budget.Used(); got != f.window-minWindow {
					t.Errorf("%d is reserved, want %d", got, f.window-minWindow)
				}
				arrive(t, w, frame(frameWindow, flagFIN, 1, 0, 0))
				put(t, w, frameWindow, flagFIN, 1, 0, nil)
				if len(w.flows) != 0 || budget.Used() != 0 {
					t.Errorf("%d streams and %d bytes are left", len(w.flows), budget.Used())
				}
			})
		})
	}
}

func TestWindowStaysSmallWithoutRoomInTheBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, _, f := receiver(t, bounds{rtt: time.Minute, most: 4 << 20, start: 2 << 20, budget: tunnel.NewBudget(512 << 10)})
		defer w.Close()
		for range 10 {
			half := f.window / 2
			arrive(t, w, frame(frameData, 0, 1, half, half))
			w.read(f, half)
		}
		if f.window != 2*minWindow {
			t.Errorf("the window is %d, want %d", f.window, 2*minWindow)
		}
	})
}

func TestUnreadBytesAreChargedAndShed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var shed []uint64
		node := tunnel.NewBudget(200 << 10)
		w, _, f := receiver(t, bounds{most: minWindow, start: minWindow, budget: node, shed: func(id uint64) { shed = append(shed, id) }})
		arrive(t, w, frame(frameData, 0, 1, 150<<10, 150<<10))
		if len(shed) != 0 || node.Used() != 150<<10 {
			t.Errorf("shed %v, %d bytes are charged", shed, node.Used())
		}
		arrive(t, w, frame(frameData, 0, 1, 100<<10, 100<<10))
		if len(shed) != 1 || shed[0] != 1 {
			t.Errorf("shed %v, want stream 1", shed)
		}
		w.read(f, 250<<10)
		if node.Used() != 0 {
			t.Errorf("%d bytes are charged for nothing", node.Used())
		}
		arrive(t, w, frame(frameData, 0, 1, 1000, 1000))
		w.Close()
		if node.Used() != 0 {
			t.Errorf("%d bytes are charged after the connection's end", node.Used())
		}
		w.read(f, 1000) // a reader that comes late
		if node.Used() != 0 {
			t.Errorf("%d bytes are charged after a late read", node.Used())
		}
	})
}

func TestMoreThanTheWindowBreaksTheProtocol(t *testing.T) {
	t.Parallel()
	w := newWire(record())
	arrive(t, w, frame(frameWindow, flagSYN, 1, 0, 0))
	arrive(t, w, frame(frameData, 0, 1, minWindow, minWindow))
	if err := w.arrived(frame(frameData, 0, 1, 1, 1)); !errors.Is(err, errWindow) {
		t.Errorf("got %v", err)
	}
}

func FuzzArrived(f *testing.F) {
	f.Add(append(frame(frameWindow, flagSYN, 1, 0, 0), frame(frameData, 0, 1, 5, 5)...), 3)
	f.Add(append(frame(frameData, flagSYN, 2, 70, 70), frame(frameWindow, flagFIN|flagRST, 2, 9, 0)...), 1)
	f.Add(frame(2, flagSYN, 0, 7, 0), 5)
	f.Add(frame(frameData, 0, 9, minWindow+1, 3), 5)
	f.Fuzz(func(t *testing.T, sent []byte, size int) {
		whole, pieces := newWire(record()), newWire(record())
		want := whole.arrived(sent)
		var got error
		for rest := sent; len(rest) > 0 && got == nil; {
			n := min(len(rest), 1+int(uint(size)%100))
			got = pieces.arrived(rest[:n])
			rest = rest[n:]
		}
		if !errors.Is(got, want) || len(whole.flows) != len(pieces.flows) {
			t.Fatalf("%q in pieces of %d: %v and %d streams, whole: %v and %d", sent, size, got, len(pieces.flows), want, len(whole.flows))
		}
		for id, f := range whole.flows {
			if f.unread < 0 || f.allowed > minWindow || pieces.flows[id] == nil || pieces.flows[id].unread != f.unread {
				t.Fatalf("%q: stream %d is %+v", sent, id, *f)
			}
		}
	})
}
