// Package apiserver is the Kubernetes API server as the agent itself uses it: where it is, how the agent proves who it
// is, and the few REST calls that need no client library. Start at InCluster and FromKubeconfig.
package apiserver

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/kubechat/kubechat/internal/sock"
)

// Server is one API server and the agent's credentials for it.
type Server struct {
	URL       *url.URL
	Namespace string // of the agent's own pod; "" outside a cluster

	tls       *tls.Config
	token     string // as given, or
	tokenFile string // read anew, since the kubelet rotates it
	requests  *http.Transport
	wholes    *wholes
	upgrades  *http.Transport
}

const (
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 10 * time.Second
	// A dead connection is noticed within 25 s. Without a ping it can hang for 15 minutes, until TCP gives up
	// (gravitational/teleport#69780).
	pingAfter   = 15 * time.Second
	pingTimeout = 10 * time.Second
	// streamBuffer bounds what one answer that nobody reads can cost in memory: the default is 4 MiB each. The API
	// server is near, so that a small window costs no throughput.
	streamBuffer = 256 << 10
	maxAnswer    = 4 << 20
)

// newServer finishes s: its two transports. Neither goes through a proxy: the API server is in the cluster.
func newServer(s *Server) *Server {
	dial := sock.Dial((&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext)
	watched := sock.Dial((&net.Dialer{Timeout: dialTimeout, KeepAliveConfig: alive, Control: giveUp}).DialContext)
	both, one := new(http.Protocols), new(http.Protocols)
	both.SetHTTP1(true)
	both.SetHTTP2(true)
	one.SetHTTP1(true)
	s.requests = &http.Transport{
		DialContext: dial, TLSClientConfig: s.tls.Clone(), TLSHandshakeTimeout: handshakeTimeout, Protocols: both,
		MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second,
		DisableCompression: true, // bytes pass as the asking side asked for them
		HTTP2:              &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout, MaxReceiveBufferPerStream: streamBuffer},
	}
	s.wholes = &wholes{rest: s.requests, few: &kept{dial: watched, tls: s.tls}}
	s.upgrades = &http.Transport{
		DialContext: dial, TLSClientConfig: s.tls.Clone(), TLSHandshakeTimeout: handshakeTimeout, Protocols: one,
		DisableKeepAlives: true, DisableCompression: true,
	}
	return s
}

// Requests carries everything but upgrades: HTTP/2 where the server speaks it.
func (s *Server) Requests() http.RoundTripper { return s.requests }

// Wholes carries requests whose answers are of use only as a whole.
func (s *Server) Wholes() http.RoundTripper { return s.wholes }

// Upgrades carries upgrades: HTTP/1.1, each on a connection of its own.
func (s *Server) Upgrades() http.RoundTripper { return s.upgrades }

// Authorize puts the agent's token on a request, if it has one rather than a client certificate.
func (s *Server) Authorize(h http.Header) error {
	token := s.token
	if s.tokenFile != "" {
		b, err := os.ReadFile(s.tokenFile)
		if err != nil {
			return fmt.Errorf("read service account token: %w", err)
		}
		token = strings.TrimSpace(string(b))
	}
	if token != "" {
		h["Authorization"] = []string{"Bearer " + token}
	}
	return nil
}

// StatusError is the API server's refusal of one of the agent's own calls.
type StatusError struct {
	Code    int    `json:"code"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Error is the API server's message.
func (e *StatusError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("the API server answered %d", e.Code)
	}
	return fmt.Sprintf("the API server answered %d: %s", e.Code, e.Message)
}

// Do sends in, if it is not nil, as JSON, and decodes the answer into out. An answer of 300 or more is a *StatusError.
func (s *Server) Do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.URL.JoinPath(path).String(), body)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json, */*") // key sets have a type of their own
	req.Header.Set("User-Agent", "kubechat-agent")
	switch {
	case in == nil:
	case method == http.MethodPatch:
		req.Header.Set("Content-Type", "application/merge-patch+json")
	default:
		req.Header.Set("Content-Type", "application/json")
	}
	if err := s.Authorize(req.Header); err != nil {
		return err
	}
	res, err := s.requests.RoundTrip(req) // which follows no redirect
	if err != nil {
		return fmt.Errorf("ask the API server: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("ask the API server: %w", err)
	}
	if res.StatusCode >= 300 {
		e := new(StatusError)
		_ = json.Unmarshal(answer, e) // what is no Status leaves it empty, and the code says enough
		e.Code = res.StatusCode
		return e
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("ask the API server for %s: %w", path, err)
	}
	return nil
}

// Version is the API server's, such as "v1.37.2".
func (s *Server) Version(ctx context.Context) (string, error) {
	var v struct {
		GitVersion string `json:"gitVersion"`
	}
	err := s.Do(ctx, http.MethodGet, "/version", nil, &v)
	return v.GitVersion, err
}

// UID is the kube-system namespace's, which names the cluster for its whole life.
func (s *Server) UID(ctx context.Context) (string, error) {
	var ns struct {
		Metadata struct {
			UID string `json:"uid"`
		} `json:"metadata"`
	}
	err := s.Do(ctx, http.MethodGet, "/api/v1/namespaces/kube-system", nil, &ns)
	return ns.Metadata.UID, err
}

// KeySet is the public keys that the API server's service account tokens are signed with (RFC 7517). Every service
// account of a cluster may read it, by the default role system:service-account-issuer-discovery.
func (s *Server) KeySet(ctx context.Context) (json.RawMessage, error) {
	var keys json.RawMessage
	err := s.Do(ctx, http.MethodGet, "/openid/v1/jwks", nil, &keys)
	return keys, err
}

// CloseIdle closes what is open and unused.
func (s *Server) CloseIdle() {
	s.requests.CloseIdleConnections()
	s.wholes.few.CloseIdleConnections()
	s.upgrades.CloseIdleConnections()
}
