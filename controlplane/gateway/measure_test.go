package gateway

import (
	"testing"
	"time"

	"github.com/kubechat/kubechat/tunnel"
)

func TestSessionInfoKeepsOnlyWhatItKnows(t *testing.T) {
	t.Parallel()
	until := time.Now()
	got := sessionInfo("s", tunnel.Hello{Name: "pod", Version: "0.2.0", Attrs: map[string]string{
		"kubernetes_version": "v1.37.2", "transport": "quic", "intercepted": "true", "sessions": "2"}}, until)
	if got.Transport != "quic" || !got.Intercepted || got.Wanted != 2 || got.AgentName != "pod" || got.KubernetesVersion != "v1.37.2" || got.CertificateUntil != until {
		t.Errorf("%+v", got)
	}
	got = sessionInfo("s", tunnel.Hello{Attrs: map[string]string{"transport": "carrier pigeon", "intercepted": "maybe", "sessions": "9999"}}, until)
	if got.Transport != "tls" || got.Intercepted || got.Wanted != 0 {
		t.Errorf("%+v", got)
	}
}

func TestRoundTripIsWrittenOnlyWhenItChanged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		before, now time.Duration
		want        bool
	}{
		{0, time.Microsecond, true}, {time.Millisecond, 1900 * time.Microsecond, false}, {time.Millisecond, 3 * time.Millisecond, true},
		{100 * time.Millisecond, 120 * time.Millisecond, false}, {100 * time.Millisecond, 60 * time.Millisecond, true},
	} {
		if got := changed(c.before, c.now); got != c.want {
			t.Errorf("from %s to %s: %t", c.before, c.now, got)
		}
	}
}
