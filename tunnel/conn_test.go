package tunnel

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"
)

// scripted is a Stream whose other side has sent some bytes and then ended, with END or without.
type scripted struct {
	in  io.Reader
	out bytes.Buffer
}

func (s *scripted) ID() uint64                       { return 1 }
func (s *scripted) Read(p []byte) (int, error)       { return s.in.Read(p) }
func (s *scripted) Write(p []byte) (int, error)      { return s.out.Write(p) }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }
func (s *scripted) CloseSend() error                 { return nil }
func (s *scripted) Discard(time.Time) error          { return nil }

// overConn is a stream of a session that is just over, so that nothing waits for a cause.
func overConn(in io.Reader) *Conn {
	s := newSession(nil, nil, Config{}, false, Hello{})
	s.cause = &CloseError{Reason: ReasonLost}
	s.joined = true
	close(s.done)
	return newConn(s, &scripted{in: in})
}

// chunks is the plainest decoder of chunks: the payload, and whether END came.
func chunks(b []byte) (payload []byte, ended bool) {
	for len(b) >= chunkMark {
		n := int(b[0])<<8 | int(b[1])
		b = b[chunkMark:]
		if n == 0 {
			return payload, true
		}
		if n > maxChunk {
			return payload, false
		}
		n = min(n, len(b))
		payload = append(payload, b[:n]...)
		b = b[n:]
	}
	return payload, false
}

func FuzzConnRead(f *testing.F) {
	f.Add([]byte("\x00\x02ab\x00\x00"), 1)
	f.Add([]byte("\x00\x02ab\x00\x00junk"), 100)
	f.Add([]byte("\x00\x02ab\x00\x01"), 2)
	f.Add([]byte("\x00\x02a"), 3)
	f.Add([]byte("\xff\xffab"), 3)
	f.Add([]byte("\x00"), 3)
	f.Add([]byte{}, 3)
	f.Fuzz(func(t *testing.T, sent []byte, size int) {
		c := overConn(io.MultiReader(bytes.NewReader(sent[:len(sent)/2]), bytes.NewReader(sent[len(sent)/2:])))
		var got []byte
		buf := make([]byte, 1+uint(size)%70_000)
		var err error
		for err == nil {
			var n int
			n, err = c.Read(buf)
			got = append(got, buf[:n]...)
		}
		want, ended := chunks(sent)
		if !bytes.Equal(got, want) {
			t.Fatalf("%q was read as %q, want %q", sent, got, want)
		}
		if (err == io.EOF) != ended {
			t.Fatalf("%q ended with %v, END sent: %v", sent, err, ended)
		}
	})
}

func TestEveryTruncatedStreamIsAnError(t *testing.T) {
	t.Parallel()
	whole := append(appendChunk(nil, []byte("first")), appendChunk(nil, []byte("second"))...)
	whole = append(whole, appendChunk(nil, nil)...)
	for n := range whole {
		_, err := io.ReadAll(overConn(bytes.NewReader(whole[:n])))
		if _, ok := errors.AsType[*CloseError](err); !ok {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
	if got, err := io.ReadAll(overConn(bytes.NewReader(whole))); string(got) != "firstsecond" || err != nil {
		t.Errorf("the whole stream: %q, %v", got, err)
	}
}

func TestWriteCutsChunksAndAnEmptyWriteIsNoEnd(t *testing.T) {
	t.Parallel()
	s := newSession(nil, nil, Config{}, false, Hello{})
	below := &scripted{}
	c := newConn(s, below)
	s.conns[1] = c
	data := bytes.Repeat([]byte("0123456789"), 7_000)
	for _, p := range [][]byte{nil, data, {}} {
		if n, err := c.Write(p); n != len(p) || err != nil {
			t.Fatalf("write of %d bytes: %d, %v", len(p), n, err)
		}
	}
	c.CloseWrite()
	s.tasks.Wait()
	wire := below.out.Bytes()
	got, ended := chunks(wire)
	if !bytes.Equal(got, data) || !ended {
		t.Errorf("%d of %d bytes are on the wire, END: %v", len(got), len(data), ended)
	}
	if marks := len(wire) - len(data); marks != 3*chunkMark+chunkMark {
		t.Errorf("%d bytes of framing, want three chunks and END", marks)
	}
}
