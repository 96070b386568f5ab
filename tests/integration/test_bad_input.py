"""Bad input never stops the line: the right status, the other items go in, it is counted by reason, the server stays well."""
import gzip
import http.client
import json
import socket
import time
import zlib

from harness import Http, TENANT, basic, bearer, check, check_equal, freshet, profile, send_batch, send_records, shorten
from patience import patient

GOOD = {"type": "track", "event": "Good"}
FAR_PAST, FAR_FUTURE = "1831-01-01T00:00:00.000Z", "2199-01-01T00:00:00.000Z"


def deep(levels):
    value = 1
    for _ in range(levels):
        value = {"d": value}
    return value


def healthy(server, number):
    """The server still takes records and shows them."""
    user = f"healthy-{number}"
    send_records(server.ingest(), [{"user": {"user_id": user}, "event": "Good", "message_id": f"h{number}"}])
    server.wait_drained()
    check(profile(server.admin(), "user_id", user) is not None, "the server is not well any more")
    check_equal(server.get("/healthz").status, 200, "GET /healthz")


# (what, body, headers, statuses that are right)
def whole_requests():
    def json_bytes(value):
        return json.dumps(value).encode()
    batch = json_bytes({"batch": [{**GOOD, "userId": "u", "messageId": "m"}]})
    bomb = gzip.compress(b'{"batch":[' + b" " * 200_000_000 + b"]}")
    return [
        ("no JSON", b"hello", basic(), (400,)),
        ("cut JSON", batch[:-4], basic(), (400,)),
        ("empty", b"", basic(), (400,)),
        ("a list", b"[]", basic(), (400,)),
        ("no batch", b'{"bitch":[]}', basic(), (400,)),
        ("batch is text", b'{"batch":"x"}', basic(), (400,)),
        ("invalid UTF-8", batch.replace(b"Good", b"G\xff\xfed"), basic(), (400, 200)),
        ("deeper than any parser", b'{"batch":' + b"[" * 100_000 + b"]" * 100_000 + b"}", basic(), (400, 200)),
        ("wrong key", batch, basic("not-a-key"), (401,)),
        ("no key", batch, {"Content-Type": "application/json"}, (401,)),
        ("key is no base64", batch, {"Authorization": "Basic ???"}, (400, 401)),
        ("oversize", json_bytes({"batch": [], "pad": "x" * 5_000_000}), basic(), (413, 400)),
        ("over the batch limit", json_bytes({"batch": [{**GOOD, "userId": "u", "properties": {f"p{i}": "x" * 400 for i in range(50)}}] * 40}), basic(), (400, 413)),
        ("no gzip", b"hello", {**basic(), "Content-Encoding": "gzip"}, (400,)),
        ("cut gzip", gzip.compress(batch)[:-12], {**basic(), "Content-Encoding": "gzip"}, (400,)),
        ("zip bomb", bomb, {**basic(), "Content-Encoding": "gzip"}, (400, 413)),
        ("zlib bomb", zlib.compress(b" " * 200_000_000), {**basic(), "Content-Encoding": "deflate"}, (400, 413, 415)),
        ("unknown encoding", batch, {**basic(), "Content-Encoding": "snappy"}, (400, 415)),
    ]


def test_whole_requests(box):
    server = box.server()
    wrong = []
    for what, body, headers, statuses in whole_requests():
        client = server.ingest()
        try:
            answer = client.request("POST", "/v1/batch", body, headers)
            if answer.status not in statuses:
                wrong.append(f"{what}: {answer.status}, right is {statuses}")
            elif answer.status == 401 and b"not-a-key" in answer.body:
                wrong.append(f"{what}: the answer repeats the key")
        except (OSError, http.client.HTTPException) as error:
            # A server may close on a body that it will not read; then the sender sees no answer.
            if 413 not in statuses:
                wrong.append(f"{what}: no answer ({error})")
        client.close()
    check(not wrong, "; ".join(wrong))
    for method, path, statuses in (("GET", "/v1/batch", (404, 405)), ("POST", "/v1/nothing", (404,)), ("POST", "/v1/%zz", (400, 404)),
                                   ("POST", "/../../etc/passwd", (400, 404))):
        check(server.ingest().request(method, path, b"{}" if method == "POST" else None, basic()).status in statuses, f"{method} {path}")
    healthy(server, 1)


def items():
    """(name, message of a batch, whether it goes in). userId is the name, unless it says something else."""
    long_name, long_value = "n" * 500, "v" * 3000
    return [
        ("no ids", {**GOOD, "userId": None}, False),
        ("ids of wrong types", {**GOOD, "userId": {"a": 1}}, False),
        ("only nobody", {**GOOD, "userId": "null"}, False),
        ("not an object", "text", False),
        ("no type", {"event": "Good"}, False),
        ("wrong type", {"type": "truck", "event": "Good"}, False),
        ("type is a number", {"type": 7, "event": "Good"}, False),
        ("no event", {"type": "track"}, False),
        ("too large", {**GOOD, "properties": {f"p{i}": "x" * 500 for i in range(90)}}, False),
        ("too deep", {**GOOD, "properties": deep(40)}, False),
        ("long name", {**GOOD, "properties": {long_name: 1}}, True),
        ("long value", {**GOOD, "properties": {"a": long_value}}, True),
        ("long trait", {"type": "identify", "traits": {"bio": long_value}}, True),
        ("far past", {**GOOD, "timestamp": FAR_PAST}, True),
        ("far future", {**GOOD, "timestamp": FAR_FUTURE}, True),
        ("time is nonsense", {**GOOD, "timestamp": "yesterday"}, True),
        ("properties are a list", {**GOOD, "properties": [1]}, True),
        ("unknown keys", {**GOOD, "surprise": {"x": [1, 2]}, "integrations": {"All": True}}, True),
        ("huge number", {**GOOD, "properties": {"n": 10**400}}, False),
        ("number as id", {**GOOD, "userId": 4711}, True),
        ("zero bytes", {**GOOD, "properties": {"a": "x\u0000y"}}, True),
        ("half an emoji", {**GOOD, "properties": {"a": "pizza \ud83c"}}, True),
        ("nobody's template", {**GOOD, "userId": "{{user.id}}"}, False),
    ]


def test_items(box):
    server = box.server()
    http_client, admin = server.ingest(), server.admin()
    made = items()
    messages = []
    for number, (name, message, _) in enumerate(made):
        if isinstance(message, dict):
            message = {"userId": name, "messageId": f"i{number}", **message}
        messages.append(message)
    answer = send_batch(http_client, messages, "?verdicts=1").json()
    rejected = {entry["index"]: entry for entry in answer["rejected"]}
    wanted = {number for number, (_, _, goes_in) in enumerate(made) if not goes_in}
    differ = [made[number][0] for number in sorted(wanted ^ set(rejected))]
    check(not differ, f"wrong verdict: {differ}")
    check_equal(answer["accepted"], len(made) - len(wanted), "accepted")
    check(all(entry["code"] and entry["message"] for entry in rejected.values()), "a verdict without code or message")
    server.wait_drained()
    now = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 60))
    for number, (name, message, goes_in) in enumerate(made):
        user = message.get("userId", name) if isinstance(message, dict) else name
        document = profile(admin, "user_id", str(user)) if user and not isinstance(user, dict) else None
        check((document is not None) == goes_in, f"{name}: {'not ' if goes_in else ''}in a profile")
        if document is not None and message.get("event"):
            stats = document["events"]["Good"]
            check_equal(stats["count"], 1, f"events of {name}")
            check(stats["last_at"][:16] <= now, f"{name}: an event of the future ({stats['last_at']})")
    counted = server.metric_sum(r"^freshet_ingest_rejected")
    check_equal(counted, len(wanted), "rejected items in /metrics")
    reasons = [series for series in server.metrics() if series.startswith("freshet_ingest_rejected")]
    check(len(reasons) >= 4, f"rejections are not counted by reason: {reasons}")
    healthy(server, 2)


def test_records_lines(box):
    server = box.server()
    body = b"\n".join([
        b'{"user":{"user_id":"a"},"event":"Good","message_id":"r0"}', b"not json", b'{"user":{"user_id":"b"},"event":"Good","message_id":"r2"',
        b'{"user":{"user_id":"c"},"event":"G\xff","message_id":"r3"}', b'{"event":"Good","message_id":"r4"}', b'{"user":[],"event":"Good"}',
        b'{"user":{"user_id":"d"},"evnt":"Good","message_id":"r6"}', b'{"user":{"user_id":"e"},"event":"Good","message_id":"r7"}']) + b"\n"
    answer = server.ingest().request("POST", "/v1/records", body, bearer())
    check_equal(answer.status, 200, f"POST /v1/records ({shorten(answer.body.decode(errors='replace'))})")
    verdict = answer.json()
    check_equal(sorted(entry["index"] for entry in verdict["rejected"]), [1, 2, 3, 4, 5, 6], "rejected lines")
    check_equal(verdict["accepted"], 2, "accepted lines")
    server.wait_drained()
    for user in ("a", "e"):
        check(profile(server.admin(), "user_id", user) is not None, f"the good line of {user} did not go in")
    check_equal(server.ingest().request("POST", "/v1/records", b"{}\n", bearer("wrong")).status, 401, "status with a wrong key")


def raw(server, data, half_close=False, timeout_s=patient(10)):
    """Sends bytes, returns what comes back until the server closes or is silent."""
    with socket.create_connection(("127.0.0.1", server.ingest_port), timeout=timeout_s) as connection:
        connection.sendall(data)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while b"\r\n\r\n" not in received:
                part = connection.recv(65536)
                if not part:
                    break
                received += part
        except TimeoutError:
            pass
        return received


def request_bytes(body, length=None):
    head = "".join(f"{name}: {value}\r\n" for name, value in basic().items())
    return f"POST /v1/batch HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


def test_connections(box):
    server = box.server()
    body = json.dumps({"batch": [{**GOOD, "userId": "half", "messageId": "half-1"}]}).encode()
    slow = []
    for number in range(100):  # clients that send a part and then nothing
        connection = socket.create_connection(("127.0.0.1", server.ingest_port), timeout=patient(5))
        connection.sendall(request_bytes(body)[:10 + number * 2])
        slow.append(connection)
    began = time.monotonic()
    healthy(server, 3)
    check(time.monotonic() - began < patient(10), "slow clients slow the others")
    for data in (b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"POST /v1/batch HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                 b"POST /v1/batch HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n"):
        answer = raw(server, data, half_close=True)
        check(answer == b"" or answer[9:10] in (b"4", b"5"), f"nonsense was answered with {answer[:40]!r}")
    answer = raw(server, request_bytes(body), half_close=True)
    check(answer == b"" or answer.startswith(b"HTTP/1.1 200"), f"a half-closed connection was answered with {answer[:60]!r}")
    raw(server, request_bytes(body, length=len(body) + 50), half_close=True)  # ends too early: must not count
    send_batch(Http(server.ingest_port), [{**GOOD, "userId": "half", "messageId": "half-1"}])  # the sender tries again
    server.wait_drained()
    check_equal(profile(server.admin(), "user_id", "half")["events"]["Good"]["count"], 1, "events over half-closed connections")
    for connection in slow:
        connection.close()
    healthy(server, 4)


def letters(server):
    answer = server.get(f"/v1/tenants/{TENANT}/deadletters")
    check_equal(answer.status, 200, "GET …/deadletters")
    value = answer.json()
    return value if isinstance(value, list) else next(entry for entry in value.values() if isinstance(entry, list))


def deadletters(server, *arguments):
    status, out, err = freshet("deadletters", *arguments, "--tenant", TENANT, "--url", server.admin_url)
    check_equal(status, 0, f"exit status of freshet deadletters {arguments[0]} ({shorten(err or out)})")
    return out


def test_dead_letters(box):
    limits = "    limits: {{event_names: {}}}\n"
    server = box.server(extra=limits.format(2))
    def event(number, name):
        return {"type": "track", "userId": "dl", "event": name, "messageId": f"d{number}", "properties": {"mark": f"mark-{number}"}}
    send_batch(server.ingest(), [event(0, "One"), event(1, "Two"), event(2, "Three"), {**event(3, "One"), "userId": None}, event(4, "Four")])
    server.wait_drained()
    listed = letters(server)
    check_equal(len(listed), 3, "dead letters")
    check(all(letter["id"] and letter["code"] and letter["reason"] for letter in listed), f"a dead letter without its reason: {listed}")
    out = deadletters(server, "list")
    check(all(letter["id"] in out for letter in listed), f"freshet deadletters list does not list all: {shorten(out)}")
    over = [letter for letter in listed if letter["code"] == "too_many_event_names"]
    check_equal(len(over), 2, "dead letters with the code too_many_event_names")
    check("mark-" in deadletters(server, "show", over[0]["id"]), "freshet deadletters show does not show the item")
    server.stop()
    server.extra = limits.format(20)
    server.revision = 2
    server.start()
    for _ in range(2):
        for letter in over:
            deadletters(server, "replay", letter["id"])
        server.wait_drained()
        events = {name: stats["count"] for name, stats in profile(server.admin(), "user_id", "dl")["events"].items()}
        check_equal(events, {"One": 1, "Two": 1, "Three": 1, "Four": 1}, "events after the replay")
    # Restarted and sent once more by the producer itself: still the same messages.
    server.kill()
    server.start()
    deadletters(server, "replay", over[0]["id"])
    server.wait_drained()
    events = {name: stats["count"] for name, stats in profile(server.admin(), "user_id", "dl")["events"].items()}
    check_equal(events, {"One": 1, "Two": 1, "Three": 1, "Four": 1}, "events after a replay after a restart")
