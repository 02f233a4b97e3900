package bedrock_test

import (
	"testing"

	"github.com/kubechat/kubechat/controlplane/model"
	"github.com/kubechat/kubechat/controlplane/model/bedrock"
	"github.com/kubechat/kubechat/controlplane/model/modeltest"
	"github.com/kubechat/kubechat/controlplane/model/signing"
)

func open(t *testing.T, url string) model.Streamer {
	t.Helper()
	c, err := bedrock.New(t.Context(), bedrock.Config{
		Config: signing.Config{Region: "eu-central-1", Key: modeltest.Key, BaseURL: url}, Model: "scripted",
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestContract(t *testing.T) {
	t.Parallel()
	modeltest.Contract(t, modeltest.Provider{Tongue: modeltest.Bedrock{}, Open: open})
}
