package nlp

// projections are the single fields people ask for by a word, by kind.
var projections = []struct {
	c    concept
	key  string
	path string
}{
	{cClusterIP, "services", "{.spec.clusterIP}"},
	{cIP, "services", "{.spec.clusterIP}"},
	{cIP, "pods", "{.status.podIP}"},
	{cImage, "deployments.apps", "{.spec.template.spec.containers[*].image}"},
	{cImage, "statefulsets.apps", "{.spec.template.spec.containers[*].image}"},
	{cImage, "daemonsets.apps", "{.spec.template.spec.containers[*].image}"},
	{cImage, "pods", "{.spec.containers[*].image}"},
	{cSuspended, "cronjobs.batch", "{.spec.suspend}"},
	{cSchedule, "cronjobs.batch", "{.spec.schedule}"},
	{cContainer, "deployments.apps", "{.spec.template.spec.containers[*].name}"},
	{cContainer, "statefulsets.apps", "{.spec.template.spec.containers[*].name}"},
	{cContainer, "pods", "{.spec.containers[*].name}"},
	{cReplicas, "deployments.apps", "{.spec.replicas}"},
	{cReplicas, "statefulsets.apps", "{.spec.replicas}"},
	{cPort, "services", "{.spec.ports[*].port}"},
	{cTaint, "nodes", "{.spec.taints}"},
	{cCordoned, "nodes", "{.spec.unschedulable}"},
	{cSize, "persistentvolumeclaims", "{.spec.resources.requests.storage}"},
	{cSize, "persistentvolumes", "{.spec.capacity.storage}"},
	{cMax, "horizontalpodautoscalers.autoscaling", "{.spec.maxReplicas}"},
	{cMin, "horizontalpodautoscalers.autoscaling", "{.spec.minReplicas}"},
}

func (r *reading) project(s *Step) {
	if s.Args.Output != "" || (len(s.Names) == 0 && s.LabelSelector == "") {
		return
	}
	for _, p := range projections {
		if p.key != s.Resource.Key() || !r.hasNoun(p.c) || p.c == cIP && p.key == "services" && r.hasWord("external", "public", "hostname") {
			continue
		}
		r.take(p.c)
		r.take(cRunning, cUsage)
		path := p.path
		if len(s.Names) != 1 {
			path = "{.items[*]" + path[1:]
		}
		if s.Resource.Key() != "pods" || len(s.Names) == 1 || p.c == cContainer || p.c == cImage {
			s.Args.Output = "jsonpath=" + path
		}
		return
	}
}

// fieldConcepts are words for what an object has. The answer shows the object, so they need no rule of their own each.
var fieldConcepts = []concept{
	cAttr, cPlaced, cUses, cLimit, cRequest, cCPU, cMemory, cEnv, cImage, cPort, cTargetPort, cSvcType, cContainer, cInit, cRevision, cMax, cMin, cSize,
	cTaint, cLabel, cShowLabels, cAnnotate, cSchedule, cIP, cClusterIP, cSuspended, cReplicas, cVersion, cExpose, cAutoscale, cRunning, cWide, cHealth, cAge,
	cSecretValue, cTail, cCompleted,
}

// verbalNouns are field words that are also verbs of changes: where a command has its verb they ask for the change.
var verbalNouns = wordSet("label tag annotate taint limit request expose autoscale use mount attach run image env read need consume reference configure update upgrade deploy enable disable")

// fields uses the words for what the object has, except a verb of a command.
func (r *reading) fields() {
	for _, q := range r.cues {
		for _, c := range fieldConcepts {
			if q.c == c && r.free(q.mention) && r.nounAt(q) {
				r.use(q.mention)
				r.note(q.mention, string(q.c))
			}
		}
	}
	for i, t := range r.toks { // "the last run", "max replicas"
		if t.lit == litOrdinal && t.num == -1 && i > 0 && !r.used[i] && len(r.focus.Rows) == 0 {
			r.useTok(i)
		}
	}
}

// comparesReplicas uses the number of "with less than 2 replicas": the list shows the counts, all of them.
func (r *reading) comparesReplicas(s *Step) {
	i, ok := r.lit(litNumber)
	if !ok || len(s.Names) > 0 || !r.has(cReplicas) {
		return
	}
	r.useTok(i)
	r.take(cReplicas, cOver, cNewer, cOlder, cDown, cUp, cMin, cMax, cMore, cUses)
	r.notes = append(r.notes, "I list all of them with their replicas.")
}

func (r *reading) nounAt(q cue) bool {
	bare := q.j-q.i == 1 && verbalNouns[r.toks[q.i].text]
	if !bare || !r.verbPlace(q.i) {
		return true
	}
	return q.j < len(r.toks) && (r.toks[q.j].text == "of" || r.toks[q.j].text == "for") // "image of web"
}

// hasNoun tells whether a concept is said, and not as the verb of a command.
func (r *reading) hasNoun(c concept) bool {
	for _, q := range r.cues {
		if q.c == c && r.free(q.mention) && r.nounAt(q) {
			return true
		}
	}
	return false
}

// states uses the words for how one object is doing: the answer shows it, whatever it is.
func (r *reading) states() {
	if r.take(cCrashing, cPending, cNotReady, cReady, cNotRunning, cRunning, cFailed, cFailing, cEvicted, cOOM, cPull, cCompleted, cTerm, cRestarted, cSuspended, cCordoned, cStatus) {
		r.also(cNot)
	}
}
