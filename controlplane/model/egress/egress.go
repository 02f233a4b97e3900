// Package egress is the one way out to a model. A base URL is typed by a tenant, so it may name anything that this
// process can reach and the tenant cannot: only https is spoken, and no address is dialled that is not a public one,
// whatever a name resolved to a moment before. An operator may open networks of their own, for models that run there.
package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Policy says what may be reached besides public addresses by https.
type Policy struct {
	// Private are networks that may be reached too, by plain http as well: the operator's own, where models run.
	Private []netip.Prefix
}

// ParsePolicy reads "10.0.0.0/8,fd00::/8".
func ParsePolicy(s string) (Policy, error) {
	var p Policy
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(part)
		if err != nil {
			return p, fmt.Errorf("network %q: %w", part, err)
		}
		p.Private = append(p.Private, prefix.Masked())
	}
	return p, nil
}

// ErrRefused is what dialling an address that may not be reached says.
var ErrRefused = errors.New("this address may not be reached from the service")

// CheckURL tells whether a tenant may have a base URL, before anything is resolved. Its words are for people.
func (p Policy) CheckURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil, u.Host == "", u.Opaque != "":
		return errors.New("a base URL is https://host, with a path if there is one")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return errors.New("a base URL has no user, query or fragment")
	case u.Scheme != "https" && !(u.Scheme == "http" && len(p.Private) > 0):
		return errors.New("a base URL is https")
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		if !p.allows(ip) {
			return errors.New("this address is not a public one; the service's operator can open a network for models")
		}
		return nil
	}
	if len(p.Private) == 0 && (host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".internal") || !strings.Contains(host, ".")) {
		return errors.New("this name is not a public one; the service's operator can open a network for models")
	}
	return nil
}

// allows tells whether an address may be dialled.
func (p Policy) allows(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	return p.private(ip) || public(ip)
}

func (p Policy) private(ip netip.Addr) bool {
	return slices.ContainsFunc(p.Private, func(n netip.Prefix) bool { return n.Contains(ip) })
}

// reserved are networks that are routed to nobody, or to something of this machine's or its provider's.
var reserved = prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3", "168.63.129.16/32",
	"::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/9", "ff00::/8")

func prefixes(all ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range all {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func public(ip netip.Addr) bool {
	return ip.IsValid() && ip.IsGlobalUnicast() && !slices.ContainsFunc(reserved, func(n netip.Prefix) bool { return n.Contains(ip) })
}

// control judges the very address that is being dialled, after its name was resolved.
func (p Policy) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !p.allows(at.Addr()) {
		return ErrRefused
	}
	return nil
}

// Client makes the HTTP client that models are asked with. It follows no redirect, since that is how an allowed address
// leads to another, and uses no proxy, since that would resolve names where nobody checks.
func (p Policy) Client() *http.Client {
	dial := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, ControlContext: p.control}
	t := &http.Transport{
		DialContext: dial.DialContext, TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
		ResponseHeaderTimeout: 60 * time.Second, IdleConnTimeout: 90 * time.Second, MaxIdleConnsPerHost: 4, MaxResponseHeaderBytes: 64 << 10,
	}
	return &http.Client{
		Transport:     httpsOnly{p, t},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// httpsOnly refuses plain http to anything but the operator's own networks: a key would travel in clear.
type httpsOnly struct {
	policy Policy
	inner  *http.Transport
}

// RoundTrip sends one request.
func (h httpsOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "https" {
		return h.send(r)
	}
	if r.URL.Scheme != "http" || len(h.policy.Private) == 0 {
		return nil, ErrRefused
	}
	ips, err := net.DefaultResolver.LookupNetIP(r.Context(), "ip", r.URL.Hostname())
	if err != nil {
		return nil, fmt.Errorf("resolve the model's host: %w", err)
	}
	for _, ip := range ips { // what is dialled is judged again; this is about clear text, and all must be ours
		if !h.policy.private(ip.Unmap()) {
			return nil, ErrRefused
		}
	}
	return h.send(r)
}

// maxAnswer is how long one answer may be, unpacked: what a turn may use is far less.
const maxAnswer = 4 << 20

func (h httpsOnly) send(r *http.Request) (*http.Response, error) {
	res, err := h.inner.RoundTrip(r)
	if err == nil {
		res.Body = &bounded{res.Body, maxAnswer}
	}
	return res, err
}

// errTooLong ends an answer that is too long: cut off, it must not look whole.
var errTooLong = errors.New("the model's answer is too long")

// bounded keeps a model's server, which the tenant chose, from filling the memory that all tenants share.
type bounded struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
