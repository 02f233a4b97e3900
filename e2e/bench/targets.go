package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubechat/kubechat/e2e/stack"
)

// The ways that are compared, in the report's order.
const (
	nameDirect     = "direct"
	nameOne        = "one proxy"
	nameTwo        = "two proxies"
	nameOneProcess = "two proxies, one process"
	nameRancher    = "remotedialer"
	nameKubeChat   = "KubeChat"
)

// target is one way to the same API server.
type target struct {
	name   string
	base   string
	client *http.Client
	dress  func(*http.Request) // adds what identifies the caller
	direct *target             // for changes that a watch is to see
}

// openTargets starts what is compared. The first target is the direct one, the last KubeChat.
func openTargets(ctx context.Context, s *stack.Stack) (targets []target, closeAll func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("find this program: %w", err)
	}
	others := &children{self: self}
	var servers []*httptest.Server
	closeAll = func() {
		for _, s := range servers {
			s.Close()
		}
		others.stop()
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	kube := filepath.Dir(s.Direct)
	server := "https://127.0.0.1:" + fmt.Sprint(s.KubePort())
	upstream, err := toKube(kube)
	if err != nil {
		return nil, nil, err
	}
	o, err := selfSigned()
	if err != nil {
		return nil, nil, err
	}
	own, pool, err := o.own()
	if err != nil {
		return nil, nil, err
	}
	direct := target{name: nameDirect, base: server, client: &http.Client{Transport: upstream}, dress: func(*http.Request) {}}
	direct.direct = &direct
	through := func(name, base string) target {
		return target{name: name, base: base, client: &http.Client{Transport: trusting(pool)}, dress: func(*http.Request) {}, direct: &direct}
	}

	last := o // the proxy next to the API server
	last.Kube, last.To, last.Impersonate = kube, server, true
	single, err := others.start("proxy", last)
	if err != nil {
		return nil, nil, err
	}
	inner, err := others.start("proxy", last)
	if err != nil {
		return nil, nil, err
	}
	first := o
	first.To = "https://" + inner
	outer, err := others.start("proxy", first)
	if err != nil {
		return nil, nil, err
	}
	rancher, err := others.start("remotedialer-server", last)
	if err != nil {
		return nil, nil, err
	}
	o.Connect = rancher
	if _, err := others.start("remotedialer-client", o); err != nil {
		return nil, nil, err
	}
	tunnelled := through(nameRancher, "https://"+rancher)
	if err := awaitAnswer(ctx, tunnelled); err != nil {
		return nil, nil, err
	}

	chain := func(to string, transport http.RoundTripper, impersonate bool) (string, error) {
		h, err := plain(to, transport, impersonate)
		if err != nil {
			return "", err
		}
		p := httptest.NewUnstartedServer(h)
		p.TLS = &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS13}
		p.StartTLS()
		servers = append([]*httptest.Server{p}, servers...)
		return p.URL, nil
	}
	here, err := chain(server, upstream.Clone(), true)
	if err != nil {
		return nil, nil, err
	}
	if here, err = chain(here, trusting(pool), false); err != nil {
		return nil, nil, err
	}
	ours, err := kubechat(s, &direct)
	if err != nil {
		return nil, nil, err
	}
	return []target{
		direct, through(nameOne, "https://"+single), through(nameTwo, "https://"+outer), through(nameOneProcess, here), tunnelled, ours,
	}, closeAll, nil
}

// kubechat is the kubectl path, as the demo's member.
func kubechat(s *stack.Stack, direct *target) (target, error) {
	ca, err := os.ReadFile(filepath.Join(filepath.Dir(s.Kubeconfig), "web-ca.crt"))
	if err != nil {
		return target{}, fmt.Errorf("read the demo's CA: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	web := strings.Replace(s.Plane.URL, "http:", "https:", 1) // the demo takes both on one port
	return target{
		name: nameKubeChat, base: fmt.Sprintf("%s/t/%s/clusters/%s/k8s", web, s.Plane.Tenant, s.ClusterID), direct: direct,
		client: &http.Client{Transport: trusting(pool)},
		dress:  func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+s.Plane.Token) },
	}, nil
}

// awaitAnswer waits until a way is there: remotedialer's client says that it is connected before its server knows.
func awaitAnswer(ctx context.Context, t target) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := t.get(ctx, "/version")
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", t.name, err)
		}
	}
}

// selfSigned is a throwaway certificate for all processes that are compared, in an order without anything else.
func selfSigned() (order, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return order{}, fmt.Errorf("make the proxies' key: %w", err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, NotBefore: time.Now().Add(-time.Minute),
		NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return order{}, fmt.Errorf("make the proxies' certificate: %w", err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return order{}, fmt.Errorf("encode the proxies' key: %w", err)
	}
	return order{Cert: cert, Key: encoded}, nil
}
