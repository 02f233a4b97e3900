package forward_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/kubechat/kubechat/internal/forward"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

// counting counts the writes to the sockets of a listener.
type counting struct {
	net.Listener
	writes *atomic.Int64
}

func (l counting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &countingConn{c.(*net.TCPConn), l.writes}, nil
}

type countingConn struct {
	*net.TCPConn
	writes *atomic.Int64
}

func (c *countingConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.TCPConn.Write(p)
}

func (c *countingConn) SyscallConn() (syscall.RawConn, error) { return c.TCPConn.SyscallConn() }

// serve is a server whose answers can be held; with over, TLS over that.
func serve(t *testing.T, h http.HandlerFunc, over func(net.Listener) net.Listener) (addr string, writes *atomic.Int64) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	writes = new(atomic.Int64)
	held := forward.Listener(counting{l, writes})
	if over != nil {
		held = over(held)
	}
	srv := &http.Server{Handler: h, ConnContext: forward.ConnContext, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1) // Serve's one result
	go func() { served <- srv.Serve(held) }()
	t.Cleanup(func() {
		_ = srv.Close()
		<-served
	})
	return l.Addr().String(), writes
}

func answer(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		forward.Hold(r)
		w.Header().Set("Content-Length", fmt.Sprint(n))
		_, _ = io.Copy(w, strings.NewReader(strings.Repeat("x", n)))
	}
}

func read(t *testing.T, c *http.Client, url string, n int) {
	t.Helper()
	res, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || len(b) != n {
		t.Fatalf("%d bytes of %d, %v", len(b), n, err)
	}
}

func TestASmallAnswerIsOneWrite(t *testing.T) {
	t.Parallel()
	addr, writes := serve(t, answer(9000), nil)
	for i := range int64(3) { // on one connection
		read(t, http.DefaultClient, "http://"+addr, 9000)
		if got := writes.Load(); got != i+1 {
			t.Fatalf("%d answers in %d writes", i+1, got)
		}
	}
}

func TestASmallAnswerIsOneWriteUnderTLS(t *testing.T) {
	t.Parallel()
	client, server := tunneltest.TLS(t, "http/1.1")
	addr, writes := serve(t, answer(9000), func(l net.Listener) net.Listener { return tls.NewListener(l, server) })
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: client}}
	defer c.CloseIdleConnections()
	read(t, c, "https://"+addr, 9000)
	before := writes.Load()
	read(t, c, "https://"+addr, 9000)
	if got := writes.Load() - before; got != 1 {
		t.Errorf("the second answer took %d writes", got)
	}
}

func TestALargeAnswerIsNotHeld(t *testing.T) {
	t.Parallel()
	addr, _ := serve(t, answer(5<<20), nil)
	read(t, http.DefaultClient, "http://"+addr, 5<<20)
}

func TestWhatIsNotHeldIsFlushed(t *testing.T) {
	t.Parallel()
	go1 := make(chan struct{}) // closed when the first event was read
	addr, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/whole" {
			answer(100)(w, r)
			return
		}
		fmt.Fprintln(w, "event 1")
		w.(http.Flusher).Flush()
		<-go1
		fmt.Fprintln(w, "event 2")
	}, nil)
	c := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer c.CloseIdleConnections()
	read(t, c, "http://"+addr+"/whole", 100) // what held once holds no more
	res, err := c.Get("http://" + addr + "/watch")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	events := bufio.NewScanner(res.Body)
	for _, want := range []string{"event 1", "event 2"} {
		if !events.Scan() || events.Text() != want {
			t.Fatalf("got %q, %v", events.Text(), events.Err())
		}
		if want == "event 1" {
			close(go1)
		}
	}
}

// TestAnEndedConnectionHasSentAll: net/http waits half a second before it closes a connection whose request it did not read
// to its end.
func TestAnEndedConnectionHasSentAll(t *testing.T) {
	t.Parallel()
	addr, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		answer(9000)(w, r)
	}, nil)
	began := time.Now()
	read(t, http.DefaultClient, "http://"+addr, 9000)
	res, err := http.Post("http://"+addr, "text/plain", io.LimitReader(neverEnding{}, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || len(b) != 9000 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if d := time.Since(began); d > 4*time.Second {
		t.Errorf("took %v", d)
	}
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) { return len(p), nil }

func TestAnAnswerGivenUpDoesNotLookWhole(t *testing.T) {
	t.Parallel()
	addr, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		forward.Hold(r)
		w.Header().Set("Content-Length", "9000")
		_, _ = w.Write(bytes.Repeat([]byte("x"), 6000))
		panic(http.ErrAbortHandler)
	}, nil)
	res, err := http.Get("http://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != io.ErrUnexpectedEOF {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

func TestHoldElsewhereDoesNothing(t *testing.T) {
	t.Parallel()
	forward.Hold((&http.Request{ProtoMajor: 1}).WithContext(t.Context()))
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if ctx := forward.ConnContext(context.Background(), a); ctx != context.Background() {
		t.Error("a pipe can't hold")
	}
}
