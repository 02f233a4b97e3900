package nlp

import (
	"fmt"
	"slices"
	"strings"
)

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
	if k.Key() == "jobs.batch" && r.cronNamed() || k.Key() == "services" && len(r.freeObjects()) > 0 || k.Key() == "horizontalpodautoscalers.autoscaling" {
		return none() // run now, expose, autoscale
	}
	fill, ok := creators[k.Key()]
	if !ok {
		if _, named := r.newName(kinds[0]); !named {
			return none()
		}
		return refuses(fmt.Sprintf("I can't create %s from a sentence. I can create %s, and run a cron job now.", withArticle(k), creatable))
	}
	r.take(cCreate, cRun, cNamed)
	r.useKind(kinds[0])
	name, ok := r.newName(kinds[0])
	if !ok {
		return asks(&question{text: fmt.Sprintf("What should the %s be called?", strings.ToLower(k.Kind))})
	}
	r.isNew(name)
	return r.createObject(k, name, fill)
}

// newName takes the name of what is to be made: after "called", beside the kind, or the only word left.
func (r *reading) newName(k kindMention) (string, bool) {
	ok := func(i int) bool {
		return i >= 0 && i < len(r.toks) && !r.used[i] && (!stopWords[r.toks[i].text] || politeWords[r.toks[i].text]) && (r.toks[i].lit == litNone || r.toks[i].quoted) &&
			!r.namespaceAt(i, 2) && !r.describes(i)
	}
	if i, found := r.wordAfter("named", "called", "name"); found && r.toks[i].lit != litImage && r.toks[i].lit != litNumber {
		r.useTok(i)
		r.take(cNamed)
		return strings.ToLower(r.toks[i].raw), true
	}
	for _, i := range []int{k.j, k.i - 1} {
		if ok(i) && !(i < k.i && (r.isCue(i) || r.toks[i].brk)) {
			r.useTok(i)
			return strings.ToLower(r.toks[i].raw), true
		}
	}
	return "", false
}

// describes tells whether a word says something of what is to be made, and is not its name.
func (r *reading) describes(i int) bool {
	for _, q := range r.cues {
		if q.i <= i && i < q.j && slices.Contains([]concept{
			cRunning, cRun, cUsage, cNamed, cImage, cLabel, cPort, cReplicas, cEnv, cLimit, cMemory, cCPU, cSchedule, cFrom, cMore, cNow,
		}, q.c) {
			return true
		}
	}
	return false
}

// creators fill in what is said about a new object of a kind; an answer is a question that is left.
var creators map[string]func(*reading, *Step, map[string]any) *question

const creatable = "namespaces, deployments, pods, jobs, cron jobs, config maps, service accounts, roles, role bindings, quotas, disruption budgets and services"

func init() { // the functions refer to frames, and these to creators
	creators = map[string]func(*reading, *Step, map[string]any) *question{
		"namespaces": (*reading).newLabels, "serviceaccounts": nothingMore, "configmaps": (*reading).newConfigMap, "deployments.apps": (*reading).newWorkload,
		"pods": (*reading).newWorkload, "jobs.batch": (*reading).newWorkload, "cronjobs.batch": (*reading).newWorkload,
		"roles.rbac.authorization.k8s.io": (*reading).newRole, "clusterroles.rbac.authorization.k8s.io": (*reading).newRole,
		"rolebindings.rbac.authorization.k8s.io":        (*reading).newBinding,
		"clusterrolebindings.rbac.authorization.k8s.io": (*reading).newBinding, "resourcequotas": (*reading).newQuota,
		"poddisruptionbudgets.policy": (*reading).newBudget, "services": (*reading).newService,
	}
}

// newLabels takes the labels that it shall have from the start.
func (r *reading) newLabels(s *Step, _ map[string]any) *question {
	for i, t := range r.toks {
		if t.lit == litKeyValue && !r.used[i] && !strings.Contains(t.raw, "!=") && r.hasWord("label", "labels", "labelled", "labeled", "with", "tagged") {
			k, v, _ := strings.Cut(t.raw, "=")
			s.Args.Set = put(s.Args.Set, k, v)
			r.useTok(i)
		}
	}
	r.take(cLabel, cShowLabels)
	return nil
}

func nothingMore(*reading, *Step, map[string]any) *question { return nil }

func (r *reading) createObject(k *Kind, name string, fill func(*reading, *Step, map[string]any) *question) (outcome, bool) {
	s := Step{Op: OpCreate, Resource: k.Resource, Names: []string{name}}
	obj := map[string]any{"apiVersion": apiVersion(k.Resource), "kind": k.Kind, "metadata": map[string]any{"name": name}}
	if k.Namespaced {
		s.Namespace = r.listScope(r.scope(false), k).ns
	}
	if r.hasWord("privileged", "hostpath", "hostpid", "hostnetwork") {
		return refuses("KubeChat does not make privileged pods or pods that use their node's files, network or processes.")
	}
	if q := fill(r, &s, obj); q != nil {
		return asks(q)
	}
	r.take(cNow)
	s.Args.Object = jsonOf(obj)
	if k.Key() == "namespaces" && len(s.Args.Set) > 0 { // kubectl makes it first and labels it then
		label := Step{Op: OpLabel, Resource: k.Resource, Names: s.Names, Args: Args{Set: s.Args.Set}}
		s.Args.Set = nil
		return done(s, label)
	}
	return done(s)
}

// newImage takes the image of what is to be made: an image reference, the word after "image", or before the kind.
func (r *reading) newImage() string {
	if i, ok := r.lit(litImage); ok {
		r.useTok(i)
		return r.toks[i].raw
	}
	for _, after := range []string{"image", "running", "using", "from"} {
		if i, ok := r.wordAfter(after); ok && (r.toks[i].lit == litNone || r.toks[i].quoted) && !stopWords[r.toks[i].text] && !r.namespaceAt(i, 2) && !r.isKind(i) {
			r.useTok(i)
			return strings.ToLower(r.toks[i].raw)
		}
	}
	for i := 1; i < len(r.toks); i++ { // "an nginx pod"
		if r.isKind(i) && !r.used[i-1] && r.toks[i-1].lit == litNone && !stopWords[r.toks[i-1].text] && !plainWords[r.toks[i-1].text] && !r.isCue(i-1) && !r.toks[i-1].brk {
			r.useTok(i - 1)
			return strings.ToLower(r.toks[i-1].raw)
		}
	}
	for i := range r.used { // "an nginx pod", whose kind is used already
		if i > 0 && r.used[i] && !r.used[i-1] && r.isKind(i) && r.toks[i-1].lit == litNone && !stopWords[r.toks[i-1].text] && !r.isCue(i-1) {
			r.useTok(i - 1)
			return strings.ToLower(r.toks[i-1].raw)
		}
	}
	return ""
}

// newWorkload makes a pod, deployment, job or cron job with one container.
func (r *reading) newWorkload(s *Step, obj map[string]any) *question {
	name := s.Names[0]
	when := ""
	if s.Resource.Plural == "cronjobs" {
		i, ok := r.cron()
		if !ok {
			return &question{text: fmt.Sprintf("When should %s run? Say it as a cron expression in quotes, such as \"0 3 * * *\".", name)}
		}
		when = r.toks[i].raw
		r.useTok(i)
	}
	image := r.newImage()
	if image == "" {
		return &question{text: fmt.Sprintf("Which image should %s run?", name)}
	}
	port := 0
	if q, ok := r.cue(cPort); ok && q.j < len(r.toks) && r.toks[q.j].lit == litNumber {
		port = r.toks[q.j].num
		r.use(mention{i: q.i, j: q.j + 1})
	}
	replicas := 1
	if s.Resource.Plural == "deployments" {
		if n, ok := r.number("with", "and"); ok {
			replicas = n
		}
	}
	r.take(cImage, cReplicas, cUsage, cRunning, cRun, cSchedule, cFrom, cGeneric)
	meta := obj["metadata"].(map[string]any)
	switch s.Resource.Plural {
	case "deployments":
		meta["labels"] = map[string]string{"app": name}
	case "pods":
		meta["labels"] = map[string]string{"run": name}
	}
	obj["spec"] = workloadSpec(s.Resource.Plural, name, image, port, replicas, when)
	return nil
}

func workloadSpec(plural, name, image string, port, replicas int, when string) map[string]any {
	switch plural {
	case "jobs":
		pod := podOrDeployment("pods", name, image, port, 1)
		pod["restartPolicy"] = "Never"
		return map[string]any{"template": map[string]any{"spec": pod}}
	case "cronjobs":
		job := workloadSpec("jobs", name, image, port, 1, "")
		job["template"].(map[string]any)["spec"].(map[string]any)["restartPolicy"] = "OnFailure"
		return map[string]any{"schedule": when, "jobTemplate": map[string]any{"spec": job}}
	case "deployments":
		return podOrDeployment("deployments.apps", name, image, port, replicas)
	}
	return podOrDeployment("pods", name, image, port, replicas)
}

func (r *reading) newConfigMap(_ *Step, obj map[string]any) *question {
	data := map[string]string{}
	for i, t := range r.toks {
		if t.lit == litKeyValue && !r.used[i] {
			key, v, _ := strings.Cut(t.raw, "=")
			data[key] = strings.Trim(v, `"'`)
			r.useTok(i)
		}
	}
	for i, t := range r.toks { // "with the key MESSAGE set to hello"
		if r.used[i] || t.lit != litNone || !t.env && !(i > 0 && r.toks[i-1].text == "key") || len(data) > 0 {
			continue
		}
		for k := i + 1; k < len(r.toks)-1 && k <= i+3; k++ {
			if w := r.toks[k].text; w == "to" || w == "=" || w == "as" || w == "value" {
				data[t.raw] = r.toks[k+1].raw
				r.use(mention{i: i, j: k + 2})
				r.dropObjects(k + 1)
				break
			}
		}
	}
	if len(data) > 0 {
		obj["data"] = data
	}
	r.useWords("key", "keys", "entry", "entries", "data", "literal", "literals", "values", "value", "containing", "holding")
	return nil
}

// roleVerbs are what a role may allow, as people say them.
var roleVerbs = map[string]string{
	"get": "get", "read": "get", "list": "list", "watch": "watch", "create": "create", "update": "update", "patch": "patch", "delete": "delete",
	"view": "get", "getting": "get", "listing": "list", "watching": "watch",
}

func (r *reading) newRole(s *Step, obj map[string]any) *question {
	var verbs, resources []string
	group := ""
	for i, t := range r.toks {
		if v := roleVerbs[t.text]; v != "" && !slices.Contains(verbs, v) && i > 1 {
			verbs = append(verbs, v)
			r.useTok(i)
		}
	}
	for _, k := range r.freeKinds() {
		r.useKind(k)
		resources = append(resources, k.kinds[0].Plural)
		group = k.kinds[0].Group
	}
	r.take(cShow, cGeneric, cCanI, cFollow, cCreate, cDelete, cPatch, cSet, cReadAccess)
	r.useWords("allow", "allows", "allowing", "verbs", "verb", "resources", "resource", "on", "permission", "permissions", "access", "can")
	if len(verbs) == 0 || len(resources) == 0 {
		return &question{text: fmt.Sprintf("What should %s allow? Say, for instance, \"get and list pods\".", s.Names[0])}
	}
	obj["rules"] = []any{map[string]any{"apiGroups": []string{group}, "resources": resources, "verbs": verbs}}
	return nil
}

// newBinding gives a role to a service account, user or group.
func (r *reading) newBinding(s *Step, obj map[string]any) *question {
	role, kind := "", ""
	for _, k := range r.freeKinds() {
		switch k.kinds[0].Plural {
		case "roles", "clusterroles":
			for _, i := range []int{k.j, k.i - 1} {
				if i >= 0 && i < len(r.toks) && !r.used[i] && !stopWords[r.toks[i].text] && role == "" && !r.isKind(i) {
					role, kind = r.toks[i].raw, k.kinds[0].Kind
					r.useTok(i)
				}
			}
			r.useKind(k)
		}
	}
	subject := r.newSubject(s.Namespace)
	r.useWords("for", "binding", "to")
	r.take(cAdd, cGeneric, cSet)
	if role == "" || subject == nil {
		return &question{text: fmt.Sprintf("Which role should %s give, and to which service account, user or group?", s.Names[0])}
	}
	obj["roleRef"] = map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}
	obj["subjects"] = []any{subject}
	return nil
}

func (r *reading) newSubject(ns string) map[string]any {
	for i, t := range r.toks {
		name := func(k int) string {
			if k < len(r.toks) && !r.used[k] && !stopWords[r.toks[k].text] {
				r.use(mention{i: i, j: k + 1})
				return r.toks[k].raw
			}
			return ""
		}
		switch {
		case t.text == "user" || t.text == "group":
			if n := name(i + 1); n != "" {
				return map[string]any{"kind": strings.ToUpper(t.text[:1]) + t.text[1:], "name": n, "apiGroup": "rbac.authorization.k8s.io"}
			}
		case t.text == "serviceaccount" || t.text == "sa":
			if n := name(i + 1); n != "" {
				return r.accountSubject(n, ns)
			}
		case t.text == "account" && i > 0 && r.toks[i-1].text == "service":
			if n := name(i + 1); n != "" {
				r.useTok(i - 1)
				return r.accountSubject(n, ns)
			}
		}
	}
	return nil
}

func (r *reading) accountSubject(name, ns string) map[string]any {
	if left, right, ok := strings.Cut(name, ":"); ok {
		ns, name = left, right
	}
	return map[string]any{"kind": "ServiceAccount", "name": name, "namespace": ns}
}

func (r *reading) newQuota(s *Step, obj map[string]any) *question {
	hard := map[string]string{}
	for i, t := range r.toks {
		if t.lit == litKeyValue && !r.used[i] {
			for _, pair := range strings.Split(t.raw, ",") {
				k, v, _ := strings.Cut(pair, "=")
				hard[k] = v
			}
			r.useTok(i)
		}
	}
	for i := range r.toks {
		v, ok := r.quantityAt(i)
		if !ok || i+1 >= len(r.toks) {
			continue
		}
		next := i + 1
		if r.toks[next].text == "of" {
			next++
		}
		asked := ""
		if next+1 < len(r.toks) && r.toks[next].text == "requested" {
			asked = "requests."
			next++
		}
		what := ""
		switch {
		case r.nextCue(next, cCPU):
			what = asked + "cpu"
		case r.nextCue(next, cMemory):
			what = asked + "memory"
		case next < len(r.toks) && r.isKind(next):
			for _, k := range r.kinds {
				if k.i == next {
					what = k.kinds[0].Plural
					r.useKind(k)
				}
			}
		}
		if what != "" {
			hard[what] = v
			r.useTok(i)
		}
	}
	r.take(cCPU, cMemory, cLimit, cMax, cRequest, cMore, cOver)
	r.useWords("no", "more", "than", "most")
	if len(hard) == 0 {
		return &question{text: fmt.Sprintf("What should %s limit? Say, for instance, \"2 cpu, 4Gi memory and 10 pods\".", s.Names[0])}
	}
	obj["spec"] = map[string]any{"hard": hard}
	return nil
}

// newBudget makes a disruption budget for the pods of a workload, or of a selector.
func (r *reading) newBudget(s *Step, obj map[string]any) *question {
	spec := map[string]any{}
	field := "minAvailable"
	if r.hasWord("maxunavailable", "unavailable") {
		field = "maxUnavailable"
	}
	if i, ok := r.lit(litPercent); ok {
		spec[field] = r.toks[i].raw
		r.useTok(i)
	} else if n, ok := r.number("available", "unavailable", "least", "of", "minavailable", "maxunavailable"); ok {
		spec[field] = n
	}
	selector := r.labelSelector()
	r.take(cMin, cMax)
	r.useWords("minavailable", "maxunavailable", "available", "unavailable", "for")
	if selector == "" {
		t, q := r.target(targetSpec{kinds: workloadKinds, write: true, verb: "protect"})
		if q != nil {
			return q
		}
		s.Namespace = t.where.ns
		if d, ok := r.v.details(r.ctx, t.objs[0]); ok {
			selector = joinPairs(d.Selector)
		}
	}
	labels := pairMap(selector)
	if len(spec) == 0 || len(labels) == 0 {
		return &question{text: fmt.Sprintf("How many pods must %s keep available, and of which workload?", s.Names[0])}
	}
	spec["selector"] = map[string]any{"matchLabels": labels}
	obj["spec"] = spec
	return nil
}

// newService makes a Service that selects the pods with the label app of its name, as kubectl create service does.
func (r *reading) newService(s *Step, obj map[string]any) *question {
	spec := map[string]any{"selector": map[string]string{"app": s.Names[0]}, "type": "ClusterIP"}
	if q, ok := r.cue(cSvcType); ok {
		spec["type"] = serviceTypes[strings.ReplaceAll(strings.ToLower(r.words(q.mention)), " ", "")]
		r.take(cSvcType)
	}
	port, target := 0, 0
	if i, ok := r.lit(litPorts); ok {
		fmt.Sscanf(r.toks[i].text, "%d:%d", &port, &target) //nolint:errcheck // digits, by the pattern
		r.useTok(i)
	} else {
		port, _ = r.number("port")
		target, _ = r.number("port", "to")
	}
	r.take(cPort, cTargetPort)
	r.useWords("type", "tcp")
	if port == 0 {
		return &question{text: fmt.Sprintf("Which port should %s have?", s.Names[0])}
	}
	p := map[string]any{"port": port, "protocol": "TCP", "name": fmt.Sprint(port)}
	if target > 0 {
		p["targetPort"] = target
	} else {
		p["targetPort"] = port
	}
	spec["ports"] = []any{p}
	obj["spec"] = spec
	return nil
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
