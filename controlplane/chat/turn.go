package chat

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

const (
	focusLife    = 30 * time.Minute // after that, "it" means nothing any more
	contextTurns = 6
)

// scene is what work on a run needs around it, as it is now, not as it was when the question was asked.
type scene struct {
	scope tenant.Scope
	run   Run
	group cluster.Group
	name  string  // the cluster's, for people
	at    Cluster // under the member's impersonation
}

func (s *Service) scene(ctx context.Context, scope tenant.Scope, id RunID) (scene, error) {
	run, err := s.cfg.Store.Run(ctx, scope, id)
	if err != nil {
		return scene{}, err
	}
	return s.sceneOf(ctx, scope, run)
}

// sceneOf looks up the member and the run's cluster anew.
func (s *Service) sceneOf(ctx context.Context, scope tenant.Scope, run Run) (scene, error) {
	now, err := s.cfg.Members.Scope(ctx, scope.Tenant, scope.Member)
	if err != nil {
		return scene{}, err
	}
	now.Login, now.Via = scope.Login, scope.Via
	if err := mayAsk(now); err != nil {
		return scene{}, err
	}
	return s.sceneAt(ctx, now, run)
}

// sceneAt is for a scope that was looked up a moment ago.
func (s *Service) sceneAt(ctx context.Context, now tenant.Scope, run Run) (scene, error) {
	c, err := s.cfg.Directory.Get(ctx, now, run.Cluster)
	if err != nil {
		return scene{}, err
	}
	group, err := s.cfg.Directory.Group(ctx, now, run.Cluster)
	if err != nil {
		return scene{}, err
	}
	at, err := s.cfg.Clusters.Open(ctx, now, run.Cluster)
	if err != nil {
		return scene{}, err
	}
	return scene{scope: now, run: run, group: group, name: c.Name, at: at}, nil
}

// turn is a question with all that its answer starts from.
type turn struct {
	scene
	Opening
	words    *nlp.Vocabulary
	unworded error  // why there are no words
	text     string // the question without the clusters it names
	focus    nlp.Focus
	fresh    bool // the turn before is not so long ago that "it" has lost its meaning
	clusters []cluster.Cluster
	found    []Finding // that were shown
}

// gather looks up, at the same time, what an answer starts from: every round trip to the database or the cluster that waits
// for another one is felt by whoever asked.
func (s *Service) gather(ctx context.Context, j *job) (*turn, error) {
	t := &turn{}
	g, ctx := errgroup.WithContext(ctx)
	also := func(f func() error) { g.Go(guarded(f)) }
	also(func() error { return s.step(ctx, j, Change{From: []State{Queued}, State: Running}) })
	also(func() (err error) {
		t.Opening, err = s.cfg.Store.Opening(ctx, j.scope, j.run, contextTurns)
		return err
	})
	also(func() (err error) {
		if t.scene, err = s.sceneOf(ctx, j.scope, Run{ID: j.run, Cluster: j.cluster}); err != nil {
			return err
		}
		t.words, t.unworded = t.at.Vocabulary(ctx)
		return ctx.Err()
	})
	also(func() (err error) {
		t.clusters, err = s.names.of(ctx, j.scope, s.cfg.Directory)
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	t.run, t.text = t.Run, t.Run.Text
	t.fresh = len(t.Earlier) > 0 && t.run.CreatedAt.Sub(t.Earlier[0].At) < focusLife
	if t.fresh {
		t.focus = t.Conversation.Focus
	} else {
		t.focus.Changed = t.Conversation.Focus.Changed // the way back is kept for longer than what "it" means
	}
	s.actAs(j, t.scope)
	return t, nil
}

// moveTo makes the question one about another cluster than the conversation's own.
func (s *Service) moveTo(ctx context.Context, t *turn, to cluster.ID) (err error) {
	if to == t.run.Cluster {
		return nil
	}
	run := t.run
	run.Cluster = to
	if t.scene, err = s.sceneAt(ctx, t.scope, run); err == nil {
		t.words, t.unworded = t.at.Vocabulary(ctx)
	}
	return err
}

// translate turns the question into a plan for the turn's cluster.
func (s *Service) translate(ctx context.Context, t *turn) (nlp.Translation, error) {
	if t.unworded != nil {
		return nlp.Translation{}, t.unworded
	}
	req := nlp.Request{ID: string(t.run.ID), Utterance: t.text, Vocabulary: t.words, Focus: t.focus}
	if t.fresh {
		for _, e := range slices.Backward(t.Earlier) {
			req.Context = append(req.Context, nlp.Turn{Utterance: e.Text})
		}
	}
	tr := s.cfg.Translator.Translate(ctx, req)
	if tr.Plan != nil {
		if err := nlp.Validate(*tr.Plan, t.words); err != nil { // its text is made for people
			tr = nlp.Translation{Class: nlp.Refuse, Message: err.Error(), Focus: tr.Focus}
		}
	}
	return tr, ctx.Err()
}
