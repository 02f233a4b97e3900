package chat_test

import (
	"slices"
	"testing"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
)

func TestSeveralStepsAreUndoneTheLastFirstOrNotAtAll(t *testing.T) {
	t.Parallel()
	undo := func(name, digest string) *chat.Undo {
		return &chat.Undo{
			Plan: nlp.Plan{Steps: []nlp.Step{{Op: nlp.OpLabel, Names: []string{name}}}, Source: "builtin"}, Sentence: "Undo " + name + ".",
			Seen: []chat.Seen{{Name: name, Digest: digest}},
		}
	}
	u := chat.JoinUndos(undo("web", "1"), nil, undo("api", "2"), undo("web", "3"))
	var names []string
	for _, s := range u.Plan.Steps {
		names = append(names, s.Names...)
	}
	if !slices.Equal(names, []string{"web", "api", "web"}) || u.Sentence != "Undo web. Undo api. Undo web." || u.Plan.Class != nlp.Mutate {
		t.Errorf("%+v", u)
	}
	if len(u.Seen) != 2 || u.Seen[0].Digest != "3" {
		t.Errorf("what was left last counts: %+v", u.Seen)
	}
	if u := chat.JoinUndos(undo("web", "1"), &chat.Undo{Impossible: "gone"}); u.Impossible != "gone" || len(u.Plan.Steps) != 0 {
		t.Errorf("half an undo: %+v", u)
	}
	if u := chat.JoinUndos(nil, nil); u != nil {
		t.Errorf("reads are not undone: %+v", u)
	}
	many := slices.Repeat([]*chat.Undo{undo("web", "1")}, nlp.MaxSteps+1)
	if u := chat.JoinUndos(many...); u.Impossible == "" {
		t.Errorf("more steps than a plan has: %+v", u)
	}
}
