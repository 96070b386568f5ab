"""Logs: OpenTelemetry's own package writes what is sent, and kcat reads the topic."""
import gzip
import json
import sys

import kafka
import packages
from harness import KEY, Http, bearer, check_equal, send_records

TRACE = bytes.fromhex("0af7651916cd43dd8448eb211c80319c")


def messages():
    sys.path.insert(0, str(packages.opentelemetry_proto()))
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2  # pylint: disable=import-outside-toplevel,import-error
    return logs_service_pb2


def test_by_otlp_and_by_lines(box):
    """Both ways into one topic, in order, beside customers' data and not among it."""
    broker = kafka.share()
    server = box.server(partitions=2, kafka=broker.settings())
    client = server.ingest()
    otlp = messages()
    request = otlp.ExportLogsServiceRequest()
    logs = request.resource_logs.add()
    attribute = logs.resource.attributes.add(key="service.name")
    attribute.value.string_value = "checkout"
    scope = logs.scope_logs.add()
    for i in range(3):
        record = scope.log_records.add(time_unix_nano=1767323045678901234 + i, severity_number=17, severity_text="ERROR", trace_id=TRACE)
        record.body.string_value = f"refused {i}"
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
    answer = client.request("POST", "/v1/logs", gzip.compress(request.SerializeToString()), headers)
    check_equal((answer.status, answer.headers.get("content-type")), (200, "application/x-protobuf"), "OTLP in Protobuf")
    check_equal(otlp.ExportLogsServiceResponse.FromString(answer.body).partial_success.rejected_log_records, 0, "rejected records")
    lines = "\n".join(json.dumps({"level": "info", "service": "cart", "message": f"line {i}", "n": i}) for i in range(3))
    answer = client.request("POST", "/v1/logs/lines", (lines + "\nno JSON\n").encode(), bearer())
    check_equal((answer.status, answer.json()["accepted"], answer.json()["rejected"][0]["code"]), (200, 3, "bad_json"), "lines")
    send_records(client, [{"user": {"user_id": "u1"}, "event": "E"}])
    server.wait_drained()
    records = broker.committed("logs")
    of_service = {name: [r["body"] for r in records if r["service"] == name] for name in ("checkout", "cart")}
    check_equal(of_service, {"checkout": [f"refused {i}" for i in range(3)], "cart": [f"line {i}" for i in range(3)]}, "what is in `logs`")
    first = next(r for r in records if r["service"] == "checkout")
    check_equal((first["time"], first["trace_id"], first["severity_number"]), ("2026-01-02T03:04:05.678901234Z", TRACE.hex(), 17), "a record")
    check_equal([e["event"] for e in broker.committed("events")], ["E"], "what is in `events`")
    check_equal(Http(server.ingest_port).request("POST", "/v1/logs", b"{}", {"Content-Type": "application/json"}).json()["code"], 16, "without a key")
