package tunneltest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/kubechat/kubechat/tunnel"
)

type streamKey struct{}

// serveHTTP serves the agent's session and gives a client that reaches it, one stream per request.
func serveHTTP(t *testing.T, rig Rig, h http.Handler) *http.Client {
	t.Helper()
	server := &http.Server{
		Handler: h,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, streamKey{}, c.(*tunnel.Conn).Header())
		},
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Serve(rig.Agent)
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return rig.Plane.Open(ctx, tunnel.Header{Kind: tunnel.KindHTTP, RequestID: address})
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func httpRequests(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	client := serveHTTP(t, rig, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %x", r.Context().Value(streamKey{}).(tunnel.Header).RequestID, r.URL.Path, digest(body))
	}))
	body := string(noise(36_000)) // several chunks; all at once they fit into what an agent buffers, whoever is slow
	var requests sync.WaitGroup
	for i := range 100 {
		requests.Go(func() {
			res, err := client.Post(fmt.Sprintf("http://cluster-%d/path/%d", i, i), "", strings.NewReader(body[i:]))
			if err != nil {
				t.Errorf("request %d: %v", i, err)
				return
			}
			got, err := io.ReadAll(res.Body)
			res.Body.Close()
			want := fmt.Sprintf("cluster-%d:80 /path/%d %x", i, i, digest([]byte(body[i:])))
			if string(got) != want || err != nil {
				t.Errorf("request %d: %q, %v, want %q", i, got, err, want)
			}
		})
	}
	requests.Wait()
	eventually(t, "streams released", func() bool { return rig.Plane.Streams()+rig.Agent.Streams() == 0 })
}

func httpUpgrade(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	client := serveHTTP(t, rig, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("hijack: %v", err)
			return
		}
		defer c.Close()
		fmt.Fprintf(buf, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
		buf.Flush()
		io.Copy(c, buf)
	}))
	req, _ := http.NewRequestWithContext(t.Context(), "POST", "http://cluster/exec", nil)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "SPDY/3.1")
	res, err := client.Do(req)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("upgrade: %v, %v", res, err)
	}
	c := res.Body.(io.ReadWriteCloser)
	lines := bufio.NewScanner(c)
	for i := range 50 { // keystrokes, each answered before the next
		want := fmt.Sprintf("keystroke %d", i)
		fmt.Fprintln(c, want)
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("got %q, %v, want %q", lines.Text(), lines.Err(), want)
		}
	}
	c.Close()
	eventually(t, "stream released", func() bool { return rig.Plane.Streams()+rig.Agent.Streams() == 0 })
}

func httpStreamCancelledByClient(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	left := make(chan error, 1)
	client := serveHTTP(t, rig, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for { // logs -f of a pod that writes faster than anyone reads
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				left <- err
				<-r.Context().Done()
				return
			}
		}
	}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://cluster/log?follow=true", nil)
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	io.ReadFull(res.Body, make([]byte, 100_000))
	cancel()
	within(t, freed, "the handler's end", left)
	eventually(t, "stream released", func() bool { return rig.Plane.Streams()+rig.Agent.Streams() == 0 })
}

func httpAbortedResponseIsAnError(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	client := serveHTTP(t, rig, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "the first part")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	res, err := client.Get("http://cluster/")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("half a response passed for a whole one: %q", got)
	}
}

func httpShutdownFinishesWhatIsInFlight(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	started, finish := make(chan struct{}), make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(started)
		<-finish
		io.WriteString(w, "finished")
	})}
	go server.Serve(tunnel.Listen(rig.Agent))
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return rig.Plane.Open(ctx, plain)
	}}
	answer := make(chan string, 1)
	go func() {
		res, err := (&http.Client{Transport: transport}).Get("http://cluster/")
		if err != nil {
			answer <- err.Error()
			return
		}
		defer res.Body.Close()
		got, _ := io.ReadAll(res.Body)
		answer <- string(got)
	}()
	within(t, soon, "the request", started)
	if err := rig.Agent.Drain(t.Context(), tunnel.Drain{}); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Shutdown(context.Background()) }()
	close(finish)
	if got := within(t, soon, "the answer", answer); got != "finished" {
		t.Errorf("the request in flight got %q", got)
	}
	transport.CloseIdleConnections()
	if err := within(t, soon, "shutdown", stopped); err != nil {
		t.Errorf("shutdown: %v", err)
	}
}
