package gateway

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// A command over a WebSocket (KEP-4006) tells how it ended in a Status on its error channel. When the tunnel is lost under
// it nobody is left to say so, and kubectl would only know that bytes stopped coming. So we do, between two messages.

// errorChannel is the one of v4.channel.k8s.io and v5.channel.k8s.io.
const errorChannel = 3

// RFC 6455, section 5.2.
const (
	wsFinal    = 0x80
	wsOpcode   = 0x0f
	wsBinary   = 2
	wsClose    = 8
	wsMasked   = 0x80
	wsLength16 = 126
	wsLength64 = 127
	wsGoneAway = 1001
)

// messages passes a WebSocket's bytes on and follows where its messages end.
type messages struct {
	io.Writer
	head   []byte // of the frame that is arriving
	left   uint64 // bytes of its payload still to come
	within bool   // a message whose last frame was not seen
}

// followMessages is nil for what is not a command over a WebSocket.
func followMessages(to io.Writer, res *http.Response) *messages {
	if !strings.EqualFold(res.Header.Get("Upgrade"), "websocket") {
		return nil
	}
	switch res.Header.Get("Sec-Websocket-Protocol") {
	case "v4.channel.k8s.io", "v5.channel.k8s.io":
		return &messages{Writer: to}
	}
	return nil
}

// Write implements io.Writer.
func (m *messages) Write(p []byte) (int, error) {
	n, err := m.Writer.Write(p)
	m.follow(p[:n])
	return n, err
}

func (m *messages) follow(p []byte) {
	for len(p) > 0 {
		if m.left > 0 {
			n := min(m.left, uint64(len(p)))
			m.left -= n
			p = p[n:]
			continue
		}
		m.head = append(m.head, p[0])
		p = p[1:]
		if len(m.head) >= 2 && len(m.head) == headLength(m.head[1]) {
			m.frame()
		}
	}
}

// headLength is how long a frame's header is, by its second byte.
func headLength(b byte) int {
	n := 2
	switch b &^ wsMasked {
	case wsLength16:
		n += 2
	case wsLength64:
		n += 8
	}
	if b&wsMasked != 0 {
		n += 4
	}
	return n
}

// frame notes a frame whose header is whole.
func (m *messages) frame() {
	switch n := m.head[1] &^ wsMasked; n {
	case wsLength16:
		m.left = uint64(binary.BigEndian.Uint16(m.head[2:]))
	case wsLength64:
		m.left = binary.BigEndian.Uint64(m.head[2:])
	default:
		m.left = uint64(n)
	}
	if m.head[0]&wsOpcode < wsClose { // control frames may come within a message
		m.within = m.head[0]&wsFinal == 0
	}
	m.head = m.head[:0]
}

// say ends the command with a Status of ours, if a message can begin here.
func (m *messages) say(why string) {
	if m == nil || m.within || m.left > 0 || len(m.head) > 0 {
		return
	}
	status, err := json.Marshal(map[string]any{
		"kind": "Status", "apiVersion": "v1", "metadata": struct{}{}, "status": "Failure", "reason": "InternalError", "code": http.StatusInternalServerError,
		"message": why,
	})
	if err != nil {
		return
	}
	out := frame(nil, wsBinary, append([]byte{errorChannel}, status...))
	out = frame(out, wsClose, binary.BigEndian.AppendUint16(nil, wsGoneAway))
	_, _ = m.Writer.Write(out) // the client is there, or it is not
}

// frame appends a frame of less than 64 KiB as a server sends it.
func frame(b []byte, opcode byte, payload []byte) []byte {
	b = append(b, wsFinal|opcode)
	if len(payload) < wsLength16 {
		b = append(b, byte(len(payload)))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, wsLength16), uint16(len(payload)))
	}
	return append(b, payload...)
}
