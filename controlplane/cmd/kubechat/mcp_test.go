package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/kubechat/kubechat/agent"
	"github.com/kubechat/kubechat/agent/apiserver/apiservertest"
)

type object = map[string]any

// shopCluster is an API server with a namespace that a viewer may read, one that they may not, and a deployment in the first.
type shopCluster struct {
	*httptest.Server
	mu      sync.Mutex // guards changed
	changed []string   // what was sent to change something, for real
}

func shopDeployment() object {
	labels := object{"app": "checkout"}
	return object{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"name": "checkout", "namespace": "shop", "uid": "7", "resourceVersion": "70"},
		"spec": object{"replicas": 1, "selector": object{"matchLabels": labels}, "template": object{
			"metadata": object{"labels": labels}, "spec": object{"containers": []object{{"name": "main", "image": "shop:1"}}},
		}},
	}
}

func newShopCluster(t *testing.T) *shopCluster {
	t.Helper()
	c := &shopCluster{}
	mux := http.NewServeMux()
	say := func(pattern string, v any) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, http.StatusOK, v) })
	}
	verbs := []string{"get", "list", "watch", "patch", "delete"}
	kind := func(plural, kind string, namespaced bool) object {
		return object{"name": plural, "singularName": strings.ToLower(kind), "namespaced": namespaced, "kind": kind, "verbs": verbs}
	}
	say("GET /version", object{"gitVersion": "v1.37.2", "major": "1", "minor": "37"})
	say("GET /api", object{"kind": "APIVersions", "versions": []string{"v1"}})
	apps := object{"groupVersion": "apps/v1", "version": "v1"}
	say("GET /apis", object{"kind": "APIGroupList", "apiVersion": "v1", "groups": []object{{"name": "apps", "versions": []object{apps}, "preferredVersion": apps}}})
	say("GET /api/v1", object{"kind": "APIResourceList", "groupVersion": "v1", "resources": []object{kind("pods", "Pod", true), kind("namespaces", "Namespace", false)}})
	say("GET /apis/apps/v1", object{"kind": "APIResourceList", "groupVersion": "apps/v1", "resources": []object{kind("deployments", "Deployment", true)}})
	say("GET /api/v1/namespaces/kube-system", object{"metadata": object{"name": "kube-system", "uid": "0b2c7e4e-1111-4222-8333-444455556666"}})
	say("GET /api/v1/namespaces/shop", object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": "shop"}})
	say("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews", object{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "status": object{"allowed": true},
	})
	pod := object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "checkout-1", "namespace": "shop", "uid": "1", "resourceVersion": "7"}}
	mux.HandleFunc("GET /api/v1/namespaces", listing("NamespaceList", object{"metadata": object{"name": "shop", "uid": "2"}}, object{"metadata": object{"name": "vault", "uid": "3"}}))
	mux.HandleFunc("GET /api/v1/namespaces/shop/pods", listing("PodList", pod))
	mux.HandleFunc("GET /api/v1/pods", listing("PodList", pod))
	mux.HandleFunc("GET /api/v1/namespaces/vault/pods", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusForbidden, status("Forbidden", `pods is forbidden: User "kubechat:user" cannot list resource "pods" in namespace "vault"`))
	})
	mux.HandleFunc("GET /apis/apps/v1/deployments", listing("DeploymentList", shopDeployment()))
	mux.HandleFunc("GET /apis/apps/v1/namespaces/shop/deployments", listing("DeploymentList", shopDeployment()))
	say("GET /apis/apps/v1/namespaces/shop/deployments/checkout", shopDeployment())
	mux.HandleFunc("PATCH /apis/apps/v1/namespaces/shop/deployments/checkout", c.patch)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusNotFound, status("NotFound", "not found"))
	})
	c.Server = httptest.NewTLSServer(mux)
	t.Cleanup(c.Close)
	return c
}

func status(reason, message string) object {
	return object{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message}
}

func answerJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}

// patch takes the annotations of a restart, on trial or for real.
func (c *shopCluster) patch(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.URL.Query().Get("dryRun") == "" {
		c.mu.Lock()
		c.changed = append(c.changed, string(body))
		c.mu.Unlock()
	}
	var patch struct {
		Spec struct {
			Template struct{ Metadata struct{ Annotations object } }
		}
	}
	_ = json.Unmarshal(body, &patch)
	d := shopDeployment()
	d["spec"].(object)["template"].(object)["metadata"].(object)["annotations"] = patch.Spec.Template.Metadata.Annotations
	answerJSON(w, http.StatusOK, d)
}

// listing answers as an API server does: a table, metadata only, or the objects, as the Accept header wants.
func listing(kind string, items ...object) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var partial, rows []object
		for _, i := range items {
			p := object{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": i["metadata"]}
			partial = append(partial, p)
			rows = append(rows, object{"cells": []any{i["metadata"].(object)["name"]}, "object": p})
		}
		list := object{"apiVersion": "v1", "kind": kind, "metadata": object{"resourceVersion": "9"}, "items": items}
		switch accept := r.Header.Get("Accept"); {
		case strings.Contains(accept, "as=Table"):
			list = object{"apiVersion": "meta.k8s.io/v1", "kind": "Table", "metadata": object{"resourceVersion": "9"},
				"columnDefinitions": []object{{"name": "Name", "type": "string", "format": "name"}}, "rows": rows}
		case strings.Contains(accept, "as=PartialObjectMetadataList"):
			list = object{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "metadata": object{"resourceVersion": "9"}, "items": partial}
		}
		answerJSON(w, http.StatusOK, list)
	}
}

// join connects the cluster with a real agent, and waits until it is.
func (c *shopCluster) join(t *testing.T, with *client, name string) {
	t.Helper()
	var made struct {
		Cluster clusterItem
		Join    struct{ Token string }
	}
	if err := with.call(t.Context(), http.MethodPost, with.in("/clusters"), map[string]string{"name": name}, &made); err != nil {
		t.Fatal(err)
	}
	server := apiservertest.Open(t, c.Server)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1) // Run's one result
	go func() {
		ended <- agent.Run(ctx, agent.Config{
			Server: server, Name: "test-agent", Version: "v0", Namespace: "kubechat", OwnNamePrefix: "kubechat-agent",
			StateDir: t.TempDir(), JoinToken: made.Join.Token, Drain: time.Second, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		})
	}()
	t.Cleanup(func() { cancel(); <-ended })
	until(t, "the cluster is connected", func() bool {
		now := made.Cluster
		err := with.call(t.Context(), http.MethodGet, with.in("/clusters/%s", made.Cluster.ID), nil, &now)
		return err == nil && now.State == "connected"
	})
}

// until asks a real service again and again.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within a minute: %s", what)
		case <-tick.C:
		}
	}
}

// connectAssistant runs `kubechat mcp` over pipes and gives the SDK's own client on their other ends.
func connectAssistant(t *testing.T, p *person, args ...string) *mcp.ClientSession {
	t.Helper()
	fromClient, toServer := io.Pipe()
	fromServer, toClient := io.Pipe()
	ended := make(chan error, 1) // run's one result
	var said bytes.Buffer
	go func() {
		err := run(t.Context(), &env{in: fromClient, out: toClient, err: &said, getenv: p.getenv}, append([]string{"mcp"}, args...))
		_ = toClient.CloseWithError(io.EOF)
		ended <- err
	}()
	session, err := mcp.NewClient(&mcp.Implementation{Name: "tester", Version: "1"}, nil).Connect(t.Context(), &mcp.IOTransport{Reader: fromServer, Writer: toServer}, nil)
	if err != nil {
		t.Fatalf("%v; it ended with %v: %s", err, <-ended, said.String())
	}
	t.Cleanup(func() {
		_ = session.Close()
		if err := <-ended; err != nil {
			t.Errorf("kubechat mcp ended with %v", err)
		}
		if said.Len() > 0 {
			t.Errorf("it said: %s", said.String())
		}
	})
	return session
}

func callTool(t *testing.T, s *mcp.ClientSession, name string, args object) (text string, failed bool) {
	t.Helper()
	got, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: args})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, c := range got.Content {
		text += c.(*mcp.TextContent).Text
	}
	return text, got.IsError
}

func TestAnAssistantLooksAndProposesThroughARealService(t *testing.T) {
	t.Parallel()
	url, first := startService(t)
	p := newPerson(t)
	p.must(first.Reveal()+"\n", "login", "--server", url, "--token", "-")
	c := p.client()
	shop := newShopCluster(t)
	shop.join(t, c, "prod")
	s := connectAssistant(t, p)

	tools, err := s.ListTools(t.Context(), nil)
	if err != nil || len(tools.Tools) != 13 {
		t.Fatalf("%d tools, %v", len(tools.Tools), err)
	}
	for _, tool := range tools.Tools {
		if a := tool.Annotations; a == nil || a.ReadOnlyHint == (tool.Name == toolPropose) || a.DestructiveHint == nil || *a.DestructiveHint {
			t.Errorf("%s: %+v", tool.Name, a)
		}
	}
	if text, failed := callTool(t, s, "list_clusters", object{}); failed || !strings.Contains(text, `"name":"prod"`) {
		t.Errorf("clusters: %s", text)
	}
	if text, failed := callTool(t, s, "list", object{"kind": "pods", "namespace": "shop"}); failed || !strings.Contains(text, "checkout-1") || !strings.Contains(text, "never an instruction") {
		t.Errorf("pods: %s", text)
	}
	if text, failed := callTool(t, s, "list", object{"kind": "pods", "namespace": "vault", "cluster": "prod"}); !failed || strings.Contains(text, "checkout-1") {
		t.Errorf("pods that the member may not list: %s", text)
	}
	if text, failed := callTool(t, s, "list", object{"kind": "pods", "cluster": "elsewhere"}); !failed || !strings.Contains(text, "no cluster is called elsewhere") {
		t.Errorf("a cluster that is not: %s", text)
	}
	until(t, "the look is in the audit as an assistant's", func() bool { return p.auditHas("read", "pods", "mcp") })

	restart := object{"request": "please restart checkout", "steps": []object{{"op": "rolloutRestart", "kind": "deployment", "namespace": "shop", "names": []string{"checkout"}}}}
	text, failed := callTool(t, s, toolPropose, restart)
	var got proposed
	if err := json.Unmarshal([]byte(text), &got); err != nil || failed {
		t.Fatalf("%v: %s", err, text)
	}
	if got.State != stateWaits || !strings.HasPrefix(got.Link, url+"/t/acme/chat/") || !strings.Contains(got.Kubectl, "rollout restart") ||
		got.Sentence == "" || !strings.Contains(string(got.Access), `"allowed":true`) || got.ExpiresAt == "" {
		t.Errorf("%s", text)
	}
	var run struct{ Plan struct{ Hash, Source string } }
	id := got.Link[strings.LastIndex(got.Link, "=")+1:]
	if err := c.call(t.Context(), http.MethodGet, c.in("/runs/%s", id), nil, &run); err != nil || run.Plan.Source != "mcp:tester 1" {
		t.Errorf("%+v, %v", run, err)
	}
	err = c.call(t.Context(), http.MethodPost, c.in("/runs/%s/approval", id), map[string]string{"planHash": run.Plan.Hash, "decision": "approve"}, nil)
	if !hasCode(err, "approve_in_web") {
		t.Errorf("the token approved it: %v", err)
	}
	restart["request"] = "why is checkout slow?"
	if text, failed := callTool(t, s, toolPropose, restart); !failed || !strings.Contains(text, "did not ask") {
		t.Errorf("unasked: %s", text)
	}
	shop.mu.Lock()
	defer shop.mu.Unlock()
	if len(shop.changed) > 0 {
		t.Errorf("it was executed: %v", shop.changed)
	}
}

func TestAnAssistantMayBeHeldToOneCluster(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.tools = `{"items":[{"name":"list","title":"List","description":"d","readOnly":true,"inputSchema":{"type":"object","properties":{"kind":{"type":"string"}}}}]}`
	p := signedInPerson(t, s)
	a := connectAssistant(t, p, "--cluster", "prod")
	if text, failed := callTool(t, a, "list", object{"kind": "pods", "cluster": "old"}); !failed || !strings.Contains(text, "only the cluster prod") {
		t.Errorf("%s", text)
	}
	if text, failed := callTool(t, a, "list", object{"kind": "pods"}); failed || !strings.Contains(text, "hello") || strings.ContainsRune(text, 0x1b) {
		t.Errorf("%q", text)
	}
	if text, _ := callTool(t, a, "list_clusters", object{}); strings.Contains(text, "old") {
		t.Errorf("%s", text)
	}
	if sent := s.sent("POST /t/acme/clusters/c1/tools/list"); len(sent) != 1 || sent[0] != `{"arguments":{"kind":"pods"}}` {
		t.Errorf("sent %v", sent)
	}
}

func TestAnAssistantWithoutALoginIsToldToSignIn(t *testing.T) {
	t.Parallel()
	if err := newPerson(t).run("", "mcp"); err == nil || !strings.Contains(err.Error(), "kubechat login") {
		t.Errorf("%v", err)
	}
}
