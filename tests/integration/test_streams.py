"""Events and changes over HTTP, for a reader that keeps its cursor while the server is killed."""
import json
import subprocess

import kafka
from harness import FRESHET, KEY, SERVER_KEY, TENANT, check, check_equal, freshet, send_records, wait_until
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
    server = exactly_once(box, top="events: {keep: 7d}\nprofiles: {changes: written}\n")
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


def numbers_of(server):
    return [event["properties"]["n"] for event in read_on(server, "events", "begin")[0]]


def test_events_for_those_who_read_them(box):
    """On the embedded log: none are written until somebody reads them by configuration, and from then on all, also over a kill."""
    server = box.server(partitions=4, top="profiles: {changes: written}\n")
    send(server, 0, 10)
    answer = server.admin().request("GET", f"{PATH}/events")
    check_equal((answer.status, answer.json()["error"]["code"]), (409, "not_written"), "events that nobody reads")
    status, out, err = freshet("tail", "--tenant", TENANT, "--url", server.admin_url)
    check_equal((status, out), (2, ""), "freshet tail of events that nobody reads: the configuration is wrong for it")
    check("events: {keep: 7d}" in err, f"freshet tail does not say what to do: {err}")
    check_equal(len(read_on(server, "changes", "begin")[0]) > 0, True, "changes are there all the same")
    sink = {"name": "lake", "kind": "files", "to": f"file://{box.directory}/lake", "compression": "none", "every": "1s"}
    settings = {"write_keys": [KEY], "server_keys": [SERVER_KEY], "sinks": [sink]}
    put = server.admin().request("PUT", PATH, json.dumps(settings).encode(), {"Content-Type": "application/json"})
    check_equal(put.status, 200, f"a sink by the API: {put.body}")
    send(server, 10, 20)  # right behind the answer
    check_equal(sorted(numbers_of(server)), list(range(10, 20)), "events since there is a sink")
    wait_until(lambda: sum(len(path.read_text().splitlines()) for path in (box.directory / "lake").rglob("*.ndjson")) == 10, patient(60), "events in the sink's files")
    server.kill()
    server.start()
    send(server, 20, 30)
    check_equal(sorted(numbers_of(server)), list(range(10, 30)), "events after a kill")
    del settings["sinks"]
    put = server.admin().request("PUT", PATH, json.dumps(settings).encode(), {"Content-Type": "application/json"})
    check_equal(put.status, 200, f"the sink is taken out: {put.body}")
    check_equal(server.admin().request("GET", f"{PATH}/events").status, 409, "events after the last reader")
    send(server, 30, 40)
    server.stop()
    # The file's turn: what was written before is there still, what came between is not.
    server.revision = 1000
    server.top = "profiles: {changes: written}\nevents: {keep: 7d}\n"
    server.start()
    send(server, 40, 50)
    check_equal(sorted(numbers_of(server)), [*range(10, 30), *range(40, 50)], "events with events.keep")
    server.stop()


def test_a_cursor_on_kafka(box):
    exactly_once(box, kafka=kafka.share().settings()).stop()
