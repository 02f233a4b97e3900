package gateway

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/internal/ratelimit"
	"github.com/kubechat/kubechat/pki"
)

// serveEnrol turns a join token into a first certificate.
func (g *Gateway) serveEnrol(w http.ResponseWriter, r *http.Request) {
	answer, err := g.enrol(w, r)
	g.answer(w, r, "enrol", answer, err)
}

func (g *Gateway) enrol(w http.ResponseWriter, r *http.Request) (pki.Certificates, error) {
	if err := limited(g.enrols.Take(ratelimit.Address(r.RemoteAddr), time.Now())); err != nil {
		return pki.Certificates{}, err
	}
	var in pki.EnrolRequest
	if err := decode(w, r, &in); err != nil {
		return pki.Certificates{}, err
	}
	answer, err := g.cfg.Issuer.Enrol(r.Context(), in)
	if err == nil {
		g.admitted.forget(key{tenant.ID(answer.TenantID), cluster.ID(answer.ClusterID)})
	}
	return answer, err
}

// serveRenew issues the next certificate to the holder of one, or, once that has expired and can't be shown in TLS any
// more, to who proves to hold its key.
func (g *Gateway) serveRenew(w http.ResponseWriter, r *http.Request) {
	answer, err := g.renew(w, r)
	g.answer(w, r, "renew", answer, err)
}

func (g *Gateway) renew(w http.ResponseWriter, r *http.Request) (pki.Certificates, error) {
	shown, wait := (*x509.Certificate)(nil), time.Duration(0)
	if r.TLS != nil && len(r.TLS.PeerCertificates) == 0 {
		wait = g.enrols.Take(ratelimit.Address(r.RemoteAddr), time.Now())
	} else {
		k, err := g.caller(r)
		if err != nil {
			return pki.Certificates{}, err
		}
		shown = r.TLS.VerifiedChains[0][0]
		wait = g.renewals.Take(string(k.tenant)+string(k.cluster), time.Now())
	}
	if err := limited(wait); err != nil {
		return pki.Certificates{}, err
	}
	var in pki.RenewRequest
	if err := decode(w, r, &in); err != nil {
		return pki.Certificates{}, err
	}
	return g.cfg.Issuer.Renew(r.Context(), shown, in)
}

func limited(wait time.Duration) error {
	if wait == 0 {
		return nil
	}
	return problem.New(problem.Limited, "Too many requests.").WithRetryAfter(wait)
}

func decode(w http.ResponseWriter, r *http.Request, into any) error {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, pki.MaxRequest)).Decode(into)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return problem.New(problem.TooLarge, "The request is too large.")
	case err != nil: // the decoder's text may quote the token
		return problem.New(problem.Invalid, "The request is not the JSON it should be.")
	}
	return nil
}

// answer writes the result of a call. The log gets the cause; the outside never does.
func (g *Gateway) answer(w http.ResponseWriter, r *http.Request, call string, answer any, err error) {
	w.Header().Set("Cache-Control", "no-store")
	if err == nil {
		g.meter.agentCalls.WithLabelValues(call, "ok").Inc()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
		return
	}
	p, id := problem.As(err), g.requestID(r.Context())
	g.meter.agentCalls.WithLabelValues(call, string(p.Kind)).Inc()
	g.cfg.Log.WarnContext(r.Context(), "agent's call refused", "call", call, "remote", r.RemoteAddr, "request", id, "error", err)
	setRetryAfter(w.Header(), p)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Kind.Status())
	_ = json.NewEncoder(w).Encode(problemBody{
		Type: "/problems/" + string(p.Kind), Title: http.StatusText(p.Kind.Status()), Status: p.Kind.Status(), Code: p.Code,
		Detail: p.Detail, Fix: p.Fix, RequestID: id,
	})
}

// problemBody is RFC 9457's, with our extensions.
type problemBody struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Code      string `json:"code,omitempty"`
	Detail    string `json:"detail"`
	Fix       string `json:"fix,omitempty"`
	RequestID string `json:"requestId"`
}

func setRetryAfter(h http.Header, p *problem.Error) {
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.RetryAfter+time.Second-1)/time.Second)))
	}
}
