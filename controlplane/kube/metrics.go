package kube

import "github.com/prometheus/client_golang/prometheus"

// What is counted here. Labels are small sets, never tenants or clusters.
var (
	indexedClustersOpts = prometheus.GaugeOpts{
		Name: "kubechat_index_clusters", Help: "Clusters whose names are indexed on this replica."}
	indexBytesOpts = prometheus.GaugeOpts{
		Name: "kubechat_index_bytes", Help: "About how many bytes all indexes take."}
	indexesEndedOpts = prometheus.CounterOpts{
		Name: "kubechat_indexes_ended_total", Help: "Indexes that ended or did not begin, by why."}
	vocabularyKindsOpts = prometheus.CounterOpts{
		Name: "kubechat_vocabulary_kinds_total", Help: "Kinds in vocabularies, by whether their names came from the index or were listed as the asker."}
)

type meter struct {
	clusters prometheus.Gauge
	ended    *prometheus.CounterVec
	kinds    *prometheus.CounterVec
}

func newMeter(reg prometheus.Registerer, bytes func() float64) *meter {
	m := &meter{
		clusters: prometheus.NewGauge(indexedClustersOpts), ended: prometheus.NewCounterVec(indexesEndedOpts, []string{"why"}),
		kinds: prometheus.NewCounterVec(vocabularyKindsOpts, []string{"from"}),
	}
	if reg != nil {
		reg.MustRegister(m.clusters, m.ended, m.kinds, prometheus.NewGaugeFunc(prometheus.GaugeOpts(indexBytesOpts), bytes))
	}
	return m
}
