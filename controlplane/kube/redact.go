package kube

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// redact takes out of an object, in place, what chat must never hold: the values of a Secret (keys and lengths stay),
// the copy of the object that kubectl apply keeps in an annotation, and values whose name says that they are secret.
func redact(o map[string]any) {
	dropAnnotation(o, lastApplied)
	if isSecret(o) {
		hideValues(o, "data", func(s string) int {
			b, err := base64.StdEncoding.DecodeString(s)
			if err != nil {
				return len(s)
			}
			return len(b)
		})
		hideValues(o, "stringData", func(s string) int { return len(s) })
		return
	}
	if o["kind"] == "ConfigMap" && o["apiVersion"] == "v1" {
		hideSuspicious(o, "data")
	}
	walk(o)
}

func isSecret(o map[string]any) bool { return o["kind"] == "Secret" && o["apiVersion"] == "v1" }

func dropAnnotation(o map[string]any, key string) {
	meta, _ := o["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	delete(annotations, key)
	if annotations != nil && len(annotations) == 0 {
		delete(meta, "annotations")
	}
}

func hideValues(o map[string]any, field string, size func(string) int) {
	values, ok := o[field].(map[string]any)
	if !ok {
		if o[field] != nil { // not what a Secret has: nothing of it is safe
			o[field] = hidden(0)
		}
		return
	}
	for k, v := range values {
		s, _ := v.(string)
		values[k] = hidden(size(s))
	}
}

func hidden(n int) string { return fmt.Sprintf("<redacted, %d bytes>", n) }

func hideSuspicious(o map[string]any, field string) {
	values, _ := o[field].(map[string]any)
	for k, v := range values {
		if s, ok := v.(string); ok && secretName(k) {
			values[k] = hidden(len(s))
		}
	}
}

// walk hides the values of environment variables with a secret name, wherever containers are, and secrets inside text.
func walk(v any) {
	switch x := v.(type) {
	case map[string]any:
		name, _ := x["name"].(string)
		if value, ok := x["value"].(string); ok && secretName(name) {
			x["value"] = hidden(len(value))
		}
		for k, item := range x {
			if s, ok := item.(string); ok {
				x[k] = redactText(s)
				continue
			}
			walk(item)
		}
	case []any:
		for i, item := range x {
			if s, ok := item.(string); ok {
				x[i] = redactText(s)
				continue
			}
			walk(item)
		}
	}
}

var (
	secretWord = regexp.MustCompile(`(?i)(passw(or)?d|passphrase|secret|token|credential|api[-_]?key|private[-_]?key|access[-_]?key|\bdsn\b|_dsn$)`)
	// names that contain such a word and hold no secret, but where it is
	secretPlace = regexp.MustCompile(`(?i)(name|file|path|dir|ref|namespace|url|uri|enabled|ttl|expir\w*|issuer|audience)$`)
)

func secretName(name string) bool {
	return secretWord.MatchString(name) && !secretPlace.MatchString(name)
}

type pattern struct {
	hint string // cheap to look for; the expression runs only where it is
	re   *regexp.Regexp
	with string
}

// patterns are secrets that show by their form alone, in logs, events, messages and any field.
var patterns = []pattern{
	{"-----BEGIN", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`), "<redacted private key>"},
	{"eyJ", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`), "<redacted token>"},
	{"A", regexp.MustCompile(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`), "<redacted key id>"},
	{"gh", regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})`), "<redacted token>"},
	{"glpat-", regexp.MustCompile(`\bglpat-[A-Za-z0-9_-]{15,}`), "<redacted token>"},
	{"AIza", regexp.MustCompile(`\bAIza[0-9A-Za-z_-]{35}`), "<redacted key>"},
	{"xox", regexp.MustCompile(`\bxox[abeprs]-[A-Za-z0-9-]{10,}`), "<redacted token>"},
	{"k-", regexp.MustCompile(`\b[sr]k-[A-Za-z0-9_-]{20,}`), "<redacted key>"},
	{"kc", regexp.MustCompile(`\bkc[pj]1?_[A-Za-z0-9]{20,}`), "<redacted token>"}, // our own
	{"earer ", regexp.MustCompile(`(?i)\bbearer [A-Za-z0-9._~+/=-]{12,}`), "Bearer <redacted>"},
	{"asic ", regexp.MustCompile(`(?i)\bbasic [A-Za-z0-9+/=]{12,}`), "Basic <redacted>"},
	{"://", regexp.MustCompile(`(\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/@]*):[^\s@/]+@`), "$1:<redacted>@"},
	{"ccountKey=", regexp.MustCompile(`(?i)(AccountKey=)[A-Za-z0-9+/=]{20,}`), "${1}<redacted>"},
	{"", regexp.MustCompile(`(?i)\b([a-z0-9_-]*(?:passw(?:or)?d|secret|api[-_]?key|access[-_]?key|token)"?\s*[=:]\s*)("?)[^\s"',;&<]{6,}`), "$1$2<redacted>"},
}

var anyHint = []string{"assw", "ASSW", "ecret", "ECRET", "oken", "OKEN", "key", "KEY", "Key"}

// redactText takes secrets out of free text. It errs on the side of taking too much.
func redactText(s string) string {
	if len(s) < 8 {
		return s
	}
	for _, p := range patterns {
		if p.hint != "" && !strings.Contains(s, p.hint) && !strings.Contains(s, strings.ToUpper(p.hint)) {
			continue
		}
		if p.hint == "" && !slices.ContainsFunc(anyHint, func(h string) bool { return strings.Contains(s, h) }) {
			continue
		}
		s = p.re.ReplaceAllString(s, p.with)
	}
	return s
}

// tidy gives an object as people compare it: without what changes by itself, without the status, redacted.
func tidy(u *unstructured.Unstructured) map[string]any {
	if u == nil {
		return nil
	}
	o := u.DeepCopy().Object
	if meta, ok := o["metadata"].(map[string]any); ok {
		for _, f := range []string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"} {
			delete(meta, f)
		}
	}
	delete(o, "status")
	dropAnnotation(o, "deployment.kubernetes.io/revision") // the controller's, a moment after each change
	redact(o)
	return o
}
