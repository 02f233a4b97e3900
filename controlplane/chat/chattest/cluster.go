// Package chattest is a small cluster that lives in memory: it holds objects with versions, answers, reviews, previews
// and changes them as the real adapter does, and can be told to refuse, to be slow, or to lose an answer. For tests of
// runs; what a real API server does is tested with a real one. Start at New.
package chattest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Object is one object of the cluster.
type Object struct {
	Resource  nlp.Resource
	Namespace string
	Name      string
	UID       string
	Version   int
	Replicas  int32
	Labels    map[string]string
	Note      string // untrusted text, shown in a column
}

// Deployments is the kind that most tests are about.
var Deployments = nlp.Resource{Group: "apps", Version: "v1", Plural: "deployments", Kind: "Deployment", Namespaced: true}

// Cluster is all clusters of a test at once: whoever opens one sees the same objects.
type Cluster struct {
	mu      sync.Mutex // guards what follows
	objects []*Object
	denied  map[string]bool
	errs    map[string]error
	hold    map[string]*Hold
	lose    bool
	blind   string
	finds   []chat.Part
	sent    []nlp.Op
	uids    int
}

// Hold stops calls of one kind on their way: Entered has a value for each, and they go on once Release was called.
type Hold struct {
	Entered chan struct{}
	release chan struct{}
	once    sync.Once
}

// Release lets the calls go on.
func (h *Hold) Release() { h.once.Do(func() { close(h.release) }) }

var _ chat.Clusters = (*Cluster)(nil)

// New makes a cluster with the objects.
func New(objects ...Object) *Cluster {
	c := &Cluster{denied: map[string]bool{}, errs: map[string]error{}, hold: map[string]*Hold{}}
	for _, o := range objects {
		c.add(&o)
	}
	return c
}

// Add puts one more object there.
func (c *Cluster) Add(o Object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(&o)
}

func (c *Cluster) add(o *Object) {
	c.uids++
	o.UID, o.Version = fmt.Sprintf("uid-%d", c.uids), 1
	if o.Resource.Plural == "" {
		o.Resource = Deployments
	}
	c.objects = append(c.objects, o)
}

// Deny makes the access review refuse a verb.
func (c *Cluster) Deny(verb string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.denied[verb] = true
}

// Fail makes every call of a kind ("open", "vocabulary", "review", "dryrun", "execute", "follow") end with err; nil heals it.
func (c *Cluster) Fail(call string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs[call] = err
}

// Hold stops every call of a kind until it is released.
func (c *Cluster) Hold(call string) *Hold {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := &Hold{Entered: make(chan struct{}, 100), release: make(chan struct{})}
	c.hold[call] = h
	return h
}

// LoseAnswers makes changes happen and their answers get lost.
func (c *Cluster) LoseAnswers(yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lose = yes
}

// Blind makes the server unable to preview, for this reason.
func (c *Cluster) Blind(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blind = why
}

// Finds makes every diagnosis find this, and what is got by name has it beside it (held as "beside").
func (c *Cluster) Finds(findings ...chat.Finding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finds = nil
	for _, f := range findings {
		c.finds = append(c.finds, f)
	}
}

// Change changes an object behind everybody's back.
func (c *Cluster) Change(name string, f func(*Object)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.objects {
		if o.Name == name {
			f(o)
			o.Version++
		}
	}
}

// Replicas is an object's count now, -1 if there is none.
func (c *Cluster) Replicas(name string) int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.objects {
		if o.Name == name {
			return o.Replicas
		}
	}
	return -1
}

// Sent lists the changes that reached the cluster, whether they were answered or not.
func (c *Cluster) Sent() []nlp.Op {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sent)
}

// enter is the beginning of every call.
func (c *Cluster) enter(ctx context.Context, call string) error {
	c.mu.Lock()
	err, h := c.errs[call], c.hold[call]
	c.mu.Unlock()
	if h != nil {
		h.Entered <- struct{}{}
		select {
		case <-h.release:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

// Open gives the cluster.
func (c *Cluster) Open(ctx context.Context, _ tenant.Scope, _ cluster.ID) (chat.Cluster, error) {
	if err := c.enter(ctx, "open"); err != nil {
		return nil, err
	}
	return c, nil
}

// Vocabulary names everything.
func (c *Cluster) Vocabulary(ctx context.Context) (*nlp.Vocabulary, error) {
	if err := c.enter(ctx, "vocabulary"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	cfg := nlp.VocabularyConfig{Kinds: nlp.BuiltInKinds()}
	for _, o := range c.objects {
		if !slices.Contains(cfg.Namespaces, o.Namespace) {
			cfg.Namespaces = append(cfg.Namespaces, o.Namespace)
		}
		replicas := o.Replicas
		cfg.Objects = append(cfg.Objects, nlp.Object{
			Kind: o.Resource.Key(), Namespace: o.Namespace, Name: o.Name, Labels: o.Labels,
			Details: &nlp.Details{Replicas: &replicas, Containers: []nlp.Container{{Name: "main", Image: "shop/main:1"}}},
		})
	}
	return nlp.NewVocabulary(cfg), nil
}

var verbs = map[nlp.Op]string{nlp.OpScale: "update", nlp.OpLabel: "patch", nlp.OpDelete: "delete", nlp.OpGet: "get"}

// Review refuses what Deny said.
func (c *Cluster) Review(ctx context.Context, step nlp.Step) (chat.Verdict, error) {
	if err := c.enter(ctx, "review"); err != nil {
		return chat.Verdict{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	verb := verbs[step.Op]
	ok := !c.denied[verb]
	return chat.Verdict{Allowed: ok, Checks: []chat.Check{{
		Verb: verb, Resource: step.Resource.Key(), Namespace: step.Namespace, Name: strings.Join(step.Names, ","), Allowed: ok,
	}}}, nil
}

// DryRun previews.
func (c *Cluster) DryRun(ctx context.Context, step nlp.Step, seen ...chat.Seen) (chat.Preview, error) {
	if err := c.enter(ctx, "dryrun"); err != nil {
		return chat.Preview{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p := chat.Preview{Diffs: []chat.Diff{}, Seen: []chat.Seen{}, Blind: c.blind}
	for _, name := range step.Names {
		o, err := c.find(step, name)
		if err == nil {
			err = fresh(o, seen)
		}
		if err != nil {
			return chat.Preview{}, err
		}
		after := *o
		gone, err := apply(&after, step)
		if err != nil {
			return chat.Preview{}, err
		}
		if !gone && after.text() == o.text() {
			p.Nothing = name + " is as asked already."
		}
		d := chat.Diff{Title: "deployment/" + name, Before: o.text(), Warnings: []string{}}
		if !gone {
			d.After = after.text()
		}
		d.Unified = "-" + d.Before + "+" + d.After
		p.Diffs = append(p.Diffs, d)
		p.Undo = inverse(step, *o)
		p.Seen = append(p.Seen, chat.Seen{Resource: o.Resource, Namespace: o.Namespace, Name: o.Name, UID: o.UID, ResourceVersion: strconv.Itoa(o.Version), Digest: o.text()})
	}
	return p, nil
}

func (o *Object) text() string {
	return fmt.Sprintf("replicas: %d\nlabels: %v\n", o.Replicas, o.Labels)
}

func (c *Cluster) find(step nlp.Step, name string) (*Object, error) {
	for _, o := range c.objects {
		if o.Resource.Key() == step.Resource.Key() && o.Namespace == step.Namespace && o.Name == name {
			return o, nil
		}
	}
	return nil, problem.Newf(problem.NotFound, "%s %q not found", step.Resource.Plural, name)
}

func apply(o *Object, step nlp.Step) (gone bool, err error) {
	switch step.Op {
	case nlp.OpScale:
		o.Replicas = *step.Args.Replicas
	case nlp.OpLabel:
		labels := map[string]string{}
		for _, m := range []map[string]string{o.Labels, step.Args.Set} {
			for k, v := range m {
				labels[k] = v
			}
		}
		o.Labels = labels
	case nlp.OpDelete:
		return true, nil
	default:
		return false, problem.Newf(problem.Invalid, "%q is not something this cluster can do", step.Op)
	}
	return false, nil
}

// Execute reads or changes. With LoseAnswers it changes and then does not answer.
func (c *Cluster) Execute(ctx context.Context, step nlp.Step, seen ...chat.Seen) (chat.Answer, error) {
	read := nlp.Classify(step) == nlp.Read
	if err := c.enter(ctx, "execute"); err != nil {
		if read {
			return chat.Answer{}, err
		}
		return chat.Answer{Outcome: outcomeOf(err)}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if read {
		a := c.table(step)
		if finds := c.finds; len(finds) > 0 && step.Op == nlp.OpGet && len(step.Names) > 0 {
			a.Beside = func(ctx context.Context) []chat.Part {
				if c.enter(ctx, "beside") != nil {
					return nil
				}
				return finds
			}
		}
		return a, nil
	}
	c.sent = append(c.sent, step.Op)
	var done []string
	var undo *chat.Undo
	for _, name := range step.Names {
		o, err := c.find(step, name)
		if err == nil {
			err = fresh(o, seen)
		}
		if err != nil {
			return chat.Answer{Outcome: audit.Failed, HTTPStatus: problem.As(err).Kind.Status(), Message: problem.As(err).Detail}, err
		}
		undo = inverse(step, *o)
		gone, err := apply(o, step)
		if err != nil {
			return chat.Answer{Outcome: audit.Failed, HTTPStatus: 422}, err
		}
		undo.Seen = []chat.Seen{{Resource: o.Resource, Namespace: o.Namespace, Name: o.Name, UID: o.UID, Digest: o.text()}}
		o.Version++
		if gone {
			c.objects = slices.DeleteFunc(c.objects, func(x *Object) bool { return x == o })
		}
		done = append(done, name)
	}
	if c.lose {
		return chat.Answer{Outcome: audit.Unknown}, problem.New(problem.Unavailable, "The cluster did not answer.")
	}
	return chat.Answer{Outcome: audit.Succeeded, HTTPStatus: 200, Message: strings.Join(done, ", ") + " changed", Undo: undo}, nil
}

// Stream gives what Execute does, in one go.
func (c *Cluster) Stream(ctx context.Context, step nlp.Step, emit func(chat.Part)) (chat.Answer, error) {
	a, err := c.Execute(ctx, step)
	for _, p := range a.Parts {
		emit(p)
	}
	a.Parts = nil
	return a, err
}

// Needs says the verb and nothing else.
func (c *Cluster) Needs(step nlp.Step) chat.Needs {
	return chat.Needs{
		Requests: []chat.ExplainRequest{{Method: "GET", Path: "/" + step.Resource.Plural}},
		Rights:   []chat.ExplainRight{{Verb: verbs[step.Op], Resource: step.Resource.Key(), Namespace: step.Namespace}},
	}
}

// Follow finds every change done as soon as it looks.
func (c *Cluster) Follow(ctx context.Context, step nlp.Step, emit func(chat.Progress)) (chat.Settled, error) {
	if err := c.enter(ctx, "follow"); err != nil {
		return chat.Settled{}, err
	}
	emit(chat.Progress{Message: "Looking at " + strings.Join(step.Names, ", ") + "."})
	return chat.Settled{State: chat.Ready, Message: strings.Join(step.Names, ", ") + " is as it should be."}, nil
}

// inverse is the way back to what an object was: of a scale its count, of the rest none.
func inverse(step nlp.Step, was Object) *chat.Undo {
	if step.Op != nlp.OpScale {
		return &chat.Undo{Impossible: "This cluster undoes counts only."}
	}
	back := step
	back.Names, back.Args.Replicas, back.Args.Current = []string{was.Name}, &was.Replicas, step.Args.Replicas
	plan := nlp.Plan{Steps: []nlp.Step{back}, Source: nlp.SourceBuiltin}
	return &chat.Undo{Plan: plan, Sentence: nlp.Sentence(plan, "")}
}

// outcomeOf: a call that was cut off may have arrived; one that was refused did not.
func outcomeOf(err error) audit.Outcome {
	if problem.Is(err, problem.Forbidden) {
		return audit.Denied
	}
	if problem.As(err).Kind == problem.Internal {
		return audit.Unknown
	}
	return audit.Failed
}

func fresh(o *Object, seen []chat.Seen) error {
	for _, s := range seen {
		if s.Name == o.Name && (s.UID != o.UID || s.Digest != "" && s.Digest != o.text()) {
			return problem.Newf(problem.Conflict, "%s has changed", o.Name)
		}
	}
	return nil
}

func (c *Cluster) table(step nlp.Step) chat.Answer {
	if step.Op == nlp.OpDiagnose {
		return chat.Answer{Parts: c.finds, HTTPStatus: 200}
	}
	t := chat.Table{
		Title: step.Resource.Plural, Namespace: step.Namespace, Rows: [][]any{},
		Columns: []chat.Column{{Name: "Name", Kind: "text"}, {Name: "Replicas", Kind: "number"}, {Name: "Note", Kind: "text"}},
	}
	for _, o := range c.objects {
		named := len(step.Names) == 0 || slices.Contains(step.Names, o.Name)
		if named && o.Resource.Key() == step.Resource.Key() && (step.Namespace == "" || step.Namespace == o.Namespace) {
			t.Rows = append(t.Rows, []any{o.Name, o.Replicas, o.Note})
		}
	}
	if step.Post.Count {
		return chat.Answer{Parts: []chat.Part{chat.Count{Count: len(t.Rows), Of: len(t.Rows), What: t.Title}}, HTTPStatus: 200}
	}
	return chat.Answer{Parts: []chat.Part{t}, HTTPStatus: 200, Bytes: int64(len(t.Rows))}
}
