package cluster_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
)

// ago is a time by the database's clock of these tests.
func ago(d time.Duration) time.Time { return noon.Add(-d) }

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// healthy is a cluster of which there is nothing to say.
func healthy() cluster.Facts {
	return cluster.Facts{
		Now: noon, Created: ago(90 * time.Hour), Joined: ago(80 * time.Hour), Connected: ago(70 * time.Hour), LastSeen: ago(60 * time.Hour),
		AgentVersion: "0.2.1", AgentChanged: ago(80 * time.Hour), CertificateUntil: noon.Add(12 * time.Hour),
		Live: 2, Wanted: 2, Holders: 2, Replicas: 3, Versions: 1, Newest: ago(time.Hour), Heard: ago(time.Second),
	}
}

// Each case starts from a healthy cluster and changes what its name says.
func TestStateFollowsFromFacts(t *testing.T) {
	t.Parallel()
	none := func(f *cluster.Facts) {
		f.Live, f.Holders, f.Versions, f.Heard, f.Newest = 0, 0, 0, time.Time{}, time.Time{}
	}
	for _, c := range []struct {
		name   string
		change func(*cluster.Facts)
		state  cluster.State
		since  time.Time
		seen   time.Time
		says   string
	}{
		{"never joined", func(f *cluster.Facts) { *f = cluster.Facts{Now: noon, Created: ago(time.Hour)} },
			cluster.Pending, ago(time.Hour), time.Time{}, "Waiting for the agent to join."},
		{"refused before it joined", func(f *cluster.Facts) {
			*f = cluster.Facts{Now: noon, Created: ago(time.Hour), Refused: ago(time.Minute), RefusedReason: "This join token has expired."}
		}, cluster.Pending, ago(time.Hour), time.Time{}, "refused at 2026-11-24 11:59 UTC. This join token has expired."},
		{"joined, not connected", func(f *cluster.Facts) {
			*f = cluster.Facts{Now: noon, Created: ago(time.Hour), Joined: ago(time.Minute)}
		}, cluster.Pending, ago(time.Hour), time.Time{}, "has joined and has not connected"},
		{"all well", func(*cluster.Facts) {}, cluster.Connected, ago(70 * time.Hour), ago(time.Second), ""},
		{"complete again after a shortage", func(f *cluster.Facts) { f.Complete = ago(time.Hour) },
			cluster.Connected, ago(time.Hour), ago(time.Second), ""},
		{"an agent that does not say how many", func(f *cluster.Facts) { f.Live, f.Wanted, f.Holders = 1, 0, 1 },
			cluster.Connected, ago(70 * time.Hour), ago(time.Second), ""},
		{"more than wanted, while one replaces another", func(f *cluster.Facts) { f.Live = 3 },
			cluster.Connected, ago(70 * time.Hour), ago(time.Second), ""},
		{"one session short, just now", func(f *cluster.Facts) { f.Live, f.LastSeen = 1, ago(29*time.Second) },
			cluster.Connected, ago(70 * time.Hour), ago(time.Second), ""},
		{"one session short", func(f *cluster.Facts) { f.Live, f.LastSeen, f.LostReason = 1, ago(30*time.Second), "It was dead." },
			cluster.Degraded, ago(30 * time.Second), ago(time.Second), "1 of 2 sessions. The last one that ended: It was dead."},
		{"only one came up at all", func(f *cluster.Facts) { f.Live, f.Connected = 1, ago(time.Minute) },
			cluster.Degraded, ago(time.Minute), ago(time.Second), "1 of 2"},
		{"all on one replica of many", func(f *cluster.Facts) { f.Holders = 1 },
			cluster.Degraded, ago(time.Hour), ago(time.Second), "on one replica"},
		{"all on one replica, newly", func(f *cluster.Facts) { f.Holders, f.Newest = 1, ago(time.Minute) },
			cluster.Connected, ago(70 * time.Hour), ago(time.Second), ""},
		{"all on the only replica", func(f *cluster.Facts) { f.Holders, f.Replicas = 1, 1 },
			cluster.Connected, ago(70 * time.Hour), ago(time.Second), ""},
		{"intercepted", func(f *cluster.Facts) { f.Intercepted = ago(time.Hour) },
			cluster.Degraded, ago(time.Hour), ago(time.Second), "opens the outer TLS"},
		{"certificate not renewed", func(f *cluster.Facts) { f.CertificateUntil = noon.Add(3 * time.Hour) },
			cluster.Degraded, ago(time.Hour), ago(time.Second), "ends at 2026-11-24 15:00 UTC"},
		{"something wrong in its cluster", func(f *cluster.Facts) { f.ProblemAt, f.Problem = ago(time.Minute), "It may not impersonate." },
			cluster.Degraded, ago(time.Minute), ago(time.Second), "The agent reports: It may not impersonate."},
		{"something wrong, for the region's eyes", func(f *cluster.Facts) { f.ProblemAt = ago(time.Minute) },
			cluster.Degraded, ago(time.Minute), ago(time.Second), "The agent reports something wrong in its cluster."},
		{"agent too old", func(f *cluster.Facts) { f.AgentVersion = "v0.0.9" },
			cluster.Degraded, ago(70 * time.Hour), ago(time.Second), "oldest supported is 0.1"},
		{"agent of somebody's desk", func(f *cluster.Facts) { f.AgentVersion = "dev" },
			cluster.Connected, ago(70 * time.Hour), ago(time.Second), ""},
		{"two warnings", func(f *cluster.Facts) { f.Intercepted, f.CertificateUntil = ago(2*time.Hour), noon.Add(3*time.Hour) },
			cluster.Degraded, ago(2 * time.Hour), ago(time.Second), "not renewed: look at the agent's log. A proxy"},
		{"locked, its sessions not yet ended", func(f *cluster.Facts) { f.Locked = ago(time.Second) },
			cluster.Degraded, ago(time.Second), ago(time.Second), "Two parties hold"},
		{"rollout: both versions", func(f *cluster.Facts) {
			f.Versions, f.Live, f.AgentBefore, f.AgentChanged = 2, 3, "0.2.0", ago(time.Minute)
		},
			cluster.Upgrading, ago(time.Minute), ago(time.Second), "0.2.0 by 0.2.1"},
		{"rollout: the new one is not complete", func(f *cluster.Facts) {
			f.Live, f.AgentBefore, f.AgentChanged, f.LastSeen = 1, "0.2.0", ago(time.Minute), ago(time.Minute)
		},
			cluster.Upgrading, ago(time.Minute), ago(time.Second), "0.2.0 by 0.2.1"},
		{"rollout done", func(f *cluster.Facts) { f.AgentBefore, f.AgentChanged = "0.2.0", ago(time.Minute) },
			cluster.Connected, ago(70 * time.Hour), ago(time.Second), ""},
		{"rollout stuck", func(f *cluster.Facts) { f.Versions, f.AgentBefore, f.AgentChanged = 2, "0.2.0", ago(6*time.Minute) },
			cluster.Degraded, ago(time.Minute), ago(time.Second), "rollout stuck"},
		{"its replica's lease lapsed", func(f *cluster.Facts) { none(f); f.Lapsed, f.LapsedHeard = 2, ago(15*time.Second) },
			cluster.Stale, ago(15 * time.Second), ago(15 * time.Second), "no longer confirms"},
		{"one of two replicas lapsed", func(f *cluster.Facts) {
			f.Live, f.Lapsed, f.LapsedHeard, f.LastSeen = 1, 1, ago(15*time.Second), ago(time.Hour)
		},
			cluster.Degraded, ago(time.Hour), ago(time.Second), "1 of 2"},
		{"lapsed for long", func(f *cluster.Facts) { none(f); f.Lapsed, f.LapsedHeard = 2, ago(2*time.Minute) },
			cluster.Offline, ago(2 * time.Minute), ago(2 * time.Minute), "did not come back"},
		{"no session left", func(f *cluster.Facts) { none(f); f.LastSeen, f.LostReason = ago(time.Minute), "The agent was stopped." },
			cluster.Offline, ago(time.Minute), ago(time.Minute), "The agent was stopped."},
		{"offline and refused since", func(f *cluster.Facts) {
			none(f)
			f.LastSeen, f.Refused, f.RefusedReason = ago(time.Hour), ago(time.Minute), "This join token was used already."
		}, cluster.Offline, ago(time.Hour), ago(time.Hour), "used already"},
		{"offline beyond its certificate", func(f *cluster.Facts) { none(f); f.LastSeen, f.CertificateUntil = ago(30*time.Hour), ago(6*time.Hour) },
			cluster.Offline, ago(30 * time.Hour), ago(30 * time.Hour), "certificate ended at 2026-11-24 06:00 UTC"},
		{"offline since its identity was locked", func(f *cluster.Facts) { none(f); f.LastSeen, f.Locked = ago(time.Minute), ago(time.Minute) },
			cluster.Offline, ago(time.Minute), ago(time.Minute), "Two parties hold"},
		{"revoked, its sessions not yet ended", func(f *cluster.Facts) { f.Revoked = ago(time.Second) },
			cluster.Revoked, ago(time.Second), ago(60 * time.Hour), "void for good"},
		{"revoked before it joined", func(f *cluster.Facts) {
			*f = cluster.Facts{Now: noon, Created: ago(time.Hour), Revoked: ago(time.Minute)}
		}, cluster.Revoked, ago(time.Minute), time.Time{}, "void for good"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := healthy()
			c.change(&f)
			got := cluster.Judge(f)
			if got.State != c.state || !got.Since.Equal(c.since) || !got.LastSeen.Equal(c.seen) || !strings.Contains(got.Reason, c.says) {
				t.Errorf("got %s since %s (seen %s): %s\nwant %s since %s (seen %s): …%s…", got.State, got.Since, got.LastSeen, got.Reason,
					c.state, c.since, c.seen, c.says)
			}
			if c.says == "" && got.Reason != "" {
				t.Errorf("a reason where there is nothing to say: %s", got.Reason)
			}
		})
	}
}

func TestUpIsWhatRequestsReach(t *testing.T) {
	t.Parallel()
	for _, s := range cluster.States {
		if want := s == cluster.Connected || s == cluster.Degraded || s == cluster.Upgrading; s.Up() != want {
			t.Errorf("%s: %t", s, s.Up())
		}
	}
}
