package faults

import (
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/rig"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/enroll"
)

// skewedClock is the first of row 17. An hour ahead is no obstacle. An hour behind, the gateway's fresh certificate is of
// the future: that is said, the token is not spent on it, and with the clock put right it is still good.
func skewedClock(t *testing.T, s *rig.Service, r *rig.Replica) {
	join := func(display string, off time.Duration) error {
		token, err := pki.ParseJoinToken(display)
		if err != nil {
			t.Fatal(err)
		}
		_, err = enroll.Join(t.Context(), enroll.Config{
			Token: token, KubeSystemUID: "uid", Now: func() time.Time { return time.Now().Add(off) },
		})
		return err
	}
	_, ahead := s.NewCluster(t, "ahead", r.Tunnels)
	if err := join(ahead, time.Hour); err != nil {
		t.Errorf("an hour ahead: %v", err)
	}
	_, behind := s.NewCluster(t, "behind", r.Tunnels)
	if err := join(behind, -time.Hour); err == nil || !strings.Contains(err.Error(), "not yet valid") || !strings.Contains(err.Error(), "current time") {
		t.Errorf("an hour behind: %v", err)
	}
	if err := join(behind, 0); err != nil {
		t.Errorf("with the clock put right: %v", err)
	}
}
