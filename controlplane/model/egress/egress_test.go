package egress_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/model/egress"
)

func TestABaseURLOfATenantIsPublicAndHTTPS(t *testing.T) {
	t.Parallel()
	var none egress.Policy
	for _, ok := range []string{"https://api.openai.com/v1", "https://models.acme.example:8443", "https://8.8.8.8/v1", "https://[2606:4700::1111]/"} {
		if err := none.CheckURL(ok); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for _, bad := range []string{
		"", "api.openai.com", "http://api.openai.com", "ftp://x.example", "https://user:pass@x.example", "https://x.example?a=b", "https://x.example/#f",
		"https://localhost", "https://LOCALHOST.:1", "https://a.localhost", "https://metadata.google.internal", "https://kubernetes", "https://127.0.0.1", "https://10.1.2.3", "https://172.31.0.1",
		"https://192.168.1.1", "https://169.254.169.254/latest", "https://100.100.100.200", "https://0.0.0.0", "https://224.0.0.1", "https://255.255.255.255",
		"https://[::1]", "https://[::]", "https://[fd00:ec2::254]", "https://[fe80::1]", "https://[::ffff:127.0.0.1]", "https://[64:ff9b::7f00:1]", "https://[2002:7f00:1::]",
		"https://[::127.0.0.1]", "https://168.63.129.16",
	} {
		if err := none.CheckURL(bad); err == nil {
			t.Errorf("%q is allowed", bad)
		}
	}
	own, err := egress.ParsePolicy("10.0.0.0/8, fd00::/8")
	if err != nil {
		t.Fatal(err)
	}
	for _, ok := range []string{"http://10.1.2.3:11434", "https://10.1.2.3", "http://ollama.models.svc:11434"} {
		if err := own.CheckURL(ok); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for _, bad := range []string{"http://127.0.0.1", "https://192.168.0.1", "https://169.254.169.254"} {
		if err := own.CheckURL(bad); err == nil {
			t.Errorf("%q is allowed", bad)
		}
	}
	if _, err := egress.ParsePolicy("10.0.0.0"); err == nil {
		t.Error("an address is taken for a network")
	}
}

func TestWhatIsDialledIsJudgedWhateverItsNameWas(t *testing.T) {
	t.Parallel()
	hit := false
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hit = true }))
	defer srv.Close()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(srv.URL, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{srv.URL, "https://localhost:" + port, "https://[::ffff:127.0.0.1]:" + port, strings.Replace(srv.URL, "https", "http", 1)} {
		res, err := egress.Policy{}.Client().Get(at)
		if err == nil {
			_ = res.Body.Close()
		}
		if !errors.Is(err, egress.ErrRefused) {
			t.Errorf("%s: %v", at, err)
		}
	}
	if hit {
		t.Error("a private server was reached")
	}
}

func TestAnOperatorsNetworkMayBeReachedAndNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	hits := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits++
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer srv.Close()
	own, err := egress.ParsePolicy("127.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	res, err := own.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusTemporaryRedirect || hits != 1 {
		t.Errorf("status %d after %d requests", res.StatusCode, hits)
	}
	other, err := egress.ParsePolicy("10.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Client().Get(srv.URL); !errors.Is(err, egress.ErrRefused) { //nolint:bodyclose // there is none
		t.Errorf("clear text to elsewhere: %v", err)
	}
}
