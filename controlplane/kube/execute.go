package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

var readers = map[nlp.Op]func(*Cluster, context.Context, nlp.Step) ([]chat.Part, error){
	nlp.OpGet: (*Cluster).show, nlp.OpDescribe: (*Cluster).describe, nlp.OpLogs: (*Cluster).logs, nlp.OpTop: (*Cluster).top,
	nlp.OpEvents: (*Cluster).events, nlp.OpExplain: (*Cluster).explain, nlp.OpAPIResources: (*Cluster).apiResources,
	nlp.OpVersion: (*Cluster).version, nlp.OpCanI: (*Cluster).canI, nlp.OpWhoAmI: (*Cluster).whoAmI,
	nlp.OpRolloutStatus: (*Cluster).rolloutStatus, nlp.OpRolloutHistory: (*Cluster).rolloutHistory, nlp.OpDiagnose: (*Cluster).diagnose,
}

// Execute does one step. A change sends each request once; whatever went wrong, Answer.Outcome says whether something
// may have changed.
func (c *Cluster) Execute(ctx context.Context, step nlp.Step, seen ...chat.Seen) (chat.Answer, error) {
	var read atomic.Int64
	ctx = context.WithValue(ctx, meterKey{}, &read)
	if reader, ok := readers[step.Op]; ok {
		parts, err := reader(c, ctx, step)
		if err != nil {
			return chat.Answer{HTTPStatus: statusOf(err), Bytes: read.Load()}, err
		}
		return chat.Answer{Parts: parts, HTTPStatus: http.StatusOK, Bytes: read.Load()}, nil
	}
	a, err := c.apply(ctx, step, seen)
	a.Bytes = read.Load()
	return a, err
}

// meterKey finds the counter of the bytes that one step reads.
type meterKey struct{}

func metered(ctx context.Context, n int) {
	if m, ok := ctx.Value(meterKey{}).(*atomic.Int64); ok {
		m.Add(int64(n))
	}
}

func (c *Cluster) apply(ctx context.Context, step nlp.Step, seen []chat.Seen) (chat.Answer, error) {
	changes, err := c.changes(ctx, step, seen)
	if err != nil { // only reading so far
		out := audit.Failed
		if statusOf(err) == http.StatusForbidden {
			out = audit.Denied
		}
		return chat.Answer{Outcome: out, HTTPStatus: statusOf(err), Message: "Nothing was sent: " + detail(err)}, err
	}
	defer c.changed()
	a := chat.Answer{Outcome: audit.Succeeded}
	var done []string
	for i, ch := range changes {
		res, err := c.sendPatiently(ctx, ch)
		if err != nil {
			a.Outcome, a.HTTPStatus = failed(err, len(done) > 0), statusOf(err)
			a.Message = strings.Join(append(done, ch.title+" failed: "+detail(err)), "; ")
			if left := len(changes) - i - 1; left > 0 {
				a.Message += fmt.Sprintf("; %d more not begun", left)
			}
			return a, err
		}
		a.HTTPStatus = res.status
		done = append(done, ch.title+" "+ch.did)
	}
	a.Message = strings.Join(done, "; ")
	if len(done) > manyTargets {
		a.Message = fmt.Sprintf("%s, and %d more", strings.Join(done[:manyTargets], "; "), len(done)-manyTargets)
	}
	if text := c.observe(ctx, changes); text != "" {
		a.Parts = append(a.Parts, chat.Text{Text: text})
	}
	return a, nil
}

// detail is an error in words for people; what is no problem is the end of our own patience, or of the member's.
func detail(err error) string {
	var p *problem.Error
	switch {
	case errors.As(err, &p):
		return p.Detail
	case errors.Is(err, context.DeadlineExceeded):
		return "The cluster did not answer in time."
	}
	return "It was stopped."
}

// failed says what an error leaves behind. A server's error, like no answer at all, may come after the change was made.
func failed(err error, some bool) audit.Outcome {
	status := statusOf(err)
	switch {
	case errors.Is(err, errNotSent):
		return audit.Failed
	case status == http.StatusForbidden && !some:
		return audit.Denied
	case status >= 400 && status < 500 && !apierrors.IsTimeout(err):
		return audit.Failed
	}
	return audit.Unknown
}

const (
	evictionTries = 4
	evictionPause = 2 * time.Second
	movedTries    = 8
	movedPause    = 50 * time.Millisecond
)

// sendPatiently sends a change until it is taken or refused for good. It asks again only after answers that say that
// nothing was done: a disruption budget's "not now", and a conflict of versions on an object that still has the very
// content that was shown.
func (c *Cluster) sendPatiently(ctx context.Context, ch change) (response, error) {
	for try := 1; ; try++ {
		res, err := c.send(ctx, ch, false)
		switch {
		case ch.retry && apierrors.IsTooManyRequests(err) && try < evictionTries:
			pause(ctx, evictionPause)
		case ch.again != nil && apierrors.IsConflict(err) && try < movedTries:
			pause(ctx, time.Duration(try)*movedPause)
			if ch, err = ch.again(ctx); err != nil {
				return response{}, err
			}
		default:
			return res, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

const (
	observeFor   = 2 * time.Second
	observeEvery = 250 * time.Millisecond
	observeMost  = 3
)

// observe looks once at what a change has set in motion, after its controller has had a moment to see it.
func (c *Cluster) observe(ctx context.Context, changes []change) string {
	ctx, cancel := context.WithTimeout(ctx, observeFor)
	defer cancel()
	var said []string
	for _, ch := range changes {
		if !ch.observe || len(said) == observeMost {
			continue
		}
		if text := c.settled(ctx, ch); text != "" {
			said = append(said, text)
		}
	}
	return strings.Join(said, "\n")
}

func (c *Cluster) settled(ctx context.Context, ch change) (last string) {
	for {
		o, err := c.get(ctx, ch.seen.Resource, ch.seen.Namespace, ch.seen.Name, "")
		if err != nil {
			return last
		}
		text, over := rollout(o)
		if last = text; over || !strings.HasSuffix(text, "picked up yet.") {
			return last
		}
		pause(ctx, observeEvery)
	}
}

// age is a time as kubectl's AGE column says it.
func (c *Cluster) age(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return duration.HumanDuration(c.now().Sub(t))
}
