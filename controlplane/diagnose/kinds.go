package diagnose

import "k8s.io/apimachinery/pkg/runtime/schema"

func core(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: resource}
}

// certManager is the group of the kinds that issue certificates.
const certManager = "cert-manager.io"

func v1(group, resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}
}

// The kinds that rules read.
var (
	pods            = core("pods")
	services        = core("services")
	claims          = core("persistentvolumeclaims")
	volumes         = core("persistentvolumes")
	nodes           = core("nodes")
	events          = core("events")
	configMaps      = core("configmaps")
	secrets         = core("secrets")
	namespaces      = core("namespaces")
	endpoints       = core("endpoints")
	serviceAccounts = core("serviceaccounts")
	quotas          = core("resourcequotas")
	controllers     = core("replicationcontrollers")

	deployments  = v1("apps", "deployments")
	replicaSets  = v1("apps", "replicasets")
	statefulSets = v1("apps", "statefulsets")
	daemonSets   = v1("apps", "daemonsets")
	jobs         = v1("batch", "jobs")
	cronJobs     = v1("batch", "cronjobs")
	budgets      = v1("policy", "poddisruptionbudgets")
	autoscalers  = schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}

	endpointSlices = v1("discovery.k8s.io", "endpointslices")
	ingresses      = v1("networking.k8s.io", "ingresses")
	ingressClasses = v1("networking.k8s.io", "ingressclasses")
	policies       = v1("networking.k8s.io", "networkpolicies")
	gateways       = v1("gateway.networking.k8s.io", "gateways")
	httpRoutes     = v1("gateway.networking.k8s.io", "httproutes")

	classes      = v1("storage.k8s.io", "storageclasses")
	certificates = v1(certManager, "certificates")
	apiServices  = v1("apiregistration.k8s.io", "apiservices")

	validating = v1("admissionregistration.k8s.io", "validatingwebhookconfigurations")
	mutating   = v1("admissionregistration.k8s.io", "mutatingwebhookconfigurations")

	roles               = v1("rbac.authorization.k8s.io", "roles")
	clusterRoles        = v1("rbac.authorization.k8s.io", "clusterroles")
	roleBindings        = v1("rbac.authorization.k8s.io", "rolebindings")
	clusterRoleBindings = v1("rbac.authorization.k8s.io", "clusterrolebindings")
)

// resources finds a built-in kind's resource, for owner references and scale targets.
var resources = map[string]schema.GroupVersionResource{
	"Pod": pods, "ReplicaSet": replicaSets, "Deployment": deployments, "StatefulSet": statefulSets, "DaemonSet": daemonSets,
	"Job": jobs, "CronJob": cronJobs, "ReplicationController": controllers, "Service": services,
}
