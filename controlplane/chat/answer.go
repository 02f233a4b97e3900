package chat

import (
	"context"
	"errors"
	"time"

	"github.com/kubechat/kubechat/controlplane/access"
	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
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
	now, err := s.cfg.Members.Scope(ctx, scope.Tenant, scope.Member)
	if err != nil {
		return scene{}, err
	}
	now.Login, now.Via = scope.Login, scope.Via
	if err := mayAsk(now); err != nil {
		return scene{}, err
	}
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

// answer is a run's work from the question to its end, or to a plan that awaits approval.
func (s *Service) answer(j *job) {
	ctx, cancel := context.WithTimeout(inRun(j.ctx, j.run), s.cfg.AnswerTimeout)
	defer cancel()
	if err := s.step(ctx, j, Change{From: []State{Queued}, State: Running}); err != nil {
		s.fail(j, err)
		return
	}
	sc, err := s.scene(ctx, j.scope, j.run)
	if err != nil {
		s.fail(j, err)
		return
	}
	j.scope = sc.scope
	tr, err := s.translate(ctx, sc)
	if err != nil {
		s.fail(j, err)
		return
	}
	s.follows(ctx, j, sc, tr)
}

// follows does what the translation asks for. Its class is computed here, from the plan.
func (s *Service) follows(ctx context.Context, j *job, sc scene, tr nlp.Translation) {
	if err := s.step(ctx, j, Change{From: []State{Running}, Focus: &tr.Focus, Namespace: tr.Focus.Namespace}); err != nil {
		s.fail(j, err)
		return
	}
	switch {
	case tr.Plan == nil && tr.Class == nlp.Clarify:
		data := ClarifyData{Message: tr.Message, Choices: []Choice{}}
		for _, c := range tr.Choices {
			data.Choices = append(data.Choices, Choice{Label: c.Label, Text: c.Text})
		}
		s.end(j, Done, "", s.event(TypeClarify, data))
	case tr.Plan == nil:
		s.end(j, Done, "", s.event(TypeRefused, RefusedData{Message: tr.Message}))
	default:
		plan, err := classed(*tr.Plan, sc.run.Cluster)
		switch {
		case err != nil:
			s.end(j, Done, "", s.event(TypeRefused, RefusedData{Message: problem.As(err).Detail}))
		case plan.Class == nlp.Read:
			s.read(ctx, j, sc, plan, tr.Focus)
		default:
			s.propose(ctx, j, sc, plan)
		}
	}
}

func (s *Service) translate(ctx context.Context, sc scene) (nlp.Translation, error) {
	c, err := s.cfg.Store.Conversation(ctx, sc.scope, sc.run.Conversation)
	if err != nil {
		return nlp.Translation{}, err
	}
	words, err := sc.at.Vocabulary(ctx)
	if err != nil {
		return nlp.Translation{}, err
	}
	earlier, err := s.earlier(ctx, sc)
	if err != nil {
		return nlp.Translation{}, err
	}
	req := nlp.Request{ID: string(sc.run.ID), Utterance: sc.run.Text, Vocabulary: words}
	if n := len(earlier); n > 0 && sc.run.CreatedAt.Sub(earlier[n-1].CreatedAt) < focusLife {
		req.Focus = c.Focus
		for _, r := range earlier[max(0, n-contextTurns):] {
			req.Context = append(req.Context, nlp.Turn{Utterance: r.Text})
		}
	}
	tr := s.cfg.Translator.Translate(ctx, req)
	if tr.Plan != nil {
		if err := nlp.Validate(*tr.Plan, words); err != nil { // its text is made for people
			tr = nlp.Translation{Class: nlp.Refuse, Message: err.Error(), Focus: tr.Focus}
		}
	}
	return tr, ctx.Err()
}

func (s *Service) earlier(ctx context.Context, sc scene) ([]Run, error) {
	runs, err := s.cfg.Store.Runs(ctx, sc.scope, sc.run.Conversation)
	if err != nil {
		return nil, err
	}
	for i, r := range runs {
		if r.ID == sc.run.ID {
			return runs[:i], nil
		}
	}
	return runs, nil
}

// read executes a plan that only reads. Each read is recorded before it is shown; a record that cannot be taken means
// that nothing is shown.
func (s *Service) read(ctx context.Context, j *job, sc scene, plan nlp.Plan, focus nlp.Focus) {
	view := viewOf(plan, plan.Hash(), sc)
	err := s.step(ctx, j, Change{From: []State{Running}, Plan: &view, Events: []Event{s.event(TypePlan, view)}})
	for i := 0; err == nil && i < len(plan.Steps); i++ {
		err = s.readStep(ctx, j, sc, plan.Steps[i], i, &focus)
	}
	if err != nil {
		s.fail(j, late(err, "The cluster did not answer in time."))
		return
	}
	s.end(j, Done, "")
}

func (s *Service) readStep(ctx context.Context, j *job, sc scene, step nlp.Step, i int, focus *nlp.Focus) error {
	if err := s.decide(sc, step); err != nil {
		return err
	}
	started := s.event(TypeStarted, StartedData{Step: i, Kubectl: nlp.KubectlStep(step)})
	if err := s.step(ctx, j, Change{From: []State{Running, Executing}, Events: []Event{started}}); err != nil {
		return err
	}
	record := s.recorded
	if touchesSecrets(step) {
		record = s.intended
	}
	answer, err := record(ctx, sc, step, func() (Answer, error) { return sc.at.Execute(ctx, step) })
	if err != nil {
		return err
	}
	c := Change{From: []State{Running, Executing}, Events: s.parts(answer.Parts)}
	if rows := rowNames(answer.Parts); len(rows) > 0 && focus != nil {
		focus.Rows = rows
		c.Focus = focus
	}
	return s.step(ctx, j, c)
}

// recorded runs a read and records it, its refusal by the cluster as well; a read that was never sent is none.
func (s *Service) recorded(ctx context.Context, sc scene, step nlp.Step, read func() (Answer, error)) (Answer, error) {
	began := s.now()
	answer, err := read()
	if err != nil && answer.HTTPStatus == 0 {
		return answer, err
	}
	rec := s.cfg.Ledger.Read(context.WithoutCancel(ctx), sc.scope, audit.ReadRecord{
		At: began.UTC(), Target: target(step, sc.run.Cluster), RequestID: string(sc.run.ID), HTTPStatus: answer.HTTPStatus,
		Duration: s.now().Sub(began), BytesOut: answer.Bytes, K8sGroup: sc.group,
	})
	if err != nil {
		return answer, err
	}
	return answer, rec
}

// intended runs a read of Secrets. Like every read of them it has an intent before its first byte and a result at its
// end; it needs no approval, because chat shows their names and sizes only.
func (s *Service) intended(ctx context.Context, sc scene, step nlp.Step, read func() (Answer, error)) (Answer, error) {
	intent, err := s.cfg.Ledger.Begin(ctx, sc.scope, audit.Intent{
		Target: target(step, sc.run.Cluster), Command: nlp.KubectlStep(step), RequestID: string(sc.run.ID), RunID: string(sc.run.ID), K8sGroup: sc.group,
	})
	if err != nil {
		return Answer{}, err
	}
	began := s.now()
	answer, err := read()
	result := audit.Result{Outcome: audit.Succeeded, HTTPStatus: answer.HTTPStatus, Duration: s.now().Sub(began), BytesOut: answer.Bytes}
	if err != nil {
		result.Outcome, result.Detail = audit.Failed, Clean(problem.As(err).Detail)
		if problem.Is(err, problem.Forbidden) {
			result.Outcome = audit.Denied
		}
	}
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	if finished := s.cfg.Ledger.Finish(after, sc.scope, intent, result); finished != nil {
		return answer, errors.Join(finished, err)
	}
	return answer, err
}

// decide asks the one function that says who may do what.
func (s *Service) decide(sc scene, step nlp.Step) error {
	return s.cfg.Decide(access.Request{
		Scope: sc.scope, Group: sc.group, IsRead: nlp.Classify(step) == nlp.Read && !touchesSecrets(step),
		Target: access.Target(target(step, sc.run.Cluster)),
	})
}

// rowNames are what "the first one" and "those" may refer to in the next turn.
func rowNames(parts []Part) []string {
	var names []string
	for _, p := range parts {
		t, ok := p.(Table)
		if !ok {
			continue
		}
		for i, c := range t.Columns {
			if c.Name == "Name" {
				for _, row := range t.Rows {
					if name, ok := row[i].(string); ok && len(names) < 200 {
						names = append(names, name)
					}
				}
				break
			}
		}
	}
	return names
}

// late turns the end of our own patience into a problem; every other error stays itself.
func late(err error, detail string) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return problem.New(problem.Unavailable, detail).WithCode("timeout").WithCause(err)
	}
	return err
}
