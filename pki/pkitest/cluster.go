package pkitest

import (
	"encoding/json"
	"testing"
	"time"

	"go.step.sm/crypto/jose"

	"github.com/kubechat/kubechat/pki"
)

// Cluster is the part of a Kubernetes API server that signs service account tokens.
type Cluster struct {
	Issuer string
	keys   []*jose.JSONWebKey // the newest last, which signs
}

// ServiceAccount is the subject of an agent's token.
const ServiceAccount = "system:serviceaccount:kubechat:kubechat-agent"

// NewCluster makes one with one key.
func NewCluster(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{Issuer: "https://kubernetes.default.svc.cluster.local"}
	c.Rotate(t)
	return c
}

// Rotate adds a key that signs from now on; Forget leaves only the newest one.
func (c *Cluster) Rotate(t testing.TB) {
	t.Helper()
	k, err := jose.GenerateJWK("EC", "P-256", "ES256", "sig", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	c.keys = append(c.keys, k)
}

// Forget leaves only the newest key.
func (c *Cluster) Forget() { c.keys = c.keys[len(c.keys)-1:] }

// Own is what an agent in it says of it.
func (c *Cluster) Own(t testing.TB) pki.OwnCluster {
	t.Helper()
	var set jose.JSONWebKeySet
	for _, k := range c.keys {
		set.Keys = append(set.Keys, k.Public())
	}
	keys, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return pki.OwnCluster{Keys: keys, ServiceAccountToken: c.Token(t, nil)}
}

// Token is the agent's, for an hour; change alters its claims.
func (c *Cluster) Token(t testing.TB, change func(*jose.Claims)) string {
	t.Helper()
	key := c.keys[len(c.keys)-1]
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key.Key}, new(jose.SignerOptions).WithHeader("kid", key.KeyID))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	claims := jose.Claims{
		Issuer: c.Issuer, Subject: ServiceAccount, Audience: jose.Audience{pki.Audience},
		IssuedAt: jose.NewNumericDate(now), NotBefore: jose.NewNumericDate(now), Expiry: jose.NewNumericDate(now.Add(time.Hour)),
	}
	if change != nil {
		change(&claims)
	}
	text, err := jose.Signed(signer).Claims(claims).CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// EnrolIn makes the identity of a cluster that has joined and said which one it is.
func (a *Authority) EnrolIn(t testing.TB, c *Cluster, tenant, cluster, gateway string) pki.Identity {
	t.Helper()
	pin, err := a.Pin(c.Own(t))
	if err != nil {
		t.Fatalf("pin: %v", err)
	}
	key, csr := Request(t)
	chain, err := a.Authority.Enrol(t.Context(), orNew(tenant), orNew(cluster), csr, pin)
	if err != nil {
		t.Fatalf("enrol: %v", err)
	}
	return a.identity(t, key, chain, gateway)
}
