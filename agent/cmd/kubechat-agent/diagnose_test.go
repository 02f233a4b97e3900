package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/agent"
)

func TestDiagnoseSaysWhatFailsAndEndsSo(t *testing.T) {
	t.Parallel()
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"gitVersion":"v1.37.2","status":{"allowed":true}}`)
	}))
	defer api.Close()
	args := []string{"diagnose", "--output", "json", "--kubeconfig", writeKubeconfig(t, api.URL), "--state-dir", t.TempDir(), "--join-token=kcj1_cut"}
	var out strings.Builder
	err := run(t.Context(), args, env(nil), &out, io.Discard)
	var r agent.Report
	if jsonErr := json.Unmarshal([]byte(out.String()), &r); jsonErr != nil || !errors.Is(err, errDiagnosis) || r.OK || strings.Contains(out.String(), "kcj1_cut") {
		t.Fatalf("%v, %v:\n%s", err, jsonErr, out.String())
	}
	verdicts := map[string]agent.Verdict{}
	for _, f := range r.Findings {
		verdicts[f.Step] = f.Verdict
	}
	if verdicts["join token"] != agent.Failed || verdicts["API server"] != agent.Well || verdicts["RBAC"] != agent.Well || verdicts["TLS"] != agent.Skipped {
		t.Errorf("%v", verdicts)
	}
}

func TestDiagnoseOfWrongSettingsIsAFindingToo(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	err := run(t.Context(), []string{"diagnose", "--kubeconfig", "/nonexistent"}, env(nil), &out, io.Discard)
	if !errors.Is(err, errDiagnosis) || !strings.Contains(out.String(), "failed   settings") || !strings.Contains(out.String(), "->") {
		t.Errorf("%v:\n%s", err, out.String())
	}
	if err := run(t.Context(), []string{"diagnose", "--output=xml"}, env(nil), &out, io.Discard); !errors.Is(err, errUsage) {
		t.Errorf("an unknown output: %v", err)
	}
}
