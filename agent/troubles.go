package agent

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/dialer"
)

// troubles are the last reasons why the agent could not connect, in words for people. The control plane's page shows
// them with the session that came about after all. They never hold a secret: errors of a dial don't.
type troubles struct {
	mu   sync.Mutex // guards last
	last []string   // distinct, the newest last
}

// keptTroubles is how many are told.
const keptTroubles = 3

// note keeps a reason; of a race between transports, that of each.
func (t *troubles) note(err error) {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range slices.Backward(all.Unwrap()) {
			t.note(one)
		}
		return
	}
	says := plainly(err)
	if says == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(slices.DeleteFunc(t.last, func(s string) bool { return s == says }), says)
	t.last = t.last[max(0, len(t.last)-keptTroubles):]
}

// text is all of them, the newest first, as far as pki.MaxWords allows.
func (t *troubles) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	newest := slices.Clone(t.last)
	slices.Reverse(newest)
	return cutWords(strings.Join(newest, " "))
}

// over forgets them: a session is up.
func (t *troubles) over() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = nil
}

// cutWords cuts a text to what is taken.
func cutWords(s string) string {
	for len(s) > pki.MaxWords {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

// plainly says in words for people why the agent did not get through; "" if that is nobody's trouble.
func plainly(err error) string {
	if err == nil || errors.Is(err, context.Canceled) {
		return ""
	}
	if refused, ok := errors.AsType[*pki.CallError](err); ok {
		return sentence("KubeChat answered " + strings.TrimPrefix(refused.Error(), "the control plane answered "))
	}
	if closed, ok := errors.AsType[*tunnel.CloseError](err); ok {
		if closed.Detail == "" {
			return sentence("The session was refused: " + string(closed.Reason))
		}
		return sentence("The session was refused: " + closed.Detail)
	}
	step, ok := errors.AsType[*dialer.StepError](err)
	if !ok {
		return sentence("Connecting failed: " + err.Error())
	}
	whose := "the gateway"
	if step.Step == dialer.StepProxy {
		whose = "the proxy"
	}
	_, inner := stepOf(step)
	var unknown x509.UnknownAuthorityError
	switch {
	case inner == dialer.StepDNS:
		return sentence("The name of " + whose + " can't be looked up: " + cause(step))
	case inner == dialer.StepTCP:
		return sentence("No connection to " + whose + ": " + cause(step))
	case step.Step == dialer.StepProxy:
		return sentence("The proxy at " + step.At + " does not connect: " + cause(step))
	case step.Step == dialer.StepTLS && errors.As(err, &unknown):
		return "Something between the cluster and KubeChat opens TLS, or another server answers: the certificate shown is not the gateway's."
	case step.Step == dialer.StepTLS:
		return sentence("TLS with the gateway fails: " + cause(step))
	}
	return sentence(string(step.Step) + " fails: " + cause(step))
}

// sentence ends with a full stop.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}
