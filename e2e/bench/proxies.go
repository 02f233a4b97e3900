package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/rancher/remotedialer"
)

// requests numbers them, where KubeChat gives each an id.
var requests atomic.Uint64

// plain is a plain reverse proxy; the one next to the API server sets the headers that our agent sets.
func plain(to string, transport http.RoundTripper, impersonate bool) (http.Handler, error) {
	u, err := url.Parse(to)
	if err != nil {
		return nil, fmt.Errorf("read the next hop's address: %w", err)
	}
	return &httputil.ReverseProxy{
		FlushInterval: -1, Transport: transport, ErrorLog: quiet,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			if impersonate {
				r.Out.Header.Set("Impersonate-User", "kubechat:user")
				r.Out.Header.Set("Impersonate-Group", "kubechat:admin")
				r.Out.Header.Set("Impersonate-Extra-Kubechat.io%2fuser", "demo@kubechat.local")
				r.Out.Header.Set("Impersonate-Extra-Kubechat.io%2frequest", fmt.Sprintf("01990000-0000-7000-8000-%012d", requests.Add(1)))
			}
		},
	}, nil
}

// plainProxy is such a proxy as a process.
func plainProxy(ctx context.Context, o order, ready func(string)) error {
	transport, err := o.transport()
	if err != nil {
		return err
	}
	h, err := plain(o.To, transport, o.Impersonate)
	if err != nil {
		return err
	}
	return o.serve(ctx, h, ready)
}

const (
	remotedialerPath    = "/connect"
	remotedialerCluster = "cluster"
)

// remotedialerServer is Rancher's side: a reverse proxy that dials the API server's address through remotedialer's
// WebSocket, and speaks TLS to the API server end to end. It checks nothing.
func remotedialerServer(ctx context.Context, o order, ready func(string)) error {
	anybody := func(*http.Request) (string, bool, error) { return remotedialerCluster, true, nil }
	tunnels := remotedialer.New(anybody, remotedialer.DefaultErrorWriter)
	transport, err := o.transport()
	if err != nil {
		return err
	}
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		return tunnels.Dialer(remotedialerCluster)(ctx, network, addr)
	}
	h, err := plain(o.To, transport, o.Impersonate)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(remotedialerPath, tunnels)
	mux.Handle("/", h)
	return o.serve(ctx, mux, ready)
}

// remotedialerClient is the cluster's side: it connects, and dials what it is told to.
func remotedialerClient(ctx context.Context, o order, ready func(string)) error {
	_, pool, err := o.own()
	if err != nil {
		return err
	}
	dialer := &websocket.Dialer{TLSClientConfig: trusting(pool).TLSClientConfig, HandshakeTimeout: 10 * time.Second}
	anything := func(string, string) bool { return true }
	connected := func(context.Context, *remotedialer.Session) error {
		ready("connected")
		return nil
	}
	err = remotedialer.ConnectToProxy(ctx, "wss://"+o.Connect+remotedialerPath, nil, anything, dialer, connected)
	if ctx.Err() == nil && err == nil {
		err = errors.New("the tunnel ended")
	}
	return err
}
