// Package redact takes secrets out of what chat reads before anybody sees it: a model, the database, another person's
// page. Objects are cleaned by their structure first (Object), then all text by the form of what is in it (Text), also
// while it still streams (Stream). It errs on the side of taking too much. Whoever reads a cluster calls Object and Text
// where the bytes arrive, and whoever talks to a model calls Text or JSON again on errors, arguments and history, since
// these came another way.
package redact

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
)

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// Object takes out of an object, in place, what chat must never hold: the values of a Secret (keys and lengths stay),
// the copy of the object that kubectl apply keeps in an annotation, and values whose name says that they are secret.
func Object(o map[string]any) { walk(o) }

// IsSecret tells whether an object is a core Secret.
func IsSecret(o map[string]any) bool { return o["kind"] == "Secret" && o["apiVersion"] == "v1" }

// DropAnnotation removes one annotation, and the map of them when it was the last.
func DropAnnotation(o map[string]any, key string) {
	meta, _ := o["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	delete(annotations, key)
	if annotations != nil && len(annotations) == 0 {
		delete(meta, "annotations")
	}
}

// JSON redacts a JSON document: objects by their structure, strings by their form. What is no JSON is text.
func JSON(b []byte) []byte {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return []byte(Text(string(b)))
	}
	out, err := json.Marshal(value(v))
	if err != nil { // it was JSON a line before
		panic(fmt.Sprintf("redact: JSON that was read is not written: %v", err))
	}
	return out
}

func value(v any) any {
	if s, ok := v.(string); ok {
		return Text(s)
	}
	walk(v)
	return v
}

func secretValues(o map[string]any) {
	DropAnnotation(o, lastApplied)
	hideValues(o, "data", func(s string) []byte {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return []byte(s)
		}
		return b
	})
	hideValues(o, "stringData", func(s string) []byte { return []byte(s) })
}

func hideValues(o map[string]any, field string, plain func(string) []byte) {
	values, ok := o[field].(map[string]any)
	if !ok {
		if o[field] != nil { // not what a Secret has: nothing of it is safe
			o[field] = hidden(nil)
		}
		return
	}
	for k, v := range values {
		s, _ := v.(string)
		values[k] = hidden(plain(s))
	}
}

// shortSecret is up to how many bytes a value could be found again by trying all that have its hash.
const shortSecret = 16

// hidden stands for a value: its length, and of a long one two bytes of its hash, so that people see whether two are
// the same.
func hidden(b []byte) string {
	if len(b) < shortSecret {
		return fmt.Sprintf("<redacted len=%d>", len(b))
	}
	sum := sha256.Sum256(b)
	return fmt.Sprintf("<redacted len=%d sha=%x>", len(b), sum[:2])
}

// walk hides Secrets, values with a secret name (environment variables, keys of maps) and secrets inside text.
func walk(v any) {
	switch x := v.(type) {
	case map[string]any:
		if IsSecret(x) {
			secretValues(x)
			return
		}
		DropAnnotation(x, lastApplied)
		name, _ := x["name"].(string)
		if s, ok := x["value"].(string); ok && SecretName(name) {
			x["value"] = hidden([]byte(s))
		}
		named := namesSayIt(x)
		for k, item := range x {
			switch s, ok := item.(string); {
			case ok && named && SecretName(k):
				x[k] = hidden([]byte(s))
			case ok:
				x[k] = Text(s)
			case named && k == "data":
				hideNamed(item)
				walk(item)
			default:
				walk(item)
			}
		}
	case []any:
		for i, item := range x {
			x[i] = value(item)
		}
	}
}

// namesSayIt: in a ConfigMap a key's name says what its value is; in other kinds "token" may be any field.
func namesSayIt(o map[string]any) bool { return o["kind"] == "ConfigMap" && o["apiVersion"] == "v1" }

func hideNamed(v any) {
	values, _ := v.(map[string]any)
	for k, item := range values {
		if s, ok := item.(string); ok && SecretName(k) {
			values[k] = hidden([]byte(s))
		}
	}
}

var (
	secretWord = regexp.MustCompile(`(?i)(passw(or)?d|passphrase|(^|[-_.])(pass|pwd)$|secret|token|credential|api[-_]?key|private[-_]?key|access[-_]?key|[-_]key$|\bdsn\b|_dsn$|connection[-_]?string)`)
	// names that contain such a word and hold no secret, but where it is
	secretPlace = regexp.MustCompile(`(?i)(name|file|path|dir|ref|namespace|url|uri|enabled|ttl|expir\w*|issuer|audience|public[-_]?key)$`)
)

// SecretName tells whether a name says that what it names is secret: "DB_PASSWORD", not "PASSWORD_FILE".
func SecretName(name string) bool {
	return secretWord.MatchString(name) && !secretPlace.MatchString(name)
}
