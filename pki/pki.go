// Package pki holds what every program of KubeChat must agree on about identity: how a cluster or a replica is named
// in a certificate, how long things live, what a join token looks like, and where keys come from. It issues nothing:
// package authority does, and the agent never links that one. ParseID is the only parser of SPIFFE ids; the tenant
// and cluster of a connection come from PeerID and from nowhere else. Start at ID.
package pki

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/google/uuid"
)

// ID is the name in a certificate: a tenant's cluster, or one instance of a service of ours. Exactly one of the two
// forms is filled in:
//
//	spiffe://<trust domain>/tenant/<uuid>/cluster/<uuid>
//	spiffe://<trust domain>/svc/<service>/<instance>
type ID struct {
	TrustDomain string // one per region, so that residency holds in the certificates already
	Tenant      string // canonical UUID
	Cluster     string // canonical UUID
	Service     string
	Instance    string
}

// ClusterID names a tenant's cluster.
func ClusterID(trustDomain, tenant, cluster string) ID {
	return ID{TrustDomain: trustDomain, Tenant: tenant, Cluster: cluster}
}

// ServiceID names one instance of a service.
func ServiceID(trustDomain, name, instance string) ID {
	return ID{TrustDomain: trustDomain, Service: name, Instance: instance}
}

// IsCluster reports whether the id names a cluster.
func (id ID) IsCluster() bool { return id.Cluster != "" }

// String is the id as a SPIFFE URI. Only a valid id gives one that ParseID accepts.
func (id ID) String() string {
	if id.IsCluster() {
		return "spiffe://" + id.TrustDomain + "/tenant/" + id.Tenant + "/cluster/" + id.Cluster
	}
	return "spiffe://" + id.TrustDomain + "/svc/" + id.Service + "/" + id.Instance
}

// URL is the id as a certificate's URI name.
func (id ID) URL() *url.URL {
	u, err := url.Parse(id.String())
	if err != nil { // an invalid id; an empty URL is refused wherever a name is checked
		return &url.URL{}
	}
	return u
}

// Validate reports why the id can't be a name in a certificate.
func (id ID) Validate() error {
	_, err := ParseID(id.String())
	return err
}

// maxIDLen is what the SPIFFE standard asks implementations to support.
const maxIDLen = 2048

// ParseID accepts exactly the two forms of ID, each in its one spelling: lower case, canonical UUIDs, no port, user,
// query, fragment, escape, dot segment or trailing slash.
func ParseID(s string) (ID, error) {
	id, err := parseID(s)
	if err != nil {
		return ID{}, fmt.Errorf("SPIFFE id: %w", err) // the text itself may be an attacker's: it stays out of the error
	}
	return id, nil
}

func parseID(s string) (ID, error) {
	if len(s) > maxIDLen {
		return ID{}, errors.New("too long")
	}
	rest, ok := strings.CutPrefix(s, "spiffe://")
	if !ok {
		return ID{}, errors.New("does not start with spiffe://")
	}
	parts := strings.Split(rest, "/")
	if !ValidTrustDomain(parts[0]) {
		return ID{}, errors.New("the trust domain is not a lower-case DNS name")
	}
	switch {
	case len(parts) == 5 && parts[1] == "tenant" && parts[3] == "cluster":
		if !canonicalUUID(parts[2]) || !canonicalUUID(parts[4]) {
			return ID{}, errors.New("the tenant or cluster is not a canonical UUID")
		}
		return ClusterID(parts[0], parts[2], parts[4]), nil
	case len(parts) == 4 && parts[1] == "svc":
		if !validLabel(parts[2]) || !validLabel(parts[3]) {
			return ID{}, errors.New("the service or instance is not of a-z, 0-9 and '-'")
		}
		return ServiceID(parts[0], parts[2], parts[3]), nil
	}
	return ID{}, errors.New("the path is neither /tenant/<uuid>/cluster/<uuid> nor /svc/<name>/<instance>")
}

// ValidTrustDomain reports whether s can be a trust domain: a DNS name in lower case, which is not an IP address.
func ValidTrustDomain(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if !validLabel(l) {
			return false
		}
	}
	last := labels[len(labels)-1]
	return strings.Trim(last, "0123456789") != "" // a last label of digits reads as an IPv4 address somewhere
}

func validLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

func canonicalUUID(s string) bool {
	u, err := uuid.Parse(s)
	return err == nil && u.String() == s && u != uuid.Nil
}

// PeerID is who is at the other end of a TLS connection. It needs a chain that was verified, exactly one URI name in
// the leaf, and for a cluster no other kind of name. The common name means nothing.
func PeerID(cs tls.ConnectionState) (ID, error) {
	if len(cs.VerifiedChains) == 0 || len(cs.VerifiedChains[0]) == 0 {
		return ID{}, errors.New("peer identity: no verified certificate")
	}
	leaf := cs.VerifiedChains[0][0]
	if len(leaf.URIs) != 1 {
		return ID{}, errors.New("peer identity: the certificate needs exactly one URI name")
	}
	id, err := ParseID(leaf.URIs[0].String())
	if err != nil {
		return ID{}, fmt.Errorf("peer identity: %w", err)
	}
	if id.IsCluster() && len(leaf.DNSNames)+len(leaf.IPAddresses)+len(leaf.EmailAddresses) > 0 {
		return ID{}, errors.New("peer identity: a cluster's certificate may hold no other name than its URI")
	}
	return id, nil
}
