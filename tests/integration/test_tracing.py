"""Traces: what a collector is shown of a request on its way through ingest, action and reaction, and that a collector that is away
harms nobody. OpenTelemetry's own package decodes what arrives."""
import gzip
import http.server
import ssl
import subprocess
import sys
import threading

import packages
from harness import TENANT, bearer, check, check_equal, free_ports, lines, profile, send_records, wait_until
from patience import patient
from test_strangers import certificate

TRACE = bytes.fromhex("0af7651916cd43dd8448eb211c80319c")
CLIENT_SPAN = bytes.fromhex("b7ad6b7169203331")
SERVER, CLIENT, CONSUMER = 2, 3, 5  # SpanKind
SECRET = "hunter2-of-otlp"
MANY = 1000
REQUESTS = 6


class Collector:
    """A small OTLP/HTTP receiver that can go away and come back on its port."""

    def __init__(self, port, certificate=None):
        sys.path.insert(0, str(packages.opentelemetry_proto()))
        from opentelemetry.proto.collector.logs.v1 import logs_service_pb2  # pylint: disable=import-outside-toplevel,import-error
        from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2  # pylint: disable=import-outside-toplevel,import-error
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2  # pylint: disable=import-outside-toplevel,import-error
        self.kinds = {"/v1/traces": (trace_service_pb2.ExportTraceServiceRequest, trace_service_pb2.ExportTraceServiceResponse),
                      "/v1/metrics": (metrics_service_pb2.ExportMetricsServiceRequest, metrics_service_pb2.ExportMetricsServiceResponse),
                      "/v1/logs": (logs_service_pb2.ExportLogsServiceRequest, logs_service_pb2.ExportLogsServiceResponse)}
        self.port = port
        self.lock = threading.Lock()
        self.requests = []
        self.certificate = certificate  # (cert, key): it speaks https
        self.keys = set()  # header x-key of each request
        self.server = None

    @classmethod
    def of(cls, box, certificate=None):
        """One that is up until the test ends."""
        collector = cls(free_ports(1)[0], certificate)
        collector.up()
        box.at_end(collector.down)
        return collector

    def up(self):
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                kind, answer = collector.kinds[self.path]
                request = kind.FromString(body)
                with collector.lock:
                    collector.requests.append((self.path, self.headers["Content-Type"], request))
                    collector.keys.add((self.path, self.headers["X-Key"]))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.end_headers()
                self.wfile.write(answer().SerializeToString())

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def down(self):
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def spans(self):
        with self.lock:
            return [span for path, _, request in self.requests if path == "/v1/traces" for resource in request.resource_spans
                    for scope in resource.scope_spans for span in scope.spans]

    def metrics(self):
        """{name: metric}, as they were told last."""
        with self.lock:
            told = [request for path, _, request in self.requests if path == "/v1/metrics"]
        return {metric.name: metric for resource in told[-1].resource_metrics for scope in resource.scope_metrics
                for metric in scope.metrics} if told else {}

    def lines(self):
        with self.lock:
            return [record for path, _, request in self.requests if path == "/v1/logs" for resource in request.resource_logs
                    for scope in resource.scope_logs for record in scope.log_records]

    def of_trace(self, trace_id):
        return [span for span in self.spans() if span.trace_id == trace_id]


def attributes(owner):
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in owner.attributes}


def send_traced(ingest, records, trace_id=TRACE, flags="01"):
    headers = {**bearer(), "traceparent": f"00-{trace_id.hex()}-{CLIENT_SPAN.hex()}-{flags}"}
    answer = ingest.request("POST", "/v1/records", lines(records), headers)
    check_equal((answer.status, answer.json()["accepted"]), (200, len(records)), "a traced request")


def check_trace(collector):
    """One request with a record of a user and a device: who shows what of it, and whose child it is."""
    of_trace = collector.of_trace(TRACE)
    ingest = [span for span in of_trace if span.kind == SERVER]
    check_equal([span.name for span in ingest], ["POST /v1/records"], "spans of ingest")
    check_equal(ingest[0].parent_span_id, CLIENT_SPAN, "parent of ingest's span")
    shown = attributes(ingest[0])
    check_equal((shown["freshet.tenant"], shown["freshet.items.accepted"], shown["http.response.status_code"]), (TENANT, 1, 200),
                "attributes of ingest's span")
    check_equal([shown[name] for name in ("http.request.method", "http.route", "url.path", "url.scheme")], ["POST", "/v1/records", "/v1/records", "http"],
                "the request, by the conventions")
    for name, kind in (("process", CONSUMER), ("write", CLIENT)):
        spans = [span for span in of_trace if span.name == name]
        check(spans, f"no span \"{name}\"")
        for span in spans:
            check_equal((span.kind, span.parent_span_id), (kind, ingest[0].span_id), f"kind and parent of \"{name}\"")
            check_equal(attributes(span)["freshet.tenant"], TENANT, f"tenant of \"{name}\"")
            check(ingest[0].start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano, f"times of \"{name}\"")
            check_equal(span.status.code, 0, f"status of \"{name}\"")
    process = [attributes(span) for span in of_trace if span.name == "process"]
    check(all(one["freshet.outcome"] == "processed" for one in process), lambda: f"outcomes: {process}")
    check(all((one["messaging.system"], one["messaging.destination.name"], one["messaging.operation.name"]) == ("freshet", "actions", "process")
              and one["messaging.destination.partition.id"].isdigit() for one in process), lambda: f"where records were processed: {process}")
    writes = [attributes(span) for span in of_trace if span.name == "write"]
    check_equal({(one["db.system.name"], one["db.namespace"], one["db.collection.name"]) for one in writes},
                {("freshet", f"freshet_{TENANT}", "users"), ("freshet", f"freshet_{TENANT}", "devices")}, "where profiles were written")
    check_equal(len({span.span_id for span in of_trace}), len(of_trace), "span ids, each its own")
    path, content_type, request = collector.requests[0]
    check_equal((path, content_type), ("/v1/traces", "application/x-protobuf"), "how spans are sent")
    resource = attributes(request.resource_spans[0].resource)
    check_equal((resource["service.name"], resource["freshet.roles"]), ("freshet", "ingest,action,reaction,console"), "resource")
    check(resource["service.instance.id"] and resource["service.version"], lambda: f"resource: {resource}")


def collector_goes_away(server, collector, ingest):
    """More spans than may wait: they are dropped and counted, nothing else happens, and then it goes on."""
    collector.down()
    for request in range(REQUESTS):
        send_traced(ingest, [{"user": {"user_id": f"m{request}-{n}"}, "event": "E", "message_id": f"m{request}-{n}"} for n in range(MANY)])
    server.wait_drained()
    check(profile(server.admin(), "user_id", f"m{REQUESTS - 1}-{MANY - 1}"), "the pipeline stopped with the collector")
    dropped = wait_until(lambda: server.metric_sum(r'^freshet_trace_dropped_total\{reason="queue_full"\}'), patient(10), "dropped spans are counted")
    collector.up()

    def all_told():
        metrics = server.metrics()
        made = metrics["freshet_trace_spans_total"]
        lost = sum(value for series, value in metrics.items() if series.startswith("freshet_trace_dropped_total"))
        return made - lost == len(collector.spans()) and (made, lost)

    made, lost = wait_until(all_told, patient(15), lambda: f"every span is told or counted: {len(collector.spans())} told")
    check_equal(lost, dropped, "spans dropped, all of them for want of room")
    check(made > 2 * MANY * REQUESTS, lambda: f"{made} spans of {MANY * REQUESTS} records")


def test_a_trace_through_all_roles(box):
    collector = Collector.of(box)
    server = box.server(top=f"profiles: {{kind: embedded}}\ntracing: {{otlp: \"http://127.0.0.1:{collector.port}\", sample: 0, slow: 0s}}\n")
    ingest = server.ingest()
    send_records(ingest, [{"user": {"user_id": "u0"}, "event": "E", "message_id": "m0"}])
    send_traced(ingest, [{"user": {"user_id": "u1"}, "event": "E", "message_id": "m1"}], trace_id=TRACE[::-1], flags="00")
    send_traced(ingest, [{"user": {"user_id": "u2"}, "device": {"device_id": "d2"}, "event": "E", "message_id": "m2"}])
    wait_until(lambda: {"POST /v1/records", "process", "write"} <= {span.name for span in collector.of_trace(TRACE)}, patient(10),
               lambda: f"spans of all three: {[span.name for span in collector.of_trace(TRACE)]}")
    server.wait_drained()
    check_trace(collector)
    wait_until(lambda: server.metrics()["freshet_trace_spans_total"] == len(collector.spans()), patient(5), "all spans are sent")
    check_equal({span.trace_id for span in collector.spans()}, {TRACE}, "traces: nobody else asked for one, and the sampler takes none")
    collector_goes_away(server, collector, ingest)

    last = bytes(reversed(CLIENT_SPAN)) * 2
    send_traced(ingest, [{"user": {"user_id": "u2"}, "event": "E", "message_id": "last"}], trace_id=last)
    server.wait_drained()
    server.stop()
    check_equal({span.name for span in collector.of_trace(last)}, {"POST /v1/records", "process", "write"}, "spans that a stop sends")
    log = server.log_path.read_text(encoding="utf-8")
    for text in ("traces can't be sent to", "traces can be sent to"):
        check_equal(log.count(text), 1, f"log lines \"{text}\"")


def counted(collector, name):
    metric = collector.metrics().get(name)
    return sum(point.as_double for point in metric.sum.data_points) if metric else 0


def check_kinds(metrics):
    """Each as OpenTelemetry has it: its type, its unit, cumulative, buckets that add up."""
    lag, freshness, records = metrics["freshet_action_lag_records"], metrics["freshet_freshness_seconds"], metrics["freshet_action_records"]
    check_equal((records.WhichOneof("data"), records.unit, records.sum.is_monotonic, records.sum.aggregation_temporality), ("sum", "{records}", True, 2),
                "a counter")
    check_equal((lag.WhichOneof("data"), freshness.WhichOneof("data"), freshness.unit), ("gauge", "histogram", "s"), "a gauge and a histogram")
    requests, consumed = metrics["http.server.request.duration"], metrics["messaging.client.consumed.messages"]
    check_equal((requests.unit, attributes(requests.histogram.data_points[0])),
                ("s", {"http.route": "/v1/records", "http.request.method": "POST", "http.response.status_code": 200, "url.scheme": "http"}), "requests by the semantic conventions")
    check_equal((consumed.unit, attributes(consumed.sum.data_points[0])["messaging.destination.name"]), ("{message}", "actions"), "messages by the semantic conventions")
    for point in freshness.histogram.data_points:
        check_equal(attributes(point), {"tenant": TENANT}, "whose freshness")
        check_equal((sum(point.bucket_counts), len(point.bucket_counts)), (point.count, len(point.explicit_bounds) + 1), "buckets")
        check(0 < point.start_time_unix_nano < point.time_unix_nano, "times of a point")


def test_metrics_and_log_reach_a_collector(box):
    """While it is away nothing fails; what is counted meanwhile is in the next metrics, and lines wait."""
    collector = Collector.of(box)
    server = box.server(top=f"telemetry: {{otlp: \"http://127.0.0.1:{collector.port}\", interval: 1s}}\n")
    ingest = server.ingest()
    send_records(ingest, [{"user": {"user_id": f"u{n}"}, "event": "E", "message_id": f"m{n}"} for n in range(10)])
    wait_until(lambda: counted(collector, "freshet_ingest_items") == 10 and "freshet_freshness_seconds" in collector.metrics(), patient(15), "ten items are told")
    check_kinds(collector.metrics())
    wait_until(lambda: any("admin and console on" in line.body.string_value for line in collector.lines()), patient(10), "the log's lines")
    check_equal({(line.severity_number, line.severity_text) for line in collector.lines() if "admin and console" in line.body.string_value},
                {(9, "INFO")}, "severity of a line")
    collector.down()
    admin = server.admin()
    send_records(ingest, [{"user": {"user_id": "u1"}, "event": "E", "message_id": "away"}])
    for level, wanted in (("debug", 200), ("info", 200), ("loud", 400), ("off", 400)):
        check_equal(admin.request("PUT", "/v1/logging", f'{{"level":"{level}"}}').status, wanted, f"PUT /v1/logging {level}")
    check_equal(server.get("/v1/logging").json(), {"level": "info"}, "GET /v1/logging")
    wait_until(lambda: "can't be sent to" in server.log_path.read_text(encoding="utf-8"), patient(10), "the log says that the collector is away")
    collector.up()
    wait_until(lambda: counted(collector, "freshet_ingest_items") == 11, patient(15), "the eleventh item is told")
    wait_until(lambda: any("level is debug from now on" in line.body.string_value for line in collector.lines()), patient(15), "a line that waited")
    server.stop()
    check(any("stopping" in line.body.string_value for line in collector.lines()), "the last lines")


def test_https_and_a_key(box):
    """A collector whose authority nobody has but we, and that wants a key: all three signals come with it, and the key is in no line."""
    cert, key = certificate(box.directory)
    collector = Collector.of(box, (cert, key))
    (box.directory / "otlp-key").write_text(f"{SECRET}\n", encoding="utf-8")
    to = f"otlp: \"https://127.0.0.1:{collector.port}\", ca: {cert}, headers: {{x-key: \"file:{box.directory / 'otlp-key'}\"}}"
    server = box.server(top=f"logging: {{level: debug}}\ntracing: {{{to}, sample: 1}}\ntelemetry: {{{to}, interval: 1s}}\n")
    send_records(server.ingest(), [{"user": {"user_id": "u1"}, "event": "E", "message_id": "m1"}])
    wanted = {(f"/v1/{signal}", SECRET) for signal in ("traces", "metrics", "logs")}
    wait_until(lambda: collector.keys == wanted, patient(20), lambda: f"signals with the key: {collector.keys}")
    server.stop()
    check(SECRET not in server.log_path.read_text(encoding="utf-8"), "the key is in the log")


RECEIVER = """receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters: {{debug: {{verbosity: detailed, sampling_initial: 1000000}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [debug]}}
    metrics: {{receivers: [otlp], exporters: [debug]}}
    logs: {{receivers: [otlp], exporters: [debug]}}
"""


def test_a_collector_of_others(box):
    """OpenTelemetry's own collector takes all three signals, and understands them as they are meant."""
    program, port = packages.otel_collector(), free_ports(1)[0]
    config, said = box.directory / "collector.yaml", box.directory / "collector.log"
    config.write_text(RECEIVER.format(port=port), encoding="utf-8")
    with open(said, "wb") as out:
        collector = subprocess.Popen([str(program), f"--config=file:{config}"], stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    box.at_end(collector.kill)
    wait_until(lambda: "Everything is ready" in said.read_text(encoding="utf-8"), patient(30), lambda: f"the collector: {said.read_text()[-600:]}")
    to = f"otlp: \"http://127.0.0.1:{port}\""
    server = box.server(top=f"profiles: {{kind: embedded}}\ntracing: {{{to}, sample: 1}}\ntelemetry: {{{to}, interval: 1s}}\n")
    send_records(server.ingest(), [{"user": {"user_id": "u1"}, "event": "E", "message_id": "m1"}])
    wanted = ["Name           : POST /v1/records", "Name           : process", "Name           : write", "messaging.destination.name: Str(actions)",
              "db.collection.name: Str(users)", "service.name: Str(freshet)", "-> Name: freshet_freshness_seconds", "-> Name: http.server.request.duration", "-> http.response.status_code: Int(200)", "-> Unit: {records}", "-> IsMonotonic: true",
              "-> AggregationTemporality: Cumulative", "Body: Str(admin and console on"]
    wait_until(lambda: all(text in said.read_text(encoding="utf-8") for text in wanted), patient(30),
               lambda: f"not told by the collector: {[text for text in wanted if text not in said.read_text(encoding='utf-8')]}")
    server.stop()
    log = server.log_path.read_text(encoding="utf-8")
    check("can't be sent" not in log, lambda: f"the collector refused something: {log[-800:]}")
