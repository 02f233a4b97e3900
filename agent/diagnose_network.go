package agent

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"syscall"
	"time"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/tunnel/dialer"
)

// What this cluster's clock may be off before certificates and approvals suffer.
const (
	skewWarns = 30 * time.Second
	skewFails = 5 * time.Minute
)

// network goes the way of a session as far as TLS.
func (d *diagnosis) network(ctx context.Context) {
	addr := d.gateway()
	if addr == "" {
		d.skip("Where to dial is not known without an identity or a join token.", stepDNS, stepProxy, stepTCP, stepTLS, stepIntercept, stepClock)
		return
	}
	raw := d.dial(ctx, addr)
	if raw == nil {
		d.skip("A step before it must work first.", stepDNS, stepProxy, stepTCP, stepTLS, stepIntercept, stepClock)
		return
	}
	defer raw.Close()
	conn, state := d.handshake(ctx, raw, addr)
	if conn != nil && d.verify(state, addr) {
		d.clock(ctx, conn, addr)
	}
	d.skip("A step before it must work first.", stepIntercept, stepClock)
}

// dial opens the connection, and tells of DNS, proxy and TCP.
func (d *diagnosis) dial(ctx context.Context, addr string) net.Conn {
	proxy, name := d.proxyFor(addr)
	if d.at[stepProxy].Verdict == Failed {
		return nil
	}
	conn, err := dialer.Path{Proxy: d.cfg.Proxy, ProxyCAs: d.cfg.ProxyCAs}.Dial(ctx, addr)
	if err != nil {
		d.dialFailed(err, proxy)
		return nil
	}
	host, _, _ := net.SplitHostPort(addr) // it was dialled
	if proxy != nil {
		d.well(stepDNS, "The proxy's name has an address; the gateway's is looked up by the proxy.")
		d.well(stepProxy, "%s connects to %s.", name, addr)
		d.well(stepTCP, "The proxy answers at %s.", conn.RemoteAddr())
		return conn
	}
	d.well(stepDNS, "%s has an address.", host)
	d.well(stepProxy, "None is set for %s.", addr)
	d.well(stepTCP, "%s answers.", conn.RemoteAddr())
	return conn
}

// proxyFor is the proxy on the way, and its name without a password.
func (d *diagnosis) proxyFor(addr string) (*url.URL, string) {
	if d.cfg.Proxy == nil {
		return nil, ""
	}
	proxy, err := d.cfg.Proxy(&url.URL{Scheme: "https", Host: addr})
	switch {
	case err != nil: // its text may hold the password
		d.fail(stepProxy, "The proxy's URL can't be read.", "Write it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT (proxy.https, or HTTPS_PROXY).")
		return nil, ""
	case proxy == nil:
		return nil, ""
	}
	return proxy, proxy.Scheme + "://" + proxy.Host
}

// dialFailed blames the step that failed. An error of the proxy's step may be about reaching the proxy itself.
func (d *diagnosis) dialFailed(err error, proxy *url.URL) {
	step, inner := stepOf(err)
	whose := "the gateway"
	if proxy != nil {
		whose = "the proxy"
	}
	switch {
	case inner == dialer.StepDNS || step == dialer.StepDNS:
		d.fail(stepDNS, "The name of "+whose+" can't be looked up: "+cause(err)+".",
			"Look at the pod's DNS (is NetworkPolicy letting it ask?), at the name's spelling, and at networkPolicy.* of the chart.")
	case inner == dialer.StepTCP || step == dialer.StepTCP:
		d.well(stepDNS, "The name of %s has an address.", whose)
		d.fail(stepTCP, "No connection to "+whose+": "+cause(err)+".",
			"Let the pods out to it in the firewall and in networkPolicy.gatewayPorts. Where only a proxy leads out, set proxy.https.")
	default:
		d.well(stepDNS, "The proxy's name has an address.")
		d.well(stepTCP, "The proxy answers.")
		d.fail(stepProxy, "The proxy does not connect: "+cause(err)+".", proxyFix(err))
	}
}

// stepOf is the outermost step of a failed dial, and the innermost one.
func stepOf(err error) (outer, inner dialer.Step) {
	for {
		e, ok := errors.AsType[*dialer.StepError](err)
		if !ok {
			return outer, inner
		}
		if outer == "" {
			outer = e.Step
		}
		inner, err = e.Step, e.Err
	}
}

// cause is what is below every step's name.
func cause(err error) string {
	for {
		e, ok := errors.AsType[*dialer.StepError](err)
		if !ok {
			return err.Error()
		}
		err = e.Err
	}
}

func proxyFix(err error) string {
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		return "Give the proxy's own CA as proxy.caBundle."
	}
	return "Set the user name and password in proxy.https or proxy.existingSecret if it wants them, and let it CONNECT to the gateway's host and port."
}

// handshake opens TLS without believing anybody yet: whom it met is judged after.
func (d *diagnosis) handshake(ctx context.Context, raw net.Conn, addr string) (*tls.Conn, tls.ConnectionState) {
	host, _, _ := net.SplitHostPort(addr) // it was dialled
	conn := tls.Client(raw, &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: host, NextProtos: append([]string{"http/1.1"}, d.hints()...),
		InsecureSkipVerify: true, // verify decides
	})
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		says := "The handshake fails: " + err.Error() + "."
		var plain tls.RecordHeaderError
		switch {
		case errors.As(err, &plain):
			says = "What answers there does not speak TLS."
		case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
			says = "The connection is closed during the handshake."
		case ctx.Err() != nil:
			says = "The handshake gets no answer within 10 s."
		}
		d.fail(stepTLS, says, "A firewall that looks into TLS, or a wrong port, does this. Let TLS 1.3 to "+addr+" through untouched.")
		return nil, tls.ConnectionState{}
	}
	return conn, conn.ConnectionState()
}

func (d *diagnosis) hints() []string {
	if d.held != nil {
		return d.held.Bundle().RootHints()
	}
	return []string{pki.RootHint(d.given.RootSPKI)}
}

// roots are whom the agent believes: those of its identity, or the one that the join token names, if it was shown.
func (d *diagnosis) roots(shown []*x509.Certificate) []*x509.Certificate {
	if d.held != nil {
		return d.held.Roots
	}
	return slices.DeleteFunc(slices.Clone(shown), func(c *x509.Certificate) bool {
		return !c.IsCA || pki.SPKIHash(c) != d.given.RootSPKI
	})
}

// verify tells the gateway from somebody in between.
func (d *diagnosis) verify(state tls.ConnectionState, addr string) bool {
	host, _, _ := net.SplitHostPort(addr) // it was dialled
	shown := state.PeerCertificates
	roots := d.roots(shown)
	options := x509.VerifyOptions{
		Roots: pki.Pool(roots), Intermediates: pki.Pool(shown[1:]), CurrentTime: d.now(), DNSName: host,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	chains, err := shown[0].Verify(options)
	if err == nil {
		state.VerifiedChains = chains
		err = pki.CheckGateway(state, "", nil)
	}
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		d.well(stepTLS, "TLS 1.3 with the gateway, whose root is the one expected.")
		d.well(stepIntercept, "Nothing between opens TLS.")
		return true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && len(roots) > 0:
		d.fail(stepTLS, fmt.Sprintf("The gateway's certificate holds from %s to %s, and here it is %s.",
			when(shown[0].NotBefore), when(shown[0].NotAfter), when(d.now())), "Set this node's clock (NTP); if it is right, tell your KubeChat provider.")
		d.put(stepClock, Failed, "It is most likely wrong: see TLS.", "Set this node's clock (NTP).")
		return false
	}
	d.intercepted(shown[0], err)
	return false
}

// intercepted says whose certificate was shown instead. The WebSocket transport works all the same: its inner TLS is ours.
func (d *diagnosis) intercepted(leaf *x509.Certificate, err error) {
	issuer := leaf.Issuer.CommonName
	if issuer == "" && len(leaf.Issuer.Organization) > 0 {
		issuer = leaf.Issuer.Organization[0]
	}
	says := fmt.Sprintf("What answers shows a certificate of %q, not the gateway's own: something between opens TLS (%v).", issuer, err)
	fix := "Exempt the gateway's host from TLS inspection; until then the agent can't join or connect over TLS."
	if slices.Contains(d.cfg.Transports, dialer.WebSocket) {
		d.put(stepTLS, Warned, "The gateway is not met directly; the WebSocket transport goes through what is between.", "")
		d.put(stepIntercept, Warned, says, "The tunnel inside is safe from it, and slower than without. Exempt the gateway's host from TLS inspection.")
		return
	}
	d.fail(stepTLS, "The gateway is not who answers.", fix)
	d.fail(stepIntercept, says, fix)
}

// clock compares this node's clock with the gateway's.
func (d *diagnosis) clock(ctx context.Context, conn *tls.Conn, addr string) {
	deadline := d.now().Add(10 * time.Second)
	if at, ok := ctx.Deadline(); ok && at.Before(deadline) {
		deadline = at
	}
	_ = conn.SetDeadline(deadline)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+addr+"/", nil)
	if err != nil {
		return
	}
	req.Close = true
	sent := d.now()
	if err := req.Write(conn); err != nil {
		return
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return
	}
	defer res.Body.Close()
	theirs, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return
	}
	half := d.now().Sub(sent) / 2
	skew := sent.Add(half).Sub(theirs.Add(500 * time.Millisecond)) // Date has whole seconds
	d.judgeSkew(skew)
}

func (d *diagnosis) judgeSkew(skew time.Duration) {
	way := "ahead of"
	if skew < 0 {
		way = "behind"
	}
	says := fmt.Sprintf("This node's clock is %s %s the gateway's.", skew.Abs().Round(time.Second), way)
	switch {
	case skew.Abs() >= skewFails:
		d.fail(stepClock, says, "Set the node's clock (NTP): certificates are refused when it is this far off.")
	case skew.Abs() >= skewWarns:
		d.put(stepClock, Warned, says, "Set the node's clock (NTP).")
	default:
		d.well(stepClock, "It agrees with the gateway's.")
	}
}
