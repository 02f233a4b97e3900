package tunnel

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Agent shakes hands as the agent's side: it opens the control stream, says HELLO and waits for HELLO_ACK. It owns mux
// from here on, also when it fails. ctx bounds the handshake only.
func Agent(ctx context.Context, mux Mux, cfg Config) (Session, error) {
	return shakeHands(ctx, mux, cfg.withDefaults(), "HELLO_ACK", agentHello)
}

// Plane shakes hands as the control plane's side: it waits for the control stream and HELLO, and answers HELLO_ACK, or
// CLOSE when Config.Check does not want this agent. It owns mux from here on, also when it fails. ctx bounds the
// handshake only.
func Plane(ctx context.Context, mux Mux, cfg Config) (Session, error) {
	return shakeHands(ctx, mux, cfg.withDefaults(), "HELLO", planeHello)
}

type greeting func(Mux, Config) (s *session, early []message, err error)

func shakeHands(ctx context.Context, mux Mux, cfg Config, awaited string, greet greeting) (Session, error) {
	cfg.Hello = cfg.Hello.spoken()
	ctx, cancel := context.WithTimeoutCause(ctx, cfg.HandshakeTimeout,
		&CloseError{Reason: ReasonDead, Detail: fmt.Sprintf("no %s within %s", awaited, cfg.HandshakeTimeout)})
	defer cancel()
	stop := context.AfterFunc(ctx, func() { mux.Close() }) // every blocked call of the handshake then returns
	s, early, err := greet(mux, cfg)
	if !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		mux.Close()
		return nil, fmt.Errorf("tunnel handshake: %w", err)
	}
	s.start(early)
	return s, nil
}

func agentHello(mux Mux, cfg Config) (*session, []message, error) {
	control, err := mux.Open()
	if err != nil {
		return nil, nil, err
	}
	asked := time.Now()
	if err := writeMessage(control, msgHello, cfg.Hello); err != nil {
		return nil, nil, err
	}
	peer, err := readHello(control, msgHelloAck)
	if err != nil {
		return nil, nil, err
	}
	mux.Tune(time.Since(asked), cfg.MaxWindow)
	if err := judge(control, cfg, peer); err != nil {
		return nil, nil, hangUp(mux, err)
	}
	return newSession(mux, control, cfg, false, peer), nil, nil
}

func planeHello(mux Mux, cfg Config) (*session, []message, error) {
	control, err := mux.Accept()
	if err != nil {
		return nil, nil, err
	}
	peer, err := readHello(control, msgHello)
	if err != nil {
		return nil, nil, err
	}
	if err := judge(control, cfg, peer); err != nil {
		return nil, nil, hangUp(mux, err)
	}
	if err := writeMessage(control, msgHelloAck, cfg.Hello); err != nil {
		return nil, nil, err
	}
	rtt, early, err := measure(control)
	if err != nil {
		return nil, nil, err
	}
	mux.Tune(rtt, cfg.MaxWindow)
	return newSession(mux, control, cfg, true, peer), early, nil
}

// measure times one PING, the round trip that decides the window of what the agent will send. Messages that come before
// its PONG are kept for later.
func measure(control Stream) (time.Duration, []message, error) {
	asked := time.Now()
	if err := writeMessage(control, msgPing, pingBody{}); err != nil {
		return 0, nil, err
	}
	var early []message
	for {
		t, body, err := readMessage(control)
		switch {
		case err != nil:
			return 0, nil, err
		case t == msgPong:
			return time.Since(asked), early, nil
		case t == msgClose:
			return 0, nil, decodeClose(body)
		case len(early) == 16:
			return 0, nil, &CloseError{Reason: ReasonProtocol, Detail: "PING is not answered"}
		}
		early = append(early, message{t, body})
	}
}

// readHello reads the other side's first message; CLOSE in its place is a refusal.
func readHello(control Stream, want messageType) (Hello, error) {
	t, body, err := readMessage(control)
	switch {
	case err != nil:
		return Hello{}, err
	case t == msgClose:
		return Hello{}, decodeClose(body)
	case t != want:
		return Hello{}, &CloseError{Reason: ReasonProtocol, Detail: fmt.Sprintf("control message %d before HELLO", t)}
	}
	return decodeBody[Hello](body)
}

// judge says whether the two can talk, and tells the other side when they can't.
func judge(control Stream, cfg Config, peer Hello) error {
	e := &CloseError{Reason: ReasonUnacceptable}
	if min(cfg.Hello.MaxMinor, peer.MaxMinor) < max(cfg.Hello.MinMinor, peer.MinMinor) {
		e.Detail = fmt.Sprintf("protocol minors %d to %d are spoken here, %d to %d were offered",
			cfg.Hello.MinMinor, cfg.Hello.MaxMinor, peer.MinMinor, peer.MaxMinor)
	} else if cfg.Check == nil {
		return nil
	} else if err := cfg.Check(peer); err == nil {
		return nil
	} else if !errors.As(err, &e) {
		e.Detail = err.Error()
	}
	if err := writeMessage(control, msgClose, closeBody{Reason: e.Reason, Detail: printable(e.Detail, maxDetail)}); err != nil {
		return err
	}
	return e
}

// hangUp lets the other side read CLOSE and hang up first.
func hangUp(mux Mux, why error) error {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for {
			if _, err := mux.Accept(); err != nil {
				return
			}
		}
	}()
	wait := time.AfterFunc(closeGrace, func() { mux.Close() })
	<-gone
	wait.Stop()
	return why
}

func writeMessage(control Stream, t messageType, body any) error {
	text, err := appendMessage(nil, t, body)
	if err != nil {
		return err
	}
	_, err = control.Write(text)
	return err
}
