package chat

import (
	"context"
	"slices"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
)

// where says which clusters a question is about, and leaves in t.text what it asks. It is the conversation's own cluster
// unless the words name others ("in prod-eu and prod-us"), or refer to a turn that was about others ("its logs").
func (s *Service) where(ctx context.Context, t *turn) []cluster.ID {
	home := []cluster.ID{t.run.Cluster}
	a := addressed(t.Run.Text, t.clusters, t.words)
	t.text = a.rest
	if len(a.clusters) > 0 {
		if onlyPlace(a.rest) && t.fresh { // "and in prod-us?" asks the last question there
			t.text = addressed(t.Earlier[0].Text, t.clusters, t.words).rest
		}
		return ids(a.clusters)
	}
	if !t.fresh || len(t.Conversation.Addressed) == 0 || slices.Equal(t.Conversation.Addressed, home) {
		return home
	}
	if t.unworded == nil && !answersChoice(t.focus, t.text) && s.standsAlone(ctx, *t) {
		return home
	}
	return t.Conversation.Addressed
}

func ids(clusters []cluster.Cluster) []cluster.ID {
	out := make([]cluster.ID, 0, len(clusters))
	for _, c := range clusters {
		out = append(out, c.ID)
	}
	return out
}

// answersChoice: the text is one of the answers to the question that is open.
func answersChoice(focus nlp.Focus, text string) bool {
	return slices.ContainsFunc(focus.Choices, func(c nlp.Choice) bool { return c.Text == text || c.Label == text })
}

// standsAlone: the words mean the same without the turns before. Then they are about the conversation's own cluster,
// however far away the last turn was.
func (s *Service) standsAlone(ctx context.Context, t turn) bool {
	with, err := s.translate(ctx, &t)
	if err != nil || with.Plan == nil {
		return false
	}
	t.fresh, t.focus = false, nlp.Focus{}
	without, err := s.translate(ctx, &t)
	return err == nil && without.Plan != nil && without.Plan.Hash() == with.Plan.Hash()
}

// elsewhere makes the choices of a turn about another cluster than the conversation's own say so: choosing one asks again.
func (t *turn) elsewhere(tr nlp.Translation) nlp.Translation {
	if t.run.Cluster == t.Conversation.Cluster {
		return tr
	}
	choices := slices.Clone(tr.Choices)
	for i := range choices {
		choices[i].Text = onCluster(t.name, choices[i].Text)
	}
	tr.Choices = choices
	return tr
}

// onCluster asks the same about a cluster. It stands before the words, so that it also does before a kubectl line.
func onCluster(name, text string) string { return "on cluster " + name + ": " + text }

const maxPlaces = 4 // other clusters that are offered for the same question

// otherPlaces offers the same question about other clusters, and a read about all.
func (t *turn) otherPlaces(class nlp.Class) []ScopeChoice {
	var out []ScopeChoice
	for _, c := range t.clusters {
		if c.ID != t.run.Cluster && c.State.Up() && len(out) < maxPlaces {
			out = append(out, ScopeChoice{Label: c.Name, Text: onCluster(c.Name, t.text)})
		}
	}
	if len(out) > 0 && class == nlp.Read {
		out = append(out, ScopeChoice{Label: "all clusters", Text: "in all clusters: " + t.text})
	}
	return out
}
