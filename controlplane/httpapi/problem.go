package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/kubechat/kubechat/controlplane/problem"
)

// Problem is every error answer of this API (RFC 9457). It never repeats a value that the caller sent.
type Problem struct {
	Type      string `json:"type" doc:"What kind of problem this is; also the address of its page." example:"/problems/not-found"`
	Title     string `json:"title" doc:"The kind in words."`
	Status    int    `json:"status" doc:"The HTTP status."`
	Code      string `json:"code,omitempty" doc:"A stable word for programs, where one is needed." example:"cluster_disconnected"`
	Detail    string `json:"detail" doc:"What is wrong."`
	Fix       string `json:"fix,omitempty" doc:"What to do about it."`
	RequestID string `json:"requestId" doc:"Names this request in our logs and in the audit."`

	retryAfter int // seconds; 0: not said
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status, for huma.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is RFC 9457's.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders are the headers that go with the problem, for huma.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="kubechat"`)
	}
	return h
}

var titles = map[problem.Kind]string{
	problem.Invalid: "Not valid", problem.Unauthenticated: "Not signed in", problem.Forbidden: "Not allowed",
	problem.NotFound: "Not found", problem.Conflict: "Conflict", problem.Expired: "Expired",
	problem.TooLarge: "Too large", problem.Limited: "Too much at once", problem.Unavailable: "Not available",
	problem.Internal: "Internal error",
}

// errNothingHere is also package signin's answer to somebody from elsewhere: the two must stay one text.
var errNothingHere = problem.New(problem.NotFound, "There is nothing here, or it is not yours to see.")

func newProblem(ctx context.Context, e *problem.Error) *Problem {
	p := &Problem{
		Type: "/problems/" + string(e.Kind), Title: titles[e.Kind], Status: e.Kind.Status(), Code: e.Code, Detail: e.Detail,
		Fix: e.Fix, RequestID: RequestID(ctx), retryAfter: int(e.RetryAfter.Seconds()),
	}
	if e.RetryAfter > 0 && p.retryAfter == 0 {
		p.retryAfter = 1
	}
	return p
}

// toProblem is the one place where an error becomes an answer. What nobody made readable on purpose is logged here,
// once, and leaves as "internal" with the request's id.
func toProblem(ctx context.Context, log *slog.Logger, err error) *Problem {
	var ready *Problem
	if errors.As(err, &ready) {
		return ready
	}
	e := problem.As(err)
	if e.Kind == problem.Internal {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			log.DebugContext(ctx, "request left by its caller", "request", RequestID(ctx))
		} else {
			log.ErrorContext(ctx, "request failed", "request", RequestID(ctx), "error", err)
		}
	}
	if e.Kind == problem.Unavailable {
		log.WarnContext(ctx, "request refused for now", "request", RequestID(ctx), "error", err)
	}
	return newProblem(ctx, e)
}

// writeProblem answers outside of huma: middleware and plain handlers.
func writeProblem(w http.ResponseWriter, p *Problem) {
	for k, v := range p.GetHeaders() {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_ = encodeJSON(w, p)
}

func init() {
	huma.DefaultArrayNullable = false // our lists are empty, never null
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return fromHuma(context.Background(), status, msg, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		return fromHuma(ctx.Context(), status, msg, errs)
	}
}

var kindOfStatus = map[int]problem.Kind{
	http.StatusUnauthorized: problem.Unauthenticated, http.StatusForbidden: problem.Forbidden,
	http.StatusNotFound: problem.NotFound, http.StatusConflict: problem.Conflict, http.StatusGone: problem.Expired,
	http.StatusRequestEntityTooLarge: problem.TooLarge, http.StatusTooManyRequests: problem.Limited,
	http.StatusServiceUnavailable: problem.Unavailable,
}

// fromHuma makes a problem of what huma found wrong with a request, leaving out the values it would repeat.
func fromHuma(ctx context.Context, status int, msg string, errs []error) *Problem {
	kind, ok := kindOfStatus[status]
	switch {
	case ok:
	case status >= 500:
		kind, msg = problem.Internal, "Something went wrong on our side."
		errs = nil
	default:
		kind = problem.Invalid
	}
	p := newProblem(ctx, problem.New(kind, sentence(msg, errs)))
	p.Status = status
	return p
}

const maxComplaints = 5

func sentence(msg string, errs []error) string {
	var wrong []string
	for _, err := range errs {
		var d huma.ErrorDetailer
		if !errors.As(err, &d) || len(wrong) == maxComplaints {
			continue
		}
		wrong = append(wrong, complaint(d.ErrorDetail()))
	}
	if len(wrong) == 0 {
		return strings.ToUpper(msg[:min(1, len(msg))]) + msg[min(1, len(msg)):] + "."
	}
	return "The request is not valid: " + strings.Join(wrong, "; ") + "."
}

// complaint says where and what, but neither the value nor a name that the caller made up.
func complaint(d *huma.ErrorDetail) string {
	switch {
	case d.Location == "body" && d.Value != nil:
		return "the body is not the JSON this operation takes"
	case strings.HasPrefix(d.Message, "unexpected property") || strings.HasPrefix(d.Message, "unknown query parameter"):
		parent := d.Location[:max(0, strings.LastIndexByte(d.Location, '.'))]
		return parent + " has something this operation does not know"
	case d.Location == "":
		return d.Message
	}
	return d.Location + ": " + d.Message
}
