package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/telemetry"
)

func TestNoKnownSecretReachesALog(t *testing.T) {
	t.Parallel()
	secrets := map[string]string{
		"join token":    "kcj1_8f3kD0aQzLm29xYw",
		"replica token": "kcr1_8f3kD0aQzLm29xYw",
		"API token":     "kcp_8f3kD0aQzLm29xYwTT",
		"bearer":        "Authorization: Bearer eyJhbGciOi.J9.abc",
		"login":         "Cookie: __Host-kc_0123456789ab=Zm9vYmFyYmF6",
		"plain login":   "kc_0123456789ab=Zm9vYmFyYmF6",
		"private key":   "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIB\n-----END EC PRIVATE KEY-----",
	}
	for name, text := range secrets {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, json := range []bool{true, false} {
				var out bytes.Buffer
				log := telemetry.NewLogger(&out, slog.LevelDebug, json)
				log.With("attached", text).WithGroup("g").Info("message "+text, "text", text, "error", errors.New(text),
					"bytes", []byte(text), slog.Group("inner", "deep", text), "struct", struct{ A string }{text})
				for _, piece := range []string{"8f3kD0aQ", "eyJhbGciOi", "Zm9vYmFy", "MHcCAQEEIB"} {
					if strings.Contains(text, piece) && strings.Contains(out.String(), piece) {
						t.Errorf("the secret is in: %s", out.String())
					}
				}
			}
		})
	}
}

func TestOrdinaryLogLinesStayAsTheyAre(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	telemetry.NewLogger(&out, slog.LevelInfo, false).Info("tunnel closed", "cluster", "0190", "basic", "plan", "n", 3)
	for _, want := range []string{`msg="tunnel closed"`, "cluster=0190", "basic=plan", "n=3"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is missing in %s", want, out.String())
		}
	}
}

func TestReadinessFollowsTheParts(t *testing.T) {
	t.Parallel()
	tel := telemetry.New(telemetry.Config{Version: "v1"})
	ops := httptest.NewServer(tel.OpsHandler())
	t.Cleanup(ops.Close)
	var away error
	tel.Health.Require("database", func(context.Context) error { return away })
	if code, _ := get(t, ops.URL+"/readyz"); code != http.StatusOK {
		t.Fatalf("well, and yet %d", code)
	}
	away = errors.New("connection refused with kcp_8f3kD0aQzLm29xYwTT")
	code, text := get(t, ops.URL+"/readyz")
	if code != http.StatusServiceUnavailable || !strings.Contains(text, "database") || strings.Contains(text, "8f3kD") {
		t.Fatalf("%d %s", code, text)
	}
	public := httptest.NewServer(tel.Health.ServeReady(false))
	t.Cleanup(public.Close)
	if _, text := get(t, public.URL); strings.Contains(text, "database") {
		t.Errorf("customers are told which part is not well: %s", text)
	}
	away = nil
	tel.Health.Drain()
	if code, _ := get(t, ops.URL+"/readyz"); code != http.StatusServiceUnavailable {
		t.Error("a replica that stops wants traffic")
	}
	if code, _ := get(t, ops.URL+"/healthz"); code != http.StatusOK {
		t.Error("a replica that drains is not dead")
	}
}

func TestMetricsSayWhichVersionRuns(t *testing.T) {
	t.Parallel()
	ops := httptest.NewServer(telemetry.New(telemetry.Config{Version: "v1.2.3"}).OpsHandler())
	t.Cleanup(ops.Close)
	if _, text := get(t, ops.URL+"/metrics"); !strings.Contains(text, `kubechat_build_info{version="v1.2.3"} 1`) {
		t.Error("no build_info")
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}
