package nlp

import (
	"fmt"
	"slices"
	"strings"
)

func buildSetEnv(r *reading) (outcome, bool) {
	if !r.imperative(cSet, cAdd, cRemove, cMake, cEnv, cDelete, cCreate, cGeneric, cUp, cDown) || r.saysKind("configmaps", "secrets", "namespaces", "nodes") {
		return none()
	}
	s := Step{}
	remove := r.imperative(cRemove, cDelete) && !r.imperative(cSet, cAdd)
	for i, t := range r.toks {
		if r.used[i] {
			continue
		}
		switch {
		case t.lit == litKeyValue && isEnvKey(strings.SplitN(t.raw, "=", 2)[0]) || t.lit == litKeyValue && r.has(cEnv):
			k, v, _ := strings.Cut(t.raw, "=")
			s.Args.Env = put(s.Args.Env, k, strings.Trim(v, `"'`))
			r.useTok(i)
		case t.env && remove:
			s.Args.Remove = append(s.Args.Remove, t.raw)
			r.useTok(i)
		case t.env && r.envValue(i) > 0:
			k := r.envValue(i)
			s.Args.Env = put(s.Args.Env, t.raw, r.toks[k].raw)
			r.use(mention{i: i, j: i + 1})
			r.use(mention{i: k - 1, j: k + 1})
		case t.env && i+2 < len(r.toks) && (r.toks[i+1].text == "to" || r.toks[i+1].text == "as" || r.toks[i+1].text == "=" || r.toks[i+1].text == "is"):
			s.Args.Env = put(s.Args.Env, t.raw, r.toks[i+2].raw)
			r.use(mention{i: i, j: i + 3})
		}
	}
	if len(s.Args.Env)+len(s.Args.Remove) == 0 {
		return none()
	}
	if name := r.containerNamed(); name != "" {
		s.Container = name
	}
	r.take(cEnv, cSet, cAdd, cRemove, cMake, cDelete, cGeneric, cCreate)
	t, q := r.target(targetSpec{kinds: append(slices.Clone(workloadKinds), "cronjobs.batch"), write: true, verb: "change the environment of"})
	if q != nil {
		return asks(q)
	}
	keep := s
	s = step(OpSetEnv, t)
	s.Args, s.Container = keep.Args, keep.Container
	r.take(cIt, cWorkload)
	return done(s)
}

// isEnvKey tells whether a key is written as variables are: in capitals.
func isEnvKey(key string) bool {
	return key == strings.ToUpper(key) && key != strings.ToLower(key) && !strings.ContainsAny(key, "./-")
}

// envValue is where the value of the variable at i stands: after the last "to", "=" or "as", if no other variable is between.
func (r *reading) envValue(i int) int {
	for k := len(r.toks) - 1; k > i+1; k-- {
		if w := r.toks[k-1].text; (w == "to" || w == "as" || w == "=" || w == "with value") && !r.used[k] && !r.namespaceAt(k, 2) {
			for m := i + 1; m < k; m++ {
				if r.toks[m].env {
					return 0
				}
			}
			return k
		}
	}
	return 0
}

func put(m map[string]string, k, v string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[k] = v
	return m
}

func buildSetResources(r *reading) (outcome, bool) {
	if !r.imperative(cSet, cUp, cDown, cAdd, cLimit, cRequest, cMake, cGeneric, cScale, cResize, cCPU, cMemory) && !r.bareAmounts() {
		return none()
	}
	s := Step{}
	saidWhich := r.has(cLimit, cRequest)
	if !r.amounts(&s) {
		return none()
	}
	if name := r.containerNamed(); name != "" {
		s.Container = name
	}
	r.take(cSet, cUp, cDown, cAdd, cLimit, cRequest, cCPU, cMemory, cMake, cGeneric, cUsage, cScale, cResize, cMax)
	for i, t := range r.toks {
		if t.text == "resources" || t.text == "resource" {
			r.useTok(i)
		}
	}
	t, q := r.target(targetSpec{kinds: workloadKinds, write: true, verb: "change the resources of"})
	if q != nil {
		return asks(q)
	}
	keep := s
	s = step(OpSetResources, t)
	s.Args, s.Container = keep.Args, keep.Container
	r.take(cIt, cWorkload)
	if !saidWhich {
		return asks(limitOrRequest(s))
	}
	return done(s)
}

// bareAmounts tells whether amounts are named of a thing, with no verb: "worker: limits cpu=1,memory=1Gi".
func (r *reading) bareAmounts() bool {
	if r.has(cAsk, cWhy, cShow, cTop, cCount) || !r.has(cLimit, cRequest) || len(r.thingsNamed()) == 0 {
		return false
	}
	return slices.ContainsFunc(r.toks, func(t token) bool {
		return t.lit == litQuantity || t.quantity || t.lit == litKeyValue && (strings.HasPrefix(t.text, "cpu=") || strings.HasPrefix(t.text, "memory="))
	})
}

// limitOrRequest asks what an amount is for, when that was not said.
func limitOrRequest(s Step) *question {
	q := &question{text: fmt.Sprintf("Should that be the limit or the request of %s?", s.Names[0])}
	limit, request := s, s
	request.Args.Requests, request.Args.Limits = s.Args.Limits, nil
	q.choices = []Choice{{Label: "limit", Text: KubectlStep(limit)}, {Label: "request", Text: KubectlStep(request)}}
	return q
}

// amounts reads "memory limit to 1Gi", "cpu request of 200m and limit of 500m", "limits cpu=500m,memory=1Gi".
func (r *reading) amounts(s *Step) bool {
	what, which := "", ""
	found := false
	limits, requests := r.has(cLimit), r.has(cRequest)
	for i := range r.toks {
		for _, q := range r.cues {
			if q.i != i {
				continue
			}
			switch q.c {
			case cCPU:
				what = "cpu"
			case cMemory:
				what = "memory"
			case cLimit:
				which = "limit"
			case cRequest:
				which = "request"
			}
		}
		if kv := r.toks[i]; kv.lit == litKeyValue && (strings.HasPrefix(kv.text, "cpu=") || strings.HasPrefix(kv.text, "memory=")) {
			r.useTok(i)
			for _, pair := range strings.Split(kv.raw, ",") {
				k, v, _ := strings.Cut(pair, "=")
				r.putAmount(s, k, v, which, limits, requests)
			}
			found = true
			continue
		}
		v, ok := r.quantityAt(i)
		if !ok {
			continue
		}
		res := what
		next := i + 1
		for next < len(r.toks) && (r.toks[next].text == "of" || articles[r.toks[next].text]) {
			next++
		}
		if next < len(r.toks) && (what == "" || r.nextCue(next, cCPU, cMemory) && !(i > 0 && r.toks[i-1].text == "to")) {
			if r.nextCue(next, cCPU) {
				res = "cpu"
			} else if r.nextCue(next, cMemory) {
				res = "memory"
			}
		}
		if res == "" && (limits || requests) && !r.has(cSize, cReplicas) { // "its limit to 2Gi": the unit says of what
			res = resourceOf(r.toks[i])
		}
		if res == "" {
			continue
		}
		if res == "memory" && reNumber.MatchString(v) {
			continue
		}
		if res == "memory" && resourceOf(r.toks[i]) == "cpu" {
			res = "cpu" // nobody means thousandths of a byte
		}
		r.useTok(i)
		r.putAmount(s, res, v, which, limits, requests)
		found = true
	}
	return found
}

// resourceOf is what a quantity can only be of, by its unit.
func resourceOf(t token) string {
	switch {
	case t.lit == litQuantity && strings.HasSuffix(t.text, "m") && !strings.HasSuffix(t.raw, "M"), t.quantity && !strings.Contains(t.text, " "):
		return "cpu"
	case t.lit == litQuantity:
		return "memory"
	}
	return ""
}

func (r *reading) nextCue(i int, cs ...concept) bool {
	for _, q := range r.cues {
		for _, c := range cs {
			if q.i == i && q.c == c {
				return true
			}
		}
	}
	return false
}

func (r *reading) putAmount(s *Step, res, v, which string, limits, requests bool) {
	switch {
	case which == "request" || (which == "" && requests && !limits):
		s.Args.Requests = put(s.Args.Requests, res, v)
	case which == "limit" || limits || !requests:
		s.Args.Limits = put(s.Args.Limits, res, v)
	}
}
