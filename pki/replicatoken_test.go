package pki_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/pki"
)

func TestReplicaTokenIsGoodWhereItWasMadeUntilItEnds(t *testing.T) {
	t.Parallel()
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	other, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	made, err := pki.NewReplicaToken(key, "eu1.kubechat.test", now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	read, err := pki.ParseReplicaToken(" " + made.String() + "\n")
	if err != nil || read.ID != made.ID || !read.Expires.Equal(made.Expires) || read.String() != made.String() {
		t.Fatalf("%+v %v", read, err)
	}
	if err := read.Verify(key.Public(), "eu1.kubechat.test", now); err != nil {
		t.Errorf("a good one: %v", err)
	}
	if err := read.Verify(key.Public(), "us1.kubechat.test", now); err == nil || errors.Is(err, pki.ErrReplicaTokenEnded) {
		t.Errorf("in another trust domain: %v", err)
	}
	if err := read.Verify(other.Public(), "eu1.kubechat.test", now); err == nil || errors.Is(err, pki.ErrReplicaTokenEnded) {
		t.Errorf("for another key: %v", err)
	}
	if err := read.Verify(key.Public(), "eu1.kubechat.test", now.Add(2*time.Hour)); !errors.Is(err, pki.ErrReplicaTokenEnded) {
		t.Errorf("afterwards: %v", err)
	}
	longer := read
	longer.Expires = longer.Expires.Add(24 * time.Hour)
	if err := longer.Verify(key.Public(), "eu1.kubechat.test", now); err == nil {
		t.Error("somebody made it last longer")
	}
}

func TestReplicaTokenCatchesDamageAndStaysOutOfLogs(t *testing.T) {
	t.Parallel()
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	made, err := pki.NewReplicaToken(key, "eu1.kubechat.test", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	text := made.String()
	for i := range text {
		for _, bad := range []string{text[:i], text[:i] + "x" + text[i+1:], text[:i] + "-" + text[i:]} {
			if _, err := pki.ParseReplicaToken(bad); err == nil && bad != text {
				t.Fatalf("damaged at %d and read", i)
			} else if err != nil && len(bad) > 20 && strings.Contains(err.Error(), bad[10:20]) {
				t.Fatalf("the error quotes it: %v", err)
			}
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "token", made)
	for _, shown := range []string{log.String(), fmt.Sprintf("%#v", made)} {
		if strings.Contains(shown, text[30:60]) || !strings.Contains(shown, made.ID) {
			t.Errorf("shown as %s", shown)
		}
	}
}

// FuzzParseReplicaToken: what anybody may send to the authority.
func FuzzParseReplicaToken(f *testing.F) {
	f.Add("kcr1_")
	f.Add("kcr1_0000000000")
	f.Fuzz(func(t *testing.T, text string) {
		if made, err := pki.ParseReplicaToken(text); err == nil && made.String() != strings.TrimSpace(text) {
			t.Errorf("%q is read as %q", text, made.String())
		}
	})
}
