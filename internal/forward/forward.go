// Package forward passes HTTP messages on whose answers are of use only as a whole, at both ends of the tunnel. It is
// httputil.ReverseProxy without what only other requests need: bodies, upgrades, flushes, trailers, answers before the
// answer. Start at Answer.
package forward

import (
	"io"
	"net/http"
	"slices"
	"strings"
)

// hopByHop are the headers of one connection (RFC 9110, 7.6.1).
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// Header adds to to what of from is meant for more than one connection, and what to does not say itself. Both share the values.
func Header(to, from http.Header) {
	named := from["Connection"]
	for name, values := range from {
		if _, said := to[name]; !said && !slices.Contains(hopByHop, name) && (named == nil || !names(named, name)) {
			to[name] = values
		}
	}
}

// names says whether one of the lines of a list names a header.
func names(lines []string, header string) bool {
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			if http.CanonicalHeaderKey(strings.TrimSpace(name)) == header {
				return true
			}
		}
	}
	return false
}

// Answer passes an answer on, with a buffer of the caller's. It closes the answer's body, and panics with
// http.ErrAbortHandler when not all of it came: what was sent must not look whole.
func Answer(w http.ResponseWriter, res *http.Response, buffer []byte) {
	defer res.Body.Close()
	Header(w.Header(), res.Header)
	w.WriteHeader(res.StatusCode)
	if _, err := io.CopyBuffer(onlyWriter{w}, onlyReader{res.Body}, buffer); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// onlyWriter and onlyReader keep io.CopyBuffer to the buffer that it was given.
type (
	onlyWriter struct{ io.Writer }
	onlyReader struct{ io.Reader }
)
