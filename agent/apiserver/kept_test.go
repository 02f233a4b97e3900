package apiserver

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/kubechat/kubechat/internal/sock"
)

// keptServer is an API server that counts the connections on which it was asked.
func keptServer(t *testing.T, h http.HandlerFunc) (*httptest.Server, *Server, *atomic.Int32) {
	t.Helper()
	var opened atomic.Int32
	var seen sync.Map
	api, ca := server(t, func(w http.ResponseWriter, r *http.Request) {
		if _, known := seen.LoadOrStore(r.RemoteAddr, true); !known {
			opened.Add(1)
		}
		h(w, r)
	})
	s := fromKubeconfig(t, kubeconfigText(api.URL, "certificate-authority-data: "+base64.StdEncoding.EncodeToString([]byte(ca)), "token: t"))
	t.Cleanup(s.CloseIdle)
	return api, s, &opened
}

func getKept(ctx context.Context, s *Server, method, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.URL.String()+path, nil)
	if err != nil {
		return "", err
	}
	res, err := s.Wholes().RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

func TestKeptConnectionServesOneRequestAfterTheOther(t *testing.T) {
	t.Parallel()
	_, s, opened := keptServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/early":
			w.WriteHeader(http.StatusEarlyHints)
		case "/none":
			w.WriteHeader(http.StatusNoContent)
			return
		case "/long":
			w.(http.Flusher).Flush() // in chunks
			_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
		}
		_, _ = io.WriteString(w, r.Method+" "+r.URL.Path)
	})
	for _, one := range []struct{ method, path, want string }{
		{http.MethodGet, "/a", "GET /a"}, {http.MethodHead, "/b", ""}, {http.MethodGet, "/none", ""},
		{http.MethodGet, "/early", "GET /early"}, {http.MethodGet, "/long", strings.Repeat("x", 1<<20) + "GET /long"}, {http.MethodGet, "/a", "GET /a"},
	} {
		got, err := getKept(t.Context(), s, one.method, one.path)
		if err != nil || got != one.want {
			t.Errorf("%s %s: %d bytes, %v", one.method, one.path, len(got), err)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections, want one", n)
	}
}

func TestRequestIsSentAgainOnlyWhereAKeptConnectionHadEnded(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	api, s, opened := keptServer(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path == "/broken" {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	if _, err := getKept(t.Context(), s, http.MethodGet, "/"); err != nil {
		t.Fatal(err)
	}
	api.CloseClientConnections() // as an API server that restarts
	if _, err := getKept(t.Context(), s, http.MethodGet, "/"); err != nil || opened.Load() != 2 || asked.Load() != 2 {
		t.Errorf("%v, after %d connections and %d requests", err, opened.Load(), asked.Load())
	}
	if _, err := getKept(t.Context(), s, http.MethodGet, "/broken"); !errors.Is(err, io.ErrUnexpectedEOF) || asked.Load() != 3 {
		t.Errorf("%v, asked %d times", err, asked.Load())
	}
	api.Close()
	if _, err := getKept(t.Context(), s, http.MethodGet, "/"); err == nil {
		t.Error("nobody is there, and it was answered")
	}
}

func TestRequestThatIsGivenUpEndsItsConnection(t *testing.T) {
	t.Parallel()
	arrived, left := make(chan struct{}, 1), make(chan struct{})
	_, s, opened := keptServer(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			arrived <- struct{}{}
			<-r.Context().Done()
			close(left)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	given := make(chan error, 1)
	go func() {
		_, err := getKept(ctx, s, http.MethodGet, "/slow")
		given <- err
	}()
	<-arrived
	cancel()
	if err := <-given; !errors.Is(err, context.Canceled) {
		t.Errorf("told: %v", err)
	}
	<-left // the API server's work has ended
	if _, err := getKept(t.Context(), s, http.MethodGet, "/"); err != nil || opened.Load() != 2 {
		t.Errorf("the next: %v, over %d connections", err, opened.Load())
	}
}

func TestWhatNobodyUsesIsClosed(t *testing.T) {
	t.Parallel()
	_, s, _ := keptServer(t, func(http.ResponseWriter, *http.Request) {})
	if _, err := getKept(t.Context(), s, http.MethodGet, "/"); err != nil {
		t.Fatal(err)
	}
	k := s.wholes.few
	k.sweepOld()
	if len(k.idle) != 1 {
		t.Errorf("%d are kept, want the one just used", len(k.idle))
	}
	k.idle[0].since = k.idle[0].since.Add(-keptFor)
	k.sweepOld()
	if len(k.idle) != 0 || k.sweep != nil {
		t.Errorf("%d are kept for too long", len(k.idle))
	}
}

// What comes on a kept connection while nobody asks is nobody's answer, also when it is no more than the kernel's.
func TestUnaskedAnswerIsNobodys(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		conns := make(chan net.Conn, 2)
		var opened atomic.Int32
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "asked") }))
		srv.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
			opened.Add(1)
			conns <- c
			return ctx
		}
		if secure {
			srv.StartTLS()
		} else {
			srv.Start()
		}
		t.Cleanup(srv.Close)
		k := &kept{dial: (&net.Dialer{}).DialContext, tls: &tls.Config{InsecureSkipVerify: true}}
		t.Cleanup(k.CloseIdleConnections)
		ask := func() string {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := k.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		ask()
		if _, err := io.WriteString(<-conns, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nunasked"); err != nil {
			t.Fatal(err)
		}
		for sock.Idle(k.idle[0].Conn) { // until it has come
			runtime.Gosched()
		}
		if got := ask(); got != "asked" || opened.Load() != 2 {
			t.Errorf("TLS %t: answered %q, over %d connections", secure, got, opened.Load())
		}
	}
}
