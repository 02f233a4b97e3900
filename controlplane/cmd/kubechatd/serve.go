package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"

	"github.com/kubechat/kubechat/controlplane"
	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/telemetry"
	"github.com/kubechat/kubechat/internal/version"
	"github.com/kubechat/kubechat/web"
)

// settings are the flags of a replica.
type settings struct {
	controlplane.Config
	roles     string
	kubectlCA string
	logLevel  slog.Level
	logJSON   bool
}

func (s *settings) define(f *flag.FlagSet) {
	f.StringVar(&s.roles, "roles", "", "what this replica does, of web,gateway,ca,jobs; all of them if empty")
	f.StringVar(&s.DSN, "database-url", "", "the database, as role kc_app: postgres://…")
	f.StringVar(&s.KeyDir, "key-dir", "", "the `directory` of the authority's keys")
	f.StringVar(&s.Region, "region", "local", "this region's name")
	f.StringVar(&s.TrustDomain, "trust-domain", "", "of certificates; REGION.kubechat.internal if empty")
	f.StringVar(&s.WebAddr, "web-addr", "127.0.0.1:8080", "where customers are served: pages, API, kubectl")
	f.StringVar(&s.TunnelAddr, "tunnel-addr", "127.0.0.1:8443", "where agents are served")
	f.StringVar(&s.OpsAddr, "ops-addr", "127.0.0.1:9090", "where probes and metrics are served; off: nowhere")
	f.StringVar(&s.PublicURL, "public-url", "", "how browsers reach the web address")
	f.StringVar(&s.TunnelHost, "tunnel-host", "", "`host:port` that agents dial; it is written into join tokens")
	f.StringVar(&s.KubectlURL, "kubectl-url", "", "how kubectl reaches the web address; the public URL if empty")
	f.StringVar(&s.kubectlCA, "kubectl-ca", "", "`file` of the certificates kubectl must believe there; none if they are public")
	f.StringVar(&s.Chart, "chart", "", "the agent's Helm chart in the install line")
	f.StringVar(&s.SpoolDir, "spool-dir", "", "`directory` where records of reads wait while the database is away")
	f.IntVar(&s.MaxConns, "database-conns", 20, "most connections to the database")
	f.DurationVar(&s.DrainFor, "drain-for", 0, "how long to say \"not ready\" before closing")
	f.DurationVar(&s.StopGrace, "stop-grace", 0, "for what is under way when the service stops; 20s if 0")
	f.TextVar(&s.logLevel, "log-level", slog.LevelInfo, "debug, info, warn or error")
	f.BoolVar(&s.logJSON, "log-json", false, "write the log as JSON")
}

// config makes a replica's configuration of the flags.
func (s *settings) config(e *env) (controlplane.Config, error) {
	roles, err := controlplane.ParseRoles(s.roles)
	if err != nil {
		return controlplane.Config{}, err
	}
	c := s.Config
	c.Roles, c.Version = roles, version.Version
	c.Telemetry = telemetry.New(telemetry.Config{Output: e.err, Level: s.logLevel, JSON: s.logJSON, Version: version.Version})
	if s.kubectlCA != "" {
		if c.KubectlCA, err = os.ReadFile(s.kubectlCA); err != nil {
			return c, fmt.Errorf("read kubectl's certificates: %w", err)
		}
	}
	if c.Web, err = web.Handler(web.Dist); err != nil {
		return c, fmt.Errorf("prepare the pages: %w", err)
	}
	return c, nil
}

func runServe(ctx context.Context, e *env, args []string) error {
	var s settings
	f := e.flags("serve")
	s.define(f)
	if err := e.parse(f, args); err != nil {
		return err
	}
	c, err := s.config(e)
	if err != nil {
		return err
	}
	return controlplane.Run(ctx, c)
}

func runMigrate(ctx context.Context, e *env, args []string) error {
	f := e.flags("migrate")
	owner := f.String("owner-database-url", "", "the database, as a member of role kc_owner: postgres://…")
	if err := e.parse(f, args); err != nil {
		return err
	}
	if *owner == "" {
		return fmt.Errorf("the owner's database address is missing: --owner-database-url or KUBECHAT_OWNER_DATABASE_URL")
	}
	return store.Migrate(ctx, *owner)
}
