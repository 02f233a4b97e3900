package eval

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// Command is a kubectl line taken apart, so that two spellings of the same request are equal.
type Command struct {
	Verb, Sub     string
	Kinds         []string // plural, sorted
	Names         []string // sorted
	Args          []string // key=value and other words, sorted where their order means nothing
	Namespace     string   // empty for the default namespace as well
	AllNamespaces bool
	Flags         map[string]string // long names; a switch that is on has the value "true"
	Tail          []string          // what follows --
}

// subverbs are the verbs whose first word is part of the verb.
var subverbs = words("rollout set auth config create top certificate apply cluster-info")

// switches are the flags that take no value.
var switches = words(`all-namespaces previous follow watch watch-only all force all-containers all-pods show-labels overwrite
	ignore-daemonsets delete-emptydir-data now timestamps recursive list containers no-headers prefix stdin tty expose rm local
	ignore-not-found show-kind raw quiet minify sum interactive ignore-errors disable-eviction show-managed-fields command
	server-print client dry-run`)

// shortFlags are the one-letter flags that mean the same everywhere; f and p depend on the verb.
var shortFlags = map[string]string{
	"n": "namespace", "A": "all-namespaces", "l": "selector", "o": "output", "c": "container", "w": "watch", "L": "label-columns",
	"i": "stdin", "t": "tty", "q": "quiet", "k": "kustomize", "R": "recursive",
}

// repeatable flags add up.
var repeatable = words("from-literal image env verb resource from-file user group serviceaccount tcp rule hard resource-name")

// meaningless flags change nothing of what is asked.
var meaningless = words(`ignore-not-found no-headers request-timeout chunk-size show-kind overwrite v server-print field-manager
	limit-bytes max-log-requests show-managed-fields`)

func words(s string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(s) {
		set[w] = true
	}
	return set
}

var aNumber = regexp.MustCompile(`^-\d+$`)

// ParseCommand takes a kubectl line apart. What a shell would act upon is an error.
func ParseCommand(line string, names Spellings) (Command, error) {
	tokens, err := shellWords(line)
	if err != nil {
		return Command{}, err
	}
	if len(tokens) > 0 && (tokens[0] == "kubectl" || tokens[0] == "k") {
		tokens = tokens[1:]
	}
	if len(tokens) == 0 || strings.HasPrefix(tokens[0], "-") {
		return Command{}, errors.New("no verb")
	}
	c := Command{Verb: tokens[0], Flags: map[string]string{}}
	positional := c.readFlags(tokens[1:])
	positional = c.readSub(positional, names)
	c.readTarget(positional, names)
	c.canonical(names)
	return c, nil
}

// readFlags files the flags and returns the other words.
func (c *Command) readFlags(tokens []string) []string {
	var positional []string
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch {
		case t == "--":
			c.Tail = tokens[i+1:]
			return positional
		case t == "-it" || t == "-ti":
			c.Flags["stdin"], c.Flags["tty"] = "true", "true"
		case strings.HasPrefix(t, "--"):
			name, value, has := strings.Cut(t[2:], "=")
			i += c.file(name, value, has, tokens[i+1:])
		case strings.HasPrefix(t, "-") && len(t) > 1 && !aNumber.MatchString(t):
			rest := strings.TrimPrefix(t[2:], "=")
			i += c.file(c.longName(t[1:2]), rest, rest != "", tokens[i+1:])
		default:
			positional = append(positional, t)
		}
	}
	return positional
}

// file files one flag and tells how many of the following words it took.
func (c *Command) file(name, value string, has bool, following []string) int {
	took := 0
	switch {
	case has:
	case switches[name] || len(following) == 0:
		value = "true"
	default:
		value, took = following[0], 1
	}
	if old, again := c.Flags[name]; again && repeatable[name] {
		value = old + "," + value
	}
	c.Flags[name] = value
	return took
}

func (c *Command) longName(short string) string {
	switch {
	case short == "f" && c.Verb == "logs":
		return "follow"
	case short == "f":
		return "filename"
	case short == "p" && c.Verb == "logs":
		return "previous"
	case short == "p":
		return "patch"
	}
	if long := shortFlags[short]; long != "" {
		return long
	}
	return short
}

func (c *Command) readSub(positional []string, names Spellings) []string {
	if !subverbs[c.Verb] || len(positional) == 0 {
		return positional
	}
	sub, rest := positional[0], positional[1:]
	switch c.Verb {
	case "top":
		sub = names.Plural(sub)
	case "create":
		if sub == "svc" {
			sub = "service"
		}
		typed := (sub == "secret" || sub == "service") && len(rest) > 0
		sub = names.Plural(sub)
		if typed {
			sub, rest = sub+" "+rest[0], rest[1:]
		}
	case "set":
		if sub == "sa" {
			sub = "serviceaccount"
		}
	}
	c.Sub = sub
	return rest
}

// readTarget sorts the words into kinds, names and arguments, by what the verb takes.
func (c *Command) readTarget(pos []string, names Spellings) {
	switch c.Verb {
	case "cordon", "uncordon", "drain":
		c.Kinds = []string{"nodes"}
		for _, p := range pos {
			c.Names = append(c.Names, p[strings.LastIndex(p, "/")+1:])
		}
	case "logs", "exec", "attach", "port-forward", "debug":
		c.readPod(pos, names)
	case "run":
		c.Kinds = []string{"pods"}
		c.Names, c.Args = head(pos)
	case "create":
		if c.Sub != "" {
			c.Kinds = []string{strings.Fields(c.Sub)[0]}
		}
		c.Names, c.Args = head(pos)
	case "top":
		if c.Sub != "" {
			c.Kinds = []string{c.Sub}
		}
		c.Names = pos
	case "cp", "explain", "api-resources", "api-versions", "version", "cluster-info", "config", "auth", "events", "apply", "certificate", "diff":
		c.Args = c.readWords(pos, names)
	default:
		c.readObjects(pos, names)
	}
}

func head(pos []string) (first, rest []string) {
	if len(pos) == 0 {
		return nil, nil
	}
	return pos[:1], pos[1:]
}

func (c *Command) readPod(pos []string, names Spellings) {
	if len(pos) == 0 {
		if _, ok := c.Flags["selector"]; ok {
			c.Kinds = []string{"pods"}
		}
		return
	}
	kind, name, typed := strings.Cut(pos[0], "/")
	if !typed {
		kind, name = "pods", pos[0]
	}
	c.Kinds, c.Names, c.Args = []string{names.Plural(kind)}, []string{name}, pos[1:]
}

func (c *Command) readWords(pos []string, names Spellings) []string {
	switch {
	case c.Verb == "explain" && len(pos) > 0:
		kind, path, deep := strings.Cut(pos[0], ".")
		if deep {
			return []string{names.Plural(kind) + "." + path}
		}
		return []string{names.Plural(kind)}
	case c.Verb == "auth" && c.Sub == "can-i" && len(pos) > 1:
		kind, name, named := strings.Cut(pos[1], "/")
		kind = names.Plural(kind)
		if named {
			kind += "/" + name
		}
		return append([]string{pos[0], kind}, pos[2:]...)
	}
	return pos
}

// readObjects reads "kind name..." and "kind/name...", and the key=value words that follow.
func (c *Command) readObjects(pos []string, names Spellings) {
	if len(pos) == 0 {
		return
	}
	if c.Verb != "taint" && strings.Contains(pos[0], "/") {
		for len(pos) > 0 {
			kind, name, typed := strings.Cut(pos[0], "/")
			if !typed || strings.Contains(kind, "=") || strings.Contains(name, "=") {
				break
			}
			c.Kinds = append(c.Kinds, names.Plural(kind))
			c.Names = append(c.Names, name)
			pos = pos[1:]
		}
		c.Args = pos
		return
	}
	for _, kind := range strings.Split(pos[0], ",") {
		c.Kinds = append(c.Kinds, names.Plural(kind))
	}
	keyed := c.Verb == "label" || c.Verb == "annotate" || c.Verb == "taint" || c.Verb == "set"
	for _, p := range pos[1:] {
		if strings.Contains(p, "=") || keyed && strings.HasSuffix(p, "-") || c.Verb == "taint" && strings.Contains(p, ":") {
			c.Args = append(c.Args, p)
		} else {
			c.Names = append(c.Names, p)
		}
	}
}

// canonical brings flags and lists to the one form that equal requests share.
func (c *Command) canonical(names Spellings) {
	c.Namespace = c.Flags["namespace"]
	c.AllNamespaces = c.Flags["all-namespaces"] == "true"
	delete(c.Flags, "namespace")
	delete(c.Flags, "all-namespaces")
	if c.AllNamespaces || c.Namespace == "default" {
		c.Namespace = ""
	}
	if c.Verb == "rollout" && c.Sub == "status" {
		delete(c.Flags, "watch")
	}
	if percent, ok := c.Flags["cpu-percent"]; ok {
		delete(c.Flags, "cpu-percent")
		c.Flags["cpu"] = strings.TrimRight(percent, "%") + "%"
	}
	if c.Flags["tail"] == "-1" {
		delete(c.Flags, "tail")
	}
	for name, value := range c.Flags {
		if meaningless[name] {
			delete(c.Flags, name)
		} else if value != "true" {
			c.Flags[name] = canonicalValue(name, value)
		}
	}
	c.canonicalEvents()
	slices.Sort(c.Kinds)
	c.Kinds = slices.Compact(c.Kinds)
	sort.Strings(c.Names)
	if c.Verb != "auth" && c.Verb != "cp" && c.Verb != "port-forward" {
		sort.Strings(c.Args)
	}
}

// canonicalEvents makes "get events" with field selectors and "events" with flags the same.
func (c *Command) canonicalEvents() {
	if c.Verb == "get" && slices.Equal(c.Kinds, []string{"events"}) {
		c.Verb, c.Kinds = "events", nil
		var keep []string
		for _, term := range strings.Split(c.Flags["field-selector"], ",") {
			key, value, _ := strings.Cut(term, "=")
			switch {
			case term == "" || key == "involvedObject.kind":
			case key == "type":
				c.Flags["types"] = value
			case strings.HasPrefix(term, "type!=Normal"):
				c.Flags["types"] = "Warning"
			case key == "involvedObject.name":
				c.Flags["for_name"] = value
			default:
				keep = append(keep, term)
			}
		}
		delete(c.Flags, "field-selector")
		delete(c.Flags, "sort-by")
		delete(c.Flags, "output")
		if len(keep) > 0 {
			c.Flags["field-selector"] = strings.Join(keep, ",")
		}
	}
	if object, ok := c.Flags["for"]; ok && c.Verb == "events" {
		delete(c.Flags, "for")
		c.Flags["for_name"] = object[strings.LastIndex(object, "/")+1:]
	}
}

// shellWords splits a line as a POSIX shell would, and fails on what a shell would act upon.
func shellWords(line string) ([]string, error) {
	if strings.TrimSpace(line) == "" {
		return nil, errors.New("empty")
	}
	if strings.Contains(line, "$(") || strings.Contains(line, "`") {
		return nil, errors.New("command substitution")
	}
	var out []string
	var word strings.Builder
	open, quote := false, rune(0)
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case r == '\\' && quote != '\'' && i+1 < len(runes) && (quote == 0 || runes[i+1] == '"' || runes[i+1] == '\\'):
			i++
			word.WriteRune(runes[i])
			open = true
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, open = r, true
		case strings.ContainsRune(";|&<>", r):
			return nil, fmt.Errorf("shell operator %q", r)
		case r == ' ' || r == '\t' || r == '\n' || r == '\r':
			if open {
				out = append(out, word.String())
				word.Reset()
				open = false
			}
		default:
			word.WriteRune(r)
			open = true
		}
	}
	if quote != 0 {
		return nil, errors.New("unclosed quote")
	}
	if open {
		out = append(out, word.String())
	}
	return out, nil
}
