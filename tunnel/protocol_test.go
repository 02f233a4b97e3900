package tunnel_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

// byHand is one end of a connection on which a test speaks the protocol itself.
type byHand struct {
	t       *testing.T
	mux     tunnel.Mux
	control tunnel.Stream
}

// The control messages, as docs/protocol.md numbers them: not taken from the code under test.
const (
	hello    = 1
	helloAck = 2
	ping     = 3
	pong     = 4
	cancel   = 5
	drain    = 6
	drainAck = 7
	closing  = 8
)

func (h *byHand) send(typ byte, body string) {
	h.t.Helper()
	frame := binary.BigEndian.AppendUint32(nil, uint32(1+len(body)))
	if _, err := h.control.Write(append(append(frame, typ), body...)); err != nil {
		h.t.Fatalf("send %d: %v", typ, err)
	}
}

func (h *byHand) receive() (byte, string) {
	h.t.Helper()
	var head [5]byte
	if _, err := io.ReadFull(h.control, head[:]); err != nil {
		h.t.Fatalf("receive: %v", err)
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:])-1)
	if _, err := io.ReadFull(h.control, body); err != nil {
		h.t.Fatalf("receive: %v", err)
	}
	return head[4], string(body)
}

// want receives the next message, which must be of a type.
func (h *byHand) want(typ byte) string {
	h.t.Helper()
	got, body := h.receive()
	if got != typ {
		h.t.Fatalf("got message %d %s, want %d", got, body, typ)
	}
	return body
}

// withPlane makes a plane's session whose agent is spoken by hand.
func withPlane(t *testing.T, cfg tunnel.Config) (*byHand, tunnel.Session) {
	t.Helper()
	return withPlaneAnd(t, cfg, `{"min":0,"max":0,"name":"by hand"}`)
}

// withPlaneAnd is withPlane for an agent that says said of itself.
func withPlaneAnd(t *testing.T, cfg tunnel.Config, said string) (*byHand, tunnel.Session) {
	t.Helper()
	agent, plane := tunneltest.Muxes()
	h := &byHand{t: t, mux: agent}
	result := make(chan tunnel.Session, 1)
	go func() {
		s, err := tunnel.Plane(t.Context(), plane, cfg)
		if err != nil {
			t.Errorf("plane: %v", err)
		}
		result <- s
	}()
	var err error
	if h.control, err = agent.Open(); err != nil {
		t.Fatal(err)
	}
	h.send(hello, said)
	h.want(helloAck)
	h.want(ping) // measures the round trip
	h.send(pong, `{"n":0}`)
	s := <-result
	t.Cleanup(func() {
		agent.Close()
		s.Close()
	})
	return h, s
}

// withAgent makes an agent's session whose plane is spoken by hand.
func withAgent(t *testing.T, cfg tunnel.Config) (*byHand, tunnel.Session) {
	t.Helper()
	agent, plane := tunneltest.Muxes()
	h := &byHand{t: t, mux: plane}
	result := make(chan tunnel.Session, 1)
	go func() {
		s, err := tunnel.Agent(t.Context(), agent, cfg)
		if err != nil {
			t.Errorf("agent: %v", err)
		}
		result <- s
	}()
	var err error
	if h.control, err = plane.Accept(); err != nil {
		t.Fatal(err)
	}
	h.want(hello)
	h.send(helloAck, `{"min":0,"max":0,"name":"by hand"}`)
	s := <-result
	t.Cleanup(func() {
		plane.Close()
		s.Close()
	})
	return h, s
}

func header(text string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte("KC\x01"), uint16(len(text))), text...)
}

func wantCause(t *testing.T, s tunnel.Session, reason tunnel.Reason, remote bool, detail string) {
	t.Helper()
	<-s.Done()
	e, ok := errors.AsType[*tunnel.CloseError](s.Cause())
	if !ok || e.Reason != reason || e.Remote != remote || !strings.Contains(e.Detail, detail) {
		t.Errorf("the session ended with %+v, want %s (remote %v) with %q", s.Cause(), reason, remote, detail)
	}
}

func TestSilentPeerFailsTheHandshakeInTime(t *testing.T) {
	t.Parallel()
	for name, greet := range map[string]func(context.Context, tunnel.Mux, tunnel.Mux) error{
		"agent": func(ctx context.Context, mux, peer tunnel.Mux) error {
			_, err := tunnel.Agent(ctx, mux, tunnel.Config{})
			return err
		},
		"plane without a control stream": func(ctx context.Context, mux, peer tunnel.Mux) error {
			_, err := tunnel.Plane(ctx, mux, tunnel.Config{})
			return err
		},
		"plane without HELLO": func(ctx context.Context, mux, peer tunnel.Mux) error {
			peer.Open()
			_, err := tunnel.Plane(ctx, mux, tunnel.Config{})
			return err
		},
		"plane with half a HELLO": func(ctx context.Context, mux, peer tunnel.Mux) error {
			s, _ := peer.Open()
			s.Write([]byte{0, 0, 1})
			_, err := tunnel.Plane(ctx, mux, tunnel.Config{})
			return err
		},
		"plane without PONG": func(ctx context.Context, mux, peer tunnel.Mux) error {
			s, _ := peer.Open()
			s.Write([]byte("\x00\x00\x00\x03\x01{}"))
			_, err := tunnel.Plane(ctx, mux, tunnel.Config{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				mux, peer := tunneltest.Muxes()
				start := time.Now()
				err := greet(t.Context(), mux, peer)
				if e, ok := errors.AsType[*tunnel.CloseError](err); !ok || e.Reason != tunnel.ReasonDead {
					t.Errorf("got %v, want reason dead", err)
				}
				if took := time.Since(start); took != 10*time.Second {
					t.Errorf("it took %s, want 10s", took)
				}
			})
		})
	}
}

func TestHandshakeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mux, _ := tunneltest.Muxes()
		gone := errors.New("shutting down")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(gone) })
		if _, err := tunnel.Agent(ctx, mux, tunnel.Config{}); !errors.Is(err, gone) {
			t.Errorf("got %v", err)
		}
	})
}

func TestMinorsThatDoNotMeetAreUnacceptable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		agent, plane := tunneltest.Muxes()
		refused := make(chan error, 1)
		go func() {
			_, err := tunnel.Plane(t.Context(), plane, tunnel.Config{Hello: tunnel.Hello{MinMinor: 4, MaxMinor: 7}})
			refused <- err
		}()
		_, err := tunnel.Agent(t.Context(), agent, tunnel.Config{Hello: tunnel.Hello{MaxMinor: 3}})
		e, ok := errors.AsType[*tunnel.CloseError](err)
		if !ok || e.Reason != tunnel.ReasonUnacceptable || !e.Remote || !strings.Contains(e.Detail, "4 to 7") {
			t.Errorf("the agent got %v", err)
		}
		if err := <-refused; err == nil {
			t.Error("the plane took it")
		}
	})
}

func TestCheckMayGiveItsOwnReason(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		agent, plane := tunneltest.Muxes()
		go tunnel.Plane(t.Context(), plane, tunnel.Config{Check: func(tunnel.Hello) error {
			return &tunnel.CloseError{Reason: tunnel.ReasonRevoked, Detail: "by an admin"}
		}})
		_, err := tunnel.Agent(t.Context(), agent, tunnel.Config{})
		if e, ok := errors.AsType[*tunnel.CloseError](err); !ok || e.Reason != tunnel.ReasonRevoked || !e.Remote {
			t.Errorf("the agent got %v", err)
		}
	})
}

func TestMessagesOfLaterMinorsAreIgnored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, s := withPlane(t, tunnel.Config{})
		h.send(200, `not even JSON`)
		h.send(ping, `{"n":7,"sent_at":"of a later minor"}`)
		if got := h.want(pong); got != `{"n":7}` {
			t.Errorf("PONG %s", got)
		}
		if s.Cause() != nil {
			t.Errorf("the session ended: %v", s.Cause())
		}
	})
}

func TestBrokenProtocolEndsTheSession(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*byHand){
		"a second HELLO":              func(h *byHand) { h.send(hello, `{}`) },
		"a message that is no JSON":   func(h *byHand) { h.send(cancel, `{{`) },
		"a message too long":          func(h *byHand) { h.control.Write([]byte{0, 1, 0, 1, ping}) },
		"a control stream that ended": func(h *byHand) { h.control.CloseSend() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, s := withPlane(t, tunnel.Config{})
				do(h)
				if body := h.want(closing); !strings.Contains(body, `"protocol"`) {
					t.Errorf("CLOSE %s", body)
				}
				wantCause(t, s, tunnel.ReasonProtocol, false, "")
			})
		})
	}
}

func TestStreamIsAnsweredOnlyWhenSomebodyTakesIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, s := withAgent(t, tunnel.Config{})
		stream, _ := h.mux.Open()
		stream.Write(header(`{"id":"r","kind":"http"}`))
		answered := false
		go func() {
			io.ReadFull(stream, make([]byte, 1))
			answered = true
		}()
		synctest.Wait()
		if answered {
			t.Fatal("ACCEPT was sent with nobody to serve the stream")
		}
		c, err := s.Accept()
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !answered {
			t.Fatal("no ACCEPT")
		}
		c.Write([]byte("hi"))
		c.Close()
		got, _ := io.ReadAll(io.LimitReader(stream, 6))
		if string(got) != "\x00\x02hi\x00\x00" {
			t.Errorf("on the wire: %q", got)
		}
		stream.CloseSend()
	})
}

func TestHeaderThatDoesNotComeIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, s := withAgent(t, tunnel.Config{})
		stream, _ := h.mux.Open()
		stream.Write([]byte("KC\x01\x00\x10{"))
		start := time.Now()
		body := h.want(cancel)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("it took %s, want 5s", took)
		}
		var m struct {
			Stream uint64
			Stop   bool
		}
		if json.Unmarshal([]byte(body), &m); m.Stream != stream.ID() || m.Stop {
			t.Errorf("CANCEL %s", body)
		}
		stream.CloseSend()
		synctest.Wait()
		if n := s.Streams(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}

func TestSlowHeaderHoldsUpNoOtherStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, s := withAgent(t, tunnel.Config{})
		slow, _ := h.mux.Open()
		slow.Write([]byte("KC"))
		stream, _ := h.mux.Open()
		stream.Write(header(`{"id":"second","kind":"http"}`))
		start := time.Now()
		c, err := s.Accept()
		if err != nil || c.(*tunnel.Conn).Header().RequestID != "second" || time.Since(start) != 0 {
			t.Errorf("accepted %v, %v after %s", c, err, time.Since(start))
		}
	})
}

func TestUnknownCancelIsIgnored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, s := withPlane(t, tunnel.Config{})
		h.send(cancel, `{"stream":999,"reason":"cancelled"}`)
		h.send(drain, `{"reconnect_in":1000000000,"deadline":60000000000}`)
		h.want(drainAck)
		if d, ok := s.PeerDrain(); !ok || d.ReconnectIn != time.Second || d.Deadline != time.Minute {
			t.Errorf("drain %+v, %v", d, ok)
		}
	})
}

func TestCancelledStreamThatIsNotReleasedEndsTheSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, s := withAgent(t, tunnel.Config{})
		stop := answerPings(h)
		stream, _ := h.mux.Open()
		stream.Write(header(`{"id":"r","kind":"http"}`))
		c, err := s.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.(*tunnel.Conn).Reset(tunnel.ReasonCancelled)
		start := time.Now()
		wantCause(t, s, tunnel.ReasonProtocol, false, "not released")
		if took := time.Since(start); took != 2*time.Minute {
			t.Errorf("it took %s, want 2m", took)
		}
		h.mux.Close()
		<-stop
	})
}

// answerPings keeps the session of a by-hand peer alive until its connection ends.
func answerPings(h *byHand) (done <-chan struct{}) {
	c := make(chan struct{})
	go func() {
		defer close(c)
		for {
			var head [5]byte
			if _, err := io.ReadFull(h.control, head[:]); err != nil {
				return
			}
			io.CopyN(io.Discard, h.control, int64(binary.BigEndian.Uint32(head[:])-1))
			if head[4] == ping {
				h.control.Write([]byte("\x00\x00\x00\x03\x04{}"))
			}
		}
	}()
	return c
}

func TestPeerThatAsksAndNeverListensIsCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, s := withPlane(t, tunnel.Config{})
		flood := bytes.Repeat([]byte("\x00\x00\x00\x03\x03{}"), 1000)
		go func() {
			for s.Cause() == nil {
				h.control.Write(flood)
			}
		}()
		wantCause(t, s, tunnel.ReasonProtocol, false, "not read")
	})
}

func TestStreamsAgainstEveryRefusalEndTheSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, s := withAgent(t, tunnel.Config{MaxStreams: 2})
		for s.Cause() == nil {
			if _, err := h.mux.Open(); err != nil {
				break
			}
			synctest.Wait()
		}
		wantCause(t, s, tunnel.ReasonProtocol, false, "refusal")
	})
}
