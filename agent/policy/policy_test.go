package policy_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/agent/kubereq"
	"github.com/kubechat/kubechat/agent/policy"
)

// request reads "GET /api/v1/pods" or, with an upgrade, "GET+ /api/v1/...".
func request(t testing.TB, line string) kubereq.Info {
	t.Helper()
	method, raw, _ := strings.Cut(line, " ")
	h := http.Header{}
	if m, ok := strings.CutSuffix(method, "+"); ok {
		method = m
		h.Set("Upgrade", "websocket")
	}
	u, err := url.ParseRequestURI(raw)
	if err != nil {
		t.Fatal(err)
	}
	info, err := kubereq.Parse(method, u, h)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func mustParse(t testing.TB, yaml string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// refusedBy is the setting that refused, "-" if nothing did, and "*" if no setting could change it.
func refusedBy(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return "-"
	}
	var refusal *policy.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("%v is not a Refusal", err)
	}
	if refusal.Setting == "" {
		return "*"
	}
	if !strings.Contains(refusal.Text, strings.Split(refusal.Setting, ".")[0]) {
		t.Errorf("the text does not name the setting %s: %s", refusal.Setting, refusal.Text)
	}
	return refusal.Setting
}

func TestEachSettingRefusesWhatItSaysAndNamesItself(t *testing.T) {
	t.Parallel()
	const (
		pods   = "GET /api/v1/namespaces/shop/pods"
		scale  = "PATCH /apis/apps/v1/namespaces/shop/deployments/cart/scale"
		exec   = "POST+ /api/v1/namespaces/shop/pods/cart/exec"
		review = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
	)
	for _, c := range []struct{ policy, request, refusedBy string }{
		{"{}", pods, "-"}, {"{}", scale, "-"}, {"{}", exec, "-"}, {"{}", review, "-"}, {"{}", "GET+ /api/v1/namespaces/shop/pods/cart/portforward", "-"},
		{"{}", "OPTIONS /api/v1/namespaces/shop/pods", "*"},

		{"readOnly: true", pods, "-"}, {"readOnly: true", review, "-"}, {"readOnly: true", "GET /api/v1/namespaces/shop/pods/cart/log", "-"},
		{"readOnly: true", scale, "readOnly"}, {"readOnly: true", exec, "readOnly"}, {"readOnly: true", "GET+ /api/v1/namespaces/shop/pods/cart/exec", "readOnly"},
		{"readOnly: true", "GET /api/v1/namespaces/shop/secrets", "-"}, // as metadata
		{"readOnly: true", "POST /api/v1/namespaces/shop/serviceaccounts/x/token", "readOnly"},

		{"verbs: {deny: [delete]}", "DELETE /api/v1/namespaces/shop/pods/x", "verbs.deny"}, {"verbs: {deny: [delete]}", pods, "-"},
		{"verbs: {deny: [delete]}", "DELETE /api/v1/namespaces/shop/pods", "-"}, // that is deletecollection
		{"verbs: {deny: [connect]}", exec, "verbs.deny"}, {"verbs: {deny: [create]}", exec, "-"},
		{"verbs: {allow: [get, list]}", pods, "-"}, {"verbs: {allow: [get, list]}", pods + "?watch=true", "verbs.allow"},
		{"verbs: {allow: [get]}", review, "-"},

		{"resources: {deny: [configmaps]}", "GET /api/v1/namespaces/shop/configmaps", "resources.deny"},
		{"resources: {deny: [pods]}", exec, "resources.deny"}, {"resources: {deny: [pods/exec]}", exec, "resources.deny"}, {"resources: {deny: [pods/exec]}", pods, "-"},
		{"resources: {deny: [deployments]}", scale, "-"}, {"resources: {deny: [deployments.apps]}", scale, "resources.deny"},
		{"resources: {deny: ['*.apps']}", scale, "resources.deny"}, {"resources: {deny: ['*.apps']}", pods, "-"},
		{"resources: {deny: ['*/scale']}", scale, "resources.deny"}, {"resources: {deny: ['*']}", pods, "resources.deny"},
		{"resources: {allow: [pods]}", pods, "-"}, {"resources: {allow: [pods]}", scale, "resources.allow"}, {"resources: {allow: [pods]}", review, "-"},
		{"resources: {allow: [pods]}", "GET /apis/metrics.k8s.io/v1beta1/namespaces/shop/pods", "resources.allow"},

		{"exec: off", exec, "exec"}, {"exec: false", "GET+ /api/v1/namespaces/shop/pods/x/attach", "exec"}, {"exec: off", pods, "-"},
		{"exec: off", "PATCH /api/v1/namespaces/shop/pods/x/ephemeralcontainers", "exec"},
		{"portForward: off", "POST+ /api/v1/namespaces/shop/pods/x/portforward", "portForward"}, {"portForward: off", exec, "-"},

		{"{}", "GET /api/v1/namespaces/shop/services/web/proxy/x", "proxy"}, {"{}", "GET /api/v1/nodes/n1/proxy/metrics", "proxy"},
		{"{}", "GET /api/v1/proxy/namespaces/shop/services/web/x", "proxy"}, {"{}", "GET /apis/x.example.com/v1/clusters/m/proxy/api", "proxy"},
		{"proxy: [services]", "GET /api/v1/namespaces/shop/services/web/proxy/x", "-"}, {"proxy: [services]", "GET /api/v1/namespaces/shop/pods/web/proxy/x", "proxy"},
		{"proxy: [services]", "OPTIONS /api/v1/namespaces/shop/services/web/proxy/x", "-"}, {"proxy: [clusters.x.example.com]", "GET /apis/x.example.com/v1/clusters/m/proxy/api", "-"},

		{"{}", "GET /api/v1/namespaces/shop/secrets", "-"}, {"{}", "GET /api/v1/namespaces/shop/secrets/db", "-"}, {"{}", "GET /api/v1/secrets?watch=true", "-"},
		{"{}", "PUT /api/v1/namespaces/shop/secrets/db", "secrets"}, {"{}", "POST /api/v1/namespaces/shop/secrets", "secrets"},
		{"{}", "DELETE /api/v1/namespaces/shop/secrets/db", "secrets"}, {"{}", "GET+ /api/v1/namespaces/shop/secrets?watch=true", "secrets"},
		{"{}", "GET /api/v1/watch/secrets", "secrets"}, {"{}", "GET /apis/image.openshift.io/v1/namespaces/a/imagestreams/b/secrets", "secrets"},
		{"secrets: full", "PUT /api/v1/namespaces/shop/secrets/db", "-"}, {"secrets: full", "GET+ /api/v1/namespaces/shop/secrets?watch=true", "-"},

		{"{}", "GET /api", "-"}, {"{}", "GET /openapi/v3/apis/apps/v1", "-"}, {"{}", "HEAD /version", "-"}, {"{}", "GET /readyz", "-"},
		{"{}", "GET /metrics", "nonResourcePaths"}, {"{}", "GET /readyz/etcd", "nonResourcePaths"}, {"{}", "GET /", "nonResourcePaths"},
		{"{}", "POST /api", "*"}, {"{}", "GET+ /version", "*"}, {"{}", "GET /logs/kube-apiserver.log", "nonResourcePaths"},
		{"nonResourcePaths: [/metrics, /livez/*]", "GET /metrics", "-"}, {"nonResourcePaths: [/metrics, /livez/*]", "GET /metrics/slis", "nonResourcePaths"},
		{"nonResourcePaths: [/metrics, /livez/*]", "GET /livez/etcd", "-"}, {"nonResourcePaths: [/metrics, /livez/*]", "GET /livezz", "nonResourcePaths"},
		{"nonResourcePaths: [/metrics]", "POST /metrics", "*"},

		{"namespaces: {deny: [payments]}", pods, "-"}, {"namespaces: {deny: [payments]}", "GET /api/v1/namespaces/payments/pods", "namespaces.deny"},
		{"namespaces: {deny: [payments]}", "GET /api/v1/namespaces/payments", "namespaces.deny"}, {"namespaces: {deny: ['pay*']}", "DELETE /api/v1/namespaces/payments", "namespaces.deny"},
		{"namespaces: {deny: ['pay*']}", "GET /api/v1/pods", "namespaces.deny"}, {"namespaces: {deny: [payments]}", "GET /apis/metrics.k8s.io/v1beta1/pods", "namespaces.deny"},
		{"namespaces: {deny: [payments]}", "GET /apis/shop.example.com/v1/orders", "namespaces.deny"}, {"namespaces: {deny: [payments]}", "GET /api/v1/nodes", "-"},
		{"namespaces: {deny: [payments]}", "GET /api/v1/watch/pods", "namespaces.deny"}, {"namespaces: {deny: [payments]}", review, "-"},
		{"namespaces: {allow: [shop]}", pods, "-"}, {"namespaces: {allow: [shop]}", "GET /api/v1/namespaces/other/pods", "namespaces.allow"},
		{"namespaces: {allow: [shop, stage]}", "GET /api/v1/pods", "namespaces.allow"}, {"namespaces: {allow: ['shop-*']}", "GET /api/v1/namespaces/shop-1/pods", "-"},
	} {
		_, err := mustParse(t, c.policy).Decide(request(t, c.request))
		if got := refusedBy(t, err); got != c.refusedBy {
			t.Errorf("%s with %s: refused by %s, want %s (%v)", c.request, c.policy, got, c.refusedBy, err)
		}
	}
}

func TestListsOverAllNamespacesLeaveDeniedOnesOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ policy, request, selector string }{
		{"namespaces: {deny: [payments, vault]}", "GET /api/v1/pods", "metadata.namespace!=payments,metadata.namespace!=vault"},
		{"namespaces: {deny: [payments]}", "GET /apis/apps/v1/deployments?watch=true", "metadata.namespace!=payments"},
		{"namespaces: {allow: [shop], deny: [vault]}", "GET /api/v1/events", "metadata.namespace=shop,metadata.namespace!=vault"},
		{"namespaces: {deny: [payments]}", "GET /api/v1/namespaces/shop/pods", ""},
		{"{}", "GET /api/v1/pods", ""},
	} {
		verdict, err := mustParse(t, c.policy).Decide(request(t, c.request))
		if err != nil || verdict.FieldSelector != c.selector {
			t.Errorf("%s with %s: selector %q, %v", c.request, c.policy, verdict.FieldSelector, err)
		}
	}
}

func TestSecretsAreHiddenUnlessTheFileSaysFull(t *testing.T) {
	t.Parallel()
	for yaml, want := range map[string]bool{"{}": true, "secrets: hidden": true, "secrets: full": false} {
		verdict, err := mustParse(t, yaml).Decide(request(t, "GET /api/v1/namespaces/shop/secrets"))
		if err != nil || verdict.HideSecrets != want {
			t.Errorf("%s: hidden %t, %v", yaml, verdict.HideSecrets, err)
		}
	}
}

func TestNoSettingOpensTheAgentsOwn(t *testing.T) {
	t.Parallel()
	own := policy.Own{Namespace: "kubechat", NamePrefix: "kubechat-agent"}
	const rbac = "/apis/rbac.authorization.k8s.io/v1/"
	for _, line := range []string{
		"POST /api/v1/namespaces/kubechat/pods", "PATCH /apis/apps/v1/namespaces/kubechat/deployments/kubechat-agent",
		"DELETE /api/v1/namespaces/kubechat", "PUT /api/v1/namespaces/kubechat/finalize", "DELETE /api/v1/namespaces/kubechat/pods",
		"PATCH /api/v1/namespaces/kubechat/configmaps/kubechat-agent-policy", "POST /api/v1/namespaces/kubechat/pods/x/eviction",
		"GET /api/v1/namespaces/kubechat/pods/x/exec", "POST+ /api/v1/namespaces/kubechat/pods/x/exec", "GET+ /api/v1/namespaces/kubechat/pods/x/attach",
		"POST+ /api/v1/namespaces/kubechat/pods/x/portforward", "GET /api/v1/namespaces/kubechat/pods/x/proxy/metrics",
		"GET /api/v1/namespaces/kubechat/services/x/proxy/", "GET /api/v1/proxy/namespaces/kubechat/pods/x",
		"GET+ /api/v1/namespaces/kubechat/pods/x/log",
		"GET /api/v1/namespaces/kubechat/secrets", "GET /api/v1/namespaces/kubechat/secrets/kubechat-agent-identity",
		"GET /api/v1/watch/namespaces/kubechat/secrets", "GET /api/v1/watch/secrets", "DELETE /api/v1/secrets",
		"POST /api/v1/namespaces/kubechat/serviceaccounts/kubechat-agent/token",
		"PATCH " + rbac + "namespaces/kubechat/roles/other", "PATCH " + rbac + "clusterroles/kubechat-agent", "DELETE " + rbac + "clusterrolebindings/kubechat-agent-viewer",
		"PUT " + rbac + "namespaces/shop/rolebindings/kubechat-agent-viewer", "DELETE " + rbac + "clusterroles", "DELETE " + rbac + "namespaces/shop/rolebindings",
		"DELETE " + rbac + "clusterrolebindings?labelSelector=a%3Db",
		"POST /api/v1/nodes/n1/proxy/run/kubechat/agent/agent", "GET+ /api/v1/nodes/n1/proxy/exec/kubechat/agent/agent", "GET /api/v1/nodes/n1/proxy/containerLogs/kubechat/x/y",
		"GET /api/v1/nodes/n1/proxy", "POST /api/v1/proxy/nodes/n1/run/kubechat/x/y", "POST /api/v1/nodes/n1/proxy/metrics",
	} {
		_, err := own.Decide(request(t, line))
		if got := refusedBy(t, err); got != "*" {
			t.Errorf("%s: refused by %s", line, got)
		}
	}
	for _, line := range []string{
		"GET /api/v1/namespaces/kubechat/pods", "GET /api/v1/namespaces/kubechat/pods/x/log?follow=true", "GET /api/v1/namespaces/kubechat/events?watch=true",
		"GET+ /api/v1/namespaces/kubechat/pods?watch=true", "GET /api/v1/namespaces/kubechat",
		"POST /apis/authorization.k8s.io/v1/namespaces/kubechat/localsubjectaccessreviews",
		"GET " + rbac + "clusterroles/kubechat-agent", "PATCH " + rbac + "clusterroles/kubechat-agents", "POST " + rbac + "clusterroles", "GET " + rbac + "clusterroles?watch=true",
		"POST /api/v1/namespaces/shop/pods", "GET /api/v1/namespaces/shop/secrets", "GET /api/v1/nodes/n1/proxy/stats/summary", "GET /version",
	} {
		if verdict, err := own.Decide(request(t, line)); err != nil || verdict.FieldSelector != "" {
			t.Errorf("%s: %v, selector %q", line, err, verdict.FieldSelector)
		}
	}
}

func TestOwnSecretsStayOutOfListsOverAllNamespaces(t *testing.T) {
	t.Parallel()
	own := policy.Own{Namespace: "kubechat"}
	for _, line := range []string{"GET /api/v1/secrets", "GET /api/v1/secrets?watch=true&fieldSelector=metadata.namespace%3Dkubechat"} {
		verdict, err := own.Decide(request(t, line))
		if err != nil || verdict.FieldSelector != "metadata.namespace!=kubechat" {
			t.Errorf("%s: selector %q, %v", line, verdict.FieldSelector, err)
		}
	}
}

func TestFileWithAMistakeIsRefusedWithEveryMistakeNamed(t *testing.T) {
	t.Parallel()
	for yaml, names := range map[string][]string{
		"readOnlyy: true":                              {"readOnlyy"},
		"readOnly: maybe":                              {"readOnly"},
		"secrets: some":                                {"hidden or full"},
		"exec: sometimes":                              {"on or off"},
		"verbs: {deny: [scale, Get]}":                  {`"scale"`, `"Get"`},
		"namespaces: {deny: ['a,b']}":                  {`"a,b"`},
		"resources: {deny: [Pods]}":                    {`"Pods"`},
		"nonResourcePaths: [metrics, /*, /apis/apps]":  {`"metrics"`, `"/*"`, `"/apis/apps"`},
		"identities: {groups: ['system:masters', '']}": {"system:masters", `""`},
		"identities: {mode: anyone}":                   {"anyone"},
		"- a":                                          {"policy"},
		"secrets: some\nidentities: {mode: x}":         {"secrets", "identities.mode"},
	} {
		_, err := policy.Parse([]byte(yaml))
		if err == nil {
			t.Errorf("%q is accepted", yaml)
			continue
		}
		for _, name := range names {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("%q: the error does not name %s: %v", yaml, name, err)
			}
		}
	}
	for _, yaml := range []string{"", "{}", `{"readOnly":true}`, "exec: on", "exec: \"off\"\nportForward: true"} {
		if _, err := policy.Parse([]byte(yaml)); err != nil {
			t.Errorf("%q: %v", yaml, err)
		}
	}
}
