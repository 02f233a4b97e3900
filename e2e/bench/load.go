package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	smallPath   = "/api/v1/namespaces/default/configmaps/small"
	tickingPath = "/api/v1/namespaces/default/configmaps/ticking"
	listPath    = "/api/v1/namespaces/bench/configmaps"
	watchPath   = "/api/v1/namespaces/default/configmaps?watch=true&fieldSelector=metadata.name%3Dticking&resourceVersion="
)

// fill makes what is read: one small object, one that will change, and 10 MB of others.
func fill(ctx context.Context, t target) error {
	if err := create(ctx, t, "/api/v1/namespaces", `{"metadata":{"name":"bench"}}`); err != nil {
		return err
	}
	for _, name := range []string{"small", "ticking"} {
		body := fmt.Sprintf(`{"metadata":{"name":%q},"data":{"text":%q}}`, name, strings.Repeat("x", 3500))
		if err := create(ctx, t, "/api/v1/namespaces/default/configmaps", body); err != nil {
			return err
		}
	}
	for i := range 100 {
		body := fmt.Sprintf(`{"metadata":{"name":"big-%d"},"data":{"text":%q}}`, i, strings.Repeat("0123456789abcdef", 6400))
		if err := create(ctx, t, listPath, body); err != nil {
			return err
		}
	}
	return nil
}

// create posts an object, which must not be there yet.
func create(ctx context.Context, t target, path, body string) error {
	status, answer, err := t.do(ctx, http.MethodPost, path, strings.NewReader(body))
	if err != nil {
		return err
	}
	if status != http.StatusCreated {
		return fmt.Errorf("POST %s: %d: %.300s", path, status, answer)
	}
	return nil
}

func (t target) get(ctx context.Context, path string) (int, error) {
	status, body, err := t.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return 0, err
	}
	if status != http.StatusOK {
		return 0, fmt.Errorf("GET %s: %d: %.300s", path, status, body)
	}
	return len(body), nil
}

func (t target) do(ctx context.Context, method, path string, body io.Reader) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, t.base+path, body)
	if err != nil {
		return 0, nil, fmt.Errorf("make the request: %w", err)
	}
	t.dress(req)
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/merge-patch+json")
	} else if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: read: %w", method, path, err)
	}
	return resp.StatusCode, b, nil
}

func sequential(ctx context.Context, t target, n int) ([]time.Duration, error) {
	times := make([]time.Duration, 0, n)
	for range n {
		began := time.Now()
		if _, err := t.get(ctx, smallPath); err != nil {
			return nil, err
		}
		times = append(times, time.Since(began))
	}
	return times, nil
}

// parallel is how long some workers take for n requests.
func parallel(ctx context.Context, t target, workers, n int) (time.Duration, error) {
	var left atomic.Int64
	left.Store(int64(n))
	errs := make(chan error, workers) // one for each worker
	began := time.Now()
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := t.get(ctx, smallPath); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wait.Wait()
	select {
	case err := <-errs:
		return 0, err
	default:
		return time.Since(began), nil
	}
}

// list is MB/s of one 10 MB list.
func list(ctx context.Context, t target) (float64, error) {
	began := time.Now()
	n, err := t.get(ctx, listPath)
	return float64(n) / 1e6 / time.Since(began).Seconds(), err
}

// ticking is the resource version of the object that changes, from where a watch of it may begin.
func (t target) ticking(ctx context.Context) (version string, err error) {
	_, body, err := t.do(ctx, http.MethodGet, tickingPath, nil)
	if err != nil {
		return "", err
	}
	var current struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(body, &current); err != nil {
		return "", fmt.Errorf("read the watched object: %w", err)
	}
	return current.Metadata.ResourceVersion, nil
}

// watchLatency is n times from sending a change, straight to the API server, to its event at the watcher.
func watchLatency(ctx context.Context, t target, n int) ([]time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	version, err := t.ticking(ctx)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.base+watchPath+version, nil)
	if err != nil {
		return nil, fmt.Errorf("make the watch: %w", err)
	}
	t.dress(req)
	resp, err := t.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("watch: %s", resp.Status)
	}
	events := json.NewDecoder(resp.Body)
	var times []time.Duration
	for i := range n {
		began := time.Now()
		patch := fmt.Appendf(nil, `{"data":{"tick":"%d-%d"}}`, began.UnixNano(), i)
		if _, _, err := t.direct.do(ctx, http.MethodPatch, tickingPath, bytes.NewReader(patch)); err != nil {
			return nil, err
		}
		var event struct {
			Type string `json:"type"`
		}
		if err := events.Decode(&event); err != nil {
			return nil, fmt.Errorf("read event %d: %w", i, err)
		}
		times = append(times, time.Since(began))
	}
	return times, nil
}
