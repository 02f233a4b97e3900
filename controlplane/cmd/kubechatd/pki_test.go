package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/pki"
)

// pkiAt runs kubechatd pki with a key directory and a database, and returns what it printed.
func pkiAt(t *testing.T, keys, dsn string, args ...string) (string, error) {
	t.Helper()
	var out, log bytes.Buffer
	args = append(append([]string{"pki"}, args...), "--key-dir", keys, "--tunnel-host", "tunnel.example.test:443")
	if dsn != "" {
		args = append(args, "--database-url", dsn)
	}
	err := run(t.Context(), &env{out: &out, err: &log, getenv: func(string) string { return "" }}, args)
	return out.String(), err
}

func pkiStatus(t *testing.T, keys, dsn string) (s controlplane.PKIStatus) {
	t.Helper()
	out, err := pkiAt(t, keys, dsn, "status", "--output", "json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return s
}

func TestCeremonyKeepsTheRootsKeyOffline(t *testing.T) {
	t.Parallel()
	dsn := storetest.NewClosed(t).DSN
	offline, online, files := t.TempDir(), t.TempDir(), t.TempDir()
	keep := func(name, keys string, args ...string) string {
		t.Helper()
		out, err := pkiAt(t, keys, "", args...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		path := filepath.Join(files, name)
		if err := os.WriteFile(path, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	root := keep("root.pem", offline, "ceremony", "root")
	request := keep("request.pem", online, "ceremony", "request")
	issuing := keep("issuing.pem", offline, "ceremony", "sign", "--root", root, "--request", request)
	if _, err := pkiAt(t, online, "", "ceremony", "sign", "--root", root, "--request", request); err == nil || !strings.Contains(err.Error(), "not in this key source") {
		t.Errorf("signed without the root's key: %v", err)
	}
	if _, err := pkiAt(t, offline, dsn, "ceremony", "import", "--root", root, "--issuing", issuing); err == nil {
		t.Error("imported where the issuing key is not")
	}
	if _, err := pkiAt(t, online, dsn, "ceremony", "import", "--root", root, "--issuing", issuing); err != nil {
		t.Fatal(err)
	}
	s := pkiStatus(t, online, dsn)
	if s.Bundle != 1 || s.Phase != "standby" || len(s.Authorities) != 2 {
		t.Fatalf("%+v", s)
	}
	for _, a := range s.Authorities {
		if a.Slot != "active" || a.KeyHere != (a.Kind == "issuing") || (a.Signs == "clients, servers") != (a.Kind == "issuing") {
			t.Errorf("%+v", a)
		}
	}
	if len(s.Events) == 0 || s.Events[len(s.Events)-1].Action != "ceremony.imported" {
		t.Errorf("record: %+v", s.Events)
	}
	if _, err := pkiAt(t, online, dsn, "rotate", "issuing"); err == nil || !strings.Contains(err.Error(), "ceremony") {
		t.Errorf("made an issuing certificate without the root's key: %v", err)
	}
}

func TestOperatorReplacesAndRevokesAuthorities(t *testing.T) {
	t.Parallel()
	dsn, keys := storetest.NewClosed(t).DSN, t.TempDir()
	must := func(args ...string) string {
		t.Helper()
		out, err := pkiAt(t, keys, dsn, args...)
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return out
	}
	must("rotate", "issuing")
	s := pkiStatus(t, keys, dsn)
	var retired string
	for _, a := range s.Authorities {
		if a.Slot == "retired" {
			retired = a.Fingerprint
		}
	}
	if _, err := pkiAt(t, keys, dsn, "revoke", retired); err == nil {
		t.Error("revoked without a reason")
	}
	if out := must("revoke", retired, "--reason", "drill"); !strings.Contains(out, "tainted") {
		t.Errorf("after revoking:\n%s", out)
	}
	for _, phase := range []string{"init", "update_clients", "rollback", "standby", "init", "update_clients", "update_servers"} {
		if out := must("rotate", phase); !strings.Contains(out, "phase         "+phase) && phase != "standby" {
			t.Errorf("after %s:\n%s", phase, out)
		}
	}
	if _, err := pkiAt(t, keys, dsn, "rotate", "standby"); err == nil || !strings.Contains(err.Error(), "may come back until") {
		t.Errorf("dropped the old root at once: %v", err)
	}
	must("rotate", "standby", "--force", "--reason", "drill")
	if s = pkiStatus(t, keys, dsn); s.Phase != "standby" || !strings.Contains(s.Events[0].Detail, "forced (drill)") {
		t.Errorf("%s, %+v", s.Phase, s.Events[0])
	}
	if _, err := pkiAt(t, keys, dsn, "rotate", "update_servers"); err == nil {
		t.Error("a phase was skipped")
	}
	for _, args := range [][]string{{}, {"status", "more"}, {"revoke", "ff", "--reason", "x"}, {"ceremony", "dance"}} {
		if _, err := pkiAt(t, keys, dsn, args...); err == nil {
			t.Errorf("pki %v did something", args)
		}
	}
	if _, err := pkiAt(t, "pkcs11:token=x", dsn, "status"); err == nil || !strings.Contains(err.Error(), "tag pkcs11") {
		t.Errorf("a key source that was not built in: %v", err)
	}
}

func TestReplicaTokenIsMadeBesideTheKeysAndIsOnRecord(t *testing.T) {
	t.Parallel()
	dsn, keys := storetest.NewClosed(t).DSN, t.TempDir()
	if _, err := pkiAt(t, keys, dsn, "replica-token"); err == nil || !strings.Contains(err.Error(), "purpose") {
		t.Errorf("without a reason: %v", err)
	}
	out, err := pkiAt(t, keys, dsn, "replica-token", "--reason", "the front", "--life", "24h")
	if err != nil || !strings.HasPrefix(out, "kcr1_") || strings.Count(out, "\n") != 1 {
		t.Fatalf("%q %v", out, err)
	}
	token, err := pki.ParseReplicaToken(out)
	if err != nil {
		t.Fatal(err)
	}
	s := pkiStatus(t, keys, dsn)
	if s.Bundle != 0 || len(s.Authorities) != 0 {
		t.Errorf("it made an authority: %+v", s.Authorities)
	}
	if len(s.Events) != 1 || s.Events[0].Action != "replica_token.made" || !strings.Contains(s.Events[0].Detail, token.ID) ||
		!strings.Contains(s.Events[0].Detail, "the front") || strings.Contains(s.Events[0].Detail, "kcr1_") {
		t.Errorf("record: %+v", s.Events)
	}
	if _, err := pkiAt(t, keys, dsn, "revoke-replica-token", token.ID, "--reason", "drill"); err != nil {
		t.Fatal(err)
	}
	if s = pkiStatus(t, keys, dsn); s.Events[0].Action != "replica_token.revoked" {
		t.Errorf("record: %+v", s.Events)
	}
}
