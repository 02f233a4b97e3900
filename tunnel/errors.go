package tunnel

import (
	"errors"
	"fmt"
	"net"
)

// CloseError is why a session or a stream ended when it did not end cleanly. It is the cause of Conn.Context and of
// Session.Cause, and what Read and Write return; io.EOF is only ever returned after the other side's END.
type CloseError struct {
	Reason Reason
	Detail string // for people and logs; never parsed
	Remote bool   // the other side said so, as opposed to this side deciding or noticing it
}

// Error implements error.
func (e *CloseError) Error() string {
	who := "here"
	if e.Remote {
		who = "by the other side"
	}
	if e.Detail == "" {
		return fmt.Sprintf("tunnel: closed %s: %s", who, e.Reason)
	}
	return fmt.Sprintf("tunnel: closed %s: %s: %s", who, e.Reason, e.Detail)
}

// Is makes what this side closed on purpose look like any closed net.Conn, so that net/http stays silent about it.
func (e *CloseError) Is(target error) bool {
	if target != net.ErrClosed || e.Remote {
		return false
	}
	switch e.Reason {
	case ReasonLost, ReasonDead, ReasonProtocol:
		return false
	}
	return true
}

// RefusedError is REFUSE: the other side read at most the header of the stream, and no payload was sent. The request
// may be sent over another session, whatever it is.
type RefusedError struct {
	Code   RefuseCode
	Detail string
}

// ErrNotAccepted is every error of Session.Open: the other side has seen no payload, and the request may be sent over
// another session, whatever it is. An error of OpenEarly is ErrNotAccepted only if that is certain.
var ErrNotAccepted = errors.New("tunnel: the stream was not accepted")

// notAccepted makes an error ErrNotAccepted.
type notAccepted struct{ error }

func (e *notAccepted) Unwrap() error        { return e.error }
func (e *notAccepted) Is(target error) bool { return target == ErrNotAccepted }

// Is makes a refusal ErrNotAccepted.
func (e *RefusedError) Is(target error) bool { return target == ErrNotAccepted }

// Error implements error.
func (e *RefusedError) Error() string {
	if e.Detail == "" {
		return "tunnel: stream refused: " + e.Code.String()
	}
	return "tunnel: stream refused: " + e.Code.String() + ": " + e.Detail
}

// String names the code as docs/protocol.md does.
func (c RefuseCode) String() string {
	switch c {
	case RefuseOverloaded:
		return "overloaded"
	case RefuseDraining:
		return "draining"
	case RefuseUnsupported:
		return "unsupported"
	case RefuseInvalid:
		return "invalid"
	case RefuseForbidden:
		return "forbidden"
	case RefuseAbsent:
		return "absent"
	}
	return fmt.Sprintf("code %d", byte(c))
}
