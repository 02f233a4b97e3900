package diagnose

import "k8s.io/apimachinery/pkg/runtime/schema"

// analyzers are the rules of each kind, in the order in which they are tried. Filled in by init because rules lead to
// objects of other kinds, whose rules are here too.
var analyzers map[schema.GroupKind]analyzer

func init() {
	analyzers = map[schema.GroupKind]analyzer{
		kindOf("", "Pod"):                   {first: true, rules: podRules},
		kindOf("apps", "Deployment"):        {rules: deploymentRules},
		kindOf("apps", "ReplicaSet"):        {rules: replicaSetRules},
		kindOf("", "ReplicationController"): {rules: replicaSetRules},
		kindOf("apps", "StatefulSet"):       {rules: statefulSetRules},
		kindOf("apps", "DaemonSet"):         {rules: daemonSetRules},
		kindOf("batch", "Job"):              {rules: jobRules},
		kindOf("batch", "CronJob"):          {rules: cronJobRules},

		kindOf("autoscaling", "HorizontalPodAutoscaler"): {rules: autoscalerRules},
		kindOf("policy", "PodDisruptionBudget"):          {first: true, rules: budgetRules},

		kindOf("", "Service"):                                                    {rules: serviceRules},
		kindOf("", "Endpoints"):                                                  {rules: endpointsRules},
		kindOf("discovery.k8s.io", "EndpointSlice"):                              {rules: endpointsRules},
		kindOf("networking.k8s.io", "Ingress"):                                   {rules: ingressRules},
		kindOf("networking.k8s.io", "NetworkPolicy"):                             {rules: policyRules},
		kindOf("gateway.networking.k8s.io", "Gateway"):                           {rules: gatewayRules},
		kindOf("gateway.networking.k8s.io", "HTTPRoute"):                         {rules: routeRules},
		kindOf("cert-manager.io", "Certificate"):                                 {first: true, rules: certificateRules},
		kindOf("", "Secret"):                                                     {rules: secretRules},
		kindOf("", "PersistentVolumeClaim"):                                      {first: true, rules: claimRules},
		kindOf("", "PersistentVolume"):                                           {rules: volumeRules},
		kindOf("", "Node"):                                                       {rules: nodeRules},
		kindOf("", "ConfigMap"):                                                  {},
		kindOf("", "ServiceAccount"):                                             {rules: accountRules},
		kindOf("rbac.authorization.k8s.io", "Role"):                              {rules: roleRules},
		kindOf("rbac.authorization.k8s.io", "ClusterRole"):                       {rules: roleRules},
		kindOf("rbac.authorization.k8s.io", "RoleBinding"):                       {rules: bindingRules},
		kindOf("rbac.authorization.k8s.io", "ClusterRoleBinding"):                {rules: bindingRules},
		kindOf("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): {rules: webhookRules},
		kindOf("admissionregistration.k8s.io", "MutatingWebhookConfiguration"):   {rules: webhookRules},
		kindOf("apiregistration.k8s.io", "APIService"):                           {rules: apiServiceRules},
	}
}
