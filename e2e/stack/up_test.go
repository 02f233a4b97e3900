package stack

import (
	"fmt"
	"net"
	"regexp"
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

// TestAllTakenPortsAreNamedAtOnce: who has a second demo beside the first need not meet them one after the other.
func TestAllTakenPortsAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	var ports [2]int
	for i := range ports {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		ports[i] = taken.Addr().(*net.TCPAddr).Port
	}
	err := (&Config{WebPort: ports[0], OpsPort: ports[1], Existing: "current"}).ports()
	want := regexp.MustCompile(fmt.Sprintf(`^ports %d, %d are taken; stop what uses them, or choose others with make demo DEMOFLAGS='--port \d+ --ops-port \d+': `, ports[0], ports[1]))
	if err == nil || !want.MatchString(err.Error()) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}
