package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kubechat/kubechat/e2e/bench/tunnelbench"
	"github.com/kubechat/kubechat/e2e/stack"
)

const revokePolicy = "identities: {groups: ['kubechat:viewer', 'kubechat:operator', 'kubechat:admin']}\n"

// revocation measures, so many times, how long a watch that events flow through lives on after its cluster's revocation
// was asked for: each time a cluster and an agent of its own. Through is KubeChat's target, for how it is called.
func revocation(ctx context.Context, s *stack.Stack, through target, times int) ([]time.Duration, error) {
	var took []time.Duration
	for i := range times {
		d, err := revokeOnce(ctx, s, through, fmt.Sprintf("revoke-%d", i))
		if err != nil {
			return nil, fmt.Errorf("revocation %d: %w", i+1, err)
		}
		took = append(took, d)
	}
	slices.Sort(took)
	return took, nil
}

func revokeOnce(ctx context.Context, s *stack.Stack, through target, name string) (took time.Duration, err error) {
	join, err := s.AddCluster(ctx, name)
	if err != nil {
		return 0, err
	}
	agent, err := s.StartAgent(name, s.Direct, join.Token, revokePolicy)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, agent.Stop()) }()
	if err := s.WaitConnected(ctx, join.Cluster); err != nil {
		return 0, err
	}
	through.base = strings.Replace(through.base, s.ClusterID, join.Cluster, 1)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, through.base+watchPath+"0", nil)
	if err != nil {
		return 0, fmt.Errorf("make the watch: %w", err)
	}
	through.dress(req)
	resp, err := through.client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("watch: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("watch: %s", resp.Status)
	}
	var writing sync.WaitGroup
	defer writing.Wait()
	writing.Go(func() { keepWriting(ctx, *through.direct) })
	defer cancel()
	asked := make(chan error, 1) // the revocation's one answer
	var began, last time.Time
	for buf, reads := make([]byte, 4096), 0; ; reads++ {
		if reads == 20 { // events flow
			began = time.Now()
			go func() { asked <- s.Plane.Call(ctx, http.MethodDelete, "/clusters/"+join.Cluster, nil, nil) }()
		}
		if _, err := resp.Body.Read(buf); err != nil {
			break
		}
		last = time.Now()
	}
	switch {
	case ctx.Err() != nil:
		return 0, errors.New("the stream outlived its cluster by a minute")
	case began.IsZero():
		return 0, errors.New("the stream ended before there was a revocation")
	}
	return max(last.Sub(began), 0), <-asked
}

// keepWriting changes what the watch is about every few milliseconds.
func keepWriting(ctx context.Context, direct target) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		body := bytes.NewReader(fmt.Appendf(nil, `{"data":{"tick":"revoke-%d"}}`, i))
		if _, _, err := direct.do(ctx, http.MethodPatch, "/api/v1/namespaces/default/configmaps/ticking", body); err != nil && ctx.Err() != nil {
			return
		}
	}
}

// revocationRow is the result; took is sorted.
func revocationRow(took []time.Duration) tunnelbench.Result {
	return tunnelbench.Result{Name: "revocation to the last byte on a live session, at most", Value: took[len(took)-1].Seconds(), Unit: "s", Bar: 5, Stretch: 1, Atmost: true,
		Detail: fmt.Sprintf("of %d, each a cluster and an agent of its own; p50 %.3f s", len(took), took[len(took)/2].Seconds())}
}
