package kube

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

func TestAVocabularyIsBuiltOnceForAWhileAndForOneMember(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newWordCache(30*time.Second, 10, time.Now)
		var built atomic.Int64
		load := func(context.Context) (*nlp.Vocabulary, error) {
			built.Add(1)
			<-time.After(time.Second) // the bubble's clock: a slow cluster
			return nlp.NewVocabulary(nlp.VocabularyConfig{}), nil
		}
		get := func(member tenant.MemberID) {
			if _, err := c.get(t.Context(), wordKey{member: member}, load); err != nil {
				t.Error(err)
			}
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { get("ann") })
		}
		wg.Wait()
		if built.Load() != 1 {
			t.Errorf("built %d times for 20 at once", built.Load())
		}
		get("bob")
		if built.Load() != 2 {
			t.Errorf("bob got ann's words")
		}
		<-time.After(31 * time.Second)
		get("ann")
		if built.Load() != 3 {
			t.Errorf("words older than their time were used")
		}
		c.forget(wordKey{member: "ann"})
		get("ann")
		if built.Load() != 4 {
			t.Errorf("words from before a change were used")
		}
	})
}

func TestAFailedBuildIsNotKeptAndFailsNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newWordCache(time.Minute, 10, time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		slow := func(ctx context.Context) (*nlp.Vocabulary, error) { <-ctx.Done(); return nil, ctx.Err() }
		go func() { _, _ = c.get(ctx, wordKey{}, slow) }()
		synctest.Wait()
		done := make(chan error, 1)
		go func() {
			_, err := c.get(t.Context(), wordKey{}, func(context.Context) (*nlp.Vocabulary, error) { return nlp.NewVocabulary(nlp.VocabularyConfig{}), nil })
			done <- err
		}()
		synctest.Wait()
		cancel() // the one who builds goes away
		if err := <-done; err != nil {
			t.Errorf("the one who waited got %v", err)
		}
		if _, err := c.get(t.Context(), wordKey{member: "x"}, func(context.Context) (*nlp.Vocabulary, error) { return nil, errors.New("no") }); err == nil {
			t.Error("an error got lost")
		}
	})
}

func TestTheCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := newWordCache(time.Hour, 3, time.Now)
	for _, m := range []tenant.MemberID{"a", "b", "c", "d", "e"} {
		if _, err := c.get(t.Context(), wordKey{member: m}, func(context.Context) (*nlp.Vocabulary, error) { return nil, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.entries) != 3 {
		t.Errorf("%d entries", len(c.entries))
	}
}
