package caapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/authority"
)

// How long the authority may take: to accept a connection, and for a whole call, which is less than an agent waits.
const (
	dialTimeout = 3 * time.Second
	callTimeout = 12 * time.Second
	retryAway   = 10 * time.Second
)

// codeAway is the code of a problem that says that the authority can't be reached.
const codeAway = "ca_away"

// ClientConfig is what a Client needs.
type ClientConfig struct {
	// URL is the authority's: https://host:port.
	URL string
	// TokenFile holds the replica token; it is read for each call that needs it, so that it can be replaced.
	TokenFile   string
	TrustDomain string
	// Roots and Bundle are whom to believe now.
	Roots  func() []*x509.Certificate
	Bundle func() pki.Bundle
	// Certificate is this replica's own, pki.ReplicaService.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

// Client passes agents' calls on, and gets this replica its own certificates. It holds no key but its own.
type Client struct{ cfg ClientConfig }

var _ authority.Remote = (*Client)(nil)

// NewClient makes one. It asks nothing yet.
func NewClient(cfg ClientConfig) *Client { return &Client{cfg} }

// CheckURL reports what is wrong with an authority's URL.
func CheckURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.User != nil {
		return fmt.Errorf("the authority's URL %q is not https://host:port", s)
	}
	return nil
}

// Enrol passes an enrolment on. The token may be used up although no answer comes back, as in any enrolment.
func (c *Client) Enrol(ctx context.Context, in pki.EnrolRequest) (pki.Certificates, error) {
	return c.pass(ctx, enrolPath, in)
}

// Renew passes a renewal on. What was shown in TLS counts for nothing there: the proof in the request does.
func (c *Client) Renew(ctx context.Context, _ *x509.Certificate, in pki.RenewRequest) (pki.Certificates, error) {
	if in.Proof == "" { // it comes back by a proof once its certificate has ended
		return pki.Certificates{}, problem.New(problem.Unavailable, "This agent is too old for a certificate authority that runs apart: its renewals hold no proof.").
			WithCode("agent_too_old").WithFix("Upgrade the agent's chart.").WithRetryAfter(5 * time.Minute)
	}
	return c.pass(ctx, renewPath, in)
}

func (c *Client) pass(ctx context.Context, path string, in any) (answer pki.Certificates, err error) {
	// An agent that hangs up now does not make its token worthless.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	return answer, c.call(ctx, c.cfg.Certificate, path, in, &answer)
}

// Service gets a certificate for a service of this replica: by the one held and the token, or, if that one is not
// believed any more, by the token alone.
func (c *Client) Service(ctx context.Context, req authority.ServiceRequest) ([]*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	token, err := os.ReadFile(c.cfg.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("read the replica token: %w", err)
	}
	in := serviceRequest{
		Token: strings.TrimSpace(string(token)), Service: req.Name, Instance: req.Instance, Root: req.Root, CSR: pki.MarshalCSR(req.CSR),
	}
	nobody := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &tls.Certificate{}, nil }
	var answer serviceAnswer
	if req.Held != nil {
		held := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return req.Held, nil }
		if err = c.call(ctx, held, servicePath, in, &answer); err == nil {
			return pki.ParseChainPEM([]byte(answer.Chain))
		}
	}
	if err = c.call(ctx, nobody, servicePath, in, &answer); err != nil {
		return nil, err
	}
	return pki.ParseChainPEM([]byte(answer.Chain))
}

// call posts in, showing a certificate, and decodes the answer. Its errors are problems.
func (c *Client) call(ctx context.Context, show func(*tls.ClientHelloInfo) (*tls.Certificate, error), path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.cfg.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.client(show).Do(req)
	if err != nil {
		return away(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, pki.MaxAnswer+1))
	switch {
	case err != nil:
		return away(err)
	case len(text) > pki.MaxAnswer:
		return away(errors.New("its answer is too large"))
	case res.StatusCode != http.StatusOK:
		return readProblem(res.StatusCode, res.Header.Get("Retry-After"), text)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return away(errors.New("its answer can't be read"))
	}
	return nil
}

// client is for one call: whom to believe and what to show are those of this moment.
func (c *Client) client(show func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *http.Client {
	service := pki.ServiceTLS{Certificate: show, Roots: c.cfg.Roots, Bundle: c.cfg.Bundle}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSClientConfig:     service.Client(pki.ServiceID(c.cfg.TrustDomain, pki.CAService, pki.CAInstance), proto),
			TLSHandshakeTimeout: dialTimeout, DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// away says why the authority could not be asked, as far as an agent may know; the log gets the whole error.
func away(err error) error {
	var name *net.DNSError
	var cert *tls.CertificateVerificationError
	var late net.Error
	why := "the connection failed"
	switch {
	case errors.As(err, &name):
		why = "its name has no address"
	case errors.Is(err, syscall.ECONNREFUSED):
		why = "it refuses the connection"
	case errors.As(err, &late) && late.Timeout():
		why = "it does not answer in time"
	case errors.As(err, &cert), strings.Contains(err.Error(), "service identity"):
		why = "what answers there is not the authority"
	case strings.Contains(err.Error(), "tls: "):
		why = "TLS with it fails"
	}
	return problem.Newf(problem.Unavailable, "The certificate authority runs apart and can't be reached just now: %s.", why).
		WithCode(codeAway).WithFix("Nothing is wrong with the cluster. It is tried again; tunnels that are up stay up.").
		WithRetryAfter(retryAway).WithCause(err)
}
