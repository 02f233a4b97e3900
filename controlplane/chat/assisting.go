package chat

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// deltaEvery is how long text of an answer that is being written is gathered into one event.
const deltaEvery = 150 * time.Millisecond

// errNoAnswer: a turn with a model ended, and nothing that answers the question came of it.
var errNoAnswer = problem.New(problem.Unavailable, "The model gave no answer.")

// assistant is the tenant's, or nil when it has none. away says that it has one that cannot be asked.
func (s *Service) assistant(ctx context.Context, t *turn) (a Assistant, away bool) {
	if s.cfg.Assistants == nil {
		return nil, false
	}
	a, err := s.cfg.Assistants.Assistant(ctx, t.scope)
	if err != nil {
		s.log.WarnContext(ctx, "the tenant's model cannot be asked", "run", t.run.ID, "cause", err)
		return nil, true
	}
	return a, false
}

// assisted asks the tenant's model what the built-in translator did not understand. If there is none, or it fails, the
// built-in answer stands, under a banner where a model was expected. It reports whether the run is answered.
func (s *Service) assisted(ctx context.Context, j *job, t *turn, tr nlp.Translation, head *Change) bool {
	a, away := s.assistant(ctx, t)
	switch {
	case away:
		head.Events = append(head.Events, s.modelAway())
		return false
	case a == nil:
		return false
	}
	head.From = []State{Running}
	if err := s.step(ctx, j, *head); err != nil {
		s.fail(j, err)
		return true
	}
	proposed, err := s.converse(ctx, j, t, a, tr)
	switch {
	case ctx.Err() != nil || errors.Is(err, ErrMoved):
		s.fail(j, late(errors.Join(err, ctx.Err()), "The model did not answer in time."))
		return true
	case err != nil:
		s.log.WarnContext(ctx, "the model failed; the built-in answer stands", "run", t.run.ID, "cause", err)
		*head = Change{Events: []Event{s.modelAway()}}
		return false
	case proposed != nil:
		s.suggested(ctx, j, t, *proposed)
	default:
		s.end(j, Done, "")
	}
	return true
}

func (s *Service) modelAway() Event {
	return s.event(TypeBanner, BannerData{Kind: BannerModelAway, Message: "The model did not answer; this is what is known without it."})
}

// diagnostic: the plan looks for what is wrong, which a model may explain better than the rules that found it.
func diagnostic(plan nlp.Plan) bool {
	return len(plan.Steps) == 1 && plan.Steps[0].Op == nlp.OpDiagnose
}

// explained has the tenant's model explain what the diagnosis found. The findings are shown already, so without a model
// nothing is missing.
func (s *Service) explained(ctx context.Context, j *job, t *turn, tr nlp.Translation, head Change) {
	if s.assisted(ctx, j, t, tr, &head) {
		return
	}
	s.endWith(j, Done, "", head)
}

// suggested takes a model's plan the way of every plan: classed, validated, shown, reviewed, approved.
func (s *Service) suggested(ctx context.Context, j *job, t *turn, p Proposal) {
	plan, err := classed(p.Plan, t.run.Cluster) // before it is validated: what the model says of its class is not looked at
	if err != nil {
		s.refuse(j, Change{}, problem.As(err).Detail)
		return
	}
	if err := nlp.Validate(plan, t.words); err != nil {
		s.refuse(j, Change{}, err.Error())
		return
	}
	if outside := t.scope.Via == tenant.ViaMCP && strings.HasPrefix(plan.Source, nlp.SourceMCP); !outside && !strings.HasPrefix(plan.Source, nlp.SourceModel) {
		plan.Source = nlp.SourceModel // whoever made it, it was not the built-in translator
	}
	head := Change{Events: []Event{s.event(TypeScope, scopeOf(plan, t.scene, nil))}}
	if plan.Class == nlp.Read {
		view := viewOf(plan, plan.Hash(), t.scene)
		view.FromClusterData = p.FromClusterData
		head.Events = append(head.Events, s.planned(view, t.scene, nil)...)
		s.read(ctx, j, t, reading{plan: plan, view: view}, head)
		return
	}
	s.propose(ctx, j, t.scene, proposal{plan: plan, fromClusterData: p.FromClusterData}, head)
}

// converse runs one turn with a model and stores what it gives as it comes. It takes none of the cluster's places: a turn
// mostly waits for the model.
func (s *Service) converse(ctx context.Context, j *job, t *turn, a Assistant, tr nlp.Translation) (proposed *Proposal, err error) {
	s.park(j)
	w := &writer{s: s, ctx: ctx, j: j}
	answered := false
	for out, err := range a.Assist(ctx, s.assistInput(t, tr)) {
		if err != nil {
			if lost := w.flush(); lost != nil {
				return nil, lost
			}
			return nil, err // as it is: a joined one would show what an error keeps out of logs
		}
		switch o := out.(type) {
		case AnswerDelta:
			w.delta(o.Text)
		case AnswerData:
			answered = true
			w.write(s.event(TypeAnswer, o))
		case ToolData:
			w.write(s.event(TypeTool, o))
		case UsageData:
			w.write(s.event(TypeUsage, o))
		case BannerData:
			w.write(s.event(TypeBanner, o))
		case Finding:
			w.write(s.parts(numbered([]Part{o}, &t.found))...)
		case Proposal:
			return &o, w.flush()
		}
		if w.err != nil {
			return nil, w.err
		}
	}
	if err := w.flush(); err != nil {
		return nil, err
	}
	if !answered {
		return nil, errNoAnswer
	}
	return nil, nil
}

func (s *Service) assistInput(t *turn, tr nlp.Translation) AssistInput {
	in := AssistInput{
		Scope: t.scope, Run: t.run.ID, Cluster: ClusterRef{ID: t.run.Cluster, Name: t.name}, Question: t.text, Focus: t.focus,
		Vocabulary: t.words, BuiltIn: tr, Findings: slices.Clone(t.found), Review: t.at.Review,
		Look: func(ctx context.Context, step nlp.Step) ([]Part, error) { return s.lookFor(ctx, t.scene, step) },
	}
	if t.fresh {
		for _, e := range slices.Backward(t.Earlier) {
			in.Turns = append(in.Turns, AssistTurn{Question: e.Text, Digest: strings.TrimSpace(e.Sentence + " (" + string(e.State) + ")")})
		}
	}
	return in
}

// lookFor is a model's read: what a member may read by asking, and no Secrets at all.
func (s *Service) lookFor(ctx context.Context, sc scene, step nlp.Step) ([]Part, error) {
	if nlp.Classify(step) != nlp.Read || touchesSecrets(step) {
		return nil, problem.New(problem.Forbidden, "A model may read, but no Secrets, and change nothing.")
	}
	step.Args.Follow = false
	if err := s.decide(sc, step); err != nil {
		return nil, err
	}
	answer, err := s.look(ctx, sc, step)
	return answer.Parts, err
}

// writer stores a turn's events; the text of an answer in pieces that are worth a transaction.
type writer struct {
	s     *Service
	ctx   context.Context
	j     *job
	text  strings.Builder
	since time.Time // of the oldest text that is not stored
	err   error
}

func (w *writer) delta(text string) {
	if w.text.Len() == 0 {
		w.since = w.s.now()
	}
	w.text.WriteString(text)
	if w.s.now().Sub(w.since) >= deltaEvery {
		w.err = w.flush()
	}
}

func (w *writer) write(events ...Event) {
	if w.text.Len() > 0 {
		events = append([]Event{w.s.event(TypeAnswerDelta, AnswerDelta{Text: w.text.String()})}, events...)
		w.text.Reset()
	}
	if w.err == nil && len(events) > 0 {
		w.err = w.s.step(w.ctx, w.j, Change{From: []State{Running}, Events: events})
	}
}

func (w *writer) flush() error {
	w.write()
	return w.err
}
