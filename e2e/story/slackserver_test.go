package story

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

const slackHost = "hooks.slack.com"

// slackServer stands in for Slack's own server, where answers go. kubechatd comes to it as it would to the real one: by its
// name, over TLS that it checks, through the proxy that its environment names, which lets it go nowhere else.
type slackServer struct {
	proxy, hooks *httptest.Server
	ca           string // file of who has signed for the name

	mu     sync.Mutex // guards what follows
	asked  []string   // of the proxy: the addresses
	boxes  map[string]*slackBox
	strays []string // what was posted where nothing is awaited
}

// slackBox is an address for the answers to one request.
type slackBox struct {
	url      string
	got      chan string // has what was posted, in order, and room for more than one request can bring
	trouble  int         // how many posts are answered by 503, before one is taken
	redirect string      // where posts are told to go instead
}

// startSlack starts the server; the folder is for its certificate.
func startSlack(dir string) (*slackServer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make %s: %w", dir, err)
	}
	s := &slackServer{ca: filepath.Join(dir, "slack.crt"), boxes: map[string]*slackBox{}}
	cert, err := certificateOf(slackHost)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	if err := os.WriteFile(s.ca, text, 0o644); err != nil {
		return nil, fmt.Errorf("write Slack's certificate: %w", err)
	}
	s.hooks = httptest.NewUnstartedServer(http.HandlerFunc(s.posted))
	s.hooks.TLS, s.hooks.EnableHTTP2 = &tls.Config{Certificates: []tls.Certificate{cert}}, true
	s.hooks.StartTLS()
	s.proxy = httptest.NewServer(http.HandlerFunc(s.connect))
	return s, nil
}

func (s *slackServer) close() {
	s.proxy.Close()
	s.hooks.Close()
}

// env is what an operator gives kubechatd whose way out is a proxy that opens TLS.
func (s *slackServer) env() []string {
	return []string{"HTTPS_PROXY=" + s.proxy.URL, "NO_PROXY=localhost", "SSL_CERT_FILE=" + s.ca}
}

// certificateOf makes a certificate for a name that has signed itself.
func certificateOf(name string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make the key of %s: %w", name, err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make the certificate of %s: %w", name, err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// connect is the proxy: it remembers who was asked for, and knows the way to Slack only.
func (s *slackServer) connect(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.Method+" "+r.Host)
	s.mu.Unlock()
	if r.Method != http.MethodConnect || r.Host != slackHost+":443" {
		http.Error(w, "this proxy knows "+slackHost+" only", http.StatusForbidden)
		return
	}
	out, err := net.Dial("tcp", s.hooks.Listener.Addr().String())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer out.Close()
	in, early, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer in.Close()
	if _, err := io.WriteString(in, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(out, early); out.Close() })
	both.Go(func() { _, _ = io.Copy(in, out); in.Close() })
	both.Wait()
}

// posted takes an answer.
func (s *slackServer) posted(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.boxes[r.URL.Path]
	switch {
	case box == nil || r.Host != slackHost || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || len(box.got) == cap(box.got):
		s.strays = append(s.strays, fmt.Sprintf("%s %s%s: %s", r.Method, r.Host, r.URL, body))
		w.WriteHeader(http.StatusNotFound)
	case box.trouble > 0:
		box.trouble--
		w.WriteHeader(http.StatusServiceUnavailable)
	case box.redirect != "":
		box.got <- string(body)
		http.Redirect(w, r, box.redirect, http.StatusTemporaryRedirect)
	default:
		box.got <- string(body)
	}
}

// box makes an address for the answers to one request, as Slack does.
func (s *slackServer) box(change func(*slackBox)) *slackBox {
	path := "/commands/T0/" + rand.Text()
	b := &slackBox{url: "https://" + slackHost + path, got: make(chan string, 8)}
	if change != nil {
		change(b)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.boxes[path] = b
	return b
}

// answer is the next message that came.
func (b *slackBox) answer(t *testing.T) slackMessage {
	t.Helper()
	select {
	case raw := <-b.got:
		return readSlack(t, raw)
	case <-time.After(30 * time.Second):
		t.Fatal("no answer came to Slack in 30 s")
		return slackMessage{}
	}
}

// seen is what the proxy was asked for, each once, what was posted where nothing is awaited, and every address given out.
func (s *slackServer) seen() (asked, strays, addresses []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked = slices.Clone(s.asked)
	slices.Sort(asked)
	for path := range s.boxes {
		addresses = append(addresses, path)
	}
	return slices.Compact(asked), slices.Clone(s.strays), addresses
}
