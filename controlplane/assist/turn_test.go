package assist_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubechat/kubechat/controlplane/assist"
	"github.com/kubechat/kubechat/controlplane/model"
	"github.com/kubechat/kubechat/controlplane/model/modeltest"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

func TestFindingsComeFirstAndSentencesCiteThem(t *testing.T) {
	t.Parallel()
	c := newCluster()
	h := ask(t, c, modeltest.Script(says("The container ran out of memory [F1]. Its pod payments-7d9f8b6c5d-x2k4q restarts [F1, R9]. It will surely rain. The pod payments-0000000000-zzzzz is fine [F1].")), "why is payments failing?")
	a := h.answer(t)
	want := []assist.Sentence{
		{Text: "The container ran out of memory.", Evidence: []string{"F1"}, Verified: true},
		{Text: "Its pod payments-7d9f8b6c5d-x2k4q restarts.", Evidence: []string{"F1"}, Verified: true},
		{Text: "It will surely rain."},
		{Text: "The pod ~~payments-0000000000-zzzzz~~ is fine.", Evidence: []string{"F1"}},
	}
	if fmt.Sprint(a.Sentences) != fmt.Sprint(want) {
		t.Errorf("got\n%+v\nwant\n%+v", a.Sentences, want)
	}
	if len(c.looked) != 1 || c.looked[0].Op != nlp.OpDiagnose || c.looked[0].Names[0] != "payments" || c.looked[0].Resource != deployments {
		t.Errorf("looked at %+v", c.looked)
	}
	if found := outputs[assist.Found](h); len(found) != 1 || found[0].ID != "F1" {
		t.Errorf("found %v", found)
	}
	r := h.requests[0]
	if r.MaxTokens != 4000 || r.Temperature == nil || *r.Temperature != 0 || !strings.Contains(r.Messages[0].Text, "widgets.example.com") {
		t.Errorf("request %+v", r)
	}
	if !slices.IsSortedFunc(r.Tools, func(a, b model.Tool) int { return strings.Compare(a.Name, b.Name) }) || len(r.Tools) != 12 {
		t.Errorf("tools %v", r.Tools)
	}
	if last := r.Messages[len(r.Messages)-1]; last.Role != model.Results || !strings.Contains(last.Results[0].Text, "OOMKilled") || !strings.Contains(last.Results[0].Text, `"origin"`) {
		t.Errorf("the facts are not in the role of a tool: %+v", last)
	}
}

func TestAPromptBeginsAlikeForEveryQuestionOfAConversation(t *testing.T) {
	t.Parallel()
	first := ask(t, newCluster(), modeltest.Script(says("x")), "why is payments failing?")
	second := ask(t, newCluster(), modeltest.Script(says("x")), "and the logs?", func(_ *assist.Config, in *assist.Input) {
		in.Earlier = []assist.Earlier{{Question: "why is payments failing?", Digest: "out of memory"}}
	})
	a, b := first.requests[0], second.requests[0]
	if a.System != b.System || fmt.Sprint(a.Tools) != fmt.Sprint(b.Tools) || fmt.Sprint(a.Messages[:2]) != fmt.Sprint(b.Messages[:2]) {
		t.Error("the beginning differs")
	}
}

func TestToolsAreTypedReadsAsTheMember(t *testing.T) {
	t.Parallel()
	c := newCluster()
	c.lines[nlp.OpLogs] = []string{"connecting", "ERROR no memory", "password=hunter2hunter2", "error again"}
	c.lines[nlp.OpGet] = []string{"checkout 3/3"}
	h := ask(t, c, modeltest.Script(
		call("logs", `{"kind":"deploy","namespace":null,"name":"payments","container":null,"tail":9999,"since":"1h","grep":"error","previous":true}`),
		call("list", `{"kind":"deployment","namespace":"shop","selector":null}`),
		call("find_object", `{"word":"ledg","namespace":null}`),
		call("get", `{"kind":"secret","namespace":"shop","name":"db","path":null}`),
		call("list", `{"kind":"gadgets","namespace":null,"selector":null}`),
		call("list", `{"kind":"pods","namespace":"shop","selector":"a in ("}`),
		says("The log says so [R1.2]. There is checkout [R2]. Line nine [R1.9].")), "why is payments failing?")
	a := h.answer(t)
	if !a.Sentences[0].Verified || !a.Sentences[1].Verified || a.Sentences[2].Verified {
		t.Errorf("%+v", a)
	}
	logs := c.looked[1]
	if logs.Op != nlp.OpLogs || *logs.Args.Tail != 500 || logs.Args.Since != time.Hour || !logs.Args.Previous || logs.Namespace != "shop" {
		t.Errorf("%+v", logs)
	}
	if secret := c.looked[3]; secret.Op != nlp.OpDescribe || secret.Args.Output != "" {
		t.Errorf("a Secret is read by %+v", secret)
	}
	if len(c.looked) != 4 {
		t.Errorf("looked %d times", len(c.looked))
	}
	got := h.results()
	for _, want := range []string{"R1.1 ERROR no memory", "R1.2 error again", "deployments.apps ledger billing", "no kind", "not a label selector"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	if strings.Contains(got, "hunter2") || strings.Contains(got, "connecting") {
		t.Errorf("too much: %s", got)
	}
}

func TestMalformedAndUnknownCallsAreAnsweredInWords(t *testing.T) {
	t.Parallel()
	h := ask(t, newCluster(), modeltest.Script(
		modeltest.Answer{Calls: []model.ToolCall{{ID: "1", Name: "list", Malformed: `{"kind": "po`}, {ID: "2", Name: "execute", Args: []byte(`{}`)}, {ID: "3", Name: "list", Args: []byte(`{"command":"rm -rf /"}`)}}},
		says("Nothing [F1].")), "why is payments failing?")
	h.answer(t)
	results := h.requests[1].Messages[len(h.requests[1].Messages)-1].Results
	if len(results) != 3 {
		t.Fatalf("every call is answered: %+v", results)
	}
	for _, r := range results {
		if !r.Failed || r.Text == "" {
			t.Errorf("%+v", r)
		}
	}
}

func TestAResultThatIsTooLargeSaysNarrow(t *testing.T) {
	t.Parallel()
	c := newCluster()
	c.lines[nlp.OpLogs] = filler(3000)
	h := ask(t, c, modeltest.Script(call("logs", `{"kind":"pod","name":"payments-7d9f8b6c5d-x2k4q"}`), says("Too much [F1].")), "why is payments failing?",
		func(cfg *assist.Config, _ *assist.Input) { cfg.Limits.Window = 32_000 })
	h.answer(t)
	if got := h.results(); !strings.Contains(got, "Narrow it") || strings.Contains(got, "line 7 ") {
		t.Errorf("%.300s", got)
	}
}

func TestTheSameCallIsAnsweredFromMemoryAndLoopsEnd(t *testing.T) {
	t.Parallel()
	list, logs := call("list", `{"kind":"pods","namespace":"shop","selector":null}`), call("logs", `{"kind":"pods","name":"payments-7d9f8b6c5d-x2k4q"}`)
	reordered := call("list", `{ "selector":null, "namespace":"shop",  "kind":"pods"}`)
	bad := func(i int) modeltest.Answer {
		return call("describe", fmt.Sprintf(`{"kind":"pods","namespace":"shop","name":"x%d"}`, i))
	}
	for name, c := range map[string]struct {
		script []modeltest.Answer
		looks  int
		why    string
	}{
		"the same, spelt otherwise": {[]modeltest.Answer{list, reordered, says("Done [F1].")}, 1, ""},
		"thrice the same":           {[]modeltest.Answer{list, list, list, says("Done [F1].")}, 1, "three times"},
		"in turns":                  {[]modeltest.Answer{list, logs, list, logs, says("Done [F1].")}, 2, "in turns"},
		"the same error thrice":     {[]modeltest.Answer{bad(1), bad(2), bad(3), says("Done [F1].")}, 3, "failed three times"},
	} {
		cl := newCluster()
		cl.lines[nlp.OpGet], cl.lines[nlp.OpLogs] = []string{"a pod"}, []string{"a line"}
		cl.fail[nlp.OpDescribe] = problem.New(problem.NotFound, "There is no such pod.")
		h := ask(t, cl, modeltest.Script(c.script...), "why is payments failing?")
		h.answer(t)
		if len(cl.looked)-1 != c.looks {
			t.Errorf("%s: looked %d times", name, len(cl.looked)-1)
		}
		last := h.requests[len(h.requests)-1]
		if last.Withdrawn != (c.why != "") || c.why != "" && !strings.Contains(last.Messages[len(last.Messages)-1].Text, c.why) {
			t.Errorf("%s: withdrawn %v, %q", name, last.Withdrawn, last.Messages[len(last.Messages)-1].Text)
		}
	}
}

func TestATurnEndsWithinItsBudgets(t *testing.T) {
	t.Parallel()
	endless := func() *modeltest.Player {
		return &modeltest.Player{Play: func(n int, req model.Request) ([]model.Event, error) {
			if req.Withdrawn {
				return says("That is all [F1].").Events()
			}
			return call("find_object", fmt.Sprintf(`{"word":"pay%d","namespace":null}`, n)).Events()
		}}
	}
	h := ask(t, newCluster(), endless(), "why is payments failing?")
	h.answer(t)
	if n := len(h.requests); n != 8 {
		t.Errorf("%d calls of the model", n)
	}
	many := &modeltest.Player{Play: func(n int, req model.Request) ([]model.Event, error) {
		if req.Withdrawn {
			return says("That is all [F1].").Events()
		}
		a := modeltest.Answer{}
		for i := range 5 {
			a.Calls = append(a.Calls, model.ToolCall{ID: fmt.Sprint(n, i), Name: "find_object", Args: []byte(fmt.Sprintf(`{"word":"pay%d-%d"}`, n, i))})
		}
		return a.Events()
	}}
	h = ask(t, newCluster(), many, "why is payments failing?")
	h.answer(t)
	if n := len(outputs[assist.ToolUsed](h)); n != 12 {
		t.Errorf("%d tools were used", n)
	}
	h = ask(t, newCluster(), endless(), "why is payments failing?", func(c *assist.Config, _ *assist.Input) { c.Limits.Input = 9_000; c.Limits.Window = 5_000 })
	h.answer(t)
	if n := len(h.requests); n < 1 || n > 4 {
		t.Errorf("%d calls within 9,000 tokens", n)
	}
	h = ask(t, newCluster(), modeltest.Script(says("x")), strings.Repeat("why is payments failing? ", 9000))
	if h.err == nil || len(h.requests) != 0 {
		t.Errorf("a prompt larger than the budget: %v after %d calls", h.err, len(h.requests))
	}
	obstinate := modeltest.Script(call("list", `{"kind":"pods","namespace":"shop","selector":null}`))
	if h = ask(t, newCluster(), obstinate, "why is payments failing?"); h.err == nil {
		t.Error("a model that only calls tools gives an answer")
	}
}

func TestTheDaysBudgetIsReservedBeforeAndSettledAfter(t *testing.T) {
	t.Parallel()
	m := &meter{}
	answer := says("Out of memory [F1].")
	answer.Usage = &model.Usage{InputTokens: 1000, OutputTokens: 50}
	with := func(c *assist.Config, _ *assist.Input) {
		c.Meter, c.Prices = m, assist.Prices{Input: 3_000_000, Output: 15_000_000}
	}
	h := ask(t, newCluster(), modeltest.Script(answer), "why is payments failing?", with)
	h.answer(t)
	if len(m.settled) != 1 || m.settled[0].Input != 1000 || m.settled[0].Output != 50 || m.settled[0].CostMicros != 3000+750 || m.settled[0].ID != m.reserved[0].ID || m.used != 1050 {
		t.Errorf("%+v, used %d", m.settled, m.used)
	}
	if spent := outputs[assist.Spent](h); len(spent) != 1 || spent[0].CostMicros != 3750 || spent[0].Budget.Used != 1050 {
		t.Errorf("%+v", spent)
	}
	m.limit = 100
	h = ask(t, newCluster(), modeltest.Script(answer), "why is payments failing?", with)
	if !problem.Is(h.err, problem.Limited) || len(h.requests) != 0 {
		t.Errorf("over the budget: %v after %d calls", h.err, len(h.requests))
	}
	*m = meter{}
	h = ask(t, newCluster(), modeltest.Script(says("Out of memory [F1].")), "why is payments failing?", with)
	h.answer(t)
	if !m.settled[0].Estimated || m.settled[0].Input == 0 || m.settled[0].Output == 0 {
		t.Errorf("a provider that counts nothing is free: %+v", m.settled)
	}
	*m = meter{}
	h = ask(t, newCluster(), modeltest.Script(modeltest.Answer{Status: http.StatusBadGateway}), "why is payments failing?", with)
	if e := model.As(h.err); e.Kind != model.Away || len(m.settled) != 1 {
		t.Errorf("%v, settled %v", h.err, m.settled)
	}
}

func TestAModelThatDoesNotAnswerIsAnError(t *testing.T) {
	t.Parallel()
	for _, a := range []modeltest.Answer{{Status: http.StatusServiceUnavailable}, {Text: []string{"The "}, Cut: true}, {Text: []string{" "}}} {
		h := ask(t, newCluster(), modeltest.Script(a), "why is payments failing?")
		var e *model.Error
		if !errors.As(h.err, &e) || len(outputs[assist.Answer](h)) != 0 {
			t.Errorf("%+v: %v, %v", a, h.err, h.outputs)
		}
	}
}

func TestATurnLastsNinetySecondsAndStopsWhenNobodyListens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		c := newCluster()
		c.hold = make(chan struct{})
		h := ask(t, c, modeltest.Script(says("x")), "why is payments failing?")
		if !errors.Is(h.err, context.DeadlineExceeded) || time.Since(began) != 90*time.Second {
			t.Errorf("%v after %v", h.err, time.Since(began))
		}
	})
	p := modeltest.Script(call("list", `{"kind":"pods","namespace":"shop","selector":null}`))
	in := assist.Input{Question: "why is payments failing?", Vocabulary: vocabulary(), Tools: newCluster()}
	for range assist.New(assist.Config{Model: p, Name: "s"}).Turn(t.Context(), in) {
		break
	}
	if len(p.Requests()) != 0 {
		t.Error("it went on after the reader left")
	}
}
