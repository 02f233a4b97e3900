package tunnel_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubechat/kubechat/tunnel"
)

func TestEarlyPayloadSavesARoundTrip(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rig(t, tunnel.Config{}, tunnel.Config{})
		go func() {
			c, err := r.Agent.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			if !c.(*tunnel.Conn).Header().Early {
				t.Error("the header does not tell")
			}
			io.Copy(c, c)
			c.Close()
		}()
		first := strings.Repeat("0123456789", 5000) // two chunks
		c, err := tunnel.OpenEarly(t.Context(), r.Plane, httpHeader, []byte(first))
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte("and more"))
		c.CloseWrite()
		if got, err := io.ReadAll(c); string(got) != first+"and more" || err != nil {
			t.Errorf("%d bytes came back, %v", len(got), err)
		}
	})
}

// TestEarlyPayloadOfARefusedStreamIsSeenByNobody keeps the promise that a refused stream is safe to retry.
func TestEarlyPayloadOfARefusedStreamIsSeenByNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rig(t, tunnel.Config{Admit: func(h tunnel.Header) (tunnel.RefuseCode, string) {
			if h.RequestID == "no" {
				return tunnel.RefuseForbidden, "not this"
			}
			return 0, ""
		}}, tunnel.Config{})
		served := make(chan string, 2)
		go func() {
			for {
				c, err := r.Agent.Accept()
				if err != nil {
					return
				}
				got, _ := io.ReadAll(c)
				served <- string(got)
				c.Close()
			}
		}()
		_, err := tunnel.OpenEarly(t.Context(), r.Plane, tunnel.Header{Kind: tunnel.KindHTTP, RequestID: "no"}, []byte("refused"))
		if !errors.Is(err, tunnel.ErrNotAccepted) {
			t.Fatalf("got %v", err)
		}
		c, err := tunnel.OpenEarly(t.Context(), r.Plane, httpHeader, []byte("taken"))
		if err != nil {
			t.Fatal(err)
		}
		c.CloseWrite()
		if got := <-served; got != "taken" {
			t.Errorf("%q was served", got)
		}
		c.Close()
		synctest.Wait()
		if n := r.Agent.Streams() + r.Plane.Streams(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}

// TestWhoMayRetryWhat: only OpenEarly leaves open whether the other side acted.
func TestWhoMayRetryWhat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rig(t, tunnel.Config{}, tunnel.Config{})
		time.Sleep(time.Second)
		r.Stall()
		_, err := r.Plane.Open(t.Context(), httpHeader)
		if !errors.Is(err, tunnel.ErrNotAccepted) || !strings.Contains(err.Error(), "no answer in time") {
			t.Errorf("open: %v", err)
		}
		if _, err = tunnel.OpenEarly(t.Context(), r.Plane, httpHeader, []byte("GET /")); err == nil || errors.Is(err, tunnel.ErrNotAccepted) {
			t.Errorf("early open: %v", err)
		}
		<-r.Plane.Done()
		if _, err := r.Plane.Open(t.Context(), httpHeader); !errors.Is(err, tunnel.ErrNotAccepted) {
			t.Errorf("open on a dead session: %v", err)
		}
	})
}

// TestAgentOfTheFirstMinorIsSentNothingEarly: its bytes are spelled out here as that version wrote and read them.
func TestAgentOfTheFirstMinorIsSentNothingEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, s := withPlane(t, tunnel.Config{})
		opened := make(chan *tunnel.Conn, 1)
		go func() {
			c, err := tunnel.OpenEarly(t.Context(), s, httpHeader, []byte("GET /"))
			if err != nil {
				t.Error(err)
			}
			opened <- c
		}()
		stream, err := h.mux.Accept()
		if err != nil {
			t.Fatal(err)
		}
		want := header(`{"id":"","kind":"http","identity":{}}`)
		got := make([]byte, 200)
		n, _ := stream.Read(got)
		if string(got[:n]) != string(want) {
			t.Errorf("before ACCEPT came %q", got[:n])
		}
		stream.Write([]byte{0})
		c := <-opened
		if n, _ = io.ReadFull(stream, got[:7]); string(got[:n]) != "\x00\x05GET /" {
			t.Errorf("after ACCEPT came %q", got[:n])
		}
		stream.Write([]byte("\x00\x02OK\x00\x00"))
		stream.CloseSend()
		if answer, err := io.ReadAll(c); string(answer) != "OK" || err != nil {
			t.Errorf("the answer: %q, %v", answer, err)
		}
		c.Close()
		if n, _ = io.ReadFull(stream, got[:2]); string(got[:n]) != "\x00\x00" {
			t.Errorf("the end: %q", got[:n])
		}
	})
}

// TestPlaneOfTheFirstMinorIsServed is the reverse: it sends payload after ACCEPT, and knows no capability.
func TestPlaneOfTheFirstMinorIsServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, s := withAgent(t, tunnel.Config{})
		stream, _ := h.mux.Open()
		stream.Write(header(`{"id":"r","kind":"http","class":"interactive","identity":{"user":"u"}}`))
		c, err := s.Accept()
		if err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 1)
		if io.ReadFull(stream, answer); answer[0] != 0 {
			t.Fatalf("answered %d", answer[0])
		}
		stream.Write([]byte("\x00\x05GET /\x00\x00"))
		stream.CloseSend()
		if got, err := io.ReadAll(c); string(got) != "GET /" || err != nil {
			t.Errorf("the agent read %q, %v", got, err)
		}
		c.Write([]byte("OK"))
		c.Close()
		got, _ := io.ReadAll(stream)
		if string(got) != "\x00\x02OK\x00\x00" {
			t.Errorf("on the wire: %q", got)
		}
		synctest.Wait()
		if n := s.Streams(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}

// TestFirstMinorIsSentShorterChunks: longer ones would end its streams.
func TestFirstMinorIsSentShorterChunks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, s := withAgent(t, tunnel.Config{})
		stream, _ := h.mux.Open()
		stream.Write(header(`{"id":"r","kind":"http"}`))
		c, err := s.Accept()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			c.Write(make([]byte, 32<<10))
			c.Close()
		}()
		stream.CloseSend()
		got, _ := io.ReadAll(stream)
		if want := 1 + 2 + 32766 + 2 + 2 + 2; len(got) != want || string(got[1:3]) != "\x7f\xfe" {
			t.Errorf("%d bytes that begin with %q, want %d", len(got), got[:3], want)
		}
	})
}
