package tlsmux

import (
	"encoding/binary"
	"errors"
	"sync"
	"time"
)

const (
	// A batch is what is written to the connection at once: nothing can overtake it, so that it is as large as the
	// connection lately took in batchTime.
	minBatch   = 16 << 10
	startBatch = 64 << 10
	maxBatch   = 256 << 10
	batchTime  = 4 * time.Millisecond
	// urgentBurst is how much a stream may say without a pause before it counts as bulk.
	urgentBurst = 32 << 10
	// pause is after how much silence a stream's talk counts anew.
	pause = 100 * time.Millisecond
	// rest is how long the sending task stays when there is nothing to send.
	rest = 250 * time.Millisecond
	// directMost fits into an empty socket, whatever its buffer is (tcp_wmem begins at 16 KiB).
	directMost = 12 << 10
	// crowd is how much that is urgent may wait before its writers wait too, tooMuch how much ends the session: what is
	// still added then are answers that the other side asks for and does not read.
	crowd   = 512 << 10
	tooMuch = 8 << 20
	// chunk is about what one writer adds.
	chunk = 32 << 10
	// controlStream is the first stream the agent opens. It never counts as bulk.
	controlStream = 2
)

// queue is what waits for the connection. Frames of one stream never overtake each other.
type queue struct {
	urgent  []byte
	bulk    []byte
	marks   []mark // the frames in bulk
	writing []byte // bulk that the sending task has taken, from at; its frames are taken
	at      int
	taken   []mark
	running bool // the task is at work
	resting bool // the task is there and has nothing to do
	crowded bool // somebody waits because of crowd
	pace    pace
	rested  time.Duration // when there was last nothing to do, since wire.base
}

// mark is where a frame in a buffer ends, and whose it is.
type mark struct {
	end int
	of  *flow
}

func (q *queue) backlog() int { return len(q.bulk) + len(q.writing) - q.at }

// buffers hold queues while there is something in them; an idle session holds none.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, chunk+4<<10); return &b }}

func appendFrame(b, head, body []byte) []byte {
	if b == nil {
		b = (*buffers.Get().(*[]byte))[:0]
	}
	return append(append(b, head...), body...)
}

func release(b []byte) {
	if cap(b) > 0 && cap(b) <= 4*maxBatch {
		buffers.Put(&b)
	}
}

// frame queues one frame of yamux's, or writes it at once.
func (w *wire) frame(head, body []byte) error {
	w.mu.Lock()
	complete, err := w.queued(head, body)
	if err != nil || !complete {
		w.mu.Unlock()
		return err
	}
	if !w.direct() {
		w.kick()
		w.mu.Unlock()
		return nil
	}
	urgent := w.out.urgent
	w.out.urgent, w.out.running = nil, true
	w.mu.Unlock()
	w.sendDirectly(urgent)
	return nil
}

// direct says whether what is urgent may be written by whoever brought it, which spares handing it to the sending task:
// there is nothing else to write, and the socket is empty, so that this can't block yamux's one sender. With w.mu held.
func (w *wire) direct() bool {
	q := &w.out
	return !q.running && len(q.urgent) > 0 && len(q.urgent) <= directMost && q.backlog() == 0 && w.clear != nil && w.clear()
}

// sendDirectly writes what the caller has taken.
func (w *wire) sendDirectly(urgent []byte) {
	err := w.send(urgent)
	release(urgent)
	if err != nil {
		w.Conn.Close() // yamux learns of it from its reads
		return         // running stays set: nobody tries again
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out.running = false
	if len(w.out.urgent) > 0 || w.out.backlog() > 0 {
		w.kick()
	}
}

// queued queues one frame of yamux's, and says whether it can go: nothing that belongs to it follows at once. With w.mu held.
func (w *wire) queued(head, body []byte) (complete bool, err error) {
	kind, flags, id := head[1], binary.BigEndian.Uint16(head[2:]), binary.BigEndian.Uint32(head[4:])
	if w.first != nil {
		return false, w.first
	}
	if kind == frameWindow && flags == 0 {
		return false, nil // windows are given here, see flow.go
	}
	f := w.flow(id, flags&flagSYN != 0)
	if f == nil { // yamux answers a stream it forgot or does not want
		f = &flow{id: id, gone: true}
	}
	var rewritten [frameHeader]byte
	if kind == frameWindow && flags&(flagSYN|flagACK) != 0 && flags&(flagFIN|flagRST) == 0 {
		copy(rewritten[:], head)
		binary.BigEndian.PutUint32(rewritten[8:], w.firstGrant(f))
		head = rewritten[:]
	}
	if f.saysMuch(len(body), w.now()) || f.queued > 0 {
		f.queued++
		w.out.bulk = appendFrame(w.out.bulk, head, body)
		w.out.marks = append(w.out.marks, mark{len(w.out.bulk), f})
	} else {
		w.out.urgent = appendFrame(w.out.urgent, head, body)
	}
	f.sent(flags)
	w.retire(f)
	if len(w.out.urgent) > tooMuch {
		w.first = errUnread
		w.Conn.Close() // yamux learns of it from its reads
		w.drained.Broadcast()
		return false, w.first
	}
	// A stream's first frame says nothing by itself: the header, or the answer to it, follows at once. So does FIN what is
	// known to be the last, if one frame was enough for it.
	followed := kind != frameData && flags&^(flagSYN|flagACK) == 0 || kind == frameData && f.last == len(body) && len(body) > 0
	if kind == frameData {
		f.last = 0
	}
	return !followed, nil
}

var errUnread = errors.New("the other side does not read what it asks for")

// kick sees to it that the queue is written. With w.mu held.
func (w *wire) kick() {
	if w.out.running {
		return
	}
	w.out.running = true
	if w.out.resting {
		w.out.resting = false
		w.wake <- struct{}{}
		return
	}
	go w.drain()
}

// drain writes until the queue is empty, and ends then, or a little later if that was the case lately: an idle session
// needs no goroutine for it, and a busy one not a new one, with a stack that has to grow, for each frame.
func (w *wire) drain() {
	var timer *time.Timer
	for {
		w.mu.Lock()
		over := w.first != nil
		urgent, bulk, last := w.take()
		stays := w.out.resting
		w.mu.Unlock()
		if over {
			return
		}
		if urgent == nil && bulk == nil {
			if !stays {
				return
			}
			if timer == nil {
				timer = time.NewTimer(rest)
				defer timer.Stop()
			} else {
				timer.Reset(rest)
			}
			if w.woken(timer) {
				continue
			}
			return
		}
		began := time.Now()
		if err := w.sendBoth(urgent, bulk); err != nil {
			w.Conn.Close() // yamux learns of it from its reads
			return         // running stays set: nobody tries again
		}
		w.sent(time.Since(began), len(bulk), last)
	}
}

// woken waits for work, and says whether there is some.
func (w *wire) woken(timer *time.Timer) bool {
	select {
	case <-w.wake:
		return true
	case <-timer.C:
	}
	w.mu.Lock()
	leave := w.out.resting
	w.out.resting = false
	w.mu.Unlock()
	if !leave {
		<-w.wake // it is on its way
	}
	return !leave
}

// take takes all that is urgent and a batch of what is not, or ends the task. With w.mu held.
func (w *wire) take() (urgent, bulk []byte, last int) {
	q := &w.out
	urgent, q.urgent = q.urgent, nil
	if len(q.writing) == q.at && len(q.bulk) > 0 {
		q.writing, q.bulk, q.at = q.bulk, q.writing[:0], 0
		q.taken, q.marks = q.marks, q.taken[:0]
	}
	for last < len(q.taken) && (last == 0 || q.taken[last].end-q.at <= q.pace.batch) {
		last++
	}
	if last > 0 {
		bulk = q.writing[q.at:q.taken[last-1].end]
	}
	if urgent == nil && bulk == nil {
		release(q.bulk)
		release(q.writing)
		now := w.now()
		*q = queue{pace: q.pace, rested: now, resting: q.rested > 0 && now-q.rested < 4*rest}
	}
	return urgent, bulk, last
}

func (w *wire) sendBoth(urgent, bulk []byte) error {
	if urgent == nil {
		return w.send(bulk)
	}
	defer release(urgent)
	if len(bulk) == 0 {
		return w.send(urgent)
	}
	if err := w.send(urgent); err != nil {
		return err
	}
	return w.send(bulk)
}

// sent notes that a batch is out, and lets as many writers on as there is room for.
func (w *wire) sent(took time.Duration, n, last int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := &w.out
	if n > 0 && q.pace.add(n, took) && w.notSent != nil {
		w.notSent(q.pace.batch)
	}
	for _, m := range q.taken[:last] {
		m.of.queued--
	}
	if last > 0 {
		q.at = q.taken[last-1].end
		q.taken = q.taken[last:]
	}
	for room := w.limit() - q.backlog(); room > 0; room -= chunk {
		w.drained.Signal()
	}
	if q.backlog() == 0 || q.crowded {
		q.crowded = false
		w.drained.Broadcast()
	}
}

// pace is how fast the connection lately took bytes: one slow write may be this machine's doing.
type pace struct {
	bytes, seconds float64 // of the writes so far, the older the less
	batch          int
}

// add counts a write, and says whether the batch has changed much.
func (p *pace) add(n int, took time.Duration) bool {
	const keep = 7.0 / 8
	p.bytes = p.bytes*keep + float64(n)
	p.seconds = p.seconds*keep + took.Seconds()
	batch := maxBatch
	if p.seconds > 0 {
		batch = int(max(minBatch, min(p.bytes/p.seconds*batchTime.Seconds(), maxBatch)))
	}
	if batch > p.batch/2 && batch < 2*p.batch && batch != maxBatch {
		return false
	}
	changed := batch != p.batch
	p.batch = batch
	return changed
}

// limit is how much of bulk may wait; beyond it bulk writers wait themselves.
func (w *wire) limit() int { return 2 * w.out.pace.batch }

// held says whether a writer has to wait.
func (w *wire) held(f *flow) bool {
	if len(w.out.urgent) > crowd {
		w.out.crowded = true
		return true
	}
	return f.burst > urgentBurst && w.out.backlog() > w.limit()
}

// gate lets a writer of bulk wait for room. Others mostly pass.
func (w *wire) gate(f *flow) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	f.waiting++
	defer func() { f.waiting-- }()
	for w.first == nil && w.held(f) {
		late, err := f.late()
		if err != nil {
			return err
		}
		var wake *time.Timer
		if late > 0 {
			wake = time.AfterFunc(late, func() {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.drained.Broadcast()
			})
		}
		w.drained.Wait()
		if wake != nil {
			wake.Stop()
		}
		f.said = w.now() // who has to wait is not silent: it would count as urgent for it
	}
	return w.first
}
