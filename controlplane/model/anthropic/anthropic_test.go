package anthropic_test

import (
	"testing"

	"github.com/kubechat/kubechat/controlplane/model"
	"github.com/kubechat/kubechat/controlplane/model/anthropic"
	"github.com/kubechat/kubechat/controlplane/model/modeltest"
)

func open(_ *testing.T, url string) model.Streamer {
	return anthropic.New(anthropic.Config{BaseURL: url, Key: modeltest.Key, Model: "scripted"})
}

func TestContract(t *testing.T) {
	t.Parallel()
	modeltest.Contract(t, modeltest.Provider{Tongue: modeltest.Anthropic{}, Open: open})
}
