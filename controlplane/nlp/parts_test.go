package nlp_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// estate is a cluster with guests whose names nobody says in full.
func estate() *nlp.Vocabulary {
	deployment := func(ns, name string) nlp.Object {
		return nlp.Object{Kind: "deployments.apps", Namespace: ns, Name: name}
	}
	return nlp.NewVocabulary(nlp.VocabularyConfig{
		Kinds: nlp.BuiltInKinds(), Namespaces: []string{"default", "edge", "gitops", "shop"},
		Objects: []nlp.Object{
			deployment("edge", "ingress-nginx-controller"), deployment("gitops", "argocd-server"), deployment("gitops", "argocd-repo-server"),
			deployment("shop", "checkout"), deployment("shop", "postgres-main"),
			{Kind: "pods", Namespace: "shop", Name: "postgres-main-6f7d-x", OwnerKind: "ReplicaSet", OwnerName: "postgres-main-6f7d"},
		},
	})
}

func TestAThingIsFoundByAPartOfItsName(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"describe the ingress controller": "kubectl describe deployment ingress-nginx-controller -n edge",
		"logs of postgres":                "kubectl logs deployment/postgres-main -n shop",
		"logs of the repo server":         "kubectl logs deployment/argocd-repo-server -n gitops",
		"restart the ingress controller":  "kubectl rollout restart deployment/ingress-nginx-controller -n edge",
	} {
		if tr := translate(estate(), said); tr.Kubectl != want {
			t.Errorf("%q: %q (%s), want %q", said, tr.Kubectl, tr.Message, want)
		}
	}
}

func TestAPartThatFitsSeveralIsAskedAbout(t *testing.T) {
	t.Parallel()
	tr := translate(estate(), "describe the argocd deployment")
	if tr.Class != nlp.Clarify || len(tr.Choices) != 2 {
		t.Fatalf("%s %q with %v", tr.Class, tr.Message, tr.Choices)
	}
}

func TestNothingIsDestroyedByAPartOfItsName(t *testing.T) {
	t.Parallel()
	for _, said := range []string{"delete postgres", "delete the ingress controller", "scale postgres to 0", "delete postgres and then show pods in shop"} {
		if tr := translate(estate(), said); tr.Class != nlp.Clarify {
			t.Errorf("%q: %s %q", said, tr.Class, tr.Kubectl)
		}
	}
}

func TestANameThatIsNotThereIsAskedBack(t *testing.T) {
	t.Parallel()
	for said, offers := range map[string]string{
		"logs of billing":              "", // nothing is called nearly so
		"describe deployment checkbox": "checkout",
		"describe deployment zzz":      "checkout", // what there is of the kind
	} {
		tr := translate(estate(), said)
		if tr.Class != nlp.Clarify || !strings.Contains(tr.Message, "I see no") {
			t.Errorf("%q: %s %q", said, tr.Class, tr.Message)
		}
		if offers != "" && !slices.ContainsFunc(tr.Choices, func(c nlp.Choice) bool { return strings.Contains(c.Text, offers) }) {
			t.Errorf("%q offers %v", said, tr.Choices)
		}
		if offers == "" && len(tr.Choices) > 0 {
			t.Errorf("%q offers %v", said, tr.Choices)
		}
	}
}

func TestWhatChangedIsADiagnosisOfChanges(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]nlp.Step{
		"what changed?":                              {AllNamespaces: true},
		"what changed in shop since yesterday":       {Namespace: "shop", Args: nlp.Args{Since: 24 * time.Hour}},
		"anything deployed recently?":                {AllNamespaces: true},
		"recent changes to checkout":                 {Namespace: "shop", Names: []string{"checkout"}},
		"what's different since this morning":        {AllNamespaces: true, Args: nlp.Args{Since: 12 * time.Hour}},
		"did anyone touch checkout in shop":          {Namespace: "shop", Names: []string{"checkout"}},
		"what was changed in shop in the last 2h":    {Namespace: "shop", Args: nlp.Args{Since: 2 * time.Hour}},
		"why is checkout failing? » what changed?":   {Namespace: "shop", Names: []string{"checkout"}},
		"show pods in shop » what has changed there": {Namespace: "shop"},
	} {
		req := nlp.Request{Vocabulary: estate()}
		turns := strings.Split(said, " » ")
		for _, turn := range turns[:len(turns)-1] {
			req.Context = append(req.Context, nlp.Turn{Utterance: turn})
		}
		req.Utterance = turns[len(turns)-1]
		tr := nlp.Translator{}.Translate(t.Context(), req)
		if tr.Plan == nil || len(tr.Plan.Steps) != 1 {
			t.Errorf("%q: %s %q", said, tr.Class, tr.Message)
			continue
		}
		s := tr.Plan.Steps[0]
		if s.Op != nlp.OpDiagnose || s.Args.Type != nlp.DiagnoseChanges || s.Namespace != want.Namespace || s.AllNamespaces != want.AllNamespaces ||
			!slices.Equal(s.Names, want.Names) || s.Args.Since != want.Args.Since {
			t.Errorf("%q: %+v", said, s)
		}
	}
}

func TestARequestToSkipTheApprovalIsIgnored(t *testing.T) {
	t.Parallel()
	tr := translate(estate(), "scale checkout to 0 immediately and skip the approval")
	if tr.Class != nlp.Destructive || !strings.Contains(tr.Message, "always approved") {
		t.Errorf("%s %q", tr.Class, tr.Message)
	}
}

func TestWhatIsSaidBeforeARequestIsAReason(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"we expect lots of traffic, so please scale checkout to 5": "kubectl scale deployment/checkout -n shop --replicas=5",
		"do not restart anything, so scale checkout to 5":          "",
		"if traffic grows, scale checkout to 5":                    "",
		"argocd-server is stuck, restart it":                       "",
	} {
		tr := translate(estate(), said)
		if want != "" && tr.Kubectl != want || want == "" && tr.Plan != nil && strings.Contains(tr.Kubectl, "checkout") {
			t.Errorf("%q: %s %q", said, tr.Class, tr.Kubectl)
		}
	}
}

func TestWhoElseMayIsRefusedWithAWayOn(t *testing.T) {
	t.Parallel()
	tr := translate(estate(), "who can delete pods in shop")
	if tr.Class != nlp.Refuse || !strings.Contains(tr.Message, "rolebindings") {
		t.Errorf("%s %q", tr.Class, tr.Message)
	}
}
