{{- /* Stores of which the chart does not know where their pods are: [names]. */ -}}
{{- define "urr.networks.outside" -}}
{{- $outside := list }}
{{- if eq .Values.postgres.provider "External" }}{{ $outside = append $outside "Postgres" }}{{ end }}
{{- if or .Values.redis.host .Values.redis.clusterNodes }}{{ $outside = append $outside "Redis" }}{{ end }}
{{- if and .Values.kafka.bootstrapServers (ne .Values.kafka.provider "Strimzi") }}{{ $outside = append $outside "Kafka" }}{{ end }}
{{- toJson $outside }}
{{- end }}

{{- /* An address of an IPv4 block and how many it has, as numbers: {address, size}. Takes its text. */ -}}
{{- define "urr.networks.block" -}}
{{- $parts := splitList "/" . }}
{{- $address := 0 }}
{{- range splitList "." (first $parts) }}{{ $address = add (mul $address 256) (int64 .) }}{{ end }}
{{- $size := 1 }}
{{- range until (sub 32 (last $parts | int) | int) }}{{ $size = mul $size 2 }}{{ end }}
{{- dict "address" $address "size" $size | toJson }}
{{- end }}

{{- /*
The blocks of networkPolicy.externalExcept that are in networkPolicy.externalCIDR: an API server refuses others.
One that has all of it would leave nothing.
*/ -}}
{{- define "urr.networks.except" -}}
{{- $policy := .Values.networkPolicy }}
{{- $isV6 := contains ":" $policy.externalCIDR }}
{{- $except := list }}
{{- range $policy.externalExcept }}
{{- if ne (contains ":" .) $isV6 }}
{{- else if $isV6 }}
{{- $except = append $except . }}
{{- else }}
{{- $all := include "urr.networks.block" $policy.externalCIDR | fromJson }}
{{- $block := include "urr.networks.block" . | fromJson }}
{{- /* Of two blocks one is in the other, or they have nothing in common. */ -}}
{{- $wider := max $all.size $block.size }}
{{- if eq (div $all.address $wider) (div $block.address $wider) }}
{{- if eq $wider (int64 $block.size) }}
{{- fail (printf "networkPolicy.externalExcept %s leaves nothing of networkPolicy.externalCIDR %s: set networkPolicy.externalExcept to what is to be left out of it, or to []" . $policy.externalCIDR) }}
{{- end }}
{{- $except = append $except . }}
{{- end }}
{{- end }}
{{- end }}
{{- toJson $except }}
{{- end }}
