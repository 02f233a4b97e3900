package kubeproxy

import (
	"net/http"

	"github.com/kubechat/kubechat/internal/forward"
)

// serveWhole answers what is of use only as a whole. Most requests are such reads.
func (p *Proxy) serveWhole(w http.ResponseWriter, r *http.Request, x *exchange) {
	out := (&http.Request{
		Method: r.Method, URL: x.target, Header: outgoingHeader(r.Header, x), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(r.Context())
	res, err := p.cfg.Wholes.RoundTrip(out)
	if err != nil {
		p.upstreamFailed(w, r, err)
		return
	}
	res.Request = out
	if err := p.checkResponse(res); err != nil {
		_ = res.Body.Close()
		p.upstreamFailed(w, r, err)
		return
	}
	buffer := buffers{}.Get()
	defer buffers{}.Put(buffer)
	forward.Answer(w, res, buffer)
}
