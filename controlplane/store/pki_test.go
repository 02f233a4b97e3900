package store_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/authority"
	"github.com/kubechat/kubechat/pki/pkitest"
)

var _ authority.Store = store.PKI{}

func newPKICluster(t *testing.T, db *store.DB, scope tenant.Scope, name string) string {
	t.Helper()
	c, err := db.Clusters().CreateCluster(t.Context(), scope, cluster.Cluster{ID: cluster.NewID(), Name: name, Region: "eu1"})
	if err != nil {
		t.Fatal(err)
	}
	return string(c.ID)
}

func TestPKIStorePassesTheSuite(t *testing.T) {
	t.Parallel()
	db := storetest.New(t).DB
	scope := storetest.Tenant(t, db, "acme")
	pkitest.RunStore(t, db.PKI(), string(scope.Tenant), newPKICluster(t, db, scope, "prod"))
}

func TestCertificateLineIsClosedForRevokedForeignAndUnknownClusters(t *testing.T) {
	t.Parallel()
	db := storetest.New(t).DB
	scope, other := storetest.Tenant(t, db, "acme"), storetest.Tenant(t, db, "other")
	prod, foreign := newPKICluster(t, db, scope, "prod"), newPKICluster(t, db, other, "prod")
	if _, err := db.Clusters().RevokeCluster(t.Context(), scope, cluster.ID(prod)); err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]string{"revoked": prod, "foreign": foreign, "unknown": uuid.NewString(), "no id": "x"} {
		l, err := db.PKI().State(t.Context(), string(scope.Tenant), id)
		if err != nil || l.Closed == "" {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
		var seen string
		err = db.PKI().Line(t.Context(), string(scope.Tenant), id, func(l *pki.Line) error { seen = l.Closed; return nil })
		if seen == "" && !errors.Is(err, pki.ErrRevoked) {
			t.Errorf("%s: line is open, %v", name, err)
		}
	}
}
