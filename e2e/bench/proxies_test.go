package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEachOtherWayImpersonatesOnTheLastLeg runs what KubeChat is compared with, as its processes do it.
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

	first := o
	first.To = "https://" + begin(t, plainProxy, last)
	rancher := begin(t, remotedialerServer, last)
	o.Connect = rancher
	begin(t, remotedialerClient, o)
	for name, addr := range map[string]string{nameOne: begin(t, plainProxy, last), nameTwo: begin(t, plainProxy, first), nameRancher: rancher} {
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

// begin runs one of the processes' insides, as obey does, until the test ends.
func begin(t *testing.T, what child, o order) (addr string) {
	t.Helper()
	in, orders := io.Pipe()
	said, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- obey(context.Background(), what, in, out) }()
	t.Cleanup(func() {
		orders.Close()
		if err := <-ended; err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
	if err := json.NewEncoder(orders).Encode(o); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
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
