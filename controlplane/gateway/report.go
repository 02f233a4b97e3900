package gateway

import (
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/internal/ratelimit"
	"github.com/kubechat/kubechat/pki"
)

// An agent's words in its HELLO about its troubles: why it could not connect before this session, and what it finds wrong
// in its cluster, which is empty when it looked and found nothing.
const (
	attrTrouble = "trouble"
	attrProblem = "problem"
)

// words makes what an agent said fit to be kept and shown: one line, printable, bounded.
func words(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) { // controls, and what turns the direction of text
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.Join(strings.Fields(s), " ")
	for len(s) > cluster.MaxWords {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

// serveToken says whether a join token is still good, to who knows it, and leaves it as it is.
func (g *Gateway) serveToken(w http.ResponseWriter, r *http.Request) {
	answer, err := g.tokenState(w, r)
	g.answer(w, r, "token", answer, err)
}

func (g *Gateway) tokenState(w http.ResponseWriter, r *http.Request) (pki.TokenAnswer, error) {
	if err := limited(g.enrols.Take(ratelimit.Address(r.RemoteAddr), time.Now())); err != nil {
		return pki.TokenAnswer{}, err
	}
	var in pki.TokenRequest
	if err := decode(w, r, &in); err != nil {
		return pki.TokenAnswer{}, err
	}
	token, err := pki.ParseJoinToken(in.Token)
	if err != nil {
		return pki.TokenAnswer{}, problem.New(problem.Invalid, "The join token can't be read.").WithCode("join_token_malformed").WithCause(err)
	}
	hash := token.SecretHash()
	state, err := g.cfg.Clusters.TokenState(r.Context(), hash[:])
	return pki.TokenAnswer{State: string(state)}, err
}

// serveReport hears from an agent what is wrong in its cluster.
func (g *Gateway) serveReport(w http.ResponseWriter, r *http.Request) {
	err := g.report(w, r)
	g.answer(w, r, "report", struct{}{}, err)
}

func (g *Gateway) report(w http.ResponseWriter, r *http.Request) error {
	k, err := g.caller(r)
	if err != nil {
		return err
	}
	if err := limited(g.renewals.Take("report "+string(k.tenant)+string(k.cluster), time.Now())); err != nil {
		return err
	}
	if err := g.admitted.check(r.Context(), k); err != nil { // revoked and locked ones have no say
		return problem.New(problem.Forbidden, "This cluster may not connect.").WithCause(err)
	}
	var in pki.Report
	if err := decode(w, r, &in); err != nil {
		return err
	}
	return g.cfg.Clusters.Reported(r.Context(), k.tenant, k.cluster, words(in.Problem))
}
