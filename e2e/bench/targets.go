package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubechat/kubechat/e2e/stack"
)

// target is one way to the same API server.
type target struct {
	name   string
	base   string
	client *http.Client
	dress  func(*http.Request) // adds what identifies the caller
	direct *target             // for changes that a watch is to see
}

func openTargets(s *stack.Stack) ([]target, func(), error) {
	dir := filepath.Dir(s.Direct)
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "admin.crt"), filepath.Join(dir, "admin.key"))
	if err != nil {
		return nil, nil, fmt.Errorf("load the administrator's certificate: %w", err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return nil, nil, fmt.Errorf("read the sandbox's CA: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	// HTTP/1.1 for all, so that the transports are alike: KubeChat's web listener speaks it in the demo too.
	upstream := &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool}, MaxIdleConnsPerHost: 64}
	server := "https://127.0.0.1:" + fmt.Sprint(s.KubePort())
	direct := target{name: "direct", base: server, client: &http.Client{Transport: upstream}, dress: func(*http.Request) {}}
	direct.direct = &direct

	own, ownPool, err := selfSigned()
	if err != nil {
		return nil, nil, err
	}
	inner := proxy(server, upstream.Clone(), own, true)
	outer := proxy(inner.URL, trusting(ownPool), own, false)
	single := proxy(server, upstream.Clone(), own, true)
	through := func(name string, p *httptest.Server) target {
		return target{name: name, base: p.URL, client: &http.Client{Transport: trusting(ownPool)}, dress: func(*http.Request) {}, direct: &direct}
	}
	webCA, err := os.ReadFile(filepath.Join(filepath.Dir(s.Kubeconfig), "web-ca.crt"))
	if err != nil {
		return nil, nil, fmt.Errorf("read the demo's CA: %w", err)
	}
	webPool := x509.NewCertPool()
	webPool.AppendCertsFromPEM(webCA)
	web := strings.Replace(s.Plane.URL, "http:", "https:", 1) // the demo takes both on one port
	kubechat := target{
		name: "KubeChat", base: fmt.Sprintf("%s/t/%s/clusters/%s/k8s", web, s.Plane.Tenant, s.ClusterID), direct: &direct,
		client: &http.Client{Transport: trusting(webPool)},
		dress:  func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+s.Plane.Token) },
	}
	closeAll := func() { outer.Close(); inner.Close(); single.Close() }
	return []target{direct, through("one proxy", single), through("two proxies", outer), kubechat}, closeAll, nil
}

func trusting(pool *x509.CertPool) *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, MaxIdleConnsPerHost: 64}
}

// proxy is a plain reverse proxy over TLS; the one next to the API server sets the headers that our agent sets.
func proxy(to string, transport http.RoundTripper, cert tls.Certificate, impersonate bool) *httptest.Server {
	u, err := url.Parse(to)
	if err != nil {
		panic(err) // made from a port number above
	}
	p := &httputil.ReverseProxy{
		FlushInterval: -1, Transport: transport, ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			if impersonate {
				r.Out.Header.Set("Impersonate-User", "kubechat:user")
				r.Out.Header.Set("Impersonate-Group", "kubechat:admin")
				r.Out.Header.Set("Impersonate-Extra-Kubechat.io%2fuser", "demo@kubechat.local")
			}
		},
	}
	server := httptest.NewUnstartedServer(p)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}
	server.StartTLS()
	return server
}

func selfSigned() (tls.Certificate, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("make the proxies' key: %w", err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, NotBefore: time.Now().Add(-time.Minute),
		NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("make the proxies' certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("parse the proxies' certificate: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool, nil
}
