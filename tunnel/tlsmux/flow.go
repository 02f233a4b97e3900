package tlsmux

import (
	"encoding/binary"
	"errors"
	"os"
	"time"
)

// flow is what the wire knows of one stream. wire.mu guards it.
type flow struct {
	id uint32

	// Sending: which queue.
	burst   int           // bytes said without a pause
	said    time.Duration // when last, since wire.base
	queued  int           // frames in the queue of bulk
	writeBy time.Time     // the write deadline
	waiting int           // writers at the gate
	last    int           // bytes that FIN follows at once; 0 when that is not known

	// Receiving: the window.
	window  int           // bytes it may hold, on the way and unread
	allowed int           // bytes the other side may still send
	unread  int           // bytes received and not read
	given   time.Duration // when the last of the window was given, since wire.base
	charged int           // bytes taken from the budget

	sentEnd, gotEnd bool // FIN or RST, of each direction
	gone            bool // forgotten, with all it was charged
}

// flow finds what is known of a stream, making it at SYN. With w.mu held.
func (w *wire) flow(id uint32, begins bool) *flow {
	f := w.flows[id]
	if f == nil && begins {
		f = &flow{id: id, window: minWindow, allowed: minWindow, given: w.now()}
		w.flows[id] = f
	}
	return f
}

func (w *wire) lookup(id uint32) *flow {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f := w.flows[id]; f != nil {
		return f
	}
	return &flow{id: id, gone: true} // over before it was looked at
}

// saysMuch counts what a stream says and tells whether it is more than a person waits for.
func (f *flow) saysMuch(n int, now time.Duration) bool {
	if f.id == controlStream {
		return false
	}
	if now-f.said > pause {
		f.burst = 0
	}
	f.said = now
	f.burst += n
	return f.burst > urgentBurst
}

// sent notes the end of sending.
func (f *flow) sent(flags uint16) {
	if flags&(flagFIN|flagRST) != 0 {
		f.sentEnd = true
	}
	if flags&flagRST != 0 {
		f.gotEnd = true
	}
}

// late is how long the write deadline is away, 0 without one, or that it has passed.
func (f *flow) late() (time.Duration, error) {
	if f.writeBy.IsZero() {
		return 0, nil
	}
	if left := time.Until(f.writeBy); left > 0 {
		return left, nil
	}
	return 0, os.ErrDeadlineExceeded
}

// retire forgets a stream of which nothing can come any more. With w.mu held.
func (w *wire) retire(f *flow) {
	if f.sentEnd && f.gotEnd && f.unread == 0 {
		delete(w.flows, f.id)
	}
}

var errWindow = errors.New("the other side sent more than a stream's window")

// frameArrived keeps the account of one stream's window.
func (w *wire) frameArrived(kind byte, flags uint16, id, body uint32) error {
	if kind > frameWindow {
		return nil
	}
	w.mu.Lock()
	f := w.flow(id, flags&flagSYN != 0)
	if f == nil {
		w.mu.Unlock()
		return nil
	}
	if f.allowed -= int(body); f.allowed < 0 {
		w.mu.Unlock()
		return errWindow
	}
	f.unread += int(body)
	if flags&(flagFIN|flagRST) != 0 {
		f.gotEnd = true
	}
	if flags&flagRST != 0 {
		f.sentEnd = true
	}
	fits := w.settle(f)
	w.retire(f)
	shed := w.bounds.shed
	w.mu.Unlock()
	if !fits {
		shed(uint64(id))
	}
	return nil
}

// settle takes from the budget what a stream may hold beyond the window every stream begins with, and what it holds of
// that one: yamux fixes it, so that it can't be given only when there is room. It says whether there was. With w.mu held.
func (w *wire) settle(f *flow) bool {
	if f.gone {
		return true
	}
	owed := f.unread
	if !f.gotEnd {
		owed = f.window - minWindow + min(f.unread, minWindow)
	}
	fits := true
	if owed > f.charged {
		fits = w.bounds.budget.Take(owed - f.charged)
	} else {
		w.bounds.budget.Release(f.charged - owed)
	}
	f.charged = owed
	return fits
}

// firstGrant is what a stream's first frame adds to the window every stream begins with. With w.mu held.
func (w *wire) firstGrant(f *flow) uint32 {
	w.grow(f, w.bounds.start)
	more := f.window - minWindow
	f.allowed += more
	return uint32(more)
}

// grow enlarges a window if the budget has room. With w.mu held.
func (w *wire) grow(f *flow, to int) {
	more := min(to, w.bounds.most) - f.window
	if more <= 0 || f.gone || !w.bounds.budget.Reserve(more) {
		return
	}
	f.window += more
	f.charged += more
}

// read gives the other side room for what was read: in quarters of a large window, so that the other side nearly always
// has most of it. The window doubles while it is used up within so few round trips that it is what holds the other side
// back.
func (w *wire) read(f *flow, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f.unread -= n
	if f.gone || f.gotEnd {
		w.settle(f)
		w.retire(f)
		return
	}
	enough := f.window / 2
	if f.window > nearWindow {
		enough = f.window / 4
	}
	if room := f.window - f.unread - f.allowed; room >= enough {
		now := w.now()
		if quick := 4 * w.bounds.rtt.Seconds() * float64(room) / float64(f.window); (now - f.given).Seconds() < quick {
			w.grow(f, 2*f.window)
		}
		f.given = now
		w.give(f, f.window-f.unread-f.allowed)
	}
	w.settle(f)
}

// give sends a window update. It goes with what is urgent: another stream's bulk must not hold up this one's.
func (w *wire) give(f *flow, room int) {
	f.allowed += room
	var head [frameHeader]byte
	head[1] = frameWindow
	binary.BigEndian.PutUint32(head[4:], f.id)
	binary.BigEndian.PutUint32(head[8:], uint32(room))
	w.out.urgent = appendFrame(w.out.urgent, head[:], nil)
	w.kick()
}
