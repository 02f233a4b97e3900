// Package modeltest plays models: a Script of answers, spoken by a server in each provider's own tongue (SSE, NDJSON, AWS
// event-stream frames), and the one suite that every provider passes. Start at Contract; package assist's tests begin at
// Player, which needs no server.
package modeltest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/model"
)

// Answer is one scripted answer to one call.
type Answer struct {
	Text      []string         // deltas
	Calls     []model.ToolCall // in Args; if Malformed is set it is sent instead
	Usage     *model.Usage     // nil: the server counts nothing
	Reason    model.Reason     // "": as the calls say
	Status    int              // not 0: the answer is this HTTP error
	Header    http.Header      // of it
	Message   string           // of it
	Cut       bool             // the connection ends after the deltas
	Hang      bool             // nothing more comes after the deltas until the client goes
	EchoesKey bool             // the error repeats the request's credentials
}

// Seen is a request as a server understood it: enough to say that what was meant arrived.
type Seen struct {
	Path        string
	Header      http.Header
	Body        map[string]any
	MaxTokens   int
	Temperature *float64
	System      string
	Tools       []string
	Results     []string // ids of the calls that the messages answer
}

// Tongue is how one provider's server speaks.
type Tongue interface {
	// Read understands a request.
	Read(r *http.Request, body map[string]any) Seen
	// Write gives an answer that is no error, up to its end, or to where it is cut.
	Write(w http.ResponseWriter, a Answer)
	// Fail gives an error.
	Fail(w http.ResponseWriter, a Answer, message string)
}

// Server answers with a script, one answer a request; the last one again and again.
type Server struct {
	*httptest.Server
	tongue Tongue

	mu     sync.Mutex // guards what is below
	script []Answer
	seen   []Seen

	gone chan struct{} // receives when a client has left a hanging answer; has room for each of a test's requests
}

// NewServer starts a server, which ends with the test.
func NewServer(t testing.TB, tongue Tongue, script ...Answer) *Server {
	t.Helper()
	s := &Server{tongue: tongue, script: script, gone: make(chan struct{}, 16)}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// Seen are the requests so far.
func (s *Server) Seen() []Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Seen(nil), s.seen...)
}

// Gone receives once for each client that left a hanging answer.
func (s *Server) Gone() <-chan struct{} { return s.gone }

// ServeHTTP gives the next answer.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body map[string]any
	_ = json.NewDecoder(r.Body).Decode(&body)
	seen := s.tongue.Read(r, body)
	seen.Path, seen.Header, seen.Body = r.URL.Path, r.Header.Clone(), body
	s.mu.Lock()
	s.seen = append(s.seen, seen)
	a := s.script[0]
	if len(s.script) > 1 {
		s.script = s.script[1:]
	}
	s.mu.Unlock()
	if a.Status != 0 {
		for k, v := range a.Header {
			w.Header()[k] = v
		}
		message := a.Message
		if a.EchoesKey {
			for _, name := range []string{"Authorization", "X-Api-Key", "X-Amz-Security-Token"} {
				message += " " + r.Header.Get(name)
			}
		}
		s.tongue.Fail(w, a, message)
		return
	}
	s.tongue.Write(w, a)
	_ = http.NewResponseController(w).Flush()
	switch {
	case a.Hang:
		select {
		case <-r.Context().Done():
			s.gone <- struct{}{}
		case <-time.After(30 * time.Second): // the test has failed by then
		}
	case a.Cut:
		panic(http.ErrAbortHandler)
	}
}

// reason is why an answer ends, in our words.
func (a Answer) reason() model.Reason {
	switch {
	case a.Reason != "":
		return a.Reason
	case len(a.Calls) > 0:
		return model.ToolUse
	}
	return model.Stop
}

// args is the text that stands for a call's arguments.
func args(c model.ToolCall) string {
	if c.Malformed != "" {
		return c.Malformed
	}
	return string(c.Args)
}

// halves cuts a text in two, as providers do in the middle of a word.
func halves(s string) []string { return []string{s[:len(s)/2], s[len(s)/2:]} }
