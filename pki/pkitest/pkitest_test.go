package pkitest_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/pki/pkitest"
)

func TestStoreInMemoryPassesTheSuite(t *testing.T) {
	t.Parallel()
	pkitest.RunStore(t, pkitest.NewStore(), uuid.NewString(), uuid.NewString())
}
