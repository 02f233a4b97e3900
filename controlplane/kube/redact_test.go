package kube

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestRedactTextTakesSecretsByTheirForm(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain words about a token":                                                       "plain words about a token",
		"password=hunter2hunter2 user=bob":                                                "password=<redacted> user=bob",
		"DB_PASSWORD: sesame-open":                                                        "DB_PASSWORD: <redacted>",
		"Authorization: Bearer abcdefghijklmnop.qrs":                                      "Authorization: Bearer <redacted>",
		"postgres://app:s3cr3t@db:5432/x":                                                 "postgres://app:<redacted>@db:5432/x",
		"AKIAIOSFODNN7EXAMPLE is a key id":                                                "<redacted key id> is a key id",
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_":                                  "<redacted token>",
		"ghp_0123456789abcdefghijABCDEFGHIJ012345":                                        "<redacted token>",
		"-----BEGIN RSA PRIVATE KEY-----\nMIIE\nxx\n-----END RSA PRIVATE KEY-----\nafter": "<redacted private key>\nafter",
		"-----BEGIN PRIVATE KEY-----\ncut off":                                            "<redacted private key>",
		"kcp_0123456789abcdefghijABCDEFGHIJ":                                              "<redacted token>",
		"https://example.com/path?x=1":                                                    "https://example.com/path?x=1",
		"image: registry.example.com/shop/web:1.2.3":                                      "image: registry.example.com/shop/web:1.2.3",
		"secretKeyRef":      "secretKeyRef",
		"tokens: 12":        "tokens: 12",
		"readinessProbe ok": "readinessProbe ok",
	} {
		if got := redactText(in); got != want {
			t.Errorf("%q -> %q, want %q", in, got, want)
		}
	}
	if got := redactText(`{"api_key": "abcdefgh12345678", "password":"correct-horse"}`); strings.Contains(got, "abcdefgh") || strings.Contains(got, "correct") {
		t.Errorf("JSON in a log: %s", got)
	}
}

func TestRedactHidesValuesAndKeepsNames(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"a secret": {
			`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"stringData\":\"x\"}"}},"data":{"a":"aGVsbG8=","b":"%%%"},"stringData":{"c":"world!"},"type":"Opaque"}`,
			`{"apiVersion":"v1","data":{"a":"<redacted, 5 bytes>","b":"<redacted, 3 bytes>"},"kind":"Secret","metadata":{"name":"s"},"stringData":{"c":"<redacted, 6 bytes>"},"type":"Opaque"}`,
		},
		"a secret of a form that is none": {
			`{"apiVersion":"v1","kind":"Secret","data":"everything"}`,
			`{"apiVersion":"v1","data":"<redacted, 0 bytes>","kind":"Secret"}`,
		},
		"environment": {
			`{"kind":"Pod","spec":{"containers":[{"name":"c","env":[{"name":"DB_PASSWORD","value":"x1"},{"name":"PASSWORD_FILE","value":"/run/x"},{"name":"MODE","value":"fast"},{"name":"TOKEN","valueFrom":{"secretKeyRef":{"name":"n","key":"k"}}}]}]}}`,
			`{"kind":"Pod","spec":{"containers":[{"env":[{"name":"DB_PASSWORD","value":"<redacted, 2 bytes>"},{"name":"PASSWORD_FILE","value":"/run/x"},{"name":"MODE","value":"fast"},{"name":"TOKEN","valueFrom":{"secretKeyRef":{"key":"k","name":"n"}}}],"name":"c"}]}}`,
		},
		"a config map": {
			`{"apiVersion":"v1","kind":"ConfigMap","data":{"client_secret":"abc","color":"blue"}}`,
			`{"apiVersion":"v1","data":{"client_secret":"<redacted, 3 bytes>","color":"blue"},"kind":"ConfigMap"}`,
		},
		"an argument": {
			`{"kind":"Pod","spec":{"containers":[{"args":["--token=abcdefghijk","--port=80"]}]}}`,
			`{"kind":"Pod","spec":{"containers":[{"args":["--token=<redacted>","--port=80"]}]}}`,
		},
	} {
		var o map[string]any
		if err := json.Unmarshal([]byte(c.in), &o); err != nil {
			t.Fatal(err)
		}
		redact(o)
		var out strings.Builder
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(o); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(out.String()); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func FuzzASecretsValueSurvivesNothing(f *testing.F) {
	f.Add("aGVsbG8=")
	f.Add("not base64 at all")
	f.Fuzz(func(t *testing.T, value string) {
		if len(value) < 4 || strings.Contains("<redacted, 0123456789 bytes>", value) {
			return
		}
		o := map[string]any{"apiVersion": "v1", "kind": "Secret", "data": map[string]any{"k": value}, "stringData": map[string]any{"k": value}}
		redact(o)
		if text := toYAML(o); strings.Contains(text, value) {
			t.Fatalf("%q is in %s", value, text)
		}
	})
}
