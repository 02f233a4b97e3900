package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// order is what a process of the comparison is told, as one line of JSON on its standard input.
type order struct {
	Cert, Key   []byte // DER, PKCS #8: what it shows; it trusts the same, except towards the API server
	Kube        string // folder of the sandbox's credentials, of a process that speaks TLS to the API server
	To          string // base URL of the next hop, or of the API server
	Connect     string // host and port of the server, of remotedialer's client
	Impersonate bool   // set the headers that our agent sets
}

// child is what a process does until ctx ends; it says when it is ready, and where it listens.
type child func(ctx context.Context, o order, ready func(addr string)) error

// commands are the processes that this program, called again, can be.
var commands = map[string]child{
	"proxy":               plainProxy,
	"remotedialer-server": remotedialerServer,
	"remotedialer-client": remotedialerClient,
}

// obey is the whole of such a process: it lives for as long as its standard input is open.
func obey(ctx context.Context, what child, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var o order
	decoder := json.NewDecoder(in)
	if err := decoder.Decode(&o); err != nil {
		return fmt.Errorf("read what to do: %w", err)
	}
	go func() {
		io.Copy(io.Discard, in) // ends with the parent
		cancel()
	}()
	return what(ctx, o, func(addr string) { fmt.Fprintln(out, addr) })
}

// children are the processes that were started.
type children struct {
	self string // this program
	all  []func()
}

// start starts one and returns where it listens.
func (c *children) start(name string, o order) (addr string, err error) {
	cmd := exec.Command(c.self, name)
	var said bytes.Buffer
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", fmt.Errorf("start %s: %w", name, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", fmt.Errorf("start %s: %w", name, err)
	}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start %s: %w", name, err)
	}
	c.all = append(c.all, func() {
		in.Close()
		cmd.Wait() // how it ends when it is told to is of no interest
	})
	if err := json.NewEncoder(in).Encode(o); err != nil {
		return "", fmt.Errorf("tell %s what to do: %w", name, err)
	}
	line := make([]byte, 256)
	n, err := out.Read(line) // a short line in one write
	if err != nil {
		in.Close()
		return "", fmt.Errorf("%s did not start: %w\n%s", name, errors.Join(err, cmd.Wait()), said.Bytes())
	}
	return strings.TrimSpace(string(line[:n])), nil
}

func (c *children) stop() {
	for i := len(c.all) - 1; i >= 0; i-- {
		c.all[i]()
	}
}

// own is the certificate it shows, and the pool that trusts it.
func (o order) own() (tls.Certificate, *x509.CertPool, error) {
	key, err := x509.ParsePKCS8PrivateKey(o.Key)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("parse the key: %w", err)
	}
	leaf, err := x509.ParseCertificate(o.Cert)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("parse the certificate: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{o.Cert}, PrivateKey: key}, pool, nil
}

// transport is for the leg ahead.
func (o order) transport() (*http.Transport, error) {
	if o.Kube != "" {
		return toKube(o.Kube)
	}
	_, pool, err := o.own()
	if err != nil {
		return nil, err
	}
	return trusting(pool), nil
}

// toKube is an administrator's way to the API server. It is HTTP/1.1, as for all, so that the transports are alike:
// KubeChat's web listener speaks it in the demo too.
func toKube(dir string) (*http.Transport, error) {
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "admin.crt"), filepath.Join(dir, "admin.key"))
	if err != nil {
		return nil, fmt.Errorf("load the administrator's certificate: %w", err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("read the sandbox's CA: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	t := trusting(pool)
	t.TLSClientConfig.Certificates = []tls.Certificate{cert}
	return t, nil
}

func trusting(pool *x509.CertPool) *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, MaxIdleConnsPerHost: 64}
}

var quiet = log.New(io.Discard, "", 0)

// serve serves HTTP/1.1 over TLS 1.3 until ctx ends.
func (o order) serve(ctx context.Context, h http.Handler, ready func(addr string)) error {
	cert, _, err := o.own()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{
		Handler: h, ErrorLog: quiet, ReadHeaderTimeout: 10 * time.Second,
		TLSConfig:    &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}, // no HTTP/2
	}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	ready(l.Addr().String())
	if err := server.ServeTLS(l, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
