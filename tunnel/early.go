package tunnel

import (
	"context"
	"slices"
)

// The protocol's minors that this package speaks, and what it can do beyond the first.
const (
	minMinor = 0
	maxMinor = 1
	capEarly = "early" // takes payload that comes with the header
)

// CapabilityWhole is for the Hello of a side that serves what OpenWhole opens: END comes with the request, which an
// http.Server would take for a client that went away.
const CapabilityWhole = "whole"

// maxEarly is how much may be sent before ACCEPT: with the header it fits into the window every stream begins with.
const maxEarly = 64 << 10

// spoken is what this side says of itself, with what this package adds.
func (h Hello) spoken() Hello {
	if h.MinMinor == 0 && h.MaxMinor == 0 {
		h.MinMinor, h.MaxMinor = minMinor, maxMinor
	}
	if !slices.Contains(h.Capabilities, capEarly) {
		h.Capabilities = append(slices.Clone(h.Capabilities), capEarly)
	}
	return h
}

// speaks says whether the other side has a capability, and payload fits in before its ACCEPT.
func speaks(s Session, capability string, payload []byte) (*session, bool) {
	own, ok := s.(*session)
	return own, ok && len(payload) > 0 && len(payload) <= maxEarly && slices.Contains(own.peer.Capabilities, capability)
}

// OpenEarly is Session.Open for a request that may be sent twice, such as a read: first, the beginning of its payload,
// goes with the header, which saves a round trip. A side that REFUSEs throws it away unseen. But when the session is
// lost before the answer came nobody knows whether the request was served: such an error is not ErrNotAccepted. Where
// the other side does not know of this, or first is large, it is written after ACCEPT.
func OpenEarly(ctx context.Context, s Session, h Header, first []byte) (*Conn, error) {
	if own, ok := speaks(s, capEarly, first); ok {
		h.Early = true
		return own.openWith(ctx, h, first)
	}
	c, err := s.Open(ctx, h)
	if err != nil {
		return nil, err
	}
	if _, err := c.Write(first); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}
