package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

const (
	goneWithin = time.Minute // for an object to be gone before another takes its name
	lastsOn    = 10 * time.Second
	remakeFor  = 20 * time.Second // for asking again what was not answered
)

// errDeleted is in the chain of an error after which an object is gone, or going, and no other has taken its place;
// errPutBack where the old one was made again instead.
var (
	errDeleted = errors.New("deleted and not made anew")
	errPutBack = errors.New("put back")
)

// replacement deletes an object and makes another of its name. Once the first is on its way it is brought to its end,
// whoever stops meanwhile: between the two there is nothing.
func (b *changer) replacement(o, wanted *unstructured.Unstructured) (change, error) {
	r := b.step.Resource
	away, err := b.removal(r, o)
	if err != nil {
		return change{}, err
	}
	ch := change{
		title: titleOf(r, o.GetName()), did: "replaced", live: o, seen: away.seen,
		warnings: []string{"It is deleted and made anew: for a moment there is none, and its pods are new ones."},
	}
	ch.run = func(ctx context.Context, dry bool) (response, error) {
		if dry {
			if _, err := b.c.send(ctx, away, true); err != nil {
				return response{}, err
			}
			return b.c.rehearse(ctx, creationOf(r, wanted), wanted)
		}
		if ctx.Err() != nil {
			return response{}, fmt.Errorf("%w: %w", errNotSent, context.Cause(ctx))
		}
		ctx, cancel := outlasting(ctx, lastsOn)
		defer cancel()
		_, err := b.c.send(ctx, away, false)
		if err != nil && (failed(err, true) != audit.Unknown || !b.c.isGoing(ctx, r, o)) {
			return response{}, err
		}
		if err := b.c.awaitGone(ctx, r, o); err != nil {
			return response{}, err
		}
		return b.c.remake(ctx, r, o, wanted)
	}
	return ch, nil
}

// outlasting is a context that ends some time after ctx does.
func outlasting(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	on, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	unhook := context.AfterFunc(ctx, func() {
		pause(on, by)
		cancel(context.Cause(ctx))
	})
	return on, func() {
		unhook()
		cancel(nil)
	}
}

func creationOf(r nlp.Resource, o *unstructured.Unstructured) change {
	return change{title: titleOf(r, o.GetName()), method: http.MethodPost, path: objectPath(r, o.GetNamespace(), "", ""), body: o}
}

// rehearse asks whether an object could be made while another of its name is there: under a name of the server's choice.
func (c *Cluster) rehearse(ctx context.Context, make change, wanted *unstructured.Unstructured) (response, error) {
	other := wanted.DeepCopy()
	other.SetName("")
	other.SetGenerateName(wanted.GetName()[:min(len(wanted.GetName()), 40)] + "-")
	make.body = other
	res, err := c.send(ctx, make, true)
	if err != nil {
		return res, err
	}
	made, err := readObject(res.body)
	if err != nil {
		return res, err
	}
	made.SetName(wanted.GetName())
	made.SetGenerateName("")
	res.body, err = made.MarshalJSON()
	return res, err
}

// isGoing tells whether an object whose deletion was not answered is gone, or about to be.
func (c *Cluster) isGoing(ctx context.Context, r nlp.Resource, o *unstructured.Unstructured) bool {
	now, err := c.get(ctx, r, o.GetNamespace(), o.GetName(), "")
	if err != nil {
		return problem.Is(err, problem.NotFound)
	}
	return now.GetUID() != o.GetUID() || now.GetDeletionTimestamp() != nil
}

// awaitGone waits until a deleted object is not there any more: only then there can be another of its name.
func (c *Cluster) awaitGone(ctx context.Context, r nlp.Resource, o *unstructured.Unstructured) error {
	bounded, cancel := context.WithTimeout(ctx, goneWithin)
	defer cancel()
	held := ""
	err := c.until(bounded, watched{resource: r, namespace: o.GetNamespace(), fields: "metadata.name=" + o.GetName()}, func(ctx context.Context) (bool, error) {
		now, err := c.get(ctx, r, o.GetNamespace(), o.GetName(), "")
		switch {
		case problem.Is(err, problem.NotFound):
			return true, nil
		case err != nil && unanswered(err):
			return false, nil // it is asked again
		case err != nil:
			return false, err
		}
		held = heldBy(now)
		return now.GetUID() != o.GetUID(), nil
	})
	switch {
	case err == nil:
		return nil
	case bounded.Err() == nil:
		return problem.Newf(problem.As(err).Kind, "It was deleted, and whether it is gone could not be seen, so it was not made anew: %s", detail(err)).
			WithCause(fmt.Errorf("%w: %w", errDeleted, err))
	}
	return problem.Newf(problem.Conflict, "It was deleted and is not gone after %s: it waits for %s. It was not made anew.",
		nlp.Duration(goneWithin), cmp.Or(held, "its pods to end")).WithCause(fmt.Errorf("%w: %w", errDeleted, err))
}

// remake puts the wanted object where the old one was, or if that is refused the old one again.
func (c *Cluster) remake(ctx context.Context, r nlp.Resource, old, wanted *unstructured.Unstructured) (response, error) {
	ctx, cancel := context.WithTimeout(ctx, remakeFor)
	defer cancel()
	res, err := c.insist(ctx, r, wanted)
	if err == nil {
		return res, nil
	}
	if !unanswered(err) {
		if _, again := c.insist(ctx, r, sanitised(old)); again == nil {
			return response{}, problem.Newf(problem.As(err).Kind, "The new one was refused after the old one was deleted; the old one was put back. %s", detail(err)).
				WithCause(fmt.Errorf("%w: %w", errPutBack, err))
		}
	}
	return response{}, problem.Newf(problem.As(err).Kind, "It was deleted, and could not be made anew: %s", detail(err)).
		WithCause(fmt.Errorf("%w: %w", errDeleted, err))
}

// insist makes an object, and asks again where nobody answers: a name is given once, so that it cannot be made twice.
func (c *Cluster) insist(ctx context.Context, r nlp.Resource, o *unstructured.Unstructured) (response, error) {
	lost := false
	for {
		res, err := c.send(ctx, creationOf(r, o), false)
		switch {
		case err == nil:
			return res, nil
		case lost && apierrors.IsAlreadyExists(err): // by the request whose answer was lost
			return c.do(ctx, request{method: http.MethodGet, path: objectPath(r, o.GetNamespace(), o.GetName(), "")})
		case !unanswered(err):
			return response{}, err
		}
		lost = lost || !errors.Is(err, errNotSent)
		if pause(ctx, watchAgain); ctx.Err() != nil {
			return response{}, err
		}
	}
}

// unanswered errors say nothing of what was asked: asking again may help.
func unanswered(err error) bool {
	return problem.Is(err, problem.Unavailable) || problem.Is(err, problem.Limited) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
