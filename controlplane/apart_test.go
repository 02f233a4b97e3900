package controlplane_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/telemetry"
)

func TestAuthorityApartServesReplicasWithoutKeys(t *testing.T) {
	t.Parallel()
	db, keys := storetest.NewClosed(t), t.TempDir()
	run := func(c controlplane.Config) (controlplane.Addresses, func() error) {
		t.Helper()
		c.DSN, c.WebAddr, c.TunnelAddr, c.OpsAddr, c.MaxConns = db.DSN, "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", 8
		c.StopGrace, c.Telemetry = 5*time.Second, telemetry.New(telemetry.Config{Output: t.Output(), Level: slog.LevelInfo})
		return replica(t, c)
	}
	// A tunnel's address that is known before there is a gateway: the authority decides the names of gateways.
	const host = "127.0.0.1:1"
	ca, stopCA := run(controlplane.Config{Roles: []controlplane.Role{controlplane.RoleCA}, KeyDir: keys, CAAddr: "127.0.0.1:0", TunnelHost: host})
	if ca.CA == "" || ca.Web != "" || ca.Tunnel != "" || ca.Peer != "" {
		t.Errorf("the authority listens on %+v", ca)
	}
	op, err := controlplane.OpenPKI(t.Context(), controlplane.Config{DSN: db.DSN, KeyDir: keys, TunnelHost: host}, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer op.Close()
	token, err := op.ReplicaToken(t.Context(), "the front", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	front, stopFront := run(controlplane.Config{
		Roles: []controlplane.Role{controlplane.RoleWeb, controlplane.RoleGateway, controlplane.RoleJobs},
		CAURL: "https://" + ca.CA, ReplicaTokenFile: file, TunnelHost: host,
	})
	if front.Web == "" || front.Tunnel == "" || front.CA != "" {
		t.Errorf("the front listens on %+v", front)
	}
	jobs, stopJobs := run(controlplane.Config{Roles: []controlplane.Role{controlplane.RoleJobs}})
	if jobs.Tunnel != "" || jobs.CA != "" || jobs.Ops == "" {
		t.Errorf("the jobs listen on %+v", jobs)
	}
	for name, stop := range map[string]func() error{"jobs": stopJobs, "front": stopFront, "authority": stopCA} {
		if err := stop(); err != nil {
			t.Errorf("%s ended with %v", name, err)
		}
	}
}

// replica runs one until stop, or the test's end.
func replica(t *testing.T, c controlplane.Config) (at controlplane.Addresses, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, ended := make(chan controlplane.Addresses, 1), make(chan error, 1) // one value each
	c.Ready = func(a controlplane.Addresses) { ready <- a }
	go func() { ended <- controlplane.Run(ctx, c) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() { _ = stop() })
	select {
	case at = <-ready:
	case err := <-ended:
		stopped = true
		t.Fatalf("%v did not start: %v", c.Roles, err)
	}
	return at, stop
}

func TestRolesApartNeedToKnowEachOther(t *testing.T) {
	t.Parallel()
	front := []controlplane.Role{controlplane.RoleGateway}
	for want, c := range map[string]controlplane.Config{
		"KUBECHAT_CA_URL":               {Roles: front},
		"KUBECHAT_REPLICA_TOKEN_FILE":   {Roles: front, CAURL: "https://ca.internal:8444"},
		"is not https":                  {Roles: front, CAURL: "http://ca.internal:8444", ReplicaTokenFile: "x"},
		"must not reach":                {Roles: front, CAURL: "https://ca.internal:8444", ReplicaTokenFile: "x", KeyDir: "/keys"},
		"it has no other one":           {KeyDir: "/keys", CAURL: "https://ca.internal:8444"},
		"KUBECHAT_TUNNEL_HOST":          {Roles: []controlplane.Role{controlplane.RoleCA}, KeyDir: "/keys"},
		"both sides must know it":       {Roles: front, CAURL: "https://ca.internal:8444", ReplicaTokenFile: "x"},
		"KUBECHAT_KEY_DIR":              {Roles: []controlplane.Role{controlplane.RoleCA}},
		"ca address":                    {Roles: []controlplane.Role{controlplane.RoleCA}, KeyDir: "/keys", CAAddr: "nowhere"},
		"web needs gateway in the same": {Roles: []controlplane.Role{controlplane.RoleWeb}},
	} {
		c.DSN = "x"
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
	good := controlplane.Config{DSN: "x", Roles: front, CAURL: "https://ca.internal:8444", ReplicaTokenFile: "x", TunnelHost: "t.example:443"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}
