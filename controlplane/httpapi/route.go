package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/internal/ratelimit"
)

// InTenant is embedded in the input of every operation under /t/{t}.
type InTenant struct {
	Tenant string `path:"t" maxLength:"64" doc:"The organisation's name in URLs."`
}

type scopeKey struct{}

// scopeOf is the caller, put there by asMember before the operation's input was even read.
func scopeOf(ctx context.Context) tenant.Scope {
	s, _ := ctx.Value(scopeKey{}).(tenant.Scope)
	return s
}

// op describes one operation of a member: what it is called, and which action the member's role must allow.
type op struct {
	id      string
	method  string
	path    string // under /t/{t}
	summary string
	tag     string
	action  tenant.Action
	status  int // of success; 0: 200, or 204 without a body
}

// member registers an operation under /t/{t}. The caller is known, and their role checked, before anything of the
// request is validated: somebody from another tenant must get the same answer whatever they send.
func member[I, O any](a *API, o op, h func(context.Context, tenant.Scope, *I) (*O, error)) {
	if o.action == "" {
		panic("operation " + o.id + " names no action")
	}
	a.actions[o.id] = o.action
	huma.Register(a.huma, huma.Operation{
		OperationID: o.id, Method: o.method, Path: "/t/{t}" + o.path, Summary: o.summary, Tags: []string{o.tag},
		DefaultStatus: o.status, MaxBodyBytes: maxBody, Middlewares: huma.Middlewares{a.asMember(o.action)},
		Security: []map[string][]string{{"login": {}}, {"token": {}}},
		Metadata: map[string]any{"action": string(o.action)},
	}, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, scopeOf(ctx), in)
		if err != nil {
			return nil, toProblem(ctx, a.log, err)
		}
		return out, nil
	})
}

// anybody registers an operation for which no login is needed.
func anybody[I, O any](a *API, o huma.Operation, h func(context.Context, *I) (*O, error)) {
	o.MaxBodyBytes = maxBody
	o.Middlewares = huma.Middlewares{a.asAnybody}
	huma.Register(a.huma, o, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		if err != nil {
			return nil, toProblem(ctx, a.log, err)
		}
		return out, nil
	})
}

// asMember answers 401, 404, 403 or 429, in this order, or goes on with the scope in the context.
func (a *API) asMember(action tenant.Action) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(hc)
		scope, err := a.admit(w, r, hc.Param("t"), action)
		if err != nil {
			writeProblem(w, toProblem(r.Context(), a.log, err))
			return
		}
		next(huma.WithValue(withHTTP(hc, w, r), scopeKey{}, scope))
	}
}

func (a *API) admit(w http.ResponseWriter, r *http.Request, slug string, action tenant.Action) (tenant.Scope, error) {
	scope, err := a.signIn.Scope(r, slug)
	if err != nil {
		if problem.Is(err, problem.Unauthenticated) {
			if wait := a.take(a.perAddress, ratelimit.Address(r.RemoteAddr)); wait > 0 {
				return scope, a.limited(wait)
			}
		}
		return scope, err
	}
	if wait := a.take(a.perLogin, scope.Login); wait > 0 {
		return scope, a.limited(wait)
	}
	if !scope.Can(action) {
		return scope, problem.New(problem.Forbidden, "Your role in this organisation does not include this.").
			WithCode("role").WithFix("Ask an admin of your organisation.")
	}
	if err := a.signIn.Refresh(w, r, scope); err != nil {
		return scope, err
	}
	return scope, nil
}

func (a *API) asAnybody(hc huma.Context, next func(huma.Context)) {
	r, w := humachi.Unwrap(hc)
	if wait := a.take(a.perAddress, ratelimit.Address(r.RemoteAddr)); wait > 0 {
		writeProblem(w, toProblem(r.Context(), a.log, a.limited(wait)))
		return
	}
	next(withHTTP(hc, w, r))
}

// httpPair gives the few operations that set cookies what they need for it.
type httpPair struct {
	w http.ResponseWriter
	r *http.Request
}

type httpKey struct{}

func withHTTP(hc huma.Context, w http.ResponseWriter, r *http.Request) huma.Context {
	return huma.WithValue(hc, httpKey{}, httpPair{w, r})
}

func httpOf(ctx context.Context) httpPair {
	p, _ := ctx.Value(httpKey{}).(httpPair)
	return p
}

// body is an answer of JSON.
type body[T any] struct {
	Body T
}

// empty is an answer without a body.
type empty struct{}

// list is a JSON list in an object, so that it can gain fields.
type list[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"Send it as after to read on; absent at the end."`
}

func listOf[T, V any](in []T, view func(T) V) *body[list[V]] {
	items := make([]V, 0, len(in))
	for _, v := range in {
		items = append(items, view(v))
	}
	return &body[list[V]]{Body: list[V]{Items: items}}
}

// timePtr leaves out a time that never was.
func timePtr(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}
