{{- /*
The services, as the wire contract has them: port, own database, stores, callees, secrets.
Everything else about a service follows from this table: variables, policies, probes.

calls     services whose /internal or public endpoints it uses
external  reaches addresses outside the cluster
*/ -}}
{{- define "urr.services" -}}
{{- $bucket := eq .Values.images.provider "Bucket" }}
{{- $messages := .Values.admissionMessages.enabled }}
{{- $spotify := ne .Values.spotify.clientId "" }}
{{- $smtp := eq .Values.mail.transport "smtp" }}
{{- $aws := list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" }}
gateway:
  port: 3001
  redis: true
  calls: [auth, ticket, payment, stats, queue, community]
  secrets: [GATEWAY_TOKEN, JWT_SECRET, QUEUE_ENTRY_TOKEN_SECRET, CLOUDFRONT_SECRET]
auth:
  port: 3005
  database: auth
  external: {{ ne .Values.config.googleClientId "" }}
  calls: [ticket, payment, community, queue]
  secrets: [GATEWAY_TOKEN, INTERNAL_API_TOKEN, JWT_SECRET]
queue:
  port: 3007
  database: queue
  redis: true
  external: {{ $messages }}
  calls: [ticket]
  secrets: [GATEWAY_TOKEN, INTERNAL_API_TOKEN, QUEUE_ENTRY_TOKEN_SECRET{{ if $messages }}, {{ join ", " $aws }}{{ end }}]
queue-admission:
  port: 3011
  database: queue
  redis: true
  bus: true
  calls: [ticket]
  secrets: [INTERNAL_API_TOKEN, QUEUE_ENTRY_TOKEN_SECRET]
ticket:
  port: 3002
  database: ticket
  redis: true
  bus: true
  external: {{ or $bucket $spotify }}
  calls: [auth, payment]
  secrets: [GATEWAY_TOKEN, INTERNAL_API_TOKEN, TICKET_SIGNING_KEY{{ if $bucket }}, {{ join ", " $aws }}{{ end }}{{ if $spotify }}, SPOTIFY_CLIENT_SECRET{{ end }}]
payment:
  port: 3003
  database: payment
  bus: true
  external: {{ or (eq .Values.payment.provider "toss") (ne .Values.payment.simulatorUrl "") }}
  calls: [ticket]
  secrets: [GATEWAY_TOKEN, INTERNAL_API_TOKEN, TOSS_SECRET_KEY]
stats:
  port: 3004
  database: stats
  bus: true
  calls: [auth, ticket]
  secrets: [GATEWAY_TOKEN, INTERNAL_API_TOKEN]
community:
  port: 3008
  database: community
  bus: true
  external: true
  calls: [auth, ticket]
  secrets: [GATEWAY_TOKEN, INTERNAL_API_TOKEN{{ if $smtp }}, SMTP_PASSWORD{{ end }}]
{{- if .Values.tossSimulator.enabled }}
toss-simulator:
  port: 3010
  calls: [payment]
  secrets: [TOSS_SECRET_KEY]
{{- end }}
{{- end }}

{{- /* Databases, in the order in which jobs name them. */ -}}
{{- define "urr.databases" -}}
[auth, ticket, payment, stats, community, queue]
{{- end }}

{{- /* Which key of which Secret a variable comes from. */ -}}
{{- define "urr.secretKeys" -}}
INTERNAL_API_TOKEN: { secret: urr-internal, key: token }
GATEWAY_TOKEN: { secret: urr-secrets, key: gateway-token }
JWT_SECRET: { secret: urr-secrets, key: jwt-secret }
QUEUE_ENTRY_TOKEN_SECRET: { secret: urr-secrets, key: queue-entry-token-secret }
CLOUDFRONT_SECRET: { secret: urr-secrets, key: cloudfront-secret, optional: true }
TICKET_SIGNING_KEY: { secret: urr-secrets, key: ticket-signing-key }
TOSS_SECRET_KEY: { secret: urr-secrets, key: toss-secret-key }
AWS_ACCESS_KEY_ID: { secret: urr-secrets, key: aws-access-key-id, optional: true }
AWS_SECRET_ACCESS_KEY: { secret: urr-secrets, key: aws-secret-access-key, optional: true }
SMTP_PASSWORD: { secret: urr-secrets, key: smtp-password, optional: true }
SPOTIFY_CLIENT_SECRET: { secret: urr-secrets, key: spotify-client-secret, optional: true }
ADMIN_PASSWORD: { secret: urr-admin, key: password }
DEMO_FAN_PASSWORD: { secret: urr-admin, key: demo-fan-password }
{{- end }}
