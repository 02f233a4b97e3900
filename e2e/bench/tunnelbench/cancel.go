package tunnelbench

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"time"
)

// cancel is how long it takes until a request that nobody waits for any more is over upstream: a client hangs up on a
// reverse proxy, whose request goes through a session to an http.Server at the agent's end, which has it answered by
// another reverse proxy from a server whose request context is watched. One request is silent, as a watch where nothing
// happens; the other is a list in full flow.
func cancel(ctx context.Context, cfg Config) ([]Result, error) {
	p, err := connect(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer p.close()
	over := make(chan time.Time, 1) // a request is over; the next begins when that was taken
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stop := context.AfterFunc(r.Context(), func() { over <- time.Now() })
		defer stop()
		w.WriteHeader(http.StatusOK)
		http.NewResponseController(w).Flush()
		if r.URL.Path == fullFlow {
			io.Copy(w, endless{})
		}
		<-r.Context().Done()
	}))
	defer upstream.Close()
	target, err := url.Parse(upstream.URL)
	if err != nil {
		return nil, fmt.Errorf("read the upstream's address: %w", err)
	}
	agent := &http.Server{Handler: proxyTo(target, &http.Transport{}), ErrorLog: quiet}
	defer agent.Close()
	go agent.Serve(p.agent)
	plane := httptest.NewServer(proxyTo(target, &http.Transport{
		DisableKeepAlives: true, // one stream, one request
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return p.plane.Open(ctx, header) },
	}))
	defer plane.Close()

	var results []Result
	for _, c := range []struct{ path, name string }{{"/silent", "a silent watch"}, {fullFlow, "a list in full flow"}} {
		var times []time.Duration
		for range cancels * cfg.Rounds {
			took, err := hangUp(ctx, plane.URL+c.path, over)
			if err != nil {
				return nil, fmt.Errorf("cancel %s: %w", c.name, err)
			}
			times = append(times, took)
		}
		results = append(results, Result{Name: "cancel of " + c.name + ": client gone to upstream's context done, p99", Value: ms(quantile(times, 0.99)), Unit: "ms", Bar: 250, Atmost: true,
			Detail: fmt.Sprintf("of %d, p50 %.2f ms, at most %.2f ms; two reverse proxies and a session between them", len(times), ms(median(times)), ms(quantile(times, 1)))})
	}
	return results, nil
}

const (
	cancels  = 20 // of each kind in a round
	fullFlow = "/flow"
)

var quiet = log.New(io.Discard, "", 0)

func proxyTo(target *url.URL, transport http.RoundTripper) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{FlushInterval: -1, ErrorLog: quiet, Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
}

// hangUp asks, waits until the answer flows, and closes the connection.
func hangUp(ctx context.Context, url string, over <-chan time.Time) (time.Duration, error) {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, fmt.Errorf("make the request: %w", err)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if req.URL.Path == fullFlow {
		if _, err := io.CopyN(io.Discard, resp.Body, mebi); err != nil {
			return 0, fmt.Errorf("read the list: %w", err)
		}
	}
	gone := time.Now()
	leave()
	select {
	case at := <-over:
		return max(at.Sub(gone), 0), nil
	case <-time.After(30 * time.Second):
		return 0, fmt.Errorf("the request lives on 30 s after its client left")
	}
}
