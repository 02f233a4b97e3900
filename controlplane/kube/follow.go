package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

const (
	followFor   = 2 * time.Minute  // after that nobody waits in front of a page any more
	whyFor      = 15 * time.Second // for finding out why it has not settled
	maxFindings = 10
)

// look is how things stand: said for people, over with a verdict or not. A stalled one does not get there by itself.
type look struct {
	said    string
	over    bool
	stalled bool
}

// looker tells how a step's objects stand now.
type looker func(ctx context.Context) (look, error)

// Follow watches what a step has set in motion until there is a verdict, or two minutes are over. It only reads; what it
// may not read it does without.
func (c *Cluster) Follow(ctx context.Context, step nlp.Step, emit func(chat.Progress)) (chat.Settled, error) {
	now, at := c.looker(step)
	if now == nil {
		return chat.Settled{State: chat.Ready, Message: "Done; nothing else follows from it."}, nil
	}
	bounded, cancel := context.WithTimeout(ctx, followFor)
	defer cancel()
	var last look
	err := c.until(bounded, at, func(ctx context.Context) (bool, error) {
		l, err := now(ctx)
		if err != nil {
			return false, err
		}
		if l.said != last.said && !l.over {
			emit(chat.Progress{Message: redactText(l.said)})
		}
		last = l
		return l.over, nil
	})
	switch {
	case ctx.Err() != nil:
		return chat.Settled{}, context.Cause(ctx)
	case errors.Is(err, context.DeadlineExceeded):
		return c.undecided(ctx, step, last), nil
	case problem.Is(err, problem.Forbidden):
		return chat.Settled{State: chat.StateUnknown, Message: "Done. What becomes of it is not visible to you: " + detail(err)}, nil
	case err != nil:
		return chat.Settled{}, err
	case last.stalled:
		return c.stalled(ctx, step, last.said), nil
	}
	return chat.Settled{State: chat.Ready, Message: redactText(last.said)}, nil
}

// looker chooses what following a step means, and what to listen to. nil: it is done when it is answered.
func (c *Cluster) looker(step nlp.Step) (looker, watched) {
	switch step.Op {
	case nlp.OpDelete, nlp.OpDeleteCollection, nlp.OpEvict, nlp.OpRemoveFinalizers:
		return c.goneLooker(step), watchedBy(step)
	case nlp.OpDrain:
		w := watched{resource: pods}
		if len(step.Names) == 1 {
			w.fields = "spec.nodeName=" + step.Names[0]
		}
		return c.drainLooker(step), w
	case nlp.OpCreate, nlp.OpReplaceForce:
		return c.createLooker(step)
	case nlp.OpScale, nlp.OpSetImage, nlp.OpSetEnv, nlp.OpSetResources, nlp.OpSetServiceAccount, nlp.OpRolloutUndo, nlp.OpRolloutRestart, nlp.OpRolloutResume, nlp.OpPatch:
		if rollsOut(step.Resource) {
			return c.rolloutLooker(step), watchedBy(step)
		}
	}
	return nil, watched{}
}

// undecided is the verdict when the time is up: what the rules find wrong says why, else nobody knows yet.
func (c *Cluster) undecided(ctx context.Context, step nlp.Step, last look) chat.Settled {
	s := c.stalled(ctx, step, fmt.Sprintf("Not settled within %s. %s", nlp.Duration(followFor), last.said))
	if len(s.Findings) == 0 {
		s.State = chat.StateUnknown
	}
	return s
}

// stalled says why, by the rules of the diagnosis; without the right to look it says what was seen.
func (c *Cluster) stalled(ctx context.Context, step nlp.Step, said string) chat.Settled {
	s := chat.Settled{State: chat.Stalled, Message: redactText(strings.TrimSpace(said))}
	switch step.Op {
	case nlp.OpDelete, nlp.OpDeleteCollection, nlp.OpEvict, nlp.OpRemoveFinalizers:
		return s // what holds an object back is in the message: the rules look at what is to stay
	}
	ctx, cancel := context.WithTimeout(ctx, whyFor)
	defer cancel()
	about := nlp.Step{Op: nlp.OpDiagnose, Resource: step.Resource, Namespace: step.Namespace, Names: step.Names, LabelSelector: step.LabelSelector}
	parts, err := c.diagnose(ctx, about)
	if err != nil {
		return s
	}
	for _, p := range parts {
		if f, ok := p.(chat.Finding); ok && len(s.Findings) < maxFindings {
			s.Findings = append(s.Findings, f)
		}
	}
	return s
}

// rollsOut tells whether a kind has pods that follow its template.
func rollsOut(r nlp.Resource) bool {
	return slices.Contains([]string{deployments.Key(), statefulSets.Key(), daemonSets.Key()}, r.Key())
}

// each looks at every object of a step, and is over when all are; one that is stalled decides.
func (c *Cluster) each(ctx context.Context, step nlp.Step, one func(context.Context, string, *unstructured.Unstructured) (look, error)) (look, error) {
	objects, missing, err := c.present(ctx, step)
	if err != nil {
		return look{}, err
	}
	all := look{over: true}
	var said []string
	for _, name := range missing {
		l, err := one(ctx, name, nil)
		if err != nil {
			return look{}, err
		}
		said, all.over, all.stalled = append(said, l.said), all.over && l.over, all.stalled || l.stalled
	}
	for _, o := range objects {
		l, err := one(ctx, o.GetName(), o)
		if err != nil {
			return look{}, err
		}
		said, all.over, all.stalled = append(said, l.said), all.over && l.over, all.stalled || l.stalled
	}
	all.over = all.over || all.stalled
	said = slices.DeleteFunc(said, func(s string) bool { return s == "" })
	all.said = strings.Join(said[:min(len(said), manyTargets)], "\n")
	if len(said) > manyTargets {
		all.said += fmt.Sprintf("\nand %d more.", len(said)-manyTargets)
	}
	return all, nil
}

// present reads the objects of a step; names that are not there are missing, which is no error here.
func (c *Cluster) present(ctx context.Context, step nlp.Step) (found []*unstructured.Unstructured, missing []string, err error) {
	for _, name := range step.Names {
		o, err := c.get(ctx, step.Resource, step.Namespace, name, "")
		switch {
		case problem.Is(err, problem.NotFound):
			missing = append(missing, name)
		case err != nil:
			return nil, nil, err
		default:
			found = append(found, o)
		}
	}
	if len(step.Names) > 0 {
		return found, missing, nil
	}
	items, _, err := c.list(ctx, step.Resource, step.Namespace, step.LabelSelector, step.FieldSelector)
	items = passing(items, step.Post.Filter, c.now())
	for i := range items {
		found = append(found, &items[i])
	}
	return found, nil, err
}
