// Package slackapi is the service's face in Slack: /slack/commands and /slack/interactions. A request is believed when its
// workspace signed it, and acts as the member who linked the Slack user; a question then is a run like any other, through
// the same chat, and its answer goes to the address that came with the request. What needs more than one press (a typed
// name, several clusters, whatever destroys) is decided in the web only. Start at API.ServeHTTP.
package slackapi

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/slack"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/internal/slots"
)

// The addresses that a Slack app is given.
const (
	CommandsPath     = "/slack/commands"
	InteractionsPath = "/slack/interactions"
)

const (
	maxBody     = 256 << 10 // of a request; what Slack sends is a tenth of it
	readTime    = 5 * time.Second
	ackTime     = 2500 * time.Millisecond
	maxAnswer   = 10 * time.Minute // an answer that takes longer is read in the web; Slack's address is good for 30
	maxUnproven = 64               // requests at once whose signature was not checked yet
	maxPending  = 512              // answers under way on this replica
	maxPerLink  = 4                // of those, for one Slack user
)

// Accounts knows workspaces and links: package slack.
type Accounts interface {
	Verify(ctx context.Context, r slack.Signed) (slack.Workspace, error)
	Who(ctx context.Context, w slack.Workspace, p slack.Person) (tenant.Scope, slack.Link, error)
	NewCode(ctx context.Context, w slack.Workspace, p slack.Person) (string, error)
	Move(ctx context.Context, scope tenant.Scope, l slack.Link, p slack.Place) error
	Unlink(ctx context.Context, scope tenant.Scope, id string) error
}

// Chat is the domain of conversations and runs: package chat.
type Chat interface {
	Create(ctx context.Context, scope tenant.Scope, id cluster.ID) (chat.Conversation, error)
	Start(ctx context.Context, scope tenant.Scope, id chat.ConversationID, text, key string) (chat.Run, error)
	GetRun(ctx context.Context, scope tenant.Scope, id chat.RunID) (chat.Run, []chat.Event, error)
	Events(ctx context.Context, scope tenant.Scope, id chat.RunID, after int64) (<-chan chat.Event, error)
	Approve(ctx context.Context, scope tenant.Scope, id chat.RunID, planHash, typedName string) (chat.Run, error)
	Decline(ctx context.Context, scope tenant.Scope, id chat.RunID, planHash string) (chat.Run, error)
}

// Clusters knows the tenant's clusters.
type Clusters interface {
	List(ctx context.Context, scope tenant.Scope) ([]cluster.Cluster, error)
}

// Config is what an API is made of. The first group is required.
type Config struct {
	Accounts  Accounts
	Chat      Chat
	Clusters  Clusters
	PublicURL string // of the web, without a slash at its end

	Now func() time.Time
	Log *slog.Logger
}

// API serves Slack. It starts nothing but the delivery of answers, which Run waits for.
type API struct {
	accounts  Accounts
	chat      Chat
	clusters  Clusters
	publicURL string
	now       func() time.Time
	log       *slog.Logger
	deliverer deliverer
	unproven  chan struct{} // has a value per request whose signature is being checked

	work    context.Context // of deliveries: not a request's, which ends with its acknowledgement
	cancel  context.CancelFunc
	pending sync.WaitGroup

	links   *slots.Slots // answers under way, by link
	mu      sync.Mutex   // guards what follows
	total   int
	stopped bool
}

// New makes an API.
func New(c Config) (*API, error) {
	if c.Accounts == nil || c.Chat == nil || c.Clusters == nil || c.PublicURL == "" {
		return nil, errors.New("slackapi: Config.Accounts, Chat, Clusters and PublicURL are required")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	work, cancel := context.WithCancel(context.Background())
	return &API{
		accounts: c.Accounts, chat: c.Chat, clusters: c.Clusters, publicURL: c.PublicURL, now: c.Now, log: c.Log,
		deliverer: newDeliverer(), unproven: make(chan struct{}, maxUnproven), work: work, cancel: cancel, links: slots.New(maxPerLink),
	}, nil
}

// Run waits until ctx ends; then whoever still waits for an answer is told where to find it.
func (a *API) Run(ctx context.Context) error {
	<-ctx.Done()
	a.mu.Lock()
	a.stopped = true
	a.mu.Unlock()
	a.cancel()
	a.pending.Wait()
	return nil
}

// later does f beside the request that asked for it, unless there is too much of that already.
func (a *API) later(link string, f func(context.Context)) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped || a.total >= maxPending {
		return false
	}
	release := a.links.Take(link)
	if release == nil {
		return false
	}
	a.total++
	a.pending.Go(func() {
		defer func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.total--
			release()
		}()
		ctx, cancel := context.WithTimeout(a.work, maxAnswer)
		defer cancel()
		defer a.survive(ctx)
		f(ctx)
	})
	return true
}

// survive keeps one answer's panic, provoked perhaps by what some cluster said, from ending everybody's tunnels.
func (a *API) survive(ctx context.Context) {
	if r := recover(); r != nil {
		a.log.ErrorContext(ctx, "slack answer panicked", "cause", r, "stack", string(debug.Stack()))
	}
}

// ServeHTTP serves both addresses.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method != http.MethodPost || err != nil || media != "application/x-www-form-urlencoded" {
		refuse(w, problem.New(problem.Invalid, "Slack posts a form here."))
		return
	}
	// a body that never ends must not hold a connection; what can't have a deadline, such as a test's recorder, has the body at hand
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTime))
	ctx, cancel := context.WithTimeout(r.Context(), ackTime)
	defer cancel()
	switch r.URL.Path {
	case CommandsPath:
		a.command(ctx, w, r)
	case InteractionsPath:
		a.interaction(ctx, w, r)
	default:
		refuse(w, problem.New(problem.NotFound, "There is nothing here."))
	}
}

// form is a request's body, before and after it was read as a form.
type form struct {
	raw    []byte
	fields url.Values
}

func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return form{}, problem.New(problem.TooLarge, "The request is too large.")
		}
		return form{}, problem.New(problem.Invalid, "The request ended early.")
	}
	fields, err := url.ParseQuery(string(raw))
	if err != nil {
		return form{}, problem.New(problem.Invalid, "The request is not a form.")
	}
	return form{raw, fields}, nil
}

// verify asks whose workspace signed the form; the team in it is where to look for the secret, and no more until then.
func (a *API) verify(ctx context.Context, r *http.Request, f form, team slack.TeamID) (slack.Workspace, error) {
	select {
	case a.unproven <- struct{}{}:
		defer func() { <-a.unproven }()
	default:
		return slack.Workspace{}, problem.New(problem.Unavailable, "Too many requests at once.")
	}
	return a.accounts.Verify(ctx, slack.Signed{
		Team: team, Timestamp: r.Header.Get("X-Slack-Request-Timestamp"), Signature: r.Header.Get("X-Slack-Signature"), Body: f.raw,
	})
}

// refuse answers who has proven nothing.
func refuse(w http.ResponseWriter, err error) {
	p := problem.As(err)
	http.Error(w, p.Detail, p.Kind.Status())
}

// webLink is an address of the tenant's pages.
func (a *API) webLink(slug string, path ...string) string {
	out := a.publicURL + "/t/" + url.PathEscape(slug)
	for _, p := range path {
		out += "/" + url.PathEscape(p)
	}
	return out
}

// fields of a command's text that Slack has escaped.
var unescape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
