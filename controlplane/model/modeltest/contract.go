package modeltest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/model"
)

// Key is what providers under test are given where they take any key: an AWS pair, which reads as a plain key as well.
const Key = "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"

// Provider is what the suite needs of one.
type Provider struct {
	Tongue Tongue
	// Open gives the provider's client of a server at url, with Key as its key.
	Open func(t *testing.T, url string) model.Streamer
}

// Contract is what every provider does alike.
func Contract(t *testing.T, p Provider) {
	t.Helper()
	for name, f := range map[string]func(*testing.T, Provider){
		"streams text":                  streams,
		"calls tools in parallel":       parallel,
		"malformed arguments are told":  malformed,
		"sends what was asked":          sends,
		"429 with Retry-After":          limited,
		"5xx":                           away,
		"a refused key":                 refused,
		"a cut in the middle":           cut,
		"no usage":                      usageAbsent,
		"an answer that was cut short":  short,
		"cancelling ends the request":   cancels,
		"who stops reading ends it too": leaves,
		"an unreachable server":         unreachable,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, p)
		})
	}
}

// Ask is a request with everything in it.
func Ask() model.Request {
	schema := json.RawMessage(`{"type":"object","properties":{"name":{"type":"string"}},"required":["name"],"additionalProperties":false}`)
	zero := 0.0
	return model.Request{
		System: "You look at clusters.", MaxTokens: 321, Temperature: &zero,
		Tools: []model.Tool{{Name: "get", Description: "Gets one.", Schema: schema}, {Name: "list", Description: "Lists all.", Schema: schema}},
		Messages: []model.Message{
			{Role: model.User, Text: "What is wrong?"},
			{Role: model.Assistant, Text: "I look.", Calls: []model.ToolCall{{ID: "one", Name: "get", Args: json.RawMessage(`{"name":"a"}`)}, {ID: "two", Name: "list", Args: json.RawMessage(`{"name":"b"}`)}}},
			{Role: model.Results, Results: []model.ToolResult{{Call: "one", Text: `"fine"`}, {Call: "two", Text: `"gone"`, Failed: true}}},
			{Role: model.User, Text: "And now?"},
		},
	}
}

// Read reads an answer to its end.
func Read(ctx context.Context, s model.Streamer, req model.Request) (events []model.Event, err error) {
	for e, failed := range s.Stream(ctx, req) {
		if failed != nil {
			return events, failed
		}
		events = append(events, e)
	}
	return events, nil
}

func ask(t *testing.T, p Provider, script ...Answer) (*Server, []model.Event, error) {
	t.Helper()
	srv := NewServer(t, p.Tongue, script...)
	events, err := Read(t.Context(), p.Open(t, srv.URL), Ask())
	return srv, events, err
}

func words(events []model.Event) string {
	var b strings.Builder
	for _, e := range events {
		if d, ok := e.(model.TextDelta); ok {
			b.WriteString(d.Text)
		}
	}
	return b.String()
}

func only[E model.Event](events []model.Event) (out []E) {
	for _, e := range events {
		if x, ok := e.(E); ok {
			out = append(out, x)
		}
	}
	return out
}

func ended(t *testing.T, events []model.Event, want model.Reason) {
	t.Helper()
	if n := len(events); n == 0 || events[n-1] != model.Event(model.Done{Reason: want}) || len(only[model.Done](events)) != 1 {
		t.Errorf("the end is not one %q: %v", want, events)
	}
}

func failedWith(t *testing.T, err error, kind model.Kind, status int) *model.Error {
	t.Helper()
	var e *model.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no *model.Error", err)
	}
	if e.Kind != kind || e.Status != status {
		t.Errorf("got %v: kind %s, status %d; want %s, %d", e, e.Kind, e.Status, kind, status)
	}
	for _, secret := range append(strings.Split(Key, ":"), Key) {
		for inner := err; inner != nil; inner = errors.Unwrap(inner) {
			if strings.Contains(inner.Error(), secret) {
				t.Errorf("the error holds the key: %v", inner)
			}
		}
	}
	return e
}

func streams(t *testing.T, p Provider) {
	_, events, err := ask(t, p, Answer{Text: []string{"All ", "is ", "well."}, Usage: &model.Usage{InputTokens: 40, OutputTokens: 7}})
	if err != nil || words(events) != "All is well." || len(only[model.TextDelta](events)) != 3 {
		t.Fatalf("%v, %v", events, err)
	}
	if u := only[model.Usage](events); len(u) != 1 || u[0].InputTokens != 40 || u[0].OutputTokens != 7 {
		t.Errorf("usage %v", u)
	}
	ended(t, events, model.Stop)
}

func parallel(t *testing.T, p Provider) {
	calls := []model.ToolCall{
		{ID: "a1", Name: "get", Args: json.RawMessage(`{"name":"web \"x\""}`)}, {ID: "a2", Name: "get", Args: json.RawMessage(`{"name":"db"}`)}, {ID: "a3", Name: "list", Args: json.RawMessage(`{}`)},
	}
	_, events, err := ask(t, p, Answer{Text: []string{"Looking."}, Calls: calls})
	if err != nil {
		t.Fatal(err)
	}
	got := only[model.ToolCall](events)
	if !slices.EqualFunc(got, calls, func(a, b model.ToolCall) bool {
		return a.ID == b.ID && a.Name == b.Name && string(a.Args) == string(b.Args) && a.Malformed == ""
	}) {
		t.Errorf("got %s", got)
	}
	ended(t, events, model.ToolUse)
}

func malformed(t *testing.T, p Provider) {
	for _, bad := range []string{`{"name": "web`, `[1,2]`, `name=web`} {
		_, events, err := ask(t, p, Answer{Calls: []model.ToolCall{{ID: "a1", Name: "get", Malformed: bad}}})
		got := only[model.ToolCall](events)
		if err != nil || len(got) != 1 || got[0].Malformed != bad || string(got[0].Args) != "{}" {
			t.Errorf("%s: %v, %v", bad, got, err)
		}
	}
}

func sends(t *testing.T, p Provider) {
	srv, _, err := ask(t, p, Answer{Text: []string{"ok"}})
	if err != nil {
		t.Fatal(err)
	}
	s := srv.Seen()[0]
	if s.MaxTokens != 321 || s.Temperature == nil || *s.Temperature != 0 || !strings.HasPrefix(s.System, "You look at clusters.") {
		t.Errorf("max tokens %d, temperature %v, system %q", s.MaxTokens, s.Temperature, s.System)
	}
	if !slices.Equal(s.Tools, []string{"get", "list"}) || !slices.Equal(s.Results, []string{"one", "two"}) {
		t.Errorf("tools %v, results %v", s.Tools, s.Results)
	}
}

func limited(t *testing.T, p Provider) {
	srv, _, err := ask(t, p, Answer{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"7"}}, Message: "slow down", EchoesKey: true})
	if e := failedWith(t, err, model.Limited, http.StatusTooManyRequests); e.RetryAfter != 7*time.Second || !e.Transient() {
		t.Errorf("retry after %v", e.RetryAfter)
	}
	if n := len(srv.Seen()); n != 1 {
		t.Errorf("asked %d times: retrying is not the provider's", n)
	}
}

func away(t *testing.T, p Provider) {
	srv, _, err := ask(t, p, Answer{Status: http.StatusServiceUnavailable, Message: "overloaded " + Key, EchoesKey: true})
	if e := failedWith(t, err, model.Away, http.StatusServiceUnavailable); !strings.Contains(e.Error(), "overloaded") {
		t.Errorf("it does not say why: %v", e)
	}
	if n := len(srv.Seen()); n != 1 {
		t.Errorf("asked %d times: retrying is not the provider's", n)
	}
}

func refused(t *testing.T, p Provider) {
	_, _, err := ask(t, p, Answer{Status: http.StatusForbidden, Message: "bad key", EchoesKey: true})
	if e := failedWith(t, err, model.Refused, http.StatusForbidden); e.Transient() {
		t.Error("a refused key is tried again")
	}
}

func cut(t *testing.T, p Provider) {
	_, events, err := ask(t, p, Answer{Text: []string{"All ", "is "}, Cut: true})
	failedWith(t, err, model.Cut, 0)
	if words(events) != "All is " {
		t.Errorf("before the cut: %q", words(events))
	}
}

func usageAbsent(t *testing.T, p Provider) {
	_, events, err := ask(t, p, Answer{Text: []string{"fine"}})
	if err != nil || len(only[model.Usage](events)) != 0 {
		t.Errorf("%v, %v", events, err)
	}
	ended(t, events, model.Stop)
}

func short(t *testing.T, p Provider) {
	_, events, err := ask(t, p, Answer{Text: []string{"All is"}, Reason: model.MaxTokens})
	if err != nil {
		t.Fatal(err)
	}
	ended(t, events, model.MaxTokens)
}

func cancels(t *testing.T, p Provider) {
	srv := NewServer(t, p.Tongue, Answer{Text: []string{"All "}, Hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var err error
	for _, err = range p.Open(t, srv.URL).Stream(ctx, Ask()) {
		cancel()
	}
	if err == nil || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	left(t, srv)
}

func leaves(t *testing.T, p Provider) {
	srv := NewServer(t, p.Tongue, Answer{Text: []string{"All "}, Hang: true})
	for _, err := range p.Open(t, srv.URL).Stream(t.Context(), Ask()) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	left(t, srv)
}

func left(t *testing.T, srv *Server) {
	t.Helper()
	select {
	case <-srv.Gone():
	case <-time.After(10 * time.Second):
		t.Error("the request goes on")
	}
}

func unreachable(t *testing.T, p Provider) {
	srv := NewServer(t, p.Tongue, Answer{})
	srv.Close()
	_, err := Read(t.Context(), p.Open(t, srv.URL), Ask())
	failedWith(t, err, model.Away, 0)
}
