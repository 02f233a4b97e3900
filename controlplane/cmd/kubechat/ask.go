package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

type asked struct {
	client *client
	env    *env
	run    string
	json   bool
	yes    bool
	show   *renderer

	plan  planData // the newest that was shown
	last  string   // the type of the last event that decides the exit code
	state string
}

type planData struct {
	Hash      string `json:"hash"`
	Class     string `json:"class"`
	Sentence  string `json:"sentence"`
	Kubectl   string `json:"kubectl"`
	Namespace string `json:"namespace"`
	TypedName string `json:"typedName"`
	Cluster   struct {
		Name string `json:"name"`
	} `json:"cluster"`
}

func runAsk(ctx context.Context, e *env, args []string) error {
	var cluster, output *string
	var again, yes *bool
	set, l, words, err := e.signedInFlags("ask", args, func(f flagSet) {
		cluster = f.String("cluster", "", "the cluster's `name`; the only connected one if absent")
		output = f.String("output", "text", "text, or json: one event a line")
		again = f.Bool("continue", false, "go on with the last conversation, so that \"it\" means something")
		yes = f.Bool("yes", false, "approve what changes something without asking; never what destroys")
	})
	if err != nil {
		return err
	}
	text := strings.TrimSpace(strings.Join(words, " "))
	if text == "" {
		return usagef("ask what? For example: kubechat ask what is running in shop")
	}
	c := newClient(l)
	id, err := c.conversation(ctx, l, *cluster, *again)
	if err != nil {
		return err
	}
	if err := set.save(); err != nil {
		return err
	}
	a := &asked{client: c, env: e, json: *output == "json", yes: *yes, show: newRenderer(e.out)}
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
	err := a.client.follow(ctx, run.ID, func(ev event) error { return a.handle(ctx, ev) })
	if ctx.Err() != nil {
		return a.stop(ctx)
	}
	if err != nil {
		return err
	}
	return a.verdict()
}

// stop ends the run when the person pressed Ctrl-C: they would not expect it to go on.
func (a *asked) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := a.client.call(ctx, http.MethodDelete, a.client.in("/runs/%s", a.run), nil, nil); err != nil {
		return fmt.Errorf("the run may go on: %w", err)
	}
	return exit{130, "stopped"}
}

// verdict is the exit code: scripts need to know whether anything was done.
func (a *asked) verdict() error {
	switch {
	case a.last == "clarify":
		return exit{codeClarify, ""}
	case a.last == "declined" || a.last == "expired":
		return exit{codeDeclined, ""}
	case a.last == "refused" || a.state != "done":
		return exit{1, ""}
	}
	return nil
}

func (a *asked) handle(ctx context.Context, ev event) error {
	if a.json {
		b, err := json.Marshal(ev)
		if err != nil {
			return fmt.Errorf("encode event: %w", err)
		}
		fmt.Fprintf(a.env.out, "%s\n", b)
	} else if err := a.show.event(ev); err != nil {
		return err
	}
	switch ev.Type {
	case "plan":
		a.plan = planData{}
		return json.Unmarshal(ev.Data, &a.plan)
	case "clarify", "refused", "declined", "expired":
		a.last = ev.Type
	case "end":
		var end struct{ State string }
		err := json.Unmarshal(ev.Data, &end)
		a.state = end.State
		return err
	case "approval":
		return a.decide(ctx, ev)
	}
	return nil
}

// decide asks the person. Where nobody can be asked, the answer is no.
func (a *asked) decide(ctx context.Context, ev event) error {
	var ap struct{ PlanHash string }
	if err := json.Unmarshal(ev.Data, &ap); err != nil {
		return fmt.Errorf("read approval: %w", err)
	}
	body := map[string]string{"planHash": ap.PlanHash, "decision": "decline"}
	if typed, ok := a.approve(); ok {
		body["decision"] = "approve"
		if typed != "" {
			body["typedName"] = typed
		}
	}
	err := a.client.call(ctx, http.MethodPost, a.client.in("/runs/%s/approval", a.run), body, nil)
	if hasCode(err, "preview_changed") {
		fmt.Fprintln(a.env.err, printable(err.Error()))
		return nil // a new preview follows, and asks again
	}
	var told *apiError
	if errors.As(err, &told) && told.Code == "typed_name" {
		fmt.Fprintln(a.env.err, printable(err.Error()))
		return a.decide(ctx, ev)
	}
	return err
}

func (a *asked) approve() (typed string, ok bool) {
	if a.plan.TypedName == "" && a.yes {
		return "", true
	}
	if !a.env.tty || a.json {
		fmt.Fprintln(a.env.err, "kubechat: nobody is here to approve this; it was declined.")
		return "", false
	}
	if a.plan.TypedName != "" {
		fmt.Fprintf(a.env.err, "This cannot be undone. Type %s to do it: ", printable(a.plan.TypedName))
	} else {
		fmt.Fprint(a.env.err, "Do it? [y/N] ")
	}
	answer := a.env.readLine()
	if a.plan.TypedName != "" {
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
