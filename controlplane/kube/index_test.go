package kube

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

func TestNamesOfAnIndexAreThoseThatAListWouldGive(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world, s *server) {
		same(t, w.words("ann"), w.listed("ann"))
		if w.index() == nil {
			t.Fatal("the first question began no index")
		}
		s.reset()
		words := w.words("ann")
		for _, kind := range []string{"namespaces", "pods", "services", "deployments", "replicasets"} {
			if n := s.count("ann list " + kind); n != 0 {
				t.Errorf("%s were listed %d times", kind, n)
			}
		}
		for _, kind := range []string{"secrets", "configmaps"} { // not for the index
			if n := s.count("ann list " + kind); n != 1 {
				t.Errorf("%s were listed %d times", kind, n)
			}
		}
		same(t, words, w.listed("ann"))

		s.put("pods/shop/web-2", map[string]string{"app": "web"}, "ReplicaSet", "web")
		s.put("pods/shop/web-1", map[string]string{"app": "web", "canary": "yes"})
		s.put("namespaces//lab", nil)
		s.remove("pods/bank/vault-1")
		s.reset()
		words = w.words("ann")
		if n := s.count("ann list pods"); n != 0 {
			t.Errorf("pods were listed %d times", n)
		}
		if got := named(words, "pods"); got != "shop/web-1 shop/web-2" {
			t.Errorf("pods %s", got)
		}
		same(t, words, w.listed("ann"))
	})
}

// Two members ask the same. To the one who may not list pods, a pod's name is as one that nothing has.
func TestANameReachesOnlyWhoMayListItsKind(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world, s *server) {
		s.forbid["bob pods"] = true
		w.words("ann")
		for _, kind := range []string{"pods", "deployments.apps"} {
			if !w.index().has(kind) {
				t.Fatalf("the index has no %s", kind)
			}
		}
		s.reset()
		ann, bob := w.words("ann"), w.words("bob")
		if n := s.count("ann list pods") + s.count("bob list deployments"); n != 0 {
			t.Errorf("%d lists: this is not about the index", n)
		}
		if named(ann, "pods") != "bank/vault-1 shop/web-1" || named(bob, "pods") != "" || named(bob, "deployments.apps") != "shop/web" {
			t.Errorf("ann hears %q, bob %q and %q", named(ann, "pods"), named(bob, "pods"), named(bob, "deployments.apps"))
		}
		same(t, bob, w.listed("bob"))
		for _, text := range []string{
			"describe pod NAME", "logs of NAME", "delete NAME", "why is NAME failing", "which pods are like NAME", "show NAME in bank", "restart NAME", "exec NAME ls",
		} {
			for _, secret := range [][2]string{{"vault-1", "qqqqq-1"}, {"valt-1", "qqqq-1"}, {"vault", "qqqqq"}} { // the name, a slip, a part; and what nothing is near to
				hears := answerTo(bob, strings.ReplaceAll(text, "NAME", secret[0]), secret[0])
				if would := answerTo(bob, strings.ReplaceAll(text, "NAME", secret[1]), secret[1]); hears != would {
					t.Errorf("%s of %s: bob hears\n%s\nand of what is not there\n%s", text, secret[0], hears, would)
				}
				if secret[0] != "vault-1" && strings.Contains(hears, "vault-1") {
					t.Errorf("%s: bob hears %s", text, hears)
				}
			}
		}
		if got := answerTo(ann, "logs of valt-1", "valt-1"); !strings.Contains(got, "vault-1") {
			t.Errorf("ann's slip is not repaired: %s", got) // or this test would see nothing
		}
	})
}

// answerTo is all that is said to a sentence, with the name that was in it made the same for all.
func answerTo(v *nlp.Vocabulary, text, name string) string {
	tr := said(v, text)
	return strings.ReplaceAll(fmt.Sprintf("%s\n%+v\n%s\n%s\n%+v", tr.Class, tr.Plan, tr.Kubectl, tr.Message, tr.Choices), name, "NAME")
}

func TestWhoMayListInSomeNamespacesHearsOfThose(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world, s *server) {
		s.forbid["cara pods/"], s.forbid["cara pods/bank"] = true, true
		s.forbid["dan namespaces"], s.forbid["dan pods/"] = true, true
		s.put("pods/default/own-1", nil)
		w.words("ann")
		s.reset()
		cara, dan := w.words("cara"), w.words("dan")
		if n := s.count("cara list pods") + s.count("dan list pods"); n != 0 {
			t.Errorf("%d lists: this is not about the index", n)
		}
		if got := named(cara, "pods"); got != "shop/web-1" {
			t.Errorf("cara hears %q", got)
		}
		if got := named(dan, "pods"); got != "default/own-1" || fmt.Sprint(dan.Namespaces()) != "[default]" {
			t.Errorf("dan hears %q in %v", got, dan.Namespaces())
		}
		same(t, cara, w.listed("cara"))
		same(t, dan, w.listed("dan"))
	})
}

func TestARightThatIsTakenAwayEndsWithTheWords(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world, s *server) {
		w.words("ann")
		if got := named(w.words("ann"), "pods"); got == "" {
			t.Fatal("ann hears of no pods")
		}
		s.change(func() { s.forbid["ann pods"] = true })
		if got := named(w.words("ann"), "pods"); got != "" { // 31 seconds later
			t.Errorf("ann hears of %s", got)
		}
	})
}

func TestWithoutAnAnswerToWhoMayListAListDecides(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world, s *server) {
		s.noReview = true
		s.forbid["bob pods"] = true
		w.words("ann")
		s.reset()
		ann, bob := w.words("ann"), w.words("bob")
		if s.count("ann list pods") != 1 || named(ann, "pods") != "bank/vault-1 shop/web-1" || named(bob, "pods") != "" {
			t.Errorf("%d lists, ann hears %q, bob %q", s.count("ann list pods"), named(ann, "pods"), named(bob, "pods"))
		}
		same(t, ann, w.listed("ann"))
		same(t, bob, w.listed("bob"))
	})
}

func TestAClusterWithItsIndexOffIsReadAsTheAsker(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world, s *server) {
		s.forbid[indexGroup] = true
		for range 3 {
			s.reset()
			same(t, w.words("ann"), w.listed("ann"))
			if n := s.count("ann list pods"); n != 2 { // this is one of the two
				t.Errorf("%d lists of pods", n)
			}
			if n := s.count("ann review"); n != 0 {
				t.Errorf("%d reviews of access", n)
			}
		}
		if w.index() != nil {
			t.Error("there is an index")
		}
		if n := s.count(indexGroup + " list pods"); n != 0 {
			t.Errorf("the index asked %d times more", n)
		}
		s.change(func() { delete(s.forbid, indexGroup) })
		w.later(offFor)
		w.words("ann")
		if w.index() == nil {
			t.Error("an index that was turned on is not used later on")
		}
	})
}

func TestSecretsAreNeverIndexed(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world, s *server) {
		clear(s.forbid) // the cluster's owner lets the index see all
		w.words("ann")
		w.words("ann")
		if n := s.count(indexGroup + " list secrets"); n != 0 || w.index().has("secrets") {
			t.Errorf("Secrets were listed %d times", n)
		}
		if !w.index().has("configmaps") {
			t.Error("what it may see it does not have")
		}
	})
}

func TestAnIndexThatIsOutOfTouchIsNotUsed(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world, s *server) {
		w.words("ann")
		if w.words("ann"); !w.index().has("pods") {
			t.Fatal("the index has no pods")
		}
		// watches are open, and nothing comes any more: a connection that nobody has noticed is dead
		s.change(func() { s.mute, s.stuck[indexGroup] = true, true })
		s.put("pods/shop/web-9", nil)
		w.later(silentFor)
		s.reset()
		if got := named(w.words("ann"), "pods"); !strings.Contains(got, "web-9") || s.count("ann list pods") != 1 {
			t.Errorf("ann hears of %s after %d lists", got, s.count("ann list pods"))
		}
		s.change(func() { s.mute, s.stuck[indexGroup] = false, false })
		w.later(2 * lastPause)
		s.reset()
		if got := named(w.words("ann"), "pods"); !strings.Contains(got, "web-9") || s.count("ann list pods") != 0 {
			t.Errorf("back again, ann hears of %s after %d lists", got, s.count("ann list pods"))
		}
		// watches alone bring nothing: they are hung up, and what they missed is listed
		s.change(func() { s.mute = true })
		s.put("pods/shop/web-10", nil)
		w.later(silentFor + 2*firstPause) // the watch is opened again after a pause
		s.reset()
		if got := named(w.words("ann"), "pods"); !strings.Contains(got, "web-10") || s.count("ann list pods") != 0 {
			t.Errorf("ann hears of %s after %d lists", got, s.count("ann list pods"))
		}
	})
}

func TestALostWatchIsNoticedAtOnce(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world, s *server) {
		w.words("ann")
		w.words("ann")
		s.change(func() { s.cut, s.stuck[indexGroup] = true, true })
		w.later(betweenWatches)
		if w.index().has("pods") {
			t.Error("the index stands for what it does not watch")
		}
		s.change(func() { s.cut, s.stuck[indexGroup] = false, false })
		w.later(pageTimeout + 2*lastPause)
		if !w.index().has("pods") {
			t.Error("the index did not come back")
		}
	})
}

// An agent judges a watch by its local policy when it begins. What its owner closes is gone from the index with the next one.
func TestWhatAnOwnerClosesLeavesTheIndex(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world, s *server) {
		w.words("ann")
		s.change(func() { s.hidden = "bank" })
		for range 12 { // somebody goes on asking
			w.words("ann")
		}
		s.reset()
		if got := named(w.words("ann"), "pods"); got != "shop/web-1" || s.count("ann list pods") != 0 {
			t.Errorf("ann hears of %s after %d lists", got, s.count("ann list pods"))
		}
	})
}

func TestTheNextSentenceSeesAChangeMadeHere(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world, s *server) {
		w.words("ann")
		ann := w.open("ann")
		s.change(func() { s.mute = true }) // what the change sets going comes late
		w.later(31 * time.Second)
		step := nlp.Step{Op: nlp.OpLabel, Resource: deployments, Namespace: "shop", Names: []string{"web"}, Args: nlp.Args{Set: map[string]string{"tier": "gold"}}}
		if _, err := ann.Execute(t.Context(), step); err != nil {
			t.Fatal(err)
		}
		s.reset()
		if got := w.wordsNow(ann).Objects("deployments.apps", ""); len(got) != 1 || got[0].Labels["tier"] != "gold" {
			t.Errorf("the next sentence hears of %+v", got)
		}
		if s.count("ann list deployments") != 1 || s.count("ann list pods") != 0 {
			t.Errorf("%d lists of deployments, %d of pods", s.count("ann list deployments"), s.count("ann list pods"))
		}
		s.change(func() { s.mute = false })
		s.reset()
		if got := w.words("ann").Objects("deployments.apps", ""); got[0].Labels["tier"] != "gold" || s.count("ann list deployments") != 0 {
			t.Errorf("then %+v after %d lists", got, s.count("ann list deployments"))
		}

		s.change(func() { s.mute, s.stuck[indexGroup] = true, true })
		if _, err := ann.Execute(t.Context(), nlp.Step{Op: nlp.OpDelete, Resource: pods, Namespace: "shop", Names: []string{"web-1"}}); err != nil {
			t.Fatal(err)
		}
		if got := named(w.wordsNow(ann), "pods"); got != "bank/vault-1" { // the answer to a deletion has no version to wait for
			t.Errorf("after the deletion ann hears of %s", got)
		}
		s.change(func() { s.stuck[indexGroup] = false })
		w.later(pageTimeout + lastPause)
		if got, ok := w.index().objects("pods", nil); !ok || len(got) != 1 {
			t.Errorf("the index has %+v", got)
		}
		if _, err := ann.Execute(t.Context(), nlp.Step{Op: nlp.OpDelete, Resource: pods, Namespace: "bank", Names: []string{"vault-1"}}); err != nil {
			t.Fatal(err)
		}
		w.later(time.Millisecond)
		if got, ok := w.index().objects("pods", nil); !ok || len(got) != 0 {
			t.Errorf("not listed anew at once, the index has %+v", got)
		}
	})
}

func TestAnIndexEndsWhenNobodyAsksAndWhenItsClusterIsGone(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world, s *server) {
		w.words("ann")
		w.later(idleFor - sweepEvery)
		if w.index() == nil {
			t.Fatal("it ended too early")
		}
		w.later(2 * sweepEvery)
		if w.index() != nil || w.clusters.indexes.room.taken() != 0 {
			t.Errorf("nobody asks, and there are %v bytes", w.clusters.indexes.room.taken())
		}
		w.words("ann")
		s.change(func() { s.away = true })
		w.later(goneFor + 2*sweepEvery)
		if w.index() != nil {
			t.Error("the cluster is gone, and has an index")
		}
		if _, err := w.open("ann").Vocabulary(t.Context()); err == nil {
			t.Error("the cluster is gone, and has words")
		}
		s.change(func() { s.away = false })
		w.words("ann")
		if w.words("ann"); w.index() == nil || !w.index().has("pods") {
			t.Error("the cluster is back, and has no index")
		}
	})
}
