package agent

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/renew"
	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/dialer"
)

// The attributes of the HELLO, besides name and version.
const (
	AttrKubernetesVersion   = "kubernetes_version"
	AttrKubeSystemUID       = "kube_system_uid"
	AttrServiceAccountToken = "service_account_token"
	AttrSessions            = "sessions"     // how many this agent keeps up
	AttrTrustBundle         = "trust_bundle" // the version held; in the answer, the version to hold
	AttrTrouble             = "trouble"      // why it could not connect before, in words for people
	AttrProblem             = "problem"      // what is wrong in its own cluster, likewise; empty: it looked, nothing is
)

// connect keeps the sessions up until ctx ends. It says on refusals when the control plane did not want one.
func (a *agent) connect(ctx context.Context, refusals chan<- struct{}) error {
	a.status.waiting("dialling " + a.keeper.Identity().Gateway)
	contenders, err := a.gateway().Contenders(a.cfg.Transports...)
	if err != nil {
		return err
	}
	race := dialer.NewRace(contenders, nil)
	racing, stop := context.WithCancel(context.WithoutCancel(ctx)) // until after the last dial
	var both errgroup.Group
	both.Go(func() error { return race.Run(racing) })
	both.Go(func() error {
		defer stop()
		return a.keepUp(ctx, race, refusals)
	})
	return both.Wait()
}

// keepUp keeps sessions up over the transport that wins the race.
func (a *agent) keepUp(ctx context.Context, race *dialer.Race, refusals chan<- struct{}) error {
	dial := func(ctx context.Context, at string) (tunnel.Session, error) {
		problem, _ := a.check.attr()
		session, err := race.DialAt(ctx, at)
		if err != nil {
			if at == "" { // there may be no way to a replica's own address, and need not be
				a.troubles.note(err)
			}
			return nil, err
		}
		a.heard(session.Peer())
		a.troubles.over()
		a.check.tell(problem)
		return session, nil
	}
	spread := &replicaSpread{dial: dial, gateway: a.keeper.Identity().Gateway, log: a.log, useless: map[string]time.Time{}}
	serve := func(ctx context.Context, session tunnel.Session) error {
		err := a.serve(ctx, session)
		end, _ := errors.AsType[*tunnel.CloseError](session.Cause())
		if end != nil && end.Reason == tunnel.ReasonDead && dialer.TransportOf(session) == dialer.QUIC {
			race.Forget(dialer.QUIC) // somebody on the way may have begun to drop UDP: the next one is open to all again
		}
		return err
	}
	return dialer.Run(ctx, dialer.Config{
		Dial: spread.dialElsewhere, Better: race.Better, Serve: serve, Slots: a.cfg.Sessions, Log: a.log,
		OnState: func(s dialer.State) {
			a.status.slot(s)
			a.meters.slot(s)
			if s.Phase == dialer.Up {
				transport := dialer.TransportOf(s.Session)
				a.around.Store(transport == dialer.WebSocket)
				a.log.InfoContext(ctx, "tunnel up", "slot", s.Slot, "replica", s.Session.Peer().Name, "transport", string(transport))
			}
			if isRefusal(s.Err) {
				select {
				case refusals <- struct{}{}:
				default: // it is known already
				}
			}
		},
	})
}

// isRefusal reports whether the control plane refused the identity itself, in the session or already in TLS.
func isRefusal(err error) bool {
	var closed *tunnel.CloseError
	if errors.As(err, &closed) && closed.Remote {
		return closed.Reason == tunnel.ReasonRevoked || closed.Reason == tunnel.ReasonUnacceptable
	}
	return dialer.IsRefusal(err)
}

// gateway is where this identity's sessions are made.
func (a *agent) gateway() dialer.Gateway {
	return dialer.Gateway{
		Addr: a.keeper.Identity().Gateway, Path: a.path(), TLS: a.keeper.TLSConfig,
		Session: func(ctx context.Context) tunnel.Config {
			return tunnel.Config{Hello: a.hello(ctx), Admit: a.admit, Log: a.log}
		},
	}
}

func (a *agent) path() dialer.Path { return dialer.Path{Proxy: a.cfg.Proxy, ProxyCAs: a.cfg.ProxyCAs} }

// dialGateway opens the bytes that the calls beside sessions are made over: of TCP, or of a WebSocket where that is
// what gets through.
func (a *agent) dialGateway(ctx context.Context, addr string) (net.Conn, error) {
	if a.around.Load() {
		return a.dialWebSocket(ctx, addr)
	}
	return a.path().Dial(ctx, addr)
}

func (a *agent) dialWebSocket(ctx context.Context, addr string) (net.Conn, error) {
	return dialer.Gateway{Path: a.path()}.RawWebSocket(ctx, addr)
}

// fallback is the second way, for where something on the way opens TLS or lets nothing but HTTP out; nil if the
// configuration leaves it out.
func (a *agent) fallback() func(context.Context, string) (net.Conn, error) {
	if slices.Contains(a.cfg.Transports, dialer.WebSocket) {
		return a.dialWebSocket
	}
	return nil
}

// renewal is the call for the next certificate, over the second way where the first does not lead to the gateway. An
// answer, of whatever kind, is an answer.
func (a *agent) renewal() renew.Func {
	return func(ctx context.Context, held pki.Identity, csr *x509.CertificateRequest) (pki.Certificates, error) {
		first, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		answer, err := renew.HTTP(a.dialGateway)(first, held, csr)
		_, answered := errors.AsType[*pki.CallError](err)
		if other := a.fallback(); err != nil && !answered && other != nil && ctx.Err() == nil {
			answer, err = renew.HTTP(other)(ctx, held, csr)
		}
		return answer, err
	}
}

// callTimeout is how long the first way may take to an answer.
const callTimeout = 25 * time.Second

func (a *agent) hello(ctx context.Context) tunnel.Hello {
	attrs := map[string]string{
		AttrKubernetesVersion: a.clusterVersion, AttrKubeSystemUID: a.clusterUID, AttrSessions: strconv.Itoa(a.cfg.Sessions),
	}
	if version := a.keeper.Identity().BundleVersion; version > 0 {
		attrs[AttrTrustBundle] = strconv.FormatInt(version, 10)
	}
	if trouble := a.troubles.text(); trouble != "" {
		attrs[AttrTrouble] = trouble
	}
	if problem, looked := a.check.attr(); looked {
		attrs[AttrProblem] = problem
	}
	token, err := readOptional(a.cfg.ServiceAccountTokenFile)
	if err != nil {
		a.log.WarnContext(ctx, "service account token for HELLO can't be read", "error", err)
	}
	if token != "" {
		attrs[AttrServiceAccountToken] = strings.TrimSpace(token)
	}
	return tunnel.Hello{Name: a.cfg.Name, Version: a.cfg.Version, Capabilities: []string{tunnel.CapabilityWhole}, Attrs: attrs}
}

// heard takes from the control plane's HELLO_ACK which trust bundle is the one to hold.
func (a *agent) heard(plane tunnel.Hello) {
	if version, err := strconv.ParseInt(plane.Attrs[AttrTrustBundle], 10, 64); err == nil {
		a.keeper.Heard(version)
	}
}

// admit refuses what could only fail later. Who may do what is the handler's business, which can say why.
func (a *agent) admit(h tunnel.Header) (tunnel.RefuseCode, string) {
	if h.Kind != tunnel.KindHTTP {
		return tunnel.RefuseUnsupported, "this agent serves HTTP only"
	}
	if a.status.draining() {
		return tunnel.RefuseDraining, "the agent is stopping"
	}
	return 0, ""
}
