package story

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/stack"
)

// The tests of Slack scale the shop, so they run one after the other, before those that look at what stands still.

var shopTeam = slackTeam{"T0SHOP", "3f1c0d9e8b7a6f5e4d3c2b1a09182736"}

// inSlack connects the shop's workspace and links the user to the demo's member, as whom the returned plane is signed in.
func inSlack(t *testing.T, user string) (web *stack.Plane, link slackUser) {
	t.Helper()
	shopTeam.connect(t, &world.Plane)
	web, err := world.Plane.SignIn(t.Context(), world.Plane.Token)
	if err != nil {
		t.Fatal(err)
	}
	link = shopTeam.link(t, user, web)
	shopTeam.says(t, user, "use sandbox").has(t, "Questions are about sandbox from now on.")
	return web, link
}

// replicas is how many the cluster itself says a deployment of the shop's shall have.
func replicas(t *testing.T, deployment string) int {
	t.Helper()
	n, err := strconv.Atoi(must(t, "get", "deployment", deployment, "-n", "shop", "-o", "jsonpath={.spec.replicas}"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// scale is done beside KubeChat.
func scale(t *testing.T, deployment string, n int) {
	t.Helper()
	must(t, "scale", "deployment", deployment, "-n", "shop", "--replicas", strconv.Itoa(n))
}

// mend gives a deployment back what it had, pods included.
func mend(t *testing.T, deployment string, n int) {
	t.Helper()
	scale(t, deployment, n)
	must(t, "rollout", "status", "deployment/"+deployment, "-n", "shop", "--timeout=60s")
}

func TestAMemberAsksAndChangesAClusterFromSlack(t *testing.T) {
	was := replicas(t, "checkout")
	defer mend(t, "checkout", was)
	const user = "U0ADA"
	web, _ := inSlack(t, user)
	shopTeam.says(t, user, "clusters").has(t, "sandbox", "connected")

	pods := strings.Fields(must(t, "get", "pods", "-n", "shop", "-l", "app in (frontend,orders-db)", "-o", "jsonpath={.items[*].metadata.name}"))
	answer := shopTeam.asks(t, user, "what is running in shop")
	answer.has(t, "In sandbox:", "kubectl get ")
	for _, want := range append(pods, "NAME") {
		if !strings.Contains(answer.fenced(), want) {
			t.Errorf("no %s in the table:\n%s", want, answer.text())
		}
	}

	line := "kubectl scale deployment/checkout -n shop --replicas=" + strconv.Itoa(was+1)
	card := shopTeam.asks(t, user, "scale checkout to "+strconv.Itoa(was+1))
	card.has(t, line, "-  replicas: "+strconv.Itoa(was), "+  replicas: "+strconv.Itoa(was+1), "as group kubechat:admin")
	if n := replicas(t, "checkout"); n != was {
		t.Fatalf("it was done before anybody approved: %d", n)
	}
	run := card.link(t).Query().Get("run")
	box := shopTeam.presses(t, user, "approve", card.button("approve"))
	if m := box.answer(t); !m.Replaces || !strings.HasPrefix(m.text(), "Approved.") {
		t.Errorf("%s", m.raw)
	}
	box.answer(t).has(t, "succeeded", "It can be undone: /kubechat undo that")
	if n := replicas(t, "checkout"); n != was+1 {
		t.Errorf("the cluster has %d, and not %d", n, was+1)
	}
	isInAudit(t, run, line)
	shopTeam.presses(t, user, "approve", card.button("approve")).answer(t).has(t, "awaits no approval any more")

	back := shopTeam.asks(t, user, "undo that")
	back.has(t, "--replicas="+strconv.Itoa(was))
	box = shopTeam.presses(t, user, "approve", back.button("approve"))
	box.answer(t).has(t, "Approved.")
	box.answer(t).has(t, "succeeded")
	if n := replicas(t, "checkout"); n != was {
		t.Errorf("undone, the cluster has %d, and not %d", n, was)
	}
	isOneConversation(t, web, "what is running in shop", "scale checkout to "+strconv.Itoa(was+1), "undo that")
}

// isInAudit looks for the run's change under the demo's member, who approved it, through Slack.
func isInAudit(t *testing.T, run, command string) {
	t.Helper()
	type record struct {
		Kind, Surface, Command, Outcome, RunID string
		Actor, ApprovedBy                      struct{ ID string }
	}
	var audit struct{ Items []record }
	call(t, &world.Plane, http.MethodGet, "/audit?limit=200&member="+world.Plane.Member, nil, &audit)
	for _, kind := range []string{"intent", "result"} {
		if !slices.ContainsFunc(audit.Items, func(r record) bool {
			return r.Kind == kind && r.RunID == run && r.Surface == "slack" && r.Command == command && r.Actor.ID == world.Plane.Member &&
				(kind == "intent" && r.ApprovedBy.ID == world.Plane.Member || kind == "result" && r.Outcome == "succeeded")
		}) {
			t.Errorf("the audit has no such %s of run %s: %+v", kind, run, audit.Items)
		}
	}
}

// isOneConversation looks in the web for the questions, one after the other in one conversation.
func isOneConversation(t *testing.T, web *stack.Plane, questions ...string) {
	t.Helper()
	var all struct{ Items []struct{ ID string } }
	call(t, web, http.MethodGet, "/conversations", nil, &all)
	for _, c := range all.Items {
		var conversation struct{ Runs []struct{ Text string } }
		call(t, web, http.MethodGet, "/conversations/"+c.ID, nil, &conversation)
		var texts []string
		for _, r := range conversation.Runs {
			texts = append(texts, r.Text)
		}
		if slices.Equal(texts, questions) {
			return
		}
	}
	t.Errorf("the web has no conversation of %q", questions)
}

func TestAPlanInSlackIsShownAnewWhenTheClusterMovedOn(t *testing.T) {
	was := replicas(t, "catalog")
	defer mend(t, "catalog", was)
	const user = "U0MOVES"
	inSlack(t, user)
	card := shopTeam.asks(t, user, "scale catalog in shop to "+strconv.Itoa(was+2))
	scale(t, "catalog", was+1)
	again := shopTeam.presses(t, user, "approve", card.button("approve")).answer(t)
	again.has(t, "changed since the preview", "(now "+strconv.Itoa(was+1)+")", "-  replicas: "+strconv.Itoa(was+1), "+  replicas: "+strconv.Itoa(was+2))
	if n := replicas(t, "catalog"); !again.Replaces || n != was+1 {
		t.Errorf("the old card stands, or the old plan was done, with %d: %s", n, again.raw)
	}
	shopTeam.presses(t, user, "decline", again.button("decline")).answer(t).has(t, "Declined. Nothing was changed.")
	if n := replicas(t, "catalog"); n != was+1 {
		t.Errorf("declined, and yet the cluster has %d", n)
	}
}

const (
	// strangers is the namespace of what the tests of Slack are about besides the shop.
	strangers = "strangers"
	// hostile is what Slack would make mentions, links and markup of.
	hostile = "<!channel> <@U0ADA> <https://evil.example|here> ``` *loud* & password=hunter2hunter2"
)

// makeStrangers fills that namespace before anybody asks: for half a minute a member's questions know what there was when
// the first one of them came.
func makeStrangers() error {
	of := `"metadata":{"namespace":"` + strangers + `","name":`
	now := time.Now().UTC().Format(time.RFC3339)
	s := kubectl(context.Background(), world.Direct, `{"apiVersion":"v1","kind":"List","items":[
		{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"`+strangers+`"}},
		{"apiVersion":"v1","kind":"ConfigMap",`+of+`"precious"}},
		{"apiVersion":"v1","kind":"ConfigMap",`+of+`"notes"},"data":{"note":"`+hostile+`"}},
		{"apiVersion":"v1","kind":"Event",`+of+`"notes.1"},"type":"Warning","reason":"Odd","message":"`+hostile+`","count":1,
			"involvedObject":{"apiVersion":"v1","kind":"ConfigMap","name":"notes","namespace":"`+strangers+`"},
			"firstTimestamp":"`+now+`","lastTimestamp":"`+now+`","source":{"component":"story"}}]}`, "create", "-f", "-")
	if s.code != 0 {
		return fmt.Errorf("create what Slack is asked about: exit %d: %s%s", s.code, s.out, s.err)
	}
	return nil
}

func TestWhatAClusterSaysIsInertInSlack(t *testing.T) {
	const user = "U0READS"
	inSlack(t, user)
	for question, shows := range map[string]string{
		"show events in " + strangers:                       "&lt;!channel&gt;",
		"show configmap notes in " + strangers + " as yaml": "&lt;https://evil.example|here&gt; ˋˋˋ *loud* &amp;",
	} {
		answer := shopTeam.asks(t, user, question)
		if !strings.Contains(answer.fenced(), shows) {
			t.Errorf("%s: no %q, fenced, in\n%s", question, shows, answer.text())
		}
		answer.lacks(t, "<!channel", "<@U0ADA", "<https://evil", "hunter2")
		for _, b := range answer.Blocks {
			switch fences := strings.Count(b.Text.Text, "```"); {
			case b.Text.Type == "mrkdwn" && (fences != 2 || !strings.HasPrefix(b.Text.Text, "```") || !strings.HasSuffix(b.Text.Text, "```") || !b.Text.Verbatim):
				t.Errorf("%s: markup outside of a fence: %+v", question, b)
			case b.Text.Type != "mrkdwn" && fences != 0:
				t.Errorf("%s: a fence in prose: %+v", question, b)
			}
		}
	}
}

func TestWhatDestroysIsOnlyLinkedFromSlack(t *testing.T) {
	const user = "U0ENDS"
	web, _ := inSlack(t, user)
	mild := shopTeam.asks(t, user, "scale frontend in shop to 3")
	card := shopTeam.asks(t, user, "delete configmap precious in "+strangers)
	card.has(t, "kubectl delete configmap")
	if strings.Contains(card.raw, `"actions"`) || card.button("approve") != "" {
		t.Errorf("it can be pressed: %s", card.raw)
	}
	link := card.link(t)
	conversation, inChat := strings.CutPrefix(link.Path, "/t/demo/chat/")
	run := link.Query().Get("run")
	if !inChat || link.Host != strings.TrimPrefix(world.Plane.URL, "http://") || run == "" {
		t.Fatalf("it leads to %s", link)
	}
	// A button made up for it, as only who has the signing secret could, is shown the same way out.
	var there struct {
		ConversationID, State string
		Approval              struct{ PlanHash string }
	}
	call(t, web, http.MethodGet, "/runs/"+run, nil, &there)
	forged := strings.Split(mild.button("approve"), "|")
	forged[1], forged[2] = run, there.Approval.PlanHash
	shopTeam.presses(t, user, "approve", strings.Join(forged, "|")).answer(t).has(t, "This is decided in KubeChat")
	must(t, "get", "configmap", "precious", "-n", strangers)

	if there.State != "awaiting_approval" || there.ConversationID != conversation {
		t.Fatalf("the web has %+v", there)
	}
	decision := map[string]string{"planHash": there.Approval.PlanHash, "decision": "approve", "typedName": "precious"}
	call(t, web, http.MethodPost, "/runs/"+run+"/approval", decision, nil)
	must(t, "wait", "--for=delete", "configmap/precious", "-n", strangers, "--timeout=30s")
	shopTeam.presses(t, user, "decline", mild.button("decline")).answer(t).has(t, "Declined")
}

func TestASlackUserIsWhomASignedInMemberLinked(t *testing.T) {
	shopTeam.connect(t, &world.Plane)
	for _, text := range []string{"", "help", "clusters", "use sandbox", "unlink", "what is running in shop"} {
		got := shopTeam.says(t, "U0NOBODY", text)
		got.has(t, "Type /kubechat link")
		got.lacks(t, "sandbox", "shop", "demo")
	}
	const user = "U0LINKS"
	code := map[string]string{"code": shopTeam.code(t, user, "demo")}
	refused(t, &world.Plane, http.MethodPost, "/slack/links", code, "slack_web") // a program's token may not lend its member
	web, first := inSlack(t, user)                                               // gives out another code
	refused(t, web, http.MethodPost, "/slack/links", code, "404", "used already")
	var shown slackUser
	code = map[string]string{"code": shopTeam.code(t, "U0SECOND", "demo")}
	call(t, web, http.MethodPost, "/slack/links/preview", code, &shown)
	if shown.UserID != "U0SECOND" || shown.TeamID != shopTeam.id {
		t.Errorf("the page shows %+v", shown)
	}
	call(t, web, http.MethodPost, "/slack/links", code, nil)
	refused(t, web, http.MethodPost, "/slack/links", code, "404")
	shopTeam.says(t, user, "clusters").has(t, "not linked") // a member has one Slack user
	shopTeam.says(t, "U0SECOND", "clusters").has(t, "sandbox")
	var links struct{ Items []slackUser }
	call(t, web, http.MethodGet, "/slack/links", nil, &links)
	if len(links.Items) != 1 || links.Items[0].UserID != "U0SECOND" || links.Items[0].ID == first.ID {
		t.Errorf("links: %+v", links.Items)
	}
	shopTeam.says(t, "U0SECOND", "unlink").has(t, "no longer linked")
	shopTeam.says(t, "U0SECOND", "clusters").has(t, "not linked")

	shopTeam.link(t, user, web)
	var shownTeam json.RawMessage
	call(t, web, http.MethodGet, "/slack", nil, &shownTeam)
	if s := string(shownTeam); !strings.Contains(s, shopTeam.id) || strings.Contains(s, shopTeam.secret) {
		t.Errorf("connected is %s", s)
	}
	call(t, web, http.MethodDelete, "/slack", nil, nil)
	if status, body := shopTeam.signed("commands", shopTeam.command(user, "clusters", ""), time.Now()).send(t); status != http.StatusUnauthorized {
		t.Errorf("of a workspace that is connected no more: %d %s", status, body)
	}
	shopTeam.connect(t, &world.Plane)
	shopTeam.says(t, user, "clusters").has(t, "not linked") // the links ended with it
}

func TestOnlyWhatSlackHasSignedIsBelieved(t *testing.T) {
	const user = "U0SIGNS"
	inSlack(t, user)
	form := func() url.Values { return shopTeam.command(user, "clusters", slackSide.box(nil).url) }
	genuine := shopTeam.signed("commands", form(), time.Now())
	if status, body := genuine.send(t); status != http.StatusOK || !strings.Contains(body, "sandbox") {
		t.Fatalf("%d %s", status, body)
	}
	forged := shopTeam.signed("commands", form(), time.Now())
	forged.body = strings.Replace(forged.body, user, "U0OTHER", 1)
	bare := forged
	bare.signature = ""
	card := shopTeam.asks(t, user, "scale frontend in shop to 3")
	press := url.Values{"payload": {`{"type":"block_actions","team":{"id":"` + shopTeam.id + `"},"user":{"id":"` + user + `"},"response_url":"` +
		slackSide.box(nil).url + `","actions":[{"action_id":"approve","value":"` + card.button("approve") + `"}]}`}}
	stranger := slackTeam{shopTeam.id, "ffffffffffffffffffffffffffffffff"}
	elsewhere := genuine
	elsewhere.path = "interactions"
	elsewhere.body = press.Encode()
	answers := map[string]bool{}
	for name, r := range map[string]slackRequest{
		"a replay":                   genuine,
		"another body":               forged,
		"no signature":               bare,
		"six minutes old":            shopTeam.signed("commands", form(), time.Now().Add(-6*time.Minute)),
		"six minutes ahead":          shopTeam.signed("commands", form(), time.Now().Add(6*time.Minute)),
		"another secret":             stranger.signed("commands", form(), time.Now()),
		"a workspace of nobody":      slackTeam{"T0NOBODY", shopTeam.secret}.signed("commands", slackTeam{"T0NOBODY", ""}.command(user, "clusters", ""), time.Now()),
		"a press, another secret":    stranger.signed("interactions", press, time.Now()),
		"a press, a command's proof": elsewhere,
	} {
		status, body := r.send(t)
		answers[body] = true
		if status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if len(answers) != 1 {
		t.Errorf("a stranger learns what was wrong: %v", answers)
	}
	shopTeam.presses(t, user, "decline", card.button("decline")).answer(t).has(t, "Declined") // it still waited
}

func TestAnotherTenantsWorkspaceReachesNothing(t *testing.T) {
	const user = "U0ADA"
	inSlack(t, user)
	plane, err := world.Bootstrap(t.Context(), "slack-other")
	if err != nil {
		t.Fatal(err)
	}
	other := slackTeam{"T0OTHER", "00112233445566778899aabbccddeeff"}
	refused(t, &plane, http.MethodPut, "/slack", map[string]string{"teamId": shopTeam.id, "signingSecret": other.secret}, "409")
	other.connect(t, &plane)
	web, err := plane.SignIn(t.Context(), plane.Token)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, web, http.MethodPost, "/slack/links", map[string]string{"code": shopTeam.code(t, user, "demo")}, "404")
	// Its own secret speaks for its own workspace, whatever the body says.
	if status, body := (slackTeam{shopTeam.id, other.secret}).signed("commands", shopTeam.command(user, "clusters", ""), time.Now()).send(t); status != http.StatusUnauthorized {
		t.Errorf("%d %s", status, body)
	}
	other.says(t, user, "clusters").has(t, "not linked") // the same user's id, in another workspace
	other.link(t, user, web)
	got := other.says(t, user, "clusters")
	got.has(t, "no cluster yet")
	got.lacks(t, "sandbox")
	other.says(t, user, "use sandbox").has(t, "no cluster of that name")
	other.asks(t, user, "what is running in shop").has(t, "no cluster yet")

	was := replicas(t, "frontend")
	card := shopTeam.asks(t, user, "scale frontend in shop to "+strconv.Itoa(was+1))
	denied := other.presses(t, user, "approve", card.button("approve")).answer(t)
	denied.has(t, "No such run")
	if n := replicas(t, "frontend"); n != was {
		t.Errorf("another tenant's press scaled it to %d", n)
	}
	shopTeam.presses(t, user, "decline", card.button("decline")).answer(t).has(t, "Declined")

	leaves(t, other, user, web)
}

// leaves takes the linked member out of the tenant: from then on their Slack user is a stranger.
func leaves(t *testing.T, team slackTeam, user string, web *stack.Plane) {
	t.Helper()
	call(t, web, http.MethodPost, "/members", map[string]string{"email": "deputy@slack-other.test", "name": "Deputy", "role": "tenant_admin"}, nil)
	call(t, web, http.MethodDelete, "/members/"+web.Member, nil, nil)
	team.says(t, user, "clusters").has(t, "not linked")
}

func TestAnswersGoToSlackAndNowhereElse(t *testing.T) {
	const user = "U0SENDS"
	inSlack(t, user)
	elsewhere := &slackBox{url: "https://hooks.slack.com.evil.example/commands/1"}
	shopTeam.types(t, user, "what is running in shop", elsewhere).has(t, "nothing was asked")
	moved := slackSide.box(func(b *slackBox) { b.redirect = "https://evil.example/" })
	shopTeam.types(t, user, "what is running in shop", moved)
	moved.answer(t)
	busy := slackSide.box(func(b *slackBox) { b.trouble = 1 })
	shopTeam.types(t, user, "what is running in shop", busy)
	busy.answer(t).has(t, "catalog-")

	asked, strays, addresses := slackSide.seen()
	if !slices.Equal(asked, []string{"CONNECT hooks.slack.com:443"}) || len(strays) > 0 {
		t.Errorf("kubechatd went to %q, and posted %q", asked, strays)
	}
	log, err := os.ReadFile(filepath.Join(world.Logs(), "kubechatd.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range append(addresses, shopTeam.secret, "what is running in shop") {
		if strings.Contains(string(log), secret) {
			t.Errorf("kubechatd's log has %q", secret)
		}
	}
}
