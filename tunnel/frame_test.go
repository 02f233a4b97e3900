package tunnel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	someHello = Hello{
		MinMinor: 0, MaxMinor: 3, Capabilities: []string{"drain"}, Name: "agent-7f9c", Version: "1.4.0",
		Attrs: map[string]string{"kubernetes_version": "v1.37.2"},
	}
	someHeader = Header{
		RequestID: "01980f3e", Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		Kind: KindHTTP, Class: ClassInteractive, Budget: 30 * time.Second,
		Identity: Identity{
			User: "kubechat:user", UID: "7", Groups: []string{"kubechat:viewer"},
			Extra: map[string][]string{"kubechat.io/user": {"ana@example.com"}},
		},
	}
)

// What is in testdata has been on the wire of a released version: a change here breaks agents that are out there.
var golden = []struct {
	name   string
	encode func() ([]byte, error)
	decode func([]byte) (any, error)
	want   any
}{
	{"hello", message0(msgHello, someHello), control[Hello](msgHello), someHello},
	{"hello_ack", message0(msgHelloAck, Hello{MaxMinor: 1, Name: "replica-2"}), control[Hello](msgHelloAck), Hello{MaxMinor: 1, Name: "replica-2"}},
	{"ping", message0(msgPing, pingBody{N: 1 << 63}), control[pingBody](msgPing), pingBody{N: 1 << 63}},
	{"pong", message0(msgPong, pingBody{N: 5}), control[pingBody](msgPong), pingBody{N: 5}},
	{"cancel", message0(msgCancel, cancelBody{Stream: 9, Reason: ReasonBudget, Detail: "why"}), control[cancelBody](msgCancel), cancelBody{Stream: 9, Reason: ReasonBudget, Detail: "why"}},
	{"cancel_stop", message0(msgCancel, cancelBody{Stream: 11, Reason: ReasonCancelled, Stop: true}), control[cancelBody](msgCancel), cancelBody{Stream: 11, Reason: ReasonCancelled, Stop: true}},
	{"drain", message0(msgDrain, Drain{2 * time.Second, time.Hour}), control[Drain](msgDrain), Drain{2 * time.Second, time.Hour}},
	{"drain_ack", message0(msgDrainAck, struct{}{}), control[struct{}](msgDrainAck), struct{}{}},
	{"close", message0(msgClose, closeBody{ReasonRevoked, "by an admin"}), control[closeBody](msgClose), closeBody{ReasonRevoked, "by an admin"}},
	{"header", func() ([]byte, error) { return encodeHeader(someHeader) }, func(b []byte) (any, error) { return readHeader(bytes.NewReader(b)) }, someHeader},
	{"hello_1", message0(msgHello, Hello{Name: "agent-7f9c"}.spoken()), control[Hello](msgHello), Hello{MaxMinor: 1, Capabilities: []string{"early"}, Name: "agent-7f9c"}},
	{"hello_whole", message0(msgHello, Hello{Capabilities: []string{CapabilityWhole}, Name: "agent-7f9c"}.spoken()), control[Hello](msgHello), Hello{MaxMinor: 1, Capabilities: []string{"whole", "early"}, Name: "agent-7f9c"}},
	{"header_early", func() ([]byte, error) { return early(Header{RequestID: "r", Kind: KindHTTP}, "GET / HTTP/1.1\r\n\r\n") }, readEarly, "r GET / HTTP/1.1\r\n\r\n"},
	{"cancel_stalled", message0(msgCancel, cancelBody{Stream: 9, Reason: ReasonStalled}), control[cancelBody](msgCancel), cancelBody{Stream: 9, Reason: ReasonStalled}},
	{"cancel_overloaded", message0(msgCancel, cancelBody{Stream: 9, Reason: ReasonOverloaded}), control[cancelBody](msgCancel), cancelBody{Stream: 9, Reason: ReasonOverloaded}},
	{"accept", func() ([]byte, error) { return []byte{accepted}, nil }, func(b []byte) (any, error) { return nil, readAnswer(bytes.NewReader(b)) }, nil},
	{"refuse", func() ([]byte, error) { return encodeRefusal(&RefusedError{RefuseForbidden, "not you"}), nil }, refusal, RefusedError{RefuseForbidden, "not you"}},
	{"chunk", func() ([]byte, error) { return appendChunk(nil, []byte("GET / HTTP/1.1\r\n")), nil }, chunk, "GET / HTTP/1.1\r\n"},
	{"end", func() ([]byte, error) { return appendChunk(nil, nil), nil }, chunk, ""},
}

func early(h Header, first string) ([]byte, error) {
	h.Early = true
	head, err := encodeHeader(h)
	return appendChunks(head, []byte(first)), err
}

func readEarly(b []byte) (any, error) {
	r := bytes.NewReader(b)
	h, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	var mark [chunkMark]byte
	if _, err := io.ReadFull(r, mark[:]); err != nil {
		return nil, err
	}
	n, err := chunkLength(mark)
	if err != nil {
		return nil, err
	}
	first := make([]byte, n)
	_, err = io.ReadFull(r, first)
	return h.RequestID + " " + string(first), err
}

func message0(t messageType, body any) func() ([]byte, error) {
	return func() ([]byte, error) { return appendMessage(nil, t, body) }
}

func control[T any](want messageType) func([]byte) (any, error) {
	return func(b []byte) (any, error) {
		t, body, err := readMessage(bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		if t != want {
			return nil, errors.New("another message type")
		}
		return decodeBody[T](body)
	}
}

func refusal(b []byte) (any, error) {
	e, ok := errors.AsType[*RefusedError](readAnswer(bytes.NewReader(b)))
	if !ok {
		return nil, errors.New("not a refusal")
	}
	return *e, nil
}

func chunk(b []byte) (any, error) {
	n, err := chunkLength([chunkMark]byte(b))
	if err == nil && n != len(b)-chunkMark {
		err = io.ErrUnexpectedEOF
	}
	return string(b[chunkMark:]), err
}

func TestFramesAreTheGoldenBytes(t *testing.T) {
	t.Parallel()
	for _, g := range golden {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join("testdata", g.name+".golden")
			got, err := g.encode()
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("encoded\n%q\nwant\n%q", got, want)
			}
			value, err := g.decode(want)
			if err != nil || !reflect.DeepEqual(value, g.want) {
				t.Errorf("decoded %+v, %v, want %+v", value, err, g.want)
			}
		})
	}
}

func TestEveryTruncatedFrameIsAnError(t *testing.T) {
	t.Parallel()
	for _, g := range golden {
		whole, err := g.encode()
		if err != nil {
			t.Fatal(err)
		}
		if g.name == "chunk" || g.name == "end" {
			continue // Conn reads these; its tests cut them
		}
		for n := range whole {
			if _, err := g.decode(whole[:n]); err == nil {
				t.Errorf("%s: %d of %d bytes were taken for a frame", g.name, n, len(whole))
			}
		}
	}
}

func TestFieldsOfLaterMinorsAreIgnored(t *testing.T) {
	t.Parallel()
	hello, err := decodeBody[Hello]([]byte(`{"min":0,"max":9,"name":"n","from_the_future":{"a":[1]}}`))
	if err != nil || hello.MaxMinor != 9 || hello.Name != "n" {
		t.Errorf("got %+v, %v", hello, err)
	}
	text := `{"id":"r","kind":"http","priority":3,"identity":{"user":"u","device":"d"}}`
	frame := binary.BigEndian.AppendUint16([]byte{'K', 'C', headerVersion}, uint16(len(text)))
	h, err := readHeader(strings.NewReader(string(frame) + text))
	if err != nil || h.RequestID != "r" || h.Identity.User != "u" {
		t.Errorf("got %+v, %v", h, err)
	}
}

func TestFramesBeyondTheirLimitsAreRefused(t *testing.T) {
	t.Parallel()
	for _, size := range []uint32{0, maxMessage + 1, 1 << 31} {
		_, _, err := readMessage(bytes.NewReader(append(binary.BigEndian.AppendUint32(nil, size), byte(msgPing))))
		if e, ok := errors.AsType[*CloseError](err); !ok || e.Reason != ReasonProtocol {
			t.Errorf("a message of %d bytes: %v", size, err)
		}
	}
	if _, err := appendMessage(nil, msgClose, closeBody{Detail: strings.Repeat("x", maxMessage)}); err == nil {
		t.Error("a message too long was encoded")
	}
	if _, err := encodeHeader(Header{RequestID: strings.Repeat("x", maxHeader)}); err == nil {
		t.Error("a header too long was encoded")
	}
	for n, ok := range map[uint16]bool{0: true, maxChunk: true, maxChunk + 1: false, 1<<16 - 1: false} {
		if _, err := chunkLength([chunkMark]byte(binary.BigEndian.AppendUint16(nil, n))); (err == nil) != ok {
			t.Errorf("chunk of %d bytes: %v", n, err)
		}
	}
}

func TestHeadersThatCannotBeReadAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bytes string
		code  RefuseCode
	}{
		"another protocol": {"GET / HTTP/1.1\r\n", RefuseInvalid},
		"a later version":  {"KC\x02\x00\x02{}", RefuseUnsupported},
		"not JSON":         {"KC\x01\x00\x02{{", RefuseInvalid},
		"another type":     {"KC\x01\x00\x08{\"id\":1}", RefuseInvalid},
	} {
		_, err := readHeader(strings.NewReader(c.bytes))
		if e, ok := errors.AsType[*RefusedError](err); !ok || e.Code != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

func TestTextOfTheOtherSideIsMadePrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":              "plain",
		"\x1b[31mred\r\n":    "?[31mred??",
		"bad \xff utf-8":     "bad ? utf-8",
		"über":               "über",
		"1234567890ü and":    "1234567890ü",
		"123456789012":       "123456789012",
		"12345678901über":    "12345678901",
		"right\u202eto left": "right?to lef",
	} {
		if got := printable(in, 12); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func FuzzReadMessage(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		typ, body, err := readMessage(bytes.NewReader(b))
		if err != nil {
			return
		}
		again := append(binary.BigEndian.AppendUint32(nil, uint32(1+len(body))), byte(typ))
		if again = append(again, body...); !bytes.Equal(again, b[:len(again)]) {
			t.Fatalf("%q was read as type %d, body %q", b, typ, body)
		}
		s := &session{pings: map[uint64]chan struct{}{}, conns: map[uint64]*Conn{}, acked: make(chan struct{}), draining: make(chan struct{}), cause: &CloseError{}}
		s.handle(message{typ, body}) // whatever it holds, it must not panic
	})
}

func FuzzReadHeader(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := readHeader(bytes.NewReader(b))
		if err != nil {
			return
		}
		text, err := encodeHeader(h)
		if err != nil {
			return // escaping can make it longer than it came
		}
		again, err := readHeader(bytes.NewReader(text))
		if err != nil || again.RequestID != h.RequestID || again.Budget != h.Budget || len(again.Identity.Groups) != len(h.Identity.Groups) {
			t.Fatalf("%+v came back as %+v, %v", h, again, err)
		}
	})
}

func FuzzReadAnswer(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		err := readAnswer(bytes.NewReader(b))
		if e, ok := errors.AsType[*RefusedError](err); ok {
			if e.Code == accepted || len(e.Detail) > maxDetail || strings.ContainsAny(e.Detail, "\x1b\n\r") {
				t.Fatalf("%q was read as %+v", b, e)
			}
		} else if err == nil && b[0] != accepted {
			t.Fatalf("%q was taken for ACCEPT", b)
		}
	})
}

func seed(f *testing.F) {
	for _, g := range golden {
		b, err := g.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}
