package rig

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// BulkSize is how many bytes a bulk list has, and a little more.
const BulkSize = 24 << 20

// API is a small API server: what an agent asks for itself, and one request of each kind that behaves in its own way
// when its connection does not. All of it is in namespace shop:
//
//	GET    pods/NAME                a small answer; a name that starts with "slow" is answered after Release only
//	PATCH  pods/NAME                the same, for a change; Changes counts them
//	GET    pods                     a list of BulkSize bytes
//	GET    configmaps               the one config map "counter", whose data.n counts up with its resourceVersion
//	GET    configmaps?watch=true    its changes from a resourceVersion on
//	GET    pods/NAME/log?follow     a line every 20 ms
//	POST   pods/NAME/exec           an upgrade; it says back what it is told
//	POST   pods/NAME/exec?command=N an upgrade; when its input has ended it says N lines, 20 ms apart
type API struct {
	*httptest.Server

	mu      sync.Mutex // guards the rest
	changed chan struct{}
	count   int            // of the counter, which is its resourceVersion too
	changes map[string]int // by name
	reads   map[string]int // by name
	active  map[string]int // requests under way, by kind
	gates   map[string]chan struct{}
	tokens  map[string]bool // that are believed; nil believes "t"
}

// NewAPI serves until the test ends.
func NewAPI(t testing.TB) *API {
	t.Helper()
	a := &API{
		changed: make(chan struct{}), count: 1, changes: map[string]int{}, reads: map[string]int{}, active: map[string]int{},
		gates: map[string]chan struct{}{}, tokens: map[string]bool{"t": true},
	}
	a.Server = httptest.NewUnstartedServer(a.handler())
	a.EnableHTTP2 = true
	a.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	a.StartTLS()
	t.Cleanup(a.shut)
	return a
}

// shut ends it, whatever is under way.
func (a *API) shut() {
	a.CloseClientConnections()
	a.Close()
}

// Kubeconfig leads to it, by way of another address if one is given.
func (a *API) Kubeconfig(t testing.TB, through ...string) string {
	t.Helper()
	url := a.URL
	if len(through) > 0 {
		url = "https://" + through[0]
	}
	return Kubeconfig(t, url, "t", CertificatePEM(a.Certificate()))
}

// Address is host:port.
func (a *API) Address() string { return a.Listener.Addr().String() }

func (a *API) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /version", say(`{"gitVersion":"v1.37.2"}`))
	mux.HandleFunc("GET /api/v1/namespaces/kube-system", say(`{"metadata":{"uid":"0b2c7e4e-1111-4222-8333-444455556666"}}`))
	mux.HandleFunc("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews", say(`{"status":{"allowed":true}}`))
	const shop = " /api/v1/namespaces/shop/"
	mux.HandleFunc("GET"+shop+"pods/{name}", a.counted("get", func(w http.ResponseWriter, r *http.Request) { a.answer(w, r, a.reads) }))
	mux.HandleFunc("PATCH"+shop+"pods/{name}", a.counted("patch", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err == nil {
			a.answer(w, r, a.changes)
		}
	}))
	mux.HandleFunc("GET"+shop+"pods", a.counted("list", bulk))
	mux.HandleFunc("GET"+shop+"configmaps", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") == "true" {
			a.counted("watch", a.watch)(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		n, _ := a.now()
		_, _ = fmt.Fprintf(w, `{"kind":"ConfigMapList","metadata":{"resourceVersion":"%d"},"items":[%s]}`, n, counter(n))
	})
	mux.HandleFunc("GET"+shop+"pods/{name}/log", a.counted("log", lines))
	mux.HandleFunc(shop[1:]+"pods/{name}/exec", a.counted("exec", upgrade))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		a.mu.Lock()
		known := a.tokens[bearer]
		a.mu.Unlock()
		if !known {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"kind":"Status","status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}`)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func say(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}
}

func (a *API) counted(kind string, next http.HandlerFunc) http.HandlerFunc {
	add := func(n int) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.active[kind] += n
	}
	return func(w http.ResponseWriter, r *http.Request) {
		add(1)
		defer add(-1)
		next(w, r)
	}
}

// Active is how many requests of a kind are under way: get, patch, list, watch, log, exec. "" is all of them.
func (a *API) Active(kind string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k, active := range a.active {
		if kind == "" || k == kind {
			n += active
		}
	}
	return n
}

// Changes is how often a pod was changed.
func (a *API) Changes(name string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.changes[name]
}

// Believe sets the tokens that are believed from now on.
func (a *API) Believe(tokens ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens = map[string]bool{}
	for _, t := range tokens {
		a.tokens[t] = true
	}
}

// Release answers the requests for a slow pod, also those to come.
func (a *API) Release(name string) {
	gate := a.gate(name)
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case <-gate:
	default:
		close(gate)
	}
}

func (a *API) gate(name string) chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.gates[name]
	if g == nil {
		g = make(chan struct{})
		a.gates[name] = g
	}
	return g
}

// answer counts a request for a pod and answers it, a slow one when it may.
func (a *API) answer(w http.ResponseWriter, r *http.Request, counts map[string]int) {
	name := r.PathValue("name")
	a.mu.Lock()
	counts[name]++
	a.mu.Unlock()
	if strings.HasPrefix(name, "slow") {
		select {
		case <-a.gate(name):
		case <-r.Context().Done():
			return
		}
	}
	say(`{"kind":"Pod","apiVersion":"v1","metadata":{"name":"`+name+`","namespace":"shop"}}`)(w, r)
}

// bulk is a list of many pods, written as it is read.
func bulk(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	out := bufio.NewWriterSize(w, 64<<10)
	_, _ = io.WriteString(out, `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[`)
	filler := strings.Repeat("x", 1000)
	for i, written := 0, 0; written < BulkSize; i++ {
		if i > 0 {
			_ = out.WriteByte(',')
		}
		n, err := fmt.Fprintf(out, `{"metadata":{"name":"pod-%d","annotations":{"filler":%q}}}`, i, filler)
		if written += n; err != nil {
			return
		}
	}
	_, _ = io.WriteString(out, "]}")
	_ = out.Flush()
}

func counter(n int) string {
	return fmt.Sprintf(`{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"counter","namespace":"shop","resourceVersion":"%d"},"data":{"n":"%d"}}`, n, n)
}

// now is the counter's state, and a channel that is closed with its next change.
func (a *API) now() (int, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.count, a.changed
}

// Count changes the counter, and every watch hears of it.
func (a *API) Count() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count++
	close(a.changed)
	a.changed = make(chan struct{})
}

// Counting changes the counter every so often until stop is called.
func (a *API) Counting(t testing.TB, every time.Duration) (stop func()) {
	return background(t, func(ctx context.Context) error {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				a.Count()
			}
		}
	})
}

func (a *API) watch(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	n, changed := a.now()
	seen := n
	if from, err := strconv.Atoi(r.URL.Query().Get("resourceVersion")); err == nil {
		seen = from
	}
	for {
		for ; seen < n; seen++ {
			if _, err := fmt.Fprintf(w, `{"type":"MODIFIED","object":%s}`+"\n", counter(seen+1)); err != nil {
				return
			}
		}
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		}
		n, changed = a.now()
	}
}

// lines is a log that is followed.
func lines(w http.ResponseWriter, r *http.Request) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	size, _ := strconv.Atoi(r.URL.Query().Get("limitBytes")) // of a line, so that a test can fill a path
	for n := 0; ; n++ {
		if _, err := fmt.Fprintf(w, "line %d %s\n", n, strings.Repeat("y", size)); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

// upgrade switches protocols.
func upgrade(w http.ResponseWriter, r *http.Request) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "an upgrade needs HTTP/1.1", http.StatusBadRequest)
		return
	}
	defer conn.Close()
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
	count, err := strconv.Atoi(r.URL.Query().Get("command"))
	if err != nil {
		_, _ = io.Copy(conn, buffered)
		return
	}
	read, _ := io.Copy(io.Discard, buffered)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := range count {
		if _, err := fmt.Fprintf(conn, "line %d\n", n); err != nil {
			return
		}
		<-tick.C
	}
	_, _ = fmt.Fprintf(conn, "read %d\n", read)
}

// Event is one event of a watch on the counter.
type Event struct {
	Type   string
	Object struct {
		Kind     string
		Code     int
		Message  string
		Metadata struct{ ResourceVersion string }
		Data     struct{ N string }
	}
}

// Version is the event's resourceVersion; 0 of an error.
func (e Event) Version() int {
	n, err := strconv.Atoi(e.Object.Metadata.ResourceVersion)
	if err != nil {
		return 0
	}
	return n
}

// Events reads a watch.
func Events(r io.Reader) func() (Event, error) {
	in := json.NewDecoder(r)
	return func() (e Event, err error) { return e, in.Decode(&e) }
}
