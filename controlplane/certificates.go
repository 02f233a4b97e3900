package controlplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/kubechat/kubechat/controlplane/ca"
	"github.com/kubechat/kubechat/controlplane/caapi"
	"github.com/kubechat/kubechat/controlplane/gateway"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/authority"
)

// A replica issues certificates from keys of its own, or has none and asks the one that does.
var (
	_ gateway.Issuer   = (*ca.Desk)(nil)
	_ gateway.Issuer   = (*caapi.Client)(nil)
	_ ca.Authority     = (*authority.Authority)(nil)
	_ authority.Remote = (*caapi.Client)(nil)
	_ caapi.Authority  = (*authority.Authority)(nil)
)

const apartNames = "where agents dial is missing (KUBECHAT_TUNNEL_HOST): with the authority apart both sides must know it, for gateways' certificates"

// checkCA reports what is wrong with the settings that say where certificates come from.
func (c Config) checkCA() (errs []error) {
	fail := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	if c.plays(RoleCA) {
		fail(c.KeyDir == "", "the authority's key directory is missing (KUBECHAT_KEY_DIR)")
		fail(!c.plays(RoleGateway) && c.TunnelHost == "", apartNames)
		fail(c.CAURL != "", "a replica with the role ca is the authority: it has no other one (KUBECHAT_CA_URL)")
		return errs
	}
	fail(c.KeyDir != "", "a replica without the role ca must not reach the authority's keys (KUBECHAT_KEY_DIR)")
	if !c.plays(RoleGateway) {
		return errs
	}
	if c.CAURL == "" {
		fail(true, "roles %v: where the authority runs is missing (KUBECHAT_CA_URL), or the role ca", c.Roles)
	} else if err := caapi.CheckURL(c.CAURL); err != nil {
		errs = append(errs, err)
	}
	fail(c.TunnelHost == "", apartNames)
	fail(c.ReplicaTokenFile == "", "the file with this replica's token is missing (KUBECHAT_REPLICA_TOKEN_FILE); kubechatd pki replica-token makes one")
	return errs
}

// buildAuthority opens the keys, or finds the authority that has them.
func (s *service) buildAuthority(ctx context.Context, _ Addresses) error {
	names, ips := subjects(s.cfg.TunnelHost)
	cfg := authority.Config{
		TrustDomain: s.cfg.TrustDomain, Region: s.cfg.Region, Store: s.db.PKI(), DNSNames: names, IPs: ips,
		Log: s.log, OnLock: s.locked, Changed: s.db.TrustChanges(),
	}
	if !s.cfg.plays(RoleCA) {
		return s.awaitAuthority(ctx, cfg)
	}
	keys, err := pki.OpenKeys(ctx, s.cfg.KeyDir)
	if err != nil {
		return err
	}
	cfg.Keys = keys
	if s.authority, err = authority.New(ctx, cfg); err != nil {
		return err
	}
	s.issuer = ca.NewDesk(s.authority, s.clusters.Redeem, s.log)
	return nil
}

// How long a replica without keys waits at its start for the authority: replicas are mostly started together.
const (
	awaitCA = time.Minute
	askCA   = time.Second
)

// awaitAuthority follows the authority that runs apart, and gets this replica its own certificate from it.
func (s *service) awaitAuthority(ctx context.Context, cfg authority.Config) error {
	if _, err := os.ReadFile(s.cfg.ReplicaTokenFile); err != nil {
		return fmt.Errorf("read this replica's token: %w", err)
	}
	client := caapi.NewClient(caapi.ClientConfig{
		URL: s.cfg.CAURL, TokenFile: s.cfg.ReplicaTokenFile, TrustDomain: s.cfg.TrustDomain,
		Roots:       func() []*x509.Certificate { return s.authority.Roots() },
		Bundle:      func() pki.Bundle { return s.authority.Bundle() },
		Certificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return s.replicaCert(hello) },
	})
	cfg.Remote, s.issuer = client, client
	ctx, cancel := context.WithTimeout(ctx, awaitCA)
	defer cancel()
	tick := time.NewTicker(askCA)
	defer tick.Stop()
	for {
		err := s.askAuthority(ctx, cfg)
		if err == nil {
			return nil
		}
		s.log.WarnContext(ctx, "waiting for the certificate authority", "ca", s.cfg.CAURL, "error", err)
		select {
		case <-ctx.Done():
			return fmt.Errorf("no certificate from the authority at %s: %w", s.cfg.CAURL, err)
		case <-tick.C:
		}
	}
}

func (s *service) askAuthority(ctx context.Context, cfg authority.Config) (err error) {
	if s.authority == nil {
		if s.authority, err = authority.New(ctx, cfg); err != nil {
			s.authority = nil
			return err
		}
	}
	_, err = s.replicaCertificate()(nil)
	return err
}

// replicaCertificate is this replica's own, by which the others and the authority know it.
func (s *service) replicaCertificate() func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if s.replicaCert == nil {
		s.replicaCert = s.authority.ServiceCertificate(pki.ReplicaService, s.replicas.ID(), nil, nil)
	}
	return s.replicaCert
}

// serveCA answers replicas without keys.
func (s *service) serveCA(l net.Listener) func(context.Context) error {
	names, ips := subjects(s.cfg.TunnelHost)
	server := caapi.NewServer(caapi.ServerConfig{
		Authority: s.authority, Desk: ca.NewDesk(s.authority, s.clusters.Redeem, s.log),
		Certificate: s.authority.ServiceCertificate(pki.CAService, pki.CAInstance, nil, nil),
		DNSNames:    names, IPs: ips, Log: s.log,
	})
	return func(ctx context.Context) error { return server.Serve(ctx, l) }
}
