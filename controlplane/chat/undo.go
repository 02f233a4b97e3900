package chat

import (
	"slices"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// Undo is the way back from a change, or why there is none. A preview says it before anybody approves, and is stored
// with the approval: so it is recorded before anything is sent. What the change left, Seen, is only known afterwards.
type Undo struct {
	Plan     nlp.Plan `json:"plan,omitzero"`
	Seen     []Seen   `json:"seen,omitempty"` // the objects as the change left them: what the way back presumes
	Sentence string   `json:"sentence,omitempty"`
	// Impossible says why there is no way back, for people; Plan is empty then.
	Impossible string `json:"impossible,omitempty"`
}

// JoinUndos gives the way back from several steps, the last one first. One step without a way back means that there is
// none: half an undo would look like a whole one.
func JoinUndos(undos ...*Undo) *Undo {
	var out Undo
	at := map[Seen]int{}
	for _, u := range slices.Backward(undos) {
		switch {
		case u == nil:
			continue
		case u.Impossible != "":
			return &Undo{Impossible: u.Impossible}
		}
		out.Plan.Steps = append(out.Plan.Steps, u.Plan.Steps...)
		out.Plan.Source = u.Plan.Source
		if out.Sentence != "" {
			out.Sentence += " "
		}
		out.Sentence += u.Sentence
		for _, s := range u.Seen { // an object that several steps changed is as the last one left it
			if _, ok := at[identity(s)]; !ok {
				at[identity(s)] = len(out.Seen)
				out.Seen = append(out.Seen, s)
			}
		}
	}
	switch n := len(out.Plan.Steps); {
	case n == 0:
		return nil
	case n > nlp.MaxSteps:
		return &Undo{Impossible: "Undoing this would take more steps than one plan has."}
	}
	out.Plan.Class = nlp.ClassifyPlan(out.Plan)
	return &out
}

// Progress is one line about what a change has set in motion.
type Progress struct {
	Message string `json:"message"`
}

// SettledState is how the watching of a change ended.
type SettledState string

// The states of a change that was watched.
const (
	Ready        SettledState = "ready"   // what was asked for is there
	Stalled      SettledState = "stalled" // it does not get there by itself; Findings say why
	StateUnknown SettledState = "unknown" // nobody knows yet: the time was up, or the cluster could not be watched
)

// Settled is the verdict on a change.
type Settled struct {
	State    SettledState `json:"state"`
	Message  string       `json:"message"`
	Findings []Finding    `json:"-"` // each is an event of its own
}
