package chat

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

const (
	clustersAtOnce = 8
	clusterTime    = 10 * time.Second // for each cluster's part of a read
	maxClusters    = 100              // that one question may be about
	maxAcross      = 16 << 20         // bytes of one answer, over all its clusters
)

// place is one of the clusters that a question is about, with what it means there.
type place struct {
	scene
	ref  ClusterRef
	tr   nlp.Translation
	plan nlp.Plan // classed; no steps where there is none
	why  string   // there is no plan
	err  error    // the cluster gave no answer
}

func (p *place) planned() bool { return len(p.plan.Steps) > 0 }

// answerAcross answers a question about several clusters. The words are read anew in each, because a name may mean
// something else there, or nothing.
func (s *Service) answerAcross(ctx context.Context, j *job, t *turn, at []cluster.ID) {
	if len(at) > maxClusters {
		s.refuse(j, Change{}, fmt.Sprintf("That is about %d clusters; %d are the most at once. Name those that you mean.", len(at), maxClusters))
		return
	}
	places := make([]*place, len(at))
	s.each(ctx, len(at), func(ctx context.Context, i int) {
		places[i] = s.placeAt(ctx, t, at[i])
	}, func(i int, err error) { places[i] = &place{ref: t.refOf(at[i]), err: err} })
	head := Change{Addressed: &at}
	for _, p := range places {
		if head.Focus == nil && (p.planned() || p.tr.Class == nlp.Clarify) {
			head.Focus = &p.tr.Focus
		}
	}
	if slices.ContainsFunc(places, func(p *place) bool { return p.tr.Undo }) {
		s.undo(ctx, j, t, Change{})
		return
	}
	switch class := worst(places); class {
	case "":
		s.nowhere(j, head, places)
	case nlp.Read:
		s.readAcross(ctx, j, t, places, head)
	default:
		s.changeAcross(ctx, j, places, head)
	}
}

// each does something for n clusters, some at once and each within its time. A panic in one is that one's error.
func (s *Service) each(ctx context.Context, n int, do func(ctx context.Context, i int), failed func(i int, err error)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, clustersAtOnce)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, clusterTime)
			defer cancel()
			if err := guarded(func() error { do(ctx, i); return nil })(); err != nil {
				s.log.ErrorContext(ctx, "work on a cluster panicked", "cause", err)
				failed(i, err)
			}
		})
	}
	wg.Wait()
}

// guarded turns a panic, which would end everybody's tunnels from a goroutine of its own, into an error.
func guarded(f func() error) func() error {
	return func() (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("panic: %v", r)
			}
		}()
		return f()
	}
}

func (t *turn) refOf(id cluster.ID) ClusterRef {
	for _, c := range t.clusters {
		if c.ID == id {
			return ClusterRef{ID: id, Name: c.Name}
		}
	}
	return ClusterRef{ID: id, Name: string(id)}
}

// placeAt reads the question in one cluster.
func (s *Service) placeAt(ctx context.Context, t *turn, at cluster.ID) *place {
	p := &place{ref: t.refOf(at)}
	there := *t
	if p.err = s.moveTo(ctx, &there, at); p.err != nil {
		return p
	}
	p.scene = there.scene
	if p.tr, p.err = s.translate(ctx, &there); p.err != nil {
		return p
	}
	if p.tr.Plan == nil {
		p.why = p.tr.Message
		return p
	}
	plan, err := classed(*p.tr.Plan, at)
	if err != nil {
		p.why = problem.As(err).Detail
		return p
	}
	p.plan = plan
	return p
}

// worst is the class of what is planned anywhere, or "" when nothing is.
func worst(places []*place) (class nlp.Class) {
	for _, p := range places {
		switch {
		case !p.planned():
		case class == "":
			class = p.plan.Class
		default:
			class = nlp.Worse(class, p.plan.Class)
		}
	}
	return class
}

// nowhere ends a question that means nothing in any of its clusters: with the first one's question or no, or its error.
func (s *Service) nowhere(j *job, head Change, places []*place) {
	for _, p := range places {
		if p.err == nil && p.tr.Class == nlp.Clarify {
			head.Events = append(head.Events, s.event(TypeClarify, clarifyData(p.tr)))
			s.endWith(j, Done, "", head)
			return
		}
	}
	for _, p := range places {
		if p.why != "" {
			s.refuse(j, head, p.why)
			return
		}
	}
	s.failWith(j, head, late(places[0].err, "The clusters did not answer in time."))
}

// missing are the clusters that give nothing, each with its reason.
func missing(places []*place) []Missing {
	var out []Missing
	for _, p := range places {
		switch {
		case p.err != nil:
			out = append(out, Missing{p.ref.Name, problem.As(late(p.err, "It did not answer in time.")).Detail})
		case !p.planned():
			out = append(out, Missing{p.ref.Name, p.why})
		}
	}
	return out
}

func saidMissing(all []Missing) string {
	lines := make([]string, 0, len(all))
	for _, m := range all {
		lines = append(lines, m.Cluster+": "+m.Why)
	}
	return strings.Join(lines, "\n")
}

// scopeAcross is the scope of the first plan, over all clusters.
func scopeAcross(places []*place, first *place) ScopeData {
	data := scopeOf(first.plan, first.scene, nil)
	data.Clusters = nil
	for _, p := range places {
		data.Clusters = append(data.Clusters, p.ref)
	}
	return data
}

func firstPlanned(places []*place) *place {
	for _, p := range places {
		if p.planned() {
			return p
		}
	}
	return nil
}

// readAcross reads in all clusters and shows one answer. A cluster that does not answer is named, and holds up nobody.
func (s *Service) readAcross(ctx context.Context, j *job, t *turn, places []*place, head Change) {
	first := firstPlanned(places)
	view := viewOf(first.plan, first.plan.Hash(), first.scene)
	head.From, head.Plan = []State{Running}, &view
	head.Events = append(head.Events, s.event(TypeScope, scopeAcross(places, first)))
	head.Events = append(head.Events, s.planned(view, first.scene, first.tr.Trace)...)
	for i, step := range first.plan.Steps {
		head.Events = append(head.Events, s.event(TypeStarted, StartedData{Step: i, Kubectl: nlp.KubectlStep(step)}))
	}
	if err := s.step(ctx, j, head); err != nil {
		s.fail(j, err)
		return
	}
	answers := make([]answered, len(places))
	s.each(ctx, len(places), func(ctx context.Context, i int) {
		if places[i].planned() {
			answers[i], places[i].err = s.readPlace(ctx, places[i], maxAcross/len(places))
		}
	}, func(i int, err error) { places[i].err = err })
	if err := ctx.Err(); err != nil {
		s.fail(j, late(err, "The clusters did not answer in time."))
		return
	}
	events := s.merged(answers, missing(places), first.plan, &t.found)
	s.end(j, Done, "", events...)
}

// readPlace does all steps in one cluster, and keeps as much of the answers as there is room for.
func (s *Service) readPlace(ctx context.Context, p *place, room int) (answered, error) {
	out := answered{ref: p.ref}
	for _, step := range p.plan.Steps {
		step.Args.Follow = false // several clusters are looked at once
		if err := s.mayRead(p.scene, step); err != nil {
			return answered{}, err
		}
		answer, err := s.look(ctx, p.scene, step)
		if err != nil {
			return answered{}, err
		}
		parts, cut := fitting(answer.Parts, &room)
		out.steps, out.cut = append(out.steps, parts), out.cut || cut
	}
	return out, nil
}
