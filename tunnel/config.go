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
	// MaxStreams bounds the streams the other side may have open here at once; one more is REFUSEd as overloaded.
	// Zero is 1000.
	MaxStreams int
	// MaxWindow bounds the receive window of one stream in bytes: what a reader that stopped reading can cost in
	// memory. The window in use is chosen from the round-trip time. Zero is 16 MiB on the plane and 1 MiB on the agent.
	MaxWindow int
	// Keepalive is after how much silence this side sends a PING, KeepaliveTimeout how much longer it then waits for
	// any byte. Zeros are 15 s and 10 s.
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
