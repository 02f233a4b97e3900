package diagnose_test

import (
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/diagnose"
)

const webService = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
`

func TestServices(t *testing.T) {
	t.Parallel()
	running := pod("web-abc12-1", "Running", well)
	deploy := strings.NewReplacer("readyReplicas: 0", "readyReplicas: 2", `"False"`, `"True"`).Replace(deployment)
	at, object := "services/shop/web", "service/web in shop"
	check(t, map[string]ill{
		"a selector that picks nothing": {strings.Replace(webService, "app: web", "app: web-old", 1) + deploy + running, at, object, "NoEndpoints",
			[]string{"app=web-old", "The pods of deployment/web in shop have app=web, not app=web-old", "kubectl set selector service web app=web -n shop"}, []string{"app: web-old", "app: web"}, true},
		"another workload is meant": {strings.NewReplacer("name: web, namespace", "name: shop-front, namespace", "app: web", "app: web-broken").Replace(webService) + deploy + running, "services/shop/shop-front", "service/shop-front in shop", "NoEndpoints",
			[]string{"The pods of deployment/web in shop have app=web"}, nil, true},
		"nothing like it":              {strings.Replace(webService, "app: web", "role: x", 1), at, object, "NoEndpoints", []string{"role=x"}, nil, true},
		"its pods":                     {webService + pod("web-abc12-1", "Running", waiting("CrashLoopBackOff", "", "")), at, "deployment/web in shop", "CrashLoopBackOff", nil, nil, false},
		"a port that nothing declares": {strings.Replace(webService, "targetPort: 8080", "targetPort: 9090", 1) + running, at, object, "TargetPortNotFound", []string{"declare 8080", "warning"}, []string{"targetPort: 9090", "targetPort: 8080"}, true},
		"a port's name":                {strings.Replace(webService, "targetPort: 8080", "targetPort: http", 1) + running, at, object, "TargetPortNotFound", []string{"critical", "a name that no container"}, []string{"{containerPort: 8080}", "{containerPort: 8080, name: http}"}, true},
		"no address":                   {strings.Replace(webService, "spec: {", "spec: {type: LoadBalancer, ", 1) + running + event("Service", "web", "SyncLoadBalancerFailed", "quota exceeded"), at, object, "SyncLoadBalancerFailed", []string{"quota exceeded"}, []string{"reason: SyncLoadBalancerFailed", "reason: Other"}, true},
		"no address, and nobody to give one": {strings.NewReplacer("spec: {", "spec: {type: LoadBalancer, ", "namespace: shop}", `namespace: shop, creationTimestamp: "@3h"}`).Replace(webService) + running, at, object, "LoadBalancerPending",
			[]string{"no address from outside, 3 hours after"}, []string{"@3h", "@1m"}, true},
		"closed": {webService + running + `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress]}
`, at, object, "NetworkPolicyDeniesAll", []string{"networkpolicy/deny in shop"}, []string{"policyTypes: [Ingress]", "policyTypes: [Ingress], ingress: [{}]"}, true},
		"without a selector": {"apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {ports: [{port: 80}]}\n", at, object, "NoEndpoints", []string{"no selector"}, nil, true},
	})
	check(t, map[string]ill{"a policy that was asked for": {`
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {matchLabels: {app: none}}}
---
` + running, "networkpolicies/shop/deny", "networkpolicy/deny in shop", "NoPodsSelected", []string{"info"}, []string{"podSelector: {matchLabels: {app: none}}", "podSelector: {}, ingress: [{}]"}, true}})
}

func TestAServiceThatWasAskedForKeepsItsOwnFindingAfterTheCause(t *testing.T) {
	t.Parallel()
	found := run(t, reader(t, webService+pod("web-abc12-1", "Running", waiting("CrashLoopBackOff", "", ""))), "services/shop/web")
	if len(found) != 2 || found[0].Reason != "CrashLoopBackOff" || found[1].Reason != "NoReadyEndpoints" || !strings.Contains(found[1].Cause, "CrashLoopBackOff") {
		t.Errorf("%+v", found)
	}
}

func TestOfAServiceThatWasAskedForTheWorkloadThatIsMeantHasToBeWellToo(t *testing.T) {
	t.Parallel()
	text := strings.Replace(webService, "app: web", "app: web-old", 1) + deployment + pod("web-abc12-1", "Pending", waiting("ImagePullBackOff", "not found", ""))
	for at, want := range map[string]string{
		"services/shop/web":  "service/web in shop NoEndpoints, deployment/web in shop ImagePullBackOff",
		"services/shop/":     "service/web in shop NoEndpoints, deployment/web in shop ImagePullBackOff",
		"endpoints/shop/web": "service/web in shop NoEndpoints, deployment/web in shop ImagePullBackOff",
	} {
		objects := text + "apiVersion: v1\nkind: Endpoints\nmetadata: {name: web, namespace: shop}\n"
		if got := brief(run(t, reader(t, objects), at)); got != want {
			t.Errorf("%s: %s", at, got)
		}
	}
}

func TestServicesThatWereAskedForAsAKindKeepTheirOwnFindings(t *testing.T) {
	t.Parallel()
	r := reader(t, webService+pod("web-abc12-1", "Running", waiting("CrashLoopBackOff", "", "")))
	if got := brief(run(t, r, "services/shop/")); !strings.Contains(got, "service/web in shop NoReadyEndpoints") {
		t.Errorf("services: %s", got)
	}
	if got := brief(run(t, r, "/shop/")); strings.Contains(got, "NoReadyEndpoints") {
		t.Errorf("the namespace: %s", got)
	}
}

func TestThatPoliciesLetNobodyInIsNoTroubleOfANamespace(t *testing.T) {
	t.Parallel()
	found := run(t, reader(t, webService+pod("web-abc12-1", "Running", well)+`
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress]}
`), "/shop/")
	if len(found) != 1 || found[0].Reason != "NetworkPolicyDeniesAll" || found[0].Severity != diagnose.Info {
		t.Errorf("%+v", found)
	}
}

// brief is what was found, in the order in which it is told.
func brief(found []diagnose.Finding) string {
	var out []string
	for _, f := range found {
		out = append(out, f.Object+" "+f.Reason)
	}
	return strings.Join(out, ", ")
}

func TestIngressesAndGateways(t *testing.T) {
	t.Parallel()
	ingress := `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: front, namespace: shop}
spec:
  ingressClassName: nginx
  tls: [{secretName: front-tls}]
  rules: [{host: shop.example.com, http: {paths: [{path: /, backend: {service: {name: web, port: {number: 80}}}}]}}]
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: nginx}
---
apiVersion: v1
kind: Secret
metadata: {name: front-tls, namespace: shop}
---
` + webService + pod("web-abc12-1", "Running", well)
	at, object := "ingresses/shop/front", "ingress/front in shop"
	spoilt := func(old, new string) string { return strings.Replace(ingress, old, new, 1) }
	route := `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: front, namespace: shop}
spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: web, port: 80}]}]}
status: {parents: [{parentRef: {name: edge}, conditions: [{type: Accepted, status: "True"}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {gatewayClassName: x}
status: {conditions: [{type: Programmed, status: "True"}]}
---
` + webService + pod("web-abc12-1", "Running", well)
	check(t, map[string]ill{
		"a class":        {spoilt("ingressClassName: nginx", "ingressClassName: traefik"), at, object, "IngressClassNotFound", []string{"Name a class that exists: nginx"}, []string{"traefik", "nginx"}, true},
		"a service":      {spoilt("service: {name: web,", "service: {name: wed,"), at, object, "ServiceNotFound", []string{"service/wed in shop"}, []string{"name: wed", "name: web"}, true},
		"a port":         {spoilt("number: 80}", "number: 8080}"), at, object, "ServicePortNotFound", []string{"port 8080 of the service web", "spec.ports = 80"}, []string{"number: 8080", "number: 80"}, true},
		"a secret":       {spoilt("kind: Secret\nmetadata: {name: front-tls", "kind: Secret\nmetadata: {name: other-tls"), at, object, "TLSSecretNotFound", []string{"front-tls"}, []string{"name: other-tls", "name: front-tls"}, true},
		"an expiry":      {spoilt("kind: Secret\nmetadata: {", `kind: Secret`+"\n"+`metadata: {annotations: {service.beta.openshift.io/expiry: "@+72h"}, `), at, "secret/front-tls in shop", "CertificateExpiring", []string{"ends in 3 days"}, []string{"@+72h", "@+9000h"}, true},
		"pods behind it": {strings.Replace(ingress, well, waiting("CrashLoopBackOff", "", ""), 1), at, "deployment/web in shop", "CrashLoopBackOff", nil, nil, false},
		"a route not taken": {strings.Replace(route, `Accepted, status: "True"`, `Accepted, status: "False", reason: NoMatchingListenerHostname`, 1), "httproutes/shop/front", "httproute/front in shop", "NoMatchingListenerHostname", nil,
			[]string{`status: "False", reason: NoMatchingListenerHostname`, `status: "True"`}, true},
		"a gateway": {strings.Replace(route, `Programmed, status: "True"`, `Programmed, status: "False", reason: Invalid, message: no addresses`, 1), "httproutes/shop/front", "gateway/edge in shop", "Invalid", []string{"no addresses"},
			[]string{`status: "False", reason: Invalid`, `status: "True"`}, true},
		"no gateway":       {strings.Replace(route, "parentRefs: [{name: edge}]", "parentRefs: [{name: edg}]", 1), "httproutes/shop/front", "httproute/front in shop", "GatewayNotFound", nil, []string{"{name: edg}", "{name: edge}"}, true},
		"a route's server": {strings.Replace(route, "backendRefs: [{name: web", "backendRefs: [{name: wed", 1), "httproutes/shop/front", "httproute/front in shop", "ServiceNotFound", nil, []string{"name: wed", "name: web"}, true},
	})
}
