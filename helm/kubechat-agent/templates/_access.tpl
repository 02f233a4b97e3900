{{/* Binds ClusterRole .role to group kubechat:.group, in the whole cluster or in access.namespaces. */}}
{{- define "kubechat-agent.bind" -}}
{{- $root := .root -}}
{{- if $root.Values.access.namespaces }}
{{- range $namespace := $root.Values.access.namespaces }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $.name }}
  namespace: {{ $namespace }}
  labels: {{- include "kubechat-agent.labels" $root | nindent 4 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {{ $.role }}}
subjects:
  - {apiGroup: rbac.authorization.k8s.io, kind: Group, name: "kubechat:{{ $.group }}"}
{{- end }}
{{- else }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ .name }}
  labels: {{- include "kubechat-agent.labels" $root | nindent 4 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {{ .role }}}
subjects:
  - {apiGroup: rbac.authorization.k8s.io, kind: Group, name: "kubechat:{{ .group }}"}
{{- end }}
{{- end -}}

{{/* The rules of group .group: its own and those of the groups below it. */}}
{{- define "kubechat-agent.rules" -}}
{{- $extra := .root.Values.access.extraRules -}}
{{- if eq .group "index" -}}
{{ include "kubechat-agent.rules.index" .root }}
{{- else if eq .group "admin" -}}
{{ include "kubechat-agent.rules.admin" .root }}
{{- with $extra.admin }}
{{ toYaml . }}
{{- end }}
{{- else -}}
{{ include "kubechat-agent.rules.viewer" .root }}
{{- with $extra.viewer }}
{{ toYaml . }}
{{- end }}
{{- if eq .group "operator" }}
{{ include "kubechat-agent.rules.operator" .root }}
{{- with $extra.operator }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}
