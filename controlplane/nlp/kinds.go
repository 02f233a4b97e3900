package nlp

import "strings"

var allVerbs = []string{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}

// BuiltInKinds are the kinds of Kubernetes itself: what a Vocabulary made without a server (from manifests) starts from.
func BuiltInKinds() []Kind {
	var out []Kind
	for _, row := range strings.Split(strings.TrimSpace(builtInTable), "\n") {
		f := strings.Fields(row)
		gv, kind, plural := f[0], f[1], f[2]
		group, version, found := strings.Cut(gv, "/")
		if !found {
			group, version = "", gv
		}
		k := Kind{
			Resource: Resource{Group: group, Version: version, Plural: plural, Kind: kind, Namespaced: f[3] == "ns"},
			Singular: strings.ToLower(kind), Verbs: allVerbs,
		}
		for _, w := range f[4:] {
			if w == "+all" {
				k.Categories = []string{CategoryAll}
			} else {
				k.ShortNames = append(k.ShortNames, w)
			}
		}
		out = append(out, k)
	}
	return out
}

var builtInPlurals = func() map[string]bool {
	out := map[string]bool{}
	for _, k := range BuiltInKinds() {
		out[k.Plural] = true
	}
	return out
}()

// builtInTable: group/version, kind, plural, scope, short names, +all for the category.
const builtInTable = `
v1 Pod pods ns po +all
v1 Service services ns svc +all
v1 ReplicationController replicationcontrollers ns rc +all
apps/v1 Deployment deployments ns deploy +all
apps/v1 ReplicaSet replicasets ns rs +all
apps/v1 StatefulSet statefulsets ns sts +all
apps/v1 DaemonSet daemonsets ns ds +all
apps/v1 ControllerRevision controllerrevisions ns
batch/v1 Job jobs ns +all
batch/v1 CronJob cronjobs ns cj +all
autoscaling/v2 HorizontalPodAutoscaler horizontalpodautoscalers ns hpa +all
v1 ConfigMap configmaps ns cm
v1 Secret secrets ns
v1 ServiceAccount serviceaccounts ns sa
v1 Endpoints endpoints ns ep
v1 Event events ns ev
v1 PersistentVolumeClaim persistentvolumeclaims ns pvc
v1 ResourceQuota resourcequotas ns quota
v1 LimitRange limitranges ns limits
v1 PodTemplate podtemplates ns
v1 Namespace namespaces cluster ns
v1 Node nodes cluster no
v1 PersistentVolume persistentvolumes cluster pv
networking.k8s.io/v1 Ingress ingresses ns ing
networking.k8s.io/v1 IngressClass ingressclasses cluster
networking.k8s.io/v1 NetworkPolicy networkpolicies ns netpol
policy/v1 PodDisruptionBudget poddisruptionbudgets ns pdb
rbac.authorization.k8s.io/v1 Role roles ns
rbac.authorization.k8s.io/v1 RoleBinding rolebindings ns
rbac.authorization.k8s.io/v1 ClusterRole clusterroles cluster
rbac.authorization.k8s.io/v1 ClusterRoleBinding clusterrolebindings cluster
storage.k8s.io/v1 StorageClass storageclasses cluster sc
storage.k8s.io/v1 CSIDriver csidrivers cluster
storage.k8s.io/v1 VolumeAttachment volumeattachments cluster
scheduling.k8s.io/v1 PriorityClass priorityclasses cluster pc
node.k8s.io/v1 RuntimeClass runtimeclasses cluster
discovery.k8s.io/v1 EndpointSlice endpointslices ns
coordination.k8s.io/v1 Lease leases ns
apiextensions.k8s.io/v1 CustomResourceDefinition customresourcedefinitions cluster crd crds
admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration validatingwebhookconfigurations cluster
admissionregistration.k8s.io/v1 MutatingWebhookConfiguration mutatingwebhookconfigurations cluster
certificates.k8s.io/v1 CertificateSigningRequest certificatesigningrequests cluster csr
apiregistration.k8s.io/v1 APIService apiservices cluster
`
