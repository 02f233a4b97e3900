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
	_, ok := jsonForm(lines)
	return ok
}

// jsonForm is the as parameter of the first media range that JSON satisfies: "Table", "PartialObjectMetadata", or "".
func jsonForm(lines []string) (as string, ok bool) {
	if len(lines) == 0 {
		return "", true
	}
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			media, params, err := mime.ParseMediaType(item)
			if err == nil && (media == "application/json" || media == "application/*" || media == "*/*") {
				return params["as"], true
			}
		}
	}
	return "", false
}

// hiddenWarning is shown by kubectl: an empty Secret must not be taken for a whole one.
const hiddenWarning = `299 kubechat-agent "Secrets are shown without their content: the agent's local policy says secrets: hidden"`

// shapeOf is how the objects of the answer are called. Who asked for metadata gets that by name; for all others they are
// Secrets without content, which kubectl and typed clients can read.
func shapeOf(info kubereq.Info, accept []string) shape {
	as, _ := jsonForm(accept)
	if strings.HasPrefix(as, "PartialObjectMetadata") || info.APIGroup != "" {
		return shape{Kind: "PartialObjectMetadata", APIVersion: "meta.k8s.io/v1"}
	}
	return shape{Kind: "Secret", APIVersion: "v1"}
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
	if res.StatusCode < 300 {
		w.Header().Add("Warning", hiddenWarning)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache, private")
	w.WriteHeader(res.StatusCode)
	if r.Method == http.MethodHead {
		return
	}
	if err := reduce(w, res, x.info.Verb, shapeOf(x.info, r.Header["Accept"])); err != nil {
		if r.Context().Err() == nil {
			p.cfg.Log.WarnContext(r.Context(), "answer about Secrets broken off", "request", x.stream.RequestID, "error", err)
		}
		panic(http.ErrAbortHandler) // part of it has gone: it must not look whole
	}
}

func reduce(w http.ResponseWriter, res *http.Response, verb string, as shape) error {
	flush := http.NewResponseController(w).Flush
	switch {
	case res.StatusCode >= 300:
		return reduceStatus(w, io.LimitReader(res.Body, 1<<20))
	case verb == "watch":
		if err := flush(); err != nil { // the watcher waits for the header
			return err
		}
		return as.watch(w, res.Body, flush)
	case verb == "list":
		return as.list(w, res.Body)
	default:
		return as.object(w, res.Body)
	}
}
