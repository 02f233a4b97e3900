package apiserver

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func server(t *testing.T, h http.HandlerFunc) (*httptest.Server, string) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

func TestServiceAccountTokenIsReadAnewForEachRequest(t *testing.T) {
	t.Parallel()
	tokens := make(chan string, 2)
	api, ca := server(t, func(w http.ResponseWriter, r *http.Request) {
		tokens <- r.Header.Get("Authorization")
		_, _ = io.WriteString(w, `{"gitVersion":"v1.37.2"}`)
	})
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ca.crt"), ca)
	write(t, filepath.Join(dir, "namespace"), "kubechat\n")
	write(t, filepath.Join(dir, "token"), "first\n")
	host, port, err := net.SplitHostPort(strings.TrimPrefix(api.URL, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := inCluster(host, port, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.CloseIdle()
	if s.Namespace != "kubechat" {
		t.Errorf("namespace %q", s.Namespace)
	}
	for _, token := range []string{"first", "second"} {
		write(t, filepath.Join(dir, "token"), token)
		if v, err := s.Version(t.Context()); err != nil || v != "v1.37.2" {
			t.Fatal(v, err)
		}
		if got := <-tokens; got != "Bearer "+token {
			t.Errorf("%q", got)
		}
	}
}

func TestOutsideAPodTheWayOutIsNamed(t *testing.T) {
	t.Parallel()
	if _, err := InCluster(func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), "--kubeconfig") {
		t.Error(err)
	}
}

func TestOneConnectionForRequestsAndOneForEachUpgrade(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 10)
	api, ca := server(t, func(_ http.ResponseWriter, r *http.Request) { seen <- r.Proto + " " + r.RemoteAddr })
	s := fromKubeconfig(t, kubeconfigText(api.URL, "certificate-authority-data: "+base64.StdEncoding.EncodeToString([]byte(ca)), "token: t"))
	defer s.CloseIdle()
	ask := func(rt http.RoundTripper) string {
		t.Helper()
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, api.URL, nil)
		res, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		return <-seen
	}
	if a, b := ask(s.Requests()), ask(s.Requests()); a != b || !strings.HasPrefix(a, "HTTP/2.0") {
		t.Errorf("requests went over %s and %s", a, b)
	}
	if a, b := ask(s.Upgrades()), ask(s.Upgrades()); a == b || !strings.HasPrefix(a, "HTTP/1.1") {
		t.Errorf("upgrades went over %s and %s", a, b)
	}
}

func TestRefusalsOfTheAPIServerKeepTheirWords(t *testing.T) {
	t.Parallel()
	api, ca := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/version" {
			http.Redirect(w, r, "https://elsewhere.example.com/", http.StatusFound)
			return
		}
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"message":"namespaces \"kube-system\" is forbidden","reason":"Forbidden"}`)
	})
	s := fromKubeconfig(t, kubeconfigText(api.URL, "certificate-authority-data: "+base64.StdEncoding.EncodeToString([]byte(ca)), "token: t"))
	defer s.CloseIdle()
	var refused *StatusError
	if _, err := s.UID(t.Context()); !errors.As(err, &refused) || refused.Code != 403 || refused.Reason != "Forbidden" || !strings.Contains(err.Error(), "kube-system") {
		t.Error(err)
	}
	if _, err := s.Version(t.Context()); !errors.As(err, &refused) || refused.Code != 302 {
		t.Errorf("a redirect: %v", err)
	}
}

func kubeconfigText(server, cluster, user string) string {
	return fmt.Sprintf("current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"+
		"clusters: [{name: c, cluster: {server: %q, %s}}]\nusers: [{name: u, user: {%s}}]\n", server, cluster, user)
}

func fromKubeconfig(t *testing.T, content string) *Server {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	write(t, path, content)
	s, err := FromKubeconfig(path, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestKubeconfigFilesAreFoundBesideIt(t *testing.T) {
	t.Parallel()
	api, ca := server(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"gitVersion":%q}`, r.Header.Get("Authorization"))
	})
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ca.crt"), ca)
	write(t, filepath.Join(dir, "token"), "from a file")
	write(t, filepath.Join(dir, "config"), kubeconfigText(api.URL, "certificate-authority: ca.crt", "tokenFile: token"))
	s, err := FromKubeconfig(filepath.Join(dir, "config"), "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.CloseIdle()
	if v, err := s.Version(t.Context()); err != nil || v != "Bearer from a file" {
		t.Error(v, err)
	}
}

func TestKubeconfigThatCannotWorkSaysWhy(t *testing.T) {
	t.Parallel()
	for says, content := range map[string]string{
		"no context":       "current-context: b\n",
		"no cluster":       "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n",
		"no user":          "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'https://x'}}]\n",
		"not an https URL": kubeconfigText("http://x", "tls-server-name: y", ""),
		"plugin":           kubeconfigText("https://x", "tls-server-name: y", "exec: {command: aws}"),
		"password":         kubeconfigText("https://x", "tls-server-name: y", "username: a, password: b"),
		"proxy-url":        kubeconfigText("https://x", "proxy-url: 'http://p'", "token: t"),
		"no certificate":   kubeconfigText("https://x", "certificate-authority-data: eA==", "token: t"),
		"client cert":      kubeconfigText("https://x", "tls-server-name: y", "client-certificate-data: eA==, client-key-data: eA=="),
		"read kubeconfig":  "{",
	} {
		path := filepath.Join(t.TempDir(), "kubeconfig")
		write(t, path, content)
		if _, err := FromKubeconfig(path, ""); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	if _, err := FromKubeconfig(filepath.Join(t.TempDir(), "none"), ""); err == nil {
		t.Error("a missing file is accepted")
	}
}

func TestForeignAPIServerIsNotBelieved(t *testing.T) {
	t.Parallel()
	api, _ := server(t, func(http.ResponseWriter, *http.Request) { t.Error("it was asked") })
	s := fromKubeconfig(t, kubeconfigText(api.URL, "tls-server-name: example.com", "token: t"))
	defer s.CloseIdle()
	var unknown x509.UnknownAuthorityError
	if _, err := s.Version(t.Context()); !errors.As(err, &unknown) {
		t.Error(err)
	}
}
