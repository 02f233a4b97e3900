package gateway

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"

	"github.com/kubechat/kubechat/controlplane/problem"
)

// status is a Kubernetes Status (meta/v1), which is what kubectl shows of an error.
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
	Causes            []statusCause `json:"causes,omitempty"`
	RetryAfterSeconds int           `json:"retryAfterSeconds,omitempty"`
}

type statusCause struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

var statusReasons = map[problem.Kind]string{
	problem.Invalid: "BadRequest", problem.Unauthenticated: "Unauthorized", problem.Forbidden: "Forbidden", problem.NotFound: "NotFound",
	problem.Conflict: "Conflict", problem.Expired: "Expired", problem.TooLarge: "RequestEntityTooLarge", problem.Limited: "TooManyRequests",
	problem.Unavailable: "ServiceUnavailable", problem.Internal: "InternalError",
}

// writeProblem answers a Kubernetes client. An invalid request is 400 here: 422 means an invalid object to kubectl.
func writeProblem(w http.ResponseWriter, err error) {
	p := problem.As(err)
	code := p.Kind.Status()
	if p.Kind == problem.Invalid {
		code = http.StatusBadRequest
	}
	message := p.Detail
	if p.Fix != "" {
		message += " " + p.Fix
	}
	s := status{Kind: "Status", APIVersion: "v1", Status: "Failure", Message: message, Reason: statusReasons[p.Kind], Code: code}
	if p.Code != "" {
		s.Details = &statusDetails{Causes: []statusCause{{Reason: "Kubechat/" + p.Code, Message: p.Detail}}}
	}
	// client-go waits and asks again, silently, on any answer with Retry-After: right for a limit, but an agent that is
	// away should be said at once.
	if p.RetryAfter > 0 && p.Kind == problem.Limited {
		seconds := int(math.Ceil(p.RetryAfter.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		if s.Details == nil {
			s.Details = &statusDetails{}
		}
		s.Details.RetryAfterSeconds = seconds
	}
	if p.Kind == problem.Unauthenticated {
		w.Header().Set("WWW-Authenticate", `Bearer realm="kubechat"`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	body, err := json.Marshal(s)
	if err != nil {
		http.Error(w, message, code)
		return
	}
	w.WriteHeader(code)
	_, _ = w.Write(body) // the client reads it or has gone
}
