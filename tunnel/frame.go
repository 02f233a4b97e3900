package tunnel

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of the wire. docs/protocol.md has the same numbers.
const (
	maxMessage = 64 << 10 // of a control message: its type and its body
	maxHeader  = 1<<16 - 1
	maxDetail  = 512 // bytes of a reason's or refusal's text, sent or believed
	maxReason  = 64

	// maxChunk is the payload of one chunk, which bounds how long a keystroke waits behind a list. Minor 0 takes less:
	// with its length in front a full chunk was 32 KiB, which cuts what io.Copy writes into two.
	maxChunk  = 32 << 10
	maxChunk0 = maxChunk - chunkMark
	chunkMark = 2
)

// messageType is the first byte of a control message. A receiver ignores those it does not know.
type messageType byte

const (
	msgHello    messageType = 1 // agent → plane, first; Hello
	msgHelloAck messageType = 2 // plane → agent, the answer; Hello
	msgPing     messageType = 3 // either; pingBody, answered with PONG
	msgPong     messageType = 4 // either; the PING's body
	msgCancel   messageType = 5 // either; cancelBody
	msgDrain    messageType = 6 // either; Drain, answered with DRAIN_ACK
	msgDrainAck messageType = 7 // either; {}
	msgClose    messageType = 8 // either, last; closeBody
)

type pingBody struct {
	N uint64 `json:"n"`
}

type cancelBody struct {
	Stream uint64 `json:"stream"`
	Reason Reason `json:"reason"`
	Detail string `json:"detail,omitempty"`
	// Stop asks for the end of the receiver's sending only; what the canceller sent before is still worth reading.
	Stop bool `json:"stop,omitempty"`
}

type closeBody struct {
	Reason Reason `json:"reason"`
	Detail string `json:"detail,omitempty"`
}

// appendMessage appends u32 length | type | JSON body, the length being of type and body.
func appendMessage(b []byte, t messageType, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return b, fmt.Errorf("encode control message: %w", err)
	}
	size := 1 + len(text)
	if size > maxMessage {
		return b, fmt.Errorf("control message of %d bytes, at most %d are allowed", size, maxMessage)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	b = append(b, byte(t))
	return append(b, text...), nil
}

// readMessage reads one control message, of a type known or not.
func readMessage(r io.Reader) (messageType, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[:4])
	if size < 1 || size > maxMessage {
		return 0, nil, &CloseError{Reason: ReasonProtocol, Detail: fmt.Sprintf("control message of %d bytes", size)}
	}
	body := make([]byte, size-1)
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, unexpected(err)
	}
	return messageType(head[4]), body, nil
}

// decodeBody reads the JSON of a control message. Fields it does not know are ignored, so that minors can add some.
func decodeBody[T any](body []byte) (T, error) {
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		return v, &CloseError{Reason: ReasonProtocol, Detail: "control message: " + err.Error()}
	}
	return v, nil
}

// headerVersion is the layout of a stream's first bytes.
const headerVersion = 1

// encodeHeader lays out "KC" | version | u16 length | JSON Header.
func encodeHeader(h Header) ([]byte, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("encode stream header: %w", err)
	}
	if len(text) > maxHeader {
		return nil, fmt.Errorf("stream header of %d bytes, at most %d are allowed", len(text), maxHeader)
	}
	b := append(make([]byte, 0, 5+len(text)), 'K', 'C', headerVersion)
	b = binary.BigEndian.AppendUint16(b, uint16(len(text)))
	return append(b, text...), nil
}

// readHeader reads a stream's header. A *RefusedError is what to answer; anything else is the stream's failure.
func readHeader(r io.Reader) (Header, error) {
	var h Header
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return h, err
	}
	if head[0] != 'K' || head[1] != 'C' {
		return h, &RefusedError{RefuseInvalid, "not a stream header"}
	}
	if head[2] != headerVersion {
		return h, &RefusedError{RefuseUnsupported, fmt.Sprintf("stream header version %d", head[2])}
	}
	text := make([]byte, binary.BigEndian.Uint16(head[3:]))
	if _, err := io.ReadFull(r, text); err != nil {
		return h, unexpected(err)
	}
	if err := json.Unmarshal(text, &h); err != nil {
		return h, &RefusedError{RefuseInvalid, "stream header: " + err.Error()}
	}
	return h, nil
}

// accepted is the byte that answers a header with ACCEPT.
const accepted = 0

// encodeRefusal lays out code | u16 length | detail.
func encodeRefusal(e *RefusedError) []byte {
	detail := printable(e.Detail, maxDetail)
	b := binary.BigEndian.AppendUint16([]byte{byte(e.Code)}, uint16(len(detail)))
	return append(b, detail...)
}

// readAnswer reads what answers a header: nil for ACCEPT, a *RefusedError for REFUSE.
func readAnswer(r io.Reader) error {
	var head [3]byte
	if _, err := io.ReadFull(r, head[:1]); err != nil {
		return err
	}
	if head[0] == accepted {
		return nil
	}
	if _, err := io.ReadFull(r, head[1:]); err != nil {
		return unexpected(err)
	}
	detail := make([]byte, binary.BigEndian.Uint16(head[1:]))
	if _, err := io.ReadFull(r, detail); err != nil {
		return unexpected(err)
	}
	return &RefusedError{RefuseCode(head[0]), printable(string(detail), maxDetail)}
}

// appendChunk appends one chunk, u16 length | payload. An empty payload is END.
func appendChunk(b, payload []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	return append(b, payload...)
}

// appendChunks appends a payload, cut into chunks, to what goes before it. Nothing is no chunk.
func appendChunks(b, payload []byte) []byte {
	for len(payload) > 0 {
		piece := payload[:min(len(payload), maxChunk0)]
		b = appendChunk(b, piece)
		payload = payload[len(piece):]
	}
	return b
}

// chunkLength reads a chunk's length; zero is END. Lengths above a full chunk are kept for later versions.
func chunkLength(mark [chunkMark]byte) (int, error) {
	n := int(binary.BigEndian.Uint16(mark[:]))
	if n > maxChunk {
		return 0, &CloseError{Reason: ReasonProtocol, Detail: fmt.Sprintf("chunk of %d bytes", n)}
	}
	return n, nil
}

// printable keeps what may be shown to a person or logged: the other side's text can hold a terminal escape.
func printable(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
