package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	eventStream    = "text/event-stream"
	heartbeatEvery = 15 * time.Second
	recheckEvery   = 4 * time.Second // a login that ended must not keep an open stream for 5 s
	writeWithin    = 20 * time.Second
)

// stream writes server-sent events. A reader that does not read fails the write at its deadline, and the stream ends:
// nothing queues up behind it.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// openStream answers the head of an event stream, at once: a reader must know that it listens before anything happens.
// Every proxy is asked to pass events on as they come.
func openStream(w http.ResponseWriter) (*stream, error) {
	h := w.Header()
	h.Set("Content-Type", eventStream)
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	s := &stream{w: w, rc: http.NewResponseController(w)}
	return s, s.heartbeat()
}

// event sends one event; id 0 sends none, so that the reader keeps its last.
func (s *stream) event(id int64, name string, data any) error {
	body, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event %s: %w", name, err)
	}
	var b bytes.Buffer
	if id > 0 {
		b.WriteString("id: " + strconv.FormatInt(id, 10) + "\n")
	}
	b.WriteString("event: " + name + "\n")
	for line := range bytes.SplitSeq(body, []byte("\n")) {
		b.WriteString("data: ")
		b.Write(line)
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	return s.write(b.Bytes())
}

// heartbeat keeps proxies from taking silence for death.
func (s *stream) heartbeat() error { return s.write([]byte(": still here\n\n")) }

func (s *stream) write(b []byte) error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return fmt.Errorf("set write deadline: %w", err)
	}
	if _, err := s.w.Write(b); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	if err := s.rc.Flush(); err != nil {
		return fmt.Errorf("flush event: %w", err)
	}
	return nil
}

// cursor is where a reader was: ?after wins over the header, which a browser's own reconnection sends.
func cursor(after int64, lastEventID string) int64 {
	if after > 0 {
		return after
	}
	n, err := strconv.ParseInt(lastEventID, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// pump sends what next gives until it is closed, the reader goes, the login ends or the service stops. Heartbeats fill
// the silence.
func pump[T any](ctx context.Context, a *API, s *stream, next <-chan T, check func(context.Context) error, send func(T) (more bool, err error)) error {
	a.metrics.streams.Inc()
	defer a.metrics.streams.Dec()
	heartbeat := time.NewTicker(a.heartbeat)
	defer heartbeat.Stop()
	recheck := time.NewTicker(a.recheck)
	defer recheck.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-a.stopping:
			return nil // the reader reconnects, to a replica that stays
		case <-heartbeat.C:
			if err := s.heartbeat(); err != nil {
				return err
			}
		case <-recheck.C:
			if err := check(ctx); err != nil {
				return err
			}
		case v, ok := <-next:
			if !ok {
				return nil
			}
			if more, err := send(v); err != nil || !more {
				return err
			}
		}
	}
}
