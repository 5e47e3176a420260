{{- /* The pod of a job that runs `urr`. Takes {root, job, args, env (text)}. */ -}}
{{- define "urr.job.pod" -}}
metadata:
  labels:
    {{- include "urr.podLabels" (dict "root" .root "component" .job) | nindent 4 }}
    urr.internal/job: {{ .job }}
spec:
  restartPolicy: {{ .restartPolicy | default "OnFailure" }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext:
    {{- include "urr.podSecurity" .root | nindent 4 }}
  {{- with .root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . | quote }}
    {{- end }}
  {{- end }}
  {{- with include "urr.scheduling" .root.Values.defaults | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  containers:
    - name: {{ .job }}
      image: {{ include "urr.image" .root }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args: {{ toJson .args }}
      env:
        {{- .env | nindent 8 }}
      resources:
        requests: { cpu: 100m, memory: 64Mi }
        limits: { memory: 512Mi }
      securityContext:
        {{- include "urr.containerSecurity" .root | nindent 8 }}
{{- end }}
