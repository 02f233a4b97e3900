package nlp

import (
	"encoding/json"
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
	r.take(cRestart, cRollout, cGeneric, cMake)
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
		for _, cand := range r.v.objects.named(strings.ToLower(o.OwnerName)) {
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
	if len(r.freeObjects()) == 0 && r.focus.Changed != nil && r.meansLastChange() {
		return r.undoLast()
	}
	t, ask := r.target(targetSpec{kinds: workloadKinds, write: true, verb: "roll back", focus: r.sawRevisions()})
	if ask != nil {
		return asks(ask)
	}
	r.take(cIt, cWorkload)
	keep := s.Args
	s = step(OpRolloutUndo, t)
	s.Args = keep
	return done(s)
}

// sawRevisions tells whether the last turn showed the revisions of one thing: "go back to revision 2" is of that.
func (r *reading) sawRevisions() bool {
	if r.focus.Plan == nil || len(r.focus.Plan.Steps) != 1 || len(r.freeKinds()) > 0 {
		return false
	}
	s := r.focus.Plan.Steps[0]
	return s.Op == OpRolloutHistory && len(s.Names) == 1
}

// meansLastChange tells whether what is to be undone is the last change and not a rollout: "undo that", "revert it".
func (r *reading) meansLastChange() bool {
	if r.has(cIt) && r.hasWord("roll", "rollback") {
		return false
	}
	return r.has(cIt) || r.hasWord("undo") || r.hasWord("change")
}

// undoLast turns the last change of the conversation around, where its own words say how.
func (r *reading) undoLast() (outcome, bool) {
	r.take(cIt)
	var back []Step
	for _, s := range r.focus.Changed.Steps {
		if Classify(s) == Read {
			continue
		}
		b, ok := opposite(s)
		if !ok {
			return outcome{undo: true}, true
		}
		back = append([]Step{b}, back...)
	}
	return outcome{steps: back, undo: true}, true
}

// opposite is the step that takes a step back, if the step itself says what was there before.
func opposite(last Step) (Step, bool) {
	back := last
	switch last.Op {
	case OpScale:
		if last.Args.Current == nil {
			return back, false
		}
		back.Args = Args{Replicas: last.Args.Current, Current: last.Args.Replicas}
	case OpSetImage, OpSetEnv, OpSetResources, OpRolloutRestart:
		back.Op, back.Args, back.Container = OpRolloutUndo, Args{}, ""
	case OpLabel, OpAnnotate:
		if last.Args.Overwrite || len(last.Args.Remove) > 0 || len(last.Names) == 0 {
			return back, false
		}
		back.Args = Args{Remove: sortedKeys(last.Args.Set)}
	case OpTaint:
		if len(last.Args.Remove) > 0 {
			return back, false
		}
		back.Args = Args{}
		for _, t := range Taints(last.Args.Set) {
			back.Args.Remove = append(back.Args.Remove, t.Key+":"+t.Effect)
		}
	case OpPatch:
		patch, ok := suspendPatch(last.Args.Patch)
		if !ok {
			return back, false
		}
		back.Args.Patch = patch
	case OpCreate:
		back.Op, back.Args = OpDelete, Args{}
	case OpExpose:
		back.Op, back.Args, back.Names = OpDelete, Args{}, exposedNames(last)
		back.Resource = Resource{Version: "v1", Plural: "services", Kind: "Service", Namespaced: true}
	case OpAutoscale:
		back.Op, back.Args = OpDelete, Args{}
		back.Resource = Resource{Group: "autoscaling", Version: "v2", Plural: "horizontalpodautoscalers", Kind: "HorizontalPodAutoscaler", Namespaced: true}
	case OpCordon:
		back.Op = OpUncordon
	case OpDrain: // what was evicted is elsewhere by now; new pods may come
		back.Op, back.Args = OpUncordon, Args{}
	case OpUncordon:
		back.Op = OpCordon
	case OpRolloutPause:
		back.Op = OpRolloutResume
	case OpRolloutResume:
		back.Op = OpRolloutPause
	default:
		return back, false
	}
	return back, true
}

// suspendPatch turns a patch that only suspends or resumes around.
func suspendPatch(patch json.RawMessage) (json.RawMessage, bool) {
	var m map[string]map[string]bool
	if json.Unmarshal(patch, &m) != nil || len(m) != 1 || len(m["spec"]) != 1 {
		return nil, false
	}
	on, ok := m["spec"]["suspend"]
	return fmt.Appendf(nil, `{"spec":{"suspend":%t}}`, !on), ok
}

func exposedNames(s Step) []string {
	if s.Args.NewName != "" {
		return []string{s.Args.NewName}
	}
	return s.Names
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
		if i, ok := r.wordAfter("to"); ok && r.has(cImage) && !asksChange(r.toks, i) && r.toks[i].lit != litQuantity {
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
	if container == "" {
		mains = r.saidContainer(mains)
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

// saidContainer keeps only the container whose name is said, if one is.
func (r *reading) saidContainer(cs []Container) []Container {
	for _, c := range cs {
		for i, t := range r.toks {
			if t.text == c.Name && !r.used[i] {
				r.useTok(i)
				return []Container{c}
			}
		}
	}
	return cs
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
