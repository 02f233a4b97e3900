package faults

import (
	"log/slog"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/rig"
	"github.com/kubechat/kubechat/tunnel/dialer"
)

// row is one of the fault matrix, or one form of it. Its number is that of docs/faults.md.
type row struct {
	number int
	name   string
	// shared runs over the replica that all rows share, own over what the row makes for itself.
	shared func(*testing.T, *rig.Service, *rig.Replica)
	own    func(*testing.T)
}

func rows() []row {
	all := []row{ // those that wait the longest come first
		{6, "agent stopped", stoppedAgent, nil},
		{7, "replica stopped", nil, stoppedReplica},
		{8, "stuck in TCP", nil, stuckInTCP},
		{8, "stuck in TLS", stuck{rig.StuckInTLS, dialer.TLS, "TLS with the gateway: no answer in the TLS handshake within 10s"}.run, nil},
		{8, "stuck in HELLO", stuck{rig.StuckInHello, dialer.TLS, "HELLO: tunnel handshake"}.run, nil},
		{8, "stuck in the WebSocket's upgrade", stuck{rig.StuckInUpgrade, dialer.WebSocket, "WebSocket: no answer to the WebSocket's upgrade within 10s"}.run, nil},
		{14, "thin uplink", thinUplink, nil},
		{15, "UDP blocked later, small MTU", udpBlockedLater, nil},
		{19, "API server blackholed", apiServerBlackholed, nil},
		{20, "DRAIN lost", nil, drainIsLost},
		{22, "replicas cut from each other", nil, replicasCutFromEachOther},
	}
	for _, c := range cuts {
		all = append(all,
			row{c.row, c.name + ", every load", c.loaded, nil},
			row{c.row, c.name + ", every session", c.cutOff, nil},
			row{c.row, c.name + ", idle", c.idle, nil})
	}
	return append(all,
		row{9, "one of two backends blackholed", blackholedBackend, nil},
		row{10, "one session flaps", flapping(1), nil},
		row{10, "both sessions flap", flapping(2), nil},
		row{11, "clients that never read", nil, clientThatNeverReads},
		row{12, "clients that vanish", clientThatVanishes, nil},
		row{13, "output after the input's end", outputAfterTheInputsEnd, nil},
		row{15, "UDP blocked at the start", udpBlockedFromTheStart, nil},
		row{17, "clock an hour off at enrolment", skewedClock, nil},
		row{19, "API server restarts", apiServerRestarts, nil},
		row{19, "service account's token rotated", tokenRotated, nil},
		row{20, "DRAIN's deadline passes", nil, drainsDeadlinePasses},
		row{20, "second replica drains", nil, secondReplicaDrains},
	)
}

// TestFaults runs all rows at once. What they share must in the end be as it was before.
func TestFaults(t *testing.T) {
	until := time.Now().Add(soak())
	for again := true; again; again = time.Now().Before(until) && !t.Failed() {
		t.Run("rows", together)
	}
}

func together(t *testing.T) {
	s := rig.New(t)
	said := new(rig.Output)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the replica warned of:\n%s", said)
		}
	})
	r := s.Replica(t, rig.ReplicaOptions{Log: slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	warm := s.Join(t, rig.JoinOptions{})
	if _, err := warm.Client(t).Get(t.Context(), rig.Pods+"/cart"); err != nil {
		t.Fatal(err)
	}
	before := s.Tasks.Count()
	t.Run("", func(t *testing.T) {
		for _, row := range rows() {
			t.Run(row.name, func(t *testing.T) {
				t.Parallel()
				if row.own != nil {
					row.own(t)
					return
				}
				rig.Label(t)
				row.shared(t, s, r)
			})
		}
	})
	rig.Eventually(t, 2*slack, "no stream is left", func() bool { return r.Streams() == 0 })
	s.Tasks.Settle(t, "after all rows", before)
}
