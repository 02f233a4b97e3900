package login_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/login"
)

func TestEveryTokenIsWellFormedAndItsOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 2000 {
		s := login.NewTokenSecret().Reveal()
		if !login.WellFormed(s) || seen[s] {
			t.Fatalf("not well formed, or seen before, after %d", len(seen))
		}
		seen[s] = true
	}
}

func TestMistypedTokenIsKnownWithoutALookUp(t *testing.T) {
	t.Parallel()
	s := login.NewTokenSecret().Reveal()
	flipped := []byte(s)
	flipped[10] ^= 1
	for _, wrong := range []string{"", "kcp_", s[:len(s)-1], s + "0", strings.ToUpper(s), string(flipped), "kcj1_" + s[4:]} {
		if login.WellFormed(wrong) {
			t.Errorf("%d letters were taken for a token", len(wrong))
		}
	}
}

func TestSecretPrintsAsNothing(t *testing.T) {
	t.Parallel()
	s := login.NewLoginSecret()
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", s)
	fmt.Fprintf(&out, "%v %s %+v", s, s, struct{ S login.Secret }{s})
	if strings.Contains(out.String(), s.Reveal()) {
		t.Error(out.String())
	}
}
