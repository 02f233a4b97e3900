package nlp

import (
	"fmt"
	"slices"
	"strings"
)

// kubectlVerbs are the verbs that a line may start with, and whether chat takes them.
var kubectlVerbs = map[string]bool{
	"get": true, "describe": true, "logs": true, "log": true, "top": true, "events": true, "explain": true, "api-resources": true, "version": true,
	"auth": true, "rollout": true, "scale": true, "set": true, "label": true, "annotate": true, "taint": true, "cordon": true, "uncordon": true,
	"drain": true, "exec": true, "wait": true, "expose": true, "autoscale": true, "patch": true, "delete": true, "create": true, "run": true, "cluster-info": true,

	"edit": false, "attach": false, "proxy": false, "port-forward": false, "cp": false, "debug": false, "completion": false,
	"plugin": false, "config": false, "certificate": false, "apply": false, "replace": false, "kustomize": false, "diff": false,
	"options": false, "kuberc": false, "api-versions": false,
}

// passesThrough tells whether a text is a kubectl command line and not a sentence.
func passesThrough(s string) bool {
	words := strings.Fields(s)
	if len(words) == 0 {
		return false
	}
	first := strings.ToLower(words[0])
	if first == "kubectl" {
		return true
	}
	verb := func(i int) bool {
		if i >= len(words) {
			return false
		}
		_, ok := kubectlVerbs[strings.ToLower(words[i])]
		return ok
	}
	if first == "k" {
		return verb(1)
	}
	if !verb(0) {
		return false
	}
	if slices.ContainsFunc(words[1:], func(w string) bool { return w == "with" || w == "please" || w == "and" }) && !strings.Contains(s, " -- ") && !strings.ContainsAny(s, "\"'") {
		return false // "get po -n prod with app=web and their ips"
	}
	for _, w := range strings.Fields(unquoted(s))[1:] {
		if w == "--" {
			return first == "exec"
		}
		if sentenceWords[strings.ToLower(w)] {
			return false // "delete all pods in all namespaces with --force"
		}
		if strings.HasPrefix(w, "-") && knownFlag(w) && (strings.HasPrefix(w, "--") || !execWords[first] && first != "set" && first != "create") {
			return true
		}
	}
	return false
}

// sentenceWords stand between names in sentences, and in no command line before its first flag.
var sentenceWords = wordSet("in on with from of for the and to my our this that please")

// knownFlag tells whether a word is a flag of kubectl: what begins with a dash may also belong to a command that is to
// run somewhere.
func knownFlag(w string) bool {
	name, _, _ := strings.Cut(strings.TrimLeft(w, "-"), "=")
	if strings.HasPrefix(w, "--") {
		_, known := flagTakesValue[name]
		return known || refusedFlags[name]
	}
	if len(w) < 2 {
		return false
	}
	_, short := shortFlags[w[1:2]]
	return short || (len(w) == 2 && (refusedFlags[w[1:]] || strings.Contains("fp", w[1:])))
}

// refusedFlags could change who asks, whom, or what is read on the way, and are refused by name in every spelling.
var refusedFlags = wordSet(`server s token kubeconfig context cluster user username password as as-group as-uid as-user-extra
certificate-authority client-certificate client-key insecure-skip-tls-verify tls-server-name cache-dir raw profile profile-output
filename f kustomize k proxy-url match-server-version disable-compression kuberc template edit stdin i tty t attach recursive
from-file from-env-file allow-missing-template-keys show-managed-fields warnings-as-errors log-flush-frequency v vmodule save-config record`)

var terminalFlags = wordSet("i t it ti stdin tty quiet q")

// flagTakesValue: the flags chat knows, and whether a value follows.
var flagTakesValue = map[string]bool{
	"namespace": true, "all-namespaces": false, "selector": true, "field-selector": true, "output": true, "container": true, "watch": false,
	"show-labels": false, "label-columns": true, "sort-by": true, "previous": false, "follow": false, "tail": true, "since": true, "timestamps": false,
	"all-containers": false, "containers": false, "types": true, "for": true, "replicas": true, "to-revision": true, "revision": true,
	"port": true, "target-port": true, "type": true, "name": true, "min": true, "max": true, "cpu-percent": true, "cpu": true, "patch": true,
	"cascade": true, "grace-period": true, "force": false, "now": false, "all": false, "overwrite": false, "ignore-daemonsets": false,
	"delete-emptydir-data": false, "image": true, "from": true, "from-literal": true, "requests": true, "limits": true, "list": false,
	"subresource": true, "no-headers": false, "show-kind": false, "ignore-not-found": false, "wait": false, "env": true, "prefix": false,
	"timeout": true, "schedule": true, "verb": true, "resource": true, "role": true, "clusterrole": true, "serviceaccount": true,
	"group": true, "hard": true, "min-available": true, "max-unavailable": true, "tcp": true, "labels": true, "current-replicas": true, "restart": true, "dry-run": false, "chunk-size": true, "request-timeout": true,
}

var shortFlags = map[string]string{"n": "namespace", "A": "all-namespaces", "l": "selector", "o": "output", "c": "container", "w": "watch", "L": "label-columns"}

// line is a parsed kubectl command line.
type line struct {
	verb  string
	args  []string
	flags map[string][]string
	// command is what stands after "--": for exec
	command []string
}

func (l line) flag(name string) string {
	if v := l.flags[name]; len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

func (l line) has(name string) bool {
	v, ok := l.flags[name]
	return ok && v[len(v)-1] != "false"
}

func passThrough(v *Vocabulary, focus Focus, said string) understood {
	no := func(format string, args ...any) understood {
		return understood{q: &question{text: fmt.Sprintf(format, args...), refuse: true}}
	}
	words, ok := splitWords(said)
	if !ok {
		return no("That has an open quote.")
	}
	if w := strings.ToLower(words[0]); w == "kubectl" || w == "k" {
		words = words[1:]
	}
	if len(words) > 0 {
		if ok, known := kubectlVerbs[strings.ToLower(words[0])]; known && !ok {
			return no("kubectl %s can't be used in chat; plain kubectl through the same tunnel can. %s", words[0], help)
		}
	}
	l, why := parseLine(words)
	if why != "" {
		return no("%s", why)
	}
	p := &lineReader{v: v, focus: focus, line: l}
	s, why := p.step()
	if why != "" {
		return no("%s", why)
	}
	if _, dry := l.flags["dry-run"]; dry {
		switch l.flag("dry-run") {
		case "server", "client", "": // what a bare flag means
		default:
			return no("I take --dry-run=server, or the command without the flag.")
		}
		if s, ok := TryOut(s); ok {
			return understood{steps: []Step{s}, score: 1, notes: p.notes}
		}
		return no("%s", noDryRun)
	}
	return understood{steps: []Step{s}, score: 1, notes: p.notes}
}

// splitWords splits as a POSIX shell would, quotes only.
func splitWords(s string) ([]string, bool) {
	var out []string
	var cur strings.Builder
	started := false
	var quote rune
	esc := false
	for _, c := range s {
		switch {
		case esc:
			cur.WriteRune(c)
			esc = false
		case quote == '\'' && c == '\'', quote == '"' && c == '"':
			quote = 0
		case quote != '\'' && c == '\\':
			esc, started = true, true
		case quote != 0:
			cur.WriteRune(c)
		case c == '\'' || c == '"':
			quote, started = c, true
		case c == ' ':
			if started {
				out = append(out, cur.String())
				cur.Reset()
				started = false
			}
		default:
			cur.WriteRune(c)
			started = true
		}
	}
	if started {
		out = append(out, cur.String())
	}
	return out, quote == 0 && len(out) > 0
}

func parseLine(words []string) (line, string) {
	l := line{flags: map[string][]string{}}
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w == "--" && l.verb == "exec" {
			l.command = words[i+1:]
			break
		}
		if w == "--" {
			return l, "I don't run commands inside containers from chat. I can show logs, events and what is wrong."
		}
		if !strings.HasPrefix(w, "-") || w == "-" || reDelta.MatchString(w) {
			if l.verb == "" {
				l.verb = strings.ToLower(w)
			} else {
				l.args = append(l.args, w)
			}
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimLeft(w, "-"), "=")
		if !strings.HasPrefix(w, "--") {
			name, value, hasValue = l.short(w)
		}
		if l.verb == "exec" && terminalFlags[name] {
			continue // a program is run and its output shown: there is no terminal to ask for
		}
		if refusedFlags[name] && !(name == "user" && l.verb == "create") {
			return l, fmt.Sprintf("I don't take the flag %s: chat decides itself which cluster and which person a command is for, and reads no files.", flagName(name))
		}
		takes, known := flagTakesValue[name]
		if name == "user" { // of create rolebinding: whom it is for, not who asks
			takes, known = true, true
		}
		if !known {
			return l, fmt.Sprintf("I don't know the flag %s here.", flagName(name))
		}
		if takes && !hasValue {
			if i++; i >= len(words) {
				return l, fmt.Sprintf("The flag %s needs a value.", flagName(name))
			}
			value = words[i]
		}
		l.flags[name] = append(l.flags[name], value)
	}
	ok, known := kubectlVerbs[l.verb]
	switch {
	case l.verb == "":
		return l, "Which kubectl command? For instance: kubectl get pods."
	case !known:
		return l, fmt.Sprintf("%q is no kubectl command that I know.", l.verb)
	case !ok:
		return l, fmt.Sprintf("kubectl %s can't be used in chat; plain kubectl through the same tunnel can. %s", l.verb, help)
	}
	return l, ""
}

// short reads -n x, -nx, -n=x; -f and -p mean different things to logs and patch.
func (l line) short(w string) (name, value string, hasValue bool) {
	letter, rest := w[1:2], strings.TrimPrefix(w[2:], "=")
	name = letter
	switch {
	case letter == "f" && l.verb == "logs":
		return "follow", "", true
	case letter == "p" && l.verb == "logs":
		return "previous", "", true
	case letter == "p" && l.verb == "patch":
		name = "patch"
	default:
		if long, ok := shortFlags[letter]; ok {
			name = long
		}
	}
	return name, rest, rest != "" || strings.Contains(w, "=")
}

func flagName(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// hiddenFlag refuses a flag that hides in a value or between quotes: name="--server=https://...".
func hiddenFlag(t token) *question {
	value := t.raw
	if t.lit == litKeyValue {
		_, value, _ = strings.Cut(t.raw, "=")
	}
	if !t.quoted && t.lit != litKeyValue || !strings.HasPrefix(value, "--") {
		return nil
	}
	name, _, _ := strings.Cut(strings.TrimLeft(value, "-"), "=")
	if !refusedFlags[name] {
		return nil
	}
	return &question{text: fmt.Sprintf("I don't take the flag %s, wherever it stands.", flagName(name)), refuse: true}
}

// expandFlag turns the few flags people put into sentences into words. Any other flag is refused by name.
func expandFlag(toks []token, i int) *question {
	t := &toks[i]
	if t.quoted || t.lit == litDelta || len(t.raw) < 2 || t.raw[0] != '-' {
		return nil
	}
	name, value, _ := strings.Cut(strings.TrimLeft(t.raw, "-"), "=")
	switch name {
	case "n", "namespace":
		t.text, t.raw = "in", "in"
		if value != "" {
			t.text, t.raw = strings.ToLower(value), value
		}
	case "A", "all-namespaces":
		t.text, t.raw = "everywhere", "everywhere"
	case "f", "follow":
		t.text, t.raw = "follow", "follow"
	case "p", "previous":
		t.text, t.raw = "previous", "previous"
	case "w", "watch":
		t.text, t.raw = "watch", "watch"
	case "o", "output", "l", "selector":
		t.text, t.raw = "with", "with"
		if value != "" {
			t.text, t.raw = strings.ToLower(value), value
			classifyLiteral(t)
		}
	case "force":
		t.text, t.raw = "force", "force"
	case "all":
		t.text, t.raw = "all", "all"
	default:
		return &question{text: fmt.Sprintf("I don't take the flag %s. Say it in words, or send one whole kubectl command.", strings.SplitN(t.raw, "=", 2)[0]), refuse: true}
	}
	return nil
}
