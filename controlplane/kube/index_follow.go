package kube

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	// watchFor is how long one watch goes on, a fifth more or less. An agent judges a watch by its local policy when it
	// begins, so after each the kind is listed anew: what an owner has closed meanwhile is gone from the index then.
	watchFor    = 5 * time.Minute
	pageTimeout = 30 * time.Second
	firstPause  = time.Second // before the next try, after one that failed
	lastPause   = 30 * time.Second
	maxPage     = 16 << 20 // bytes of one page of a list
)

var (
	errSilent = errors.New("the cluster said nothing for too long")
	errAnew   = errors.New("something was changed whose version is not known")
)

// follow keeps a kind up to date until ctx ends, or the kind turns out to be one that can't be followed.
func (ix *index) follow(ctx context.Context, k *indexed) {
	for pause := time.Duration(0); ; {
		began := ix.now()
		err := ix.round(ctx, k)
		if ix.now().Sub(began) > 2*lastPause { // it went well for a while
			pause = 0
		}
		switch {
		case ctx.Err() != nil:
			return
		case quietly(err) || errors.Is(err, errTooMuch):
			ix.giveUp(ctx, k, err)
			return
		case errors.Is(err, errAnew) || err == nil && ix.now().Sub(began) > lastPause:
			pause = 0
			continue
		}
		ix.log.DebugContext(ctx, "the index lost a watch", "cluster", ix.key.cluster, "kind", k.key, "cause", err)
		pause = min(max(2*pause, firstPause), lastPause)
		timer := time.NewTimer(pause/2 + rand.N(pause)) // not all kinds and clusters at once
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// round lists the kind once and watches it until the watch ends.
func (ix *index) round(ctx context.Context, k *indexed) error {
	version, err := ix.list(ctx, k)
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	if err := ix.watch(ctx, k, version); err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	return nil
}

// list puts what the cluster has in place of what was known, page by page, so that never more than a page of it is in memory.
func (ix *index) list(ctx context.Context, k *indexed) (version string, err error) {
	select {
	case ix.lists <- struct{}{}:
		defer func() { <-ix.lists }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	select {
	case <-k.again: // this is it
	default:
	}
	ix.mu.Lock()
	changes := k.changes
	ix.mu.Unlock()
	next := shelf{}
	defer func() {
		ix.mu.Lock()
		defer ix.mu.Unlock()
		ix.names.clear(next)
		_ = ix.settle() // less always fits
	}()
	opts := metav1.ListOptions{Limit: pageSize}
	for {
		page, err := ix.page(ctx, k, opts)
		if err != nil {
			return "", err
		}
		if err := ix.shelve(next, page.Items); err != nil {
			return "", err
		}
		if opts.Continue = page.Continue; opts.Continue == "" {
			version = page.ResourceVersion
			break
		}
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	k.objects, next = next, k.objects
	k.known, k.heard, k.version, k.listed = true, ix.now(), version, changes
	return version, nil
}

func (ix *index) page(ctx context.Context, k *indexed, opts metav1.ListOptions) (*metav1.PartialObjectMetadataList, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, pageTimeout, errSilent)
	defer cancel()
	page, err := ix.meta.Resource(k.gvr).List(ctx, opts)
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, fmt.Errorf("%w: %w", errTooMuch, err)
	}
	return page, err
}

func (ix *index) shelve(s shelf, items []metav1.PartialObjectMetadata) error {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	return ix.grow(s, func() {
		for i := range items {
			ix.names.put(s, &items[i])
		}
	})
}

// watch follows the kind from a version on. Its end in order is no error.
func (ix *index) watch(ctx context.Context, k *indexed, version string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(pageTimeout, func() { cancel(errSilent) }) // a server says at once whether it will
	defer silence.Stop()
	seconds := int64((watchFor - watchFor/5 + rand.N(2*watchFor/5)).Seconds()) // not all kinds and clusters at once
	w, err := ix.meta.Resource(k.gvr).Watch(ctx, metav1.ListOptions{ResourceVersion: version, AllowWatchBookmarks: true, TimeoutSeconds: &seconds})
	if err != nil {
		return err
	}
	defer w.Stop()
	silence.Reset(silentFor)
	ix.opened(k, true)
	defer ix.opened(k, false)
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-k.again:
			return errAnew
		case ev, ok := <-w.ResultChan():
			if !ok {
				return context.Cause(ctx)
			}
			silence.Reset(silentFor)
			if err := ix.event(k, ev); err != nil {
				return err
			}
		}
	}
}

func (ix *index) opened(k *indexed, open bool) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if k.open = open; open {
		k.heard = ix.now()
	}
}

func (ix *index) event(k *indexed, ev watch.Event) error {
	if ev.Type == watch.Error {
		return apierrors.FromObject(ev.Object)
	}
	o, ok := ev.Object.(*metav1.PartialObjectMetadata)
	if !ok {
		return fmt.Errorf("an event is about a %T", ev.Object)
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	var err error
	switch ev.Type {
	case watch.Added, watch.Modified:
		err = ix.grow(k.objects, func() { ix.names.put(k.objects, o) })
	case watch.Deleted:
		ix.names.remove(k.objects, o)
		err = ix.settle()
	}
	k.heard, k.version = ix.now(), o.ResourceVersion
	return err
}

// bounded cuts off answers that no honest page of a list is as large as. A watch has no end, and a bound for each event.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(req)
	if err == nil && !req.URL.Query().Has("watch") {
		res.Body = http.MaxBytesReader(nil, res.Body, maxPage)
	}
	return res, err
}
