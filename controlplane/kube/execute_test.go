package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// transport answers requests without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// breaks reads well and then fails, as a stream that was cut.
type breaks struct{ err error }

func (b breaks) Read([]byte) (int, error) { return 0, b.err }

const web = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop","uid":"u","resourceVersion":"1"},"spec":{"replicas":1}}`

func status(code int) string {
	return fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","message":"said so","code":%d}`, code)
}

// What is known of a change after its request went wrong. Only "nothing can have happened" may be called failed.
func TestTheOutcomeOfAChangeIsUnknownUnlessItIsKnown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		patch func() (*http.Response, error)
		want  audit.Outcome
		kind  problem.Kind
	}{
		"done":                       {func() (*http.Response, error) { return answer(200, web), nil }, audit.Succeeded, ""},
		"denied":                     {func() (*http.Response, error) { return answer(403, status(403)), nil }, audit.Denied, problem.Forbidden},
		"invalid":                    {func() (*http.Response, error) { return answer(422, status(422)), nil }, audit.Failed, problem.Invalid},
		"a server's error":           {func() (*http.Response, error) { return answer(500, status(500)), nil }, audit.Unknown, problem.Unavailable},
		"a proxy's error":            {func() (*http.Response, error) { return answer(502, "bad gateway"), nil }, audit.Unknown, problem.Unavailable},
		"no connection":              {func() (*http.Response, error) { return nil, &net.OpError{Op: "dial", Err: errors.New("refused")} }, audit.Failed, problem.Unavailable},
		"refused before it was sent": {func() (*http.Response, error) { return nil, problem.New(problem.Unavailable, "Not connected.") }, audit.Failed, problem.Unavailable},
		"the connection broke":       {func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, audit.Unknown, problem.Unavailable},
		"the answer broke": {func() (*http.Response, error) {
			r := answer(200, "")
			r.Body = io.NopCloser(breaks{io.ErrUnexpectedEOF})
			return r, nil
		}, audit.Unknown, problem.Unavailable},
		"the patience ended": {func() (*http.Response, error) { return nil, context.DeadlineExceeded }, audit.Unknown, problem.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := 0
			cluster, err := FromRESTConfig(&rest.Config{Host: "http://cluster", Transport: transport(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodGet {
					return answer(200, web), nil
				}
				sent++
				return c.patch()
			})})
			if err != nil {
				t.Fatal(err)
			}
			step := nlp.Step{Op: nlp.OpLabel, Resource: deployments, Namespace: "shop", Names: []string{"web"}, Args: nlp.Args{Set: map[string]string{"a": "b"}}}
			got, err := cluster.Execute(t.Context(), step)
			if got.Outcome != c.want || c.kind != "" && !problem.Is(err, c.kind) || c.kind == "" && err != nil {
				t.Errorf("%+v, %v", got, err)
			}
			if sent != 1 {
				t.Errorf("sent %d times", sent)
			}
		})
	}
}

func TestAnAnswerWithoutBoundsIsCutOff(t *testing.T) {
	t.Parallel()
	cluster, err := FromRESTConfig(&rest.Config{Host: "http://cluster", Transport: transport(func(*http.Request) (*http.Response, error) {
		r := answer(200, "")
		r.Body = io.NopCloser(endless{})
		return r, nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.Execute(t.Context(), nlp.Step{Op: nlp.OpGet, Resource: pods}); !problem.Is(err, problem.TooLarge) {
		t.Errorf("%v", err)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

// An agent that hides Secrets answers their metadata, whatever form was asked for.
func TestMetadataInsteadOfATableIsShownAsOne(t *testing.T) {
	t.Parallel()
	cluster, err := FromRESTConfig(&rest.Config{Host: "http://cluster", Transport: transport(func(*http.Request) (*http.Response, error) {
		return answer(200, `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","items":[{"metadata":{"name":"db","namespace":"shop","creationTimestamp":"2026-01-01T00:00:00Z"}}]}`), nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	got, err := cluster.Execute(t.Context(), nlp.Step{Op: nlp.OpGet, Resource: nlp.Resource{Version: "v1", Plural: "secrets", Kind: "Secret", Namespaced: true}, Namespace: "shop"})
	if err != nil || len(got.Parts) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
}

// A deployment's controller writes status several times while a rollout settles; each write moves the version.
func TestVersionThatMovesSeveralTimesIsReadAgainEachTime(t *testing.T) {
	t.Parallel()
	version := 1
	var sent []string
	cluster, err := FromRESTConfig(&rest.Config{Host: "http://cluster", Transport: transport(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodGet {
			return answer(200, strings.Replace(web, `"resourceVersion":"1"`, fmt.Sprintf(`"resourceVersion":"%d"`, version), 1)), nil
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		sent = append(sent, string(body))
		if len(sent) < 4 {
			version++
			return answer(409, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","message":"the object has been modified","code":409}`), nil
		}
		return answer(200, web), nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	step := nlp.Step{Op: nlp.OpRolloutPause, Resource: deployments, Namespace: "shop", Names: []string{"web"}}
	preview, err := cluster.changes(t.Context(), step, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	got, err := cluster.Execute(t.Context(), step, preview[0].seen)
	if err != nil || got.Outcome != audit.Succeeded || len(sent) != 4 {
		t.Fatalf("%+v, %v, sent %d times", got, err, len(sent))
	}
	for i, body := range sent {
		if want := fmt.Sprintf(`"resourceVersion":"%d"`, i+1); !strings.Contains(body, want) {
			t.Errorf("request %d: %s lacks %s", i, body, want)
		}
	}
}

// A version that moved is refused, and so was not made, whatever keeps the second request from being made.
func TestAConflictIsNoUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]func() (*http.Response, error){
		"content that moved": func() (*http.Response, error) {
			return answer(200, strings.Replace(web, `"replicas":1`, `"replicas":2`, 1)), nil
		},
		"no answer to reading": func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := 0
			cluster, err := FromRESTConfig(&rest.Config{Host: "http://cluster", Transport: transport(func(r *http.Request) (*http.Response, error) {
				if r.Method != http.MethodGet {
					sent++
					return answer(409, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","message":"modified","code":409}`), nil
				}
				if sent > 0 {
					return again()
				}
				return answer(200, web), nil
			})})
			if err != nil {
				t.Fatal(err)
			}
			step := nlp.Step{Op: nlp.OpRolloutPause, Resource: deployments, Namespace: "shop", Names: []string{"web"}}
			preview, err := cluster.changes(t.Context(), step, nil, true)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := cluster.Execute(t.Context(), step, preview[0].seen); got.Outcome != audit.Failed || err == nil || sent != 1 {
				t.Errorf("%+v, %v, sent %d times", got, err, sent)
			}
		})
	}
}
