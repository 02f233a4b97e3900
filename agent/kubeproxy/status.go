package kubeproxy

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/kubechat/kubechat/agent/kubereq"
	"github.com/kubechat/kubechat/agent/policy"
)

// The reasons of the single cause in the details of a Status that the agent made. By them the control plane tells the
// agent's refusals from the API server's.
const (
	CauseGuard    = "KubechatAgentGuard"    // no setting allows it
	CausePolicy   = "KubechatAgentPolicy"   // the local policy's setting in the cause's field refuses it
	CauseIdentity = "KubechatAgentIdentity" // the agent does not act as that identity
	CauseRequest  = "KubechatAgentRequest"  // the request can't be read in only one way
	CauseUpstream = "KubechatAgentUpstream" // the API server could not be reached, or broke off
)

type badRequestError struct{ error }

type identityError struct{ error }

func (e *identityError) Unwrap() error { return e.error }

type unavailableError struct{ error }

// status is metav1.Status, as far as it is used here.
type status struct {
	Kind       string         `json:"kind"`
	APIVersion string         `json:"apiVersion"`
	Metadata   struct{}       `json:"metadata"`
	Status     string         `json:"status"`
	Message    string         `json:"message"`
	Reason     string         `json:"reason"`
	Details    *statusDetails `json:"details,omitempty"`
	Code       int            `json:"code"`
}

type statusDetails struct {
	Name   string        `json:"name,omitempty"`
	Group  string        `json:"group,omitempty"`
	Kind   string        `json:"kind,omitempty"`
	Causes []statusCause `json:"causes,omitempty"`
}

type statusCause struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Field   string `json:"field,omitempty"`
}

// refuse answers a request that was not sent upstream.
func (p *Proxy) refuse(w http.ResponseWriter, r *http.Request, x *exchange, err error) {
	code, reason, cause := http.StatusForbidden, "Forbidden", statusCause{Reason: CauseGuard, Message: err.Error()}
	var (
		refusal     *policy.Refusal
		identity    *identityError
		bad         *badRequestError
		unavailable *unavailableError
	)
	switch {
	case errors.As(err, &bad):
		code, reason, cause.Reason = http.StatusBadRequest, "BadRequest", CauseRequest
	case errors.As(err, &unavailable):
		code, reason, cause.Reason = http.StatusServiceUnavailable, "ServiceUnavailable", CauseUpstream
		cause.Message = "the agent has no credentials for its API server: " + err.Error()
	case errors.As(err, &identity):
		cause.Reason = CauseIdentity
		if errors.As(err, &refusal) {
			cause.Field = refusal.Setting
		}
	case errors.As(err, &refusal) && refusal.Setting != "":
		cause.Reason, cause.Field = CausePolicy, refusal.Setting
	}
	p.cfg.Log.InfoContext(r.Context(), "request refused", "request", x.stream.RequestID, "verb", x.info.Verb,
		"resource", x.info.ResourceName(), "namespace", x.info.Namespace, "cause", cause.Reason, "why", cause.Message)
	writeStatus(w, x.info, code, reason, cause)
}

func writeStatus(w http.ResponseWriter, info kubereq.Info, code int, reason string, cause statusCause) {
	s := status{Kind: "Status", APIVersion: "v1", Status: "Failure", Message: cause.Message, Reason: reason, Code: code,
		Details: &statusDetails{Name: info.Name, Group: info.APIGroup, Kind: info.Resource, Causes: []statusCause{cause}}}
	body, err := json.Marshal(s)
	if err != nil {
		http.Error(w, cause.Message, code)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(body) // the reader is gone, or it is not
}

// upstreamFailed answers when the API server did not.
func (p *Proxy) upstreamFailed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(r.Context().Err(), context.Canceled) {
		panic(http.ErrAbortHandler) // nobody waits any more
	}
	x := exchangeFrom(r.Context())
	p.cfg.Log.WarnContext(r.Context(), "API server did not answer", "request", x.stream.RequestID, "verb", x.info.Verb, "error", err)
	code, reason := http.StatusServiceUnavailable, "ServiceUnavailable"
	if errors.Is(err, context.DeadlineExceeded) {
		code, reason = http.StatusGatewayTimeout, "Timeout"
	}
	writeStatus(w, x.info, code, reason, statusCause{Reason: CauseUpstream,
		Message: "the agent is connected, but its API server did not answer: " + err.Error()})
}
