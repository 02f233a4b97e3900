// Package eval measures the built-in translator on sentences that its rules were not written from: rows by hand in many
// voices and rows from templates, over seven clusters that share no name with one another. A row says which kubectl line,
// refusal or question is right; the scorer compares meanings, not spellings. What the translator does is package nlp's
// business. Start at Run; the rows are in rows/, the clusters in clusters/, the templates in templates.go.
package eval

import (
	"context"
	"strings"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// Prediction is what a translator answered to a row.
type Prediction struct {
	ID      string    `json:"id"`
	Class   nlp.Class `json:"class"`
	Kubectl string    `json:"kubectl,omitempty"`
	Plan    []string  `json:"plan,omitempty"` // each step's line, when there are several
}

// Predict asks the built-in translator, with the row's earlier turns as context.
func Predict(ctx context.Context, row Row, words *nlp.Vocabulary) Prediction {
	req := nlp.Request{ID: row.ID, Utterance: row.Utterance, Vocabulary: words}
	for _, turn := range row.Context {
		req.Context = append(req.Context, nlp.Turn{Utterance: turn})
	}
	said := nlp.Translator{}.Translate(ctx, req)
	p := Prediction{ID: row.ID, Class: said.Class}
	if said.Plan == nil {
		return p
	}
	for _, step := range said.Plan.Steps {
		p.Plan = append(p.Plan, nlp.KubectlStep(step))
	}
	p.Kubectl = strings.Join(p.Plan, "\n")
	return p
}

// Commands are the lines of the plan.
func (p Prediction) Commands() []string {
	if len(p.Plan) > 0 {
		return p.Plan
	}
	if p.Kubectl == "" {
		return nil
	}
	return []string{p.Kubectl}
}

// Run translates and scores rows, each over its own cluster.
func Run(ctx context.Context, rows []Row, clusters map[string]*Cluster) []Scored {
	out := make([]Scored, 0, len(rows))
	for _, row := range rows {
		c := clusters[row.Cluster]
		p := Predict(ctx, row, c.Words)
		out = append(out, Scored{Row: row, Said: p, Score: ScoreRow(row, p, c.Spellings)})
	}
	return out
}

// Scored is a row, what was answered, and how good that was.
type Scored struct {
	Row   Row
	Said  Prediction
	Score Score
}
