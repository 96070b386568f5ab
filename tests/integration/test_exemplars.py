"""A real Prometheus scrapes a server in OpenMetrics and keeps its exemplars, which lead to traces that a collector was shown; and
the log's lines of a traced request have its trace's id."""
import json
import subprocess
import urllib.parse
import urllib.request

from harness import Failure, TENANT, bearer, check, check_equal, free_ports, lines, parse_metrics, send_records, shorten, wait_until
from patience import patient
from test_fleet_render import program
from test_tracing import Collector, send_traced, TRACE

CONFIG = """global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: freshet
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
HISTOGRAMS = ("freshet_freshness_seconds_bucket", "freshet_ingest_request_seconds_bucket")


class Prometheus:
    def __init__(self, box, server):
        home = box.directory / "prometheus"
        home.mkdir()
        (home / "prometheus.yml").write_text(CONFIG.format(port=server.admin_port), encoding="utf-8")
        self.port = free_ports(1)[0]
        self.log = open(home / "log", "wb")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen([program("prometheus", "prometheus"), f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/data",
                                         f"--web.listen-address=127.0.0.1:{self.port}", "--enable-feature=exemplar-storage"], stdout=self.log, stderr=self.log)
        box.at_end(self.end)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def ask(self, path, **query):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=patient(10)) as answer:
                return json.loads(answer.read())["data"]
        except OSError:
            return None  # it starts

    def exemplars(self, series):
        """{trace id: (value, bucket's bound)} of all that were kept."""
        found = self.ask("query_exemplars", query=series, start=0, end=4e9) or []
        return {one["labels"]["trace_id"]: float(one["value"]) for group in found for one in group["exemplars"]}


def check_text_is_still_there(server):
    """Who asks for the text gets the same series, and no exemplars."""
    plain = server.get("/metrics")
    check_equal(plain.headers["content-type"].split(";")[0], "text/plain", "what one gets who does not ask")
    check(b" # {" not in plain.body and b"# EOF" not in plain.body, "OpenMetrics for somebody who has not asked")
    answer = server.admin().request("GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    check_equal(answer.headers["content-type"].split(";")[0], "application/openmetrics-text", "what one gets who asks")
    text = answer.body.decode()
    check(text.endswith("# EOF\n"), "it has no end")
    names = {series.split("{")[0] for series in parse_metrics(plain.body.decode())}
    others = {line.split(" ")[0].split("{")[0] for line in text.splitlines() if line and line[0] != "#"}
    check(names <= others, lambda: f"series that OpenMetrics does not have: {names - others}")
    check(len([line for line in text.splitlines() if line.startswith("# TYPE")]) == len({line for line in text.splitlines() if line.startswith("# TYPE")}), "a family twice")


def test_lead_to_traces(box):
    collector = Collector.of(box)
    server = box.server(top=f"tracing: {{otlp: \"http://127.0.0.1:{collector.port}\", sample: 0}}\nlogging: {{level: debug, format: json}}\n")
    ingest = server.ingest()
    send_records(ingest, [{"user": {"user_id": "u0"}, "event": "E", "message_id": "untraced"}])
    send_traced(ingest, [{"user": {"user_id": "u1"}, "event": "E", "message_id": "traced"}])
    server.wait_drained()
    prometheus = Prometheus(box, server)
    for series in HISTOGRAMS:
        kept = wait_until(lambda name=series: prometheus.exemplars(name), patient(60), f"exemplars of {series}")
        check(TRACE.hex() in kept, lambda k=kept, name=series: f"{name} leads elsewhere: {k}")
        check(0 <= kept[TRACE.hex()] < 3600, f"{series}: a value of {kept[TRACE.hex()]} s")
        ids = {span.trace_id.hex() for span in wait_until(collector.spans, patient(20), "spans")}
        wait_until(lambda k=kept: set(k) <= {span.trace_id.hex() for span in collector.spans()}, patient(20), f"the traces of {sorted(kept)} at the collector, which has {ids}")
    targets = prometheus.ask("targets")["activeTargets"]
    check_equal([(one["health"], one["lastError"]) for one in targets], [("up", "")], "the target")
    shown = prometheus.ask("query", query=f'freshet_freshness_seconds_count{{tenant="{TENANT}"}}')["result"]
    check(shown and float(shown[0]["value"][1]) >= 2, lambda: f"freshness at Prometheus: {shown}")
    check_text_is_still_there(server)
    check_log(server)


def check_log(server):
    """One object a line; the request's has the trace's id, the other one's has none."""
    said = [json.loads(line) for line in server.log_path.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    answered = [line for line in said if line["message"].startswith("POST /v1/records of tenant ")]
    check_equal([line.get("trace_id") for line in answered], [None, TRACE.hex()], "trace ids of the two requests' lines")
    check_equal({line["level"] for line in answered}, {"debug"}, "their level")


def test_slow_and_failed_are_traced(box):
    """Although no sampler takes anything: what was slow, on its way through the roles as one trace, and a request that failed."""
    collector = Collector.of(box)
    server = box.server(top=f"profiles: {{kind: embedded}}\ntracing: {{otlp: \"http://127.0.0.1:{collector.port}\", sample: 0, slow: 1ms}}\n")
    http = server.ingest()
    sent = [0]

    def whole():
        sent[0] += 1
        answer = http.request("POST", "/v1/records", lines([{"user": {"user_id": f"u{sent[0]}"}, "event": "E", "message_id": f"m{sent[0]}"}]), bearer())
        check_equal(answer.status, 200, "a record")
        by_trace = {}
        for span in collector.spans():
            by_trace.setdefault(span.trace_id, []).append(span)
        return next((spans for spans in by_trace.values() if {"process", "write"} <= {span.name for span in spans}), None)

    spans = wait_until(whole, patient(60), "one trace of action and reaction that nobody asked for", every_s=0.1)
    if any(not span.name for span in spans):
        raise Failure(shorten(spans))
    for span in spans:
        shown = {pair.key: pair.value.string_value or pair.value.int_value for pair in span.attributes}
        check_equal((shown["freshet.sampled_by"], shown["freshet.tenant"], span.parent_span_id), ("slow", TENANT, b""), f"of {span.name}")
