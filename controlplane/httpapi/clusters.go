package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Clusters is the domain of clusters: package cluster.
type Clusters interface {
	Create(ctx context.Context, scope tenant.Scope, name string) (cluster.Cluster, error)
	Get(ctx context.Context, scope tenant.Scope, id cluster.ID) (cluster.Cluster, error)
	List(ctx context.Context, scope tenant.Scope) ([]cluster.Cluster, error)
	Revoke(ctx context.Context, scope tenant.Scope, id cluster.ID) (cluster.Cluster, error)
	Unlock(ctx context.Context, scope tenant.Scope, id cluster.ID, forgetKeys bool) (cluster.Cluster, error)
	Watch(ctx context.Context, scope tenant.Scope) (<-chan cluster.Change, error)
	Fleet
	JoinTokens
	Groups
}

// Install says what a person runs to connect a cluster, and where kubectl finds one.
type Install interface {
	// Helm is the line that installs an agent with the token; Demo is the demonstration's, or empty.
	Helm(token string) string
	Demo(token string) string
	// Kubeconfig is a kubeconfig for one cluster, using kubechat as credential plugin.
	Kubeconfig(scope tenant.Scope, c cluster.Cluster) []byte
}

// Cluster is one connected cluster, as of now.
type Cluster struct {
	ID                cluster.ID    `json:"id"`
	Name              string        `json:"name"`
	Region            string        `json:"region"`
	State             cluster.State `json:"state" enum:"pending,connected,degraded,upgrading,stale,offline,revoked"`
	Since             time.Time     `json:"since" doc:"When this state began."`
	Reason            string        `json:"reason,omitempty" doc:"Why, for people."`
	LastSeen          *time.Time    `json:"lastSeen,omitempty"`
	AgentVersion      string        `json:"agentVersion,omitempty"`
	KubernetesVersion string        `json:"kubernetesVersion,omitempty"`
	Sessions          int           `json:"sessions" doc:"Live tunnels."`
	SessionsWanted    int           `json:"sessionsWanted,omitempty" doc:"How many its agent keeps up, if it says so."`
	Transports        []string      `json:"transports,omitempty" doc:"Of the live tunnels: tls, websocket, quic."`
	RoundTripMs       float64       `json:"roundTripMs,omitempty" doc:"The best of the live tunnels', as last measured."`
	CertificateUntil  *time.Time    `json:"certificateUntil,omitempty" doc:"The end of its newest certificate."`
	Intercepted       bool          `json:"intercepted,omitempty" doc:"A proxy on the agent's side opens the outer TLS."`
	LockedAt          *time.Time    `json:"lockedAt,omitempty" doc:"Two parties were seen to hold its identity, so neither may connect until a tenant_admin unlocks it or makes a new join token."`
	LockReason        string        `json:"lockReason,omitempty" doc:"By what that was seen, for people."`
	Problem           string        `json:"problem,omitempty" doc:"What its agent says is wrong in its cluster."`
	CreatedAt         time.Time     `json:"createdAt"`
	Group             cluster.Group `json:"group,omitempty" enum:"viewer,operator,admin" doc:"What the caller is in this cluster."`
}

func viewCluster(c cluster.Cluster, mine cluster.Group) Cluster {
	return Cluster{
		ID: c.ID, Name: c.Name, Region: c.Region, State: c.State, Since: c.Since.UTC(), Reason: c.Reason,
		LastSeen: timePtr(c.LastSeen), AgentVersion: c.AgentVersion, KubernetesVersion: c.KubernetesVersion,
		Sessions: c.Sessions, SessionsWanted: c.SessionsWanted, Transports: splitList(c.Transports), RoundTripMs: millis(c.RoundTrip),
		CertificateUntil: timePtr(c.CertificateUntil), Intercepted: c.Intercepted,
		LockedAt: timePtr(c.LockedAt), LockReason: c.LockReason, Problem: c.Problem, CreatedAt: c.CreatedAt.UTC(), Group: mine,
	}
}

// groupIn is viewer wherever nobody said otherwise.
func groupIn(groups map[cluster.ID]cluster.Group, id cluster.ID) cluster.Group {
	if g, ok := groups[id]; ok {
		return g
	}
	return cluster.GroupViewer
}

// ClusterPath is embedded in the input of every operation on one cluster.
type ClusterPath struct {
	InTenant
	Cluster cluster.ID `path:"c" maxLength:"64"`
}

type newClusterInput struct {
	InTenant
	Idempotent
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"63" doc:"a-z, 0-9 and '-'; unique in the organisation."`
	}
}

// NewCluster is a cluster that waits for its agent, and how to install that.
type NewCluster struct {
	Cluster Cluster `json:"cluster"`
	Join    Join    `json:"join"`
}

type kubeconfigOutput struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (a *API) registerClusters() {
	member(a, op{
		id: "list-clusters", method: http.MethodGet, path: "/clusters", tag: "clusters", action: tenant.ReadClusters,
		summary: "Every cluster of the organisation",
	}, a.listClusters)
	creates(a, op{
		id: "create-cluster", method: http.MethodPost, path: "/clusters", tag: "clusters", action: tenant.ManageClusters,
		summary: "Add a cluster, and get what to install in it", status: http.StatusCreated,
	}, a.createCluster)
	member(a, op{
		id: "get-cluster", method: http.MethodGet, path: "/clusters/{c}", tag: "clusters", action: tenant.ReadClusters,
		summary: "One cluster",
	}, a.getCluster)
	member(a, op{
		id: "revoke-cluster", method: http.MethodDelete, path: "/clusters/{c}", tag: "clusters", action: tenant.ManageClusters,
		summary: "Void a cluster's identity for good; its tunnels end within seconds",
	}, func(ctx context.Context, scope tenant.Scope, in *ClusterPath) (*empty, error) {
		_, err := a.clusters.Revoke(ctx, scope, in.Cluster)
		return &empty{}, err
	})
	member(a, op{
		id: "unlock-cluster", method: http.MethodPost, path: "/clusters/{c}/unlock", tag: "clusters", action: tenant.ManageClusters,
		summary: "Let a cluster go on that was locked because its identity seemed to be in two hands",
	}, a.unlockCluster)
	member(a, op{
		id: "get-kubeconfig", method: http.MethodGet, path: "/clusters/{c}/kubeconfig", tag: "clusters",
		action: tenant.ReadClusters, summary: "A kubeconfig for this cluster that takes its credential from `kubechat credential`",
	}, a.getKubeconfig)
	a.describeYAML("/t/{t}/clusters/{c}/kubeconfig")
}

func (a *API) listClusters(ctx context.Context, scope tenant.Scope, _ *InTenant) (*body[list[Cluster]], error) {
	all, err := a.clusters.List(ctx, scope)
	if err != nil {
		return nil, err
	}
	groups, err := a.clusters.MyGroups(ctx, scope)
	if err != nil {
		return nil, err
	}
	return listOf(all, func(c cluster.Cluster) Cluster { return viewCluster(c, groupIn(groups, c.ID)) }), nil
}

func (a *API) createCluster(ctx context.Context, scope tenant.Scope, in *newClusterInput) (NewCluster, error) {
	c, err := a.clusters.Create(ctx, scope, in.Body.Name)
	if err != nil {
		return NewCluster{}, err
	}
	join, err := a.newJoin(ctx, scope, c.ID)
	return NewCluster{viewCluster(c, cluster.GroupViewer), join}, err
}

func (a *API) getCluster(ctx context.Context, scope tenant.Scope, in *ClusterPath) (*body[Cluster], error) {
	c, err := a.clusters.Get(ctx, scope, in.Cluster)
	if err != nil {
		return nil, err
	}
	g, err := a.clusters.Group(ctx, scope, in.Cluster)
	return &body[Cluster]{viewCluster(c, g)}, err
}

type unlockInput struct {
	ClusterPath
	Body struct {
		ForgetKeys bool `json:"forgetKeys,omitempty" doc:"Learn the cluster's own signing keys anew: its API server changed them all."`
	}
}

func (a *API) unlockCluster(ctx context.Context, scope tenant.Scope, in *unlockInput) (*body[Cluster], error) {
	c, err := a.clusters.Unlock(ctx, scope, in.Cluster, in.Body.ForgetKeys)
	if err != nil {
		return nil, err
	}
	g, err := a.clusters.Group(ctx, scope, in.Cluster)
	return &body[Cluster]{viewCluster(c, g)}, err
}

func (a *API) getKubeconfig(ctx context.Context, scope tenant.Scope, in *ClusterPath) (*kubeconfigOutput, error) {
	c, err := a.clusters.Get(ctx, scope, in.Cluster)
	if err != nil {
		return nil, err
	}
	return &kubeconfigOutput{
		ContentType: "text/yaml; charset=utf-8", Disposition: `attachment; filename="` + c.Name + `.kubeconfig"`,
		Body: a.install.Kubeconfig(scope, c),
	}, nil
}

// describeYAML corrects what is generated for an answer of bytes.
func (a *API) describeYAML(path string) {
	ok := a.huma.OpenAPI().Paths[path].Get.Responses["200"]
	ok.Content = map[string]*huma.MediaType{"text/yaml": {Schema: &huma.Schema{Type: huma.TypeString}}}
}
