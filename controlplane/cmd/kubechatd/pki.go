package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kubechat/kubechat/controlplane"
	"github.com/kubechat/kubechat/controlplane/telemetry"
	"github.com/kubechat/kubechat/internal/version"
)

const pkiUsage = `Usage: kubechatd pki COMMAND [flags]      (docs/pki.md has the ceremony and the drills)
  status                              authorities, phase, who has followed
  rotate issuing                      another issuing certificate signs from now on
  rotate PHASE [--force --reason R]   replace the root: init, update_clients, update_servers, standby; or rollback
  revoke FINGERPRINT --reason R       an authority's key may be in other hands: believe nothing it signed
  ceremony root|request|sign|import   make a root, or an issuing certificate, with the root's key offline
  replica-token --reason R [--life D] print a token by which replicas without keys get their certificates
  revoke-replica-token ID --reason R  nobody gets or renews a certificate with it any more
`

// pkiCommand is one run of `kubechatd pki`.
type pkiCommand struct {
	*env
	settings             controlplane.Config
	force                bool
	reason, output       string
	actor                string
	root, request, certs string
	life                 time.Duration
}

// runPKI takes the words first and the flags after them.
func runPKI(ctx context.Context, e *env, args []string) error {
	var words []string
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		words, args = append(words, args[0]), args[1:]
	}
	c := &pkiCommand{env: e}
	f := e.flags("pki " + strings.Join(words, " "))
	c.define(f)
	f.Usage = func() { fmt.Fprint(e.err, pkiUsage); f.PrintDefaults() }
	if err := e.parse(f, args); err != nil {
		return err
	}
	c.settings.Telemetry = telemetry.New(telemetry.Config{Output: e.err, Version: version.Version})
	offline := len(words) == 2 && words[0] == "ceremony" && words[1] != "import"
	if offline {
		c.settings.DSN = ""
	}
	switch {
	case len(words) == 0:
		f.Usage()
		return errors.New("pki needs a command")
	case c.settings.KeyDir == "" || !offline && c.settings.DSN == "":
		return errors.New("pki needs --key-dir, and but for the offline part of a ceremony --database-url, with --region, --trust-domain and --tunnel-host as the replicas have them")
	}
	p, err := controlplane.OpenPKI(ctx, c.settings, c.actor)
	if err != nil {
		return err
	}
	defer p.Close()
	return c.run(ctx, p, words)
}

func (c *pkiCommand) define(f *flag.FlagSet) {
	f.StringVar(&c.settings.DSN, "database-url", "", "the database, as role kc_app: postgres://…")
	f.StringVar(&c.settings.KeyDir, "key-dir", "", "the authority's keys: a `directory`, or the URI of a KMS or token")
	f.StringVar(&c.settings.Region, "region", "local", "this region's name")
	f.StringVar(&c.settings.TrustDomain, "trust-domain", "", "of certificates; REGION.kubechat.internal if empty")
	f.StringVar(&c.settings.TunnelAddr, "tunnel-addr", "127.0.0.1:8443", "where agents are served, if there is no tunnel host")
	f.StringVar(&c.settings.TunnelHost, "tunnel-host", "", "`host:port` that agents dial: the only name a gateway's certificate may have")
	f.StringVar(&c.output, "output", "text", "text or json")
	f.BoolVar(&c.force, "force", false, "go on although agents have not followed: they need a new join token")
	f.StringVar(&c.reason, "reason", "", "why, for the record")
	f.StringVar(&c.actor, "actor", operator(), "who does this, for the record")
	f.DurationVar(&c.life, "life", 365*24*time.Hour, "of a replica token")
	f.StringVar(&c.root, "root", "", "`file` of the root's certificate")
	f.StringVar(&c.request, "request", "", "`file` of the issuing certificate's request")
	f.StringVar(&c.certs, "issuing", "", "`file` of the issuing certificate")
}

// operator is the person at the keyboard as the system knows them.
func operator() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "operator"
}

func (c *pkiCommand) run(ctx context.Context, p *controlplane.PKI, words []string) error {
	line := strings.Join(words, " ")
	switch {
	case line == "status":
		return c.status(ctx, p)
	case line == "rotate issuing":
		return c.after(ctx, p, p.RotateIssuing(ctx))
	case len(words) == 2 && words[0] == "rotate":
		return c.after(ctx, p, p.RotateRoot(ctx, words[1], c.force, c.reason))
	case len(words) == 2 && words[0] == "revoke":
		return c.after(ctx, p, p.RevokeAuthority(ctx, words[1], c.reason))
	case line == "replica-token":
		token, err := p.ReplicaToken(ctx, c.reason, c.life)
		if err == nil {
			_, err = fmt.Fprintln(c.out, token)
		}
		return err
	case len(words) == 2 && words[0] == "revoke-replica-token":
		return c.after(ctx, p, p.RevokeReplicaToken(ctx, words[1], c.reason))
	case len(words) == 2 && words[0] == "ceremony":
		return c.ceremony(ctx, p, words[1])
	}
	return fmt.Errorf("pki has no command %q\n%s", line, pkiUsage)
}

// after shows what a change has led to.
func (c *pkiCommand) after(ctx context.Context, p *controlplane.PKI, err error) error {
	if err != nil {
		return err
	}
	return c.status(ctx, p)
}

func (c *pkiCommand) ceremony(ctx context.Context, p *controlplane.PKI, step string) error {
	var out []byte
	var err error
	switch step {
	case "root":
		out, err = p.CeremonyRoot(ctx)
	case "request":
		out, err = p.CeremonyRequest(ctx)
	case "sign":
		var root, request []byte
		if root, request, err = read(c.root, "--root", c.request, "--request"); err == nil {
			out, err = p.CeremonySign(ctx, root, request)
		}
	case "import":
		var root, issuing []byte
		if root, issuing, err = read(c.root, "--root", c.certs, "--issuing"); err == nil {
			err = c.after(ctx, p, p.CeremonyImport(ctx, root, issuing))
		}
	default:
		err = fmt.Errorf("a ceremony has the steps root, request, sign and import, not %q", step)
	}
	if err != nil {
		return err
	}
	_, err = c.out.Write(out)
	return err
}

func read(one, oneFlag, two, twoFlag string) (a, b []byte, err error) {
	if one == "" || two == "" {
		return nil, nil, fmt.Errorf("give %s and %s", oneFlag, twoFlag)
	}
	if a, err = os.ReadFile(one); err != nil {
		return nil, nil, err
	}
	b, err = os.ReadFile(two)
	return a, b, err
}

func (c *pkiCommand) status(ctx context.Context, p *controlplane.PKI) error {
	s, err := p.Status(ctx)
	if err != nil {
		return err
	}
	if c.output == "json" {
		enc := json.NewEncoder(c.out)
		enc.SetIndent("", "  ")
		return enc.Encode(s)
	}
	return printStatus(c.out, s)
}

func printStatus(w io.Writer, s controlplane.PKIStatus) error {
	fmt.Fprintf(w, "trust domain  %s\n", s.TrustDomain)
	if s.Bundle == 0 {
		_, err := fmt.Fprintln(w, "no authority yet: the first start of a replica makes one, or a ceremony does")
		return err
	}
	fmt.Fprintf(w, "phase         %s since %s\nbundle        %d\n\n", s.Phase, day(s.Since), s.Bundle)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "AUTHORITY\tSLOT\tSINCE\tENDS\tSIGNS\tKEY\tFINGERPRINT")
	for _, a := range s.Authorities {
		key := "elsewhere"
		if a.KeyHere {
			key = "here"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", a.Kind, a.Slot, day(a.Since), day(a.NotAfter), orDash(a.Signs), key, a.Fingerprint)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, root := range s.Due {
		fmt.Fprintf(w, "DUE: an issuing certificate under root %.12s should be made, and the root's key is not here: hold a ceremony\n", root)
	}
	for _, n := range s.Next {
		fmt.Fprintf(w, "next: %s, %s\n", n.Phase, waits(n))
	}
	for _, e := range s.Events {
		fmt.Fprintf(w, "%s  %s  %s  %s\n", e.At.UTC().Format(time.RFC3339), e.Actor, e.Action, e.Detail)
	}
	return nil
}

func waits(n controlplane.PhaseStatus) string {
	switch {
	case n.Behind > 0:
		return fmt.Sprintf("waits for %d clusters to follow", n.Behind)
	case !n.Until.IsZero():
		return "waits until " + day(n.Until) + ": identities from before may still come back"
	}
	return "ready"
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
