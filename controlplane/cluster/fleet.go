package cluster

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// FleetStore reads what the fleet's pages show.
type FleetStore interface {
	// Sessions are the sessions of one cluster, the oldest first.
	Sessions(ctx context.Context, t tenant.ID, id ID) ([]Session, error)
	// Disconnects are the last ends of sessions of one cluster, the newest first.
	Disconnects(ctx context.Context, t tenant.ID, id ID) ([]Disconnect, error)
	// Region is every tenant's clusters without any name or text of theirs: for the provider alone.
	Region(ctx context.Context) ([]RegionCluster, error)
}

// RegionCluster is a cluster as the provider's operators see it: without its name and without words that came from
// outside.
type RegionCluster struct {
	Cluster
	Tenant tenant.ID
	Slug   string // the tenant's name in URLs
}

// FleetQuery says which clusters are wanted, and in which order. Its zero value wants all, by name.
type FleetQuery struct {
	States    []State
	Region    string
	Version   string // of the agent
	Transport string // some live session uses it
	Search    string // part of the name, a version or the region, or the id's beginning; in any case
	Sort      FleetSort
	Down      bool   // the largest first
	After     string // FleetPage.Next of the page before
	Limit     int    // 0: 200; 10,000 at most
}

// FleetSort is what a fleet is ordered by.
type FleetSort string

// The orders.
const (
	SortName        FleetSort = "name"
	SortState       FleetSort = "state" // what needs a person most comes first
	SortSince       FleetSort = "since"
	SortLastSeen    FleetSort = "lastSeen"
	SortRegion      FleetSort = "region"
	SortAgent       FleetSort = "agentVersion"
	SortKubernetes  FleetSort = "kubernetesVersion"
	SortRoundTrip   FleetSort = "roundTrip"
	SortCertificate FleetSort = "certificateUntil"
)

// MaxFleetPage is the most clusters one page holds.
const MaxFleetPage = 10_000

// FleetPage is a part of the clusters that were asked for.
type FleetPage[C any] struct {
	Items  []C
	Total  int           // that match, on all pages
	Counts map[State]int // of all there are, whatever was asked for; every state is there
	Next   string        // After of the next page; empty: this is the last
}

// Fleet is a tenant's clusters, for its admins.
func (s *Service) Fleet(ctx context.Context, scope tenant.Scope, q FleetQuery) (FleetPage[Cluster], error) {
	if !scope.Can(tenant.ReadFleet) {
		return FleetPage[Cluster]{}, onlyAdmins("see the fleet")
	}
	all, err := s.store.Clusters(ctx, scope.Tenant)
	if err != nil {
		return FleetPage[Cluster]{}, err
	}
	return page(all, q, func(c *Cluster) *Cluster { return c })
}

// Region is every tenant's clusters. It is the provider's: whoever calls it has made sure that an operator asks.
func (s *Service) Region(ctx context.Context, q FleetQuery) (FleetPage[RegionCluster], error) {
	all, err := s.store.Region(ctx)
	if err != nil {
		return FleetPage[RegionCluster]{}, err
	}
	return page(all, q, func(c *RegionCluster) *Cluster { return &c.Cluster })
}

// Sessions are one cluster's sessions and the last ends of its sessions.
func (s *Service) Sessions(ctx context.Context, scope tenant.Scope, id ID) ([]Session, []Disconnect, error) {
	if !scope.Can(tenant.ReadClusters) {
		return nil, nil, onlyMembers
	}
	if _, err := s.store.Cluster(ctx, scope.Tenant, id); err != nil { // another tenant's is not found
		return nil, nil, err
	}
	live, err := s.store.Sessions(ctx, scope.Tenant, id)
	if err != nil {
		return nil, nil, err
	}
	ended, err := s.store.Disconnects(ctx, scope.Tenant, id)
	return live, ended, err
}

// SessionMeasured keeps the round trip of the session called session.
func (s *Service) SessionMeasured(ctx context.Context, t tenant.ID, id ID, session string, roundTrip time.Duration) error {
	return s.replicas.store.MeasureSession(ctx, SessionKey{Tenant: t, Cluster: id, Session: session}, roundTrip)
}

func page[C any](all []C, q FleetQuery, in func(*C) *Cluster) (FleetPage[C], error) {
	out := FleetPage[C]{Items: []C{}, Counts: map[State]int{}}
	for _, st := range States {
		out.Counts[st] = 0
	}
	order, err := q.order()
	if err != nil {
		return out, err
	}
	keep := make([]*C, 0, len(all))
	for i := range all {
		c := in(&all[i])
		out.Counts[c.State]++
		if q.wants(c) {
			keep = append(keep, &all[i])
		}
	}
	out.Total = len(keep)
	slices.SortFunc(keep, func(a, b *C) int { return order(in(a), in(b)) })
	if q.After != "" {
		last, err := parseFleetCursor(q.After)
		if err != nil {
			return out, err
		}
		from, exact := slices.BinarySearchFunc(keep, last, func(a *C, b Cluster) int { return order(in(a), &b) })
		if exact {
			from++
		}
		keep = keep[from:]
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 200
	}
	limit = min(limit, MaxFleetPage)
	if len(keep) > limit {
		keep = keep[:limit]
		out.Next = fleetCursor(in(keep[limit-1]))
	}
	for _, c := range keep {
		out.Items = append(out.Items, *c)
	}
	return out, nil
}

func (q FleetQuery) wants(c *Cluster) bool {
	switch {
	case len(q.States) > 0 && !slices.Contains(q.States, c.State),
		q.Region != "" && q.Region != c.Region,
		q.Version != "" && q.Version != c.AgentVersion,
		q.Transport != "" && !slices.Contains(strings.Split(c.Transports, ","), q.Transport):
		return false
	case q.Search == "":
		return true
	}
	word := strings.ToLower(strings.TrimSpace(q.Search))
	if strings.HasPrefix(string(c.ID), word) {
		return true
	}
	for _, text := range []string{c.Name, c.AgentVersion, c.KubernetesVersion, c.Region} {
		if strings.Contains(strings.ToLower(text), word) {
			return true
		}
	}
	return false
}

func (q FleetQuery) order() (func(a, b *Cluster) int, error) {
	first, ok := fleetOrders[cmp.Or(q.Sort, SortName)]
	if !ok {
		return nil, problem.Newf(problem.Invalid, "A fleet can't be ordered by %q.", q.Sort)
	}
	sign := 1
	if q.Down {
		sign = -1
	}
	return func(a, b *Cluster) int {
		return cmp.Or(sign*first(a, b), strings.Compare(a.Name, b.Name), strings.Compare(string(a.ID), string(b.ID)))
	}, nil
}

var fleetOrders = map[FleetSort]func(a, b *Cluster) int{
	SortName:        func(a, b *Cluster) int { return strings.Compare(a.Name, b.Name) },
	SortState:       func(a, b *Cluster) int { return slices.Index(States, a.State) - slices.Index(States, b.State) },
	SortSince:       func(a, b *Cluster) int { return a.Since.Compare(b.Since) },
	SortLastSeen:    func(a, b *Cluster) int { return a.LastSeen.Compare(b.LastSeen) },
	SortRegion:      func(a, b *Cluster) int { return strings.Compare(a.Region, b.Region) },
	SortAgent:       func(a, b *Cluster) int { return compareVersions(a.AgentVersion, b.AgentVersion) },
	SortKubernetes:  func(a, b *Cluster) int { return compareVersions(a.KubernetesVersion, b.KubernetesVersion) },
	SortRoundTrip:   func(a, b *Cluster) int { return cmp.Compare(a.RoundTrip, b.RoundTrip) },
	SortCertificate: func(a, b *Cluster) int { return a.CertificateUntil.Compare(b.CertificateUntil) },
}

// compareVersions compares numbers as numbers: v1.9 comes before v1.10.
func compareVersions(a, b string) int {
	x, y := numbers(a), numbers(b)
	return cmp.Or(slices.Compare(x, y), strings.Compare(a, b))
}

func numbers(version string) (out []int) {
	n, in := 0, false
	for _, r := range version + "." {
		if r >= '0' && r <= '9' && n < 1e9 {
			n, in = n*10+int(r-'0'), true
			continue
		}
		if in {
			out = append(out, n)
		}
		n, in = 0, false
	}
	return out
}

// fleetCursor is where a page ends: as much of its last cluster as the orders look at.
func fleetCursor(c *Cluster) string {
	b, err := json.Marshal(Cluster{ID: c.ID, Name: c.Name, Region: c.Region, State: c.State, Since: c.Since, LastSeen: c.LastSeen,
		AgentVersion: c.AgentVersion, KubernetesVersion: c.KubernetesVersion, RoundTrip: c.RoundTrip, CertificateUntil: c.CertificateUntil})
	if err != nil {
		panic("fleet cursor: " + err.Error()) // it is made of our own types
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseFleetCursor(s string) (c Cluster, err error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		return c, problem.New(problem.Invalid, "The page asked for can't be read.").WithFix("Start again without after.")
	}
	return c, nil
}
