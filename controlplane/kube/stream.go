package kube

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

const (
	streamFor     = 5 * time.Minute // longer than anybody watches a page; who does asks again
	streamEvery   = 250 * time.Millisecond
	streamLines   = 200       // in one part
	maxStreamed   = 4 << 20   // bytes of one container's log, or of one watch
	maxStreamLine = 256 << 10 // bytes of one line of a log
	maxChanges    = 1000      // rows of a watched list
)

// Stream does a read whose answer grows, and gives each part when it is there. It ends by itself after five minutes, or
// after much text, and says so.
func (c *Cluster) Stream(ctx context.Context, step nlp.Step, emit func(chat.Part)) (chat.Answer, error) {
	var read atomic.Int64
	ctx = context.WithValue(ctx, meterKey{}, &read)
	bounded, cancel := context.WithTimeout(ctx, streamFor)
	defer cancel()
	s := &stream{c: c, step: step, emit: emit}
	var err error
	switch {
	case step.Op == nlp.OpLogs && step.Args.Follow:
		err = s.logs(bounded)
	case step.Op == nlp.OpGet && step.Args.Follow:
		err = s.rows(bounded)
	default:
		a, err := c.Execute(ctx, step)
		for _, p := range a.Parts {
			emit(p)
		}
		if err == nil && a.Beside != nil {
			for _, p := range a.Beside(ctx) {
				emit(p)
			}
		}
		a.Parts, a.Beside = nil, nil
		return a, err
	}
	if err != nil && ctx.Err() == nil && errors.Is(bounded.Err(), context.DeadlineExceeded) {
		s.part(chat.Text{Text: fmt.Sprintf("Followed for %s; ask again to go on.", nlp.Duration(streamFor))})
		err = nil
	}
	a := chat.Answer{HTTPStatus: http.StatusOK, Bytes: read.Load()}
	if err != nil {
		a.HTTPStatus = statusOf(err)
	}
	return a, err
}

// stream is one answer that grows.
type stream struct {
	c    *Cluster
	step nlp.Step

	mu   sync.Mutex // guards emit: containers are followed side by side
	emit func(chat.Part)
}

func (s *stream) part(p chat.Part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit(p)
}

// logs follows the logs of a pod, or of the pods of a workload.
func (s *stream) logs(ctx context.Context) error {
	sources, left, err := s.c.logSources(ctx, s.step)
	if err != nil {
		return err
	}
	for _, text := range saidOf(sources, left, s.step) {
		s.part(chat.Text{Text: text})
	}
	errs := make([]error, len(sources))
	var wg sync.WaitGroup
	for i, src := range sources {
		wg.Go(func() { errs[i] = s.follow(ctx, src) })
	}
	wg.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failed := 0
	for i, err := range errs {
		if err != nil {
			failed++
			s.part(chat.Text{Text: sources[i].pod + " (" + sources[i].container + "): " + detail(err)})
		}
	}
	if failed == len(sources) {
		return errs[0]
	}
	return nil
}

// follow gives the lines of one container as they come.
func (s *stream) follow(ctx context.Context, src logSource) error {
	q := logQuery(src.container, s.step.Args)
	q.Set("follow", "true")
	body, err := s.c.stream(ctx, request{method: http.MethodGet, path: objectPath(pods, src.namespace, src.pod, "log"), query: q, accept: "*/*"})
	if err != nil {
		return err
	}
	defer body.Close()
	lines := make(chan string, streamLines) // closed by the goroutine that reads; it waits while a part is being given
	var broke error
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(lines)
		broke = s.scan(ctx, bufio.NewReaderSize(body, 64<<10), lines)
	})
	s.batch(src, lines)
	wg.Wait()
	return broke
}

// scan reads lines, and cuts those that are too long.
func (s *stream) scan(ctx context.Context, r *bufio.Reader, lines chan<- string) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, 64<<10), maxStreamLine)
	total := 0
	var key keyText
	for sc.Scan() {
		total += len(sc.Bytes()) + 1
		metered(ctx, len(sc.Bytes())+1)
		if total > maxStreamed {
			lines <- "(this is long: it is not followed further)"
			return nil
		}
		line, show := key.line(strings.ToValidUTF8(sc.Text(), "\uFFFD"))
		if !show {
			continue
		}
		select {
		case lines <- strings.TrimRight(redactText(line), "\r"):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := sc.Err(); err != nil && ctx.Err() == nil {
		return unreachable(ctx, err)
	}
	return nil
}

// batch gives lines in parts: at once when there are many, else after a moment. The first part is given in any case, so
// that a log without lines is seen to be one.
func (s *stream) batch(src logSource, lines <-chan string) {
	part := chat.Log{Lines: []string{}, Container: src.container, Pod: src.pod, Follow: true}
	tick := time.NewTicker(streamEvery)
	defer tick.Stop()
	given := false
	flush := func() {
		if len(part.Lines) > 0 || !given {
			s.part(part)
			part.Lines, given = []string{}, true
		}
	}
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				flush()
				return
			}
			if part.Lines = append(part.Lines, line); len(part.Lines) >= streamLines {
				flush()
			}
		case <-tick.C:
			flush()
		}
	}
}

// keyText hides a private key that is printed over many lines: one line of it shows nothing of what it is.
type keyText struct{ inside bool }

func (k *keyText) line(s string) (shown string, show bool) {
	begins, ends := strings.Contains(s, "-----BEGIN ") && strings.Contains(s, "PRIVATE KEY-----"), strings.Contains(s, "-----END ")
	switch {
	case k.inside && ends:
		k.inside = false
		return "", false
	case k.inside:
		return "", false
	case begins && !ends:
		k.inside = true
	}
	return s, true // redactText takes what follows BEGIN in the line
}

// rows gives a list, and then its rows again as they change.
func (s *stream) rows(ctx context.Context) error {
	w := watchedBy(s.step)
	w.whole = len(s.step.Post.Filter) > 0
	var err error
	if w.from, err = s.c.versionOf(ctx, w); err != nil { // before the list: a change in between comes twice, and not never
		return err
	}
	now := s.step
	now.Args.Follow = false
	a, err := s.c.Execute(ctx, now)
	if err != nil {
		return err
	}
	for _, p := range a.Parts {
		s.part(p)
	}
	if len(s.step.Kinds()) != 1 {
		s.part(chat.Text{Text: "Several kinds at once are not watched: this is how it is now."})
		return nil
	}
	g := &grid{}
	left := maxChanges
	return s.c.watch(ctx, w, asTable, func(e watchEvent) bool {
		left -= s.changed(g, e)
		return left > 0
	})
}

// changed gives the rows of an event, and says how many there were.
func (s *stream) changed(g *grid, e watchEvent) int {
	var t metav1.Table
	g.rows = nil
	if unmarshalNumbers(e.Object, &t) != nil || t.Kind != "Table" || g.take(&t) != nil {
		return 0
	}
	g.filter(s.step.Post.Filter, s.c.now())
	g.extra = []extraColumn{{chat.Column{Name: "Change", Kind: "status"}, func(*unstructured.Unstructured) any { return strings.ToLower(e.Type) }}}
	for _, p := range g.part(s.step, s.step.Resource) {
		s.part(p)
	}
	return len(g.rows)
}

// versionOf is the version of a kind's list as it is now.
func (c *Cluster) versionOf(ctx context.Context, w watched) (string, error) {
	var list metav1.PartialObjectMetadataList
	q := listQuery(w.labels, w.fields, "")
	q.Set("limit", "1")
	res, err := c.do(ctx, request{method: http.MethodGet, path: objectPath(w.resource, w.namespace, "", ""), query: q, accept: asMetadataList})
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(res.body, &list); err != nil {
		return "", problem.New(problem.Unavailable, "The cluster's answer could not be read.").WithCause(err)
	}
	return list.ResourceVersion, nil
}
