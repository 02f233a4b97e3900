package policy

import (
	"strings"

	"github.com/kubechat/kubechat/agent/kubereq"
)

// clusterScoped are the kinds without a namespace that a Kubernetes API server serves by itself. A kind that is not
// here and is asked for without a namespace may span all of them, and is treated so.
var clusterScoped = map[string]bool{
	"namespaces": true, "nodes": true, "persistentvolumes": true, "componentstatuses": true,
	"clusterroles.rbac.authorization.k8s.io": true, "clusterrolebindings.rbac.authorization.k8s.io": true,
	"customresourcedefinitions.apiextensions.k8s.io": true, "apiservices.apiregistration.k8s.io": true,
	"mutatingwebhookconfigurations.admissionregistration.k8s.io":     true,
	"validatingwebhookconfigurations.admissionregistration.k8s.io":   true,
	"validatingadmissionpolicies.admissionregistration.k8s.io":       true,
	"validatingadmissionpolicybindings.admissionregistration.k8s.io": true,
	"mutatingadmissionpolicies.admissionregistration.k8s.io":         true,
	"mutatingadmissionpolicybindings.admissionregistration.k8s.io":   true,
	"selfsubjectaccessreviews.authorization.k8s.io":                  true,
	"selfsubjectrulesreviews.authorization.k8s.io":                   true,
	"subjectaccessreviews.authorization.k8s.io":                      true,
	"selfsubjectreviews.authentication.k8s.io":                       true,
	"tokenreviews.authentication.k8s.io":                             true,
	"certificatesigningrequests.certificates.k8s.io":                 true,
	"clustertrustbundles.certificates.k8s.io":                        true,
	"flowschemas.flowcontrol.apiserver.k8s.io":                       true,
	"prioritylevelconfigurations.flowcontrol.apiserver.k8s.io":       true,
	"priorityclasses.scheduling.k8s.io":                              true,
	"runtimeclasses.node.k8s.io":                                     true,
	"storageclasses.storage.k8s.io":                                  true,
	"volumeattachments.storage.k8s.io":                               true,
	"volumeattributesclasses.storage.k8s.io":                         true,
	"csidrivers.storage.k8s.io":                                      true,
	"csinodes.storage.k8s.io":                                        true,
	"ingressclasses.networking.k8s.io":                               true,
	"ipaddresses.networking.k8s.io":                                  true,
	"servicecidrs.networking.k8s.io":                                 true,
	"deviceclasses.resource.k8s.io":                                  true,
	"resourceslices.resource.k8s.io":                                 true,
	"devicetaintrules.resource.k8s.io":                               true,
	"storageversions.internal.apiserver.k8s.io":                      true,
	"storageversionmigrations.storagemigration.k8s.io":               true,
	"nodes.metrics.k8s.io":                                           true,
}

func isClusterScoped(req kubereq.Info) bool {
	name := req.Resource
	if req.APIGroup != "" {
		name += "." + req.APIGroup
	}
	return clusterScoped[name]
}

// honoursFieldSelector reports whether metadata.namespace selects in every namespaced kind of the group: true for what
// the API server serves by itself. An aggregated API may ignore selectors, and a custom group may be an aggregated one.
func honoursFieldSelector(group string) bool {
	switch group {
	case "", "apps", "batch", "autoscaling", "policy":
		return true
	case "metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io":
		return false
	}
	switch strings.TrimSuffix(group, ".k8s.io") {
	case "networking", "events", "coordination", "discovery", "rbac.authorization", "storage", "resource":
		return strings.HasSuffix(group, ".k8s.io")
	}
	return false
}
