package slackapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/slack"
)

// The buttons' names.
const (
	approve = "approve"
	decline = "decline"
)

// choice is what a button stands for: exactly one plan of one run, shown to one Slack user.
type choice struct {
	run  chat.RunID
	hash string
	user slack.UserID
}

const choiceVersion = "v1"

func (c choice) String() string {
	return strings.Join([]string{choiceVersion, string(c.run), c.hash, string(c.user)}, "|")
}

func parseChoice(s string) (choice, bool) {
	p := strings.Split(s, "|")
	if len(s) > 500 || len(p) != 4 || p[0] != choiceVersion || p[1] == "" || p[2] == "" {
		return choice{}, false
	}
	return choice{chat.RunID(p[1]), p[2], slack.UserID(p[3])}, true
}

// onePress says whether the web, too, would take one press for the plan. All else is decided there: what destroys, what is
// protected or could not be tried out beforehand (a name is typed), what names something that no person said, and what
// changes several clusters.
func onePress(run chat.Run) bool {
	return run.State == chat.AwaitingApproval && !run.Divided && run.Parent == "" && run.Plan != nil && run.Approval != nil &&
		run.Plan.Class == nlp.Mutate && !run.Plan.Protected && run.Plan.TypedName == "" && len(run.Plan.FromClusterData) == 0
}

// proposal shows a plan. It has buttons where one press is enough and all that it would change is to be seen here.
func proposal(run chat.Run, user slack.UserID, address string) message {
	c := &card{}
	if run.Divided || run.Plan == nil || run.Approval == nil {
		c.say("This would change several clusters. Look at each plan and decide in KubeChat.")
		c.link("Decide in KubeChat", address)
		return c.message("KubeChat asks for a decision")
	}
	c.say(run.Plan.Sentence)
	c.say("In " + run.Plan.Cluster.Name + ", as group kubechat:" + run.Plan.Group + ":")
	c.code(run.Plan.Kubectl)
	for _, p := range run.Approval.Previews {
		c.say(p.Nothing)
		for _, d := range p.Diffs {
			c.say(d.Title)
			c.code(d.Unified)
			c.say(strings.Join(d.Warnings, " "))
		}
	}
	if !onePress(run) || c.short {
		c.say("This is decided in KubeChat, where all of it is shown.")
		c.link("Decide in KubeChat", address)
		return c.message("KubeChat asks for a decision")
	}
	c.say("To be decided by " + run.Approval.ExpiresAt.UTC().Format("15:04:05") + " UTC.")
	what := choice{run.ID, run.Approval.Hash, user}.String()
	c.blocks = append(c.blocks, block{Type: "actions", Elements: []any{
		button{Type: "button", Text: plain("Approve"), ActionID: approve, Value: what, Style: "primary"},
		button{Type: "button", Text: plain("Decline"), ActionID: decline, Value: what},
	}})
	c.link("Open in KubeChat", address)
	return c.message("KubeChat asks for a decision")
}

// interaction is the part that we read of what Slack sends when a button is pressed.
type interaction struct {
	Type string `json:"type"`
	Team struct {
		ID slack.TeamID `json:"id"`
	} `json:"team"`
	User struct {
		ID   slack.UserID `json:"id"`
		Team slack.TeamID `json:"team_id"`
	} `json:"user"`
	ResponseURL string `json:"response_url"`
	Actions     []struct {
		ID    string `json:"action_id"`
		Value string `json:"value"`
	} `json:"actions"`
}

// interaction takes a press and answers at once; what comes of it is told at the press's own address.
func (a *API) interaction(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	if err != nil {
		refuse(w, err)
		return
	}
	var in interaction
	if err := json.Unmarshal([]byte(f.fields.Get("payload")), &in); err != nil {
		refuse(w, problem.New(problem.Invalid, "The payload is not JSON."))
		return
	}
	ws, err := a.verify(ctx, r, f, in.Team.ID)
	if err != nil {
		a.refused(ctx, w, err)
		return
	}
	w.WriteHeader(http.StatusOK)
	if in.Type != "block_actions" || len(in.Actions) != 1 || in.User.Team != "" && in.User.Team != ws.Team {
		return // no button of ours, or a person of another workspace in a shared channel
	}
	press := in.Actions[0]
	what, ok := parseChoice(press.Value)
	if !ok || press.ID != approve && press.ID != decline || a.deliverer.check(in.ResponseURL) != nil {
		return
	}
	q := asked{workspace: ws, person: slack.Person{Team: ws.Team, User: in.User.ID}, answerTo: in.ResponseURL}
	if !a.later(string(ws.Team)+string(in.User.ID), func(ctx context.Context) { a.pressed(ctx, q, press.ID, what) }) {
		a.log.WarnContext(ctx, "slack press not taken: too much is under way", "tenant", ws.Tenant)
	}
}

// pressed decides as the Slack user who was asked, and as nobody else.
func (a *API) pressed(ctx context.Context, q asked, button string, what choice) {
	scope, link, err := a.accounts.Who(ctx, q.workspace, q.person)
	if err == nil && what.user != q.person.User {
		err = problem.New(problem.Forbidden, "Only who asked may decide.")
	}
	if err != nil {
		if err := a.deliverer.send(ctx, q.answerTo, a.trouble(ctx, err)); err != nil {
			a.log.WarnContext(ctx, "slack answer not delivered", "tenant", q.workspace.Tenant, "error", err)
		}
		return
	}
	who := caller{scope, link}
	run, _, err := a.chat.GetRun(ctx, scope, what.run)
	if err != nil {
		a.deliver(ctx, q, who, a.trouble(ctx, err))
		return
	}
	address := a.webLink(scope.Slug, "chat", string(run.Conversation)) + "?run=" + string(run.ID)
	switch {
	case run.State == chat.AwaitingApproval && !onePress(run):
		m := proposal(run, q.person.User, address)
		m.ReplaceOriginal = true
		a.deliver(ctx, q, who, m)
		return
	case button == decline:
		_, err = a.chat.Decline(ctx, scope, run.ID, what.hash)
	default:
		_, err = a.chat.Approve(ctx, scope, run.ID, what.hash, "")
	}
	if err != nil {
		a.deliver(ctx, q, who, a.undecided(ctx, who, run.ID, address, err))
		return
	}
	m := words(map[string]string{approve: "Approved. It is being done…", decline: "Declined. Nothing was changed."}[button])
	m.ReplaceOriginal = true
	a.deliver(ctx, q, who, m)
	if button == approve {
		events, how := a.follow(ctx, who, run.ID, run.LastSeq, false)
		a.deliver(ctx, q, who, a.outcome(ctx, who, run, events, how))
	}
}

// undecided says why a press came to nothing. The card goes, unless the run still waits: then it is shown as it is now,
// which after a change in the cluster is another plan.
func (a *API) undecided(ctx context.Context, who caller, id chat.RunID, address string, err error) message {
	m := a.trouble(ctx, err)
	now, _, again := a.chat.GetRun(ctx, who.scope, id)
	if again == nil && now.State == chat.AwaitingApproval {
		m.Blocks = append(m.Blocks, proposal(now, who.link.User, address).Blocks...)
	}
	m.ReplaceOriginal = true
	return m
}
