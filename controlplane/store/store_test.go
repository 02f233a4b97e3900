package store_test

import (
	"testing"

	"github.com/kubechat/kubechat/controlplane/store/storetest"
)

func TestTenantIsCreatedAndFound(t *testing.T) {
	t.Parallel()
	db := storetest.New(t).DB
	scope := storetest.Tenant(t, db, "acme")
	got, err := db.Accounts().FindTenant(t.Context(), "acme")
	if err != nil || got != scope.Tenant {
		t.Fatalf("FindTenant = %q, %v; want %q", got, err, scope.Tenant)
	}
}
