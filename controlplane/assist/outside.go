package assist

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/kubechat/kubechat/controlplane/model"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// An assistant outside of the service is given the same tools as a tenant's model, one call at a time. It keeps its own
// transcript and pays for its own model, so there is no turn, no budget and no loop to break; what a tool may do, how large
// its answer may be and how it is made harmless are the same.

// Tool is one of them as such an assistant is told of it.
type Tool struct {
	Name, Title, Description string
	Schema                   map[string]any // of its arguments; what is not required may be left out
	ReadOnly                 bool           // all but ProposeTool
}

// ProposeTool is the one tool that does more than look. It changes nothing in a cluster either.
const ProposeTool = toolPropose

const proposeAbout = "Propose a change for the person to decide on. Nothing happens by it: it waits, with its preview, in the web chat, where only that person can approve it. " +
	"Only for objects that the person named, and only if they asked for a change; request holds their own words."

// requestField are the person's words, which an assistant outside has to bring along: the service did not hear them.
var requestField = field{name: "request", kind: "string", about: "the person's own words that ask for the change, as they wrote them"}

// Outside lists the tools, ordered by name.
func Outside() []Tool {
	out := make([]Tool, 0, len(specs))
	for _, s := range specs {
		t := Tool{Name: s.name, Title: s.title, Description: s.about, ReadOnly: s.name != toolPropose}
		fields, needs := s.fields, s.needs
		if !t.ReadOnly {
			t.Description = proposeAbout
			fields, needs = append([]field{requestField}, fields...), append([]string{requestField.name}, needs...)
		}
		t.Schema = openSchema(fields, needs)
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b Tool) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// openSchema is a schema whose other fields may be left out: not every client can say null.
func openSchema(fields []field, needs []string) map[string]any {
	properties := map[string]any{}
	for _, f := range fields {
		properties[f.name] = f.open()
	}
	s := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(needs) > 0 {
		s["required"] = needs
	}
	return s
}

func (f field) open() map[string]any {
	s := maps.Clone(f.schema())
	s["type"] = "array"
	switch f.kind {
	case "steps":
		s["items"] = openSchema(stepFields, []string{"op", "kind", "names"})
	case "pairs":
		s["items"] = openSchema([]field{{name: "name", kind: "string"}, {name: "value", kind: "string"}}, []string{"name", "value"})
	case "names":
	default:
		s["type"] = f.kind
	}
	if about, ok := strings.CutPrefix(f.about, "null: "); ok {
		s["description"] = "if left out: " + about
	} else if f.about != "" {
		s["description"] = strings.ReplaceAll(f.about, "null", "left out")
	}
	return s
}

// Use does one call of a tool that looks, as the member of in. The text is for the assistant; failed says that it is why
// nothing was found out.
func Use(ctx context.Context, in Input, tool string, args json.RawMessage) (text string, failed bool) {
	t := &turn{in: in, limits: Limits{}.withDefaults(), evidence: newEvidence(), yield: func(Output) bool { return true }}
	t.evidence.bare = true
	text, _, err := t.use(ctx, model.ToolCall{Name: tool, Args: args})
	if err != nil {
		return failure(err), true
	}
	r := model.ToolResult{Text: text}
	t.fit(&r)
	return r.Text, r.Failed
}

// Suggest makes a plan of ProposeTool's arguments without request, which is in.Question. What an assistant was talked into
// by what it read is held against these words, like a model's; that they are the person's, only the assistant says, so
// the plan says where it comes from and waits for the person. The error is a problem that says which rule stands against it.
func Suggest(in Input, args json.RawMessage, source string) (Proposal, error) {
	p, err := newRules(in).propose(args, source)
	if err != nil {
		return Proposal{}, problem.New(problem.Invalid, failure(err)).WithCode("plan_refused")
	}
	return p, nil
}
