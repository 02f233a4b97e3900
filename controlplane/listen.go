package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"syscall"

	"github.com/kubechat/kubechat/internal/forward"
	"github.com/kubechat/kubechat/internal/sock"
)

type listeners struct {
	web, tunnel, peer, ops net.Listener
	ca                     net.Listener   // for replicas without keys; nil: there are none
	quic                   net.PacketConn // nil: none
	addresses              Addresses
}

func (l *listeners) close() {
	for _, one := range []net.Listener{l.web, l.tunnel, l.peer, l.ca, l.ops} {
		if one != nil {
			_ = one.Close() // closed already where it was served
		}
	}
	if l.quic != nil {
		_ = l.quic.Close()
	}
}

// listen opens every address before anything is built, so that a taken port is the first thing said, and fills in what
// follows from the ports: the URLs and the address agents dial.
func listen(ctx context.Context, c *Config) (*listeners, error) {
	l := &listeners{}
	var err error
	open := func(what, addr string) net.Listener {
		if err != nil {
			return nil
		}
		var one net.Listener
		if one, err = (&net.ListenConfig{}).Listen(ctx, "tcp", addr); err != nil {
			err = listenError(what, addr, err)
			return nil
		}
		return sock.Listener(one)
	}
	if c.plays(RoleWeb) {
		if l.web = open("web", c.WebAddr); l.web != nil {
			l.web = forward.Listener(l.web)
		}
	}
	if c.plays(RoleGateway) {
		l.tunnel = open("tunnel", c.TunnelAddr)
		l.peer = open("peer", c.PeerAddr)
		if c.TunnelQUIC && err == nil {
			if l.quic, err = (&net.ListenConfig{}).ListenPacket(ctx, "udp", l.tunnel.Addr().String()); err != nil {
				err = listenError("tunnel's UDP", l.tunnel.Addr().String(), err)
			}
		}
	}
	if c.plays(RoleCA) && c.CAAddr != "" {
		l.ca = open("ca", c.CAAddr)
	}
	if c.OpsAddr != "off" {
		l.ops = open("ops", c.OpsAddr)
	}
	if err == nil && c.Demo.Listener != nil && l.web != nil {
		l.web, err = c.Demo.Listener(l.web)
	}
	if err != nil {
		l.close()
		return nil, err
	}
	l.fill(c)
	return l, nil
}

func (l *listeners) fill(c *Config) {
	a := &l.addresses
	a.Web, a.Tunnel, a.Peer, a.Ops, a.CA = addrOf(l.web), addrOf(l.tunnel), addrOf(l.peer), addrOf(l.ops), addrOf(l.ca)
	def(&c.PeerAdvertise, a.Peer)
	def(&c.PublicURL, "http://"+a.Web)
	def(&c.TunnelHost, a.Tunnel)
	if c.KubectlURL == "" && c.Demo.Listener != nil {
		c.KubectlURL = "https://" + a.Web // kubectl sends no credential over plain http
	}
	def(&c.KubectlURL, c.PublicURL)
	c.PublicURL, c.KubectlURL = origin(c.PublicURL), origin(c.KubectlURL)
	a.PublicURL = c.PublicURL
}

func addrOf(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

func origin(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return s
	}
	return u.Scheme + "://" + u.Host
}

func secure(publicURL string) bool {
	u, err := url.Parse(publicURL)
	return err == nil && u.Scheme == "https"
}

func listenError(what, addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("the %s address %s is taken by another program: choose another with --%s-addr", what, addr, what)
	}
	return fmt.Errorf("listen on the %s address %s: %w", what, addr, err)
}

// subjects are the names a certificate for host:port must hold.
func subjects(hostport string) (names []string, ips []net.IP) {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	if ip := net.ParseIP(host); ip != nil {
		return nil, []net.IP{ip}
	}
	return []string{host}, nil
}
