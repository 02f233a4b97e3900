//go:build demo

package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubechat/kubechat/controlplane"
	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/store/pgserver"
)

func init() {
	further = append(further, command{"demo", "run a demonstration on this machine, with its own database", runDemo})
}

// runDemo is everything of the service on loopback addresses, with a tenant and a member to be signed in as.
func runDemo(ctx context.Context, e *env, args []string) error {
	var s settings
	f := e.flags("demo")
	s.define(f)
	dir := f.String("dir", ".demo", "the `directory` of all its state")
	super := f.String("superuser-url", "", "a PostgreSQL to use, as superuser: postgres://…; its own if empty")
	cluster := f.String("cluster-name", "sandbox", "the first cluster's name")
	if err := e.parse(f, args); err != nil {
		return err
	}
	for _, addr := range []string{s.WebAddr, s.TunnelAddr, s.PeerAddr, s.OpsAddr} {
		if addr != "" && !onLoopback(addr) {
			return fmt.Errorf("a demonstration listens on this machine only, and not on %s", addr)
		}
	}
	if err := os.MkdirAll(*dir, 0o755); err != nil { // PostgreSQL, run as another user, must get through
		return fmt.Errorf("make %s: %w", *dir, err)
	}
	stop, err := s.database(ctx, *dir, *super)
	if err != nil {
		return err
	}
	if s.KeyDir == "" {
		s.KeyDir = filepath.Join(*dir, "keys")
	}
	if s.secretKey == "" {
		s.secretKey = filepath.Join(*dir, "secret.key")
		if err := ensureSecretKey(s.secretKey); err != nil {
			return errors.Join(err, stop())
		}
	}
	c, err := s.config(e)
	if err != nil {
		return errors.Join(err, stop())
	}
	d := &demonstration{dir: *dir, cluster: *cluster, out: e.out}
	if err := d.configure(ctx, &c); err != nil {
		return errors.Join(err, stop())
	}
	return errors.Join(controlplane.Run(ctx, c), stop())
}

// database brings up PostgreSQL if none was given, and its schema.
func (s *settings) database(ctx context.Context, dir, super string) (stop func() error, err error) {
	stop = func() error { return nil }
	if super == "" {
		server, err := pgserver.Run(ctx, pgserver.Config{Dir: filepath.Join(dir, "postgres")})
		if err != nil {
			return nil, fmt.Errorf("start PostgreSQL: %w", err)
		}
		super, stop = server.DSN, server.Stop
	}
	password, err := secretFile(filepath.Join(dir, "app.password"))
	if err == nil {
		var at store.Addresses
		at, err = store.Bootstrap(ctx, store.BootstrapConfig{SuperDSN: super, AppPassword: password})
		s.DSN = at.App
	}
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
}

// secretFile keeps one random value between starts.
func secretFile(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(b)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	secret := rand.Text()
	return secret, writeSecret(path, []byte(secret+"\n"))
}

func writeSecret(path string, b []byte) error {
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Chmod(path, 0o600) // an older file keeps its mode otherwise
}

func onLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return addr == "off" || err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// configure adds what a demonstration has and nothing else does.
func (d *demonstration) configure(ctx context.Context, c *controlplane.Config) error {
	web, err := ownTLS(d.dir)
	if err != nil {
		return err
	}
	c.KubectlCA = web.ca
	if c.StreamGrace == 0 {
		c.StreamGrace = 2 * time.Second // who ends a demonstration does not wait for its shells
	}
	c.Demo = controlplane.Demo{
		On:        true,
		AgentLine: func(token string) string { return "make demo-agent TOKEN=" + token },
		Routes:    map[string]http.Handler{signInPath: http.HandlerFunc(d.signIn)},
		Listener:  func(l net.Listener) (net.Listener, error) { return web.listener(l), nil },
		Started:   func(p controlplane.Parts) error { return d.setUp(ctx, p) },
	}
	c.Ready = func(at controlplane.Addresses) { d.announce(at) }
	return nil
}

// ensureSecretKey makes the key that seals tenants' own, once.
func ensureSecretKey(path string) error {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("draw a key: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make the demonstration's key: %w", err)
	}
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	return errors.Join(err, f.Close())
}
