package main

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/kubechat/kubechat/e2e/sandbox"
)

// TestEachOtherWayImpersonatesOnTheLastLeg runs what KubeChat is compared with, in processes of their own as the benchmark does:
// remotedialer reads what it writes without a lock when it closes, which the race detector would see in this one.
func TestEachOtherWayImpersonatesOnTheLastLeg(t *testing.T) {
	t.Parallel()
	o, err := selfSigned()
	if err != nil {
		t.Fatal(err)
	}
	own, pool, err := o.own()
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s by %s as %v", r.Proto, r.URL.Path, r.TLS.PeerCertificates[0].Subject.CommonName, r.Header.Values("Impersonate-User"))
	}))
	api.TLS = &tls.Config{Certificates: []tls.Certificate{own}, ClientCAs: pool, ClientAuth: tls.RequireAnyClientCert}
	api.StartTLS()
	defer api.Close()
	last := o
	last.Kube, last.To, last.Impersonate = credentials(t, o), api.URL, true

	bin := t.TempDir()
	if err := sandbox.BuildPrograms(t.Context(), bin, "./e2e/bench"); err != nil {
		t.Fatal(err)
	}
	others := &children{self: filepath.Join(bin, "bench")}
	defer others.stop()
	begin := func(name string, o order) (addr string) {
		addr, err := others.start(name, o)
		if err != nil {
			t.Fatal(err)
		}
		return addr
	}
	first := o
	first.To = "https://" + begin("proxy", last)
	rancher := begin("remotedialer-server", last)
	o.Connect = rancher
	begin("remotedialer-client", o)
	for name, addr := range map[string]string{nameOne: begin("proxy", last), nameTwo: begin("proxy", first), nameRancher: rancher} {
		way := target{name: name, base: "https://" + addr, client: &http.Client{Transport: trusting(pool)}, dress: func(*http.Request) {}}
		if err := awaitAnswer(t.Context(), way); err != nil {
			t.Error(err)
			continue
		}
		_, body, err := way.do(t.Context(), http.MethodGet, "/api", nil)
		if want := "HTTP/1.1 /api by bench as [kubechat:user]"; err != nil || string(body) != want {
			t.Errorf("%s: %q, %v; want %q", name, body, err, want)
		}
	}
}

// credentials is a folder as the sandbox has it.
func credentials(t *testing.T, o order) string {
	t.Helper()
	dir := t.TempDir()
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: o.Cert})
	for name, content := range map[string][]byte{
		"ca.crt": cert, "admin.crt": cert, "admin.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: o.Key}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
