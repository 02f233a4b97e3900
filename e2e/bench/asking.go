package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kubechat/kubechat/e2e/bench/tunnelbench"
	"github.com/kubechat/kubechat/e2e/stack"
)

// questions is how many are asked one after the other; asked are their words in turn, over so many deployments.
const (
	questions   = 60
	deployments = 100
)

var asked = []string{"list deployments in asked", "describe deployment web-7 in asked", "how many deployments are in asked?", "which deployments in asked have no ready replicas?"}

// answered is how long a question took from being sent to its first event and to the first that shows what was asked for.
type answered struct{ first, shown time.Duration }

// asking measures questions in plain words through the real tunnel: no model, everything else on.
func asking(ctx context.Context, s *stack.Stack, direct target) ([]answered, error) {
	if err := fillAsked(ctx, direct); err != nil {
		return nil, err
	}
	var conversation struct {
		ID string `json:"id"`
	}
	if err := s.Plane.Call(ctx, http.MethodPost, "/conversations", map[string]string{"clusterId": s.ClusterID}, &conversation); err != nil {
		return nil, err
	}
	var all []answered
	for i := range questions {
		a, err := askOnce(ctx, &s.Plane, conversation.ID, asked[i%len(asked)], fmt.Sprintf("bench-question-%d", i))
		if err != nil {
			return nil, fmt.Errorf("question %d: %w", i+1, err)
		}
		all = append(all, a)
	}
	return all, nil
}

func fillAsked(ctx context.Context, direct target) error {
	if err := create(ctx, direct, "/api/v1/namespaces", `{"metadata":{"name":"asked"}}`); err != nil {
		return err
	}
	for i := range deployments {
		body := fmt.Sprintf(`{"metadata":{"name":"web-%d"},"spec":{"selector":{"matchLabels":{"app":"web-%d"}},"template":{"metadata":{"labels":{"app":"web-%d"}},"spec":{"containers":[{"name":"web","image":"web:%d"}]}}}}`, i, i, i, i)
		if err := create(ctx, direct, "/apis/apps/v1/namespaces/asked/deployments", body); err != nil {
			return err
		}
	}
	return nil
}

// askOnce asks and follows the answer as the page does.
func askOnce(ctx context.Context, plane *stack.Plane, conversation, text, key string) (answered, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	began := time.Now()
	var run struct {
		ID string `json:"id"`
	}
	if err := plane.Call(ctx, http.MethodPost, "/conversations/"+conversation+"/runs", map[string]string{"text": text, "key": key}, &run); err != nil {
		return answered{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, plane.URL+"/api/v1/t/"+plane.Tenant+"/runs/"+run.ID+"/events", nil)
	if err != nil {
		return answered{}, fmt.Errorf("make the request for events: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+plane.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answered{}, fmt.Errorf("read events: %w", err)
	}
	defer resp.Body.Close()
	var a answered
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		kind, ok := strings.CutPrefix(lines.Text(), "event: ")
		if !ok {
			continue
		}
		if a.first == 0 {
			a.first = time.Since(began)
		}
		switch kind {
		case "table", "text", "count":
			a.shown = time.Since(began)
			return a, nil
		case "refused", "clarify", "error", "end":
			return a, fmt.Errorf("%q was answered with %s", text, kind)
		}
	}
	return a, fmt.Errorf("the events of %q ended before there was an answer", text)
}

// askingRows are the results of what was asked, the first question, which learns the cluster's words, among them.
func askingRows(all []answered) []tunnelbench.Result {
	p95 := func(of func(answered) time.Duration) float64 {
		times := make([]time.Duration, len(all))
		for i, a := range all {
			times[i] = of(a)
		}
		slices.Sort(times)
		return milliseconds(times[len(times)*95/100])
	}
	detail := fmt.Sprintf("%d questions over %d deployments; the very first: %.0f and %.0f ms", len(all), deployments, milliseconds(all[0].first), milliseconds(all[0].shown))
	return []tunnelbench.Result{
		{Name: "question to first event, p95", Value: p95(func(a answered) time.Duration { return a.first }), Unit: "ms", Bar: 100, Atmost: true, Detail: detail},
		{Name: "question to its table, p95", Value: p95(func(a answered) time.Duration { return a.shown }), Unit: "ms", Bar: 400, Atmost: true, Detail: detail},
	}
}
