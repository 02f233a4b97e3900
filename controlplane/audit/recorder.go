package audit

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

const (
	atOnce   = 500              // reads in one go
	patience = 10 * time.Second // for one go
	finish   = 10 * time.Second // for what is left when the process ends
)

// recorder is the group-commit writer of reads: many share one transaction for each tenant.
type recorder struct {
	store Store
	size  int
	wait  time.Duration
	flush time.Duration
	log   *slog.Logger
	spool *spool

	mu      sync.Mutex // guards the rest
	queue   []Read     // not written yet, oldest first; those being written included
	stopped bool
	wake    chan struct{} // size 1: queue is not empty
}

func newRecorder(c Config) *recorder {
	return &recorder{store: c.Store, size: c.QueueSize, wait: c.MaxWait, flush: c.Flush, log: c.Log,
		spool: newSpool(c.SpoolDir, c.QueueSize), wake: make(chan struct{}, 1)}
}

var errBehind = problem.New(problem.Unavailable, "The read was not made, because reads cannot be recorded just now.").
	WithCode("audit_behind").WithFix("Try again in a moment.").WithRetryAfter(5 * time.Second)

func (r *recorder) add(rec Read) error {
	now := time.Now()
	if rec.At.IsZero() {
		rec.At = now
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped || len(r.queue) >= r.size || len(r.queue) > 0 && now.Sub(r.queue[0].queued) > r.wait {
		return errBehind
	}
	rec.queued = now
	r.queue = append(r.queue, rec)
	r.nudge()
	return nil
}

func (r *recorder) nudge() {
	select {
	case r.wake <- struct{}{}:
	default: // run knows already
	}
}

func (r *recorder) run(ctx context.Context) {
	r.start(ctx)
	for {
		select {
		case <-ctx.Done():
			r.stop(ctx)
			return
		case <-r.wake:
		}
		pause(ctx, r.flush) // for others to share the commit
		for r.write(ctx) != nil {
			r.save(ctx)
			if !pause(ctx, time.Second) {
				break
			}
		}
	}
}

// pause tells whether it was not cut short.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// start takes up what an earlier process left in the spool.
func (r *recorder) start(ctx context.Context) {
	left, err := r.spool.load()
	if err != nil {
		r.log.ErrorContext(ctx, "spooled reads not loaded", "err", err)
	}
	for i := range left {
		left[i].queued = time.Now()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(left, r.queue...)
	if len(r.queue) > 0 {
		r.nudge()
	}
}

func (r *recorder) stop(ctx context.Context) {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), finish)
	defer cancel()
	if r.write(last) != nil {
		r.save(last)
	}
}

// write writes all that is queued, some at a time: what is written stays written when ctx ends in between.
func (r *recorder) write(ctx context.Context) error {
	for {
		left, err := r.writeSome(ctx)
		if err != nil || left == 0 {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// writeSome writes the head of the queue, tenant by tenant; what fails stays queued. A commit under way is not given
// up when the process is told to end, only when it takes too long.
func (r *recorder) writeSome(ctx context.Context) (left int, err error) {
	r.mu.Lock()
	batch := r.queue[:min(len(r.queue), atOnce):min(len(r.queue), atOnce)]
	r.mu.Unlock()
	if len(batch) == 0 {
		return 0, nil
	}
	commit, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var failed []Read
	for t, reads := range byTenant(batch) {
		kept, e := r.writeTenant(commit, t, reads)
		failed, err = append(failed, kept...), errors.Join(err, e)
	}
	r.mu.Lock()
	r.queue = r.queue[len(batch):]
	if len(failed) > 0 {
		r.queue = append(failed, r.queue...)
	}
	left = len(r.queue)
	r.mu.Unlock()
	if err != nil {
		r.log.WarnContext(ctx, "reads not recorded yet", "waiting", left, "err", err)
		return left, err
	}
	return left, r.spool.taken(batch)
}

// writeTenant returns what must be written later. One record that the database can't take at all must not keep all
// others out: it is looked for, and dropped with the loudest log there is.
func (r *recorder) writeTenant(ctx context.Context, t tenant.ID, reads []Read) ([]Read, error) {
	err := r.store.Reads(ctx, t, reads)
	if err == nil {
		return nil, nil
	}
	if !errors.Is(err, ErrRefused) {
		return reads, err
	}
	if len(reads) == 1 {
		r.log.ErrorContext(ctx, "read record lost: the database refuses it", "record", reads[0].ID, "err", err)
		return nil, nil
	}
	half := len(reads) / 2
	left, err := r.writeTenant(ctx, t, reads[:half])
	more, err2 := r.writeTenant(ctx, t, reads[half:])
	return append(left[:len(left):len(left)], more...), errors.Join(err, err2)
}

// save makes what waits outlive this process.
func (r *recorder) save(ctx context.Context) {
	r.mu.Lock()
	waiting := r.queue[:len(r.queue):len(r.queue)]
	r.mu.Unlock()
	if err := r.spool.save(waiting); err != nil {
		r.log.ErrorContext(ctx, "waiting reads not spooled", "err", err)
	}
}

func byTenant(batch []Read) map[tenant.ID][]Read {
	out := map[tenant.ID][]Read{}
	for _, rec := range batch {
		out[rec.Scope.Tenant] = append(out[rec.Scope.Tenant], rec)
	}
	return out
}
