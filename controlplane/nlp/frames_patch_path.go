package nlp

import (
	"regexp"
	"strconv"
	"strings"
)

// specPath is a field of an object's spec as kubectl explain writes it, with its value behind it or not: spec.replicas=3.
var specPath = regexp.MustCompile(`^\.?spec((?:\.[A-Za-z][A-Za-z0-9]*)+)(?:[=:]+(.*))?$`)

// patchPath reads "patch sts kafka spec.replicas 3": one field of the spec and its value.
func (r *reading) patchPath() (outcome, bool) {
	at, path, value := r.pathSaid()
	if at < 0 || value < 0 {
		return none()
	}
	text := r.toks[value].raw
	if value == at {
		text = specPath.FindStringSubmatch(r.toks[at].raw)[2]
	}
	for i := at; i <= value; i++ {
		r.useTok(i)
	}
	r.dropObjects(at)
	r.dropObjects(value)
	r.take(cPatch)
	t, q := r.target(targetSpec{write: true, verb: "patch"})
	if q != nil {
		return asks(q)
	}
	if len(t.names) != 1 {
		return none()
	}
	n, err := strconv.Atoi(text)
	if len(path) == 1 && path[0] == "replicas" && err == nil && n >= 0 && n <= MaxReplicas {
		count := int32(n)
		s := step(OpScale, t)
		s.Args.Replicas, s.Args.Current = &count, r.current(t)
		return done(s)
	}
	var field any = text
	if flag, notBool := strconv.ParseBool(text); err == nil {
		field = n
	} else if notBool == nil {
		field = flag
	}
	for k := len(path) - 1; k > 0; k-- {
		field = map[string]any{path[k]: field}
	}
	return done(patchOf(t, map[string]any{path[0]: field}))
}

// pathSaid finds the field and where its value stands: in the same word, or in the next one.
func (r *reading) pathSaid() (at int, path []string, value int) {
	for i, t := range r.toks {
		m := specPath.FindStringSubmatch(t.raw)
		if m == nil || t.quoted {
			continue
		}
		path = strings.Split(strings.TrimPrefix(m[1], "."), ".")
		if m[2] != "" {
			return i, path, i
		}
		next := r.skip(i+1, labelLinks)
		if next == len(r.toks)-1 && !r.toks[next].quoted {
			return i, path, next
		}
		return i, path, -1
	}
	return -1, nil, -1
}
