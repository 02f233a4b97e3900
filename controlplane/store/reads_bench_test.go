package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
)

// BenchmarkReads is what one record of a read costs, in commits of 100: most of it is PostgreSQL's work.
func BenchmarkReads(b *testing.B) {
	d := storetest.New(b)
	by := storetest.Tenant(b, d.DB, "acme")
	log, reads := d.DB.Audit(), make([]audit.Read, 100)
	target := audit.Target{Cluster: cluster.ID(uuid.NewString()), Verb: "get", Resource: "configmaps", Namespace: "default", Name: "small"}
	b.ResetTimer()
	for range b.N {
		for i := range reads {
			reads[i] = audit.Read{ID: uuid.Must(uuid.NewV7()).String(), Scope: by, ReadRecord: audit.ReadRecord{
				At: time.Now(), Target: target, HTTPStatus: 200, Duration: 3 * time.Millisecond, K8sGroup: "viewer", RequestID: fmt.Sprint(i),
			}}
		}
		if err := log.Reads(b.Context(), by.Tenant, reads); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(reads)), "µs/read")
}
