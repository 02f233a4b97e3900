package kube

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// scaled is an API server with the Deployment web at so many replicas; it notes what is put.
type scaled struct {
	replicas int
	puts     []string
}

func (s *scaled) RoundTrip(r *http.Request) (*http.Response, error) {
	scale := strings.HasSuffix(r.URL.Path, "/scale")
	switch {
	case r.Method == http.MethodPut && scale:
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		s.puts = append(s.puts, string(b))
		fallthrough
	case scale:
		spec := fmt.Sprintf(`{"replicas":%d}`, s.replicas)
		if s.replicas == 0 {
			spec = "{}" // as a server leaves a zero out
		}
		return answer(200, `{"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"web","namespace":"shop","uid":"u","resourceVersion":"1"},"spec":`+spec+`}`), nil
	case r.Method == http.MethodGet:
		return answer(200, strings.Replace(web, `"replicas":1`, fmt.Sprintf(`"replicas":%d`, s.replicas), 1)), nil
	}
	return answer(404, status(404)), nil
}

// "scale web to 5, but only if it is at 2": where it is at another number by then, nothing is changed, in the preview and when
// it is done.
func TestAScaleThatHoldsAtOneNumberOnlyIsNotDoneAtAnother(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		has, only int
		conflict  bool
	}{{2, 2, false}, {3, 2, true}, {0, 0, false}, {0, 2, true}, {2, 0, true}} {
		s := &scaled{replicas: c.only}
		cluster, err := FromRESTConfig(&rest.Config{Host: "http://cluster", Transport: s})
		if err != nil {
			t.Fatal(err)
		}
		want, only := int32(5), int32(c.only)
		step := nlp.Step{Op: nlp.OpScale, Resource: deployments, Namespace: "shop", Names: []string{"web"}, Args: nlp.Args{Replicas: &want, OnlyAt: &only}}
		approved, err := cluster.changes(t.Context(), step, nil, true)
		if err != nil || len(approved) != 1 {
			t.Fatalf("at %d, only at %d: %+v, %v", c.only, c.only, approved, err)
		}
		s.replicas = c.has
		_, err = cluster.DryRun(t.Context(), step)
		if problem.Is(err, problem.Conflict) != c.conflict || !c.conflict && err != nil {
			t.Errorf("previewed at %d, only at %d: %v", c.has, c.only, err)
		}
		s.puts = nil
		got, err := cluster.Execute(t.Context(), step, approved[0].seen)
		if c.conflict {
			if !problem.Is(err, problem.Conflict) && got.Outcome == audit.Succeeded || len(s.puts) > 0 {
				t.Errorf("done at %d, only at %d: %+v, %v, put %q", c.has, c.only, got, err, s.puts)
			}
			continue
		}
		if err != nil || got.Outcome != audit.Succeeded || len(s.puts) != 1 || !strings.Contains(s.puts[0], `"replicas":5`) {
			t.Errorf("done at %d, only at %d: %+v, %v, put %q", c.has, c.only, got, err, s.puts)
		}
	}
}
