"""Events and changes over HTTP, for a reader that keeps its cursor while the server is killed."""
import json
import subprocess

import kafka
from harness import FRESHET, TENANT, check, check_equal, freshet, send_records
from patience import patient

PATH = f"/v1/tenants/{TENANT}"


def read_on(server, stream, cursor, limit=7):
    """(all records behind the cursor, the next cursor), page by page."""
    records = []
    while True:
        answer = server.admin().request("GET", f"{PATH}/{stream}?after={cursor}&limit={limit}")
        check_equal(answer.status, 200, f"{stream} after {cursor}")
        records += [json.loads(line) for line in answer.body.splitlines()]
        cursor = answer.headers["freshet-cursor"]
        if answer.headers["freshet-at-end"] == "true":
            return records, cursor


def send(server, first, last):
    send_records(server.ingest(), [{"message_id": f"m{i}", "user": {"user_id": f"u{i % 5}"}, "event": "E", "properties": {"n": i}} for i in range(first, last)])
    server.wait_drained()


def exactly_once(box, **options):
    server = box.server(partitions=4, **options)
    send(server, 0, 40)
    events, at_events = read_on(server, "events", "begin")
    changes, at_changes = read_on(server, "changes", "begin")
    check_equal(read_on(server, "events", at_events), ([], at_events), "nothing new")
    server.kill()
    server.start()
    send(server, 40, 60)
    more, _ = read_on(server, "events", at_events)
    check_equal(sorted(event["properties"]["n"] for event in events + more), list(range(60)), "each event once")
    for user in {event["user"] for event in events}:
        order = [event["properties"]["n"] for event in events + more if event["user"] == user]
        check_equal(order, sorted(order), f"the order of profile {user}")
    changes += read_on(server, "changes", at_changes)[0]
    for profile in {change["id"] for change in changes}:
        versions = [change["version"] for change in changes if change["id"] == profile]
        check_equal(versions, sorted(set(versions)), f"versions of profile {profile}")
    counts = {}
    for change in changes:
        for op in change["ops"]:
            if op["section"] == "events":
                counts[change["id"]] = op["value"]["count"]
    check_equal(sorted(counts.values()), [12] * 5, "the counts that the changes end with")
    return server


def test_a_cursor_over_a_kill(box):
    server = exactly_once(box, top="profiles: {changes: written}\n")
    status, out, err = freshet("tail", "--tenant", TENANT, "--url", server.admin_url, "--cursor", box.directory / "cursor")
    check_equal((status, len(out.splitlines())), (0, 60), f"freshet tail ({err})")
    status, out, err = freshet("tail", "--tenant", TENANT, "--url", server.admin_url, "--cursor", box.directory / "cursor")
    check_equal((status, out), (0, ""), f"freshet tail from the kept cursor ({err})")
    check(server.admin().request("GET", f"{PATH}/events?after=1.2").status == 400, "a cursor of another log is taken")
    with subprocess.Popen([FRESHET, "tail", "--tenant", TENANT, "--url", server.admin_url, "--follow", "--after", "end"],
                          stdout=subprocess.PIPE, text=True) as following:
        # It may begin before or after the first of these, but sees one of them.
        for i in range(60, 64):
            send(server, i, i + 1)
        line = following.stdout.readline()
        following.kill()
    check(json.loads(line)["properties"]["n"] in range(60, 64), f"freshet tail --follow printed {line}")
    server.stop()


def test_a_cursor_on_kafka(box):
    exactly_once(box, kafka=kafka.share().settings()).stop()
