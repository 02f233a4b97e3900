package nlp

import (
	"encoding/json"
	"fmt"
	"strings"
)

func buildDelete(r *reading) (outcome, bool) {
	q, _ := r.cue(cDelete)
	if !r.imperative(cDelete) && !r.hasWord("delete") {
		return none()
	}
	if r.hasWord("which", "how", "why", "who", "can", "may", "allowed") && !r.verbPlace(q.i) {
		return none()
	}
	s := Step{}
	r.take(cDelete)
	if r.take(cForce) {
		s.Args.Force = true
		r.take(cNow)
	}
	if r.hasWord("immediately", "instantly") || r.has(cNow) && s.Args.Force {
		r.take(cNow)
		zero := int64(0)
		s.Args.GracePeriod, s.Args.Force = &zero, true
	} else {
		r.take(cNow)
	}
	if r.has(cOrphan) {
		r.take(cOrphan)
		r.also(cOrphan)
		r.take(cRunning)
		s.Args.Cascade = "orphan"
	}
	selector := r.labelSelector()
	all := r.has(cAll, cEverything)
	if refusal := r.deletesTooMuch(all, selector); refusal != "" {
		return refuses(refusal)
	}
	if r.has(cEverything) && len(r.freeKinds()) == 0 && len(r.thingsNamed()) == 0 {
		return r.deleteEverything(s)
	}
	if r.has(cLabel, cAnnotate, cTaint, cEnv) && selector == "" && len(r.freeKinds())+len(r.freeObjects()) > 0 {
		return none()
	}
	return r.deleteTarget(s, selector, all)
}

func (r *reading) deleteTarget(s Step, selector string, all bool) (outcome, bool) {
	filtered := r.has(cCrashing, cEvicted, cCompleted, cFailed, cPending, cNotRunning, cOOM, cPull, cTerm, cNotReady)
	t, q := r.target(targetSpec{write: true, askKind: true, list: all || selector != "" || filtered, verb: "delete"})
	if q != nil {
		return asks(q)
	}
	r.take(cIt, cAll)
	keep := s.Args
	s = step(OpDelete, t)
	s.Args = keep
	s.LabelSelector = joinComma(s.LabelSelector, selector)
	if len(s.Names) > 0 {
		r.take(cWorkload, cRunning)
		return done(s)
	}
	s.Op = OpDeleteCollection
	if filtered {
		r.filters(&s)
		if len(s.Post.Filter) > 0 {
			return asks(&question{text: fmt.Sprintf("I delete what is named, or what a selector picks; I don't delete by %q. Ask me to list them first, then name the ones to delete.", s.Post.Filter[0].words())})
		}
	}
	if t.owner == nil && !t.where.said && s.Resource.Namespaced && !r.saidScope() {
		return asks(&question{text: fmt.Sprintf("In which namespace should I delete %s?", s.Resource.Plural), choices: r.perNamespace(s)})
	}
	return done(s)
}

func (r *reading) perNamespace(s Step) []Choice {
	var out []Choice
	for _, ns := range r.v.nsNames {
		if SystemNamespace(ns) {
			continue
		}
		for _, o := range r.v.byKind[s.Resource.Key()] {
			if o.Namespace == ns {
				s.Namespace = ns
				out = append(out, Choice{Label: ns, Text: KubectlStep(s)})
				break
			}
		}
	}
	return out
}

// deletesTooMuch names the rule against deleting all of what a cluster stands on.
func (r *reading) deletesTooMuch(all bool, selector string) string {
	if r.has(cEverywhere) && selector == "" || all && r.has(cEverywhere) {
		return "I don't delete across all namespaces at once. Name one namespace and what to delete in it."
	}
	if !all {
		return ""
	}
	for _, k := range r.freeKinds() {
		if !k.kinds[0].Namespaced && len(r.thingsNamed()) == 0 {
			return fmt.Sprintf("I don't delete all %s of a cluster. Name the one to delete.", k.kinds[0].Plural)
		}
	}
	return ""
}

func (r *reading) deleteEverything(s Step) (outcome, bool) {
	r.take(cEverything, cAll)
	where := r.scope(false)
	if !where.said {
		return asks(&question{text: "In which namespace should I delete everything? I never delete everything of a cluster."})
	}
	if where.all {
		return refuses("I don't delete across all namespaces at once. Name one namespace and what to delete in it.")
	}
	s.Op, s.Namespace = OpDeleteCollection, where.ns
	s.Resource = Resource{Plural: CategoryAll, Kind: "all", Namespaced: true}
	s.Also = r.v.category(CategoryAll)
	return done(s)
}

// buildCreate makes what can be said in one sentence.
func buildCreate(r *reading) (outcome, bool) {
	if !r.imperative(cCreate, cRun) {
		return none()
	}
	kinds := r.freeKinds()
	if len(kinds) == 0 || r.namedOfKind(kinds) && !r.hasWord("create") {
		return none()
	}
	k := kinds[0].kinds[0]
	switch k.Key() {
	case "namespaces", "deployments.apps", "configmaps", "serviceaccounts", "pods":
	default:
		if _, named := r.newName(kinds[0]); !named {
			return none()
		}
		return refuses(fmt.Sprintf("I can't create %s from a sentence. I can create namespaces, deployments, pods, config maps and service accounts, and run a cron job now.", withArticle(k)))
	}
	r.take(cCreate, cRun, cNamed)
	r.useKind(kinds[0])
	name, ok := r.newName(kinds[0])
	if !ok {
		return asks(&question{text: fmt.Sprintf("What should the %s be called?", strings.ToLower(k.Kind))})
	}
	return r.createObject(k, name)
}

// newName takes the name of what is to be made: after "called", beside the kind, or the only word left.
func (r *reading) newName(k kindMention) (string, bool) {
	ok := func(i int) bool {
		return i >= 0 && i < len(r.toks) && !r.used[i] && !stopWords[r.toks[i].text] && (r.toks[i].lit == litNone || r.toks[i].quoted) &&
			!r.namespaceAt(i, 2) && !r.isCue(i)
	}
	if i, found := r.wordAfter("named", "called", "name"); found && r.toks[i].lit != litImage && r.toks[i].lit != litNumber {
		r.useTok(i)
		r.take(cNamed)
		return strings.ToLower(r.toks[i].raw), true
	}
	for _, i := range []int{k.j, k.i - 1} {
		if ok(i) {
			r.useTok(i)
			return strings.ToLower(r.toks[i].raw), true
		}
	}
	return "", false
}

func (r *reading) createObject(k *Kind, name string) (outcome, bool) {
	s := Step{Op: OpCreate, Resource: k.Resource, Names: []string{name}}
	if k.Namespaced {
		where := r.listScope(r.scope(false), k)
		s.Namespace = where.ns
	}
	meta := map[string]any{"name": name}
	apiVersion := k.Version
	if k.Group != "" {
		apiVersion = k.Group + "/" + k.Version
	}
	obj := map[string]any{"apiVersion": apiVersion, "kind": k.Kind, "metadata": meta}
	switch k.Key() {
	case "deployments.apps", "pods":
		i, ok := r.lit(litImage)
		image := ""
		if ok {
			image = r.toks[i].raw
			r.useTok(i)
		} else if i, ok := r.wordAfter("image"); ok && r.toks[i].lit == litNone && !stopWords[r.toks[i].text] {
			image = strings.ToLower(r.toks[i].raw)
			r.useTok(i)
		}
		if image == "" {
			return asks(&question{text: fmt.Sprintf("Which image should %s run?", name)})
		}
		port := 0
		if q, ok := r.cue(cPort); ok && q.j < len(r.toks) && r.toks[q.j].lit == litNumber {
			port = r.toks[q.j].num
			r.use(mention{i: q.i, j: q.j + 1})
		}
		replicas := 1
		if n, ok := r.number("with"); ok {
			replicas = n
		}
		r.take(cImage, cReplicas, cUsage, cRunning, cRun)
		obj["spec"] = podOrDeployment(k.Key(), name, image, port, replicas)
		if k.Key() == "deployments.apps" {
			meta["labels"] = map[string]string{"app": name}
		} else {
			meta["labels"] = map[string]string{"run": name}
		}
	case "configmaps":
		data := map[string]string{}
		for i, t := range r.toks {
			if t.lit == litKeyValue && !r.used[i] {
				key, v, _ := strings.Cut(t.raw, "=")
				data[key] = strings.Trim(v, `"'`)
				r.useTok(i)
			}
		}
		if len(data) > 0 {
			obj["data"] = data
		}
	}
	raw, err := json.Marshal(obj)
	if err != nil {
		return none()
	}
	s.Args.Object = raw
	return done(s)
}

func podOrDeployment(key, name, image string, port, replicas int) map[string]any {
	c := map[string]any{"name": lastPart(image), "image": image}
	if key == "pods" {
		c["name"] = name
	}
	if port > 0 {
		c["ports"] = []map[string]any{{"containerPort": port}}
	}
	pod := map[string]any{"containers": []any{c}}
	if key == "pods" {
		return pod
	}
	labels := map[string]string{"app": name}
	return map[string]any{
		"replicas": replicas, "selector": map[string]any{"matchLabels": labels},
		"template": map[string]any{"metadata": map[string]any{"labels": labels}, "spec": pod},
	}
}

func withArticle(k *Kind) string {
	name := strings.ToLower(k.Kind)
	if strings.ContainsRune("aeio", rune(name[0])) {
		return "an " + name
	}
	return "a " + name
}
