package httpapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Fleet is the part of package cluster that lists many clusters, and looks into one's sessions.
type Fleet interface {
	Fleet(ctx context.Context, scope tenant.Scope, q cluster.FleetQuery) (cluster.FleetPage[cluster.Cluster], error)
	Sessions(ctx context.Context, scope tenant.Scope, id cluster.ID) ([]cluster.Session, []cluster.Disconnect, error)
}

// FleetAnswer is a page of an organisation's clusters.
type FleetAnswer struct {
	Items  []Cluster             `json:"items"`
	Total  int                   `json:"total" doc:"That match, on all pages."`
	Counts map[cluster.State]int `json:"counts" doc:"Of all clusters, by state, whatever was asked for."`
	Next   string                `json:"next,omitempty" doc:"Send it as after to read on; absent at the end."`
}

// TunnelSession is one live tunnel of a cluster.
type TunnelSession struct {
	ID                string     `json:"id"`
	Replica           string     `json:"replica" doc:"The replica of the service that holds it."`
	Confirmed         bool       `json:"confirmed" doc:"False: that replica has not been heard of lately."`
	AgentName         string     `json:"agentName,omitempty" doc:"The agent's pod."`
	Transport         string     `json:"transport" enum:"tls,websocket,quic"`
	AgentVersion      string     `json:"agentVersion,omitempty"`
	KubernetesVersion string     `json:"kubernetesVersion,omitempty"`
	OpenedAt          time.Time  `json:"openedAt"`
	RoundTripMs       float64    `json:"roundTripMs,omitempty" doc:"As last measured."`
	CertificateUntil  *time.Time `json:"certificateUntil,omitempty" doc:"Of the certificate it was opened with."`
	Intercepted       bool       `json:"intercepted,omitempty"`
	Trouble           string     `json:"trouble,omitempty" doc:"Why its agent could not connect before, for people."`
}

// Disconnect is the end of one tunnel.
type Disconnect struct {
	Session      string    `json:"session"`
	Replica      string    `json:"replica"`
	AgentName    string    `json:"agentName,omitempty"`
	AgentVersion string    `json:"agentVersion,omitempty"`
	Transport    string    `json:"transport"`
	OpenedAt     time.Time `json:"openedAt"`
	ClosedAt     time.Time `json:"closedAt"`
	Reason       string    `json:"reason" doc:"Why, for people."`
}

// SessionsAnswer is what is known of one cluster's tunnels.
type SessionsAnswer struct {
	Sessions    []TunnelSession `json:"sessions"`
	Disconnects []Disconnect    `json:"disconnects" doc:"The last 20, the newest first."`
}

type fleetInput struct {
	InTenant
	State       []cluster.State   `query:"state" maxItems:"7" doc:"Only these states."`
	Region      string            `query:"region" maxLength:"100"`
	Version     string            `query:"version" maxLength:"100" doc:"Of the agent."`
	Transport   string            `query:"transport" enum:"tls,websocket,quic"`
	Search      string            `query:"q" maxLength:"200" doc:"Part of the name, a version or the region, or the id's beginning."`
	Sort        cluster.FleetSort `query:"sort" enum:"name,state,since,lastSeen,region,agentVersion,kubernetesVersion,roundTrip,certificateUntil" default:"name"`
	Down        bool              `query:"desc" doc:"The largest first."`
	After       string            `query:"after" maxLength:"2000"`
	Limit       int               `query:"limit" minimum:"1" maximum:"10000" default:"200"`
	IfNoneMatch string            `header:"If-None-Match" maxLength:"100"`
}

type fleetOutput struct {
	Status int
	ETag   string `header:"ETag" doc:"Of all but lastSeen and roundTripMs, which move all the time."`
	Body   *FleetAnswer
}

func (a *API) registerFleet() {
	member(a, op{
		id: "list-fleet", method: http.MethodGet, path: "/fleet", tag: "clusters", action: tenant.ReadFleet,
		summary: "The organisation's clusters with their states, filtered, ordered and paged; 304 if nothing has changed",
	}, a.listFleet)
	member(a, op{
		id: "list-sessions", method: http.MethodGet, path: "/clusters/{c}/sessions", tag: "clusters", action: tenant.ReadClusters,
		summary: "One cluster's live tunnels, and why the last ones ended",
	}, a.listSessions)
}

func (a *API) listFleet(ctx context.Context, scope tenant.Scope, in *fleetInput) (*fleetOutput, error) {
	page, err := a.clusters.Fleet(ctx, scope, cluster.FleetQuery{
		States: in.State, Region: in.Region, Version: in.Version, Transport: in.Transport, Search: in.Search,
		Sort: in.Sort, Down: in.Down, After: in.After, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	groups, err := a.clusters.MyGroups(ctx, scope)
	if err != nil {
		return nil, err
	}
	out := &FleetAnswer{Items: make([]Cluster, 0, len(page.Items)), Total: page.Total, Counts: page.Counts, Next: page.Next}
	for _, c := range page.Items {
		out.Items = append(out.Items, viewCluster(c, groupIn(groups, c.ID)))
	}
	tag, err := fleetTag(out)
	if err != nil {
		return nil, err
	}
	if in.IfNoneMatch == tag {
		return &fleetOutput{Status: http.StatusNotModified, ETag: tag}, nil
	}
	return &fleetOutput{Status: http.StatusOK, ETag: tag, Body: out}, nil
}

// fleetTag leaves out what moves without meaning anything.
func fleetTag(page *FleetAnswer) (string, error) {
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, c := range page.Items {
		c.LastSeen, c.RoundTripMs = nil, 0
		if err := enc.Encode(c); err != nil {
			return "", err
		}
	}
	if err := enc.Encode([]any{page.Total, page.Counts}); err != nil {
		return "", err
	}
	return `W/"` + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18]) + `"`, nil
}

func (a *API) listSessions(ctx context.Context, scope tenant.Scope, in *ClusterPath) (*body[SessionsAnswer], error) {
	live, ended, err := a.clusters.Sessions(ctx, scope, in.Cluster)
	if err != nil {
		return nil, err
	}
	out := SessionsAnswer{Sessions: make([]TunnelSession, 0, len(live)), Disconnects: make([]Disconnect, 0, len(ended))}
	for _, s := range live {
		out.Sessions = append(out.Sessions, TunnelSession{
			ID: s.ID, Replica: s.Replica, Confirmed: s.Confirmed, AgentName: s.AgentName, Transport: s.Transport,
			AgentVersion: s.AgentVersion, KubernetesVersion: s.KubernetesVersion, OpenedAt: s.OpenedAt.UTC(),
			RoundTripMs: millis(s.RoundTrip), CertificateUntil: timePtr(s.CertificateUntil), Intercepted: s.Intercepted, Trouble: s.Trouble,
		})
	}
	for _, d := range ended {
		out.Disconnects = append(out.Disconnects, Disconnect{
			Session: d.Session, Replica: d.Replica, AgentName: d.AgentName, AgentVersion: d.AgentVersion, Transport: d.Transport,
			OpenedAt: d.OpenedAt.UTC(), ClosedAt: d.ClosedAt.UTC(), Reason: d.Reason,
		})
	}
	return &body[SessionsAnswer]{out}, nil
}

// millis is a duration in milliseconds, to the microsecond.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func splitList(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// Region is package cluster's service as the provider's operators use it.
type Region interface {
	Region(ctx context.Context, q cluster.FleetQuery) (cluster.FleetPage[cluster.RegionCluster], error)
}

// RegionCluster is a cluster of any organisation as the provider's operators see it: without its name.
type RegionCluster struct {
	Tenant tenant.ID `json:"tenant"`
	Slug   string    `json:"slug"`
	Cluster
}

// RegionFleet serves the whole region's clusters to the provider's operators, on their own listener: GET with the
// parameters of an organisation's fleet, and the operators' token as bearer. secretHash is the token's SHA-256; without
// one nobody is let in.
func RegionFleet(clusters Region, secretHash []byte, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if !isOperator(r, secretHash) {
			writeProblem(w, toProblem(r.Context(), log, problem.New(problem.Unauthenticated, "This needs the operators' token.").
				WithFix("Send it as a bearer token; kubechatd was given it with --operator-token-file.")))
			return
		}
		page, err := clusters.Region(r.Context(), regionQuery(r.URL.Query()))
		if err != nil {
			writeProblem(w, toProblem(r.Context(), log, err))
			return
		}
		out := struct {
			Items  []RegionCluster       `json:"items"`
			Total  int                   `json:"total"`
			Counts map[cluster.State]int `json:"counts"`
			Next   string                `json:"next,omitempty"`
		}{make([]RegionCluster, 0, len(page.Items)), page.Total, page.Counts, page.Next}
		for _, c := range page.Items {
			out.Items = append(out.Items, RegionCluster{c.Tenant, c.Slug, viewCluster(c.Cluster, "")})
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(out); err != nil && !errors.Is(err, context.Canceled) {
			log.DebugContext(r.Context(), "region's fleet not written", "error", err)
		}
	})
}

func isOperator(r *http.Request, secretHash []byte) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	got := sha256.Sum256([]byte(token))
	return ok && len(secretHash) == len(got) && subtle.ConstantTimeCompare(got[:], secretHash) == 1
}

func regionQuery(v url.Values) cluster.FleetQuery {
	limit, _ := strconv.Atoi(v.Get("limit")) // what is no number is the default
	q := cluster.FleetQuery{
		Region: v.Get("region"), Version: v.Get("version"), Transport: v.Get("transport"), Search: v.Get("q"),
		Sort: cluster.FleetSort(v.Get("sort")), Down: v.Get("desc") == "true", After: v.Get("after"), Limit: limit,
	}
	for _, s := range splitList(strings.Join(v["state"], ",")) {
		q.States = append(q.States, cluster.State(s))
	}
	return q
}
