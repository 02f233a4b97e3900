package slackapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/slack"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// asked is one verified command of one Slack user.
type asked struct {
	workspace slack.Workspace
	person    slack.Person
	text      string
	answerTo  string // where the answer goes
	key       string // the same for the same request
}

// caller is a Slack user who is linked, with what they are now.
type caller struct {
	scope tenant.Scope
	link  slack.Link
}

const help = `/kubechat QUESTION         ask, in plain words
/kubechat clusters         list the clusters
/kubechat use CLUSTER      ask about this one from now on
/kubechat link             link this Slack user to your KubeChat login
/kubechat unlink           end that
/kubechat help             this`

const howToLink = "Your Slack user is not linked to a member of KubeChat. Type /kubechat link, and confirm in the browser where you are signed in."

func (a *API) command(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	if err != nil {
		refuse(w, err)
		return
	}
	team := slack.TeamID(f.fields.Get("team_id"))
	ws, err := a.verify(ctx, r, f, team)
	if err != nil {
		a.refused(ctx, w, err)
		return
	}
	q := asked{
		workspace: ws, person: slack.Person{Team: team, User: slack.UserID(f.fields.Get("user_id")), Name: f.fields.Get("user_name")},
		text: strings.TrimSpace(unescape.Replace(f.fields.Get("text"))), answerTo: f.fields.Get("response_url"),
		key: r.Header.Get("X-Slack-Signature"),
	}
	m, err := a.answer(ctx, q)
	if err != nil {
		m = a.trouble(ctx, err)
	}
	reply(w, m)
}

// refused tells our own trouble from a request that proves nothing.
func (a *API) refused(ctx context.Context, w http.ResponseWriter, err error) {
	if p := problem.As(err); p.Kind == problem.Internal || p.Kind == problem.Unavailable {
		a.log.WarnContext(ctx, "slack request not judged", "error", err)
	}
	refuse(w, err)
}

// trouble is an error in words; what was not meant for people stays in the log.
func (a *API) trouble(ctx context.Context, err error) message {
	p := problem.As(err)
	switch {
	case p.Code == "slack_not_linked":
		return words(howToLink)
	case ctx.Err() != nil:
		return words("KubeChat takes too long just now. Try again.")
	case p.Kind == problem.Internal:
		a.log.ErrorContext(ctx, "slack request failed", "error", err)
	}
	return words(strings.TrimSpace(p.Detail + " " + p.Fix))
}

// reply answers a request within its own answer.
func reply(w http.ResponseWriter, m message) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(m)
}

// answer is what is said at once.
func (a *API) answer(ctx context.Context, q asked) (message, error) {
	verb, rest, _ := strings.Cut(q.text, " ")
	verb, rest = strings.ToLower(verb), strings.TrimSpace(rest)
	if verb == "link" && rest == "" {
		return a.giveCode(ctx, q)
	}
	scope, link, err := a.accounts.Who(ctx, q.workspace, q.person)
	if err != nil {
		return message{}, err
	}
	who := caller{scope, link}
	switch {
	case verb == "" || verb == "help" && rest == "":
		c := &card{}
		c.code(help)
		return c.message("KubeChat"), nil
	case verb == "unlink" && rest == "":
		if err := a.accounts.Unlink(ctx, scope, link.ID); err != nil {
			return message{}, err
		}
		return words("Your Slack user is no longer linked."), nil
	case verb == "clusters" && rest == "":
		return a.listClusters(ctx, who)
	case verb == "use" && rest != "" && !strings.Contains(rest, " "):
		return a.use(ctx, who, rest)
	}
	if err := a.deliverer.check(q.answerTo); err != nil {
		return message{}, problem.New(problem.Invalid, "This request has no address of Slack's for the answer; nothing was asked.")
	}
	if !a.later(link.ID, func(ctx context.Context) { a.ask(ctx, q, who) }) {
		return words("There is too much under way. Wait for the answers to your earlier questions, and ask again."), nil
	}
	return words("Looking…"), nil
}

func (a *API) giveCode(ctx context.Context, q asked) (message, error) {
	if !q.person.User.Valid() {
		return message{}, problem.New(problem.Invalid, "This kind of Slack user can't be linked.")
	}
	code, err := a.accounts.NewCode(ctx, q.workspace, q.person)
	if err != nil {
		return message{}, err
	}
	c := &card{}
	c.say("Open this within ten minutes in the browser where you are signed in to KubeChat, and confirm. It is for you alone: don't pass it on.")
	c.link("Link this Slack user", a.webLink(q.workspace.Slug, "slack", "link")+"?code="+url.QueryEscape(code))
	return c.message("KubeChat"), nil
}

func (a *API) listClusters(ctx context.Context, who caller) (message, error) {
	all, err := a.clusters.List(ctx, who.scope)
	if err != nil {
		return message{}, err
	}
	rows := [][]string{{"", "CLUSTER", "STATE", "KUBERNETES"}}
	for _, c := range all {
		mark := ""
		if c.ID == who.link.Cluster {
			mark = "*"
		}
		rows = append(rows, []string{mark, oneLine(c.Name), string(c.State), oneLine(c.KubernetesVersion)})
	}
	c := &card{}
	if len(all) == 0 {
		c.say("There is no cluster yet.")
	} else {
		c.code(columns(rows))
	}
	c.link("All clusters in KubeChat", a.webLink(who.scope.Slug, "clusters"))
	return c.message("KubeChat"), nil
}

// use begins anew in another cluster: what "it" meant in the one before means nothing here.
func (a *API) use(ctx context.Context, who caller, name string) (message, error) {
	all, err := a.clusters.List(ctx, who.scope)
	if err != nil {
		return message{}, err
	}
	for _, c := range all {
		if c.Name != name || c.State == cluster.Revoked {
			continue
		}
		if err := a.accounts.Move(ctx, who.scope, who.link, slack.Place{Cluster: c.ID}); err != nil {
			return message{}, err
		}
		return words("Questions are about " + c.Name + " from now on."), nil
	}
	return words("There is no cluster of that name. /kubechat clusters lists them."), nil
}
