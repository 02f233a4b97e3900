package nlp

import (
	"regexp"
	"slices"
	"strings"
)

// hostPattern is how a service is called from inside the cluster: NAME.NAMESPACE, with or without .svc and what follows
// it, a scheme before it, and a port and a path after it.
var hostPattern = regexp.MustCompile(`^(?:[a-z]{2,8}://)?([a-z0-9.\-]+?)(\.svc(?:\.cluster\.local)?)?\.?(?::\d{1,5})?(?:/\S*)?$`)

// withHosts says the addresses of services in words: "payments.prod.svc:8443" is the service payments in prod. What is
// no service of the cluster stays as it is.
func withHosts(v *Vocabulary, toks []token) []token {
	var out []token
	for _, t := range toks {
		if name, ns := serviceAt(v, t); name != "" {
			for _, w := range []string{"service", name, "in", "namespace", ns} {
				out = append(out, token{text: w, raw: w})
			}
			out[len(out)-1].brk = t.brk
			continue
		}
		out = append(out, t)
	}
	return out
}

// serviceAt is the service whose address a token is; of a pod's own address, the service that gives it.
func serviceAt(v *Vocabulary, t token) (name, namespace string) {
	if t.quoted || !strings.Contains(t.text, ".") {
		return "", ""
	}
	m := hostPattern.FindStringSubmatch(t.text)
	if m == nil {
		return "", ""
	}
	labels := strings.Split(m[1], ".")
	if len(labels) == 3 && m[2] != "" {
		labels = labels[1:]
	}
	if len(labels) != 2 || v.find("services", labels[1], labels[0]) == nil {
		return "", ""
	}
	return labels[0], labels[1]
}

// placeholders are how kubectl prints what is not there; no shell is meant by them.
var placeholders = strings.NewReplacer("<unknown>", "unknown", "<none>", "none", "<pending>", "pending", "<invalid>", "invalid", "<nil>", "nil")

// unknownDoers are who does what nobody knows the doer of.
var unknownDoers = wordSet("something someone somebody")

// othersDo tells whether a text begins with what somebody else does: "something kills the worker" orders nothing.
func othersDo(toks []token) bool {
	if len(toks) < 2 || !unknownDoers[toks[0].text] || toks[0].brk {
		return false
	}
	i := 1
	for i < len(toks)-1 && (toks[i].text == "is" || toks[i].text == "keeps" || toks[i].text == "always" || toks[i].text == "constantly" || toks[i].text == "regularly") {
		i++
	}
	w := toks[i].text
	return (strings.HasSuffix(w, "s") || strings.HasSuffix(w, "ing") || verbForm(w, "<p>")) && slices.ContainsFunc(lexicon[w], func(p phrase) bool { return slices.Contains(changeCues, p.c) })
}
