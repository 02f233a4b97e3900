package diagnose_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/diagnose"
)

func TestClaims(t *testing.T) {
	t.Parallel()
	claim := `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: shop, creationTimestamp: "@1h"}
spec: {storageClassName: fast}
status: {phase: Pending}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: csi.example.com
---
`
	lazy := strings.Replace(claim, "provisioner:", "volumeBindingMode: WaitForFirstConsumer\nprovisioner:", 1)
	at, object := "persistentvolumeclaims/shop/data", "persistentvolumeclaim/data in shop"
	check(t, map[string]ill{
		"a class":                    {strings.Replace(claim, "storageClassName: fast", "storageClassName: fats", 1), at, object, "StorageClassNotFound", []string{"its storage class fats does not exist", "it has fast"}, nil, true},
		"a provisioner":              {claim, at, object, "Pending", []string{"provisioner csi.example.com of its class fast has not made a volume"}, []string{"phase: Pending", "phase: Bound"}, true},
		"its event":                  {claim + event("PersistentVolumeClaim", "data", "ProvisioningFailed", "no space left"), at, object, "ProvisioningFailed", []string{"no space left"}, []string{"phase: Pending", "phase: Bound"}, true},
		"no pod yet":                 {lazy, at, object, "WaitForFirstConsumer", []string{"info", "no pod does"}, nil, true},
		"lost":                       {strings.Replace(claim, "Pending", "Lost", 1), at, object, "ClaimLost", nil, []string{"phase: Lost", "phase: Bound"}, true},
		"a pod does not wait for it": {lazy + pod("web-abc12-1", "Running", well), at, object, "Pending", []string{"and yet the pod that uses it does not wait for it", "warning"}, []string{"phase: Pending", "phase: Bound"}, true},
		"a pod waits":                {lazy + pod("web-abc12-1", "Pending", unscheduled("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.")), "pods/shop/web-abc12-1", "pod/web-abc12-1 in shop", "Unschedulable", []string{"Its claim data is Pending", object}, nil, false},
	})
	for _, text := range []string{lazy, lazy + pod("web-abc12-1", "Running", well)} {
		if found := run(t, reader(t, text), "/shop/"); len(found) > 0 {
			t.Errorf("a claim that may wait: %s", says(found[0]))
		}
	}
}

func TestNodes(t *testing.T) {
	t.Parallel()
	node := "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nspec: {unschedulable: %c}\nstatus: {conditions: [{type: Ready, status: '%r', reason: X, message: kubelet stopped posting, lastTransitionTime: \"@11m\"}, {type: DiskPressure, status: '%d'}]}\n---\n"
	with := func(cordoned, ready, disk string) string {
		return strings.NewReplacer("%c", cordoned, "%r", ready, "%d", disk).Replace(node)
	}
	check(t, map[string]ill{
		"silent":   {with("false", "Unknown", "False"), "nodes//n1", "node/n1", "NodeNotReady", []string{"Since 11 minutes", "does not report any more"}, []string{"'Unknown'", "'True'"}, true},
		"not well": {with("false", "False", "False") + event("Node", "n1", "NodeNotReady", "Node n1 status is now: NodeNotReady"), "nodes//n1", "node/n1", "NodeNotReady", []string{"kubelet stopped posting", "event NodeNotReady"}, nil, true},
		"full":     {with("false", "True", "True"), "nodes//n1", "node/n1", "DiskPressure", []string{"disk space"}, []string{"DiskPressure, status: 'True'", "DiskPressure, status: 'False'"}, true},
		"cordoned": {with("true", "True", "False"), "nodes//n1", "node/n1", "SchedulingDisabled", []string{"info", "uncordon n1"}, []string{"unschedulable: true", "unschedulable: false"}, true},
		"of many":  {with("false", "Unknown", "False"), "nodes//", "node/n1", "NodeNotReady", nil, []string{"'Unknown'", "'True'"}, true},
		"of all":   {with("false", "Unknown", "False"), "//", "node/n1", "NodeNotReady", nil, []string{"'Unknown'", "'True'"}, true},
	})
}

// authority makes a certificate that ends at a time.
func authority(t *testing.T, end time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: end.Add(-time.Hour), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestWhatServesTheWholeCluster(t *testing.T) {
	t.Parallel()
	hook := `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: gate}
webhooks: [{name: gate.example.com, failurePolicy: Fail, rules: [{resources: [pods]}], clientConfig: {caBundle: "", service: {name: web, namespace: shop}}}]
---
`
	ca := func(d time.Duration) string {
		return strings.Replace(hook, `caBundle: ""`, `caBundle: "`+authority(t, now.Add(d))+`"`, 1) + webService + pod("web-abc12-1", "Running", well)
	}
	issuer := `
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: acme, namespace: shop}
---
`
	certificate := `
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: front, namespace: shop}
spec: {secretName: front-tls, issuerRef: {name: acme}}
status: {notAfter: "@+9000h", conditions: [{type: Ready, status: "True"}]}
`
	at, object := "validatingwebhookconfigurations//gate", "validatingwebhookconfiguration/gate"
	certAt, certObject := "certificates/shop/front", "certificate/front in shop"
	check(t, map[string]ill{
		"a webhook without a service":   {hook, at, object, "WebhookUnavailable", []string{"its service shop/web does not exist", "(pods) is refused", "critical"}, nil, true},
		"a webhook without pods":        {hook + webService, at, object, "WebhookUnavailable", []string{"no pod behind its service"}, nil, false},
		"a webhook that is passed over": {strings.Replace(hook, "Fail,", "Ignore,", 1), at, object, "WebhookUnavailable", []string{"warning", "it checks nothing"}, nil, true},
		"a webhook's authority":         {ca(-time.Hour), at, object, "CertificateExpired", []string{"ended 60 minutes ago"}, nil, true},
		"an API without pods": {`
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec: {service: {name: metrics, namespace: kube-system}}
status: {conditions: [{type: Available, status: "False", reason: MissingEndpoints, message: x}]}
`, "apiservices//v1beta1.metrics.k8s.io", "apiservice/v1beta1.metrics.k8s.io", "MissingEndpoints", nil, []string{`"False"`, `"True"`}, true},
		"a certificate that ends":  {strings.Replace(certificate, "@+9000h", "@+72h", 1), certAt, certObject, "CertificateExpiring", []string{"in 3 days"}, []string{"@+72h", "@+900h"}, true},
		"a certificate that ended": {strings.Replace(certificate, "@+9000h", "@72h", 1), certAt, certObject, "CertificateExpired", []string{"3 days ago"}, nil, true},
		"a certificate without an issuer": {strings.Replace(strings.Replace(certificate, `notAfter: "@+9000h", conditions: [{type: Ready, status: "True"}]`, "", 1), "issuerRef: {name: acme}", "issuerRef: {name: acmee}", 1) + strings.Replace(issuer, "shop", "ops", 1),
			certAt, certObject, "IssuerNotFound", []string{"issuer/acmee in shop does not exist"}, []string{"acmee", "acme", "namespace: ops", "namespace: shop"}, true},
		"an issuer of another namespace": {strings.Replace(certificate, `notAfter: "@+9000h", conditions: [{type: Ready, status: "True"}]`, "", 1) + strings.Replace(issuer, "shop", "ops", 1),
			certAt, certObject, "IssuerNotFound", []string{"An Issuer works in its own namespace only, and acme is in ops"}, []string{"namespace: ops", "namespace: shop"}, true},
		"a certificate never issued": {issuer + strings.Replace(strings.Replace(certificate, `notAfter: "@+9000h", `, "", 1), `status: "True"`, `status: "False", reason: DoesNotExist, message: no secret`, 1), certAt, certObject, "DoesNotExist", []string{"not issued: no secret"}, nil, true},
		"a kind that nobody knows": {`
apiVersion: argoproj.io/v1
kind: Application
metadata: {name: shop, namespace: cd}
status: {health: {status: Degraded}}
`, "applications/cd/shop", "application/shop in cd", "Degraded", nil, []string{"Degraded", "Healthy"}, true},
		"a role that allows nothing": {`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: shop}
rules: [{apiGroups: [""], resources: [deployments], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: shop}
roleRef: {kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: web, namespace: shop}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: shop}
`, "serviceaccounts/shop/web", "role/reader in shop", "RuleMatchesNothing", []string{`deployments are in group "apps"`}, []string{`apiGroups: [""]`, `apiGroups: [apps]`}, true},
		"a binding without a role": {`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: shop}
roleRef: {kind: Role, name: reader}
`, "rolebindings/shop/reader", "rolebinding/reader in shop", "RoleNotFound", nil, nil, true},
		"a namespace that can't go": {`
apiVersion: v1
kind: Namespace
metadata: {name: old, deletionTimestamp: "@3h"}
status: {phase: Terminating, conditions: [{type: NamespaceFinalizersRemaining, status: "True", message: "Some content has finalizers remaining: example.com/x"}]}
`, "namespaces//old", "namespace/old", "Terminating", []string{"since 3 hours", "example.com/x"}, nil, true},
	})
	if found := run(t, reader(t, ca(9000*time.Hour)), at); len(found) > 0 {
		t.Errorf("a webhook that is well: %s", says(found[0]))
	}
}

func TestALargeClusterIsNotReadWhole(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 1200 {
		b.WriteString(strings.NewReplacer("app: web", "app: many", "name: web-abc12", "name: many-abc12").Replace(pod(fmt.Sprintf("many-abc12-%d", i), "Running", well)))
	}
	crash := pod("web-abc12-1", "Running", waiting("CrashLoopBackOff", "", ""))
	r := reader(t, b.String()+deployment+crash+nvmeNode)
	got := report(t, r, "//")
	if len(got.Findings) != 1 || got.Findings[0].Object != "deployment/web in shop" || got.Findings[0].Reason != "CrashLoopBackOff" || got.Reads > 30 {
		t.Errorf("%d reads: %+v", got.Reads, got.Findings)
	}
	if !strings.Contains(strings.Join(got.Notes, " "), "more than 1000 pods") {
		t.Errorf("what was left out is not said: %q", got.Notes)
	}
}

func TestWhatChangedIsToldNewestFirst(t *testing.T) {
	t.Parallel()
	r := reader(t, strings.Replace(deployment, "creationTimestamp: \"@48h\"}", `creationTimestamp: "@900h", managedFields: [{manager: kubectl-set, operation: Update, time: "@15m", fieldsType: FieldsV1, fieldsV1: {"f:spec": {}}}, {manager: kubectl, subresource: scale, operation: Update, time: "@40m"}]}`, 1)+revisions+`
apiVersion: v1
kind: ConfigMap
metadata: {name: flags, namespace: shop, creationTimestamp: "@900h", managedFields: [{manager: kubectl-edit, operation: Update, time: "@20m", fieldsType: FieldsV1, fieldsV1: {"f:data": {}}}]}
---
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop, creationTimestamp: "@10m", managedFields: [{manager: helm, operation: Update, time: "@10m"}]}
---
`+event("Node", "n1", "NodeNotReady", "Node n1 status is now: NodeNotReady")+event("HorizontalPodAutoscaler", "web", "SuccessfulRescale", "New size: 5"))
	h, err := diagnose.Changes(context.Background(), r, target("/shop/"), now.Add(-24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range h.Changes {
		got = append(got, fmt.Sprintf("%s|%s|%s", c.Object, c.What, c.By))
	}
	want := []string{
		"horizontalpodautoscaler/web in shop|new size: 5|horizontal-pod-autoscaler", "node/n1|NodeNotReady: Node n1 status is now: NodeNotReady|", "secret/db in shop|made|helm",
		"deployment/web in shop|revision 4: image of app example/web:8 -> example/web:9 and env of app (A)|kubectl-set", "configmap/flags in shop|edited (data)|kubectl-edit", "deployment/web in shop|scaled to 2|kubectl",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	r.Forbidden["secrets"] = true
	h, err = diagnose.Changes(context.Background(), r, target("deployments/shop/web"), now.Add(-30*time.Minute))
	if err != nil || len(h.Changes) != 2 {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	for schedule, missed := range map[string]bool{"*/5 * * * *": true, "0 2 * * *": false, "0 3 * * 1-5": true, "30 11 4 * *": true, "@hourly": true, "@every 1h": true, "0 0 1 jan *": false, "0 0 * * sun": false, "0 4 31 2 *": false} {
		r := reader(t, `
apiVersion: batch/v1
kind: CronJob
metadata: {name: c, namespace: shop, creationTimestamp: "2026-05-04T02:00:00Z"}
spec: {schedule: "`+schedule+`"}
`)
		found := run(t, r, "cronjobs/shop/c")
		if missed != (len(found) == 1 && found[0].Reason == "MissSchedule") {
			t.Errorf("%s: %+v", schedule, found)
		}
	}
}
