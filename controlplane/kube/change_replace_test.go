package kube

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
)

var settings = nlp.Resource{Version: "v1", Plural: "configmaps", Kind: "ConfigMap", Namespaced: true}

// one is an API server with a single name in it. What creates is asked may be refused, or lost.
type one struct {
	mu      sync.Mutex // guards the rest
	is      string     // the object; "": there is none
	made    int
	deleted func()                                                     // called once it is
	creates func(n int, body string) (*http.Response, error)           // nil: the server's own answer
	deletes func(r *http.Request) (answered *http.Response, err error) // what the asker hears of a deletion that is done
}

func (s *one) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Query().Get("watch") != "" {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if r.Method != http.MethodGet && r.Context().Err() != nil {
		return nil, r.Context().Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Method {
	case http.MethodGet:
		if s.is == "" {
			return answer(404, status(404)), nil
		}
		return answer(200, s.is), nil
	case http.MethodDelete:
		s.is = ""
		if s.deleted != nil {
			s.deleted()
		}
		if s.deletes != nil {
			return s.deletes(r)
		}
		return answer(200, `{"kind":"Status","apiVersion":"v1","status":"Success"}`), nil
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if s.is != "" {
		return answer(409, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"AlreadyExists","message":"exists","code":409}`), nil
	}
	s.made++
	if s.creates != nil {
		if res, err := s.creates(s.made, string(b)); res != nil || err != nil {
			return res, err
		}
	}
	s.is = strings.Replace(string(b), `"name"`, fmt.Sprintf(`"uid":"made-%d","name"`, s.made), 1)
	return answer(201, s.is), nil
}

func (s *one) replace(t *testing.T, ctx context.Context, r nlp.Resource, with string) (chat.Answer, error) {
	t.Helper()
	c, err := FromRESTConfig(&rest.Config{Host: "http://cluster", Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	return c.Execute(ctx, nlp.Step{Op: nlp.OpReplaceForce, Resource: r, Namespace: "shop", Names: []string{"web"}, Args: nlp.Args{Object: []byte(with)}})
}

const (
	blue = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"web","namespace":"shop","uid":"u","resourceVersion":"1"},"data":{"color":"blue"}}`
	red  = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"web"},"data":{"color":"red"}}`
)

func TestAReplacementIsBroughtToItsEndWhoeverStops(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	s := &one{is: blue, deleted: stop}
	a, err := s.replace(t, ctx, settings, red)
	if err != nil || a.Outcome != audit.Succeeded || !strings.Contains(s.is, "red") {
		t.Errorf("%+v, %v, there is %q", a, err, s.is)
	}
}

func TestAReplacementThatWasStoppedBeforeItsFirstRequestChangesNothing(t *testing.T) {
	t.Parallel()
	s := &one{is: blue}
	c, err := FromRESTConfig(&rest.Config{Host: "http://cluster", Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	step := nlp.Step{Op: nlp.OpReplaceForce, Resource: settings, Namespace: "shop", Names: []string{"web"}, Args: nlp.Args{Object: []byte(red)}}
	changes, err := c.changes(t.Context(), step, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := c.send(ctx, changes[0], false); failed(err, false) != audit.Failed || s.is != blue {
		t.Errorf("%v, there is %q", err, s.is)
	}
}

func TestWhatIsRefusedInTheOldOnesPlaceGivesItBack(t *testing.T) {
	t.Parallel()
	s := &one{is: blue, creates: func(_ int, body string) (*http.Response, error) {
		if strings.Contains(body, "red") {
			return answer(403, status(403)), nil
		}
		return nil, nil
	}}
	a, err := s.replace(t, t.Context(), settings, red)
	if err == nil || a.Outcome != audit.Failed || !strings.Contains(a.Message, "put back") || !strings.Contains(s.is, "blue") {
		t.Errorf("%+v, %v, there is %q", a, err, s.is)
	}
}

func TestWhatCannotBeMadeAnewLeavesAWayBack(t *testing.T) {
	t.Parallel()
	refuses := func(int, string) (*http.Response, error) { return answer(403, status(403)), nil }
	s := &one{is: blue, creates: refuses}
	a, err := s.replace(t, t.Context(), settings, red)
	if err == nil || a.Outcome != audit.Failed || !strings.Contains(a.Message, "could not be made anew") {
		t.Fatalf("%+v, %v", a, err)
	}
	if a.Undo == nil || len(a.Undo.Plan.Steps) != 1 || a.Undo.Plan.Steps[0].Op != nlp.OpCreate || !strings.Contains(string(a.Undo.Plan.Steps[0].Args.Object), "blue") {
		t.Errorf("way back: %+v", a.Undo)
	}
	secrets := nlp.Resource{Version: "v1", Plural: "secrets", Kind: "Secret", Namespaced: true}
	s = &one{is: strings.Replace(blue, "ConfigMap", "Secret", 1), creates: refuses}
	a, err = s.replace(t, t.Context(), secrets, strings.Replace(red, "ConfigMap", "Secret", 1))
	if err == nil || a.Undo == nil || a.Undo.Impossible == "" || strings.Contains(fmt.Sprintf("%+v", a), "blue") {
		t.Errorf("of a Secret: %+v, %v", a, err)
	}
}

// A connection that breaks in the middle: what was lost is asked again, and never made twice.
func TestAReplacementOutlivesLostAnswers(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*one{
		"of the deletion": {deletes: func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }},
		"of a creation that did not arrive": {creates: func(n int, _ string) (*http.Response, error) {
			if n == 1 {
				return nil, io.ErrUnexpectedEOF
			}
			return nil, nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.is = blue
			if a, err := s.replace(t, t.Context(), settings, red); err != nil || a.Outcome != audit.Succeeded || !strings.Contains(s.is, "red") {
				t.Errorf("%+v, %v, there is %q", a, err, s.is)
			}
		})
	}
	s := &one{is: blue}
	s.creates = func(n int, body string) (*http.Response, error) {
		s.is = strings.Replace(body, `"name"`, `"uid":"v","name"`, 1)
		return nil, io.ErrUnexpectedEOF
	}
	if a, err := s.replace(t, t.Context(), settings, red); err != nil || a.Outcome != audit.Succeeded || s.made != 1 {
		t.Errorf("arrived, and lost: %+v, %v, made %d times", a, err, s.made)
	}
}
