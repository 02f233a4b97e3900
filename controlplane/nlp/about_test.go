package nlp_test

import (
	"testing"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// troubles is a cluster in which much is asked after.
func troubles() *nlp.Vocabulary {
	of := func(kind, ns, name string) nlp.Object { return nlp.Object{Kind: kind, Namespace: ns, Name: name} }
	return nlp.NewVocabulary(nlp.VocabularyConfig{
		Kinds: nlp.BuiltInKinds(), Namespaces: []string{"default", "shop", "stage"},
		Objects: []nlp.Object{
			of("deployments.apps", "shop", "checkout"), of("services", "shop", "checkout"), of("deployments.apps", "stage", "checkout"), of("deployments.apps", "default", "hello"),
			of("pods", "shop", "probe"), of("serviceaccounts", "shop", "ci"), of("jobs.batch", "shop", "import"), of("nodes", "", "n1"), of("horizontalpodautoscalers.autoscaling", "shop", "checkout"),
		},
	})
}

func TestTroubleIsUnderstoodInManyWords(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"http://checkout.shop:8080/pay does not answer":                    "kubectl describe service checkout -n shop",
		"calls to checkout.shop.svc.cluster.local:80 are refused":          "kubectl describe service checkout -n shop",
		"why is checkout.shop.svc unreachable":                             "kubectl describe service checkout -n shop",
		"the service checkout in shop gives 503":                           "kubectl describe service checkout -n shop",
		"why does the service checkout in shop not send to any pods":       "kubectl describe service checkout -n shop",
		"why is shop/checkout not ready":                                   "kubectl describe deployment checkout -n shop",
		"exec into probe in shop times out, what could it be":              "kubectl describe pod probe -n shop",
		"something kills checkout in shop every night, what is it":         "kubectl describe deployment checkout -n shop",
		"what keeps killing the checkout deployment in shop?":              "kubectl describe deployment checkout -n shop",
		"hello does not answer":                                            "kubectl describe deployment hello -n default",
		"why can't the service account ci in shop list pods":               "kubectl describe serviceaccount ci -n shop",
		"which deployments are failing, and what's the cause":              "kubectl get deployments -A",
		"are all nodes ready?":                                             "kubectl get nodes",
		"the checkout hpa in shop shows <unknown> and does not scale. why": "kubectl describe horizontalpodautoscaler checkout -n shop",
	} {
		tr := translate(troubles(), said)
		if tr.Kubectl != want || len(tr.Plan.Steps) != 1 || tr.Plan.Steps[0].Op != nlp.OpDiagnose {
			t.Errorf("%q: %s %q (%s), want %q", said, tr.Class, tr.Kubectl, tr.Message, want)
		}
	}
}

func TestWhatIsCalledAndWhereCanBeOneWord(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"show deployment stage/checkout":      "kubectl get deployment checkout -n stage",
		"restart deployment stage/checkout":   "kubectl rollout restart deployment/checkout -n stage",
		"scale stage/checkout to 3":           "kubectl scale deployment/checkout -n stage --replicas=3",
		"rollout status of stage/checkout":    "kubectl rollout status deployment/checkout -n stage",
		"set image of stage/checkout to a:80": "kubectl set image deployment/checkout '*=a:80' -n stage",
	} {
		if tr := translate(troubles(), said); tr.Kubectl != want {
			t.Errorf("%q: %s %q (%s), want %q", said, tr.Class, tr.Kubectl, tr.Message, want)
		}
	}
}

func TestWhatSomebodyElseDoesIsNoOrder(t *testing.T) {
	t.Parallel()
	for _, said := range []string{
		"something kills checkout in shop", "someone scaled checkout in shop to 0", "something keeps deleting deployment checkout in shop", "somebody restarts deployment checkout in shop all the time",
		"something is evicting the pods of checkout in shop", "something deletes my pods in shop",
	} {
		if tr := translate(troubles(), said); tr.Class == nlp.Mutate || tr.Class == nlp.Destructive {
			t.Errorf("%q: %s %q (%s)", said, tr.Class, tr.Kubectl, tr.Message)
		}
	}
}

func TestThatItIsBrokenIsAskedBackIfNothingWasTalkedOf(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]nlp.Class{
		"what's wrong with it?": nlp.Clarify, "is it broken?": nlp.Clarify, "what's wrong with everything?": nlp.Read, "what is broken?": nlp.Read,
	} {
		if tr := translate(troubles(), said); tr.Class != want {
			t.Errorf("%q: %s %q (%s)", said, tr.Class, tr.Kubectl, tr.Message)
		}
	}
}

func TestAPlaceHolderOfKubectlIsNoShell(t *testing.T) {
	t.Parallel()
	for said, refused := range map[string]bool{"why does hpa checkout in shop show <unknown>": false, "show pods <file": true, "show <secret> pods": true} {
		if tr := translate(troubles(), said); (tr.Class == nlp.Refuse) != refused {
			t.Errorf("%q: %s %s", said, tr.Class, tr.Message)
		}
	}
}
