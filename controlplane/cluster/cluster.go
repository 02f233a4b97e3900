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

// The states.
const (
	Pending   State = "pending"   // no agent has joined yet
	Connected State = "connected" // at least one live session
	Offline   State = "offline"   // it had a session once, and has none
	Revoked   State = "revoked"   // its identity is void for good
)

// Cluster is one Kubernetes cluster of a tenant.
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
	CreatedAt         time.Time
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
