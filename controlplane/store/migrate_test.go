package store_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
)

func TestReplicasMayMigrateAtOnceAndAgain(t *testing.T) {
	t.Parallel()
	dsn := storetest.Empty(t)
	errs := make([]error, 3)
	var wait sync.WaitGroup
	for i := range errs {
		wait.Go(func() { errs[i] = store.Migrate(t.Context(), dsn) })
	}
	wait.Wait()
	for _, err := range append(errs, store.Migrate(t.Context(), dsn)) {
		if err != nil {
			t.Error(err)
		}
	}
}

func TestOpenRefusesAnEmptyOrOlderSchema(t *testing.T) {
	t.Parallel()
	d := storetest.NewClosed(t)
	d.Exec(t, `delete from goose_db_version where version_id = (select max(version_id) from goose_db_version)`)
	if _, err := store.Open(t.Context(), store.Config{DSN: d.DSN}); err == nil || !strings.Contains(err.Error(), "kubechatd migrate") {
		t.Errorf("older schema: %v", err)
	}
	d.Exec(t, `drop table goose_db_version`)
	if _, err := store.Open(t.Context(), store.Config{DSN: d.DSN}); err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("empty database: %v", err)
	}
}

func TestOpenAcceptsANewerSchema(t *testing.T) {
	t.Parallel()
	d := storetest.NewClosed(t)
	d.Exec(t, `insert into goose_db_version (version_id, is_applied) values (9999, true)`)
	db, err := store.Open(t.Context(), store.Config{DSN: d.DSN})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
}
