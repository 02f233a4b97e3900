package tunnel

import (
	"log/slog"
	"time"
)

// Config is how a session behaves; the zero value works.
type Config struct {
	// Hello is what this side says of itself.
	Hello Hello
	// Check judges the other side's HELLO before the session exists. An error ends the handshake with
	// ReasonUnacceptable, or with the reason of a *CloseError, and its text is sent: it must be fit for the other side
	// to read.
	Check func(Hello) error
	// Admit judges the header of each stream the other side opens; a zero code admits it. Nil admits all. It is called
	// from many goroutines and should not block: the opener's deadline is running.
	Admit func(Header) (RefuseCode, string)
	// Relay, optional, gets every stream that the other side opens, instead of Accept, before ACCEPT is answered: it
	// returns a refusal, or what to do with the stream once ACCEPT is on its way. It may take as long as the opener waits,
	// and should give up when the stream's context ends; what it returns runs in a goroutine of its own, which the
	// session's end waits for. It judges kinds itself, and Admit is not asked.
	Relay func(*Conn) (serve func(), refusal *RefusedError)
	// MaxStreams bounds the streams the other side may have open here at once; one more is REFUSEd as overloaded.
	// Zero is 1000.
	MaxStreams int
	// MaxWindow bounds the receive window of one stream in bytes: what a reader that stopped reading can cost in
	// memory. The window in use is chosen from the round-trip time. Zero is 16 MiB on the plane and 1 MiB on the agent.
	MaxWindow int
	// MaxBuffered bounds the bytes received and not yet read of the whole session. Windows grow only within it; a stream
	// for whose bytes there is no room is reset as overloaded, and no stream is opened or accepted while there is none.
	// Zero is 16 MiB on the plane and 4 MiB on the agent.
	MaxBuffered int
	// Budget bounds the same of all sessions that are given it; nil has no bound. A node's is a quarter of its memory.
	Budget *Budget
	// WriteStall is how long a Write may wait for a reader that takes nothing. Then that stream is reset as stalled.
	// It is looked after at each heartbeat, so up to Keepalive later. Zero is 60 s, negative has no bound.
	WriteStall time.Duration
	// Keepalive is after how much silence, less a thirtieth, this side sends a PING, KeepaliveTimeout how much longer it
	// then waits for any byte. Unasked it says something every four to four and a half fifths of Keepalive. Zeros are
	// 15 s and 10 s.
	Keepalive, KeepaliveTimeout time.Duration
	// HandshakeTimeout bounds the whole of HELLO and HELLO_ACK. Zero is 10 s.
	HandshakeTimeout time.Duration
	// OpenTimeout bounds the opening of one stream up to ACCEPT, on both sides. Zero is 5 s.
	OpenTimeout time.Duration
	// Log receives what no caller is told. Nil discards.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	setDefault(&c.MaxStreams, 1000)
	setDefault(&c.Keepalive, 15*time.Second)
	setDefault(&c.KeepaliveTimeout, 10*time.Second)
	setDefault(&c.HandshakeTimeout, 10*time.Second)
	setDefault(&c.OpenTimeout, 5*time.Second)
	if c.WriteStall == 0 {
		c.WriteStall = time.Minute
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// HandshakeBudget is HandshakeTimeout or its default; transports bound their own handshake with it.
func (c Config) HandshakeBudget() time.Duration { return c.withDefaults().HandshakeTimeout }
