package kube

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// frames reads the messages of a WebSocket (RFC 6455) that http.Client has opened. The API's exec needs no more: nothing
// is sent but the answers to a ping and to a close. It exists because the way to a cluster is an http.RoundTripper, and
// the WebSocket libraries dial by themselves.
type frames struct {
	rw  io.ReadWriter
	in  *bufio.Reader
	msg []byte
}

const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPing         = 9
	opPong         = 10

	maxMessage = 1 << 20 // bytes; the API server's are far smaller
)

// webSocketKey is random for each handshake, as the RFC wants. Nothing rests on it.
func webSocketKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return base64.StdEncoding.EncodeToString(b[:])
}

// next is the next whole message, whatever frames it came in. A close is io.EOF.
func (f *frames) next() ([]byte, error) {
	if f.in == nil {
		f.in = bufio.NewReader(f.rw)
	}
	f.msg = f.msg[:0]
	for {
		final, op, payload, err := f.frame()
		if err != nil {
			return nil, err
		}
		switch op {
		case opClose:
			_ = f.control(opClose, payload) // a courtesy: the other side has closed already
			return nil, io.EOF
		case opPing:
			if err := f.control(opPong, payload); err != nil {
				return nil, err
			}
		case opContinuation, opText, opBinary:
			if len(f.msg)+len(payload) > maxMessage {
				return nil, errors.New("a message of the cluster is too long")
			}
			if f.msg = append(f.msg, payload...); final {
				return f.msg, nil
			}
		}
	}
}

func (f *frames) frame() (final bool, op byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(f.in, head[:]); err != nil {
		return false, 0, nil, err
	}
	n := uint64(head[1] & 0x7f)
	switch n {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(f.in, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(f.in, b[:])
		n = binary.BigEndian.Uint64(b[:])
	}
	switch {
	case err != nil:
		return false, 0, nil, err
	case head[1]&0x80 != 0 || head[0]&0x70 != 0:
		return false, 0, nil, errors.New("a server's frame is masked, or compressed")
	case n > maxMessage:
		return false, 0, nil, fmt.Errorf("a frame of %d bytes is too long", n)
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(f.in, payload)
	return head[0]&0x80 != 0, head[0] & 0x0f, payload, err
}

// control sends a control frame; a client masks what it sends.
func (f *frames) control(op byte, payload []byte) error {
	payload = payload[:min(len(payload), 125)]
	out := []byte{0x80 | op, 0x80 | byte(len(payload)), 0, 0, 0, 0}
	_, _ = rand.Read(out[2:6]) // crypto/rand.Read never fails
	for i, b := range payload {
		out = append(out, b^out[2+i%4])
	}
	_, err := f.rw.Write(out)
	return err
}
