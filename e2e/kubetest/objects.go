package kubetest

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

// What hundreds of tests do each is done here without kubectl: its start takes longer than the request.

// clients are by the path of their kubeconfig.
var clients struct {
	mu     sync.Mutex // guards byPath
	byPath map[string]*client
}

type client struct {
	dynamic.Interface
	mapper *restmapper.DeferredDiscoveryRESTMapper
}

func clientOf(t testing.TB, kubeconfig string) *client {
	t.Helper()
	clients.mu.Lock()
	defer clients.mu.Unlock()
	if c := clients.byPath[kubeconfig]; c != nil {
		return c
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatalf("kubetest: read %s: %v", kubeconfig, err)
	}
	cfg.QPS = -1
	// Nothing goes on between two calls: tests count goroutines, and what one of them starts counts as its own.
	if err := rest.LoadTLSFiles(cfg); err != nil {
		t.Fatalf("kubetest: %v", err)
	}
	cfg.CertFile, cfg.KeyFile, cfg.CAFile = "", "", ""
	secure, err := rest.TLSConfigFor(cfg)
	if err != nil {
		t.Fatalf("kubetest: %v", err)
	}
	over := &http.Client{Transport: &http.Transport{TLSClientConfig: secure, DisableKeepAlives: true}}
	disco, err := discovery.NewDiscoveryClientForConfigAndClient(cfg, over)
	if err != nil {
		t.Fatalf("kubetest: %v", err)
	}
	dyn, err := dynamic.NewForConfigAndClient(cfg, over)
	if err != nil {
		t.Fatalf("kubetest: %v", err)
	}
	c := &client{dyn, restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco))}
	if clients.byPath == nil {
		clients.byPath = map[string]*client{}
	}
	clients.byPath[kubeconfig] = c
	return c
}

// Apply makes the manifest's objects, or makes them so, as kubectl apply --server-side --force-conflicts does. Those that
// name no namespace and need one come into namespace.
func Apply(t testing.TB, kubeconfig, namespace, manifest string) {
	t.Helper()
	c := clientOf(t, kubeconfig)
	for docs := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096); ; {
		var o unstructured.Unstructured
		err := docs.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("kubetest: read a manifest: %v\n%s", err, manifest)
		}
		switch {
		case len(o.Object) == 0:
		case o.IsList():
			err = o.EachListItem(func(item runtime.Object) error {
				return c.apply(t.Context(), namespace, item.(*unstructured.Unstructured))
			})
		default:
			err = c.apply(t.Context(), namespace, &o)
		}
		if err != nil {
			t.Fatalf("kubetest: apply: %v\n%s", err, manifest)
		}
	}
}

func (c *client) apply(ctx context.Context, namespace string, o *unstructured.Unstructured) error {
	kind := o.GroupVersionKind()
	m, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return err
	}
	in := dynamic.ResourceInterface(c.Resource(m.Resource))
	if m.Scope.Name() == meta.RESTScopeNameNamespace {
		in = c.Resource(m.Resource).Namespace(cmp.Or(o.GetNamespace(), namespace))
	}
	_, err = in.Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: "kubectl", Force: true})
	return err
}

// Namespace makes a namespace of the test's own, in which pods may be made, and has it removed at the end: members with
// rights in some namespaces only are asked about in the first twenty.
func Namespace(t testing.TB) string {
	t.Helper()
	c := clientOf(t, APIServer(t))
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"generateName": "test-"}}}
	namespaces := c.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"})
	made, err := namespaces.Create(t.Context(), o, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("kubetest: make a namespace: %v", err)
	}
	t.Cleanup(func() {
		if err := namespaces.Delete(context.WithoutCancel(t.Context()), made.GetName(), metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			t.Errorf("kubetest: remove namespace %s: %v", made.GetName(), err)
		}
	})
	accounts := c.Resource(schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}).Namespace(made.GetName())
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for { // pods need it, and a controller makes it
		_, err := accounts.Get(t.Context(), "default", metav1.GetOptions{})
		if err == nil {
			return made.GetName()
		}
		if !apierrors.IsNotFound(err) {
			t.Fatalf("kubetest: %v", err)
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("kubetest: no service account in namespace %s within 30 s", made.GetName())
		}
	}
}
