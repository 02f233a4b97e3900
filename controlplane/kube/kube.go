// Package kube carries out a plan's steps in a cluster, over whatever transport reaches it: its vocabulary, the access
// review, the dry run with its difference, and the step itself. It speaks plain HTTP to the Kubernetes API, with the
// member's impersonation set on the way by the agent; it never retries what changes something, never hands out a
// Secret's value, and knows no tenant beyond the transport it was given. Start at Clusters.Open, then Cluster.
package kube

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Config is what Clusters is made of. Transport is required.
type Config struct {
	// Transport reaches a cluster as the scope's member.
	Transport func(scope tenant.Scope, id cluster.ID) http.RoundTripper
	// Index reaches it as group kubechat:index, for what all askers of a cluster share: the names in it. An asker hears those
	// that the cluster says they may list. Without it, or where Clusters.Run does not run, all is listed as the asker.
	Index func(t tenant.ID, id cluster.ID) http.RoundTripper
	// IndexLimits is how much may be indexed.
	IndexLimits IndexLimits
	// WordsFor is how long a vocabulary is used; 0: 30 seconds.
	WordsFor time.Duration
	// MaxWords is how many vocabularies are kept; 0: 256.
	MaxWords int
	Now      func() time.Time
	Metrics  prometheus.Registerer // may be nil
	Log      *slog.Logger
}

// Clusters opens clusters for members.
type Clusters struct {
	cfg     Config
	words   *wordCache
	indexes *indexes
}

var _ chat.Clusters = (*Clusters)(nil)

// New makes Clusters.
func New(c Config) (*Clusters, error) {
	if c.Transport == nil {
		return nil, errors.New("kube: Config.Transport is required")
	}
	if c.WordsFor <= 0 {
		c.WordsFor = 30 * time.Second
	}
	if c.MaxWords <= 0 {
		c.MaxWords = 256
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Clusters{cfg: c, words: newWordCache(c.WordsFor, c.MaxWords, c.Now), indexes: newIndexes(c)}, nil
}

// Run keeps indexes of the names in the clusters that people ask about, until ctx ends; then none is left.
func (c *Clusters) Run(ctx context.Context) error {
	c.indexes.run(ctx)
	return nil
}

// Open gives a cluster as the scope's member may see it.
func (c *Clusters) Open(_ context.Context, scope tenant.Scope, id cluster.ID) (chat.Cluster, error) {
	// the host is a name for logs only: the transport decides where this goes
	cfg := &rest.Config{Host: "http://" + string(id), Transport: c.cfg.Transport(scope, id), QPS: -1}
	at, err := FromRESTConfig(cfg)
	if err != nil {
		return nil, err
	}
	at.now, at.log, at.tunnel = c.cfg.Now, c.cfg.Log, true
	key, shared := wordKey{tenant: scope.Tenant, member: scope.Member, cluster: id}, indexKey{scope.Tenant, id}
	at.words = func(ctx context.Context) (*nlp.Vocabulary, error) {
		return c.words.get(ctx, key, func(ctx context.Context) (*nlp.Vocabulary, error) {
			words, err := at.load(ctx, &fromIndex{index: c.indexes.of(shared), meter: c.indexes.meter, mayList: at.mayList})
			if err == nil { // after the answer: the first question is not to wait for the index's lists
				c.indexes.want(shared, words.Kinds())
			}
			return words, err
		})
	}
	at.changed = func(touches []touch) {
		c.indexes.touched(shared, touches)
		c.words.forget(key)
	}
	return at, nil
}

// Cluster is one cluster as one person may see it. It is safe for concurrent use.
type Cluster struct {
	rest  *rest.Config
	http  *http.Client
	base  string // without a slash at its end
	words func(context.Context) (*nlp.Vocabulary, error)
	// changed is called when what words says may be over: "scale it to one more" must not count from before
	changed func([]touch)
	now     func() time.Time
	log     *slog.Logger
	tunnel  bool // a member's cluster behind a tunnel, not one's own by a kubeconfig
}

var _ chat.Cluster = (*Cluster)(nil)

// FromRESTConfig gives the cluster that cfg reaches, as whoever cfg says; for the command line, which has no server.
func FromRESTConfig(cfg *rest.Config) (*Cluster, error) {
	rt, err := rest.TransportFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("make a client for the cluster: %w", err)
	}
	client := &http.Client{Transport: rt, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // the API redirects nobody; what else answers is not followed
	}}
	host := cfg.Host
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	c := &Cluster{
		rest: cfg, http: client, base: strings.TrimRight(host, "/") + strings.TrimRight(cfg.APIPath, "/"),
		changed: func([]touch) {}, now: time.Now, log: slog.New(slog.DiscardHandler),
	}
	c.words = func(ctx context.Context) (*nlp.Vocabulary, error) { return c.load(ctx, nil) }
	return c, nil
}

// Vocabulary is what the person may hear named.
func (c *Cluster) Vocabulary(ctx context.Context) (*nlp.Vocabulary, error) { return c.words(ctx) }

func (c *Cluster) load(ctx context.Context, from *fromIndex) (*nlp.Vocabulary, error) {
	v, err := loadVocabulary(ctx, c.rest, VocabularyOptions{}, from)
	if err != nil {
		return nil, asProblem(err)
	}
	return v, nil
}
