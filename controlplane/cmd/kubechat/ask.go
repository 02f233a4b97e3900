package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

type asked struct {
	client *client
	env    *env
	run    string
	output string // text, json or jsonl
	yes    bool
	show   *renderer
	doc    *document

	plans map[string]planData // the newest that was shown, by cluster's id; "" of a run about one
	left  bool                // a plan waits for somebody who is not here
	last  string              // the type of the last event that decides the exit code
	state string
}

// The forms of kubechat ask's output.
const (
	outputText  = "text"
	outputJSON  = "json"  // one document at the end
	outputLines = "jsonl" // each event as it comes, on a line
)

type planData struct {
	Hash      string `json:"hash"`
	Class     string `json:"class"`
	Sentence  string `json:"sentence"`
	Kubectl   string `json:"kubectl"`
	Namespace string `json:"namespace"`
	TypedName string `json:"typedName"`
	Cluster   struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"cluster"`
}

func runAsk(ctx context.Context, e *env, args []string) error {
	var cluster, output *string
	var again, yes *bool
	set, l, words, err := e.signedInFlags("ask", args, func(f flagSet) {
		cluster = f.String("cluster", "", "the cluster's `name`; the only connected one if absent")
		output = f.String("output", "text", "text, json (one document at the end) or jsonl (one event a line)")
		again = f.Bool("continue", false, "go on with the last conversation, so that \"it\" means something")
		yes = f.Bool("yes", false, "approve what changes something without asking; never what wants a name typed")
	})
	if err != nil {
		return err
	}
	text := strings.TrimSpace(strings.Join(words, " "))
	if text == "" {
		return usagef("ask what? For example: kubechat ask what is running in shop")
	}
	if !slices.Contains([]string{outputText, outputJSON, outputLines}, *output) {
		return usagef("--output is text, json or jsonl")
	}
	c := newClient(l)
	id, err := c.conversation(ctx, l, *cluster, *again)
	if err != nil {
		return err
	}
	if err := set.save(); err != nil {
		return err
	}
	a := &asked{client: c, env: e, output: *output, yes: *yes, show: newRenderer(e.out), plans: map[string]planData{}, doc: newDocument(l.Cluster, id, text)}
	return a.ask(ctx, id, text)
}

// conversation goes on with the last one, or begins one.
func (c *client) conversation(ctx context.Context, l *signedIn, cluster string, again bool) (string, error) {
	if again && l.Conversation != "" && (cluster == "" || cluster == l.Cluster) {
		return l.Conversation, nil
	}
	cl, err := c.pick(ctx, cluster)
	if err != nil {
		return "", err
	}
	var made struct{ ID string }
	if err := c.call(ctx, http.MethodPost, c.in("/conversations"), map[string]string{"clusterId": cl.ID}, &made); err != nil {
		return "", err
	}
	l.Cluster, l.Conversation = cl.Name, made.ID
	return made.ID, nil
}

func (a *asked) ask(ctx context.Context, conversation, text string) error {
	var run struct{ ID string }
	body := map[string]string{"text": text, "key": rand.Text()}
	if err := a.client.call(ctx, http.MethodPost, a.client.in("/conversations/%s/runs", conversation), body, &run); err != nil {
		return err
	}
	a.run = run.ID
	a.doc.begin(run.ID, a.client.link(conversation, run.ID))
	err := a.client.follow(ctx, run.ID, func(ev event) error { return a.handle(ctx, ev) })
	if errors.Is(err, errLeft) {
		err = nil
	}
	switch {
	case ctx.Err() != nil:
		err = a.stop(ctx)
	case err == nil:
		err = a.verdict()
	}
	if a.output == outputJSON {
		if wrote := a.doc.end(a.env.out, err); wrote != nil {
			return wrote
		}
	}
	return err
}

// link is where a person sees a run.
func (c *client) link(conversation, run string) string {
	return c.server + "/t/" + url.PathEscape(c.tenant) + "/chat/" + url.PathEscape(conversation) + "?run=" + url.QueryEscape(run)
}

// stop ends the run when the person pressed Ctrl-C: they would not expect it to go on.
func (a *asked) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := a.client.call(ctx, http.MethodDelete, a.client.in("/runs/%s", a.run), nil, nil); err != nil {
		return fmt.Errorf("the run may go on: %w", err)
	}
	return exit{codeStopped, "stopped"}
}

// verdict is the exit code: scripts need to know whether anything was done.
func (a *asked) verdict() error {
	switch {
	case a.last == "clarify":
		return exit{codeClarify, ""}
	case a.last == "declined" || a.last == "expired" || a.state == stateWaits:
		return exit{codeDeclined, ""}
	case a.last == "refused" || a.state != "done":
		return exit{1, ""}
	}
	return nil
}

func (a *asked) handle(ctx context.Context, ev event) error {
	if err := a.tell(ev); err != nil {
		return err
	}
	switch ev.Type {
	case "plan":
		var p planData
		err := json.Unmarshal(ev.Data, &p)
		a.plans[ev.Cluster] = p
		return err
	case "clarify", "refused", "declined", "expired":
		a.last = ev.Type
	case "end":
		var end struct{ State string }
		err := json.Unmarshal(ev.Data, &end)
		a.state = end.State
		return err
	case "approval":
		return a.decide(ctx, ev)
	case "plan.end":
		return a.leave(ctx, ev)
	}
	return nil
}

// tell gives an event to who reads our output.
func (a *asked) tell(ev event) error {
	switch a.output {
	case outputLines:
		b, err := json.Marshal(ev)
		if err != nil {
			return fmt.Errorf("encode event: %w", err)
		}
		_, err = fmt.Fprintf(a.env.out, "%s\n", b)
		return err
	case outputJSON:
		return a.doc.add(ev)
	}
	return a.show.event(ev)
}

// errLeft ends the following of a run that goes on without us.
var errLeft = errors.New("what is left waits for somebody else")

// leave ends our part in a run once all that is left of it waits for somebody who is not here.
func (a *asked) leave(ctx context.Context, ev event) error {
	if !a.left {
		return nil
	}
	if ev.Cluster == "" {
		a.state = stateWaits
		return errLeft
	}
	var run struct {
		State string
		Plans []struct{ State string }
	}
	if err := a.client.call(ctx, http.MethodGet, a.client.in("/runs/%s", a.run), nil, &run); err != nil {
		return err
	}
	for _, p := range run.Plans {
		if slices.Contains([]string{"queued", "running", "executing"}, p.State) {
			return nil
		}
	}
	if run.State != stateWaits {
		return nil // it has ended in this moment: its end follows
	}
	a.state = stateWaits
	return errLeft
}

const stateWaits = "awaiting_approval"

// decide asks the person. Where nobody can be asked, the plan is left to who can: it waits in the web chat.
func (a *asked) decide(ctx context.Context, ev event) error {
	var ap struct {
		PlanHash  string
		ExpiresAt time.Time
	}
	if err := json.Unmarshal(ev.Data, &ap); err != nil {
		return fmt.Errorf("read approval: %w", err)
	}
	plan := a.plans[ev.Cluster]
	body := map[string]string{"planHash": ap.PlanHash, "decision": "decline"}
	switch {
	case plan.TypedName == "" && a.yes:
		body["decision"] = "approve"
	case !a.env.tty || a.output != outputText:
		return a.leaveIt(ctx, ev, plan, ap.ExpiresAt)
	default:
		if typed, ok := a.approve(plan); ok {
			body["decision"] = "approve"
			if typed != "" {
				body["typedName"] = typed
			}
		}
	}
	err := a.client.call(ctx, http.MethodPost, a.client.in("/runs/%s/approval", a.run), body, nil)
	if hasCode(err, "preview_changed") {
		fmt.Fprintln(a.env.err, printable(err.Error()))
		return nil // a new preview follows, and asks again
	}
	if hasCode(err, "typed_name") {
		fmt.Fprintln(a.env.err, printable(err.Error()))
		return a.decide(ctx, ev)
	}
	return err
}

// leaveIt says what is to be approved, where, and until when.
func (a *asked) leaveIt(ctx context.Context, ev event, plan planData, until time.Time) error {
	a.left = true
	where := a.doc.URL
	fmt.Fprintf(a.env.err, "kubechat: nothing was done. %s\nApprove it until %s at %s\n",
		printable(plan.Sentence), until.Local().Format(time.TimeOnly), printable(where))
	return a.leave(ctx, ev)
}

func (a *asked) approve(plan planData) (typed string, ok bool) {
	if plan.TypedName != "" {
		fmt.Fprintf(a.env.err, "This cannot be undone. Type %s to do it: ", printable(plan.TypedName))
	} else {
		fmt.Fprint(a.env.err, "Do it? [y/N] ")
	}
	answer := a.env.readLine()
	if plan.TypedName != "" {
		return answer, answer != ""
	}
	answer = strings.ToLower(answer)
	return "", answer == "y" || answer == "yes"
}

// readLine reads one line of what the person types, and not a byte more: there may be another question.
func (e *env) readLine() string {
	if e.lines == nil {
		e.lines = bufio.NewReader(e.in)
	}
	line, _ := e.lines.ReadString('\n')
	return strings.TrimSpace(line)
}
