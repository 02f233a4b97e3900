// Package freeaddr gives tests addresses for the processes that they start.
package freeaddr

import (
	"fmt"
	"testing"

	"github.com/kubechat/kubechat/internal/freeport"
)

// Loopback is one of the loopback interface that nobody listened on a moment ago, and that it gave to nobody else.
func Loopback(t testing.TB) string {
	t.Helper()
	port, err := freeport.Row(1)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}
