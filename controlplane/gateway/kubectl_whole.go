package gateway

import (
	"net/http"
	"net/url"

	"github.com/kubechat/kubechat/agent/kubereq"
	"github.com/kubechat/kubechat/internal/forward"
)

// serveWhole passes a read on whose answer is of use only as a whole: most requests are such.
func (k *kubectl) serveWhole(w http.ResponseWriter, r *http.Request, x *exchange) {
	out := (&http.Request{
		Method: r.Method, URL: inCluster(x.path), Host: "cluster", Header: make(http.Header, len(r.Header)+1), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(r.Context())
	forward.Header(out.Header, r.Header)
	x.dress(out.Header)
	if _, ok := out.Header["User-Agent"]; !ok {
		out.Header["User-Agent"] = []string{""} // else net/http writes its own
	}
	res, err := k.g.RoundTrip(x.scope, x.cluster, out)
	if err != nil {
		k.failed(w, r, err)
		return
	}
	if err := k.answered(res); err != nil {
		_ = res.Body.Close()
		k.failed(w, r, err)
		return
	}
	buffer := buffers{}.Get()
	defer buffers{}.Put(buffer)
	forward.Hold(r)
	forward.Answer(w, res, buffer)
}

// inCluster is where a request goes.
func inCluster(path *url.URL) *url.URL {
	canonical := kubereq.Canonical(path)
	return &url.URL{Scheme: "http", Host: "cluster", Path: canonical.Path, RawQuery: canonical.RawQuery}
}
