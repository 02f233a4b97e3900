package kube

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/redact"
)

// redactText and isSecret are package redact's, under names this package is full of.
func redactText(s string) string { return redact.Text(s) }

func isSecret(o map[string]any) bool { return redact.IsSecret(o) }

// tidy gives an object as people compare it: without what changes by itself, without the status, redacted.
func tidy(u *unstructured.Unstructured) map[string]any {
	if u == nil {
		return nil
	}
	o := u.DeepCopy().Object
	if meta, ok := o["metadata"].(map[string]any); ok {
		for _, f := range []string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"} {
			delete(meta, f)
		}
	}
	delete(o, "status")
	redact.DropAnnotation(o, "deployment.kubernetes.io/revision") // the controller's, a moment after each change
	redact.Object(o)
	return o
}
