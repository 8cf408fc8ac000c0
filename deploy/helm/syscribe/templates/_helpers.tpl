{{- define "syscribe.image" -}}
{{- with .Values.image.digest -}}
{{ $.Values.image.repository }}@{{ . }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- if ne .Release.Namespace "security-profiles-operator" -}}
{{- fail "there is one syscribe a cluster, under SPO's names: helm install --namespace security-profiles-operator --create-namespace" -}}
{{- end -}}
{{- end -}}
