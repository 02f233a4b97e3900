package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

var readers = map[nlp.Op]func(*Cluster, context.Context, nlp.Step) ([]chat.Part, error){
	nlp.OpGet: (*Cluster).show, nlp.OpDescribe: (*Cluster).describe, nlp.OpLogs: (*Cluster).logs, nlp.OpTop: (*Cluster).top,
	nlp.OpEvents: (*Cluster).eventsAndWhy, nlp.OpExplain: (*Cluster).explain, nlp.OpAPIResources: (*Cluster).apiResources,
	nlp.OpVersion: (*Cluster).version, nlp.OpCanI: (*Cluster).canI, nlp.OpWhoAmI: (*Cluster).whoAmI,
	nlp.OpRolloutStatus: (*Cluster).rolloutStatus, nlp.OpRolloutHistory: (*Cluster).rolloutHistory, nlp.OpDiagnose: (*Cluster).diagnose,
	nlp.OpClusterInfo: (*Cluster).clusterInfo, nlp.OpWait: (*Cluster).wait, nlp.OpDryRun: (*Cluster).tryOut,
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
		shown, find := besides(parts)
		return chat.Answer{Parts: shown, Beside: find, HTTPStatus: http.StatusOK, Bytes: read.Load()}, nil
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
	changes, err := c.changes(ctx, step, seen, false)
	if err != nil { // only reading so far
		out := audit.Failed
		if statusOf(err) == http.StatusForbidden {
			out = audit.Denied
		}
		return chat.Answer{Outcome: out, HTTPStatus: statusOf(err), Message: "Nothing was sent: " + detail(err)}, err
	}
	var touches []touch
	defer func() { c.changed(touches) }()
	a := chat.Answer{Outcome: audit.Succeeded}
	var done []string
	var ways []way
	patience := time.Now().Add(evictionsFor)
	for i, ch := range changes {
		ch.revision = c.revisionBefore(ctx, step.Op, ch)
		res, err := c.sendPatiently(ctx, ch, patience)
		touches = append(touches, c.touch(ch, res, err))
		a.Parts = append(a.Parts, res.parts...)
		if err != nil {
			a.Outcome, a.HTTPStatus = failed(err, len(done) > 0), statusOf(err)
			if errors.Is(err, errDeleted) { // what was replaced before it stays: that has no way back, and this has one
				ways = []way{remadeOf(ch)}
			}
			a.Undo = undoOf(step.Op, ways)
			a.Message = strings.Join(append(done, ch.title+" failed: "+detail(err)), "; ")
			if left := len(changes) - i - 1; left > 0 {
				a.Message += fmt.Sprintf("; %d more not begun", left)
			}
			return a, err
		}
		a.HTTPStatus = res.status
		done = append(done, ch.title+" "+cmp.Or(res.did, ch.did))
		ways = append(ways, wayBack(step.Op, ch, c.left(ch, res)))
	}
	a.Undo = undoOf(step.Op, ways)
	a.Message = strings.Join(done, "; ")
	if len(done) > manyTargets {
		a.Message = fmt.Sprintf("%s, and %d more", strings.Join(done[:manyTargets], "; "), len(done)-manyTargets)
	}
	return a, nil
}

// touch says what of the vocabulary a change has overtaken: its kind, up to the version that it made. Where that is not
// known, as after a deletion or without an answer, the kind has to be looked at anew.
func (c *Cluster) touch(ch change, res response, err error) touch {
	t := touch{kind: ch.seen.Resource.Key()}
	if o := c.left(ch, res); err == nil && ch.run == nil && o != nil && o.GetKind() != "Status" {
		t.version = o.GetResourceVersion()
	}
	return t
}

// left is the object as the server says that the change left it; nil where it is gone, or the answer is no object.
func (c *Cluster) left(ch change, res response) *unstructured.Unstructured {
	if ch.gone || len(res.body) == 0 {
		return nil
	}
	o, err := readObject(res.body)
	if err != nil {
		return nil
	}
	return o
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
	case errors.Is(err, errNotSent), errors.Is(err, errDeleted), errors.Is(err, errPutBack), errors.As(err, &exited{}):
		return audit.Failed
	case status == http.StatusForbidden && !some:
		return audit.Denied
	case status >= 400 && status < 500 && !apierrors.IsTimeout(err):
		return audit.Failed
	}
	return audit.Unknown
}

const (
	evictionsFor  = 2 * time.Minute // of one step, for all its evictions that a disruption budget holds back
	evictionPause = 2 * time.Second
	movedTries    = 8
	movedPause    = 50 * time.Millisecond
)

// sendPatiently sends a change until it is taken or refused for good. It asks again only after answers that say that
// nothing was done: a disruption budget's "not now", and a conflict of versions on an object that still has the very
// content that was shown.
func (c *Cluster) sendPatiently(ctx context.Context, ch change, until time.Time) (response, error) {
	for try := 1; ; try++ {
		res, err := c.send(ctx, ch, false)
		switch {
		case ch.retry && apierrors.IsTooManyRequests(err) && time.Now().Before(until) && ctx.Err() == nil:
			pause(ctx, evictionPause)
		case ch.again != nil && apierrors.IsConflict(err) && try < movedTries:
			pause(ctx, time.Duration(try)*movedPause)
			if ch, err = ch.again(ctx); err != nil {
				return response{}, fmt.Errorf("%w: %w", errNotSent, err) // the first one was refused, and there is no second
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

// age is a time as kubectl's AGE column says it.
func (c *Cluster) age(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return duration.HumanDuration(c.now().Sub(t))
}
