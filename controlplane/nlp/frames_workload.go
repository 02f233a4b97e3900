package nlp

import (
	"fmt"
	"slices"
	"strings"
)

func buildRestart(r *reading) (outcome, bool) {
	q, _ := r.cue(cRestart)
	if !r.verbPlace(q.i) && !(r.has(cGeneric, cIt) && !r.hasWord("which", "why", "how")) && !r.hasWord("restart", "restrat") {
		return none()
	}
	if r.hasWord("which", "why", "how", "did") {
		return none()
	}
	r.take(cRestart, cRollout, cGeneric)
	all := r.has(cAll)
	r.take(cEverything)
	spec := targetSpec{kinds: workloadKinds, write: true, list: all, verb: "restart"}
	if q := r.restartPod(); q != nil {
		return asks(q)
	}
	t, ask := r.target(spec)
	if ask != nil {
		return asks(ask)
	}
	r.take(cIt, cWorkload, cAll, cEverything, cRunning)
	if len(t.names) == 0 {
		if !slices.Contains(workloadKinds, t.kind.Key()) || !t.where.said || t.where.all {
			return asks(&question{text: "I restart all of a kind only in one namespace that you name, such as \"restart all deployments in staging\"."})
		}
	}
	return done(step(OpRolloutRestart, t))
}

// restartPod: a pod can't be restarted; its workload can be, or the pod deleted so that it is made anew.
func (r *reading) restartPod() *question {
	for _, o := range r.freeObjects() {
		pods := refsOf(o, "pods", scope{})
		if len(pods) == 0 || len(pods) != len(o.refs) {
			continue
		}
		r.use(o.mention)
		q := &question{text: fmt.Sprintf("A pod can't be restarted. %s can be deleted, so that its workload makes a new one; or the whole workload is restarted.", pods[0].Name)}
		if w := r.workloadOf(pods[0]); w != nil {
			t := r.one(r.v.kinds[w.Kind], w)
			q.choices = append(q.choices, Choice{Label: "restart " + w.Name, Text: KubectlStep(step(OpRolloutRestart, t))})
		}
		q.choices = append(q.choices, Choice{Label: "delete the pod", Text: KubectlStep(step(OpDelete, r.one(r.v.kinds["pods"], pods[0])))})
		return q
	}
	return nil
}

// workloadOf follows a pod's owners up to what a person would name.
func (r *reading) workloadOf(o *Object) *Object {
	for range 3 {
		if o.OwnerName == "" {
			break
		}
		var up *Object
		for _, cand := range r.v.byName[strings.ToLower(o.OwnerName)] {
			if cand.Namespace == o.Namespace && r.v.kinds[cand.Kind].Kind == o.OwnerKind {
				up = cand
			}
		}
		if up == nil {
			break
		}
		o = up
	}
	if isWorkload(o.Kind) {
		return o
	}
	return nil
}

func buildUndo(r *reading) (outcome, bool) {
	q, _ := r.cue(cUndo)
	if !r.verbPlace(q.i) && !r.has(cIt) {
		return none()
	}
	s := Step{}
	if r.has(cRevision) {
		if n, ok := r.number("revision", "rev", "to", "generation"); ok {
			s.Args.Revision = int64(n)
		}
	} else if i, ok := r.lit(litNumber); ok && i > 0 && r.toks[i-1].text == "to" {
		s.Args.Revision = int64(r.toks[i].num)
		r.useTok(i)
	}
	r.take(cUndo, cRevision, cRollout, cPrevious, cImage, cUpgrade, cTail, cNewest, cSet, cVersion, cHistory)
	for i, t := range r.toks {
		if (t.lit == litOrdinal && t.num == -1) || t.text == "one" || t.text == "change" || t.text == "back" {
			r.useTok(i)
		}
	}
	if _, ok := r.lit(litVersion); ok {
		return none() // "revert to 1.2": an image
	}
	if len(r.freeObjects()) == 0 && r.has(cIt) && r.focus.Plan != nil {
		if o, ok := r.undoLast(); ok {
			return o, true
		}
	}
	t, ask := r.target(targetSpec{kinds: workloadKinds, write: true, verb: "roll back"})
	if ask != nil {
		return asks(ask)
	}
	r.take(cIt, cWorkload)
	keep := s.Args
	s = step(OpRolloutUndo, t)
	s.Args = keep
	return done(s)
}

// undoLast turns the last plan of the conversation around, where that is known.
func (r *reading) undoLast() (outcome, bool) {
	steps := r.focus.Plan.Steps
	last := steps[len(steps)-1]
	back := last
	switch last.Op {
	case OpScale:
		if last.Args.Current == nil {
			return none()
		}
		back.Args = Args{Replicas: last.Args.Current, Current: last.Args.Replicas}
	case OpSetImage, OpSetEnv, OpSetResources, OpRolloutRestart:
		back.Op, back.Args, back.Container = OpRolloutUndo, Args{}, ""
	case OpCordon:
		back.Op = OpUncordon
	case OpUncordon:
		back.Op = OpCordon
	case OpRolloutPause:
		back.Op = OpRolloutResume
	case OpRolloutResume:
		back.Op = OpRolloutPause
	default:
		return none()
	}
	r.take(cIt)
	return done(back)
}

func buildPause(r *reading) (outcome, bool) {
	if !r.imperative(cPause, cResume) || r.saysKind("cronjobs.batch", "jobs.batch", "nodes") {
		return none()
	}
	op, verb := OpRolloutPause, "pause the rollout of"
	if r.imperative(cResume) {
		op, verb = OpRolloutResume, "resume the rollout of"
	}
	r.take(cPause, cResume, cRollout)
	t, q := r.target(targetSpec{kinds: []string{"deployments.apps"}, write: true, verb: verb})
	if q != nil {
		return asks(q)
	}
	r.take(cIt)
	return done(step(op, t))
}

func buildSetImage(r *reading) (outcome, bool) {
	image, version := -1, -1
	for i, t := range r.toks {
		if r.used[i] {
			continue
		}
		if t.lit == litImage && image < 0 {
			image = i
		}
		if t.lit == litVersion && version < 0 {
			version = i
		}
	}
	pair := r.imagePair()
	if !r.imperative(cSet, cUpgrade, cImage, cUp, cUndo, cMake, cGeneric, cRollout, cDown, cAdd) {
		return none()
	}
	if image < 0 && version < 0 && pair < 0 {
		if i, ok := r.wordAfter("to"); ok && r.has(cImage) && r.toks[i].lit != litQuantity {
			version = i
		} else if !r.has(cImage) || !r.imperative(cSet, cUpgrade, cImage) {
			return none()
		}
	}
	for _, i := range []int{image, version, pair} {
		if i >= 0 {
			r.useTok(i)
		}
	}
	name := r.containerNamed()
	r.take(cSet, cUpgrade, cImage, cUp, cDown, cUndo, cMake, cGeneric, cRollout, cVersion, cUsage, cRun, cAdd, cContainer)
	t, q := r.target(targetSpec{kinds: append(slices.Clone(workloadKinds), "pods"), write: true, verb: "change the image of"})
	if q != nil {
		return asks(q)
	}
	r.take(cIt, cWorkload, cNow)
	s := step(OpSetImage, t)
	switch {
	case pair >= 0:
		k, v, _ := strings.Cut(r.toks[pair].raw, "=")
		s.Args.Images = map[string]string{k: v}
		return done(s)
	case image < 0 && version < 0:
		return asks(&question{text: fmt.Sprintf("Which image or version should %s run?", t.names[0])})
	case image >= 0:
		return r.withImage(s, t, name, r.toks[image].raw, "")
	}
	return r.withImage(s, t, name, "", r.toks[version].raw)
}

// imagePair is the token container=image.
func (r *reading) imagePair() int {
	for i, t := range r.toks {
		if t.lit != litKeyValue {
			continue
		}
		_, v, _ := strings.Cut(t.raw, "=")
		if reImage.MatchString(v) && strings.Contains(v, ":") && r.has(cImage) {
			return i
		}
	}
	return -1
}

// withImage decides the container and the full image.
func (r *reading) withImage(s Step, t target, container, image, version string) (outcome, bool) {
	var mains []Container
	known := false
	if d, ok := r.v.details(r.ctx, t.objs[0]); ok {
		for _, c := range d.Containers {
			if c.Name == container {
				mains, known = []Container{c}, true
				break
			}
			if !c.Init {
				mains = append(mains, c)
			}
		}
	}
	if container != "" && !known && len(mains) > 0 {
		return asks(&question{text: fmt.Sprintf("%s has no container %q.", t.names[0], container)})
	}
	if len(mains) == 0 {
		if image == "" {
			return asks(&question{text: fmt.Sprintf("I can't see which image %s runs now. Say the whole image.", t.names[0])})
		}
		s.Args.Images = map[string]string{"*": image}
		if container != "" {
			s.Args.Images = map[string]string{container: image}
		}
		return done(s)
	}
	c, ok := mainContainer(mains, t.names[0], image)
	if !ok {
		return asks(r.askContainer(s, t, mains, image, version))
	}
	if image == "" {
		image = retag(c.Image, version)
	} else if !strings.ContainsAny(image, "/") && strings.HasSuffix(repository(c.Image), "/"+repository(image)) {
		image = retag(c.Image, image[strings.LastIndexByte(image, ':')+1:])
	}
	s.Args.Images = map[string]string{c.Name: image}
	return done(s)
}

// mainContainer is the one that is meant when none is named: the only one, the annotated one, the one of the image's
// repository, or the one whose image is called like the workload.
func mainContainer(cs []Container, workload, image string) (Container, bool) {
	if len(cs) == 1 {
		return cs[0], true
	}
	match := func(ok func(Container) bool) (Container, bool) {
		var found []Container
		for _, c := range cs {
			if ok(c) {
				found = append(found, c)
			}
		}
		if len(found) == 1 {
			return found[0], true
		}
		return Container{}, false
	}
	if image != "" {
		if c, ok := match(func(c Container) bool { return lastPart(c.Image) == lastPart(image) }); ok {
			return c, true
		}
	}
	if c, ok := match(func(c Container) bool { return c.Default }); ok {
		return c, true
	}
	return match(func(c Container) bool { return lastPart(c.Image) == workload })
}

func (r *reading) askContainer(s Step, t target, cs []Container, image, version string) *question {
	q := &question{text: fmt.Sprintf("%s has several containers. Which one's image should I change?", t.names[0])}
	for _, c := range cs {
		img := image
		if img == "" {
			img = retag(c.Image, version)
		}
		s.Args.Images = map[string]string{c.Name: img}
		q.choices = append(q.choices, Choice{Label: c.Name, Text: KubectlStep(s)})
	}
	return q
}

// repository is an image without tag and digest.
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if colon := strings.LastIndexByte(image, ':'); colon > strings.LastIndexByte(image, '/') {
		return image[:colon]
	}
	return image
}

func lastPart(image string) string {
	repo := repository(image)
	return repo[strings.LastIndexByte(repo, '/')+1:]
}

// retag puts another tag on an image, keeping the habit of a leading v.
func retag(image, version string) string {
	old := strings.TrimPrefix(strings.TrimPrefix(image, repository(image)), ":")
	if strings.HasPrefix(old, "v") && !strings.HasPrefix(version, "v") && version != "" && version[0] >= '0' && version[0] <= '9' {
		version = "v" + version
	}
	return repository(image) + ":" + version
}

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
		case t.lit == litKeyValue && reEnvName.MatchString(strings.SplitN(t.raw, "=", 2)[0]) || t.lit == litKeyValue && r.has(cEnv):
			k, v, _ := strings.Cut(t.raw, "=")
			s.Args.Env = put(s.Args.Env, k, strings.Trim(v, `"'`))
			r.useTok(i)
		case t.env && remove:
			s.Args.Remove = append(s.Args.Remove, t.raw)
			r.useTok(i)
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

func put(m map[string]string, k, v string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[k] = v
	return m
}

func buildSetResources(r *reading) (outcome, bool) {
	if !r.imperative(cSet, cUp, cDown, cAdd, cLimit, cRequest, cMake, cGeneric, cScale, cResize) {
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
	r.take(cSet, cUp, cDown, cAdd, cLimit, cRequest, cCPU, cMemory, cMake, cGeneric, cUsage, cScale, cResize)
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
		if next < len(r.toks) && r.toks[next].text == "of" {
			next++
		}
		if next < len(r.toks) && (what == "" || r.nextCue(next, cCPU, cMemory)) && !(i > 0 && r.toks[i-1].text == "to") {
			if r.nextCue(next, cCPU) {
				res = "cpu"
			} else if r.nextCue(next, cMemory) {
				res = "memory"
			}
		}
		if res == "" {
			continue
		}
		if res == "memory" && reNumber.MatchString(v) {
			continue
		}
		r.useTok(i)
		r.putAmount(s, res, v, which, limits, requests)
		found = true
	}
	return found
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
