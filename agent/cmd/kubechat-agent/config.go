package main

import (
	"cmp"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/kubechat/kubechat/agent"
	"github.com/kubechat/kubechat/internal/version"
	"github.com/kubechat/kubechat/tunnel/dialer"
)

var errUsage = errors.New("can't start")

const usage = `kubechat-agent connects a Kubernetes cluster to KubeChat.

In a cluster the chart kubechat-agent sets all of this. Outside of one:

    kubechat-agent --kubeconfig FILE --state-dir DIR --join-token kcj1_...

With "diagnose" before the settings it says which step of getting connected fails, and what to do (--output json).
Each setting can also be given in the environment, as shown.
`

// configure reads flags and, for those not given, the environment.
func configure(args []string, getenv func(string) string, stderr io.Writer) (agent.Config, slog.Level, error) {
	flags := flag.NewFlagSet("kubechat-agent", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage, "\n")
		flags.PrintDefaults()
	}
	var fromEnv []func() // after parsing, and not as the flags' defaults: those are printed by -h
	text := func(name, env, otherwise, help string) *string {
		value := flags.String(name, "", help+" ($"+env+")")
		fromEnv = append(fromEnv, func() { *value = cmp.Or(*value, getenv(env), otherwise) })
		return value
	}
	var (
		kubeconfig = text("kubeconfig", "KUBECHAT_KUBECONFIG", "", "`FILE` naming the API server, for an agent outside its cluster")
		kubeCtx    = text("context", "KUBECHAT_CONTEXT", "", "context in the kubeconfig; its current one if not given")
		stateDir   = text("state-dir", "KUBECHAT_STATE_DIR", "", "`DIR` that keeps the identity, for an agent outside its cluster")
		secret     = text("identity-secret", "KUBECHAT_IDENTITY_SECRET", "", "`NAME` of the Secret that keeps the identity")
		namespace  = text("namespace", "KUBECHAT_NAMESPACE", "", "the agent's own namespace; its pod's if not given")
		own        = text("own-name-prefix", "KUBECHAT_OWN_NAME_PREFIX", "kubechat-agent", "what the agent's roles and bindings are called, or start with")
		name       = text("name", "KUBECHAT_POD_NAME", "", "of this process; the host's name if not given")
		token      = text("join-token", "KUBECHAT_JOIN_TOKEN", "", "`TOKEN` kcj1_..., used while there is no identity")
		tokenFile  = text("join-token-file", "KUBECHAT_JOIN_TOKEN_FILE", "", "`FILE` that holds it")
		policyFile = text("policy", "KUBECHAT_POLICY_FILE", "", "`FILE` with the local policy")
		saToken    = text("service-account-token-file", "KUBECHAT_SERVICE_ACCOUNT_TOKEN_FILE", "", "`FILE` with a token of audience kubechat")
		proxyCA    = text("proxy-ca-file", "KUBECHAT_PROXY_CA_FILE", "", "`FILE` of certificates to believe, besides the system's, of an https:// proxy")
		transports = text("transports", "KUBECHAT_TRANSPORTS", "tls,websocket", "`LIST` of tls, quic and websocket: what sessions may use, the first that works in this order")
		health     = text("health-addr", "KUBECHAT_HEALTH_ADDR", "", "where to serve /healthz, /readyz and /metrics, such as :8081; nowhere if not given")
		level      = text("log-level", "KUBECHAT_LOG_LEVEL", "info", "debug, info, warn or error")
		drain      = flags.Duration("drain", 20*time.Second, "how long requests in flight may take to end when the agent stops")
		sessions   = flags.Int("sessions", 2, "sessions to keep up")
	)
	cfg := agent.Config{}
	if err := flags.Parse(args); err != nil {
		return cfg, 0, flag.ErrHelp // the flag set has said what is wrong
	}
	for _, set := range fromEnv {
		set()
	}
	var logLevel slog.Level
	if err := logLevel.UnmarshalText([]byte(*level)); err != nil || flags.NArg() > 0 {
		return cfg, 0, fmt.Errorf("%w: the log level %q or the arguments %q are not understood", errUsage, *level, flags.Args())
	}
	server, err := agent.OpenServer(*kubeconfig, *kubeCtx, getenv)
	if err != nil {
		return cfg, 0, fmt.Errorf("%w: %w", errUsage, err)
	}
	roots, err := openRoots(*proxyCA)
	if err != nil {
		return cfg, 0, fmt.Errorf("%w: %w", errUsage, err)
	}
	host, _ := os.Hostname() // a name for people: empty does no harm
	cfg = agent.Config{
		Server: server, Name: cmp.Or(*name, host), Version: version.Version,
		Namespace: cmp.Or(*namespace, server.Namespace, "kubechat"), OwnNamePrefix: *own,
		IdentitySecret: *secret, StateDir: *stateDir, JoinToken: *token, JoinTokenFile: *tokenFile,
		PolicyFile: *policyFile, ServiceAccountTokenFile: *saToken, HealthAddr: *health,
		Sessions: *sessions, Drain: *drain, ProxyCAs: roots,
		Transports: splitTransports(*transports),
		Proxy:      func(u *url.URL) (*url.URL, error) { return http.ProxyFromEnvironment(&http.Request{URL: u}) },
	}
	if err := cfg.Validate(); err != nil {
		return cfg, 0, fmt.Errorf("%w: %w", errUsage, err)
	}
	return cfg, logLevel, nil
}

// splitTransports reads the list; what is not known is refused with the rest of the configuration.
func splitTransports(list string) (names []dialer.Transport) {
	for _, name := range strings.Split(list, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "ws" {
			name = string(dialer.WebSocket)
		}
		names = append(names, dialer.Transport(name))
	}
	return names
}

// openRoots is the system's certificates and the file's; nil, which means the system's, without a file.
func openRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the proxy's CA: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // an image may have none
	}
	if !roots.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("read the proxy's CA: %s holds no certificate", path)
	}
	return roots, nil
}
