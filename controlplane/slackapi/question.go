package slackapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/slack"
)

const (
	maxHeld   = 512 << 10 // bytes of a run's events kept for its answer: it shows a fraction of them
	afterStop = 5 * time.Second
)

var errWhich = problem.New(problem.Invalid, "Which cluster? Type /kubechat use CLUSTER first; /kubechat clusters lists them.")

// ask asks the question and sends what comes of it: an answer, or a plan to decide about.
func (a *API) ask(ctx context.Context, q asked, who caller) {
	run, err := a.start(ctx, q, who)
	if err != nil {
		a.deliver(ctx, q, who, a.trouble(ctx, err))
		return
	}
	events, how := a.follow(ctx, who, run.ID, 0, true)
	a.deliver(ctx, q, who, a.outcome(ctx, who, run, events, how))
}

// start makes the run. The conversation goes on from one question to the next, so that "it" means something; one that its
// member has deleted is begun anew.
func (a *API) start(ctx context.Context, q asked, who caller) (chat.Run, error) {
	sum := sha256.Sum256([]byte(q.key))
	key := "slack-" + hex.EncodeToString(sum[:])
	if id := who.link.Conversation; id != "" {
		run, err := a.chat.Start(ctx, who.scope, chat.ConversationID(id), q.text, key)
		if !problem.Is(err, problem.NotFound) {
			return run, err
		}
	}
	at, err := a.place(ctx, who)
	if err != nil {
		return chat.Run{}, err
	}
	c, err := a.chat.Create(ctx, who.scope, at)
	if problem.Is(err, problem.NotFound) { // the cluster that was chosen is gone
		return chat.Run{}, errWhich
	}
	if err != nil {
		return chat.Run{}, err
	}
	if err := a.accounts.Move(ctx, who.scope, who.link, slack.Place{Cluster: at, Conversation: string(c.ID)}); err != nil {
		return chat.Run{}, err
	}
	return a.chat.Start(ctx, who.scope, c.ID, q.text, key)
}

// place is the cluster that was chosen, or the only one there is.
func (a *API) place(ctx context.Context, who caller) (cluster.ID, error) {
	if who.link.Cluster != "" {
		return who.link.Cluster, nil
	}
	all, err := a.clusters.List(ctx, who.scope)
	if err != nil {
		return "", err
	}
	var only cluster.ID
	for _, c := range all {
		switch {
		case c.State == cluster.Revoked:
		case only != "":
			return "", errWhich
		default:
			only = c.ID
		}
	}
	if only == "" {
		return "", problem.New(problem.Invalid, "There is no cluster yet.")
	}
	return only, nil
}

// ended says how following a run came to its end.
type ended int

const (
	broken ended = iota // the service stops, or the run takes longer than anybody waits
	finished
	awaiting // a plan waits for a decision
)

// follow reads a run's events until its end, or until it waits for somebody.
func (a *API) follow(ctx context.Context, who caller, id chat.RunID, after int64, stopAtApproval bool) (events []chat.Event, how ended) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := a.chat.Events(ctx, who.scope, id, after)
	if err != nil {
		a.log.WarnContext(ctx, "slack answer not followed", "run", id, "error", err)
		return nil, broken
	}
	held := 0
	for e := range stream {
		if renderers[e.Type] != nil && held+len(e.Data) <= maxHeld {
			held += len(e.Data)
			events = append(events, e)
		}
		switch {
		case e.Type == chat.TypeEnd:
			return events, finished
		case e.Type == chat.TypeApproval && stopAtApproval:
			return events, awaiting
		}
	}
	return events, broken
}

// outcome makes the message about what a run has come to.
func (a *API) outcome(ctx context.Context, who caller, run chat.Run, events []chat.Event, how ended) message {
	address := a.webLink(who.scope.Slug, "chat", string(run.Conversation)) + "?run=" + string(run.ID)
	if how == awaiting {
		now, _, err := a.chat.GetRun(ctx, who.scope, run.ID)
		if err != nil {
			return a.trouble(ctx, err)
		}
		return proposal(now, who.link.User, address)
	}
	c := &card{}
	if how == broken {
		c.say("This takes longer than Slack waits, or KubeChat is being restarted. What has come of it is in KubeChat.")
	} else {
		c.render(events)
	}
	c.rest(address)
	return c.message("KubeChat's answer")
}

// rest leads to the web, where all of it is.
func (c *card) rest(address string) {
	if c.short {
		c.say("More than Slack holds was left out.")
		c.link("All of it in KubeChat", address)
		return
	}
	c.link("Open in KubeChat", address)
}

// deliver sends a message to who asked, if they still are who they were: a member who has left meanwhile, or whose link
// has ended, gets nothing of it.
func (a *API) deliver(ctx context.Context, q asked, who caller, m message) {
	if ctx.Err() != nil { // the service stops, or it took too long: this one message is still owed
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), afterStop)
		defer cancel()
	}
	scope, link, err := a.accounts.Who(ctx, q.workspace, q.person)
	if err != nil || scope.Member != who.scope.Member || link.ID != who.link.ID {
		a.log.InfoContext(ctx, "slack answer withheld", "tenant", q.workspace.Tenant, "link", who.link.ID)
		return
	}
	if err := a.deliverer.send(ctx, q.answerTo, m); err != nil && !errors.Is(err, context.Canceled) {
		a.log.WarnContext(ctx, "slack answer not delivered", "tenant", q.workspace.Tenant, "error", err)
	}
}
