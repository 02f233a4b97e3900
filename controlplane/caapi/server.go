package caapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/kubechat/kubechat/controlplane/ca"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/pki"
)

// Authority is package authority's, as far as services are concerned; the desk has the rest.
type Authority interface {
	IssueService(ctx context.Context, id pki.ID, root string, dnsNames []string, ips []net.IP, csr *x509.CertificateRequest) ([]*x509.Certificate, error)
	// CheckReplicaToken refuses with pki.ErrIdentity, and pki.ErrReplicaTokenEnded besides.
	CheckReplicaToken(ctx context.Context, text string) (id string, err error)
	TrustDomain() string
	Roots() []*x509.Certificate
	Bundle() pki.Bundle
}

// ServerConfig is what a Server needs.
type ServerConfig struct {
	Authority Authority
	Desk      *ca.Desk
	// Certificate is the authority's own as a service, pki.CAService of pki.CAInstance.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// DNSNames and IPs are what gateways' certificates hold. No caller chooses a name.
	DNSNames []string
	IPs      []net.IP
	Log      *slog.Logger // nil is slog.Default
}

// Server answers the other replicas.
type Server struct {
	cfg  ServerConfig
	tls  pki.ServiceTLS
	busy chan struct{} // one for each call under way
}

// maxCalls go on at once; the next ones wait. An enrolment is two transactions and two signatures.
const maxCalls = 64

// NewServer makes one; Serve serves.
func NewServer(cfg ServerConfig) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Server{
		cfg: cfg, busy: make(chan struct{}, maxCalls),
		tls: pki.ServiceTLS{Certificate: cfg.Certificate, Roots: cfg.Authority.Roots, Bundle: cfg.Authority.Bundle},
	}
}

// Serve serves on l until ctx ends; calls under way then get some seconds. It closes l.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: callTimeout,
		IdleTimeout: 5 * time.Second, MaxHeaderBytes: 8 << 10, ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1) // Serve's one result
	go func() {
		served <- srv.Serve(tls.NewListener(l, s.tls.Doorstep(s.cfg.Authority.TrustDomain(), proto, pki.ReplicaService, pki.GatewayService)))
	}()
	select {
	case err := <-served:
		return fmt.Errorf("authority's listener: %w", err)
	case <-ctx.Done():
	}
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := srv.Shutdown(wait)
	if err != nil {
		err = srv.Close()
	}
	<-served
	return err
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+enrolPath, answering(s, "enrol", func(w http.ResponseWriter, r *http.Request) (pki.Certificates, error) {
		var in pki.EnrolRequest
		if err := s.forReplica(w, r, &in); err != nil {
			return pki.Certificates{}, err
		}
		return s.cfg.Desk.Enrol(r.Context(), in)
	}))
	mux.HandleFunc("POST "+renewPath, answering(s, "renew", func(w http.ResponseWriter, r *http.Request) (pki.Certificates, error) {
		var in pki.RenewRequest
		if err := s.forReplica(w, r, &in); err != nil {
			return pki.Certificates{}, err
		}
		return s.cfg.Desk.RenewProven(r.Context(), in)
	}))
	mux.HandleFunc("POST "+servicePath, answering(s, "service", s.service))
	return mux
}

// answering makes a handler of a call. The log gets a refusal's cause; the other side never does.
func answering[T any](s *Server, call string, do func(http.ResponseWriter, *http.Request) (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		var answer T
		var err error
		select {
		case s.busy <- struct{}{}:
			defer func() { <-s.busy }()
			answer, err = do(w, r)
		case <-r.Context().Done():
			err = problem.New(problem.Unavailable, "Too much at once.").WithRetryAfter(time.Second)
		}
		if err != nil {
			s.cfg.Log.WarnContext(r.Context(), "call refused", "call", call, "remote", r.RemoteAddr, "caller", s.caller(r).String(), "error", err)
			writeProblem(w, problem.As(err))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}
}

// caller is who calls; a stranger is the zero ID.
func (s *Server) caller(r *http.Request) pki.ID {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return pki.ID{}
	}
	id, err := s.tls.PeerService(*r.TLS)
	if err != nil || id.TrustDomain != s.cfg.Authority.TrustDomain() || id.IsCluster() {
		return pki.ID{}
	}
	return id
}

// forReplica lets replicas pass an agent's call on, and nobody else.
func (s *Server) forReplica(w http.ResponseWriter, r *http.Request, into any) error {
	if s.caller(r).Service != pki.ReplicaService {
		return problem.New(problem.Unauthenticated, "Only a replica may pass calls on.")
	}
	return decode(w, r, into)
}

// service issues a service's certificate: the next one to who shows the one held, the first one to who has a good token.
// The token goes along each time, so that revoking it ends renewals, too; that it has ended does not, or a region would
// stop with it.
func (s *Server) service(w http.ResponseWriter, r *http.Request) (serviceAnswer, error) {
	var in serviceRequest
	if err := decode(w, r, &in); err != nil {
		return serviceAnswer{}, err
	}
	id := pki.ServiceID(s.cfg.Authority.TrustDomain(), in.Service, in.Instance)
	held := s.caller(r)
	token, err := s.cfg.Authority.CheckReplicaToken(r.Context(), in.Token)
	if errors.Is(err, pki.ErrReplicaTokenEnded) && held != (pki.ID{}) {
		s.cfg.Log.WarnContext(r.Context(), "a replica's token has ended: it renews, and will not start again", "replica", in.Instance)
		err = nil
	}
	switch {
	case errors.Is(err, pki.ErrIdentity):
		return serviceAnswer{}, problem.New(problem.Unauthenticated, "The replica token is not good here.").WithCode("replica_token").
			WithFix("Make a new one (kubechatd pki replica-token), and put it where --replica-token-file points.").WithCause(err)
	case err != nil:
		return serviceAnswer{}, ca.Refusal(err)
	case in.Service != pki.GatewayService && in.Service != pki.ReplicaService || id.Validate() != nil:
		return serviceAnswer{}, problem.New(problem.Forbidden, "No such service gets its certificate here.")
	case held != (pki.ID{}) && held != id:
		return serviceAnswer{}, problem.New(problem.Forbidden, "The certificate held is another service's.")
	}
	csr, err := pki.ParseCSR(in.CSR)
	if err != nil {
		return serviceAnswer{}, problem.New(problem.Invalid, "The certificate request can't be read.").WithCause(err)
	}
	var names []string
	var ips []net.IP
	if in.Service == pki.GatewayService {
		names, ips = s.cfg.DNSNames, s.cfg.IPs
	}
	chain, err := s.cfg.Authority.IssueService(r.Context(), id, in.Root, names, ips, csr)
	if err != nil {
		return serviceAnswer{}, ca.Refusal(err)
	}
	s.cfg.Log.InfoContext(r.Context(), "service certificate issued", "service", in.Service, "instance", in.Instance, "token", token,
		"first", held == (pki.ID{}))
	return serviceAnswer{Chain: string(pki.MarshalChainPEM(chain))}, nil
}
