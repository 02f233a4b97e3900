package tunnel_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubechat/kubechat/tunnel"
)

// wholes is a side that serves whole requests.
var wholes = tunnel.Config{Hello: tunnel.Hello{Capabilities: []string{tunnel.CapabilityWhole}}}

// answering serves whole requests with what answer makes of them.
func answering(t *testing.T, s tunnel.Session, answer func(c *tunnel.Conn, request string)) {
	t.Helper()
	go func() {
		for {
			conn, err := s.Accept()
			if err != nil {
				return
			}
			go func() {
				c := conn.(*tunnel.Conn)
				request, err := io.ReadAll(c)
				if err != nil {
					return // cancelled
				}
				answer(c, string(request))
				c.Close()
			}()
		}
	}()
}

func TestWholeRequestTakesOneTransmissionEachWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, s := withAgent(t, tunnel.Config{})
		answering(t, s, func(c *tunnel.Conn, request string) { c.Finish([]byte("answer to " + request)) })
		stream, _ := h.mux.Open()
		stream.Write(append(header(`{"id":"r","kind":"http","early":true,"whole":true}`), "\x00\x05GET /\x00\x00"...))
		stream.CloseSend()
		got := make([]byte, 100)
		n, _ := stream.Read(got) // one Read: they came together
		if want := "\x00\x00\x0fanswer to GET /\x00\x00"; string(got[:n]) != want {
			t.Errorf("%q came, want %q", got[:n], want)
		}
		synctest.Wait()
		if n := s.Streams(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}

func TestAcceptDoesNotWaitLongForTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rig(t, wholes, tunnel.Config{})
		answering(t, r.Agent, func(c *tunnel.Conn, request string) {
			time.Sleep(time.Minute)
			io.WriteString(c, "late, ")
			c.Finish([]byte(strings.Repeat("long", 20_000)))
		})
		start := time.Now()
		c, err := tunnel.OpenWhole(t.Context(), r.Plane, httpHeader, []byte("GET /"))
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 50*time.Millisecond {
			t.Errorf("accepted after %s", took)
		}
		if _, err := c.Write([]byte("more")); err == nil {
			t.Error("more could be written after the end")
		}
		got, err := io.ReadAll(c)
		if want := "late, " + strings.Repeat("long", 20_000); string(got) != want || err != nil {
			t.Errorf("%d bytes came, %v", len(got), err)
		}
		c.Close()
		synctest.Wait()
		if n := r.Agent.Streams() + r.Plane.Streams(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}

func TestWholeRequestsAnswerMayBeNothing(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*tunnel.Conn){
		"closed": func(c *tunnel.Conn) { c.Close() }, "ended": func(c *tunnel.Conn) { c.CloseWrite() }, "finished": func(c *tunnel.Conn) { c.Finish(nil) },
	} {
		synctest.Test(t, func(t *testing.T) {
			r := rig(t, wholes, tunnel.Config{})
			answering(t, r.Agent, func(c *tunnel.Conn, request string) { end(c) })
			c, err := tunnel.OpenWhole(t.Context(), r.Plane, httpHeader, []byte("GET /"))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got, err := io.ReadAll(c); len(got) > 0 || err != nil {
				t.Errorf("%s: %q, %v", name, got, err)
			}
			c.Close()
			synctest.Wait()
			if n := r.Agent.Streams() + r.Plane.Streams(); n != 0 {
				t.Errorf("%s: %d streams are left", name, n)
			}
		})
	}
}

func TestWholeRequestIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rig(t, wholes, tunnel.Config{})
		cancelled := make(chan error, 2) // of the two requests
		answering(t, r.Agent, func(c *tunnel.Conn, request string) {
			<-c.Context().Done()
			cancelled <- context.Cause(c.Context())
		})
		c, err := tunnel.OpenWhole(t.Context(), r.Plane, httpHeader, []byte("GET /"))
		if err != nil {
			t.Fatal(err)
		}
		c.Reset(tunnel.ReasonCancelled)
		var told *tunnel.CloseError
		if err := <-cancelled; !errors.As(err, &told) || told.Reason != tunnel.ReasonCancelled {
			t.Errorf("the agent was told %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel) // while ACCEPT still waits
		if _, err := tunnel.OpenWhole(ctx, r.Plane, httpHeader, []byte("GET /")); !errors.Is(err, context.Canceled) || errors.Is(err, tunnel.ErrNotAccepted) {
			t.Errorf("got %v", err)
		}
		<-cancelled
		synctest.Wait()
		time.Sleep(time.Minute) // the time of ACCEPT has come and gone
		synctest.Wait()
		if n := r.Agent.Streams() + r.Plane.Streams(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}

func TestWholeRequestOfARefusedStreamIsSeenByNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rig(t, tunnel.Config{Hello: wholes.Hello, Admit: func(tunnel.Header) (tunnel.RefuseCode, string) { return tunnel.RefuseForbidden, "not this" }}, tunnel.Config{})
		answering(t, r.Agent, func(_ *tunnel.Conn, request string) { t.Errorf("%q was served", request) })
		if _, err := tunnel.OpenWhole(t.Context(), r.Plane, httpHeader, []byte("GET /")); !errors.Is(err, tunnel.ErrNotAccepted) {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		if n := r.Agent.Streams() + r.Plane.Streams(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}

// TestAgentThatKnowsNoWholeRequestsIsSentNoEnd: an http.Server takes an early END for a client that went away.
func TestAgentThatKnowsNoWholeRequestsIsSentNoEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, s := withPlaneAnd(t, tunnel.Config{}, `{"min":0,"max":1,"caps":["early"]}`)
		opened := make(chan *tunnel.Conn, 1)
		go func() {
			c, err := tunnel.OpenWhole(t.Context(), s, httpHeader, []byte("GET /"))
			if err != nil {
				t.Error(err)
			}
			opened <- c
		}()
		stream, err := h.mux.Accept()
		if err != nil {
			t.Fatal(err)
		}
		want := append(header(`{"id":"","kind":"http","early":true,"identity":{}}`), "\x00\x05GET /"...)
		got := make([]byte, 200)
		n, _ := stream.Read(got)
		if !bytes.Equal(got[:n], want) {
			t.Errorf("%q came, want %q", got[:n], want)
		}
		stream.Write([]byte("\x00\x00\x02OK\x00\x00"))
		stream.CloseSend()
		c := <-opened
		if answer, err := io.ReadAll(c); string(answer) != "OK" || err != nil {
			t.Errorf("the answer: %q, %v", answer, err)
		}
		c.Close()
		if n, _ = io.ReadFull(stream, got[:2]); string(got[:n]) != "\x00\x00" {
			t.Errorf("the end: %q", got[:n])
		}
	})
}
