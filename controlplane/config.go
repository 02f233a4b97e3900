// Package controlplane puts the service together: it is the one place where domains meet their adapters, and Run is one
// replica from start to graceful stop. Nothing is decided here but who is given what. Start at Run.
package controlplane

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/kubechat/kubechat/controlplane/assist/settings"
	"github.com/kubechat/kubechat/controlplane/model/egress"
	"github.com/kubechat/kubechat/controlplane/telemetry"
	"github.com/kubechat/kubechat/pki"
)

// Role is a part of the service that a replica can play.
type Role string

// The roles. In production RoleCA runs apart, where nothing else can reach its key.
const (
	RoleWeb     Role = "web"     // pages, API, the kubectl path, runs
	RoleGateway Role = "gateway" // tunnels
	RoleCA      Role = "ca"      // certificates
	RoleJobs    Role = "jobs"    // what is done now and then
)

// Roles lists every role.
var Roles = []Role{RoleWeb, RoleGateway, RoleCA, RoleJobs}

// Config is one replica. Its zero value, with DSN and KeyDir, is a whole service on the loopback addresses.
type Config struct {
	Roles  []Role // nil: all of them
	DSN    string // of the database, as kc_app
	KeyDir string // where the authority keeps its keys; only a replica with RoleCA has one
	// CAURL is where the authority is reached that runs apart, https://host:port: of a replica without RoleCA.
	CAURL string
	// ReplicaTokenFile holds what such a replica gets its first certificates with: see `kubechatd pki replica-token`.
	ReplicaTokenFile string
	Region           string // part of every certificate's name; empty: local
	// TrustDomain of the region; empty: Region.kubechat.internal
	TrustDomain string

	WebAddr    string // customers: pages, API, kubectl; empty: 127.0.0.1:8080
	TunnelAddr string // agents; empty: 127.0.0.1:8443
	TunnelQUIC bool   // serve agents over QUIC too, on the same number of UDP
	PeerAddr   string // other replicas; empty: a free port on 127.0.0.1, which is right for one machine
	// PeerAdvertise is host:port where the other replicas reach PeerAddr; empty: PeerAddr.
	PeerAdvertise string
	OpsAddr       string // probes and metrics; empty: 127.0.0.1:9090; "off": none
	// CAAddr is where a replica with RoleCA serves those without; empty: 127.0.0.1:8444 if it is apart, else nowhere.
	CAAddr string

	// OperatorTokenHash is the SHA-256 of the token that opens the region's fleet on OpsAddr; nil: nobody may see it.
	OperatorTokenHash []byte

	PublicURL  string // how browsers reach WebAddr; empty: http://127.0.0.1:PORT
	TunnelHost string // host:port agents dial, written into join tokens; empty: TunnelAddr
	// TunnelAdvertise is host:port where agents reach this replica and no other, under the domain of TunnelHost: they make
	// their second session so, instead of dialling TunnelHost until it leads elsewhere. Empty: there is none.
	TunnelAdvertise string
	// KubectlURL is how kubectl reaches WebAddr; empty: PublicURL. kubectl sends no credential over plain http.
	KubectlURL string
	KubectlCA  []byte // PEM: whom kubectl believes there; nil: the system's roots
	Chart      string // of the agent, for the install line; empty: the published one

	// Vault seals the keys of tenants' models; nil: none can be kept.
	Vault *settings.Vault
	// ModelEgress says which networks models may be in besides the public one.
	ModelEgress egress.Policy

	Web  http.Handler // the pages; nil: none
	Demo Demo         // only in a build with tag demo

	MaxConns  int           // to the database; 0: 20
	SpoolDir  string        // where read records wait out an absence of the database; empty: in memory
	DrainFor  time.Duration // between saying "not ready" and closing; 0: none
	StopGrace time.Duration // for what is under way when the service stops; 0: 30 s
	// StreamGrace is how long exec, port-forward and followed logs may go on after the service was told to stop; 0: 1 h.
	StreamGrace time.Duration
	Telemetry   *telemetry.Telemetry
	Version     string
	// Ready is told the addresses once every listener is open; for tests and for the demo. May be nil.
	Ready func(Addresses)
}

// Addresses are what a replica listens on.
type Addresses struct {
	Web, Tunnel, Peer, Ops string
	CA                     string
	PublicURL              string
}

// Demo is what a demonstration adds; its zero value adds nothing.
type Demo struct {
	On        bool
	AgentLine func(token string) string // what to run to add a cluster
	Routes    map[string]http.Handler   // beside the others, on the customers' listener
	// Listener wraps the customers' listener; nil: as it is.
	Listener func(net.Listener) (net.Listener, error)
	// Started is called once, with the parts a demonstration is set up with, before Ready.
	Started func(Parts) error
}

func (c Config) withDefaults() Config {
	def(&c.Region, "local")
	def(&c.TrustDomain, c.Region+".kubechat.internal")
	def(&c.WebAddr, "127.0.0.1:8080")
	def(&c.TunnelAddr, "127.0.0.1:8443")
	def(&c.PeerAddr, "127.0.0.1:0")
	def(&c.OpsAddr, "127.0.0.1:9090")
	def(&c.Chart, "oci://ghcr.io/kubechat/charts/kubechat-agent")
	def(&c.Version, "dev")
	if len(c.Roles) == 0 {
		c.Roles = Roles
	}
	if c.plays(RoleCA) && !c.plays(RoleGateway) {
		def(&c.CAAddr, "127.0.0.1:8444")
	}
	if c.MaxConns <= 0 {
		c.MaxConns = 20
	}
	if c.StopGrace <= 0 {
		c.StopGrace = 30 * time.Second
	}
	if c.StreamGrace <= 0 {
		c.StreamGrace = time.Hour
	}
	if c.Telemetry == nil {
		c.Telemetry = telemetry.New(telemetry.Config{Version: c.Version})
	}
	return c
}

func def(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// ParseRoles reads "web,gateway"; empty is every role.
func ParseRoles(s string) ([]Role, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	var out []Role
	for name := range strings.SplitSeq(s, ",") {
		r := Role(strings.TrimSpace(name))
		if !slices.Contains(Roles, r) {
			return nil, fmt.Errorf("role %q: it is one of %v", name, Roles)
		}
		out = append(out, r)
	}
	return out, nil
}

func (c Config) plays(r Role) bool { return slices.Contains(c.Roles, r) }

// Validate reports every problem at once.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.DSN == "" {
		fail("the database's address is missing (KUBECHAT_DATABASE_URL)")
	}
	if !pki.ValidTrustDomain(c.TrustDomain) {
		fail("trust domain %q is not a lower-case DNS name", c.TrustDomain)
	}
	for _, r := range c.Roles {
		if !slices.Contains(Roles, r) {
			fail("role %q: it is one of %v", r, Roles)
		}
	}
	if c.plays(RoleWeb) && !c.plays(RoleGateway) {
		fail("roles %v: web needs gateway in the same process", c.Roles)
	}
	errs = append(errs, c.checkCA()...)
	for name, addr := range map[string]string{"web": c.WebAddr, "tunnel": c.TunnelAddr, "peer": c.PeerAddr, "ops": c.OpsAddr, "ca": c.CAAddr} {
		if _, _, err := net.SplitHostPort(addr); err != nil && !(name == "ops" && addr == "off") && !(name == "ca" && addr == "") {
			fail("%s address %q is not host:port", name, addr)
		}
	}
	errs = append(errs, checkURL("public", c.PublicURL), checkURL("kubectl", c.KubectlURL))
	if c.TunnelHost != "" {
		if _, _, err := net.SplitHostPort(c.TunnelHost); err != nil {
			fail("tunnel host %q is not host:port", c.TunnelHost)
		}
	}
	if c.TunnelAdvertise != "" {
		if _, _, err := net.SplitHostPort(c.TunnelAdvertise); err != nil {
			fail("tunnel address to advertise %q is not host:port", c.TunnelAdvertise)
		}
	}
	if c.PeerAdvertise != "" {
		if _, _, err := net.SplitHostPort(c.PeerAdvertise); err != nil {
			fail("peer address to advertise %q is not host:port", c.PeerAdvertise)
		}
	}
	if c.PublicURL == "" && !loopback(c.WebAddr) {
		fail("listening on %s needs the public URL that browsers use", c.WebAddr)
	}
	return errors.Join(errs...)
}

// checkURL refuses plain http for anything but this machine: logins and tokens would travel in clear.
func checkURL(name, s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return fmt.Errorf("%s URL %q is not http(s)://host", name, s)
	case u.Path != "" && u.Path != "/" || u.RawQuery != "":
		return fmt.Errorf("%s URL %q must end after the host", name, s)
	case u.Scheme == "http" && !loopback(u.Host):
		return fmt.Errorf("%s URL %q must be https: logins would travel in clear", name, s)
	}
	return nil
}

func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
