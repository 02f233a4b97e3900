package kube

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/tunnel"
)

const maxBody = 64 << 20 // bytes of one answer; a page of the largest objects is far below

const (
	asTable = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
	asJSON  = "application/json"

	mergePatch     = "application/merge-patch+json"
	strategicPatch = "application/strategic-merge-patch+json"
	jsonPatch      = "application/json-patch+json"
)

// errNotSent marks the errors of requests that never reached the cluster: nothing can have changed.
var errNotSent = errors.New("not sent")

// request is one HTTP request to the API server.
type request struct {
	method, path string
	query        url.Values
	accept       string
	contentType  string
	body         []byte
	header       map[string]string
	maxBytes     int64 // cut the answer there, without an error; 0: maxBody, and more is an error
}

// response is its answer.
type response struct {
	status   int
	body     []byte
	warnings []string
	// of a change that is more than one request: what it gave, and what it did
	parts []chat.Part
	did   string
}

// exchange sends one request, once, and gives the answer as it comes. The caller closes its body.
func (c *Cluster) exchange(ctx context.Context, r request) (*http.Response, error) {
	u := c.base + r.path
	if len(r.query) > 0 {
		u += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u, bytes.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("make a request for the cluster: %w", err)
	}
	if len(r.body) == 0 {
		req.Body = http.NoBody
	}
	req.GetBody = nil // nothing that the transport could send a second time
	req.Header.Set("Accept", cmp.Or(r.accept, asJSON))
	if id := chat.RunFrom(ctx); id != "" {
		req.Header.Set("X-Request-Id", string(id))
	}
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	return res, nil
}

// do sends one request, once. An answer of 400 and above is an error that wraps the API's own.
func (c *Cluster) do(ctx context.Context, r request) (response, error) {
	res, err := c.exchange(ctx, r)
	if err != nil {
		return response{}, err
	}
	defer res.Body.Close()
	out := response{status: res.StatusCode, warnings: warnings(res.Header)}
	limit := r.maxBytes
	if limit == 0 {
		limit = maxBody
	}
	out.body, err = io.ReadAll(io.LimitReader(res.Body, limit+1))
	metered(ctx, len(out.body))
	if err != nil {
		return out, unreachable(ctx, fmt.Errorf("read the answer: %w", err))
	}
	if int64(len(out.body)) > limit {
		if r.maxBytes == 0 {
			return out, problem.New(problem.TooLarge, "The cluster's answer is too large to show. Narrow the question.")
		}
		out.body = out.body[:limit]
	}
	if out.status >= 400 {
		return out, apiError(r, out)
	}
	return out, nil
}

// warnings reads the API server's: `299 - "text"`.
func warnings(h http.Header) []string {
	var out []string
	for _, w := range h.Values("Warning") {
		_, text, ok := strings.Cut(w, `"`)
		if ok {
			out = append(out, strings.ReplaceAll(strings.TrimSuffix(text, `"`), `\"`, `"`))
		}
	}
	return out
}

// unreachable is for requests without an answer. What the transport itself says on purpose, and a failed dial, mean that
// nothing was sent; of everything else nobody knows.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("ask the cluster: %w", context.Cause(ctx))
	}
	var p *problem.Error
	var refused *tunnel.RefusedError
	var op *net.OpError
	switch {
	case errors.As(err, &p):
		return p.WithCause(fmt.Errorf("%w: %w", errNotSent, err))
	case errors.As(err, &refused), errors.As(err, &op) && op.Op == "dial":
		return noAnswer.WithCause(fmt.Errorf("%w: %w", errNotSent, err))
	}
	return noAnswer.WithCause(err)
}

var noAnswer = problem.New(problem.Unavailable, "The cluster did not answer.").WithCode("cluster_unreachable").
	WithFix("Look at the cluster's page: is its agent connected?")

// apiError makes the API's own error readable, and keeps it as the cause, for apierrors.IsNotFound and its like.
func apiError(r request, res response) error {
	var status metav1.Status
	if json.Unmarshal(res.body, &status) != nil || status.Kind != "Status" {
		status = metav1.Status{Status: metav1.StatusFailure, Code: int32(res.status), Message: http.StatusText(res.status)}
	}
	if status.Code == 0 {
		status.Code = int32(res.status)
	}
	err := &apierrors.StatusError{ErrStatus: status}
	detail := redactText(status.Message)
	if detail == "" {
		detail = http.StatusText(res.status)
	}
	return problem.New(kinds(res.status), "The cluster answers: "+detail).WithCode(codes[res.status]).WithCause(err)
}

var codes = map[int]string{403: "rbac", 409: "conflict", 404: "", 429: "busy"}

func kinds(status int) problem.Kind {
	switch status {
	case http.StatusForbidden:
		return problem.Forbidden
	case http.StatusNotFound, http.StatusGone:
		return problem.NotFound
	case http.StatusConflict:
		return problem.Conflict
	case http.StatusRequestEntityTooLarge:
		return problem.TooLarge
	case http.StatusTooManyRequests:
		return problem.Limited
	}
	if status >= 500 || status == http.StatusUnauthorized {
		return problem.Unavailable
	}
	return problem.Invalid
}

// asProblem gives errors from client-go the same form.
func asProblem(err error) error {
	var p *problem.Error
	var s apierrors.APIStatus
	switch {
	case errors.As(err, &p), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &s):
		return problem.New(kinds(int(s.Status().Code)), "The cluster answers: "+redactText(s.Status().Message)).WithCause(err)
	}
	return noAnswer.WithCause(err)
}

// statusOf is the HTTP status that an error carries, 0 without one.
func statusOf(err error) int {
	var s apierrors.APIStatus
	if errors.As(err, &s) {
		return int(s.Status().Code)
	}
	return 0
}

// objectPath is where an object, or with an empty name a collection, is.
func objectPath(r nlp.Resource, namespace, name, subresource string) string {
	var b strings.Builder
	if r.Group == "" {
		b.WriteString("/api/" + url.PathEscape(cmp.Or(r.Version, "v1")))
	} else {
		b.WriteString("/apis/" + url.PathEscape(r.Group) + "/" + url.PathEscape(r.Version))
	}
	if r.Namespaced && namespace != "" {
		b.WriteString("/namespaces/" + url.PathEscape(namespace))
	}
	for _, part := range []string{r.Plural, name, subresource} {
		if part != "" {
			b.WriteString("/" + url.PathEscape(part))
		}
	}
	return b.String()
}

// get reads one object.
func (c *Cluster) get(ctx context.Context, r nlp.Resource, namespace, name, subresource string) (*unstructured.Unstructured, error) {
	res, err := c.do(ctx, request{method: http.MethodGet, path: objectPath(r, namespace, name, subresource)})
	if err != nil {
		return nil, err
	}
	return readObject(res.body)
}

func readObject(body []byte) (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(body); err != nil {
		return nil, problem.New(problem.Unavailable, "The cluster's answer could not be read.").WithCause(err)
	}
	return u, nil
}

const (
	listPage = 500
	maxItems = 10000 // what one question may read of a kind
)

// list reads the objects of a kind, page by page. more says that there were more than maxItems.
func (c *Cluster) list(ctx context.Context, r nlp.Resource, namespace, labels, fields string) (items []unstructured.Unstructured, more bool, err error) {
	next := ""
	for {
		q := listQuery(labels, fields, next)
		res, err := c.do(ctx, request{method: http.MethodGet, path: objectPath(r, namespace, "", ""), query: q})
		if err != nil {
			return nil, false, err
		}
		page := &unstructured.UnstructuredList{}
		if err := page.UnmarshalJSON(res.body); err != nil {
			return nil, false, problem.New(problem.Unavailable, "The cluster's answer could not be read.").WithCause(err)
		}
		items = append(items, page.Items...)
		next = page.GetContinue()
		if next == "" || len(items) >= maxItems {
			return items, next != "", nil
		}
	}
}

func listQuery(labels, fields, next string) url.Values {
	q := url.Values{"limit": {fmt.Sprint(listPage)}}
	for k, v := range map[string]string{"labelSelector": labels, "fieldSelector": fields, "continue": next} {
		if v != "" {
			q.Set(k, v)
		}
	}
	return q
}

func apiVersion(r nlp.Resource) string {
	if r.Group == "" {
		return cmp.Or(r.Version, "v1")
	}
	return r.Group + "/" + r.Version
}
