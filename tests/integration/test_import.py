"""CSV imports, counted by Python from the same file: once, twice, with bad rows, with everything killed half-way."""
import csv
import hashlib
import http.client
import random
import subprocess
import time
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone

import apart
import packages
from harness import FRESHET, SERVER_KEY, TENANT, bearer, check, check_equal, freshet, note, profile, shorten, wait_until
from patience import patient

MAPPING = """kind: events
event: {column: event}
columns:
  user_id: {identifier: user_id}
  timestamp: {timestamp: iso8601}
"""
EVENTS = ("catalog", "main", "cart", "product1", "product2", "delivery_choice", "payment_done")


def generate(path, rows, users, seed=3):
    """A shop log with the columns of the real one."""
    rng = random.Random(seed)
    start = datetime(2024, 1, 1, tzinfo=timezone.utc)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write("user_id,event,timestamp\n")
        for row in range(rows):
            time_of_row = start + timedelta(seconds=row * 7, microseconds=rng.randrange(10**6))
            # Every user is in it, and a repeated row is two events.
            user = row if row < users else rng.randrange(users)
            file.write(f"{100000 + user},{rng.choice(EVENTS)},{time_of_row.strftime('%Y-%m-%d %H:%M:%S.%f')}\n")
    return path


def milliseconds(text):
    """2019-11-01 17:59:13.273932 as the API writes times."""
    return text[:10] + "T" + text[11:23] + "Z"


def count(path):
    """user_id -> its events dict, as in a profile."""
    users = defaultdict(lambda: defaultdict(list))
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            users[row["user_id"]][row["event"]].append(milliseconds(row["timestamp"]))
    return {user: {event: {"count": len(times), "first_at": min(times), "last_at": max(times)} for event, times in events.items()}
            for user, events in users.items()}


def command(path, mapping, server):
    return ["import", path, "--tenant", TENANT, "--mapping", mapping, "--url", server.url, "--key", SERVER_KEY]


def import_file(path, server, mapping_text=MAPPING):
    mapping = server.directory / "mapping.yaml"
    mapping.write_text(mapping_text)
    status, out, err = freshet(*command(path, mapping, server))
    check_equal(status, 0, f"exit status of freshet import ({shorten(err or out)})")
    return out + err


def compare(server, path):
    """Every user's events as counted from the file, and no person twice."""
    server.wait_drained()
    wanted = count(path)
    admin = server.admin()
    ids = set()
    total = Counter()
    wrong = []
    for user, events in wanted.items():
        document = profile(admin, "user_id", user)
        if document is None or document["events"] != events:
            wrong.append(f"user {user}: got {document and document['events']}, wanted {events}")
            continue
        ids.add(document["id"])
        total.update({event: stats["count"] for event, stats in document["events"].items()})
    admin.close()
    check(not wrong, lambda: f"{len(wrong)} of {len(wanted)} users are wrong: " + "; ".join(shorten(text, 300) for text in wrong[:3]))
    check_equal(len(ids), len(wanted), "distinct profiles")
    return len(ids), total


def test_twice(box):
    path = generate(box.directory / "shop.csv", rows=20_000, users=1500)
    server = box.server()
    import_file(path, server)
    first = compare(server, path)
    import_file(path, server)
    check_equal(compare(server, path), first, "users and events after the second import")
    # The ledger must survive a restart, and a copy of the file under another name is the same content.
    server.kill()
    server.start()
    copy = box.directory / "copy.csv"
    copy.write_bytes(path.read_bytes())
    import_file(copy, server)
    check_equal(compare(server, path), first, "users and events after the third import")


def test_real_shop(box):
    path = packages.shop_csv()
    server = box.server()
    import_file(path, server)
    users, events = compare(server, path)
    note(f"{users} users, {sum(events.values())} events")
    import_file(path, server)
    check_equal(compare(server, path), (users, events), "users and events after the second import")


def rows_taken(server):
    """Rows that the server's import has taken so far; 0 while it can't be asked."""
    client = server.ingest()
    try:
        answer = client.request("GET", "/v1/imports", headers=bearer(SERVER_KEY))
        return sum(one["accepted"] for one in answer.json()["imports"]) if answer.status == 200 else 0
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        client.close()


def start_import(path, server, log):
    mapping = server.directory / "mapping.yaml"
    mapping.write_text(MAPPING)
    return subprocess.Popen([str(FRESHET), *map(str, command(path, mapping, server))], stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def test_killed(box):
    rows = 400_000
    path = generate(box.directory / "shop.csv", rows=rows, users=3000)
    server = box.server()
    with open(box.directory / "import.log", "ab") as log:
        process = start_import(path, server, log)
        for share, victim in ((0.1, "server"), (0.3, "command"), (0.5, "server"), (0.6, "both")):
            wait_until(lambda at=share: process.poll() is not None or rows_taken(server) >= rows * at, patient(60), f"{share:.0%} of the import",
                       every_s=0.005)
            if victim in ("server", "both"):
                server.kill()
            if victim in ("command", "both"):
                process.kill()
            process.wait() if victim in ("command", "both") else time.sleep(0.2)
            if victim in ("server", "both"):
                server.start()
            if process.poll() not in (None, 0):  # giving up while the server is away is allowed; going on is not needed
                process = start_import(path, server, log)
        status = process.wait(timeout=patient(180))
        for _ in range(3):
            if status == 0:
                break
            status = start_import(path, server, log).wait(timeout=patient(180))
    check_equal(status, 0, f"exit status of the last import ({(box.directory / 'import.log').read_text()[-300:]})")
    users, events = compare(server, path)
    check_equal((users, sum(events.values())), (3000, rows), "users and events")


def test_bad_rows(box):
    path = box.directory / "bad.csv"
    good = [f"good{n},catalog,2024-01-02 03:04:{n:02}.000000" for n in range(10)]
    bad = {4: "bad1,catalog,yesterday", 7: ",catalog,2024-01-02 03:04:05.000000", 9: "bad2,,2024-01-02 03:04:05.000000", 11: "bad3,catalog"}
    text = ["user_id,event,timestamp"]
    rows = iter(good)
    while len(text) < len(good) + len(bad) + 1:
        text.append(bad.get(len(text) + 1) or next(rows))
    path.write_text("\r\n".join(text) + "\r\n")
    server = box.server()
    mapping = server.directory / "mapping.yaml"
    mapping.write_text(MAPPING)
    _, out, err = freshet(*command(path, mapping, server))
    server.wait_drained()
    admin = server.admin()
    for number in range(10):
        document = profile(admin, "user_id", f"good{number}")
        check(document is not None and document["events"]["catalog"]["count"] == 1, f"good row {number} did not go in")
    for user in ("bad1", "bad2", "bad3"):
        check(profile(admin, "user_id", user) is None, f"the row of {user} went in")
    progress = server.ingest().request("GET", "/v1/imports", headers=bearer(SERVER_KEY)).json()["imports"]
    check_equal([(one["accepted"], one["rejected"]) for one in progress], [(10, 4)], "accepted and rejected rows")
    detail = server.ingest().request("GET", f"/v1/imports/{progress[0]['id']}", headers=bearer(SERVER_KEY)).json()
    check_equal(sorted(row["line"] for row in detail["rejected_rows"]), sorted(bad), "line numbers of bad rows")
    missing = [line for line in bad if str(line) not in (out + err)]
    check(not missing, f"freshet import did not tell the line numbers {missing}: {shorten(out + err)}")
    correct_and_import(server, progress[0]["id"], [bad[line] for line in sorted(bad)])


def correct_and_import(server, import_id, bad):
    """The bad rows come back as a file; once it is corrected, they go in, and the good ones count once."""
    report = server.get(f"/v1/tenants/{TENANT}/imports/{import_id}/rejected")
    check_equal((report.status, report.headers.get("content-type")), (200, "text/csv; charset=utf-8"), "the report of bad rows")
    check_equal(report.body.decode().splitlines(), ["user_id,event,timestamp"] + bad, "the report of bad rows")
    fixed = server.directory / "fixed.csv"
    fixed.write_text("user_id,event,timestamp\n" + "".join(f"bad{n},catalog,2024-01-02 03:04:05.000000\n" for n in range(1, 5)), encoding="utf-8")
    import_file(fixed, server)
    server.wait_drained()
    admin = server.admin()
    counts = [profile(admin, "user_id", user)["events"]["catalog"]["count"] for user in ("good0", "good9", "bad1", "bad4")]
    check_equal(counts, [1, 1, 1, 1], "events of good and of corrected rows")


def test_wrong_mapping(box):
    path = generate(box.directory / "shop.csv", rows=5, users=5)
    server = box.server()
    mapping = server.directory / "wrong.yaml"
    for text, word in ((MAPPING.replace("  timestamp: {timestamp: iso8601}\n", ""), "timestamp"),
                       (MAPPING + "  nothere: {skip: true}\n", "nothere"), (MAPPING.replace("kind:", "kinds:"), "kinds")):
        mapping.write_text(text)
        status, out, err = freshet(*command(path, mapping, server))
        check(status in (1, 2), f"a wrong mapping was taken (exit status {status})")
        check(word in out + err, f"the message does not name {word!r}: {shorten(out + err)}")
    check_equal(rows_taken(server), 0, "rows taken with wrong mappings")


class Upload:
    """A file sent in pieces, each request to whichever node is named."""

    def __init__(self, path, first):
        self.content = path.read_bytes()
        self.headers = bearer(SERVER_KEY)
        query = f"content_sha256={hashlib.sha256(self.content).hexdigest()}&name={path.name}"
        answer = self.ask(first, "POST", f"/v1/imports?{query}", MAPPING.encode(), {"Content-Type": "application/yaml"})
        check(answer.status in (200, 201), lambda: f"start of an upload: {answer.status} {answer.body.decode()}")
        self.id, self.offset = answer.json()["id"], answer.json()["offset"]

    def ask(self, node, method, path, body=None, headers=None):
        client = node.ingest()
        try:
            return client.request(method, path, body, {**self.headers, **(headers or {})})
        finally:
            client.close()

    def send(self, node, size, offset=None):
        """The next bytes, or those behind `offset` again. Whether all is done."""
        begin = self.offset if offset is None else offset
        last = {"Upload-Complete": "?1"} if begin + size >= len(self.content) else {}
        answer = self.ask(node, "PATCH", f"/v1/imports/{self.id}", self.content[begin : begin + size],
                          {"Upload-Offset": str(begin), **last})
        if offset is not None:
            check_equal(answer.status, 409, f"status of bytes that were sent before ({answer.body.decode()})")
            check_equal(answer.json()["offset"], self.offset, "where to go on, as every node says")
            return False
        check_equal(answer.status, 200, f"status of a piece ({answer.body.decode()})")
        self.offset = answer.json()["offset"]
        return answer.json()["state"] == "complete"


def test_node_changes_at_every_request(box):
    """Two ingest nodes behind a balancer: each request of an upload goes to the other one, and one is killed meanwhile."""
    path = generate(box.directory / "shop.csv", rows=6_000, users=300)
    fleet = apart.Apart(box, actions=1).start()
    other = fleet.add("ingest-1", "ingest").start()
    nodes = [fleet.ingest, other]
    upload = Upload(path, nodes[0])
    turn, done = 1, False
    while not done:
        done = upload.send(nodes[turn % 2], 40_000)
        if turn == 2:
            upload.send(nodes[(turn + 1) % 2], 40_000, offset=0)
        if turn == 3:
            nodes[turn % 2].kill()  # the one that has just taken a piece
            nodes[turn % 2].start()
        turn += 1
    check(turn > 4, "several pieces")
    check_equal(Upload(path, nodes[turn % 2]).offset, len(upload.content), "where the same upload is at the other node")
    compare(fleet.console, path)
    for node in nodes:
        shown = upload.ask(node, "GET", f"/v1/imports/{upload.id}").json()
        check_equal((shown["state"], shown["accepted"], shown["rejected"]), ("complete", 6_000, 0), "progress at a node")
    check_equal(upload.ask(other, "DELETE", f"/v1/imports/{upload.id}").status, 200, "status of a deletion")
    check_equal(upload.ask(fleet.ingest, "GET", f"/v1/imports/{upload.id}").status, 404, "status of it at the other node")
