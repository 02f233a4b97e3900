package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/httpapi"
	"github.com/kubechat/kubechat/controlplane/login"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// script is a chat whose one run has the events that a test gives it.
type script struct {
	httpapi.Chat
	run    chat.Run
	events chan chat.Event
	after  chan int64    // what each reader asked for
	left   chan struct{} // one for each reader that went away
}

func newScript() *script {
	return &script{events: make(chan chat.Event), after: make(chan int64, 10), left: make(chan struct{}, 10)}
}

func (s *script) GetRun(context.Context, tenant.Scope, chat.RunID) (chat.Run, []chat.Event, error) {
	return s.run, nil, nil
}

func (s *script) Events(ctx context.Context, _ tenant.Scope, _ chat.RunID, after int64) (<-chan chat.Event, error) {
	s.after <- after
	context.AfterFunc(ctx, func() { s.left <- struct{}{} })
	return s.events, nil
}

func (s *script) say(t *testing.T, seq int64, kind chat.EventType, data string) {
	t.Helper()
	select {
	case s.events <- chat.Event{Seq: seq, At: time.Unix(0, 0), Type: kind, Data: []byte(data)}:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody reads")
	}
}

// reader reads one event stream, a frame at a time.
type reader struct {
	t    *testing.T
	resp *http.Response
	buf  *bufio.Reader
}

func (c *caller) stream(path string, header ...string) *reader {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	c.t.Cleanup(cancel)
	req := c.request(http.MethodGet, "/t/"+c.scope.Slug+path, "").WithContext(ctx)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(resp.Body)
		c.t.Fatalf("%d %s", resp.StatusCode, b)
	}
	return &reader{c.t, resp, bufio.NewReader(resp.Body)}
}

// frame gives the next frame, or "" at the end of the stream.
func (r *reader) frame() string {
	r.t.Helper()
	var lines []string
	for {
		line, err := r.buf.ReadString('\n')
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return ""
		}
		if err != nil {
			r.t.Fatal(err)
		}
		if line == "\n" {
			return strings.Join(lines, "\n")
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
}

// event skips heartbeats.
func (r *reader) event() string {
	r.t.Helper()
	for {
		if f := r.frame(); !strings.HasPrefix(f, ":") {
			return f
		}
	}
}

func TestRunStreamsItsEventsUntilTheEnd(t *testing.T) {
	t.Parallel()
	s := newScript()
	w := setup(t, func(c *httpapi.Config) { c.Chat = s })
	r := w.tenant("acme").stream("/runs/r1/events")
	for header, want := range map[string]string{
		"Content-Type": "text/event-stream", "X-Accel-Buffering": "no", "Cache-Control": "no-store, no-transform",
	} {
		if got := r.resp.Header.Get(header); got != want {
			t.Errorf("%s: %q", header, got)
		}
	}
	go func() {
		s.say(t, 1, chat.TypeAccepted, `{"text":"hi"}`)
		s.say(t, 2, chat.TypeText, `{"text":"two\nlines"}`)
		s.say(t, 3, chat.TypeEnd, `{"state":"done"}`)
	}()
	for _, want := range []string{
		"id: 1\nevent: accepted\ndata: " + `{"seq":1,"at":"1970-01-01T00:00:00Z","type":"accepted","data":{"text":"hi"}}`,
		"id: 2\nevent: text\ndata: " + `{"seq":2,"at":"1970-01-01T00:00:00Z","type":"text","data":{"text":"two\nlines"}}`,
		"id: 3\nevent: end\ndata: " + `{"seq":3,"at":"1970-01-01T00:00:00Z","type":"end","data":{"state":"done"}}`,
		"",
	} {
		if got := r.event(); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

func TestReaderResumesWhereItWas(t *testing.T) {
	t.Parallel()
	s := newScript()
	s.run = chat.Run{State: chat.Running, LastSeq: 9}
	w := setup(t, func(c *httpapi.Config) { c.Chat = s })
	acme := w.tenant("acme")
	for _, c := range []struct {
		query, header string
		want          int64
	}{{"?after=7", "", 7}, {"", "5", 5}, {"?after=7", "5", 7}, {"", "junk", 0}, {"", "-3", 0}} {
		acme.stream("/runs/r1/events"+c.query, "Last-Event-ID", c.header)
		if got := <-s.after; got != c.want {
			t.Errorf("%q %q: from %d, want %d", c.query, c.header, got, c.want)
		}
	}
}

func TestReaderWhoHasSeenTheEndIsNotKeptWaiting(t *testing.T) {
	t.Parallel()
	s := newScript()
	s.run = chat.Run{State: chat.Done, LastSeq: 9}
	w := setup(t, func(c *httpapi.Config) { c.Chat = s })
	if got := w.tenant("acme").stream("/runs/r1/events?after=9").event(); got != "" {
		t.Errorf("got %s", got)
	}
}

func TestSilenceIsFilledWithHeartbeats(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *httpapi.Config) { c.Chat, c.Heartbeat = newScript(), 5*time.Millisecond })
	r := w.tenant("acme").stream("/runs/r1/events")
	for range 3 {
		if got := r.frame(); !strings.HasPrefix(got, ":") {
			t.Fatalf("got %q", got)
		}
	}
}

func TestLeavingReaderStopsItsFollower(t *testing.T) {
	t.Parallel()
	s := newScript()
	w := setup(t, func(c *httpapi.Config) { c.Chat = s })
	r := w.tenant("acme").stream("/runs/r1/events")
	r.resp.Body.Close()
	select {
	case <-s.left:
	case <-time.After(10 * time.Second):
		t.Fatal("the run is still followed for nobody")
	}
}

func TestStreamEndsSoonAfterItsLogin(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *httpapi.Config) { c.Chat, c.Recheck = newScript(), 20*time.Millisecond })
	acme := w.tenant("acme")
	r := acme.stream("/runs/r1/events")
	tokens, err := w.signIn.Tokens(t.Context(), acme.scope)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.signIn.RevokeToken(t.Context(), acme.scope, tokens[0].ID); err != nil {
		t.Fatal(err)
	}
	if got := r.event(); got != "" {
		t.Errorf("got %s", got)
	}
}

func TestStoppingServiceEndsItsStreams(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *httpapi.Config) { c.Chat = newScript() })
	r := w.tenant("acme").stream("/runs/r1/events")
	w.api.Stop()
	if got := r.event(); got != "" {
		t.Errorf("got %s", got)
	}
}

func TestReaderThatDoesNotReadHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	s := newScript()
	w := setup(t, func(c *httpapi.Config) { c.Chat = s })
	acme := w.tenant("acme")
	acme.stream("/runs/r1/events") // never read
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	go func() { // fills the connection's buffers until the stream blocks
		big := fmt.Sprintf(`{"text":%q}`, strings.Repeat("x", 1<<20))
		for seq := int64(1); ; seq++ {
			select {
			case s.events <- chat.Event{Seq: seq, Type: chat.TypeText, Data: []byte(big)}:
			case <-ctx.Done():
				return
			}
		}
	}()
	for range 20 {
		acme.call(http.MethodGet, "/clusters", "").want(t, http.StatusOK)
	}
}

func TestTenantsEventsTellOfItsClustersOnly(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme, globex := w.tenant("acme"), w.tenant("globex")
	r := acme.stream("/events")
	if got := r.event(); got != "event: resync\ndata: {}" {
		t.Fatalf("got %s", got)
	}
	globex.newCluster("theirs")
	acme.newCluster("ours")
	got := r.event()
	if !strings.HasPrefix(got, "event: cluster\ndata: {") || !strings.Contains(got, `"name":"ours"`) || !strings.Contains(got, `"state":"pending"`) {
		t.Fatalf("got %s", got)
	}
	if !strings.Contains(got, `"group":"viewer"`) {
		t.Errorf("the caller's own group is missing: %s", got)
	}
}

func TestStreamOfASignedOutBrowserIsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c := w.tenant("acme")
	c.token = login.NewTokenSecret()
	req := c.request(http.MethodGet, "/t/acme/events", "")
	c.send(req).want(t, http.StatusUnauthorized)
}

func TestOneLoginCannotOpenStreamsWithoutEnd(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *httpapi.Config) { c.Chat = newScript() })
	acme := w.tenant("acme")
	var open []*reader
	for range 64 {
		open = append(open, acme.stream("/events"))
	}
	a := acme.call(http.MethodGet, "/events", "").want(t, http.StatusTooManyRequests)
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	w.caller(acme.scope).stream("/events") // another login of the same person
	open[0].resp.Body.Close()
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		req := acme.request(http.MethodGet, "/t/acme/events", "")
		ctx, cancel := context.WithCancel(req.Context())
		resp, err := http.DefaultClient.Do(req.WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a stream that ended still counts")
		}
	}
}
