package controlplane

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// blindFor is how long the database has to be away before a replica leaves the traffic to one that has it: by then that
// one would have said if it had lost it as well.
const blindFor = 5 * time.Second

// watchDatabase makes the database's absence known to balancers and operators.
func (s *service) watchDatabase() {
	s.cfg.Telemetry.Health.Require("database", s.ready)
	s.cfg.Telemetry.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "kubechat_database_away_seconds", Help: "For how long the database has not answered this replica; 0 while it does.",
	}, func() float64 {
		if since := s.db.Away(); !since.IsZero() {
			return time.Since(since).Seconds()
		}
		return 0
	}))
}

// ready says whether this replica wants traffic. Without its database one does as long as no other replica is better off:
// reads go on for a while, and what can't be done is told the cause, where a balancer without a backend refuses
// connections.
func (s *service) ready(context.Context) error {
	since := s.db.Away()
	if since.IsZero() || time.Since(since) < blindFor || s.gateway == nil || !s.gateway.Sighted() {
		return nil
	}
	return fmt.Errorf("it has been away for %s, and another replica has it", time.Since(since).Round(time.Second))
}

// blind says whether the database is away.
func (s *service) blind() bool { return !s.db.Away().IsZero() }
