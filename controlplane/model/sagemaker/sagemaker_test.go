package sagemaker_test

import (
	"testing"

	"github.com/kubechat/kubechat/controlplane/model"
	"github.com/kubechat/kubechat/controlplane/model/modeltest"
	"github.com/kubechat/kubechat/controlplane/model/sagemaker"
	"github.com/kubechat/kubechat/controlplane/model/signing"
)

func open(t *testing.T, url string) model.Streamer {
	t.Helper()
	c, err := sagemaker.New(t.Context(), sagemaker.Config{
		Config: signing.Config{Region: "eu-central-1", Key: modeltest.Key, BaseURL: url}, Endpoint: "scripted",
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestContract(t *testing.T) {
	t.Parallel()
	modeltest.Contract(t, modeltest.Provider{Tongue: modeltest.SageMaker{}, Open: open})
}
