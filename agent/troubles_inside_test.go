package agent

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/dialer"
)

func TestTroublesAreTheLastDistinctOnesUntilASessionIsUp(t *testing.T) {
	t.Parallel()
	var all troubles
	for i := range 4 {
		all.note(fmt.Errorf("reason %d", i))
	}
	all.note(errors.New("reason 2"))
	all.note(nil)
	all.note(context.Canceled)
	if got, want := all.text(), "Connecting failed: reason 2. Connecting failed: reason 3. Connecting failed: reason 1."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	all.note(errors.New(strings.Repeat("ä", 600)))
	if got := all.text(); len(got) > pki.MaxWords || !strings.HasPrefix(got, "Connecting failed: ä") {
		t.Errorf("%d bytes", len(got))
	}
	all.over()
	if got := all.text(); got != "" {
		t.Errorf("after a session: %q", got)
	}
}

func TestWhatFailedIsSaidInPlainWords(t *testing.T) {
	t.Parallel()
	step := func(s dialer.Step, at, what string) error {
		return &dialer.StepError{Step: s, At: at, Err: errors.New(what)}
	}
	for want, err := range map[string]error{
		"The name of the gateway can't be looked up: no such host.":              step(dialer.StepDNS, "gateway.example", "no such host"),
		"The name of the proxy can't be looked up: no such host.":                &dialer.StepError{Step: dialer.StepProxy, At: "proxy.example:3128", Err: step(dialer.StepDNS, "proxy.example", "no such host")},
		"No connection to the gateway: refused.":                                 step(dialer.StepTCP, "gateway.example:443", "refused"),
		"The proxy at proxy.example:3128 does not connect: it wants a password.": step(dialer.StepProxy, "proxy.example:3128", "it wants a password"),
		"Something between the cluster and KubeChat opens TLS, or another server answers: the certificate shown is not the gateway's.": &dialer.StepError{
			Step: dialer.StepTLS, Err: x509.UnknownAuthorityError{}},
		"TLS with the gateway fails: cut.":                        step(dialer.StepTLS, "", "cut"),
		"HELLO fails: no answer.":                                 step(dialer.StepHello, "", "no answer"),
		"KubeChat answered 503: The authority is away. Wait.":     fmt.Errorf("enrol: %w", &pki.CallError{Status: 503, Detail: "The authority is away.", Fix: "Wait."}),
		"The session was refused: Two parties hold the identity.": &dialer.StepError{Step: dialer.StepHello, Err: &tunnel.CloseError{Reason: tunnel.ReasonUnacceptable, Detail: "Two parties hold the identity."}},
		"": context.Canceled,
	} {
		if got := plainly(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWhatIsWrongIsToldOnceAndAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	var s selfCheck
	if _, looked := s.attr(); looked {
		t.Error("HELLO says something before anybody looked")
	}
	if s.tell(""); !s.found("") {
		t.Error("the first look is no news")
	}
	s.tell("")
	if s.found("") {
		t.Error("what was told is news")
	}
	if !s.found("RBAC: no.") {
		t.Error("a problem is no news")
	}
	if s.tell("another"); !s.found("RBAC: no.") {
		t.Error("something else was told, and counts")
	}
	if said, looked := s.attr(); said != "RBAC: no." || !looked {
		t.Errorf("HELLO says %q", said)
	}
	s.tell("RBAC: no.")
	if s.found("RBAC: no.") || !s.found("") {
		t.Error("the same is news, or that it is mended is not")
	}
}
