package controlplane

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/assist/settings"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/model"
	"github.com/kubechat/kubechat/controlplane/model/egress"
	"github.com/kubechat/kubechat/controlplane/model/modeltest"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// desk is two tenants and the models they may choose, reached on this machine because the operator allows it.
type desk struct {
	t           *testing.T
	models      *models
	settings    *settings.Service
	acme, other tenant.Scope
	looked      []nlp.Step
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := storetest.New(t)
	vault, err := settings.ParseVault([]byte(base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		t.Fatal(err)
	}
	own, err := egress.ParsePolicy("127.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	s := settings.New(settings.Config{Store: d.DB.Models(), Vault: vault, CheckURL: own.CheckURL})
	return &desk{t: t, settings: s, models: newModels(s, d.DB.Models(), own), acme: storetest.Tenant(t, d.DB, "acme"), other: storetest.Tenant(t, d.DB, "other")}
}

func (d *desk) choose(provider settings.Provider, url string, dayTokens int64) {
	d.t.Helper()
	key := modeltest.Key
	if _, err := d.settings.Put(d.t.Context(), d.acme, settings.Change{
		Settings: settings.Settings{Provider: provider, Model: "scripted", BaseURL: url, DayTokens: dayTokens}, Key: &key,
	}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) ask(question string) (out []chat.AssistOutput, err error) {
	d.t.Helper()
	a, err := d.models.Assistant(d.t.Context(), d.acme)
	if err != nil || a == nil {
		d.t.Fatalf("no model: %v", err)
	}
	deployment := nlp.Resource{Group: "apps", Version: "v1", Plural: "deployments", Kind: "Deployment", Namespaced: true}
	in := chat.AssistInput{
		Scope: d.acme, Run: "run", Question: question,
		Vocabulary: nlp.NewVocabulary(nlp.VocabularyConfig{
			Cluster: "prod", Namespaces: []string{"shop"}, Kinds: []nlp.Kind{{Resource: deployment, Singular: "deployment"}},
			Objects: []nlp.Object{{Kind: "deployments.apps", Namespace: "shop", Name: "checkout"}},
		}),
		Look: func(_ context.Context, step nlp.Step) ([]chat.Part, error) {
			d.looked = append(d.looked, step)
			if step.Op == nlp.OpDiagnose {
				return []chat.Part{chat.Finding{Object: "deployment/checkout in shop", Reason: "OOMKilled", Text: "Out of memory.", Evidence: []chat.Evidence{{Path: "reason", Value: "OOMKilled"}}}}, nil
			}
			return []chat.Part{chat.Table{Title: "Deployments", Columns: []chat.Column{{Name: "Name"}}, Rows: [][]any{{"checkout"}}}}, nil
		},
	}
	for o, failed := range a.Assist(d.t.Context(), in) {
		if failed != nil {
			return out, failed
		}
		out = append(out, o)
	}
	return out, nil
}

func of[O chat.AssistOutput](all []chat.AssistOutput) (out []O) {
	for _, o := range all {
		if x, ok := o.(O); ok {
			out = append(out, x)
		}
	}
	return out
}

func TestATenantsModelAnswersThroughEachProvider(t *testing.T) {
	t.Parallel()
	for provider, tongue := range map[settings.Provider]modeltest.Tongue{
		settings.OpenAI: modeltest.OpenAI{}, settings.Anthropic: modeltest.Anthropic{}, settings.Ollama: modeltest.Ollama{},
	} {
		t.Run(string(provider), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			look := modeltest.Answer{Calls: []model.ToolCall{{ID: "1", Name: "list", Args: json.RawMessage(`{"kind":"deployment","namespace":"shop","selector":null}`)}}}
			say := modeltest.Answer{Text: []string{"It is out of memory [F1].", " There is checkout [R1.2]."}, Usage: &model.Usage{InputTokens: 100, OutputTokens: 10}}
			srv := modeltest.NewServer(t, tongue, look, say)
			d.choose(provider, srv.URL, 0)
			out, err := d.ask("why is checkout failing?")
			if err != nil {
				t.Fatal(err)
			}
			answers := of[chat.AnswerData](out)
			if len(answers) != 1 || len(answers[0].Sentences) != 2 || !answers[0].Sentences[0].Verified || !answers[0].Sentences[1].Verified {
				t.Errorf("%+v", answers)
			}
			if f := of[chat.Finding](out); len(f) != 1 || f[0].ID != "F1" || f[0].Evidence[0].Value != "OOMKilled" {
				t.Errorf("findings %+v", f)
			}
			if len(d.looked) != 2 || len(of[chat.ToolData](out)) != 1 || len(of[chat.UsageData](out)) != 2 {
				t.Errorf("looked %d times, told %+v", len(d.looked), out)
			}
			used, err := d.settings.Used(t.Context(), d.acme)
			if err != nil || used.Tokens <= 110 {
				t.Errorf("used %+v, %v", used, err)
			}
		})
	}
}

func TestATenantWithoutAModelHasNone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.choose(settings.OpenAI, "http://127.0.0.1:1", 0)
	a, err := d.models.Assistant(t.Context(), d.other)
	if err != nil || a != nil {
		t.Errorf("%v, %v", a, err)
	}
}

func TestAModelThatIsAwayIsAnErrorAndSoonNotAskedAnyMore(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	srv := modeltest.NewServer(t, modeltest.OpenAI{}, modeltest.Answer{Status: http.StatusUnauthorized, Message: "bad key", EchoesKey: true})
	d.choose(settings.OpenAI, srv.URL, 0)
	_, err := d.ask("why is checkout failing?")
	if e := model.As(err); e.Kind != model.Refused || strings.Contains(err.Error(), strings.Split(modeltest.Key, ":")[1]) {
		t.Errorf("%v", err)
	}
	d.choose(settings.OpenAI, srv.URL, 1) // new settings are seen at once
	out, err := d.ask("why is checkout failing?")
	if b := of[chat.BannerData](out); err == nil || len(b) != 1 || b[0].Kind != chat.BannerBudget {
		t.Errorf("%v, %+v", err, out)
	}
	if n := len(srv.Seen()); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestAProposalIsThePersons(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	plan := modeltest.Answer{Calls: []model.ToolCall{{ID: "1", Name: "propose_plan", Args: json.RawMessage(`{"steps":[{"op":"rolloutRestart","kind":"deployment","namespace":"shop","names":["checkout"]}]}`)}}}
	srv := modeltest.NewServer(t, modeltest.OpenAI{}, plan, modeltest.Answer{Text: []string{"I only look [F1]."}})
	d.choose(settings.OpenAI, srv.URL, 0)
	out, err := d.ask("find out what is wrong with checkout and restart it")
	if p := of[chat.Proposal](out); err != nil || len(p) != 1 || p[0].Plan.Class != nlp.Mutate || p[0].Plan.Source != "llm:openai/scripted" {
		t.Errorf("%v, %+v", err, out)
	}
	srv = modeltest.NewServer(t, modeltest.OpenAI{}, plan, modeltest.Answer{Text: []string{"I only look [F1]."}})
	d.choose(settings.OpenAI, srv.URL, 0)
	out, err = d.ask("why is checkout failing?")
	if p := of[chat.Proposal](out); err != nil || len(p) != 0 {
		t.Errorf("%v, %+v", err, out)
	}
}
