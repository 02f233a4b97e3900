package redact_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/redact"
)

const key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----"

// rows are a text with each kind of secret, and what is left of it.
var rows = map[string]struct{ in, want string }{
	"words":                 {"plain words about a token", "plain words about a token"},
	"a password":            {"password=hunter2hunter2 user=bob", "password=<redacted> user=bob"},
	"a short password":      {"password=abc user=bob", "password=<redacted> user=bob"},
	"a variable":            {"DB_PASSWORD: sesame-open", "DB_PASSWORD: <redacted>"},
	"single quotes":         {"password='hunter2' x", "password='<redacted>' x"},
	"escaped quotes":        {`msg="{\"token\":\"abcdefgh1\"}"`, `msg="{\"token\":\"<redacted>\"}"`},
	"over two lines":        {"token:\n  abcdefghi1 x", "token:\n  <redacted> x"},
	"bearer":                {"Authorization: Bearer abcdefghijklmnop.qrs", "Authorization: Bearer <redacted>"},
	"basic":                 {"authorization: basic dXNlcjpwYXNzd29yZA== rest", "authorization: Basic <redacted> rest"},
	"userinfo":              {"dial postgres://app:s3cr3t@db:5432/x failed", "dial postgres://app:<redacted>@db:5432/x failed"},
	"aws":                   {"AKIAIOSFODNN7EXAMPLE is an id", "<redacted key id> is an id"},
	"aws, temporary":        {"id ASIAIOSFODNN7EXAMPLE", "id <redacted key id>"},
	"jwt":                   {"got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_ here", "got <redacted token> here"},
	"github":                {"ghp_0123456789abcdefghijABCDEFGHIJ012345", "<redacted token>"},
	"github, fine-grained":  {"use github_pat_0123456789abcdefghijABCDEFGHIJ012345 now", "use <redacted token> now"},
	"gitlab":                {"glpat-abcdefghijk0123456789", "<redacted token>"},
	"google":                {"AIzaSyA1234567890abcdefghijklmnopqrstuv", "<redacted key>"},
	"google oauth":          {"GOCSPX-abcdefghijklmnopqrstuvwx", "<redacted key>"},
	"slack":                 {"xoxb-123456789012-abcdef", "<redacted token>"},
	"slack hook":            {"POST https://hooks.slack.com/services/T0000/B0000/abcdefgh", "POST https://hooks.slack.com/services/<redacted>"},
	"openai":                {"sk-proj-abcdefghijklmnopqrstu", "<redacted key>"},
	"restricted":            {"rk-abcdefghijklmnopqrstuvw", "<redacted key>"},
	"stripe":                {"sk_live_abcdefghijklm", "<redacted key>"},
	"npm":                   {"npm_abcdefghijklmnopqrstuvwxyz0123456789", "<redacted token>"},
	"hugging face":          {"hf_abcdefghijklmnopqrstuvwx", "<redacted token>"},
	"vault":                 {"hvs.CAESIJabcdefghijklmnop", "<redacted token>"},
	"docker":                {"dckr_pat_abcdefghijklmnopqrstu", "<redacted token>"},
	"sendgrid":              {"SG.abcdefghijklmnop.abcdefghijklmnopq", "<redacted key>"},
	"our own":               {"kcp_0123456789abcdefghijABCDEFGHIJ", "<redacted token>"},
	"azure storage":         {"AccountKey=abcdefghijklmnopqrstuvwxyz0123==;End", "AccountKey=<redacted>;End"},
	"signed address":        {"GET /b?sv=1&sig=abcdefgh%2Fijk&x=1", "GET /b?sv=1&sig=<redacted>&x=1"},
	"registry log-in":       {`{"auths":{"r.io":{"auth": "dXNlcjpwYXNz"}}}`, `{"auths":{"r.io":{"auth": "<redacted>"}}}`},
	"kubeconfig":            {"client-key-data: LS0tLS1CRUdJTiBSU0E=", "client-key-data: <redacted>"},
	"a private key":         {"x\n" + key + "\nafter", "x\n<redacted private key>\nafter"},
	"a private key, cut":    {"a -----BEGIN PRIVATE KEY-----\ncut off", "a <redacted private key>"},
	"age":                   {"AGE-SECRET-KEY-1ABCDEFGHIJKLMNOPQRSTUVWXYZ", "<redacted private key>"},
	"random beside a key":   {"the api key is f3A9xQ7bL2mZ8kP4wR6t today", "the api key is <redacted> today"},
	"a certificate is none": {"-----BEGIN CERTIFICATE-----\nMIIEow\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nMIIEow\n-----END CERTIFICATE-----"},
	"a name beside a key":   {"the key of payments-api-deployment-canary-2", "the key of payments-api-deployment-canary-2"},
	"a pod beside a token":  {"token for pod checkout-7d9f8b6c5d-x2k4q expired", "token for pod checkout-7d9f8b6c5d-x2k4q expired"},
	"an address":            {"https://example.com/path?x=1", "https://example.com/path?x=1"},
	"an image":              {"image: registry.example.com/shop/web:1.2.3", "image: registry.example.com/shop/web:1.2.3"},
	"a field":               {"secretKeyRef", "secretKeyRef"},
	"a count":               {"tokens: 12", "tokens: 12"},
	"a probe":               {"readinessProbe ok", "readinessProbe ok"},
}

func TestTextTakesSecretsByTheirForm(t *testing.T) {
	t.Parallel()
	for name, r := range rows {
		if got := redact.Text(r.in); got != r.want {
			t.Errorf("%s: %q -> %q, want %q", name, r.in, got, r.want)
		}
	}
}

func TestAStreamCutAnywhereShowsWhatTheWholeWould(t *testing.T) {
	t.Parallel()
	for name, r := range rows {
		text := "before " + r.in + " behind\n"
		want := redact.Text(text)
		for cut := range len(text) + 1 {
			var s redact.Stream
			got := s.Write(text[:cut]) + s.Write(text[cut:]) + s.Close()
			if got != want {
				t.Fatalf("%s, cut at %d: %q, want %q", name, cut, got, want)
			}
		}
	}
}

func TestAStreamInManyPiecesShowsWhatTheWholeWould(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for _, r := range rows {
		text.WriteString(r.in + "\nand then ")
	}
	whole := text.String()
	want := redact.Text(whole)
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var s redact.Stream
		var got strings.Builder
		for rest := whole; rest != ""; {
			n := min(len(rest), 1+rnd.IntN(12))
			got.WriteString(s.Write(rest[:n]))
			rest = rest[n:]
		}
		got.WriteString(s.Close())
		if got.String() != want {
			t.Fatalf("seed %d:\n%s\nwant\n%s", seed, got.String(), want)
		}
	}
}

func TestAStreamShowsNothingOfWhatIsTooLongToJudge(t *testing.T) {
	t.Parallel()
	var s redact.Stream
	var got strings.Builder
	for range 5000 {
		got.WriteString(s.Write("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="))
	}
	got.WriteString(s.Write(" end ") + s.Close())
	if out := got.String(); strings.Contains(out, "QUJD") || !strings.HasSuffix(out, " end ") {
		t.Errorf("%.200q", out)
	}
	got.Reset()
	got.WriteString(s.Write("-----BEGIN PRIVATE KEY-----\n"))
	for range 5000 {
		got.WriteString(s.Write("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=\n"))
	}
	got.WriteString(s.Write("-----END PRIV") + s.Write("ATE KEY-----\nend ") + s.Close())
	if out := got.String(); strings.Contains(out, "QUJD") || !strings.HasSuffix(out, "\nend ") {
		t.Errorf("%.200q", out)
	}
}

func TestObjectHidesValuesAndKeepsNames(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"a secret": {
			`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"stringData\":\"x\"}"}},"data":{"a":"aGVsbG8=","b":"%%%","long":"aGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8="},"stringData":{"c":"world!"},"type":"Opaque"}`,
			`{"apiVersion":"v1","data":{"a":"<redacted len=5>","b":"<redacted len=3>","long":"<redacted len=23 sha=eac1>"},"kind":"Secret","metadata":{"name":"s"},"stringData":{"c":"<redacted len=6>"},"type":"Opaque"}`,
		},
		"a secret in a list": {
			`{"kind":"List","items":[{"apiVersion":"v1","kind":"Secret","data":{"a":"aGVsbG8="}}]}`,
			`{"items":[{"apiVersion":"v1","data":{"a":"<redacted len=5>"},"kind":"Secret"}],"kind":"List"}`,
		},
		"a secret of a form that is none": {
			`{"apiVersion":"v1","kind":"Secret","data":"everything"}`,
			`{"apiVersion":"v1","data":"<redacted len=0>","kind":"Secret"}`,
		},
		"environment": {
			`{"kind":"Pod","spec":{"containers":[{"name":"c","env":[{"name":"DB_PASSWORD","value":"x1"},{"name":"DB_PASS","value":"x1"},{"name":"SIGNING_KEY","value":"x1"},{"name":"PASSWORD_FILE","value":"/run/x"},{"name":"MODE","value":"fast"},{"name":"TOKEN","valueFrom":{"secretKeyRef":{"name":"n","key":"k"}}}]}]}}`,
			`{"kind":"Pod","spec":{"containers":[{"env":[{"name":"DB_PASSWORD","value":"<redacted len=2>"},{"name":"DB_PASS","value":"<redacted len=2>"},{"name":"SIGNING_KEY","value":"<redacted len=2>"},{"name":"PASSWORD_FILE","value":"/run/x"},{"name":"MODE","value":"fast"},{"name":"TOKEN","valueFrom":{"secretKeyRef":{"key":"k","name":"n"}}}],"name":"c"}]}}`,
		},
		"a config map": {
			`{"apiVersion":"v1","kind":"ConfigMap","data":{"client_secret":"abc","color":"blue","app.yaml":"password: hunter2"}}`,
			`{"apiVersion":"v1","data":{"app.yaml":"password: <redacted>","client_secret":"<redacted len=3>","color":"blue"},"kind":"ConfigMap"}`,
		},
		"an argument": {
			`{"kind":"Pod","spec":{"containers":[{"args":["--token=abcdefghijk","--port=80"]}]}}`,
			`{"kind":"Pod","spec":{"containers":[{"args":["--token=<redacted>","--port=80"]}]}}`,
		},
		"the copy of apply": {
			`{"kind":"Pod","metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}","a":"b"}}}`,
			`{"kind":"Pod","metadata":{"annotations":{"a":"b"}}}`,
		},
		"arguments of a tool": {`{"grep":"password=hunter2","n":["Bearer abcdefghijklmnop"]}`, `{"grep":"password=<redacted>","n":["Bearer <redacted>"]}`},
		"what is no object":   {`"password=hunter2"`, `"password=<redacted>"`},
	} {
		got := redact.JSON([]byte(c.in))
		var a, b any
		if json.Unmarshal(got, &a) != nil || json.Unmarshal([]byte(c.want), &b) != nil {
			t.Fatalf("%s: %s", name, got)
		}
		if x, y := plain(a), plain(b); x != y {
			t.Errorf("%s:\n%s\nwant\n%s", name, x, y)
		}
	}
	if got := string(redact.JSON([]byte(`{"cut": "password=hunter2`))); strings.Contains(got, "hunter2") {
		t.Errorf("broken JSON: %s", got)
	}
}

func plain(v any) string {
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
	return out.String()
}

func FuzzASecretsValueSurvivesNothing(f *testing.F) {
	f.Add("aGVsbG8=")
	f.Add("not base64 at all")
	f.Fuzz(func(t *testing.T, value string) {
		if len(value) < 4 || strings.Contains("<redacted len=0123456789 sha=abcdef>", value) {
			return
		}
		o := map[string]any{"apiVersion": "v1", "kind": "Secret", "data": map[string]any{"k": value}, "stringData": map[string]any{"k": value}}
		redact.Object(o)
		if text := plain(o); strings.Contains(text, value) && !strings.Contains("apiVersion kind Secret data stringData", value) {
			t.Fatalf("%q is in %s", value, text)
		}
	})
}
