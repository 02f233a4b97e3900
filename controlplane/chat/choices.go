package chat

import (
	"context"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// maxLookedAt is how many of the choices of a question are looked at.
const maxLookedAt = 5

// LooksInto tells whether a step looks into things that it names.
func LooksInto(s nlp.Step) bool {
	return len(s.Names) > 0 && (s.Op == nlp.OpDescribe || s.Op == nlp.OpDiagnose && s.Args.Type == "")
}

// lookAtChoices shows what is wrong with those that a question offers to look into: "which payments?" is half answered
// by saying which of them is broken. What can't be looked at stays a choice like the others.
func (s *Service) lookAtChoices(ctx context.Context, t *turn, tr nlp.Translation) []Event {
	var found []Part
	for _, c := range tr.Choices[:min(len(tr.Choices), maxLookedAt)] {
		one := s.cfg.Translator.Translate(ctx, nlp.Request{Utterance: c.Text, Vocabulary: t.words, Focus: tr.Focus})
		if one.Plan == nil || len(one.Plan.Steps) != 1 || !LooksInto(one.Plan.Steps[0]) || nlp.Validate(*one.Plan, t.words) != nil {
			continue
		}
		step := one.Plan.Steps[0]
		step.Op, step.Args, step.Class = nlp.OpDiagnose, nlp.Args{}, nlp.Read
		if s.decide(t.scene, step) != nil {
			continue
		}
		answer, err := s.look(ctx, t.scene, step)
		if err != nil {
			continue
		}
		for _, p := range answer.Parts {
			if f, ok := p.(Finding); ok {
				found = append(found, f)
			}
		}
	}
	return s.parts(numbered(found, &t.found))
}
