package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// event is one thing that happened in a run.
type event struct {
	Seq     int64           `json:"seq"`
	At      time.Time       `json:"at"`
	Type    string          `json:"type"`
	Cluster string          `json:"cluster,omitempty"` // of a run about several: whose plan it belongs to
	Data    json.RawMessage `json:"data"`
}

const (
	quietFor   = 45 * time.Second // three heartbeats
	reconnects = 8                // in a row without an event between them
)

// follow calls f for every event of a run, in order and once each, over as many connections as it takes, until `end`.
func (c *client) follow(ctx context.Context, run string, f func(event) error) error {
	var after int64
	for failures := 0; ; {
		before := after
		ended, err := c.followOnce(ctx, run, &after, f)
		if ended || ctx.Err() != nil {
			return err
		}
		var told *apiError
		var stop *stopError
		if errors.As(err, &told) && told.Status < 500 || errors.As(err, &stop) {
			return err
		}
		if failures++; after > before {
			failures = 0
		}
		if failures == reconnects {
			return fmt.Errorf("the connection was lost; the run goes on without us: %w", err)
		}
		select {
		case <-time.After(time.Duration(failures) * 300 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// stopError is an error of the caller's own, which reconnecting does not cure.
type stopError struct{ err error }

// Error is the caller's.
func (s *stopError) Error() string { return s.err.Error() }

// Unwrap gives it.
func (s *stopError) Unwrap() error { return s.err }

func (c *client) followOnce(ctx context.Context, run string, after *int64, f func(event) error) (ended bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	quiet := time.AfterFunc(quietFor, cancel)
	defer quiet.Stop()
	header := http.Header{"Accept": {"text/event-stream"}}
	resp, err := c.send(ctx, http.MethodGet, c.in("/runs/%s/events", run)+fmt.Sprintf("?after=%d", *after), nil, header)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	var data strings.Builder
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return false, err
		}
		quiet.Reset(quietFor)
		line = strings.TrimRight(line, "\r\n")
		if rest, ok := strings.CutPrefix(line, "data:"); ok {
			data.WriteString(strings.TrimPrefix(rest, " "))
			continue
		}
		if line != "" || data.Len() == 0 {
			continue
		}
		var ev event
		err = json.Unmarshal([]byte(data.String()), &ev)
		data.Reset()
		if err != nil {
			return false, fmt.Errorf("read event: %w", err)
		}
		if ev.Seq <= *after {
			continue
		}
		if err := f(ev); err != nil {
			return false, &stopError{err}
		}
		*after = ev.Seq
		if ev.Type == "end" {
			return true, nil
		}
	}
}
