package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/jsonpath"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

const answerRoom = 2 * time.Second // before the asker's own patience ends, to say that nothing came

// wait blocks until what is waited for holds of every object, or its time is up, which is an error: the steps after it
// count on it.
func (c *Cluster) wait(ctx context.Context, step nlp.Step) ([]chat.Part, error) {
	holds, err := waitedFor(step.Args.Condition)
	if err != nil {
		return nil, err
	}
	patience := step.Args.Timeout
	if patience <= 0 {
		patience = nlp.DefaultWait
	}
	patience = min(patience, nlp.MaxWait)
	if end, ok := ctx.Deadline(); ok {
		patience = max(time.Second, min(patience, time.Until(end)-answerRoom))
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last look
	err = c.until(bounded, watchedBy(step), func(ctx context.Context) (bool, error) {
		seen := 0
		l, err := c.each(ctx, step, func(_ context.Context, name string, o *unstructured.Unstructured) (look, error) {
			seen++
			met, is := holds(o)
			return look{said: titleOf(step.Resource, name) + " " + is + ".", over: met}, nil
		})
		if err != nil {
			return false, err
		}
		if seen == 0 && step.Args.Condition != "delete" {
			l = look{said: "Nothing matches yet."}
		}
		if seen == 0 && step.Args.Condition == "delete" {
			l = look{said: "Nothing is there.", over: true}
		}
		last = l
		return l.over, nil
	})
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("wait: %w", context.Cause(ctx))
	case errors.Is(err, context.DeadlineExceeded):
		return nil, problem.Newf(problem.Unavailable, "Waited %s for %s, and it did not come. %s", nlp.Duration(patience.Round(time.Second)), step.Args.Condition, last.said).
			WithCode("wait_timeout").WithFix("Say a longer time, or look at what holds it up.")
	case err != nil:
		return nil, err
	}
	return []chat.Part{chat.Text{Text: redactText(last.said)}}, nil
}

// waitedFor reads what is waited for, as `kubectl wait --for` writes it. The test gets nil for an object that is not
// there, and says in words how it stands.
func waitedFor(condition string) (func(o *unstructured.Unstructured) (bool, string), error) {
	what, rest, _ := strings.Cut(condition, "=")
	switch what {
	case "delete":
		return func(o *unstructured.Unstructured) (bool, string) {
			return o == nil, map[bool]string{true: "is gone", false: "is still there"}[o == nil]
		}, nil
	case "create":
		return func(o *unstructured.Unstructured) (bool, string) {
			return o != nil, map[bool]string{true: "is there", false: "is not there yet"}[o != nil]
		}, nil
	case "condition":
		name, want, ok := strings.Cut(rest, "=")
		if !ok {
			want = "True"
		}
		return func(o *unstructured.Unstructured) (bool, string) { return conditionHolds(o, name, want) }, nil
	case "jsonpath":
		return pathHolds(rest)
	}
	return nil, problem.Newf(problem.Invalid, "%q is nothing to wait for: say condition=NAME, jsonpath={PATH}=VALUE, create or delete.", condition)
}

func conditionHolds(o *unstructured.Unstructured, name, want string) (bool, string) {
	if o == nil {
		return false, "is not there"
	}
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, v := range list {
		m, ok := v.(map[string]any)
		if !ok || !strings.EqualFold(str(m, "type"), name) {
			continue
		}
		if seen := whole(m["observedGeneration"]); seen > 0 && seen < o.GetGeneration() {
			return false, "has not taken the last change up yet"
		}
		text := fmt.Sprintf("has condition %s=%s", name, str(m, "status"))
		if msg := str(m, "message"); msg != "" {
			text += " (" + msg + ")"
		}
		return strings.EqualFold(str(m, "status"), want), text
	}
	return false, "has no condition " + name
}

// pathHolds compares the value at a path; without a value any one will do.
func pathHolds(text string) (func(o *unstructured.Unstructured) (bool, string), error) {
	path, want := text, ""
	i := strings.LastIndexByte(text, '}')
	if i >= 0 {
		path, want = text[:i+1], text[i+1:]
	}
	p := jsonpath.New("wait").AllowMissingKeys(true)
	if err := p.Parse(path); err != nil {
		return nil, problem.Newf(problem.Invalid, "%s is no JSONPath.", path).WithCause(err)
	}
	want, compare := strings.CutPrefix(want, "=")
	return func(o *unstructured.Unstructured) (bool, string) {
		if o == nil {
			return false, "is not there"
		}
		var out bytes.Buffer
		if err := p.Execute(&out, redacted(o.DeepCopy().Object)); err != nil {
			return false, "has nothing at " + path
		}
		is := strings.TrimSpace(out.String())
		if is == "" {
			return compare && want == "", "has nothing at " + path
		}
		return !compare || is == strings.Trim(want, `'"`), "has " + is + " at " + path
	}, nil
}
