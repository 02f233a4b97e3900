package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"log/slog"
	"os"

	"github.com/kubechat/kubechat/controlplane"
	modelsettings "github.com/kubechat/kubechat/controlplane/assist/settings"
	"github.com/kubechat/kubechat/controlplane/model/egress"
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
	operators string
	secretKey string
	modelNets string
	logLevel  slog.Level
	logJSON   bool
}

func (s *settings) define(f *flag.FlagSet) {
	f.StringVar(&s.roles, "roles", "", "what this replica does, of web,gateway,ca,jobs; all of them if empty")
	f.StringVar(&s.DSN, "database-url", "", "the database, as role kc_app: postgres://…")
	f.StringVar(&s.KeyDir, "key-dir", "", "the authority's keys: a `directory`, or the URI of a KMS or token (docs/pki.md)")
	f.StringVar(&s.CAURL, "ca-url", "", "`https://host:port` of the authority that runs apart, for a replica without the role ca")
	f.StringVar(&s.CAAddr, "ca-addr", "", "where the role ca serves replicas without keys; 127.0.0.1:8444 if it is apart, else nowhere")
	f.StringVar(&s.ReplicaTokenFile, "replica-token-file", "", "`file` with the token of kubechatd pki replica-token, for a replica without the role ca")
	f.StringVar(&s.Region, "region", "local", "this region's name")
	f.StringVar(&s.TrustDomain, "trust-domain", "", "of certificates; REGION.kubechat.internal if empty")
	f.StringVar(&s.WebAddr, "web-addr", "127.0.0.1:8080", "where customers are served: pages, API, kubectl")
	f.StringVar(&s.TunnelAddr, "tunnel-addr", "127.0.0.1:8443", "where agents are served")
	f.BoolVar(&s.TunnelQUIC, "tunnel-quic", false, "serve agents over QUIC too, on the same number of UDP")
	f.StringVar(&s.PeerAddr, "peer-addr", "", "where other replicas are served; a free port on 127.0.0.1 if empty")
	f.StringVar(&s.PeerAdvertise, "peer-advertise", "", "`host:port` where the other replicas reach this one; the peer address if empty")
	f.StringVar(&s.OpsAddr, "ops-addr", "127.0.0.1:9090", "where probes and metrics are served; off: nowhere")
	f.StringVar(&s.operators, "operator-token-file", "", "`file` with the token, of 32 characters or more, that opens the region's fleet on the ops address")
	f.StringVar(&s.PublicURL, "public-url", "", "how browsers reach the web address")
	f.StringVar(&s.TunnelHost, "tunnel-host", "", "`host:port` that agents dial; it is written into join tokens")
	f.StringVar(&s.TunnelAdvertise, "tunnel-advertise", "", "`host:port` where agents reach this replica and no other, under the tunnel host's domain; none if empty")
	f.StringVar(&s.KubectlURL, "kubectl-url", "", "how kubectl reaches the web address; the public URL if empty")
	f.StringVar(&s.kubectlCA, "kubectl-ca", "", "`file` of the certificates kubectl must believe there; none if they are public")
	f.StringVar(&s.Chart, "chart", "", "the agent's Helm chart in the install line")
	f.StringVar(&s.secretKey, "secret-key-file", "", "`file` with the keys that seal tenants' own: 32 bytes in base64 a line, the first one seals; without it tenants can store no key for a model, and connect no Slack")
	f.StringVar(&s.modelNets, "model-networks", "", "private `networks` in which tenants' models may be, such as 10.20.0.0/16; public addresses only if empty")
	f.StringVar(&s.SpoolDir, "spool-dir", "", "`directory` where records of reads wait while the database is away")
	f.IntVar(&s.MaxConns, "database-conns", 20, "most connections to the database")
	f.DurationVar(&s.DrainFor, "drain-for", 0, "how long to say \"not ready\" before closing")
	f.DurationVar(&s.StopGrace, "stop-grace", 0, "for what is under way when the service stops; 30s if 0")
	f.DurationVar(&s.StreamGrace, "stream-grace", 0, "for shells, port-forwards and followed logs when the service stops; 1h if 0")
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
	slog.SetDefault(c.Telemetry.Log) // for packages that know no logger, as nlp, and so that nothing goes past the redaction
	if s.kubectlCA != "" {
		if c.KubectlCA, err = os.ReadFile(s.kubectlCA); err != nil {
			return c, fmt.Errorf("read kubectl's certificates: %w", err)
		}
	}
	if c.OperatorTokenHash, err = operatorToken(s.operators); err != nil {
		return c, err
	}
	if c.Vault, err = vault(s.secretKey); err != nil {
		return c, err
	}
	if c.ModelEgress, err = egress.ParsePolicy(s.modelNets); err != nil {
		return c, fmt.Errorf("read the networks of models: %w", err)
	}
	if c.Web, err = web.Handler(web.Dist); err != nil {
		return c, fmt.Errorf("prepare the pages: %w", err)
	}
	return c, nil
}

// operatorToken is the hash of what the file holds; the token itself goes no further.
func operatorToken(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the operators' token: %w", err)
	}
	token := bytes.TrimSpace(b)
	if len(token) < 32 {
		return nil, fmt.Errorf("the operators' token in %s is shorter than 32 characters: make one with openssl rand -hex 32", path)
	}
	hash := sha256.Sum256(token)
	return hash[:], nil
}

// vault reads the keys that seal tenants' own; "" is none.
func vault(path string) (*modelsettings.Vault, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the service's keys: %w", err)
	}
	return modelsettings.ParseVault(b)
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
