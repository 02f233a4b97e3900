package rig

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Client asks a cluster as kubectl does. Its answers are as the network left them.
type Client struct {
	Base  string // up to and including /k8s
	Token string
	HTTP  *http.Client
}

// Pods is where the API's pods are.
const Pods = "/api/v1/namespaces/shop/pods"

// Counter is where the API's counter is.
const Counter = "/api/v1/namespaces/shop/configmaps"

// Request makes one.
func (c *Client) Request(ctx context.Context, method, path string, body io.Reader) *http.Request {
	req, err := http.NewRequestWithContext(ctx, method, c.Base+path, body)
	if err != nil {
		panic(err) // of constants
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/merge-patch+json")
	}
	return req
}

// Answer is a whole answer. One of KubeChat's own, not the cluster's, has a Cause.
type Answer struct {
	Code    int
	Body    string
	Message string // of a Status
	Cause   string // the reason of a Status' only cause: Kubechat/… of the control plane, Kubechat… of the agent
}

// Do sends a request and reads all of the answer.
func (c *Client) Do(ctx context.Context, method, path string) (Answer, error) {
	var body io.Reader
	if method != http.MethodGet {
		body = strings.NewReader(`{}`)
	}
	res, err := c.HTTP.Do(c.Request(ctx, method, path, body))
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	a := Answer{Code: res.StatusCode, Body: string(b)}
	var status struct {
		Kind, Message string
		Details       struct{ Causes []struct{ Reason string } }
	}
	if json.Unmarshal(b, &status) == nil && status.Kind == "Status" {
		a.Message = status.Message
		if len(status.Details.Causes) > 0 {
			a.Cause = status.Details.Causes[0].Reason
		}
	}
	return a, err
}

// Get is Do with GET.
func (c *Client) Get(ctx context.Context, path string) (Answer, error) {
	return c.Do(ctx, http.MethodGet, path)
}

// Stream is an answer that is read as it comes. The caller closes its body.
func (c *Client) Stream(ctx context.Context, path string) (*http.Response, error) {
	res, err := c.HTTP.Do(c.Request(ctx, http.MethodGet, path, nil))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return nil, fmt.Errorf("%s: %s", res.Status, b)
	}
	return res, nil
}

// Shell is an upgraded connection.
type Shell struct {
	*net.TCPConn
	In *bufio.Reader // what the other end says
}

// Exec opens an upgrade at path. The caller closes it.
func (c *Client) Exec(ctx context.Context, path string) (*Shell, error) {
	at, err := url.Parse(c.Base)
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", at.Host)
	if err != nil {
		return nil, err
	}
	req := c.Request(ctx, http.MethodPost, path, nil)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "SPDY/3.1")
	if err := req.Write(conn); err != nil {
		_ = conn.Close()
		return nil, err
	}
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, req)
	if err == nil && res.StatusCode != http.StatusSwitchingProtocols {
		b, _ := io.ReadAll(res.Body)
		err = fmt.Errorf("%s: %s", res.Status, b)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &Shell{conn.(*net.TCPConn), in}, nil
}

// Say says a line and reads it back.
func (s *Shell) Say(line string) error {
	if _, err := io.WriteString(s, line+"\n"); err != nil {
		return err
	}
	got, err := s.In.ReadString('\n')
	if err == nil && got != line+"\n" {
		err = fmt.Errorf("%q came for %q", got, line)
	}
	return err
}
