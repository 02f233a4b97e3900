package chat

import (
	"slices"
	"strings"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// scopeOf says what a plan is about. near are other readings of the question.
func scopeOf(plan nlp.Plan, sc scene, near []nlp.Choice) ScopeData {
	data := ScopeData{Clusters: []ClusterRef{{ID: sc.run.Cluster, Name: sc.name}}, Namespace: namespaceOf(plan)}
	for _, step := range plan.Steps {
		data.AllNamespaces = data.AllNamespaces || step.AllNamespaces
		for _, name := range step.Names {
			object := strings.ToLower(step.Resource.Kind) + "/" + name
			if !slices.Contains(data.Objects, object) {
				data.Objects = append(data.Objects, object)
			}
		}
	}
	for _, c := range near {
		data.Choices = append(data.Choices, ScopeChoice{Label: c.Label, Text: c.Text})
	}
	return data
}

// explain says how a plan came about and what it asks of the cluster. It asks nobody.
func explain(view PlanView, at Cluster, trace []nlp.TraceEntry) ExplainData {
	data := ExplainData{
		Source: nlp.SourceBuiltin, Words: explainWords(trace), Requests: []ExplainRequest{}, Rights: []ExplainRight{}, Flags: []ExplainFlag{},
	}
	if view.Source != "" {
		data.Source = view.Source
	}
	for i, step := range view.Steps {
		needs := at.Needs(step)
		for _, r := range needs.Requests {
			r.Step = i
			data.Requests = append(data.Requests, r)
		}
		for _, r := range needs.Rights {
			if !slices.Contains(data.Rights, r) {
				data.Rights = append(data.Rights, r)
			}
		}
		for _, f := range glossed(nlp.KubectlStep(step)) {
			if !slices.Contains(data.Flags, f) {
				data.Flags = append(data.Flags, f)
			}
		}
	}
	return data
}

func explainWords(trace []nlp.TraceEntry) []ExplainWords {
	out := make([]ExplainWords, 0, len(trace))
	for _, t := range trace {
		out = append(out, ExplainWords(t))
	}
	return out
}

// glossed says what each flag of a kubectl line means.
func glossed(line string) []ExplainFlag {
	var out []ExplainFlag
	words := argv(line)
	for i := 0; i < len(words); i++ {
		word := words[i]
		if word == "--" {
			return append(out, ExplainFlag{Flag: "--", Meaning: "what follows is the command to run, not flags of kubectl"})
		}
		if !strings.HasPrefix(word, "-") || word == "-" {
			continue
		}
		name, _, inline := strings.Cut(word, "=")
		gloss, ok := glosses[name]
		if !ok {
			continue
		}
		if gloss.value && !inline && i+1 < len(words) {
			i++
			word += " " + words[i]
		}
		out = append(out, ExplainFlag{Flag: word, Meaning: gloss.meaning})
	}
	return out
}

// argv parts a rendered line at its spaces; a quoted word stays one, with its quotes.
func argv(line string) []string {
	var out []string
	quoted, start := false, 0
	for i := 0; i <= len(line); i++ {
		switch {
		case i == len(line) || line[i] == ' ' && !quoted:
			if i > start {
				out = append(out, line[start:i])
			}
			start = i + 1
		case line[i] == '\\' && !quoted:
			i++
		case line[i] == '\'':
			quoted = !quoted
		}
	}
	return out
}

type gloss struct {
	meaning string
	value   bool // the next word is its value, unless "=" gave one
}

// glosses are the flags that a plan's line may have: package nlp renders them.
var glosses = map[string]gloss{
	"-n": {"in this namespace", true}, "-A": {"in all namespaces", false}, "--all-namespaces": {"in all namespaces", false},
	"-l": {"only objects with these labels", true}, "--selector": {"only objects with these labels", true},
	"--field-selector": {"only objects whose fields have these values; the server tests it", true},
	"-o":               {"how the answer is written", true}, "--show-labels": {"with every object's labels", false},
	"--sort-by": {"sorted by this field", true}, "-w": {"keep showing changes", false}, "--watch": {"keep showing changes", false},
	"-c": {"of this container", true}, "--containers": {"a line for each container", false},
	"--all-containers": {"of every container of the pod", false}, "--previous": {"of the container before its last restart", false},
	"-p": {"the change as JSON, merged into the object", true}, "--timestamps": {"each line with its time", false},
	"--since": {"only what is newer than this", true}, "--tail": {"only the last so many lines", true},
	"-f": {"keep showing new lines", false}, "--follow": {"keep showing new lines", false}, "--prefix": {"each line with its pod's name", false},
	"--for": {"only what is about this object, or until this holds", true}, "--types": {"only events of this type", true},
	"--list": {"everything that you may do", false}, "--subresource": {"this part of the object", true},
	"--replicas": {"how many copies are to run", true}, "--current-replicas": {"only if so many run now", true},
	"--image": {"the container image", true}, "--limits": {"the most that the container may use", true},
	"--requests": {"what the container is promised", true}, "--overwrite": {"replaces a value that is there", false},
	"--port": {"the port that others use", true}, "--target-port": {"the port that the container listens on", true},
	"--type": {"of this type", true}, "--name": {"what the new object is called", true}, "--min": {"never fewer copies", true},
	"--max": {"never more copies", true}, "--cpu": {"the average CPU use to keep to", true}, "--cpu-percent": {"the average CPU use to keep to", true},
	"--to-revision": {"back to this revision", true}, "--revision": {"this revision", true},
	"--grace-period": {"seconds to end by itself; 0 gives none", true}, "--force": {"without waiting for the node's confirmation", false},
	"--cascade": {"what becomes of the objects that it owns", true}, "--all": {"every object of the kind", false},
	"--from": {"made from this object", true}, "--from-literal": {"a key with its value", true},
	"--ignore-daemonsets": {"leaves the pods of DaemonSets alone", false}, "--delete-emptydir-data": {"even where pods keep data in an emptyDir: it is lost", false},
	"--timeout": {"gives up after this", true}, "--patch": {"the change as JSON, merged into the object", true},
	"--serviceaccount": {"runs as this service account", true}, "--env": {"an environment variable", true}, "--schedule": {"when it runs, as a cron line", true},
	"--restart": {"what happens when it ends", true}, "--rm": {"removed when it ends", false}, "--labels": {"labels of the new object", true},
	"--tcp": {"port and target port", true}, "--rule": {"host and path with the service and port that they lead to", true},
	"--clusterip": {"the address inside the cluster", true}, "--hard": {"the most that the namespace may use", true},
	"--verb": {"what is allowed", true}, "--resource": {"on which kinds", true}, "--role": {"the role that is given", true},
	"--clusterrole": {"the cluster role that is given", true}, "--user": {"to this user", true}, "--group": {"to this group", true},
	"--class": {"which controller serves it", true}, "--pod-selector": {"only pods with these labels", true},
	"--save-config": {"remembers the configuration for a later apply", false}, "--validate": {"whether the server checks the fields", true},
	"--help": {"explains the command", false}, "--no-headers": {"without the heading line", false}, "--recursive": {"with all fields below", false},
	"--api-group": {"only of this API group", true}, "--namespaced": {"only kinds that live in namespaces", true},
	"--client": {"only the client's own version", false}, "--dry-run": {"tries it out without keeping it", true},
	"--min-available": {"how many must always be there", true}, "--max-unavailable": {"how many may be away at once", true},
	"--value": {"the priority", true}, "--description": {"what it is for", true}, "--resource-name": {"of these names", true},
	"--wait": {"returns when it is done", true}, "--now": {"gives it one second to end", false}, "--disable-eviction": {"deletes pods even where a disruption budget forbids it", false},
	"--pod-running-timeout": {"waits so long for the pod to run", true}, "--max-log-requests": {"so many logs at once", true},
}
