package redact

import (
	"regexp"
	"strings"
)

// maxHeld is how much a Stream keeps back at most: a longer word, or private key, is not shown at all.
const maxHeld = 64 << 10

// Stream redacts text that arrives in pieces: what it gives out is, put together, Text of the whole, wherever the pieces
// were cut. It keeps back what a secret might still be made of: the last word, and words after one that speaks of a key.
// The zero value is ready. It is not safe for concurrent use.
type Stream struct {
	held string
	drop dropping
	tail string // of what is dropped in a private key, where its end may begin
}

// dropping says what is being left out because it was too long to keep.
type dropping int

const (
	dropNothing dropping = iota
	dropWord             // until white space
	dropKey              // until a private key ends
)

// Write takes a piece and gives what may be shown by now.
func (s *Stream) Write(piece string) string {
	piece, ok := s.skip(piece)
	if !ok {
		return ""
	}
	s.held += piece
	cut := safe(s.held)
	out := Text(s.held[:cut])
	s.held = s.held[cut:]
	if len(s.held) <= maxHeld {
		return out
	}
	s.drop = dropWord
	if openKey(s.held) >= 0 {
		s.drop = dropKey
	}
	s.held = ""
	return out + "<redacted: too long>"
}

// skip gives what comes after that which is being dropped; false: nothing yet.
func (s *Stream) skip(piece string) (string, bool) {
	switch s.drop {
	case dropWord:
		i := strings.IndexAny(piece, space)
		if i < 0 {
			return "", false
		}
		piece, s.drop = piece[i:], dropNothing
	case dropKey:
		s.tail += piece
		e := keyEnds.FindStringIndex(s.tail)
		if e == nil {
			s.tail = s.tail[max(0, len(s.tail)-longestEnd):]
			return "", false
		}
		piece, s.drop, s.tail = s.tail[e[1]:], dropNothing, ""
	}
	return piece, true
}

// Close gives the rest. The stream is then as new.
func (s *Stream) Close() string {
	out := Text(s.held)
	*s = Stream{}
	return out
}

const space = " \t\r\n\f\v"

const longestEnd = 100 // bytes of a private key's last line, with room

var (
	keyBegins = regexp.MustCompile(`-----BEGIN ?([A-Z ]*)(-{0,5})`)
	keyEnds   = regexp.MustCompile(`-----END [A-Z ]*PRIVATE KEY-----`)
	// awaiting: what follows these words may be a secret because of them
	awaiting = regexp.MustCompile(`(?i)\S*(?:passw(?:or)?d|passphrase|secret|token|key|credential|bearer|basic|"auth)\S*(?:\s+\S+){0,2}\s*$`)
)

// safe is up to where a text can be redacted by itself, whatever comes after it.
func safe(s string) int {
	cut := strings.LastIndexAny(s, space) + 1
	for {
		was := cut
		if b := openKey(s[:cut]); b >= 0 { // also one whose last line is not whole before the cut
			cut = strings.LastIndexAny(s[:b], space) + 1
		}
		if at := awaiting.FindStringIndex(s[:cut]); at != nil {
			cut = at[0]
		}
		if cut == was {
			return cut
		}
	}
}

// openKey is where a private key begins that has not ended, or what may become one; -1: nowhere.
func openKey(s string) int {
	for at := 0; ; {
		b := keyBegins.FindStringSubmatchIndex(s[at:])
		if b == nil {
			return -1
		}
		begin, end := at+b[0], at+b[1]
		header, dashes := s[at+b[2]:at+b[3]], s[at+b[4]:at+b[5]]
		private := strings.HasSuffix(header, "PRIVATE KEY") && dashes == "-----"
		if !private && end < len(s) {
			at = end
			continue
		}
		e := keyEnds.FindStringIndex(s[begin:])
		if e == nil {
			return begin
		}
		at = begin + e[1]
	}
}
