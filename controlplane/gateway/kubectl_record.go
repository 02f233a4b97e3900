package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/kubechat/kubechat/agent/kubereq"
	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// ErrNotSent is in the chain of an error after which nothing of the request can have reached the cluster.
var ErrNotSent = errors.New("the request was not sent")

func (x *exchange) target() audit.Target {
	return targetOf(x.info, x)
}

func targetOf(i kubereq.Info, x *exchange) audit.Target {
	t := audit.Target{
		Cluster: x.cluster, Verb: i.Verb, APIGroup: i.APIGroup, Resource: i.Resource, Subresource: i.Subresource,
		Namespace: i.Namespace, Name: i.Name,
	}
	if !i.IsResource {
		t.Path = i.Path
	}
	return t
}

// command is what people read in the audit: method and path, and of the query only what says what is done. Bodies
// never, nor what is typed into a shell.
func (x *exchange) command() string {
	q := x.path.Query()
	line := x.info.Method + " " + x.path.Path
	if argv := q["command"]; len(argv) > 0 {
		return fmt.Sprintf("%s command=%q container=%q", line, argv, q.Get("container"))
	}
	if q.Has("dryRun") {
		return line + " dryRun=" + q.Get("dryRun")
	}
	return line
}

// answered records how the cluster answered, before a byte of the answer is passed on: a change's result is committed
// first, so that what a client was told is in the audit even if this replica dies the next moment.
func (k *kubectl) answered(res *http.Response) error {
	ctx := res.Request.Context()
	x := exchangeOf(ctx)
	if x.info.IsRead() {
		k.g.meter.requests.WithLabelValues(doorKubectl, endAnswered).Inc()
		return k.g.cfg.Ledger.Read(ctx, x.scope, audit.ReadRecord{
			At: time.Now(), Target: x.target(), RequestID: x.id, HTTPStatus: res.StatusCode, Duration: time.Since(x.began), K8sGroup: x.group,
		})
	}
	k.settle(ctx, x, audit.Result{Outcome: outcomeOf(res.StatusCode), HTTPStatus: res.StatusCode, Detail: http.StatusText(res.StatusCode)})
	return nil
}

// outcomeOf reads a change's outcome from its status. The three gateway errors leave open whether the API server, or
// a server behind it, had begun.
func outcomeOf(status int) audit.Outcome {
	switch {
	case status < 400:
		return audit.Succeeded
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return audit.Denied
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		return audit.Unknown
	default:
		return audit.Failed
	}
}

// failed answers when the cluster did not, and records what is known of a change.
func (k *kubectl) failed(w http.ResponseWriter, r *http.Request, err error) {
	ctx := r.Context()
	x := exchangeOf(ctx)
	if !x.info.IsRead() {
		result := audit.Result{Outcome: audit.Unknown, Detail: "the answer was lost"}
		if errors.Is(err, ErrNotSent) {
			result = audit.Result{Outcome: audit.Failed, Detail: "not sent: " + problem.As(err).Detail}
		}
		k.settle(ctx, x, result)
	} else {
		k.g.meter.requests.WithLabelValues(doorKubectl, endLost).Inc()
	}
	if ctx.Err() != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	k.g.cfg.Log.WarnContext(ctx, "kubectl request failed", "request", x.id, "cluster", x.cluster, "verb", x.info.Verb, "error", err)
	writeProblem(w, err)
}

// settle records a change's result once; later calls do nothing. It goes on when the client has gone.
func (k *kubectl) settle(ctx context.Context, x *exchange, result audit.Result) {
	if x.settled {
		return
	}
	x.settled = true
	k.g.meter.requests.WithLabelValues(doorKubectl, "change_"+string(result.Outcome)).Inc()
	result.Duration = time.Since(x.began)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := k.g.cfg.Ledger.Finish(ctx, x.scope, x.intent, result); err != nil {
		k.g.cfg.Log.ErrorContext(ctx, "result not recorded", "intent", x.intent, "error", err)
	}
}
