package nlp

import (
	"context"
	"slices"
	"strings"
)

// choicesFor answers the question once for each candidate and offers what comes out.
func choicesFor(ctx context.Context, v *Vocabulary, focus Focus, said string, u understood) []Choice {
	if u.frame == nil || u.frame.build == nil {
		return nil
	}
	var out []Choice
	tried := u.q.candidates[:min(len(u.q.candidates), maxTries)]
	labels := labelsFor(v, tried)
	toks, _ := tokens(v, said)
	said0 := newReading(ctx, v, focus, toks)
	for i, o := range tried {
		if len(out) == 5 {
			break
		}
		r := said0.fork()
		r.forced = o
		res, ok := r.try(u.frame)
		text := ""
		switch {
		case ok && res.q == nil && len(res.steps) == 1 && len(res.steps[0].Post.Filter) == 0:
			text = KubectlStep(res.steps[0])
		case o.Namespace != "" && !u.q.open:
			text = strings.TrimRight(said, " .?!") + " in namespace " + o.Namespace
		default:
			continue
		}
		if !slices.ContainsFunc(out, func(c Choice) bool { return c.Label == labels[i] || c.Text == text }) {
			out = append(out, Choice{Label: labels[i], Text: text})
		}
	}
	return out
}

// labelsFor are the shortest labels that tell the candidates apart.
func labelsFor(v *Vocabulary, objs []*Object) []string {
	var spaces, names, kinds []string
	for _, o := range objs {
		for list, s := range map[*[]string]string{&spaces: o.Namespace, &names: o.Name, &kinds: o.Kind} {
			if !slices.Contains(*list, s) {
				*list = append(*list, s)
			}
		}
	}
	out := make([]string, len(objs))
	for i, o := range objs {
		var parts []string
		if len(kinds) > 1 {
			parts = append(parts, strings.ToLower(v.kinds[o.Kind].Kind))
		}
		if len(names) > 1 || len(spaces) == 1 {
			parts = append(parts, o.Name)
		}
		if len(spaces) > 1 && o.Namespace != "" {
			if len(parts) > 0 {
				parts = append(parts, "in")
			}
			parts = append(parts, o.Namespace)
		}
		out[i] = strings.Join(parts, " ")
	}
	return out
}
