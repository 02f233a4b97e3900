package openai_test

import (
	"testing"

	"github.com/kubechat/kubechat/controlplane/model"
	"github.com/kubechat/kubechat/controlplane/model/modeltest"
	"github.com/kubechat/kubechat/controlplane/model/openai"
)

func open(_ *testing.T, url string) model.Streamer {
	return openai.New(openai.Config{BaseURL: url, Key: modeltest.Key, Model: "scripted"})
}

func TestContract(t *testing.T) {
	t.Parallel()
	modeltest.Contract(t, modeltest.Provider{Tongue: modeltest.OpenAI{}, Open: open})
}
