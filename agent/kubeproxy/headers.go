package kubeproxy

import (
	"net/http"
	"net/url"
	"strings"
	"unicode"
)

// passed are the request headers that reach the API server; all others, credentials and identities first, do not.
var passed = []string{
	"Accept", "Accept-Encoding", "Cache-Control", "Content-Type", "Content-Encoding", "If-Match", "If-Modified-Since",
	"If-None-Match", "If-Range", "Kubectl-Command", "Kubectl-Session", "Range", "Traceparent", "Tracestate", "User-Agent",
}

// passedToUpgrade are those that an upgrade needs besides.
var passedToUpgrade = []string{
	"Sec-Websocket-Extensions", "Sec-Websocket-Key", "Sec-Websocket-Protocol", "Sec-Websocket-Version", "X-Stream-Protocol-Version",
}

// bearerProtocol in Sec-WebSocket-Protocol is a token for the API server, another way to write Authorization.
const bearerProtocol = "base64url.bearer.authorization.k8s.io."

// outgoingHeader is the whole header of the request upstream.
func outgoingHeader(in http.Header, x *exchange) http.Header {
	out := make(http.Header, len(passed)+8)
	for _, name := range passed {
		if values := in[name]; len(values) > 0 {
			out[name] = values
		}
	}
	if _, ok := out["User-Agent"]; !ok {
		out["User-Agent"] = []string{""} // else net/http adds its own, and the API server names field managers after it
	}
	if x.info.Upgrade {
		upgradeHeader(out, in)
	}
	for name, values := range x.token {
		out[name] = values
	}
	if id := x.stream.RequestID; id != "" && len(id) <= 64 && !strings.ContainsFunc(id, notGraphic) {
		out["Audit-Id"] = []string{id} // ties the API server's audit log to ours
	}
	impersonate(out, x)
	return out
}

func upgradeHeader(out, in http.Header) {
	for _, name := range passedToUpgrade {
		if values := in[name]; len(values) > 0 {
			out[name] = values
		}
	}
	if protocols := out["Sec-Websocket-Protocol"]; len(protocols) > 0 {
		out["Sec-Websocket-Protocol"] = withoutBearer(protocols)
	}
	out.Set("Connection", "Upgrade")
	out.Set("Upgrade", in.Get("Upgrade"))
}

func withoutBearer(lines []string) []string {
	var kept []string
	for _, line := range lines {
		for protocol := range strings.SplitSeq(line, ",") {
			protocol = strings.TrimSpace(protocol)
			if !strings.HasPrefix(strings.ToLower(protocol), bearerProtocol) && protocol != "" {
				kept = append(kept, protocol)
			}
		}
	}
	if kept == nil {
		return nil
	}
	return []string{strings.Join(kept, ", ")}
}

// impersonate names the person. Identities.Check has looked at every value.
func impersonate(out http.Header, x *exchange) {
	who := x.stream.Identity
	out["Impersonate-User"] = []string{who.User}
	if len(who.Groups) > 0 {
		out["Impersonate-Group"] = who.Groups
	}
	for key, values := range who.Extra {
		// the key is data inside a header's name; the API server undoes the percent-encoding
		out[http.CanonicalHeaderKey("Impersonate-Extra-"+url.PathEscape(key))] = values
	}
}

func notGraphic(r rune) bool { return r > unicode.MaxASCII || !unicode.IsGraphic(r) }
