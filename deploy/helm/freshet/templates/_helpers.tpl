{{- /* What selects the pods of a role; never changed, as a selector can't be. */ -}}
{{- define "freshet.selector" -}}
app.kubernetes.io/name: freshet
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{- define "freshet.labels" -}}
{{ include "freshet.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
{{- end }}

{{- /* The configuration of all processes. */ -}}
{{- define "freshet.config" -}}
{{- $kafka := dict "brokers" .Values.kafka.brokers "topic_prefix" .Values.kafka.topicPrefix }}
{{- with .Values.kafka.properties }}{{ $_ := set $kafka "properties" . }}{{ end }}
{{- $config := dict
      "revision" .Values.revision
      "ingest" (dict "listen" "0.0.0.0:8080")
      "admin" (dict "listen" "0.0.0.0:8081" "token" "${FRESHET_ADMIN_TOKEN}")
      "log" (dict "kind" "kafka" "partitions" .Values.kafka.partitions "kafka" $kafka)
      "profiles" (dict "mongodb" (dict "uri" .Values.mongodb.uri))
      "checkpoints" .Values.checkpoints
      "state" .Values.state
      "tenants" .Values.tenants }}
{{- with .Values.canary }}{{ $_ := set $config "canary" . }}{{ end }}
{{- toYaml (mergeOverwrite (deepCopy $config) .Values.extraConfig) }}
{{- end }}

{{- /* The pod of a role: {root, role, values (the role's), data (the volume)}. */ -}}
{{- define "freshet.pod" -}}
{{- $scheme := "" }}
{{- if hasKey (.root.Values.extraConfig.admin | default dict) "tls" }}{{ $scheme = "scheme: HTTPS, " }}{{ end -}}
metadata:
  labels: {{- include "freshet.labels" . | nindent 4 }}
  annotations:
    # A changed configuration is a rolling restart.
    checksum/config: {{ include "freshet.config" .root | sha256sum }}
    {{- with .root.Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .root.Values.serviceAccount.name }}
  serviceAccountName: {{ . }}
  {{- end }}
  automountServiceAccountToken: false
  enableServiceLinks: false  # their variables begin with FRESHET_, too
  # SIGTERM: what is under way is answered and the state made durable, in seconds.
  terminationGracePeriodSeconds: 60
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "freshet.selector" . | nindent 10 }}
  {{- with .root.Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .root.Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: freshet
      image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}"
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args: [run, --config, /etc/freshet/freshet.yaml, --roles, {{ .role }}, --data-dir, /var/lib/freshet, --log-json]
      envFrom: [{secretRef: {name: {{ .root.Values.existingSecret }}}}]
      ports:
        {{- if eq .role "ingest" }}
        - {name: ingest, containerPort: 8080}
        {{- end }}
        - {name: admin, containerPort: 8081}
      # Nothing listens until Kafka and the profile store have answered: five minutes, then it is started anew.
      startupProbe: {httpGet: { {{- $scheme }}path: /healthz, port: admin}, periodSeconds: 2, failureThreshold: 150}
      readinessProbe: {httpGet: { {{- $scheme }}path: /readyz, port: admin}, periodSeconds: 2}
      livenessProbe: {httpGet: { {{- $scheme }}path: /healthz, port: admin}, periodSeconds: 10, timeoutSeconds: 10, failureThreshold: 6}
      {{- if has .role (list "ingest" "console") }}
      # Requests still come in until every node knows that the pod goes.
      lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}
      {{- end }}
      resources: {{- toYaml .values.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: data, mountPath: /var/lib/freshet}
        - {name: config, mountPath: /etc/freshet, readOnly: true}
  volumes:
    {{- with .data }}{{ toYaml . | nindent 4 }}{{ end }}
    - {name: config, configMap: {name: {{ .root.Release.Name }}-config}}
{{- end }}
