"""What a process writes of itself: at its loudest it tells nothing of anybody, and no secret."""
import http.server
import json
import threading

import kafka
from harness import KEY, SERVER_KEY, TENANT, basic, bearer, check, freshet, send_records, wait_until
from patience import patient

MARK = "hunter2"  # in every secret and every value
MAPPING = "kind: users\ncolumns:\n  id: {identifier: user_id}\n  mail: {identifier: email}\n  age: {attribute: age, type: number}\n"


class Refusing(http.server.BaseHTTPRequestHandler):
    """The target of a webhook: it answers with what it was sent."""

    def do_POST(self):  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        self.send_response(500 if self.server.asked % 2 else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


def refusing(box):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    server.asked = 0
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    box.at_end(server.shutdown)
    return server


def record(number, **more):
    return {"message_id": f"{MARK}-m{number}", "user": {"user_id": f"{MARK}-u{number}", "email": f"{MARK}{number}@example.com"}, "event": "Order Completed",
            "properties": {"note": f"{MARK} note"}, "set": {"city": f"{MARK}ville"}, **more}


def all_doors(box, server):
    """What is right, what is wrong in every way, and who has no right: at each door of ingest."""
    ingest = server.ingest()
    send_records(ingest, [record(number) for number in range(20)])
    bodies = (f'{{"user":"{MARK}', f'{{"user":{{"user_id":["{MARK}"]}},"event":5}}\n', json.dumps(record(1, timestamp=MARK)) + "\n",
              f'{{"message_id":"x","user":{{"nonsense":"{MARK}"}}}}\n', f"{MARK}\n", json.dumps({"erase": {"user_id": MARK}}) + "\n")
    for body in bodies:
        for headers in (bearer(), bearer(SERVER_KEY), bearer(f"{MARK}-key"), {**bearer(), "traceparent": MARK}, {**bearer(), "Content-Encoding": "gzip"}, {}):
            ingest.request("POST", "/v1/records", body.encode(), headers)
        for path in ("/v1/batch", "/v1/track", "/v1/identify", "/v1/page", "/v1/logs", f"/v1/{MARK}", f"/v1/event/{TENANT}", f"/v1/customer/{MARK}"):
            for headers in (basic(), basic(f"{MARK}-key"), {"Authorization": MARK}):
                ingest.request("POST", path, body.encode(), headers)
    ingest.request("POST", "/v1/track", json.dumps({"writeKey": KEY, "userId": MARK, "event": "E", "properties": {"note": MARK}}).encode(), {})
    for key in (KEY, f"{MARK}-key"):
        ingest.request("GET", f"/v1/attribution/adjust/{key}?idfa={MARK}&event_name={MARK}&created_at={MARK}", b"", {})
    people, mapping = box.directory / "people.csv", box.directory / "mapping.yaml"
    people.write_text(f"id,mail,age\n{MARK}-1,{MARK}@x.y,5\n{MARK}-2,{MARK}@x.z,{MARK}\n", encoding="utf-8")
    mapping.write_text(MAPPING, encoding="utf-8")
    freshet("import", people, "--tenant", TENANT, "--mapping", mapping, "--url", server.url, "--key", SERVER_KEY)


def all_questions(server):
    """People looked for, erased, merged and read along, by the admin listener; who may not, too."""
    admin = server.admin()
    base = f"/v1/tenants/{TENANT}"
    for headers in ({}, bearer(f"{MARK}-token")):
        for path in (f"/users/user_id/{MARK}-u1", f"/users/email/{MARK}1%40example.com", f"/users/{MARK}/x", "/deadletters", "/events?after=begin", f"/events?after={MARK}",
                     "/changes?after=begin", "/schema", "/violations", "/freshness", f"/sinks/{MARK}"):
            admin.request("GET", base + path, b"", headers)
        for path, body in (("/users/lookup", {"email": f"{MARK}1@example.com"}), ("/users/search", {"type": "email", "begin": MARK}), ("/users/lookup", {MARK: 5}),
                           ("/users/merge", {"from": {"user_id": f"{MARK}-u2"}, "into": {"user_id": f"{MARK}-u3"}}),
                           ("/users/unlink", {"from": {"user_id": f"{MARK}-u4"}, "identifier": {"email": f"{MARK}4@example.com"}}), ("/deadletters/replay", {})):
            admin.request("POST", base + path, json.dumps(body).encode(), headers)
        admin.request("DELETE", f"{base}/users/user_id/{MARK}-u5", b"", headers)
        admin.request("PUT", f"/v1/tenants/{MARK}-tenant", json.dumps({"write_keys": [f"{MARK}-key"], "revision": 5}).encode(), headers)


def check_log(server, target):
    """It is loud, and there is no mark in it."""
    wait_until(lambda: target.asked >= 2, patient(60), "the webhook is asked")
    server.wait_drained()
    server.stop()
    log = server.log_path.read_text(encoding="utf-8", errors="replace")
    check(log.count(" debug ") > 50, lambda: f"the log is not loud: {log[:400]}")
    told = [line for line in log.splitlines() if MARK in line.lower() and f"{MARK}-tenant" not in line]  # a tenant's name is no secret
    check(not told, lambda: f"lines with secrets or values: {told[:5]}")


def loud(box, **more):
    target = refusing(box)
    extra = (f'    sinks: [{{name: crm, kind: webhook, on: events, url: "http://127.0.0.1:{target.server_address[1]}/x?token={MARK}-url", secret: {MARK}-secret}}]\n'
             f"    rate: {{events_per_second: 20, burst: 20}}\n")
    top = (f'logging: {{level: trace}}\ntracing: {{otlp: "http://127.0.0.1:1", sample: 1, slow: 0s, headers: {{x-key: {MARK}-otlp}}}}\n'
           f'telemetry: {{otlp: "http://127.0.0.1:1", headers: {{x-key: {MARK}-otlp}}}}\n')
    server = box.server(extra=extra, top=top, **more)
    all_doors(box, server)
    all_questions(server)
    check_log(server, target)


def test_nothing_of_anybody(box):
    loud(box)


def test_nothing_of_anybody_on_kafka(box):
    loud(box, kafka=f"{kafka.share().settings()}, properties: {{sasl.password: {MARK}-sasl, sasl.username: {MARK}-user}}")
