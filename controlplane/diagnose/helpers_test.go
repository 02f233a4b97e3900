package diagnose_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubechat/kubechat/controlplane/diagnose"
	"github.com/kubechat/kubechat/controlplane/diagnose/diagnosetest"
)

var groups = map[string]string{
	"deployments": "apps", "statefulsets": "apps", "daemonsets": "apps", "replicasets": "apps", "jobs": "batch", "cronjobs": "batch", "horizontalpodautoscalers": "autoscaling",
	"poddisruptionbudgets": "policy", "ingresses": "networking.k8s.io", "networkpolicies": "networking.k8s.io", "gateways": "gateway.networking.k8s.io", "httproutes": "gateway.networking.k8s.io",
	"certificates": "cert-manager.io", "validatingwebhookconfigurations": "admissionregistration.k8s.io", "apiservices": "apiregistration.k8s.io", "roles": "rbac.authorization.k8s.io",
	"rolebindings": "rbac.authorization.k8s.io", "applications": "argoproj.io",
}

func gvr(plural string) schema.GroupVersionResource {
	version := "v1"
	if plural == "horizontalpodautoscalers" {
		version = "v2"
	}
	return schema.GroupVersionResource{Group: groups[plural], Version: version, Resource: plural}
}

// now is when every test asks.
var now = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// when replaces "@5m" by the time five minutes before now, and "@+5m" by five minutes after it.
func when(text string) string {
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "@")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return !strings.ContainsRune("+0123456789smh", r) })
		if end < 0 {
			end = len(rest)
		}
		if d, err := time.ParseDuration(strings.TrimPrefix(rest[:end], "+")); err == nil {
			if !strings.HasPrefix(rest, "+") {
				d = -d
			}
			out.WriteString(now.Add(d).Format(time.RFC3339))
			text = rest[end:]
			continue
		}
		out.WriteString("@")
		text = rest
	}
}

func reader(t *testing.T, text string) *diagnosetest.Reader {
	t.Helper()
	r, err := diagnosetest.New(when(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// target reads "pods/shop/web-1", "pods/shop/", "/shop/", "nodes//n1" or "//".
func target(text string) diagnose.Target {
	p := strings.SplitN(text, "/", 3)
	t := diagnose.Target{Namespace: p[1], Name: p[2], At: now}
	if p[0] != "" {
		t.Resource = gvr(p[0])
	}
	return t
}

func report(t *testing.T, r diagnose.Reader, at string) diagnose.Report {
	t.Helper()
	got, err := diagnose.Run(context.Background(), r, target(at))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func run(t *testing.T, r diagnose.Reader, at string) []diagnose.Finding {
	t.Helper()
	return report(t, r, at).Findings
}

// says is everything that a finding says, on lines.
func says(f diagnose.Finding) string {
	lines := []string{f.Object + " " + f.Reason + " " + string(f.Severity), f.Text, f.Cause, f.Next}
	for _, e := range f.Evidence {
		lines = append(lines, fmt.Sprintf("%s = %s (%s)", e.Path, e.Value, e.Object))
	}
	if f.Fix != nil {
		lines = append(lines, f.Fix.Label+": "+f.Fix.Text)
	}
	return strings.Join(append(lines, f.Related...), "\n")
}

// ill is one kind of trouble: what is found first of it, and what has to be different for nothing to be found.
type ill struct {
	yaml, at       string
	object, reason string
	says           []string
	cured          []string // old, new, old, new, …
	only           bool     // nothing else is found
}

func check(t *testing.T, table map[string]ill) {
	t.Helper()
	for name, c := range table {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := run(t, reader(t, c.yaml), c.at)
			if len(found) == 0 {
				t.Fatal("nothing is found")
			}
			f := found[0]
			if f.Object != c.object || f.Reason != c.reason || f.Next == "" || len(f.Evidence) == 0 || f.ID != "F1" {
				t.Errorf("got\n%s", says(f))
			}
			for _, s := range c.says {
				if !strings.Contains(says(f), s) {
					t.Errorf("%q is not said in\n%s", s, says(f))
				}
			}
			for _, e := range f.Evidence {
				if e.Path == "" || e.Object == "" {
					t.Errorf("evidence %+v", e)
				}
			}
			if c.only && len(found) > 1 {
				t.Errorf("more is found: %s", says(found[1]))
			}
			if len(c.cured) == 0 {
				return
			}
			well := strings.NewReplacer(c.cured...).Replace(c.yaml)
			if well == c.yaml {
				t.Fatal("the cure changes nothing")
			}
			for _, f := range run(t, reader(t, well), c.at) {
				t.Errorf("found of the healthy one: %s", says(f))
			}
		})
	}
}
