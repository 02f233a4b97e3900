package gateway

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/kubechat/kubechat/controlplane/ca"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/tunnel"
)

// The agent's words in its HELLO by which it proves to run in the cluster that enrolled, and the version of the trust
// bundle it holds. In our HELLO_ACK the last one is the version to hold; an agent with another one asks for it.
const (
	attrClusterUID = "kube_system_uid"
	attrToken      = "service_account_token"
	attrBundle     = "trust_bundle"
)

// proveTimeout is how long the answer may take, placeTimeout the waiting before it as well: short of the handshake's own.
const (
	proveTimeout = 5 * time.Second
	placeTimeout = 9 * time.Second
)

// prove judges a HELLO by who sent it: tunnel.Config.Check of a session whose certificate is leaf. An agent that is not
// what it says it is locks its cluster.
func (g *Gateway) prove(ctx context.Context, k key, leaf *x509.Certificate) func(tunnel.Hello) error {
	return func(h tunnel.Hello) error {
		ctx, cancel := context.WithTimeout(ctx, placeTimeout)
		defer cancel()
		version, _ := strconv.ParseInt(h.Attrs[attrBundle], 10, 64) // what is no number is none
		err := g.arriving.ask(ctx, func() error {
			ctx, cancel := context.WithTimeout(ctx, proveTimeout)
			defer cancel()
			return g.cfg.Authority.Prove(ctx, string(k.tenant), string(k.cluster), leaf, pki.Claim{
				Token: h.Attrs[attrToken], ClusterUID: h.Attrs[attrClusterUID], Bundle: version,
			})
		})
		if err == nil {
			return nil
		}
		g.meter.refusedHellos.WithLabelValues(why(err)).Inc()
		g.cfg.Log.WarnContext(ctx, "HELLO refused", "cluster", string(k.cluster), "tenant", string(k.tenant), "error", err)
		return closing(err)
	}
}

// closing says to the agent what it may know.
func closing(err error) error {
	switch {
	case errors.Is(err, pki.ErrRevoked):
		return &tunnel.CloseError{Reason: tunnel.ReasonRevoked, Detail: pki.ErrRevoked.Error()}
	case errors.Is(err, pki.ErrProof):
		return err // its text is ours, made for the agent's log
	case isRefusal(err):
		return problemText(ca.Refusal(err))
	}
	return &tunnel.CloseError{Reason: tunnel.ReasonShutdown, Detail: "who you are can't be checked just now"}
}

func problemText(err error) error {
	p := problem.As(err)
	return errors.New(p.Detail + " " + p.Fix)
}

// why is a label: few words, none of an agent's making.
func why(err error) string {
	for _, known := range []struct {
		err  error
		word string
	}{
		{pki.ErrLocked, "locked"}, {pki.ErrForged, "forged"}, {pki.ErrRevoked, "revoked"}, {pki.ErrSuperseded, "superseded"},
		{pki.ErrProof, "proof"}, {pki.ErrIdentity, "void"},
	} {
		if errors.Is(err, known.err) {
			return known.word
		}
	}
	return "error"
}

// serveTrust tells an agent whom to believe, and hears which bundle it holds.
func (g *Gateway) serveTrust(w http.ResponseWriter, r *http.Request) {
	answer, err := g.trust(w, r)
	g.answer(w, r, "trust", answer, err)
}

func (g *Gateway) trust(w http.ResponseWriter, r *http.Request) (*pki.TrustAnswer, error) {
	k, err := g.caller(r)
	if err != nil {
		return nil, err
	}
	if err := limited(g.renewals.Take("trust "+string(k.tenant)+string(k.cluster), time.Now())); err != nil {
		return nil, err
	}
	var in pki.TrustRequest
	if err := decode(w, r, &in); err != nil {
		return nil, err
	}
	bundle, err := g.cfg.Authority.Learn(r.Context(), string(k.tenant), string(k.cluster), r.TLS.VerifiedChains[0][0], in)
	if err != nil {
		return nil, ca.Refusal(err)
	}
	answer := bundle.Answer()
	return &answer, nil
}

// caller is the cluster whose certificate a call was made with.
func (g *Gateway) caller(r *http.Request) (key, error) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return key{}, problem.New(problem.Unauthenticated, "This call needs the certificate held.")
	}
	k, err := g.peer(*r.TLS)
	if err != nil {
		return key{}, problem.New(problem.Unauthenticated, "This call needs a cluster's certificate.").WithCause(err)
	}
	return k, nil
}
