package pki

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
)

// The calls an agent makes, on the port of the tunnels (ALPN "http/1.1"). Unknown fields are ignored on both sides.
const (
	EnrolPath = "/v1/agent/enroll"
	RenewPath = "/v1/agent/renew"
	TrustPath = "/v1/agent/trust"

	// TokenPath tells whether a join token is still good, and ReportPath hears what is wrong in the agent's cluster. A
	// control plane of before has neither.
	TokenPath  = "/v1/agent/token"
	ReportPath = "/v1/agent/report"

	// MaxRequest bounds the body of a call, and MaxAnswer its answer.
	MaxRequest = 48 << 10
	MaxAnswer  = 64 << 10

	// GatewayService is the service name in the certificate of whoever accepts tunnels.
	GatewayService = "gateway"
)

// EnrolRequest redeems a join token for a first certificate.
type EnrolRequest struct {
	Token             string `json:"token"`
	CSR               string `json:"csr"` // PEM
	KubeSystemUID     string `json:"kube_system_uid"`
	AgentVersion      string `json:"agent_version,omitempty"`
	KubernetesVersion string `json:"kubernetes_version,omitempty"`
	OwnCluster
}

// TokenRequest asks about a join token without using it up; who knows it may know. One that was never made is 404.
type TokenRequest struct {
	Token string `json:"token"`
}

// LogValue hides the token.
func (TokenRequest) LogValue() slog.Value { return slog.StringValue("(token)") }

// TokenAnswer says whether it could be redeemed.
type TokenAnswer struct {
	State string `json:"state"` // unused, used, expired, revoked, cluster_revoked
}

// Report tells, over mTLS, what the agent finds wrong in its own cluster, in words for people; empty: nothing any more.
type Report struct {
	Problem string `json:"problem"`
}

// MaxWords bounds, in bytes, what an agent says of its troubles, here and in HELLO.
const MaxWords = 500

// OwnCluster proves which cluster the agent runs in: the keys its API server signs with, and a token signed by one.
// Both may be missing, from an agent that runs elsewhere or may not read the keys.
type OwnCluster struct {
	Keys                json.RawMessage `json:"keys,omitempty"` // RFC 7517, of /openid/v1/jwks
	ServiceAccountToken string          `json:"service_account_token,omitempty"`
}

// LogValue hides the token.
func (r EnrolRequest) LogValue() slog.Value {
	return slog.GroupValue(slog.String("kubeSystemUid", r.KubeSystemUID), slog.String("agentVersion", r.AgentVersion))
}

// RenewRequest asks for the next certificate, always for a new key: over mTLS with the one held, until that has expired,
// and with a proof (see SignProof), by which an authority apart from the gateway knows who asks.
type RenewRequest struct {
	CSR    string `json:"csr"` // PEM
	Proof  string `json:"proof,omitempty"`
	Bundle int64  `json:"bundle,omitempty"` // the version held
}

// LogValue hides the proof.
func (r RenewRequest) LogValue() slog.Value {
	return slog.GroupValue(slog.Bool("proof", r.Proof != ""), slog.Int64("bundle", r.Bundle))
}

// Certificates is the answer to enrolment and renewal.
type Certificates struct {
	Certificates string   `json:"certificates"` // PEM, leaf first, without the root
	Roots        string   `json:"roots"`        // PEM; this and the next two are the bundle to hold
	Bundle       int64    `json:"bundle,omitempty"`
	Distrusted   []string `json:"distrusted,omitempty"`
	TenantID     string   `json:"tenant_id"`
	ClusterID    string   `json:"cluster_id"`
	Region       string   `json:"region"`
}

// TrustRequest tells which bundle is held, over mTLS, and asks for the one to hold. With OwnCluster it also tells of new
// keys of the cluster: they are taken over from who proves to hold the old ones' trust.
type TrustRequest struct {
	Bundle int64 `json:"bundle"`
	OwnCluster
}

// LogValue hides the token.
func (r TrustRequest) LogValue() slog.Value { return slog.GroupValue(slog.Int64("bundle", r.Bundle)) }

// TrustAnswer is a bundle.
type TrustAnswer struct {
	Roots      string   `json:"roots"` // PEM
	Bundle     int64    `json:"bundle,omitempty"`
	Distrusted []string `json:"distrusted,omitempty"`
}

// Answer is the bundle as it is sent.
func (b Bundle) Answer() TrustAnswer {
	return TrustAnswer{Roots: string(MarshalChainPEM(b.Roots)), Bundle: b.Version, Distrusted: b.Distrusted}
}

// ParseBundle reads an answer, and refuses roots that are none.
func (a TrustAnswer) ParseBundle() (Bundle, error) {
	roots, err := ParseChainPEM([]byte(a.Roots))
	if err != nil {
		return Bundle{}, fmt.Errorf("issued roots: %w", err)
	}
	for _, c := range roots {
		if !c.IsCA {
			return Bundle{}, errors.New("issued roots: one is no authority")
		}
	}
	return Bundle{Version: a.Bundle, Roots: roots, Distrusted: a.Distrusted}, nil
}

// NewCSR makes a certificate request for the key. It asks for no name: the authority knows it.
func NewCSR(key crypto.Signer) (*x509.CertificateRequest, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	return x509.ParseCertificateRequest(der)
}

// MarshalCSR is a certificate request as PEM.
func MarshalCSR(csr *x509.CertificateRequest) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr.Raw}))
}

// ParseCSR reads a certificate request and checks that its sender holds the key.
func ParseCSR(s string) (*x509.CertificateRequest, error) {
	block, rest := pem.Decode([]byte(s))
	if block == nil || block.Type != "CERTIFICATE REQUEST" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("certificate request: not one PEM block")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	return csr, nil
}

// CheckRequest refuses a request that asks for anything but a certificate for its P-256 key: any name other than own
// (zero: none at all), any extension, any subject. Call it before a join token is used up.
func CheckRequest(csr *x509.CertificateRequest, own ID) error {
	refuse := func(why string) error { return fmt.Errorf("%w: %s", ErrRequest, why) }
	if err := csr.CheckSignature(); err != nil {
		return refuse("its signature is wrong")
	}
	key, ok := csr.PublicKey.(*ecdsa.PublicKey)
	switch {
	case !ok || key.Curve != elliptic.P256():
		return refuse("the key must be ECDSA P-256")
	case len(csr.DNSNames)+len(csr.IPAddresses)+len(csr.EmailAddresses) > 0:
		return refuse("it asks for a DNS name, address or e-mail")
	case len(csr.URIs) > 1 || (len(csr.URIs) == 1 && (own == ID{} || csr.URIs[0].String() != own.String())):
		return refuse("it asks for another name")
	case len(csr.Extensions) > len(csr.URIs): // the names are one extension; nothing else may be asked for
		return refuse("it asks for an extension")
	case csr.Subject.String() != "":
		return refuse("it asks for a subject")
	}
	return nil
}

// CallError is a refusal by the control plane, in its own words.
type CallError struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Fix    string `json:"fix"`
}

// Error is what to show to whoever runs the agent.
func (e *CallError) Error() string {
	s := fmt.Sprintf("the control plane answered %d", e.Status)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Fix != "" {
		s += " " + e.Fix
	}
	return s
}

// Final reports whether trying the same again is pointless.
func (e *CallError) Final() bool {
	return e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests && e.Status != http.StatusRequestTimeout
}

// Call posts in as JSON and decodes a 200 answer into out. Any other answer is a *CallError.
func Call(ctx context.Context, client *http.Client, url string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	switch {
	case err != nil:
		return err
	case len(answer) > MaxAnswer:
		return errors.New("the answer is too large")
	case resp.StatusCode != http.StatusOK:
		e := &CallError{}
		_ = json.Unmarshal(answer, e) // a balancer's HTML leaves it empty; the status says enough
		e.Status = resp.StatusCode
		return e
	}
	return json.Unmarshal(answer, out)
}

// GatewayConfig is a client's TLS configuration towards the gateway of a trust domain: TLS 1.3, the given roots, and a
// server certificate that names the gateway service of that trust domain ("" for any, at enrolment only). Host is
// checked against the certificate's DNS names or addresses as usual.
func GatewayConfig(host, trustDomain string, roots *x509.CertPool, alpn ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: host, RootCAs: roots, NextProtos: alpn,
		VerifyConnection: func(cs tls.ConnectionState) error { return CheckGateway(cs, trustDomain, alpn) },
	}
}

// CheckGateway reports whether the verified peer is a gateway of the trust domain ("" for any) that speaks one of alpn.
func CheckGateway(cs tls.ConnectionState, trustDomain string, alpn []string) error {
	id, err := PeerID(cs)
	switch {
	case err != nil:
		return err
	case id.Service != GatewayService:
		return errors.New("peer identity: not a gateway")
	case trustDomain != "" && id.TrustDomain != trustDomain:
		return errors.New("peer identity: a gateway of another trust domain")
	case len(alpn) > 0 && cs.NegotiatedProtocol == "":
		return errors.New("peer identity: the peer chose no protocol of ours")
	}
	return nil
}
