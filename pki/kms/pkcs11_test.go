//go:build pkcs11

package kms_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/authority"
	_ "github.com/kubechat/kubechat/pki/kms"
	"github.com/kubechat/kubechat/pki/pkitest"
)

const module = "/usr/lib/softhsm/libsofthsm2.so"

// token makes a SoftHSM token and returns its URI.
func token(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	if err := os.WriteFile(conf, []byte("directories.tokendir = "+dir+"\nobjectstore.backend = file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	out, err := exec.Command("softhsm2-util", "--module", module, "--init-token", "--free", "--label", "kubechat", "--so-pin", "12345678", "--pin", "1234").CombinedOutput()
	if err != nil {
		t.Fatalf("softhsm2-util (apt install softhsm2): %v: %s", err, out)
	}
	return "pkcs11:module-path=" + module + ";token=kubechat?pin-value="
}

func TestAuthorityWithItsKeysInAToken(t *testing.T) { // one test: the module reads its environment once
	uri := token(t)
	if _, err := pki.OpenKeys(t.Context(), uri+"9999"); err == nil {
		t.Error("opened with a wrong PIN")
	}
	keys, err := pki.OpenKeys(t.Context(), uri+"1234")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Key(t.Context(), "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key that is not there: %v", err)
	}
	if _, err := keys.Key(t.Context(), "../x"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a bad name: %v", err)
	}
	store := pkitest.NewStore()
	open := func(keys pki.KeySource) *authority.Authority {
		a, err := authority.New(t.Context(), authority.Config{
			TrustDomain: pkitest.TrustDomain, Region: pkitest.Region, Keys: keys, Store: store, DNSNames: []string{"localhost"},
			Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := open(keys)
	if _, err := keys.Create(t.Context(), "root"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the root's key was made a second time: %v", err)
	}
	_, csr := pkitest.Request(t)
	tenant, cluster := uuid.NewString(), uuid.NewString()
	chain, err := a.EnrolCluster(t.Context(), tenant, cluster, csr)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.RotateIssuing(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	again, err := pki.OpenKeys(t.Context(), uri+"1234")
	if err != nil {
		t.Fatal(err)
	}
	b := open(again) // a restart: every key is found
	if a.RootSPKI() != b.RootSPKI() {
		t.Error("another root after a restart")
	}
	_, csr = pkitest.Request(t)
	if next, err := b.Renew(t.Context(), chain[0], csr); err != nil || next[1].Equal(chain[1]) {
		t.Errorf("renewal: %v", err)
	}
}
