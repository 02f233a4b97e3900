package renew

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"time"

	"github.com/kubechat/kubechat/pki"
)

// Dial opens a raw connection, as in package enroll; nil dials directly.
type Dial = func(ctx context.Context, addr string) (net.Conn, error)

// HTTP is the renewal call to the identity's gateway: over mTLS with the certificate held, until that has expired, and
// always with a proof signed by its key. A gateway that issues looks at the first, an authority apart from the gateway
// has only the second. After the certificate's end the proof is good for pki.RecoveryLimit.
func HTTP(dial Dial) Func {
	return func(ctx context.Context, held pki.Identity, csr *x509.CertificateRequest) (pki.Certificates, error) {
		now := time.Now()
		proof, err := pki.SignProof(held, csr, now)
		if err != nil {
			return pki.Certificates{}, err
		}
		in := pki.RenewRequest{CSR: pki.MarshalCSR(csr), Proof: proof, Bundle: held.BundleVersion}
		expired := !now.Before(held.Chain[0].NotAfter)
		client, err := newClient(dial, held, !expired)
		if err != nil {
			return pki.Certificates{}, err
		}
		var answer pki.Certificates
		err = pki.Call(ctx, client, "https://"+held.Gateway+pki.RenewPath, in, &answer)
		return answer, err
	}
}

// Trust asks the identity's gateway for the bundle to hold, and tells which one is held. Own is what proves where the
// agent runs; nil: nothing does.
func Trust(dial Dial, own func(context.Context) pki.OwnCluster) func(context.Context, pki.Identity) (pki.Bundle, error) {
	return func(ctx context.Context, held pki.Identity) (pki.Bundle, error) {
		in := pki.TrustRequest{Bundle: held.BundleVersion}
		if own != nil {
			in.OwnCluster = own(ctx)
		}
		client, err := newClient(dial, held, true)
		if err != nil {
			return pki.Bundle{}, err
		}
		var answer pki.TrustAnswer
		if err := pki.Call(ctx, client, "https://"+held.Gateway+pki.TrustPath, in, &answer); err != nil {
			return pki.Bundle{}, err
		}
		return answer.ParseBundle()
	}
}

// Report tells the identity's gateway what is wrong in the agent's cluster. One of before answers 404.
func Report(dial Dial) func(ctx context.Context, held pki.Identity, problem string) error {
	return func(ctx context.Context, held pki.Identity, problem string) error {
		client, err := newClient(dial, held, true)
		if err != nil {
			return err
		}
		var nothing struct{}
		return pki.Call(ctx, client, "https://"+held.Gateway+pki.ReportPath, pki.Report{Problem: problem}, &nothing)
	}
}

// newClient is a client that believes what the identity does, shows its certificate where show says so, and follows no
// redirect.
func newClient(dial Dial, held pki.Identity, show bool) (*http.Client, error) {
	if dial == nil {
		dial = func(ctx context.Context, addr string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		}
	}
	host, _, err := net.SplitHostPort(held.Gateway)
	if err != nil {
		return nil, err
	}
	const proto = "http/1.1"
	cfg := pki.GatewayConfig(host, held.ID.TrustDomain, nil, append([]string{proto}, held.Bundle().RootHints()...)...)
	cfg.InsecureSkipVerify = true // #nosec G402 verified below, distrusted authorities left out
	cfg.VerifyConnection = func(cs tls.ConnectionState) error {
		return verify(cs, held, host, []string{proto}, time.Now())
	}
	if show {
		cfg.Certificates = []tls.Certificate{held.TLSCertificate()}
	}
	return &http.Client{Transport: &http.Transport{
		// Not TLSClientConfig: net/http would put its own names before ours.
		DialTLSContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			raw, err := dial(ctx, addr)
			if err != nil {
				return nil, err
			}
			conn := tls.Client(raw, cfg)
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			if err := conn.HandshakeContext(ctx); err != nil {
				_ = raw.Close()
				return nil, err
			}
			return conn, nil
		},
		DisableKeepAlives: true,
	}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}
