{{- /* Labels of an object. Takes {root, component}. */ -}}
{{- define "urr.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: urr
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{ include "urr.selector" . }}
{{- end }}

{{- /* Labels by which pods are found; they never change. Takes {root, component}. */ -}}
{{- define "urr.selector" -}}
app.kubernetes.io/name: urr
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "urr.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "urr.kafka.servers" -}}
{{ .Values.kafka.bootstrapServers | default (ternary "urr-kafka:9092" "" .Values.kafka.builtin.enabled) }}
{{- end }}

{{- define "urr.redis.host" -}}
{{ .Values.redis.host | default (ternary "urr-redis" "" .Values.redis.builtin.enabled) }}
{{- end }}

{{- /* The settings of one service: defaults, and what it says itself. Takes {root, service}. */ -}}
{{- define "urr.settings" -}}
{{ mergeOverwrite (deepCopy .root.Values.defaults) (deepCopy (get .root.Values.services .service | default dict)) | toYaml }}
{{- end }}

{{- /* Variables from Secrets. Takes a list of their names. */ -}}
{{- define "urr.env.secrets" -}}
{{- $keys := include "urr.secretKeys" . | fromYaml }}
{{- range . }}
{{- $from := get $keys . }}
- name: {{ . }}
  valueFrom:
    secretKeyRef:
      name: {{ $from.secret }}
      key: {{ $from.key }}
      {{- if $from.optional }}
      optional: true
      {{- end }}
{{- end }}
{{- end }}

{{- /* Where one database is. Takes {root, database, pool}. */ -}}
{{- define "urr.env.database" -}}
{{- $name := printf "%s_DB" (upper .database) }}
{{- $postgres := .root.Values.postgres }}
{{- $port := ternary $postgres.external.port 5432 (eq $postgres.provider "External") }}
- name: {{ $name }}_URL
  value: {{ printf "postgres://urr-postgres-%s:%d/%s_db" .database (int $port) .database }}{{ with $postgres.parameters }}?{{ . }}{{ end }}
- name: {{ $name }}_USERNAME
  valueFrom: { secretKeyRef: { name: urr-{{ .database }}-db, key: username } }
- name: {{ $name }}_PASSWORD
  valueFrom: { secretKeyRef: { name: urr-{{ .database }}-db, key: password } }
{{- with .pool }}
- name: {{ $name }}_POOL_MAX
  value: {{ . | quote }}
{{- end }}
{{- end }}

{{- define "urr.env.redis" -}}
{{- with .Values.redis.clusterNodes }}
- { name: REDIS_CLUSTER_NODES, value: {{ join "," . | quote }} }
{{- else }}
- { name: REDIS_HOST, value: {{ include "urr.redis.host" . | quote }} }
- { name: REDIS_PORT, value: {{ .Values.redis.port | quote }} }
{{- end }}
{{- end }}

{{- define "urr.env.bus" -}}
- { name: KAFKA_BOOTSTRAP_SERVERS, value: {{ include "urr.kafka.servers" . | quote }} }
- { name: KAFKA_CREATE_TOPICS, value: "false" }
- { name: KAFKA_TOPIC_REPLICATION_FACTOR, value: {{ .Values.kafka.replicationFactor | quote }} }
- { name: BUS_RETENTION_HOURS, value: {{ .Values.kafka.retentionHours | quote }} }
{{- end }}

{{- define "urr.env.telemetry" -}}
{{- with .Values.config }}
- { name: LOG_FORMAT, value: {{ .logFormat | quote }} }
- { name: LOG_LEVEL, value: {{ .logLevel | quote }} }
- { name: TRACING_SAMPLING_PROBABILITY, value: {{ .tracingSamplingProbability | quote }} }
{{- with .otlpEndpoint }}
- { name: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, value: {{ . | quote }} }
{{- end }}
{{- with .zipkinEndpoint }}
- { name: ZIPKIN_ENDPOINT, value: {{ . | quote }} }
{{- end }}
{{- end }}
{{- end }}

{{- /* What only one service is told. Takes {root, service}. */ -}}
{{- define "urr.env.own" -}}
{{- $values := .root.Values }}
{{- if eq .service "gateway" }}
- { name: CORS_ALLOWED_ORIGINS, value: {{ join "," $values.config.corsAllowedOrigins | quote }} }
- { name: TRUSTED_PROXIES, value: {{ join "," $values.config.trustedProxies | quote }} }
- { name: RATE_LIMIT_ON_REDIS_FAILURE, value: {{ $values.config.rateLimitOnRedisFailure | quote }} }
{{- range $name, $limit := $values.config.rateLimits }}
- { name: RATE_LIMIT_{{ upper $name }}_RPM, value: {{ $limit | int64 | quote }} }
{{- end }}
{{- else if eq .service "auth" }}
- { name: COOKIE_SECURE, value: {{ $values.config.cookieSecure | quote }} }
- { name: GOOGLE_CLIENT_ID, value: {{ $values.config.googleClientId | quote }} }
{{- else if or (eq .service "queue") (eq .service "queue-admission") }}
- { name: COOKIE_SECURE, value: {{ $values.config.cookieSecure | quote }} }
{{- else if eq .service "stats" }}
- { name: STATS_TIME_ZONE, value: {{ $values.config.statsTimeZone | quote }} }
{{- else if eq .service "payment" }}
- { name: PAYMENT_PROVIDER, value: {{ $values.payment.provider | quote }} }
- { name: PAYMENT_DEMO_METHODS, value: {{ $values.payment.demoMethods | quote }} }
{{- with $values.payment.clientKey }}
- { name: TOSS_CLIENT_KEY, value: {{ . | quote }} }
{{- end }}
{{- if eq $values.payment.provider "simulator" }}
- { name: PAYMENT_PROVIDER_URL, value: {{ $values.payment.simulatorUrl | default "http://urr-toss-simulator:3010" | quote }} }
{{- with $values.payment.checkoutUrl }}
- { name: PAYMENT_CHECKOUT_URL, value: {{ . | quote }} }
{{- end }}
{{- end }}
{{- else if eq .service "toss-simulator" }}
- { name: TOSS_SIMULATOR_WEBHOOK_URL, value: "http://urr-payment:3003/api/payments/webhooks/toss" }
{{- range $name, $value := $values.tossSimulator.env }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end }}
{{- end }}

{{- /* Rights of every pod of ours: none. */ -}}
{{- define "urr.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "urr.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}
