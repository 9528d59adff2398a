{{- define "gateway.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "gateway.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "gateway.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "gateway.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "gateway.selector" -}}
app.kubernetes.io/name: {{ include "gateway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "gateway.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* The gateway drains for its longest operation and up to 5 s more: docs/reliability.md. */}}
{{- define "gateway.gracePeriod" -}}
{{- $timeoutMs := .Values.settings.OPERATION_TIMEOUT_MS | default .Values.config.OPERATION_TIMEOUT_MS | default 15000 | int -}}
{{- range .Values.config.projects }}{{ $timeoutMs = max $timeoutMs (.operationTimeoutMs | int) }}{{ end -}}
{{- .Values.terminationGracePeriodSeconds | default (add .Values.preStopSeconds (div (add $timeoutMs 999) 1000) 10) }}
{{- end }}

{{/* Without subPath: Kubernetes updates only whole volumes when a Secret or ConfigMap changes. */}}
{{- define "gateway.volumeMounts" -}}
{{- if .Values.config }}
- { name: config, mountPath: /etc/gateway/config, readOnly: true }
{{- end }}
{{- range $name, $file := .Values.files }}
- { name: {{ $name | lower | replace "_" "-" }}, mountPath: /etc/gateway/{{ $name }}, readOnly: true }
{{- end }}
{{- if .Values.secret.keys }}
- { name: secret, mountPath: /run/secrets/gateway, readOnly: true }
{{- end }}
{{- with .Values.volumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "gateway.volumes" -}}
{{- if .Values.config }}
- name: config
  configMap: { name: {{ include "gateway.fullname" . }}-config }
{{- end }}
{{- range $name, $file := .Values.files }}
- name: {{ $name | lower | replace "_" "-" }}
  {{- if $file.secret }}
  secret: { secretName: {{ $file.secret }}, defaultMode: 0440 }
  {{- else }}
  configMap: { name: {{ $file.configMap }} }
  {{- end }}
{{- end }}
{{- if .Values.secret.keys }}
- name: secret
  secret:
    secretName: {{ .Values.secret.name }}
    defaultMode: 0440
    items:
      {{- range $name, $key := .Values.secret.keys }}
      - { key: {{ $key | quote }}, path: {{ $name }} }
      {{- end }}
{{- end }}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What the schema of the values can not say: values that exclude or need each other. */}}
{{- define "gateway.check" -}}
{{- $secrets := list "DATATRICS_API_KEY" "ROUTER_SECRET" "ROUTER_HMAC_SECRET" "PII_KEY" "REDIS_URL" "OTEL_EXPORTER_OTLP_HEADERS" }}
{{- range $name := $secrets }}
{{- range $map := list "settings" "config" }}
{{- if hasKey (index $.Values $map) $name }}
{{- fail (printf "%s.%s: a secret; put it into a Secret, and name its key in secret.keys.%s" $map $name $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- $hasUrl := or .Values.settings.DATATRICS_URL .Values.config.DATATRICS_URL }}
{{- $hasConfig := or .Values.config.projects .Values.files.GATEWAY_CONFIG }}
{{- if eq .Values.mode "sandbox" }}
{{- if $hasUrl }}
{{- fail "mode: got \"sandbox\" with DATATRICS_URL; needs passthrough or managed" }}
{{- end }}
{{- if .Values.autoscaling.enabled }}
{{- fail "autoscaling.enabled: got true with mode \"sandbox\"; needs false, because each pod has its own sandbox" }}
{{- end }}
{{- else if not (or $hasUrl .Values.files.GATEWAY_CONFIG) }}
{{- fail (printf "settings.DATATRICS_URL: not set; mode %q needs the base URL of the API" .Values.mode) }}
{{- end }}
{{- if eq .Values.mode "managed" }}
{{- if not (or .Values.secret.keys.DATATRICS_API_KEY $hasConfig) }}
{{- fail "secret.keys.DATATRICS_API_KEY: not set; mode \"managed\" needs it, or projects in config or files.GATEWAY_CONFIG" }}
{{- end }}
{{- end }}
{{- if and .Values.secret.keys (not .Values.secret.name) }}
{{- fail "secret.name: not set; secret.keys needs the name of a Secret" }}
{{- end }}
{{- if and .Values.config .Values.files.GATEWAY_CONFIG }}
{{- fail "files.GATEWAY_CONFIG: got a file with config; needs one of the two" }}
{{- end }}
{{- if and .Values.networkPolicy.enabled .Values.secret.keys.REDIS_URL (not .Values.networkPolicy.redis.to) }}
{{- fail "networkPolicy.redis.to: not set; secret.keys.REDIS_URL needs a peer such as an ipBlock, or networkPolicy.enabled: false" }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}
{{- fail "ingress.hosts: empty; ingress.enabled needs at least one host" }}
{{- end }}
{{- end }}
