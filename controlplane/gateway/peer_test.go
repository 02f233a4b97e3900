package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"testing"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/pkitest"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
)

// seen is a connection whose chain somebody has verified already, showing that name.
func seen(id pki.ID) tls.ConnectionState {
	leaf := &x509.Certificate{URIs: []*url.URL{id.URL()}}
	return tls.ConnectionState{
		NegotiatedProtocol: tlsmux.ALPN, PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf}},
	}
}

// TestEachCheckOfAPeerStandsByItself: behind most of them there is another one, so that no session shows when one is gone.
func TestEachCheckOfAPeerStandsByItself(t *testing.T) {
	t.Parallel()
	a := pkitest.New(t)
	g := &Gateway{cfg: Config{Authority: a.Authority}}
	admitted := 0
	g.admitted = newAdmissions(func(context.Context, string, string) error { admitted++; return nil })
	t1, c1 := uuid.NewString(), uuid.NewString()
	good := seen(pki.ClusterID(pkitest.TrustDomain, t1, c1))
	if k, err := g.peer(good); err != nil || string(k.tenant) != t1 || string(k.cluster) != c1 {
		t.Errorf("a cluster: %v %v", k, err)
	}
	if err := g.verify(t.Context(), good); err != nil || admitted != 1 {
		t.Errorf("a cluster, asked for %d times: %v", admitted, err)
	}
	unverified := good
	unverified.VerifiedChains = nil
	nobody := tls.ConnectionState{NegotiatedProtocol: tlsmux.ALPN}
	other := good
	other.NegotiatedProtocol = "kct/9"
	for name, cs := range map[string]tls.ConnectionState{
		"a service":           seen(pki.ServiceID(pkitest.TrustDomain, pki.GatewayService, "x")),
		"another region's":    seen(pki.ClusterID("us1.kubechat.test", t1, c1)),
		"nobody":              nobody,
		"not verified":        unverified,
		"an unknown protocol": other,
	} {
		if err := g.verify(t.Context(), cs); err == nil {
			t.Errorf("%s was let in", name)
		}
	}
	call := tls.ConnectionState{NegotiatedProtocol: protoHTTP}
	if err := g.verify(t.Context(), call); err != nil || admitted != 1 {
		t.Errorf("an enrolment needs no certificate: %v", err)
	}
}
