package cluster

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Facts are all that a cluster's state follows from, read in one statement. Every time is by the database's clock.
type Facts struct {
	Now       time.Time
	Created   time.Time
	Joined    time.Time // its first join token was used; zero: not yet
	Connected time.Time // the present, or last, unbroken time with a session began; zero: it never had one
	Complete  time.Time // it last had as many sessions as wanted again, after a shortage
	LastSeen  time.Time // the end of its last session that ended
	Revoked   time.Time
	Locked    time.Time // two parties were seen to hold its identity
	Refused   time.Time // an agent was refused with one of its join tokens

	Problem   string    // what the agent says is wrong in its cluster
	ProblemAt time.Time // since when; zero: nothing

	LostReason    string // why the last session ended
	RefusedReason string

	AgentVersion     string // as said last
	AgentBefore      string // the one before that
	AgentChanged     time.Time
	CertificateUntil time.Time // the end of the newest certificate

	Live        int       // sessions on a replica whose lease holds
	Lapsed      int       // sessions on one whose lease does not
	Wanted      int       // sessions its agent keeps up; 0: not known
	Holders     int       // replicas that hold the live sessions
	Replicas    int       // replicas that live and have for a while
	Versions    int       // of the agent, in live sessions
	Newest      time.Time // the newest live session was opened
	Intercepted time.Time // the oldest live session of which the outer TLS is opened on its way
	Heard       time.Time // the last heartbeat of a replica that holds a live session
	LapsedHeard time.Time // the same of one whose lease has lapsed
}

// Verdict is what Judge makes of Facts.
type Verdict struct {
	State    State
	Since    time.Time
	Reason   string // for people; empty when there is nothing to say
	LastSeen time.Time
}

// The patience of Judge.
const (
	shortFor   = 30 * time.Second // fewer sessions than wanted: a reconnection takes less
	settleFor  = 2 * time.Minute  // all sessions on one replica: agents move away by themselves
	upgradeFor = 5 * time.Minute  // a rollout of the agent
	staleFor   = 2 * time.Minute  // sessions nobody confirmed: whoever lives has connected elsewhere by then
	renewLate  = 4 * time.Hour    // certificates of 24 h are renewed 8 h before their end
)

// OldestAgent is the oldest agent that is supported, as MAJOR.MINOR: the one before this release's.
const OldestAgent = "0.1"

// Judge is the one place that says what state a cluster is in, since when and why.
func Judge(f Facts) Verdict {
	v := Verdict{LastSeen: latest(f.LastSeen, f.LapsedHeard)}
	switch {
	case !f.Revoked.IsZero():
		v.State, v.Since, v.Reason = Revoked, f.Revoked, "Revoked: this cluster's identity is void for good."
	case f.Live > 0:
		v.LastSeen = f.Heard
		v.State, v.Since, v.Reason = judgeLive(f)
	case f.Lapsed > 0 && f.Now.Sub(f.LapsedHeard) < staleFor:
		v.State, v.Since = Stale, f.LapsedHeard
		v.Reason = "The replica that holds its tunnel no longer confirms it; the agent is expected back in a moment."
	case !f.Connected.IsZero():
		v.State, v.Since = Offline, latest(f.Connected, f.LastSeen, f.LapsedHeard)
		v.Reason = whyOffline(f, v.Since)
	default:
		v.State, v.Since, v.Reason = Pending, f.Created, whyPending(f)
	}
	return v
}

func judgeLive(f Facts) (State, time.Time, string) {
	changing := f.AgentBefore != "" && f.Now.Sub(f.AgentChanged) < upgradeFor
	if changing && (f.Versions > 1 || f.Live < f.Wanted) && f.Locked.IsZero() {
		return Upgrading, f.AgentChanged, fmt.Sprintf("The agent is being replaced: %s by %s.", f.AgentBefore, f.AgentVersion)
	}
	if all := warnings(f); len(all) > 0 {
		since, said := all[0].since, make([]string, len(all))
		for i, w := range all {
			said[i] = w.says
			if w.since.Before(since) {
				since = w.since
			}
		}
		return Degraded, since, strings.Join(said, " ")
	}
	return Connected, latest(f.Connected, f.Complete), ""
}

type warning struct {
	since time.Time
	says  string
}

// warnings are what makes a cluster with live sessions degraded, the most urgent first.
func warnings(f Facts) (all []warning) {
	warn := func(when bool, since time.Time, format string, args ...any) {
		if when {
			all = append(all, warning{since, fmt.Sprintf(format, args...)})
		}
	}
	warn(!f.Locked.IsZero(), f.Locked, "%s", lockedSays)
	warn(!f.ProblemAt.IsZero(), f.ProblemAt, "%s", problemSays(f))
	warn(!f.CertificateUntil.IsZero() && f.CertificateUntil.Sub(f.Now) < renewLate, f.CertificateUntil.Add(-renewLate),
		"The agent's certificate ends at %s and was not renewed: look at the agent's log.", clock(f.CertificateUntil))
	short := latest(f.Connected, f.LastSeen)
	warn(f.Live < f.Wanted && f.Now.Sub(short) >= shortFor, short, "It has %d of %d sessions.%s", f.Live, f.Wanted, because(f.LostReason))
	warn(f.Live > 1 && f.Holders == 1 && f.Replicas > 1 && f.Now.Sub(f.Newest) >= settleFor, f.Newest,
		"All its sessions are on one replica, so the loss of that one would cut it off for a moment.")
	warn(f.Versions > 1 && f.Now.Sub(f.AgentChanged) >= upgradeFor, f.AgentChanged.Add(upgradeFor),
		"Two versions of the agent run side by side: is a rollout stuck?")
	warn(!f.Intercepted.IsZero(), f.Intercepted,
		"A proxy on the agent's side opens the outer TLS of its connection. It can't read the tunnel inside; ask for an exception all the same.")
	warn(older(f.AgentVersion, OldestAgent), latest(f.Connected, f.AgentChanged),
		"Its agent is %s, and the oldest supported is %s: upgrade the chart.", f.AgentVersion, OldestAgent)
	return all
}

const lockedSays = "Two parties hold this cluster's identity, so neither may go on: make a new join token and install the agent with it."

// problemSays: the region's view knows that there is a problem, and not the words.
func problemSays(f Facts) string {
	if f.Problem == "" {
		return "The agent reports something wrong in its cluster."
	}
	return "The agent reports: " + f.Problem
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " The last one that ended: " + reason
}

func whyOffline(f Facts, since time.Time) string {
	switch {
	case !f.Locked.IsZero():
		return lockedSays
	case f.Refused.After(since):
		return refusedSays(f)
	case !f.CertificateUntil.IsZero() && f.CertificateUntil.Before(f.Now):
		return "Its certificate ended at " + clock(f.CertificateUntil) + " while it was away." + because(f.LostReason)
	case f.Lapsed > 0:
		return "The replica that held its tunnel is gone, and the agent did not come back."
	}
	return f.LostReason
}

func whyPending(f Facts) string {
	switch {
	case f.Refused.After(f.Joined):
		return refusedSays(f)
	case !f.Joined.IsZero():
		return "The agent has joined and has not connected yet."
	}
	return "Waiting for the agent to join."
}

// refusedSays: the region's view knows that an agent was refused, and not the words.
func refusedSays(f Facts) string {
	return strings.TrimSpace("An agent was refused at " + clock(f.Refused) + ". " + f.RefusedReason)
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

// older reports whether version is of an earlier MAJOR.MINOR than oldest. What is no version, a build from somebody's
// desk, is not judged.
func older(version, oldest string) bool {
	a, okA := majorMinor(version)
	b, okB := majorMinor(oldest)
	return okA && okB && slices.Compare(a[:], b[:]) < 0
}

func majorMinor(version string) (out [2]int, ok bool) {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return out, false
	}
	for i := range out {
		n, err := strconv.Atoi(parts[i])
		if err != nil || n < 0 {
			return out, false
		}
		out[i] = n
	}
	return out, true
}
