package chat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/internal/slots"
)

// Config is what a Service is made of. The first group is required.
type Config struct {
	Translator Translator
	Clusters   Clusters
	Directory  Directory
	Members    Members
	Ledger     Ledger
	Decide     Decide
	Store      Store
	Replica    string // this replica's id, as it holds its lease

	Assistants Assistants // nil: no tenant has a model
	Toolbox    Toolbox    // nil: assistants outside of the service are given nothing

	Workers        int           // runs worked on at once; 0: 64
	PerCluster     int           // of those, for one cluster, so that a slow one holds up nobody else; 0: 8
	Queue          int           // runs accepted and not finished; more are refused; 0: 1024
	ApprovalTTL    time.Duration // 0: 5 minutes
	AnswerTimeout  time.Duration // for all that happens before an approval, and for reads; 0: 2 minutes
	ExecuteTimeout time.Duration // for an approved plan; 0: 10 minutes
	Grace          time.Duration // for what executes when the service stops; 0: 15 seconds
	SettleEvery    time.Duration // 0: 5 seconds
	Now            func() time.Time
	Log            *slog.Logger
}

func (c Config) validate() error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New("chat: Config."+what+" is required"))
		}
	}
	need(c.Translator != nil, "Translator")
	need(c.Clusters != nil, "Clusters")
	need(c.Directory != nil, "Directory")
	need(c.Members != nil, "Members")
	need(c.Ledger != nil, "Ledger")
	need(c.Decide != nil, "Decide")
	need(c.Store != nil, "Store")
	need(c.Replica != "", "Replica")
	return errors.Join(errs...)
}

func orDefault[T int | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}

// Service runs conversations. It starts nothing until Run; what Start accepts before waits for it.
type Service struct {
	cfg     Config
	log     *slog.Logger
	now     func() time.Time
	hub     *hub
	wake    chan struct{} // one pending wake stands for any number
	stopped chan struct{} // closed once Run stops taking work
	names   names
	visits  *slots.Slots // calls of assistants outside that are under way here, by login

	mu         sync.Mutex // guards what follows
	queue      []*job
	jobs       map[RunID]*job // queued or worked on here; those of parts have no place of their own
	running    int
	perCluster map[cluster.ID]int
	stopping   bool
}

// job is one stretch of work on a run: until its end, or until it awaits approval.
type job struct {
	scope   tenant.Scope // changed by actAs only; others than the job's own goroutine read it with mu held
	run     RunID
	cluster cluster.ID
	ctx     context.Context // the run's, not the request's: a closed tab stops nothing. Ended by cancel only.
	cancel  context.CancelCauseFunc
	work    func(*job)
	execute bool // a change may be on its way: at a stop it gets the grace period
	queued  bool
	parked  bool // it waits for the cluster and takes no place
}

// Why a job's context ends.
var (
	errStopAsked = errors.New("stopped by the member")
	errStopping  = errors.New("this replica is stopping")
	errStreamed  = errors.New("an answer that grows was shown for long enough")
)

// New makes a Service.
func New(c Config) (*Service, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	c.Workers = orDefault(c.Workers, 64)
	c.PerCluster = orDefault(c.PerCluster, 8)
	c.Queue = orDefault(c.Queue, 1024)
	c.ApprovalTTL = orDefault(c.ApprovalTTL, 5*time.Minute)
	c.AnswerTimeout = orDefault(c.AnswerTimeout, 2*time.Minute)
	c.ExecuteTimeout = orDefault(c.ExecuteTimeout, 10*time.Minute)
	c.Grace = orDefault(c.Grace, 15*time.Second)
	c.SettleEvery = orDefault(c.SettleEvery, 5*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{
		cfg: c, log: c.Log, now: c.Now, hub: newHub(), wake: make(chan struct{}, 1), stopped: make(chan struct{}), visits: slots.New(maxVisits),
		jobs: map[RunID]*job{}, perCluster: map[cluster.ID]int{},
	}, nil
}

// Run works on the runs until ctx ends, and settles those that nobody works on any more. When ctx ends, runs that only
// read are interrupted, a change that is on its way gets Config.Grace to answer, and no further step is begun.
func (s *Service) Run(ctx context.Context) error {
	var background, work sync.WaitGroup
	background.Go(func() { s.watch(ctx) })
	background.Go(func() { s.settleLoop(ctx) })
	for ctx.Err() == nil {
		s.dispatch(&work)
		select {
		case <-s.wake:
		case <-ctx.Done():
		}
	}
	s.stop(&work)
	background.Wait()
	return nil
}

func (s *Service) stop(work *sync.WaitGroup) {
	s.mu.Lock()
	s.stopping = true
	close(s.stopped)
	for _, j := range s.jobs {
		if !j.execute || j.queued {
			j.cancel(errStopping)
		}
	}
	s.mu.Unlock()
	s.dispatchAll(work) // what was queued ends at once, as interrupted: its context is over

	done := make(chan struct{})
	go func() { work.Wait(); close(done) }()
	grace := time.NewTimer(s.cfg.Grace)
	defer grace.Stop()
	select {
	case <-done:
		return
	case <-grace.C:
	}
	s.mu.Lock()
	for _, j := range s.jobs {
		j.cancel(errStopping)
	}
	s.mu.Unlock()
	<-done
}

func (s *Service) isStopped() bool {
	select {
	case <-s.stopped:
		return true
	default:
		return false
	}
}

// reserve makes room for a run before it is stored, so that what is stored is also worked on.
func (s *Service) reserve(scope tenant.Scope, run RunID, c cluster.ID, execute bool, work func(*job)) (*job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopping:
		return nil, problem.New(problem.Unavailable, "This replica is stopping.").WithCode("stopping").WithRetryAfter(time.Second)
	case len(s.jobs) >= s.cfg.Queue:
		return nil, problem.New(problem.Limited, "Too many questions are being worked on.").WithCode("busy").WithRetryAfter(2 * time.Second)
	case s.jobs[run] != nil && s.jobs[run].execute:
		return nil, problem.New(problem.Conflict, "This run is being worked on.").WithCode("run_active")
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	j := &job{scope: scope, run: run, cluster: c, ctx: ctx, cancel: cancel, work: work, execute: execute, queued: true}
	s.jobs[run] = j
	return j, nil
}

// release takes back a reservation that came to nothing.
func (s *Service) release(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j.cancel(nil)
	s.forget(j)
}

// forget is called with mu held. A run that was approved at once may have its next job already.
func (s *Service) forget(j *job) {
	if s.jobs[j.run] == j {
		delete(s.jobs, j.run)
	}
}

func (s *Service) enqueue(j *job) {
	s.mu.Lock()
	if s.stopping {
		// stop has gone through the jobs already: the settling of the next replica, or of this one's successor, ends it
		j.cancel(errStopping)
		s.forget(j)
		s.mu.Unlock()
		return
	}
	s.queue = append(s.queue, j)
	s.mu.Unlock()
	s.signal()
}

func (s *Service) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// dispatch begins what may begin, in the order of arrival, skipping clusters that have their share.
func (s *Service) dispatch(work *sync.WaitGroup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var waiting []*job
	for _, j := range s.queue {
		over := j.ctx.Err() != nil // stopped while it waited: ending it needs no share
		if !over && (s.running >= s.cfg.Workers || s.perCluster[j.cluster] >= s.cfg.PerCluster) {
			waiting = append(waiting, j)
			continue
		}
		s.begin(j, work)
	}
	s.queue = waiting
}

func (s *Service) dispatchAll(work *sync.WaitGroup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.queue {
		s.begin(j, work)
	}
	s.queue = nil
}

// begin is called with mu held.
func (s *Service) begin(j *job, work *sync.WaitGroup) {
	j.queued = false
	s.running++
	s.perCluster[j.cluster]++
	work.Go(func() {
		defer s.finished(j)
		defer s.survive(j)
		j.work(j)
	})
}

func (s *Service) finished(j *job) {
	j.cancel(nil)
	s.mu.Lock()
	s.forget(j)
	s.leave(j)
	s.mu.Unlock()
	s.signal()
}

// leave gives a job's place back, once. It is called with mu held.
func (s *Service) leave(j *job) {
	if j.parked || j.queued {
		return
	}
	j.parked = true
	s.running--
	if s.perCluster[j.cluster]--; s.perCluster[j.cluster] == 0 {
		delete(s.perCluster, j.cluster)
	}
}

// park gives a job's place to others: from now on it only watches.
func (s *Service) park(j *job) {
	s.mu.Lock()
	s.leave(j)
	s.mu.Unlock()
	s.signal()
}

// survive keeps one run's panic, provoked perhaps by what some cluster answered, from ending everybody's tunnels.
func (s *Service) survive(j *job) {
	r := recover()
	if r == nil {
		return
	}
	err := fmt.Errorf("panic: %v", r)
	s.log.ErrorContext(j.ctx, "run panicked", "run", j.run, "cause", err, "stack", string(debug.Stack()))
	s.end(j, Failed, "", s.failure(j.run, err))
}

func (s *Service) watch(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.cfg.Store.Watch(ctx, func(n Note) { s.noted(ctx, n) }); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "watching runs failed", "cause", err)
			pause(ctx, time.Second)
		}
	}
}

func (s *Service) noted(ctx context.Context, n Note) {
	s.hub.wake(n.Run)
	switch {
	case n.Stop:
		s.stopHere(n.Run)
	case n.Run == "":
		s.missedStops(ctx)
	}
}

// missedStops looks whether one of the runs here was asked to stop while notes could not be heard.
func (s *Service) missedStops(ctx context.Context) {
	s.mu.Lock()
	scopes := make(map[RunID]tenant.Scope, len(s.jobs))
	for id, j := range s.jobs {
		scopes[id] = j.scope
	}
	s.mu.Unlock()
	for id, scope := range scopes {
		if run, err := s.cfg.Store.Run(ctx, scope, id); err == nil && run.StopAsked {
			s.stopHere(id)
		}
	}
}

// actAs is who a job's work is for from now on: its member, with the role of now.
func (s *Service) actAs(j *job, scope tenant.Scope) {
	s.mu.Lock()
	j.scope = scope
	s.mu.Unlock()
}

// stopHere ends the work on a run, if this replica does it.
func (s *Service) stopHere(id RunID) {
	s.mu.Lock()
	if j := s.jobs[id]; j != nil {
		j.cancel(errStopAsked)
	}
	s.mu.Unlock()
	s.signal() // it may still be queued
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
