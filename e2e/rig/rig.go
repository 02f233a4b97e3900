// Package rig puts a real gateway over a real database, real agents and something that speaks the Kubernetes API into
// one process, joined by TLS over loopback through paths that break on request. Tests of faults and of other people's
// clients stand on it. Start at New, Service.Replica and Service.Join; a package that needs processes has
//
//	func TestMain(m *testing.M) { rig.Main(m) }
package rig

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// patience bounds every wait for something real on a machine that is busy with other tests.
const patience = 60 * time.Second

// The tenant of every rig, and the token of its only member, a tenant_admin in group admin of each cluster.
const (
	Slug  = "acme"
	token = "of-the-rigs-only-member"
)

// Service is what replicas share: the database, the authority's keys, a tenant.
type Service struct {
	Admin tenant.Scope
	// Tasks are the goroutines of the test.
	Tasks Goroutines

	t    testing.TB
	db   *storetest.Database
	keys string

	mu       sync.Mutex // guards the rest
	leadsTo  string     // where the next join token leads
	replicas []*Replica
}

// New makes a service without a replica, and watches over the goroutines of t.
func New(t testing.TB) *Service {
	t.Helper()
	defer turn()()
	first.Do(func() { storetest.NewClosed(t) }) // starts the server, which is not the test's own
	s := &Service{t: t, Tasks: Label(t), keys: t.TempDir()}
	s.db = storetest.New(t)
	s.Admin = storetest.Tenant(t, s.db.DB, Slug)
	background(t, s.db.DB.Run)
	return s
}

var first sync.Once

// turns lets few rigs be put together at a time: all at once, each would be late for the others.
var turns = make(chan struct{}, 2)

func turn() (done func()) {
	turns <- struct{}{}
	return func() { <-turns }
}

// auth knows one person.
func (s *Service) auth(r *http.Request, slug string) (tenant.Scope, error) {
	switch who, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); {
	case !ok || who != token:
		return tenant.Scope{}, problem.New(problem.Unauthenticated, "You are not signed in.")
	case slug != Slug:
		return tenant.Scope{}, problem.New(problem.NotFound, "There is nothing here, or it is not yours to see.")
	}
	return s.Admin, nil
}

// NewCluster adds a cluster with a join token that leads to an address.
func (s *Service) NewCluster(t testing.TB, name, leadsTo string) (id cluster.ID, joinToken string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leadsTo = leadsTo
	clusters := s.replicas[0].Clusters
	c, err := clusters.Create(t.Context(), s.Admin, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := clusters.SetGroup(t.Context(), s.Admin, c.ID, s.Admin.Member, cluster.GroupAdmin); err != nil {
		t.Fatal(err)
	}
	_, joinToken, err = clusters.NewJoinToken(t.Context(), s.Admin, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	return c.ID, joinToken
}

// Disconnects are the ends of a cluster's sessions, the newest first, as people see them.
func (s *Service) Disconnects(t testing.TB, id cluster.ID) []cluster.Disconnect {
	t.Helper()
	_, ended, err := s.replicas[0].Clusters.Sessions(t.Context(), s.Admin, id)
	if err != nil {
		t.Fatal(err)
	}
	return ended
}

// background runs f until the test ends.
func background(t testing.TB, f func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// Eventually polls for what no event announces, and says how long it took.
func Eventually(t testing.TB, within time.Duration, what string, is func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline.C:
			t.Fatalf("not within %s: %s", within, what)
		case <-tick.C:
		}
	}
	return time.Since(began)
}

// Within waits for one value of a channel, or for its end.
func Within[T any](t testing.TB, within time.Duration, what string, c <-chan T) T {
	t.Helper()
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case v := <-c:
		return v
	case <-timer.C:
		t.Fatalf("not within %s: %s", within, what)
		panic("not reached")
	}
}
