{{- /* Labels of an object. Takes {root, component}. */ -}}
{{- define "urr.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{ include "urr.podLabels" . }}
{{- end }}

{{- /*
Labels of pods. Nothing of the chart's version is among them: it alone must start no pod anew.
Takes {root, component}.
*/ -}}
{{- define "urr.podLabels" -}}
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

{{- /* Rules of the waiting room, the same in both of its processes. */ -}}
{{- define "urr.env.waitingRoom" -}}
- { name: COOKIE_SECURE, value: {{ .Values.config.cookieSecure | quote }} }
{{- with .Values.waitingRoom }}
- { name: QUEUE_THRESHOLD, value: {{ .maxActive | int64 | quote }} }
- { name: QUEUE_ADMISSION_INTERVAL_MS, value: "1000" }
- { name: QUEUE_ADMISSION_BATCH_SIZE, value: {{ .admitPerSecond | int64 | quote }} }
- { name: QUEUE_LOBBY_SECONDS, value: {{ .lobbySeconds | int64 | quote }} }
- { name: QUEUE_ACTIVE_TTL_SECONDS, value: {{ .activeSeconds | int64 | quote }} }
- { name: QUEUE_MAX_STAY_SECONDS, value: {{ .maxStaySeconds | int64 | quote }} }
- { name: QUEUE_SEEN_TTL_SECONDS, value: {{ .absentSeconds | int64 | quote }} }
- { name: QUEUE_CLAIM_SECONDS, value: {{ .claimSeconds | int64 | quote }} }
- { name: QUEUE_ENTRY_TOKEN_TTL_SECONDS, value: {{ .entryTokenSeconds | int64 | quote }} }
- { name: QUEUE_VISITORS, value: {{ .visitors | quote }} }
{{- end }}
{{- end }}

{{- /* Where pictures are kept, and where everybody finds them. */ -}}
{{- define "urr.env.images" -}}
{{- $images := .Values.images }}
{{- if eq $images.provider "Bucket" }}
- { name: AWS_S3_BUCKET, value: {{ $images.bucket | quote }} }
- { name: AWS_S3_ENDPOINT, value: {{ $images.endpoint | quote }} }
- { name: AWS_S3_PATH_STYLE, value: {{ $images.pathStyle | quote }} }
- { name: AWS_REGION, value: {{ .Values.aws.region | quote }} }
{{- else }}
- { name: IMAGE_DIRECTORY, value: {{ include "urr.folder.images" . }} }
{{- end }}
{{- if $images.publicUrl }}
- { name: IMAGE_PUBLIC_URL, value: {{ $images.publicUrl | quote }} }
{{- else if and (eq $images.provider "Volume") .Values.ingress.enabled }}
- { name: IMAGE_PUBLIC_URL, value: {{ include "urr.ingress.url" . }}/api/images }
{{- end }}
{{- end }}

{{- /* How mails go out, and where their links lead. */ -}}
{{- define "urr.env.mail" -}}
{{- $mail := .Values.mail }}
- { name: MAIL_TRANSPORT, value: {{ $mail.transport | quote }} }
- { name: MAIL_FROM, value: {{ $mail.from | quote }} }
{{- if eq $mail.transport "file" }}
- { name: MAIL_DIRECTORY, value: {{ include "urr.folder.mail" . }} }
{{- else }}
- { name: SMTP_HOST, value: {{ $mail.smtp.host | quote }} }
- { name: SMTP_SECURITY, value: {{ $mail.smtp.security | quote }} }
{{- with $mail.smtp.port | int }}
- { name: SMTP_PORT, value: {{ . | quote }} }
{{- end }}
{{- with $mail.smtp.username }}
- { name: SMTP_USERNAME, value: {{ . | quote }} }
{{- end }}
{{- if $mail.smtp.caConfigMap }}
- { name: SMTP_CA_FILE, value: {{ include "urr.folder.mail-authorities" . }}/ca.crt }
{{- end }}
{{- end }}
{{- with .Values.config.publicUrl | default (include "urr.ingress.url" .) }}
- { name: PUBLIC_URL, value: {{ . | quote }} }
{{- end }}
{{- end }}

{{- /* Where people reach the gateway, if the ingress says it. */ -}}
{{- define "urr.ingress.url" -}}
{{- $tls := or .Values.ingress.tlsSecret .Values.config.cookieSecure }}
{{- if .Values.ingress.enabled }}{{ ternary "https" "http" (not (not $tls)) }}://{{ .Values.ingress.host }}{{ end }}
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
{{- $keep := $values.retention }}
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
- { name: RETENTION_ERASURES_DAYS, value: {{ $keep.erasures | quote }} }
{{- else if eq .service "queue" }}
{{ include "urr.env.waitingRoom" .root }}
{{- with $values.admissionMessages }}
{{- if .enabled }}
- { name: SQS_ENABLED, value: "true" }
- { name: SQS_QUEUE_URL, value: {{ .queueUrl | quote }} }
- { name: AWS_REGION, value: {{ $values.aws.region | quote }} }
{{- end }}
{{- end }}
{{- else if eq .service "queue-admission" }}
{{ include "urr.env.waitingRoom" .root }}
- { name: RETENTION_DEAD_LETTERS_DAYS, value: {{ $keep.deadLetters | quote }} }
{{- else if eq .service "ticket" }}
{{ include "urr.env.images" .root | trim }}
- { name: SEAT_HOLD_SECONDS, value: {{ $values.config.seatHoldSeconds | int64 | quote }} }
- { name: PAYMENT_SECONDS, value: {{ $values.config.paymentSeconds | int64 | quote }} }
- { name: VENUE_TIME_ZONE, value: {{ $values.config.venueTimeZone | quote }} }
{{- with $values.config.formerTicketKeys }}
- { name: TICKET_FORMER_PUBLIC_KEYS, value: {{ join "," . | quote }} }
{{- end }}
{{- with $values.spotify.clientId }}
- { name: SPOTIFY_CLIENT_ID, value: {{ . | quote }} }
{{- end }}
- { name: RETENTION_STORED_ANSWERS_DAYS, value: {{ $keep.storedAnswers | quote }} }
- { name: RETENTION_AUDIT_ADDRESSES_DAYS, value: {{ $keep.auditAddresses | quote }} }
- { name: RETENTION_AUDIT_DAYS, value: {{ $keep.audit | quote }} }
- { name: RETENTION_SCANS_DAYS, value: {{ $keep.scans | quote }} }
- { name: RETENTION_DEAD_LETTERS_DAYS, value: {{ $keep.deadLetters | quote }} }
{{- else if eq .service "stats" }}
- { name: STATS_TIME_ZONE, value: {{ $values.config.statsTimeZone | quote }} }
- { name: RETENTION_DEAD_LETTERS_DAYS, value: {{ $keep.deadLetters | quote }} }
{{- else if eq .service "community" }}
{{ include "urr.env.mail" .root | trim }}
- { name: WEBHOOK_ALLOW_PRIVATE, value: {{ $values.webhooks.allowPrivate | quote }} }
- { name: RETENTION_NOTICES_DAYS, value: {{ $keep.notices | quote }} }
- { name: RETENTION_DEAD_LETTERS_DAYS, value: {{ $keep.deadLetters | quote }} }
{{- else if eq .service "payment" }}
- { name: RETENTION_DEAD_LETTERS_DAYS, value: {{ $keep.deadLetters | quote }} }
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

{{- /*
Everything that one service is told. Its own env and extraEnv stand over what the chart says: a
variable is in the list once. Takes {root, service, facts, settings}.
*/ -}}
{{- define "urr.env" -}}
{{- $own := keys .settings.env }}
{{- range .settings.extraEnv }}{{ $own = append $own .name }}{{ end }}
{{- range include "urr.env.ofChart" . | fromYamlArray }}
{{- if not (has .name $own) }}
{{ list . | toYaml }}
{{- end }}
{{- end }}
{{- range $name, $value := .settings.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- with .settings.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "urr.env.ofChart" -}}
- { name: PORT, value: {{ .facts.port | quote }} }
- { name: MANAGEMENT_PORT, value: "9000" }
{{ include "urr.env.telemetry" .root | trim }}
{{ include "urr.env.secrets" .facts.secrets | trim }}
{{- with .facts.database }}
{{ include "urr.env.database" (dict "root" $.root "database" . "pool" $.settings.databasePool) | trim }}
{{- end }}
{{- if .facts.redis }}
{{ include "urr.env.redis" .root | trim }}
{{- end }}
{{- if .facts.bus }}
{{ include "urr.env.bus" .root | trim }}
{{- end }}
{{- $services := include "urr.services" .root | fromYaml }}
{{- /* The simulator knows payment by its webhook only. */ -}}
{{- range $callee := eq .service "toss-simulator" | ternary (list) .facts.calls }}
- { name: {{ upper $callee }}_SERVICE_URL, value: "http://urr-{{ $callee }}:{{ get (get $services $callee) "port" }}" }
{{- end }}
{{ include "urr.env.own" . | trim }}
{{- end }}

{{- /* Which nodes a pod may be on, and what gives way to it. Takes the settings of a service, or defaults. */ -}}
{{- define "urr.scheduling" -}}
{{- with .priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
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
