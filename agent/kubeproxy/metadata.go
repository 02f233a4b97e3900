package kubeproxy

import (
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/kubechat/kubechat/agent/kubereq"
	"github.com/kubechat/kubechat/agent/policy"
)

// checkMetadataForm refuses what can't be answered with a Secret's metadata as JSON.
func checkMetadataForm(info kubereq.Info, h http.Header) error {
	var why string
	switch {
	case info.Upgrade:
		why = "over a WebSocket"
	case info.Verb != "get" && info.Verb != "list" && info.Verb != "watch":
		why = "by " + info.Verb
	case !acceptsJSON(h["Accept"]):
		why = "in a form other than JSON"
	default:
		return nil
	}
	return &policy.Refusal{Setting: "secrets", Text: "the agent's local policy refuses this: secrets is hidden, " +
		"so of Secrets only metadata is shown, and not " + why + "; secrets: full would allow it"}
}

func acceptsJSON(lines []string) bool {
	if len(lines) == 0 {
		return true
	}
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			media, _, err := mime.ParseMediaType(item)
			if err == nil && (media == "application/json" || media == "application/*" || media == "*/*") {
				return true
			}
		}
	}
	return false
}

// serveMetadata answers a get, list or watch of Secrets. The API server is asked for metadata only, whatever form was
// asked of us, and what it answers is still reduced here: it is the one body that the agent reads.
func (p *Proxy) serveMetadata(w http.ResponseWriter, r *http.Request, x *exchange) {
	out := r.Clone(r.Context())
	out.RequestURI = ""
	out.Body, out.ContentLength, out.TransferEncoding = nil, 0, nil
	p.rewrite(out, x)
	form := "PartialObjectMetadata"
	if x.info.Verb == "list" {
		form = "PartialObjectMetadataList"
	}
	out.Header.Set("Accept", "application/json;as="+form+";g=meta.k8s.io;v=v1")
	for _, name := range []string{"Accept-Encoding", "Range", "If-Range", "If-None-Match", "If-Modified-Since"} {
		out.Header.Del(name)
	}
	query := out.URL.Query()
	query.Del("pretty")
	target := *out.URL
	target.RawQuery = query.Encode()
	out.URL = &target

	res, err := p.cfg.Requests.RoundTrip(out)
	if err != nil {
		p.upstreamFailed(w, out, err)
		return
	}
	defer res.Body.Close()
	if err := p.checkResponse(res); err != nil {
		p.upstreamFailed(w, out, err)
		return
	}
	for _, name := range []string{"Audit-Id", "Warning", "Retry-After", "X-Kubernetes-Pf-Flowschema-Uid", "X-Kubernetes-Pf-Prioritylevel-Uid"} {
		if values := res.Header[name]; len(values) > 0 {
			w.Header()[name] = values
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache, private")
	w.WriteHeader(res.StatusCode)
	if r.Method == http.MethodHead {
		return
	}
	if err := reduce(w, res, x.info.Verb); err != nil {
		if r.Context().Err() == nil {
			p.cfg.Log.WarnContext(r.Context(), "answer about Secrets broken off", "request", x.stream.RequestID, "error", err)
		}
		panic(http.ErrAbortHandler) // part of it has gone: it must not look whole
	}
}

func reduce(w http.ResponseWriter, res *http.Response, verb string) error {
	flush := http.NewResponseController(w).Flush
	switch {
	case res.StatusCode >= 300:
		return reduceStatus(w, io.LimitReader(res.Body, 1<<20))
	case verb == "watch":
		if err := flush(); err != nil { // the watcher waits for the header
			return err
		}
		return reduceWatch(w, res.Body, flush)
	case verb == "list":
		return reduceList(w, res.Body)
	default:
		return reduceObject(w, res.Body)
	}
}
