package kube

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

const (
	lookEvery  = 3 * time.Second        // also when nothing was heard: a pod's trouble need not show in its owner
	lookPause  = 200 * time.Millisecond // a burst of changes is looked at once
	watchAgain = time.Second            // after a watch ended, or was refused
)

// watched says what to listen to: the objects of a kind.
type watched struct {
	resource       nlp.Resource
	namespace      string
	labels, fields string
	from           string // the version after which; "": from now, beginning with what is there
	whole          bool   // rows come with their whole objects
}

// watchedBy is what a step is about.
func watchedBy(s nlp.Step) watched {
	w := watched{resource: s.Kinds()[0], namespace: s.Namespace, labels: s.LabelSelector, fields: s.FieldSelector}
	if len(s.Names) == 1 {
		w.fields = "metadata.name=" + s.Names[0]
	}
	return w
}

// until looks, and looks again each time that one of the objects has changed, until a look says that it is over or ctx
// ends. A watch is only the bell: what is true is what a look reads.
func (c *Cluster) until(ctx context.Context, w watched, look func(context.Context) (over bool, err error)) error {
	listening, stop := context.WithCancel(ctx)
	bell := make(chan struct{}, 1) // one ring is enough, however many changes it stands for
	var wg sync.WaitGroup
	wg.Go(func() { c.listen(listening, w, bell) })
	defer wg.Wait()
	defer stop()
	for {
		over, err := look(ctx)
		if err != nil || over {
			return err
		}
		tick := time.NewTimer(lookEvery)
		select {
		case <-bell:
			pause(ctx, lookPause)
		case <-tick.C:
		case <-ctx.Done():
		}
		tick.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// listen rings at each change until ctx ends. Who may not watch hears a bell every second instead.
func (c *Cluster) listen(ctx context.Context, w watched, bell chan<- struct{}) {
	ring := func() {
		select {
		case bell <- struct{}{}:
		default:
		}
	}
	for ctx.Err() == nil {
		_ = c.watch(ctx, w, asMetadata, func(watchEvent) bool { ring(); return true }) // a watch that ends is begun again
		pause(ctx, watchAgain)
		ring()
	}
}

// watchEvent is one line of a watch.
type watchEvent struct {
	Type   string          `json:"type"`
	Object json.RawMessage `json:"object"`
}

// watch gives each event until it ends, ctx ends, or take says that it is enough.
func (c *Cluster) watch(ctx context.Context, w watched, accept string, take func(watchEvent) bool) error {
	q := url.Values{"watch": {"true"}, "allowWatchBookmarks": {"false"}}
	if deadline, ok := ctx.Deadline(); ok {
		q.Set("timeoutSeconds", strconv.Itoa(max(1, int(time.Until(deadline).Seconds()))))
	}
	for k, v := range map[string]string{"labelSelector": w.labels, "fieldSelector": w.fields, "resourceVersion": w.from} {
		if v != "" {
			q.Set(k, v)
		}
	}
	if w.whole {
		q.Set("includeObject", "Object")
	}
	body, err := c.stream(ctx, request{method: http.MethodGet, path: objectPath(w.resource, w.namespace, "", ""), query: q, accept: accept})
	if err != nil {
		return err
	}
	defer body.Close()
	dec := json.NewDecoder(io.LimitReader(body, maxBody))
	for {
		var e watchEvent
		if err := dec.Decode(&e); err != nil {
			return unreachable(ctx, err)
		}
		metered(ctx, len(e.Object))
		if e.Type == "ERROR" || !take(e) {
			return nil
		}
	}
}

// stream sends a request whose answer is read as it comes. The caller closes it.
func (c *Cluster) stream(ctx context.Context, r request) (io.ReadCloser, error) {
	res, err := c.exchange(ctx, r)
	if err != nil {
		return nil, err
	}
	if res.StatusCode < 400 {
		return res.Body, nil
	}
	defer res.Body.Close()
	out := response{status: res.StatusCode}
	if out.body, err = io.ReadAll(io.LimitReader(res.Body, maxErrorBody)); err != nil {
		return nil, unreachable(ctx, err)
	}
	return nil, apiError(r, out)
}

const maxErrorBody = 64 << 10
