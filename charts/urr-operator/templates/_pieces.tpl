{{- define "operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: urr
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{ include "operator.selector" . }}
{{- end }}

{{- /* Labels by which its pod is found; network policies of the chart urr know the first. */ -}}
{{- define "operator.selector" -}}
app.kubernetes.io/name: urr-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "operator.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "operator.env" -}}
- name: POD_NAMESPACE
  valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
- name: POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- { name: WATCH_NAMESPACES, value: {{ join "," .Values.watchNamespaces | quote }} }
- { name: LEASE_SECONDS, value: {{ .Values.lease.seconds | quote }} }
- { name: LOG_FORMAT, value: {{ .Values.logFormat | quote }} }
- { name: LOG_LEVEL, value: {{ .Values.logLevel | quote }} }
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Which nodes its pods may be on, and what gives way to them. */ -}}
{{- define "operator.scheduling" -}}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "operator.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "operator.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- /*
What it may do where sales are: the calls that it makes, and no others. What it makes by applying it needs
patch, and create where it may be missing. It creates Secrets and reads none: the one it reads is granted
by the chart urr.
*/ -}}
{{- define "operator.rules" -}}
- apiGroups: [urr.internal]
  resources: [ticketingevents]
  verbs: [list, watch, patch]
- apiGroups: [urr.internal]
  resources: [ticketingevents/status]
  verbs: [patch]
# The platform's settings, which the chart urr writes, and its own note beside them.
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [urr-platform]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [urr-platform-state]
  verbs: [get, create, patch]
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch, create, patch]
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [list, watch, patch]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [list, watch, create, patch]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list, watch, patch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [list, watch, create, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- if .Values.integrations.cloudNativePG }}
- apiGroups: [postgresql.cnpg.io]
  resources: [clusters]
  verbs: [get, create, patch]
{{- end }}
{{- if .Values.integrations.strimzi }}
- apiGroups: [kafka.strimzi.io]
  resources: [kafkatopics]
  verbs: [list, create, patch]
{{- end }}
{{- end }}
