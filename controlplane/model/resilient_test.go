package model_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/model"
	"github.com/kubechat/kubechat/controlplane/model/modeltest"
)

// bench is a model whose time passes only when it is waited for.
type bench struct {
	now   time.Time
	waits []time.Duration
	brk   *model.Breaker
	model *modeltest.Player
	*model.Resilient
}

func newBench(answers ...modeltest.Answer) *bench {
	b := &bench{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), model: modeltest.Script(answers...)}
	b.brk = model.NewBreaker(func() time.Time { return b.now })
	b.Resilient = model.NewResilient(model.ResilientConfig{
		Model: b.model, Breaker: b.brk, Jitter: func() float64 { return 0.5 },
		Sleep: func(ctx context.Context, d time.Duration) error {
			b.waits, b.now = append(b.waits, d), b.now.Add(d)
			return ctx.Err()
		},
	})
	return b
}

func (b *bench) ask(t *testing.T) *model.Error {
	t.Helper()
	_, err := modeltest.Read(t.Context(), b, modeltest.Ask())
	if err == nil {
		return nil
	}
	var e *model.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no *model.Error", err)
	}
	return e
}

var (
	fine   = modeltest.Answer{Text: []string{"fine"}}
	broken = modeltest.Answer{Status: http.StatusBadGateway}
	denied = modeltest.Answer{Status: http.StatusUnauthorized}
)

func wait(seconds string) modeltest.Answer {
	return modeltest.Answer{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {seconds}}}
}

func TestWhatMayBeOverIsTriedTwiceMore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []modeltest.Answer
		waits   []time.Duration
		asked   int
		kind    model.Kind
	}{
		"fine at once":             {[]modeltest.Answer{fine}, nil, 1, ""},
		"fine at the third":        {[]modeltest.Answer{broken, broken, fine}, []time.Duration{500 * time.Millisecond, time.Second}, 3, ""},
		"never fine":               {[]modeltest.Answer{broken}, []time.Duration{500 * time.Millisecond, time.Second}, 3, model.Away},
		"told when to come back":   {[]modeltest.Answer{wait("3"), fine}, []time.Duration{3*time.Second + 250*time.Millisecond}, 2, ""},
		"told to come back late":   {[]modeltest.Answer{wait("60"), fine}, nil, 1, model.Limited},
		"a refused key":            {[]modeltest.Answer{denied, fine}, nil, 1, model.Refused},
		"cut after something came": {[]modeltest.Answer{{Text: []string{"a"}, Cut: true}, fine}, nil, 1, model.Cut},
		"cut before anything came": {[]modeltest.Answer{{Cut: true}, fine}, []time.Duration{500 * time.Millisecond}, 2, ""},
	} {
		b := newBench(c.answers...)
		err := b.ask(t)
		if err == nil && c.kind != "" || err != nil && err.Kind != c.kind {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Equal(b.waits, c.waits) || len(b.model.Requests()) != c.asked {
			t.Errorf("%s: waited %v and asked %d times", name, b.waits, len(b.model.Requests()))
		}
	}
}

func TestTheCircuitOpensAfterFiveFailuresAndOneProbeDecides(t *testing.T) {
	t.Parallel()
	b := newBench(broken, broken, broken, broken, broken, broken, fine)
	b.ask(t) // three failures
	if err := b.ask(t); err == nil || err.Kind != model.Open && err.Kind != model.Away {
		t.Fatalf("got %v", err)
	}
	asked := len(b.model.Requests())
	if asked != 5 {
		t.Fatalf("asked %d times before it opened", asked)
	}
	if err := b.ask(t); err == nil || err.Kind != model.Open || err.RetryAfter <= 0 {
		t.Errorf("open, and it says %v", err)
	}
	b.now = b.now.Add(30 * time.Second)
	if err := b.ask(t); err == nil || err.Kind != model.Open {
		t.Errorf("a failed probe: %v", err) // the probe failed, its retry found the circuit open again
	}
	if n := len(b.model.Requests()); n != asked+1 {
		t.Errorf("%d probes", n-asked)
	}
	b.now = b.now.Add(30 * time.Second)
	if err := b.ask(t); err != nil {
		t.Errorf("a good probe: %v", err)
	}
	if err := b.ask(t); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

func TestWhileOneProbesNobodyElseIsLetThrough(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b := model.NewBreaker(func() time.Time { return now })
	for range 5 {
		b.Allow()
		b.Report(model.Failed)
	}
	if _, ok := b.Allow(); ok {
		t.Fatal("not open")
	}
	now = now.Add(31 * time.Second)
	if _, ok := b.Allow(); !ok {
		t.Fatal("no probe")
	}
	if _, ok := b.Allow(); ok {
		t.Error("two probes")
	}
	b.Report(model.Unknown) // who probed gave up
	if _, ok := b.Allow(); !ok {
		t.Error("no probe after one that found out nothing")
	}
}

func TestFailuresFarApartAndRefusalsOpenNothing(t *testing.T) {
	t.Parallel()
	b := newBench(denied)
	for range 20 {
		b.ask(t)
	}
	if n := len(b.model.Requests()); n != 20 {
		t.Errorf("asked %d times", n)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	brk := model.NewBreaker(func() time.Time { return now })
	for range 20 {
		now = now.Add(10 * time.Second)
		if _, ok := brk.Allow(); !ok {
			t.Fatal("open")
		}
		brk.Report(model.Failed)
	}
}

func TestWhoGivesUpSaysNothingAboutTheProvider(t *testing.T) {
	t.Parallel()
	b := newBench(fine)
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		for range b.Stream(ctx, modeltest.Ask()) {
			cancel()
		}
		cancel()
	}
	if err := b.ask(t); err != nil {
		t.Error(err)
	}
}
