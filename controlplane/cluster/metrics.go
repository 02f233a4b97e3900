package cluster

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

// Meter counts the region's clusters by state. Every replica that plays the role of jobs tells the same numbers: take
// the maximum of them, not the sum.
type Meter struct {
	clusters *prometheus.GaugeVec
}

// NewMeter makes a Meter that reports to reg, or with nil to nobody.
func NewMeter(reg prometheus.Registerer) *Meter {
	m := &Meter{prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "kubechat_clusters", Help: "Clusters of the region, by their computed state.",
	}, []string{"state"})}
	if reg != nil {
		reg.MustRegister(m.clusters)
	}
	return m
}

// Count looks at every cluster.
func (m *Meter) Count(ctx context.Context, s *Service) error {
	page, err := s.Region(ctx, FleetQuery{Limit: 1})
	if err != nil {
		return err
	}
	for _, state := range States {
		m.clusters.WithLabelValues(string(state)).Set(float64(page.Counts[state]))
	}
	return nil
}
