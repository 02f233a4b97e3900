package kube

import (
	"context"
	"sync"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// wordKey holds the member: what one may list, another may not.
type wordKey struct {
	tenant  tenant.ID
	member  tenant.MemberID
	cluster cluster.ID
}

// wordCache keeps vocabularies for a short while. One build serves everybody who asks for it meanwhile; a failure is
// not kept.
type wordCache struct {
	life time.Duration
	max  int
	now  func() time.Time

	mu      sync.Mutex // guards entries
	entries map[wordKey]*wordEntry
}

type wordEntry struct {
	ready chan struct{} // closed by the builder
	words *nlp.Vocabulary
	err   error
	built time.Time
}

func newWordCache(life time.Duration, maxEntries int, now func() time.Time) *wordCache {
	return &wordCache{life: life, max: maxEntries, now: now, entries: map[wordKey]*wordEntry{}}
}

func (c *wordCache) get(ctx context.Context, key wordKey, load func(context.Context) (*nlp.Vocabulary, error)) (*nlp.Vocabulary, error) {
	for {
		e, mine := c.entry(key)
		if mine {
			return c.build(ctx, key, e, load)
		}
		select {
		case <-e.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if e.err == nil {
			return e.words, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		// the other's build failed, perhaps because they went away: try with our own patience
	}
}

func (c *wordCache) entry(key wordKey) (e *wordEntry, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[key]; e != nil && (e.built.IsZero() || c.now().Sub(e.built) < c.life) {
		return e, false
	}
	c.makeRoom()
	e = &wordEntry{ready: make(chan struct{})}
	c.entries[key] = e
	return e, true
}

// makeRoom drops what is over its time, and the oldest if that is not enough. It is called with mu held.
func (c *wordCache) makeRoom() {
	var oldest wordKey
	var at time.Time
	for k, e := range c.entries {
		switch {
		case e.built.IsZero():
		case c.now().Sub(e.built) >= c.life:
			delete(c.entries, k)
		case at.IsZero() || e.built.Before(at):
			oldest, at = k, e.built
		}
	}
	if len(c.entries) >= c.max && !at.IsZero() {
		delete(c.entries, oldest)
	}
}

func (c *wordCache) build(ctx context.Context, key wordKey, e *wordEntry, load func(context.Context) (*nlp.Vocabulary, error)) (*nlp.Vocabulary, error) {
	words, err := load(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	e.words, e.err, e.built = words, err, c.now()
	if err != nil && c.entries[key] == e {
		delete(c.entries, key)
	}
	close(e.ready)
	return words, err
}

// forget makes the next one who asks look again.
func (c *wordCache) forget(key wordKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, key)
}
