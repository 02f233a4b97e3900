package nlp

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// buildField sets a plain field of a custom resource: "set the plan of tenant acme to gold", "turn on new-search". Only
// fields that the object has now are known, and what they hold says what they can be set to.
func buildField(r *reading) (outcome, bool) {
	o := r.customNamed()
	if o == nil || r.asksSomething() || r.has(cLabel, cAnnotate) || r.imperative(cDelete, cRestart, cCreate, cUndo, cExpose) {
		return none()
	}
	d, ok := r.v.details(r.ctx, o)
	if !ok || len(d.Fields) == 0 {
		return none()
	}
	if r.hasWord("is", "are", "was", "were", "has", "have") && !r.hasWord("should", "must", "shall", "be", "becomes", "to") && !r.imperative(cSet, cUp, cDown, cMake, cResume, cSuspend) {
		return none() // says how it is
	}
	field, value := r.toggled(d.Fields)
	if field == "" {
		at, name := r.fieldSaid(d.Fields)
		if name == "" {
			return none()
		}
		r.use(at)
		value, ok = r.fieldValue(at, name, d.Fields[name])
		if !ok {
			if !r.imperative(cSet, cUp, cDown, cMake, cScale, cResize) {
				return none()
			}
			r.take(cSet, cUp, cDown, cMake, cScale, cResize)
			return asks(&question{text: "To what should I set " + name + " of " + o.Name + "?"})
		}
		field = name
	}
	r.take(cSet, cUp, cDown, cMake, cScale, cResize, cRun, cAdd, cMax, cMin, cReplicas, cAge)
	t, q := r.target(targetSpec{kinds: []string{o.Kind}, write: true, verb: "change"})
	if q != nil {
		return asks(q)
	}
	r.take(cIt)
	r.useWords("keep", "keeps", "must", "should", "value", "field")
	s := patchOf(t, map[string]any{field: value})
	s.Args.PatchType = "merge"
	return done(s)
}

// customNamed is the one custom resource that is named, or that the conversation is about.
func (r *reading) customNamed() *Object {
	var found *Object
	for _, o := range r.freeObjects() {
		for _, ref := range o.refs {
			if !CustomKind(ref.Kind) || len(o.refs) > 1 && !r.saysKind(ref.Kind) {
				continue
			}
			if found != nil && found.Name != ref.Name {
				return nil
			}
			found = ref
		}
	}
	if k := r.v.kinds[r.focus.Resource.Key()]; found == nil && k != nil && CustomKind(k.Key()) && len(r.focus.Names) == 1 && r.has(cIt) && len(r.thingsNamed()) == 0 {
		found = r.v.find(k.Key(), r.focus.Namespace, r.focus.Names[0])
	}
	return found
}

func (r *reading) asksSomething() bool {
	for i, t := range r.toks {
		if i < 4 && askWords[t.text] && (i == 0 || r.onlyStops(0, i)) {
			return true
		}
	}
	return r.has(cWhy, cShow, cDescribe, cCount, cExplain)
}

// switches are names of fields that are on or off, and whether on means that the thing works.
var switches = map[string]bool{"enabled": true, "enable": true, "active": true, "on": true, "suspend": false, "suspended": false, "paused": false, "pause": false, "disabled": false}

// toggled reads "turn it on", "enable x", "switch x off", for a thing that has a field for it.
func (r *reading) toggled(fields map[string]any) (string, any) {
	on, off := r.imperative(cResume) || r.turned("on"), r.imperative(cSuspend) || r.turned("off") || r.imperative(cPause)
	if on == off {
		return "", nil
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		works, known := switches[strings.ToLower(name)]
		if _, is := fields[name].(bool); !known || !is {
			continue
		}
		r.take(cResume, cSuspend, cPause, cStop)
		for i, t := range r.toks {
			if t.text == "turn" || t.text == "switch" || t.text == "flip" || t.text == "on" || t.text == "off" || t.text == "back" || t.text == "toggle" {
				r.useTok(i)
			}
		}
		return name, on == works
	}
	return "", nil
}

// turned tells whether the text turns something on, or off.
func (r *reading) turned(word string) bool {
	for i, t := range r.toks {
		if t.text == "turn" || t.text == "switch" || t.text == "flip" || t.text == "toggle" || t.text == "set" || t.text == "put" || t.text == "turned" || t.text == "switched" {
			for k := i + 1; k < len(r.toks); k++ {
				if r.toks[k].text == word && (k == i+1 || k == len(r.toks)-1 || r.toks[k].brk || r.toks[k-1].text == "back" || !r.isKind(k+1) && !r.objectNamed(k+1) && !r.namespaceAt(k+1, 1)) {
					return true
				}
			}
		}
	}
	return false
}

// fieldSaid finds the field that the words name best: all of its words, or its first.
func (r *reading) fieldSaid(fields map[string]any) (mention, string) {
	best, name := mention{}, ""
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		words := camelWords(f)
		for i := range r.toks {
			n := 0
			for n < len(words) && i+n < len(r.toks) && !r.used[i+n] && !r.toks[i+n].quoted && fieldStem(r.toks[i+n].text, words[n]) {
				n++
			}
			if strings.EqualFold(r.toks[i].raw, f) {
				n = len(words)
				if best.j-best.i < n+1 {
					best, name = mention{i: i, j: i + 1}, f
				}
				continue
			}
			if n > 0 && n > best.j-best.i && !r.objectAt(i) {
				best, name = mention{i: i, j: i + n}, f
			}
		}
	}
	return best, name
}

// camelWords are the words of a field's name: retentionDays is "retention days".
func camelWords(s string) []string {
	var out []string
	from := 0
	for i, c := range s {
		if i > from && c >= 'A' && c <= 'Z' {
			out = append(out, strings.ToLower(s[from:i]))
			from = i
		}
	}
	return append(out, strings.ToLower(s[from:]))
}

func fieldStem(said, word string) bool {
	said, word = strings.TrimSuffix(said, "s"), strings.TrimSuffix(word, "s")
	return said == word || len(said) >= 3 && strings.HasPrefix(said, word) && len(word) >= 3 && said == word+"imum"
}

// fieldValue reads what the field is to be, of the type that it has.
func (r *reading) fieldValue(at mention, name string, now any) (any, bool) {
	switch now.(type) {
	case bool:
		for i, t := range r.toks {
			if v, ok := truth[t.text]; ok && !r.used[i] {
				r.useTok(i)
				return v, true
			}
		}
	case float64, int64:
		unit := camelWords(name)
		for i, t := range r.toks {
			if t.lit == litDuration && !r.used[i] && unitWords[unit[len(unit)-1]] > 0 {
				r.useTok(i)
				return int(t.dur / unitWords[unit[len(unit)-1]]), true
			}
		}
		if n, ok := r.number("to", "at", "of", "be", "is"); ok {
			return n, true
		}
	case string:
		for i := at.j; i < len(r.toks); i++ {
			p := r.toks[i-1].text
			if (p == "to" || p == "be" || p == "becomes" || p == "=" || p == "as") && !r.used[i] && !stopWords[r.toks[i].text] {
				r.useTok(i)
				return r.toks[i].raw, true
			}
		}
	}
	for i, t := range r.toks {
		if k, v, ok := strings.Cut(t.raw, "="); ok && strings.EqualFold(k, name) && !r.used[i] {
			r.useTok(i)
			return typed(v, now)
		}
	}
	return nil, false
}

var truth = map[string]bool{"true": true, "false": false, "on": true, "off": false, "yes": true, "no": false, "enabled": true, "disabled": false}

func typed(v string, now any) (any, bool) {
	switch now.(type) {
	case bool:
		b, err := strconv.ParseBool(v)
		return b, err == nil
	case float64, int64:
		n, err := strconv.Atoi(v)
		return n, err == nil
	}
	return v, v != ""
}
