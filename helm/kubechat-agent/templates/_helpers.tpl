{{- define "kubechat-agent.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 48 | trimSuffix "-" -}}
{{- end -}}

{{/* Every role and binding is called this or starts with it: the agent guards them by that. */}}
{{- define "kubechat-agent.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "kubechat-agent.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 48 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 48 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "kubechat-agent.selector" -}}
app.kubernetes.io/name: {{ include "kubechat-agent.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: agent
{{- end -}}

{{- define "kubechat-agent.labels" -}}
app.kubernetes.io/name: {{ include "kubechat-agent.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: kubechat
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "kubechat-agent.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "kubechat-agent.joinSecret" -}}
{{- default (printf "%s-join" (include "kubechat-agent.fullname" .)) .Values.join.existingSecret -}}
{{- end -}}

{{/* The people's groups that the preset allows, from least to most. */}}
{{- define "kubechat-agent.groups" -}}
{{- $all := list "viewer" "operator" "admin" -}}
{{- $upTo := dict "viewer" 1 "operator" 2 "admin" 3 -}}
{{- slice $all 0 (int (get $upTo .Values.access.preset)) | toJson -}}
{{- end -}}

{{- define "kubechat-agent.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "kubechat-agent.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}
