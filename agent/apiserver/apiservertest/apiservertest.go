// Package apiservertest gives tests an agent's way to an API server that is a test's own.
package apiservertest

import (
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/kubechat/kubechat/agent/apiserver"
)

// Token is what the agent shows the API server.
const Token = "agents-own"

type object = map[string]any

// Open opens a TLS server by a kubeconfig, as an agent outside of its cluster does.
func Open(t testing.TB, api *httptest.Server) *apiserver.Server {
	t.Helper()
	config, err := json.Marshal(object{
		"current-context": "x", "contexts": []object{{"name": "x", "context": object{"cluster": "c", "user": "u"}}},
		"clusters": []object{{"name": "c", "cluster": object{
			"server": api.URL, "certificate-authority-data": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw}),
		}}},
		"users": []object{{"name": "u", "user": object{"token": Token}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := apiserver.FromKubeconfig(path, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.CloseIdle)
	return s
}
