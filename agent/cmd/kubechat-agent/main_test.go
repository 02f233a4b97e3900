package main

import (
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kubechat/kubechat/agent"
)

func env(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

func writeKubeconfig(t *testing.T, server string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	content := "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n" +
		"clusters: [{name: c, cluster: {server: '" + server + "', insecure-skip-tls-verify: true}}]\nusers: [{name: u, user: {token: t}}]\n"
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWrongSettingsSayWhatToDo(t *testing.T) {
	t.Parallel()
	kubeconfig := writeKubeconfig(t, "https://127.0.0.1:1")
	for says, args := range map[string][]string{
		"--kubeconfig":                {},
		"either a Secret or a folder": {"--kubeconfig", kubeconfig},
		"log level":                   {"--kubeconfig", kubeconfig, "--log-level", "loud"},
		`["serve"]`:                   {"serve"},
		"read the proxy's CA":         {"--kubeconfig", kubeconfig, "--proxy-ca-file", "/nonexistent"},
		"probe needs one URL":         {"probe"},
	} {
		err := run(t.Context(), args, env(nil), io.Discard, io.Discard)
		if !errors.Is(err, errUsage) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestHelpShowsTheSettingsAndNoSecret(t *testing.T) {
	t.Parallel()
	var help strings.Builder
	err := run(t.Context(), []string{"-h"}, env(map[string]string{"KUBECHAT_JOIN_TOKEN": "kcj1_secret"}), io.Discard, &help)
	if !errors.Is(err, flag.ErrHelp) || !strings.Contains(help.String(), "$KUBECHAT_JOIN_TOKEN") || strings.Contains(help.String(), "kcj1_secret") {
		t.Errorf("%v\n%s", err, help.String())
	}
}

func TestFlagsWinOverTheEnvironment(t *testing.T) {
	t.Parallel()
	kubeconfig := writeKubeconfig(t, "https://127.0.0.1:1")
	settings := map[string]string{"KUBECHAT_KUBECONFIG": kubeconfig, "KUBECHAT_STATE_DIR": "/env", "KUBECHAT_POD_NAME": "env", "KUBECHAT_JOIN_TOKEN": "x"}
	cfg, _, err := configure([]string{"--name", "flag"}, env(settings), io.Discard)
	if err != nil || cfg.Name != "flag" || cfg.StateDir != "/env" || cfg.JoinToken != "x" || cfg.Namespace != "kubechat" || cfg.OwnNamePrefix != "kubechat-agent" {
		t.Errorf("%+v, %v", cfg, err)
	}
}

func TestProbeWaitsForReadiness(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	ready := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "dialling")
			return
		}
		_, _ = io.WriteString(w, "connected\n")
	}))
	defer ready.Close()
	var out strings.Builder
	if err := run(t.Context(), []string{"probe", ready.URL}, env(nil), &out, io.Discard); err == nil || !strings.Contains(err.Error(), "dialling") {
		t.Errorf("without waiting: %v", err)
	}
	if err := run(t.Context(), []string{"probe", "--wait=30s", ready.URL}, env(nil), &out, io.Discard); err != nil || !strings.Contains(out.String(), "connected") {
		t.Errorf("%v: %s", err, out.String())
	}
	service := "tcp" + strings.TrimPrefix(ready.URL, "http") + "/readyz" // as Kubernetes writes it into the environment
	if err := run(t.Context(), []string{"probe", service}, env(nil), &out, io.Discard); err != nil {
		t.Errorf("a service's address from the environment: %v", err)
	}
}

func TestRunEndsWithoutATokenInWordsForTheOwner(t *testing.T) {
	t.Parallel()
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"gitVersion":"v1.37.2","metadata":{"uid":"u"}}`)
	}))
	defer api.Close()
	kubeconfig := writeKubeconfig(t, api.URL)
	var log strings.Builder
	err := run(t.Context(), []string{"--kubeconfig", kubeconfig, "--state-dir", t.TempDir()}, env(nil), io.Discard, &log)
	if !errors.Is(err, agent.ErrJoin) || !strings.Contains(err.Error(), "join.token") || !strings.Contains(log.String(), `"msg":"starting"`) {
		t.Errorf("%v\n%s", err, log.String())
	}
}
