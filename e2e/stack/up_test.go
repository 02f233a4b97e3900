package stack

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

func TestOnlyPortsThatAreNeededMustBeFree(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	sandboxed := Config{KubePort: port}
	if err := sandboxed.ports(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("port %d is taken", port)) {
		t.Errorf("a sandbox on a taken port: %v", err)
	}
	joined := Config{KubePort: port, Existing: "current"}
	if err := joined.ports(); err != nil {
		t.Errorf("joining an existing cluster: %v", err)
	}
	if joined.WebPort == 0 || joined.TunnelPort == 0 {
		t.Errorf("free ports were not filled in: %+v", joined)
	}
}
