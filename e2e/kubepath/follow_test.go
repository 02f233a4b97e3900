package kubepath_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// kubelet makes every pod of the place ready, as nodes would, until the test ends.
func (p *place) kubelet() {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			for _, name := range strings.Fields(p.tryKubectl("get", "pods", "-o", `jsonpath={range .items[?(@.status.phase!="Running")]}{.metadata.name} {end}`)) {
				p.tryKubectl("patch", "pod", name, "--subresource=status", "--type=merge", "-p", fine)
			}
		}
	})
	p.t.Cleanup(func() { cancel(); wg.Wait() })
}

// follow watches a step to its verdict and returns it with what was said on the way.
func (p *place) follow(s nlp.Step) (chat.Settled, string) {
	p.t.Helper()
	var said []string
	v, err := p.Follow(p.t.Context(), s, func(pr chat.Progress) { said = append(said, pr.Message) })
	if err != nil {
		p.t.Fatalf("follow %s: %v", s.Op, err)
	}
	return v, strings.Join(said, "\n")
}

func TestARolloutIsFollowedUntilItIsReady(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.kubelet()
	p.deploy("web", 2)
	s := p.step(nlp.OpSetImage, deployments, "web")
	s.Args.Images = map[string]string{"*": "shop/web:2"}
	p.do(s)
	v, said := p.follow(s)
	if v.State != chat.Ready || !strings.Contains(v.Message, "rolled out, 2 of 2") || said == "" {
		t.Errorf("%+v after %q", v, said)
	}
	down := p.step(nlp.OpScale, deployments, "web")
	down.Args.Replicas = ptr(int32(0))
	p.do(down)
	if v, said := p.follow(down); v.State != chat.Ready || !strings.Contains(v.Message, "0 of 0") {
		t.Errorf("scaled to nothing: %+v after %q", v, said)
	}
}

func TestARolloutThatCannotStartIsStalledAndSaysWhy(t *testing.T) {
	t.Parallel()
	p := newPlace(t) // no nodes: no pod finds one
	p.deploy("web", 1)
	s := p.step(nlp.OpSetImage, deployments, "web")
	s.Args.Images = map[string]string{"*": "shop/web:2"}
	p.do(s)
	v, _ := p.follow(s)
	if v.State != chat.Stalled || !strings.Contains(v.Message, "no node takes it") || len(v.Findings) == 0 {
		t.Errorf("%+v", v)
	}
}

func TestADeletionIsFollowedUntilItIsGoneOrHeldBack(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	withConfigMap(p)
	s := p.step(nlp.OpDelete, configMaps, "web")
	p.do(s)
	if v, _ := p.follow(s); v.State != chat.Ready || !strings.Contains(v.Message, "configmap/web is gone") {
		t.Errorf("%+v", v)
	}
	opCases["patchFinalizers"].setup(p)
	p.do(s)
	if v, said := p.follow(s); v.State != chat.Stalled || !strings.Contains(v.Message, "finalizer shop.example/keep") {
		t.Errorf("%+v after %q", v, said)
	}
	p.do(p.step(nlp.OpRemoveFinalizers, configMaps, "web"))
	if v, _ := p.follow(s); v.State != chat.Ready {
		t.Errorf("without finalizers: %+v", v)
	}
	withConfigMap(p)
}

func TestFollowingEndsWhenNobodyWants(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.deploy("web", 1)
	ctx, cancel := context.WithCancel(t.Context())
	s := p.step(nlp.OpRolloutRestart, deployments, "web")
	_, err := p.Follow(ctx, s, func(chat.Progress) { cancel() })
	if err == nil || ctx.Err() == nil {
		t.Errorf("it went on: %v", err)
	}
}

func TestWaitingForWhatComesAndForWhatDoesNot(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.pod("web", noImage)
	wait := func(condition string, d time.Duration, names ...string) (string, error) {
		s := p.step(nlp.OpWait, pods, names...)
		s.Args.Condition, s.Args.Timeout = condition, d
		a, err := p.Execute(t.Context(), s)
		if err != nil {
			return "", err
		}
		return said(t, a.Parts), nil
	}
	if _, err := wait("condition=Ready", time.Second, "web"); !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "has no condition Ready") {
		t.Errorf("a pod that is never ready: %v", err)
	}
	go p.tryKubectl("patch", "pod", "web", "--subresource=status", "--type=merge", "-p", fine)
	for condition, want := range map[string]string{
		"condition=Ready": "has condition Ready=True", "jsonpath={.status.phase}=Running": "has Running at {.status.phase}",
		"jsonpath={.spec.containers[0].image}": "shop/web:1", "create": "pod/web is there",
	} {
		if got, err := wait(condition, 30*time.Second, "web"); err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: %s, %v", condition, got, err)
		}
	}
	go p.tryKubectl("delete", "pod", "web", "--grace-period=0", "--force")
	if got, err := wait("delete", 30*time.Second, "web"); err != nil || !strings.Contains(got, "is gone") {
		t.Errorf("delete: %s, %v", got, err)
	}
}

func TestAWatchedListGivesWhatChanges(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	withConfigMap(p)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := p.step(nlp.OpGet, configMaps)
	s.LabelSelector, s.Args.Follow = "x=y", true
	late := time.AfterFunc(2*time.Second, func() {
		p.tryKubectl("label", "cm", "web", "tier=b")
	})
	defer late.Stop()
	n := 0
	_, err := p.Stream(ctx, s, func(part chat.Part) {
		if tab, ok := part.(chat.Table); ok {
			if n++; n == 2 {
				if got := column(t, tab, "Name"); got[0] != "web" {
					t.Errorf("changed: %v", got)
				}
				cancel()
			}
		}
	})
	if n < 2 {
		t.Errorf("%d tables, %v", n, err)
	}
}

func TestASortByNoPathIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.deploy("web", 1)
	s := p.step(nlp.OpGet, deployments)
	s.Post = nlp.Post{Sort: "{.spec[}"}
	if _, err := p.Execute(t.Context(), s); !problem.Is(err, problem.Invalid) {
		t.Errorf("a path that is none: %v", err)
	}
}
