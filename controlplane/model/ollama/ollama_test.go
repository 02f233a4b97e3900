package ollama_test

import (
	"testing"

	"github.com/kubechat/kubechat/controlplane/model"
	"github.com/kubechat/kubechat/controlplane/model/modeltest"
	"github.com/kubechat/kubechat/controlplane/model/ollama"
)

func open(_ *testing.T, url string) model.Streamer {
	return ollama.New(ollama.Config{BaseURL: url, Key: modeltest.Key, Model: "scripted"})
}

func TestContract(t *testing.T) {
	t.Parallel()
	modeltest.Contract(t, modeltest.Provider{Tongue: modeltest.Ollama{}, Open: open})
}

func TestAModelWithoutToolsGetsThemAsTheFormOfItsAnswer(t *testing.T) {
	t.Parallel()
	srv := modeltest.NewServer(t, modeltest.Ollama{},
		modeltest.Answer{Status: 400, Message: "registry.ollama.ai/library/x does not support tools"},
		modeltest.Answer{Text: []string{`{"tool":"get","argu`, `ments":{"name":"web"}}`}},
		modeltest.Answer{Text: []string{`{"tool":"","arguments":{},"answer":"All is well."}`}},
		modeltest.Answer{Text: []string{"I am not one for forms."}},
	)
	c := open(t, srv.URL)
	events, err := modeltest.Read(t.Context(), c, modeltest.Ask())
	if err != nil || len(events) != 2 {
		t.Fatalf("%v, %v", events, err)
	}
	if call, ok := events[0].(model.ToolCall); !ok || call.Name != "get" || string(call.Args) != `{"name":"web"}` {
		t.Errorf("called %v", events[0])
	}
	for _, want := range []string{"All is well.", "I am not one for forms."} {
		events, err = modeltest.Read(t.Context(), c, modeltest.Ask())
		if err != nil || events[0] != model.Event(model.TextDelta{Text: want}) {
			t.Errorf("%v, %v", events, err)
		}
	}
	seen := srv.Seen()
	if len(seen) != 4 {
		t.Fatalf("asked %d times: that the model knows no tools is not remembered", len(seen))
	}
	if seen[1].Body["format"] == nil || len(seen[1].Tools) != 0 || len(seen[1].Results) != 0 {
		t.Errorf("sent %v", seen[1].Body)
	}
}

func TestTheContextIsAskedForAndTheModelKept(t *testing.T) {
	t.Parallel()
	srv := modeltest.NewServer(t, modeltest.Ollama{}, modeltest.Answer{Text: []string{"ok"}})
	if _, err := modeltest.Read(t.Context(), open(t, srv.URL), modeltest.Ask()); err != nil {
		t.Fatal(err)
	}
	body := srv.Seen()[0].Body
	options, _ := body["options"].(map[string]any)
	if options["num_ctx"] != float64(32768) || body["keep_alive"] != "10m" {
		t.Errorf("sent %v", body)
	}
}
