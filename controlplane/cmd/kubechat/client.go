package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kubechat/kubechat/internal/version"
)

// client speaks the service's API for one organisation.
type client struct {
	server string
	tenant string
	token  string
	http   *http.Client
}

func newClient(l *signedIn) *client {
	return &client{server: l.Server, tenant: l.Tenant, token: l.Token, http: &http.Client{}}
}

// cleanServer accepts what people paste and gives the origin. A token is never sent in clear over a network.
func cleanServer(s string) (string, error) {
	if s == "" {
		return "", usagef("which server? Give --server URL")
	}
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return "", usagef("%q is no server address", s)
	}
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return "", usagef("%s would send your token in clear: use https", u.Host)
	}
	return u.Scheme + "://" + u.Host, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// apiError is a problem as the service tells it.
type apiError struct {
	Status    int    `json:"status"`
	Title     string `json:"title"`
	Code      string `json:"code"`
	Detail    string `json:"detail"`
	Fix       string `json:"fix"`
	RequestID string `json:"requestId"`
}

// Error is for people: what is wrong and what to do.
func (e *apiError) Error() string {
	text := e.Detail
	if text == "" {
		text = fmt.Sprintf("the server answered %d", e.Status)
	}
	if e.Fix != "" {
		text += " " + e.Fix
	}
	if e.Status >= 500 {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

func hasCode(err error, code string) bool {
	var e *apiError
	return errors.As(err, &e) && e.Code == code
}

const answerWithin = 60 * time.Second

// in gives the path of something of the client's own organisation.
func (c *client) in(format string, args ...any) string {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = url.PathEscape(s)
		}
	}
	return "/t/" + url.PathEscape(c.tenant) + fmt.Sprintf(format, args...)
}

// call sends one request and decodes its answer into out, if that is not nil.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	resp, err := c.send(ctx, method, path, in, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	switch o := out.(type) {
	case *[]byte:
		*o, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	default:
		err = json.NewDecoder(resp.Body).Decode(out)
	}
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.server, err)
	}
	return nil
}

// send gives the answer if it is a success, and the problem it tells otherwise.
func (c *client) send(ctx context.Context, method, path string, in any, header http.Header) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.server+"/api/v1"+path, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", "kubechat/"+version.Version)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err // the address is in our own text
		}
		return nil, fmt.Errorf("cannot reach %s: %w", c.server, err)
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close()
		return nil, problemOf(resp)
	}
	return resp, nil
}

func problemOf(resp *http.Response) error {
	e := &apiError{Status: resp.StatusCode}
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if json.Unmarshal(b, e) != nil || e.Detail == "" {
		return fmt.Errorf("%s does not answer as KubeChat does (HTTP %d): is the address right?", resp.Request.URL.Host, resp.StatusCode)
	}
	return e
}
