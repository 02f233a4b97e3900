package gateway

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/pki"
)

// serveEnrol turns a join token into a first certificate. What can be refused without using the token up is refused
// first.
func (g *Gateway) serveEnrol(w http.ResponseWriter, r *http.Request) {
	answer, err := g.enrol(w, r)
	g.answer(w, r, "enrol", answer, err)
}

func (g *Gateway) enrol(w http.ResponseWriter, r *http.Request) (*pki.Certificates, error) {
	if err := limited(g.enrols.take(addressKey(remote(r.RemoteAddr)), time.Now())); err != nil {
		return nil, err
	}
	var in pki.EnrolRequest
	if err := decode(w, r, &in); err != nil {
		return nil, err
	}
	token, err := pki.ParseJoinToken(in.Token)
	if err != nil {
		return nil, problem.New(problem.Invalid, "The join token can't be read.").WithCode("join_token_malformed").
			WithFix("Copy it again, whole, from the page that made it.").WithCause(err)
	}
	csr, err := request(in.CSR)
	if err != nil {
		return nil, err
	}
	if err := pki.CheckRequest(csr, pki.ID{}); err != nil {
		return nil, problem.New(problem.Invalid, "The certificate request is not acceptable.").WithCause(err)
	}
	pin, err := g.cfg.Authority.Pin(in.OwnCluster)
	if err != nil {
		return nil, problem.New(problem.Invalid, "The agent did not prove which cluster it runs in.").WithCode("own_cluster").
			WithFix("Look at the clocks of the cluster's nodes, and at the agent's service account token.").WithCause(err)
	}
	hash := token.SecretHash()
	t, id, err := g.cfg.Clusters.Redeem(r.Context(), hash[:], in.KubeSystemUID)
	if err != nil {
		return nil, err
	}
	// The token is used up: an agent that hangs up now does not make it worthless.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 15*time.Second)
	defer cancel()
	chain, err := g.cfg.Authority.Enrol(ctx, string(t), string(id), csr, pin)
	if err != nil {
		return nil, refusal(err)
	}
	g.admitted.forget(key{t, id})
	g.cfg.Log.InfoContext(ctx, "cluster enrolled", "tenant", string(t), "cluster", string(id), "request", in)
	return g.certificates(key{t, id}, chain), nil
}

// serveRenew issues the next certificate to the holder of one.
func (g *Gateway) serveRenew(w http.ResponseWriter, r *http.Request) {
	answer, err := g.renew(w, r)
	g.answer(w, r, "renew", answer, err)
}

func (g *Gateway) renew(w http.ResponseWriter, r *http.Request) (*pki.Certificates, error) {
	if r.TLS != nil && len(r.TLS.PeerCertificates) == 0 {
		return g.recover(w, r)
	}
	k, err := g.caller(r)
	if err != nil {
		return nil, err
	}
	if err := limited(g.renewals.take(string(k.tenant)+string(k.cluster), time.Now())); err != nil {
		return nil, err
	}
	var in pki.RenewRequest
	if err := decode(w, r, &in); err != nil {
		return nil, err
	}
	csr, err := request(in.CSR)
	if err != nil {
		return nil, err
	}
	chain, err := g.cfg.Authority.Renew(r.Context(), r.TLS.VerifiedChains[0][0], csr)
	if err != nil {
		return nil, refusal(err)
	}
	return g.certificates(k, chain), nil
}

// recover renews an identity that has expired: it can't be shown in TLS any more, so a proof stands in for it.
func (g *Gateway) recover(w http.ResponseWriter, r *http.Request) (*pki.Certificates, error) {
	if err := limited(g.enrols.take(addressKey(remote(r.RemoteAddr)), time.Now())); err != nil {
		return nil, err
	}
	var in pki.RenewRequest
	if err := decode(w, r, &in); err != nil {
		return nil, err
	}
	if in.Proof == "" {
		return nil, problem.New(problem.Unauthenticated, "Renewal needs the certificate held, or a proof of its key.")
	}
	csr, err := request(in.CSR)
	if err != nil {
		return nil, err
	}
	id, chain, err := g.cfg.Authority.Recover(r.Context(), in.Proof, csr)
	if err != nil {
		return nil, refusal(err)
	}
	k := key{tenant.ID(id.Tenant), cluster.ID(id.Cluster)}
	g.cfg.Log.InfoContext(r.Context(), "expired identity renewed", "tenant", id.Tenant, "cluster", id.Cluster)
	return g.certificates(k, chain), nil
}

func (g *Gateway) certificates(k key, chain []*x509.Certificate) *pki.Certificates {
	b := g.cfg.Authority.Bundle().Answer()
	return &pki.Certificates{
		Certificates: string(pki.MarshalChainPEM(chain)), Roots: b.Roots, Bundle: b.Bundle, Distrusted: b.Distrusted,
		TenantID: string(k.tenant), ClusterID: string(k.cluster), Region: g.cfg.Authority.Region(),
	}
}

// refusal puts the authority's refusals into words for whoever runs the agent.
func refusal(err error) error {
	switch {
	case errors.Is(err, pki.ErrRequest):
		return problem.New(problem.Invalid, "The certificate request is not acceptable.").WithCause(err)
	case errors.Is(err, pki.ErrRevoked):
		return problem.New(problem.Forbidden, "This cluster was revoked.").WithCode("cluster_revoked").
			WithFix("Add it again as a new cluster.").WithCause(err)
	case errors.Is(err, pki.ErrLocked):
		return problem.New(problem.Forbidden, "Two parties hold this cluster's identity, so neither may go on.").
			WithCode("identity_locked").WithFix("Make a new join token for the cluster, and install the agent with it.").WithCause(err)
	case errors.Is(err, pki.ErrTooLate):
		return problem.New(problem.Expired, "This identity expired more than 14 days ago.").WithCode("identity_expired").
			WithFix("Make a new join token for the cluster, and install the agent with it.").WithCause(err)
	case errors.Is(err, pki.ErrSuperseded):
		return problem.New(problem.Forbidden, "This certificate was replaced by a newer one.").WithCode("identity_superseded").
			WithFix("Use the newest identity; if it is lost, make a new join token for the cluster.").WithCause(err)
	case errors.Is(err, pki.ErrProof):
		return problem.New(problem.Forbidden, "The agent did not prove which cluster it runs in.").WithCode("own_cluster").
			WithFix("Look at the clocks of the cluster's nodes, and at the agent's service account token.").WithCause(err)
	case errors.Is(err, pki.ErrIdentity), errors.Is(err, pki.ErrForged), errors.Is(err, pki.ErrDistrusted):
		return problem.New(problem.Unauthenticated, "The certificate held is not valid here.").WithCode("identity_void").
			WithFix("Make a new join token for the cluster, and install the agent with it.").WithCause(err)
	}
	var p *problem.Error
	if errors.As(err, &p) {
		return err
	}
	return problem.New(problem.Unavailable, "Certificates can't be issued just now.").WithRetryAfter(10 * time.Second).WithCause(err)
}

func request(text string) (*x509.CertificateRequest, error) {
	csr, err := pki.ParseCSR(text)
	if err != nil {
		return nil, problem.New(problem.Invalid, "The certificate request can't be read.").WithCause(err)
	}
	return csr, nil
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

// remote is a request's address as a net.Addr.
type remote string

// Network implements net.Addr.
func (remote) Network() string { return "tcp" }

// String implements net.Addr.
func (a remote) String() string { return string(a) }
