package story

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/slack/slacktest"
	"github.com/kubechat/kubechat/e2e/stack"
)

// slackTeam is a workspace as Slack has it: it signs what its users type and press.
type slackTeam struct{ id, secret string }

// slackMessage is what Slack is given to show.
type slackMessage struct {
	To       string       `json:"response_type"`
	Replaces bool         `json:"replace_original"`
	Blocks   []slackBlock `json:"blocks"`
	raw      string
}

type slackBlock struct {
	Type string `json:"type"`
	Text struct {
		Type     string `json:"type"`
		Text     string `json:"text"`
		Verbatim bool   `json:"verbatim"`
	} `json:"text"`
	Elements []struct {
		Type   string          `json:"type"`
		Action string          `json:"action_id"`
		Value  string          `json:"value"`
		Text   json.RawMessage `json:"text"` // an object in a button, a string in a link
	} `json:"elements"`
}

func readSlack(t *testing.T, raw string) slackMessage {
	t.Helper()
	m := slackMessage{raw: raw}
	if err := json.Unmarshal([]byte(raw), &m); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	if m.To != "ephemeral" {
		t.Errorf("others see it: %s", raw)
	}
	return m
}

// text is all that its sections say, as Slack is given it.
func (m slackMessage) text() string {
	var all []string
	for _, b := range m.Blocks {
		all = append(all, b.Text.Text)
	}
	return strings.Join(all, "\n")
}

// fenced is what of it is preformatted, and verbatim, so that Slack reads nothing into it.
func (m slackMessage) fenced() string {
	var all []string
	for _, b := range m.Blocks {
		if inside, ok := strings.CutPrefix(b.Text.Text, "```\n"); ok && b.Text.Type == "mrkdwn" && b.Text.Verbatim {
			all = append(all, strings.TrimSuffix(inside, "\n```"))
		}
	}
	return strings.Join(all, "\n")
}

// button is what a button stands for; "" when there is none.
func (m slackMessage) button(action string) string {
	for _, b := range m.Blocks {
		for _, e := range b.Elements {
			if e.Type == "button" && e.Action == action {
				return e.Value
			}
		}
	}
	return ""
}

var slackLink = regexp.MustCompile(`^<([^|>]+)\|[^>]+>$`)

// link is where its last link leads.
func (m slackMessage) link(t *testing.T) *url.URL {
	t.Helper()
	var last *url.URL
	for _, b := range m.Blocks {
		for _, e := range b.Elements {
			var text string
			if e.Type != "mrkdwn" || json.Unmarshal(e.Text, &text) != nil {
				continue
			}
			if found := slackLink.FindStringSubmatch(text); found != nil {
				u, err := url.Parse(found[1])
				if err != nil {
					t.Fatal(err)
				}
				last = u
			}
		}
	}
	if last == nil {
		t.Fatalf("no link in %s", m.raw)
	}
	return last
}

func (m slackMessage) has(t *testing.T, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(m.text(), want) {
			t.Errorf("no %q in\n%s", want, m.text())
		}
	}
}

func (m slackMessage) lacks(t *testing.T, unwanted ...string) {
	t.Helper()
	for _, u := range unwanted {
		if strings.Contains(m.text(), u) {
			t.Errorf("there is %q in\n%s", u, m.text())
		}
	}
}

// slackRequest is one request as it goes over the wire.
type slackRequest struct{ path, body, at, signature string }

// signed is a request as Slack sends it at that time.
func (w slackTeam) signed(path string, form url.Values, at time.Time) slackRequest {
	stamp := strconv.FormatInt(at.Unix(), 10)
	body := form.Encode()
	return slackRequest{path, body, stamp, slacktest.Sign(w.secret, stamp, []byte(body))}
}

func (r slackRequest) send(t *testing.T) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, world.Plane.URL+"/slack/"+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Slack-Request-Timestamp", r.at)
	req.Header.Set("X-Slack-Signature", r.signature)
	return answered(t, req)
}

// command is what Slack posts when a user has typed /kubechat and text.
func (w slackTeam) command(user, text, answerTo string) url.Values {
	return url.Values{
		"team_id": {w.id}, "user_id": {user}, "user_name": {"somebody"}, "command": {"/kubechat"},
		"text": {strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)}, "response_url": {answerTo},
		"trigger_id": {strconv.FormatInt(time.Now().UnixNano(), 10)}, // Slack's requests are never the same twice
	}
}

// types is a command, and what is said to it at once.
func (w slackTeam) types(t *testing.T, user, text string, to *slackBox) slackMessage {
	t.Helper()
	status, body := w.signed("commands", w.command(user, text, to.url), time.Now()).send(t)
	if status != http.StatusOK {
		t.Fatalf("/kubechat %s: %d %s", text, status, body)
	}
	return readSlack(t, body)
}

// says is a command that is answered at once.
func (w slackTeam) says(t *testing.T, user, text string) slackMessage {
	t.Helper()
	return w.types(t, user, text, slackSide.box(nil))
}

// asks is a question's answer.
func (w slackTeam) asks(t *testing.T, user, text string) slackMessage {
	t.Helper()
	box := slackSide.box(nil)
	if now := w.types(t, user, text, box); now.text() != "Looking…" {
		t.Fatalf("/kubechat %s: %s", text, now.text())
	}
	return box.answer(t)
}

// presses is a press of a button; what comes of it comes to the box.
func (w slackTeam) presses(t *testing.T, user, action, value string) *slackBox {
	t.Helper()
	box := slackSide.box(nil)
	payload, err := json.Marshal(map[string]any{
		"type": "block_actions", "team": map[string]any{"id": w.id}, "user": map[string]any{"id": user, "team_id": w.id},
		"trigger_id": strconv.FormatInt(time.Now().UnixNano(), 10), "response_url": box.url,
		"actions": []any{map[string]any{"type": "button", "action_id": action, "value": value}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if status, body := w.signed("interactions", url.Values{"payload": {string(payload)}}, time.Now()).send(t); status != http.StatusOK || body != "" {
		t.Fatalf("%d %s", status, body)
	}
	return box
}

// code is the one in the link that /kubechat link gives out.
func (w slackTeam) code(t *testing.T, user, slug string) string {
	t.Helper()
	u := w.says(t, user, "link").link(t)
	if at := u.Scheme + "://" + u.Host + u.Path; at != world.Plane.URL+"/t/"+slug+"/slack/link" || u.Query().Get("code") == "" {
		t.Fatalf("the link leads to %s", u)
	}
	return u.Query().Get("code")
}

// slackUser is one link as the API has it.
type slackUser struct {
	ID       string `json:"id"`
	TeamID   string `json:"teamId"`
	UserID   string `json:"userId"`
	MemberID string `json:"memberId"`
}

// link lets the Slack user act as the member who is signed in to the web.
func (w slackTeam) link(t *testing.T, user string, web *stack.Plane) slackUser {
	t.Helper()
	var linked slackUser
	call(t, web, http.MethodPost, "/slack/links", map[string]string{"code": w.code(t, user, web.Tenant)}, &linked)
	if linked.UserID != user || linked.TeamID != w.id || linked.MemberID != web.Member {
		t.Fatalf("linked %+v", linked)
	}
	return linked
}

// connect connects the workspace to the plane's tenant.
func (w slackTeam) connect(t *testing.T, as *stack.Plane) {
	t.Helper()
	call(t, as, http.MethodPut, "/slack", map[string]string{"teamId": w.id, "name": "A workspace", "signingSecret": w.secret}, nil)
}

// call is a request of the API that has to succeed.
func call(t *testing.T, as *stack.Plane, method, path string, body, answer any) {
	t.Helper()
	if err := as.Call(t.Context(), method, path, body, answer); err != nil {
		t.Fatal(err)
	}
}

// refused is a request of the API that has to fail, with that status and those words.
func refused(t *testing.T, as *stack.Plane, method, path string, body any, wants ...string) {
	t.Helper()
	err := as.Call(t.Context(), method, path, body, nil)
	if err == nil {
		t.Errorf("%s %s succeeds", method, path)
		return
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}
