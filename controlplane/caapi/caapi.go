// Package caapi is the way to an authority that runs apart: its server is the only thing that listens there, its client
// is what the other replicas have instead of keys. All calls are mutual TLS 1.3 between exact service identities, one
// call for one connection. The server takes nobody's word: a join token, the proof in a renewal, or a replica's own
// certificate and token say what may be issued, never the replica that passes a call on. Start at Server and Client.
package caapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/pki"
)

// The calls. Bodies are JSON, refusals RFC 9457 problems; unknown fields are ignored on both sides.
const (
	enrolPath   = "/v1/ca/enroll"  // pki.EnrolRequest, answered with pki.Certificates
	renewPath   = "/v1/ca/renew"   // pki.RenewRequest with a proof, the same answer
	servicePath = "/v1/ca/service" // serviceRequest, serviceAnswer
)

const proto = "http/1.1"

// serviceRequest asks for a service's certificate. Token is the replica's; the certificate held is shown in TLS.
type serviceRequest struct {
	Token    string `json:"token"`
	Service  string `json:"service"`
	Instance string `json:"instance"`
	Root     string `json:"root,omitempty"` // fingerprint of the root it is to come from
	CSR      string `json:"csr"`            // PEM
}

// serviceAnswer is a chain from the leaf to the root, as PEM.
type serviceAnswer struct {
	Chain string `json:"chain"`
}

// problemBody is RFC 9457's, with our extensions.
type problemBody struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code,omitempty"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

const problemType = "/problems/"

func writeProblem(w http.ResponseWriter, p *problem.Error) {
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((p.RetryAfter+time.Second-1)/time.Second)))
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Kind.Status())
	_ = json.NewEncoder(w).Encode(problemBody{
		Type: problemType + string(p.Kind), Title: http.StatusText(p.Kind.Status()), Status: p.Kind.Status(), Code: p.Code, Detail: p.Detail, Fix: p.Fix,
	})
}

// readProblem is what writeProblem wrote. What is none of ours becomes "unavailable": a balancer in between, perhaps.
func readProblem(status int, retryAfter string, body []byte) *problem.Error {
	var b problemBody
	kind, ours := problem.Unavailable, false
	if json.Unmarshal(body, &b) == nil {
		name, found := strings.CutPrefix(b.Type, problemType)
		if k := problem.Kind(name); found && k.Status() == status && b.Detail != "" {
			kind, ours = k, true
		}
	}
	if !ours {
		return problem.Newf(problem.Unavailable, "The certificate authority, which runs apart, answered %d and no more.", status).
			WithCode(codeAway).WithRetryAfter(retryAway)
	}
	p := problem.New(kind, b.Detail).WithCode(b.Code).WithFix(b.Fix)
	if s, err := strconv.Atoi(retryAfter); err == nil && s > 0 && s < 3600 {
		p = p.WithRetryAfter(time.Duration(s) * time.Second)
	}
	return p
}

func decode(w http.ResponseWriter, r *http.Request, into any) error {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, pki.MaxRequest)).Decode(into)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return problem.New(problem.TooLarge, "The request is too large.")
	case err != nil: // the decoder's text may quote a token
		return problem.New(problem.Invalid, "The request is not the JSON it should be.")
	}
	return nil
}
