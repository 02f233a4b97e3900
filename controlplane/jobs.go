package controlplane

import (
	"context"
	"time"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
)

// job is something done now and then on every replica that plays RoleJobs. Each must be safe to do on several at once:
// the database decides who did it, so no leader is needed, and none can be lost.
type job struct {
	name  string
	every time.Duration
	do    func(context.Context) error
}

func (s *service) jobs() []job {
	meter := cluster.NewMeter(s.cfg.Telemetry.Registry)
	return []job{
		{"count clusters by state", 15 * time.Second, func(ctx context.Context) error { return meter.Count(ctx, s.clusters) }},
		{"settle intents of lost replicas", 5 * time.Second, s.sweepIntents},
		{"forget kept answers", time.Hour, func(ctx context.Context) error { return s.db.Answers().Sweep(ctx, time.Now()) }},
		{"forget old output", 10 * time.Minute, func(ctx context.Context) error { return chat.Prune(ctx, s.db.Chats(), time.Now()) }},
	}
}

// sweepIntents gives every intent whose replica is gone the result "unknown"; runs settle themselves from it.
func (s *service) sweepIntents(ctx context.Context) error {
	found, err := s.ledger.Sweep(ctx)
	for _, a := range found {
		s.log.WarnContext(ctx, "outcome of a change is unknown", "intent", a.Intent, "cluster", a.Target.Cluster, "run", a.RunID)
	}
	return err
}

func (s *service) runJobs(ctx context.Context) error {
	var parts []part
	for _, j := range s.jobs() {
		parts = append(parts, part{j.name, func(ctx context.Context) error { return s.repeat(ctx, j) }})
	}
	return runStages(ctx, []stage{{"jobs", parts}}, func() {})
}

func (s *service) repeat(ctx context.Context, j job) error {
	tick := time.NewTicker(j.every)
	defer tick.Stop()
	for {
		if err := j.do(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "job failed", "job", j.name, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
