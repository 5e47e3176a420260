{{- define "urr.folder.images" }}/var/lib/urr/images{{ end }}
{{- define "urr.folder.mail" }}/var/lib/urr/mail{{ end }}
{{- define "urr.folder.mail-authorities" }}/etc/urr/mail{{ end }}

{{- /*
Folders of one service that are no part of its image, which is read-only: by name, where they are
and what they are made of. Takes {root, service}.
*/ -}}
{{- define "urr.folders" -}}
{{- $images := .root.Values.images }}
{{- $mail := .root.Values.mail }}
{{- if and (eq .service "ticket") (eq $images.provider "Volume") }}
images:
  path: {{ include "urr.folder.images" . }}
  readOnly: false
  {{- if $images.storage }}
  source: { persistentVolumeClaim: { claimName: urr-images } }
  {{- else }}
  source: { emptyDir: {} }
  {{- end }}
{{- else if and (eq .service "community") (eq $mail.transport "file") }}
mail:
  path: {{ include "urr.folder.mail" . }}
  readOnly: false
  source: { emptyDir: { sizeLimit: 256Mi } }
{{- else if and (eq .service "community") $mail.smtp.caConfigMap }}
mail-authorities:
  path: {{ include "urr.folder.mail-authorities" . }}
  readOnly: true
  source: { configMap: { name: {{ $mail.smtp.caConfigMap | quote }} } }
{{- end }}
{{- end }}
