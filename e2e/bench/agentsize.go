package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kubechat/kubechat/e2e/bench/tunnelbench"
	"github.com/kubechat/kubechat/e2e/sandbox"
	"github.com/kubechat/kubechat/e2e/stack"
)

const (
	agentStreams = 100
	agentEvents  = 20 // that each stream carries while the agent is measured
)

// agentSize measures the agent's program and its running process, before the rounds.
func agentSize(ctx context.Context, s *stack.Stack, state string, through target) ([]tunnelbench.Result, error) {
	binary, err := strippedAgent(ctx, state)
	if err != nil {
		return nil, err
	}
	pid, err := agentPID(state, s.Programs.Agent)
	if err != nil {
		return nil, err
	}
	if _, err := sequential(ctx, through, 20); err != nil { // as one that was used
		return nil, err
	}
	idle, err := residentMiB(pid)
	if err != nil {
		return nil, err
	}
	busy, err := residentWithStreams(ctx, pid, through)
	if err != nil {
		return nil, err
	}
	return []tunnelbench.Result{
		{Name: "agent: stripped binary", Value: binary, Unit: "MiB", Bar: 15, Stretch: 10, Atmost: true, Detail: "built as it is shipped: no cgo, -trimpath, -s -w"},
		{Name: "agent: resident, idle", Value: idle, Unit: "MiB", Bar: 20, Stretch: 12, Atmost: true, Detail: "VmRSS of the agent beside this API server, one session, after 20 requests"},
		{Name: fmt.Sprintf("agent: resident at %d streams", agentStreams), Value: busy, Unit: "MiB", Bar: 64, Stretch: 40, Atmost: true,
			Detail: fmt.Sprintf("VmRSS at most, with %d watches open through the gateway while each gets %d events", agentStreams, agentEvents)},
	}, nil
}

// afterwards is the agent's memory when all rounds are over and nothing was given back yet.
func afterwards(s *stack.Stack, state string) (tunnelbench.Result, error) {
	pid, err := agentPID(state, s.Programs.Agent)
	if err != nil {
		return tunnelbench.Result{}, err
	}
	v, err := residentMiB(pid)
	return tunnelbench.Result{Name: "agent: resident right after all rounds", Value: v, Unit: "MiB", Detail: "lists of 10 MB and 32 workers among them"}, err
}

// strippedAgent builds the agent as the Makefile does and gives its size.
func strippedAgent(ctx context.Context, dir string) (float64, error) {
	stripped := filepath.Join(dir, "stripped")
	if err := sandbox.BuildPrograms(ctx, stripped, "./agent/cmd/kubechat-agent"); err != nil {
		return 0, err
	}
	info, err := os.Stat(filepath.Join(stripped, "kubechat-agent"))
	if err != nil {
		return 0, fmt.Errorf("find the agent just built: %w", err)
	}
	return float64(info.Size()) / (1 << 20), nil
}

// agentPID finds the agent among the processes that the stack remembers in its state folder.
func agentPID(state, program string) (int, error) {
	b, err := os.ReadFile(filepath.Join(state, "pids"))
	if err != nil {
		return 0, fmt.Errorf("read which processes run: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		number, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		if path == program {
			return strconv.Atoi(number)
		}
	}
	return 0, fmt.Errorf("no process of %s runs", program)
}

func residentMiB(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read the agent's memory: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("the kernel does not tell the agent's memory")
}

// residentWithStreams opens watches on the object that changes, changes it, and gives the most memory seen meanwhile.
func residentWithStreams(ctx context.Context, pid int, through target) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	version, err := through.ticking(ctx)
	if err != nil {
		return 0, err
	}
	var events atomic.Int64 // of all watches
	for range agentStreams {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, through.base+watchPath+version, nil)
		if err != nil {
			return 0, fmt.Errorf("make a watch: %w", err)
		}
		through.dress(req)
		resp, err := through.client.Do(req)
		if err != nil {
			return 0, fmt.Errorf("watch: %w", err)
		}
		if resp.StatusCode != http.StatusOK {
			resp.Body.Close()
			return 0, fmt.Errorf("watch: %s", resp.Status)
		}
		reading.Go(func() {
			defer resp.Body.Close()
			countLines(resp.Body, &events)
		})
	}
	most := 0.0
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for changed := 0; ; {
		if changed < agentEvents {
			patch := fmt.Appendf(nil, `{"data":{"tick":"size-%d"}}`, changed)
			if _, _, err := through.direct.do(ctx, http.MethodPatch, tickingPath, bytes.NewReader(patch)); err != nil {
				return 0, err
			}
			changed++
		}
		now, err := residentMiB(pid)
		if err != nil {
			return 0, err
		}
		most = max(most, now)
		if events.Load() >= agentStreams*agentEvents {
			return most, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("%d of %d events came through", events.Load(), agentStreams*agentEvents)
		}
	}
}

// countLines counts a watch's events until it ends.
func countLines(r io.Reader, events *atomic.Int64) {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		events.Add(int64(bytes.Count(buf[:n], []byte{'\n'})))
		if err != nil {
			return
		}
	}
}
