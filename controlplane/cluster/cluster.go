// Package cluster is the domain of connected clusters: what they are called, who may do what in them, the join
// tokens that let an agent in, and the one computed state that every page and answer shows.
package cluster

import "time"

// ID identifies a cluster: a UUID in canonical text form.
type ID string

// Group is what a member is inside one cluster. The agent turns it into the Kubernetes group "kubechat:"+Group; that
// cluster's own RBAC decides what it means there.
type Group string

// The groups a member can be given, from least to most. GroupIndex is the service's own, for the vocabulary.
const (
	GroupViewer   Group = "viewer"
	GroupOperator Group = "operator"
	GroupAdmin    Group = "admin"
	GroupIndex    Group = "index"
)

// Valid reports whether g can be given to a member.
func (g Group) Valid() bool { return g == GroupViewer || g == GroupOperator || g == GroupAdmin }

// State is what a cluster is right now, by the server's clock.
type State string

// The states. Judge, the only place that gives one, says exactly when.
const (
	Pending   State = "pending"   // no agent has connected yet
	Connected State = "connected" // as many live sessions as its agent keeps, and nothing to warn of
	Degraded  State = "degraded"  // usable, and something is wrong that will cost it its redundancy or its sessions
	Upgrading State = "upgrading" // usable, and its agent is being replaced by another version
	Stale     State = "stale"     // the replica that holds its sessions has not confirmed them lately
	Offline   State = "offline"   // it had a session once, and has none
	Revoked   State = "revoked"   // its identity is void for good
)

// States lists every state, from the one that needs a person most to the one that needs none.
var States = []State{Offline, Stale, Degraded, Upgrading, Pending, Connected, Revoked}

// Up reports whether requests reach a cluster in this state.
func (s State) Up() bool { return s == Connected || s == Degraded || s == Upgrading }

// Cluster is one Kubernetes cluster of a tenant. It is comparable: whoever watches it compares it.
type Cluster struct {
	ID                ID
	Name              string // unique in the tenant, a DNS-1123 label
	Region            string
	State             State
	Since             time.Time // when State began
	Reason            string    // why, in words for people; may be empty
	LastSeen          time.Time // zero if never
	AgentVersion      string
	KubernetesVersion string
	Sessions          int
	SessionsWanted    int           // 0: its agent did not say
	Transports        string        // of the live sessions, sorted, separated by commas
	RoundTrip         time.Duration // the best of the live sessions'; 0: not measured
	CertificateUntil  time.Time     // the end of the newest certificate; zero: it never had one
	Intercepted       bool          // somebody between the agent and us opens the outer TLS of a session
	LockedAt          time.Time     // two parties were seen to hold its identity; zero: it is not locked
	LockReason        string        // by what that was seen, for people
	Problem           string        // what its agent says is wrong in its cluster; empty: nothing
	CreatedAt         time.Time
}

// Session is one session of a tunnel as the directory knows it.
type Session struct {
	ID                string
	Replica           string // that holds it
	Confirmed         bool   // the replica's lease holds: the session lives
	AgentName         string // the agent's pod
	Transport         string
	AgentVersion      string
	KubernetesVersion string
	OpenedAt          time.Time
	RoundTrip         time.Duration // as last measured; 0: not yet
	CertificateUntil  time.Time     // of the certificate it was opened with; zero: not known
	Intercepted       bool
	Trouble           string // why its agent could not connect before; empty: it could
}

// Disconnect is the end of one session.
type Disconnect struct {
	Session      string
	Replica      string
	AgentName    string
	AgentVersion string
	Transport    string
	OpenedAt     time.Time
	ClosedAt     time.Time
	Reason       string // for people
}

// JoinToken is one single-use permission to enrol as a cluster. Its secret is shown once and stored only as a hash.
type JoinToken struct {
	ID        string
	Cluster   ID
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    time.Time // zero while unused
	RevokedAt time.Time // zero unless revoked
}
