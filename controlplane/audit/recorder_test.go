package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/billing"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

func TestReadsAreRecordedWithinASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{got: map[string]bool{}}
		l := audit.New(audit.Config{Store: m})
		runs(t, l)
		for i := range 100 {
			if err := l.Read(t.Context(), somebody, named(i)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(13 * time.Millisecond)
		}
		time.Sleep(time.Second)
		if m.size() != 100 {
			t.Errorf("%d of 100 reads are written a second after the last", m.size())
		}
	})
}

func TestReadsAreRecordedAsTheyWereAndCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	runs(t, w.log)
	for i := range 3 {
		if err := w.log.Read(t.Context(), w.admin, w.read(i)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "three reads are there", func() bool { return len(w.list(t, audit.Query{Kind: audit.KindRead})) == 3 })
	got := w.list(t, audit.Query{Kind: audit.KindRead})[0]
	if got.Target != w.read(2).Target || got.HTTPStatus != 200 || got.Duration != time.Millisecond || got.RequestID != "req-2" || got.Actor.ID != w.admin.Member {
		t.Errorf("%+v", got)
	}
	if n := w.used(t, billing.APIRequest); n != 3 {
		t.Errorf("%d requests used; want 3", n)
	}
}

// counting counts transactions.
type counting struct {
	audit.Store
	mu    sync.Mutex
	calls int
}

func (c *counting) Reads(ctx context.Context, id tenant.ID, reads []audit.Read) error {
	c.mu.Lock()
	c.calls++
	c.mu.Unlock()
	return c.Store.Reads(ctx, id, reads)
}

func TestManyReadsShareFewCommits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	store := &counting{Store: w.DB.Audit()}
	w.log = audit.New(audit.Config{Store: store, Replica: w.replica})
	stop := runs(t, w.log)
	const readers, each = 40, 100
	var wait sync.WaitGroup
	for r := range readers {
		wait.Go(func() {
			for i := range each {
				if err := w.log.Read(t.Context(), w.admin, w.read(r*each+i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	stop() // writes what is left
	if n := w.used(t, billing.APIRequest); n != readers*each {
		t.Errorf("%d of %d reads counted", n, readers*each)
	}
	w.Exec(t, fmt.Sprintf(`do $$ begin if (select count(*) from audit_record where kind = 'read') <> %d then raise 'reads are missing'; end if; end $$`, readers*each))
	if store.calls > 100 {
		t.Errorf("%d commits for %d reads", store.calls, readers*each)
	}
}

func TestReadsWrittenTwiceCountOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reads := make([]audit.Read, 5)
	for i := range reads {
		reads[i] = audit.Read{ID: uuid.Must(uuid.NewV7()).String(), Scope: w.admin, ReadRecord: w.read(i)}
		reads[i].At = time.Now()
	}
	for _, batch := range [][]audit.Read{reads[:3], reads, reads[2:]} { // a commit whose answer was lost is repeated
		if err := w.DB.Audit().Reads(t.Context(), w.admin.Tenant, batch); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.used(t, billing.APIRequest); n != 5 {
		t.Errorf("%d requests used; want 5", n)
	}
}

// memory is a database of reads that can be away, or refuse one record for good.
type memory struct {
	audit.Store
	mu     sync.Mutex
	away   bool
	poison string
	got    map[string]bool
}

var errAway = problem.New(problem.Unavailable, "away")

func (m *memory) Reads(_ context.Context, _ tenant.ID, reads []audit.Read) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return errAway
	}
	for _, r := range reads {
		if r.RequestID == m.poison {
			return fmt.Errorf("%s: %w", r.RequestID, audit.ErrRefused)
		}
	}
	for _, r := range reads {
		m.got[r.RequestID] = true
	}
	return nil
}

func (m *memory) setAway(away bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = away
}

func (m *memory) size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.got)
}

var somebody = tenant.Scope{Tenant: tenant.NewID(), Member: tenant.NewMemberID(), Role: tenant.Admin}

func named(i int) audit.ReadRecord { return audit.ReadRecord{RequestID: fmt.Sprint(i)} }

func TestReadsAreRefusedWhenTheQueueIsFullAndAcceptedAgainLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{got: map[string]bool{}, away: true}
		l := audit.New(audit.Config{Store: m, QueueSize: 10})
		runs(t, l)
		synctest.Wait()
		for i := range 10 {
			if err := l.Read(t.Context(), somebody, named(i)); err != nil {
				t.Fatalf("read %d: %v", i, err)
			}
		}
		if err := l.Read(t.Context(), somebody, named(10)); problem.As(err).Code != "audit_behind" {
			t.Errorf("the eleventh of ten: %v", err)
		}
		time.Sleep(10 * time.Second)
		m.setAway(false)
		time.Sleep(2 * time.Second)
		if m.size() != 10 {
			t.Errorf("%d of the 10 accepted reads were written", m.size())
		}
		if err := l.Read(t.Context(), somebody, named(11)); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestReadsAreRefusedWhenTheOldestHasWaitedAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{got: map[string]bool{}, away: true}
		l := audit.New(audit.Config{Store: m})
		runs(t, l)
		synctest.Wait()
		for i := range 60 {
			if err := l.Read(t.Context(), somebody, named(i)); err != nil {
				t.Fatalf("after %d s: %v", i, err)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(time.Second)
		if err := l.Read(t.Context(), somebody, named(60)); !problem.Is(err, problem.Unavailable) {
			t.Errorf("after a minute: %v", err)
		}
		m.setAway(false)
		time.Sleep(2 * time.Second)
		if err := l.Read(t.Context(), somebody, named(61)); err != nil || m.size() != 60 {
			t.Errorf("back: %v, %d written", err, m.size())
		}
	})
}

func TestOneRecordTheDatabaseRefusesKeepsNoOtherOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{got: map[string]bool{}, poison: "13"}
		l := audit.New(audit.Config{Store: m})
		runs(t, l)
		synctest.Wait()
		for i := range 40 {
			if err := l.Read(t.Context(), somebody, named(i)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		if m.size() != 39 || m.got["13"] {
			t.Errorf("%d written; want all but the thirteenth", m.size())
		}
	})
}

func TestReadsOutliveTheProcessWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{got: map[string]bool{}, away: true}
		killed := audit.New(audit.Config{Store: m, SpoolDir: dir})
		runs(t, killed) // goes on with an away database of its own: nothing it does after this matters
		synctest.Wait()
		for i := range 20 {
			if err := killed.Read(t.Context(), somebody, named(i)); err != nil {
				t.Fatal(err)
			}
			if i == 9 {
				time.Sleep(5 * time.Second)
			}
		}
		time.Sleep(5 * time.Second)
		back := &memory{got: map[string]bool{}}
		stop := runs(t, audit.New(audit.Config{Store: back, SpoolDir: dir}))
		time.Sleep(time.Second)
		if back.size() != 20 {
			t.Errorf("%d of 20 spooled reads were written by the next process", back.size())
		}
		stop()
		third := &memory{got: map[string]bool{}}
		runs(t, audit.New(audit.Config{Store: third, SpoolDir: dir}))
		time.Sleep(time.Second)
		if third.size() != 0 {
			t.Errorf("%d reads were still spooled", third.size())
		}
	})
}

// TestSpoolIsBoundedUnderALoadThatNeverPauses: a database that comes and goes never takes all that waits, so that the file
// would only grow.
func TestSpoolIsBoundedUnderALoadThatNeverPauses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{got: map[string]bool{}}
		l := audit.New(audit.Config{Store: m, SpoolDir: dir, QueueSize: 100})
		runs(t, l)
		largest, n := int64(0), 0
		for range 10 {
			m.setAway(true)
			for range 60 {
				if err := l.Read(t.Context(), somebody, named(n)); err != nil {
					t.Fatal(err)
				}
				n++
				time.Sleep(50 * time.Millisecond)
			}
			if info, err := os.Stat(filepath.Join(dir, "reads.jsonl")); err == nil {
				largest = max(largest, info.Size())
			}
			m.setAway(false)
			for range 30 {
				if err := l.Read(t.Context(), somebody, named(n)); err != nil {
					t.Fatal(err)
				}
				n++
				time.Sleep(50 * time.Millisecond)
			}
		}
		time.Sleep(2 * time.Second)
		info, err := os.Stat(filepath.Join(dir, "reads.jsonl"))
		if err != nil || info.Size() > 0 {
			t.Errorf("%v, %v: everything is in the database", info, err)
		}
		if m.size() != n || largest == 0 || largest > 100*1000 {
			t.Errorf("%d of %d reads are written, and the spool had %d bytes", m.size(), n, largest)
		}
	})
}

func TestLineCutShortInTheSpoolCostsNoOther(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		away := &memory{got: map[string]bool{}, away: true}
		l := audit.New(audit.Config{Store: away, SpoolDir: dir})
		runs(t, l)
		for i := range 2 {
			if err := l.Read(t.Context(), somebody, named(i)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			f, err := os.OpenFile(filepath.Join(dir, "reads.jsonl"), os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString(`{"ID":"cut`); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
		back := &memory{got: map[string]bool{}}
		runs(t, audit.New(audit.Config{Store: back, SpoolDir: dir}))
		time.Sleep(time.Second)
		if back.size() != 2 {
			t.Errorf("%d of 2 reads loaded", back.size())
		}
	})
}
