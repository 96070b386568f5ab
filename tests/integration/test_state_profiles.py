"""Profiles that are read from action's own state: where one process plays action and console, nobody writes them a second time."""
import http.client
import threading

from harness import TENANT, check, check_equal, profile, send_records, wait_until
from patience import patient

PATH = f"/v1/tenants/{TENANT}"
PEOPLE = 20


def send(server, first, last):
    send_records(server.ingest(), [{"message_id": f"m{i}", "user": {"user_id": f"u{i % PEOPLE}", "email": f"e{i % PEOPLE}@x.yz"}, "event": "E"}
                                   for i in range(first, last)])


def counts(server):
    admin = server.admin()
    found = [profile(admin, "email", f"e{i}@x.yz") for i in range(PEOPLE)]
    return [one and one["events"]["E"]["count"] for one in found]


def files(server):
    return {path.name for path in (server.directory / "data").iterdir()}


def test_life(box):
    """Read, killed, read again at once; merged; erased. No store, no changes, and freshness is counted all the same."""
    server = box.server(partitions=3)
    send(server, 0, 4 * PEOPLE)
    server.wait_drained()
    check_equal(counts(server), [4] * PEOPLE, "events that can be read")
    check("profiles" not in files(server), f"a profile store is there: {files(server)}")
    refused = server.get(f"{PATH}/changes?after=begin")
    check_equal((refused.status, refused.json()["error"]["code"]), (409, "not_written"), "changes that nobody has written")
    check(server.metric_sum(rf'^freshet_freshness_seconds_count\{{.*tenant="{TENANT}"') >= 4 * PEOPLE, "freshness is not counted")
    server.kill()
    server.start()
    check_equal(counts(server), [4] * PEOPLE, "events after a kill, as soon as it is ready")
    send_records(server.ingest(), [{"merge": {"into": {"user_id": "u0"}, "from": {"user_id": "u1"}}, "message_id": "merge"}])
    server.wait_drained()
    admin = server.admin()
    both = [profile(admin, kind, value) for kind, value in (("email", "e0@x.yz"), ("email", "e1@x.yz"), ("user_id", "u1"))]
    check_equal({one["id"] for one in both}, {both[0]["id"]}, "who is found by what the two had")
    check_equal(both[0]["events"]["E"]["count"], 8, "events of both")
    answer = admin.request("DELETE", f"{PATH}/users/email/e1@x.yz")
    check_equal(answer.status, 202, "DELETE of a user")
    order = answer.json()["message_id"]
    wait_until(lambda: admin.request("GET", f"{PATH}/erasures/{order}").json().get("state") == "written", patient(15), "the erasure written")
    check_equal([profile(admin, "email", f"e{i}@x.yz") for i in (0, 1)], [None, None], "the erased person")
    check_equal(profile(admin, "email", "e2@x.yz")["events"]["E"]["count"], 4, "somebody else")


def test_from_one_kind_to_another(box):
    """A store is removed when the state is read, and made of it when one is configured again."""
    server = box.server(partitions=3, top="profiles: {kind: embedded}\n")
    send(server, 0, PEOPLE)
    server.wait_drained()
    server.stop()
    check("profiles" in files(server), "there is no profile store")
    server.top = "profiles: {changes: written}\n"
    server.start()
    check_equal(counts(server), [1] * PEOPLE, "profiles of the state")
    check("profiles" not in files(server), "the store is left, and nobody would erase anybody there")
    check("a copy of them, is removed" in server.log_path.read_text(encoding="utf-8"), "the log does not say that the store is gone")
    send(server, PEOPLE, 2 * PEOPLE)
    server.wait_drained()
    lines = server.get(f"{PATH}/changes?after=begin").body.splitlines()
    check(len(lines) >= 2 * PEOPLE, f"{len(lines)} changes are there, though they are to be written")
    server.stop()
    server.top = ""
    server.start()
    send(server, 2 * PEOPLE, 3 * PEOPLE)  # nobody says these
    server.wait_drained()
    check_equal(server.get(f"{PATH}/changes?after=begin").status, 409, "changes that are not written any more")
    server.kill()
    server.top = "profiles: {kind: embedded}\n"
    server.start()
    check_equal(counts(server), [3] * PEOPLE, "profiles of the store that was made of the state")
    check("profiles.rebuild" not in files(server), "the mark is left")


def test_read_while_it_works(box):
    """What a reader has seen once is never taken back, also over kills; and it never waits for long."""
    server = box.server(partitions=3)
    seen = [0] * PEOPLE
    stop = threading.Event()
    wrong = []

    def read():
        at = 0
        while not stop.is_set():
            at = (at + 1) % PEOPLE
            try:
                answer = server.admin().request("GET", f"{PATH}/users/email/e{at}@x.yz")
            except (OSError, http.client.HTTPException):
                continue  # killed
            if answer.status == 200:
                count = answer.json()["events"]["E"]["count"]
                if count < seen[at]:
                    wrong.append(f"e{at}: {count} after {seen[at]}")
                seen[at] = count
            elif answer.status not in (404, 503) or (answer.status == 404 and seen[at] > 0):
                wrong.append(f"e{at}: {answer.status} after {seen[at]}: {answer.body[:200]}")

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for turn in range(3):
            for batch in range(10):
                send(server, (turn * 10 + batch) * PEOPLE, (turn * 10 + batch + 1) * PEOPLE)
            if turn < 2:
                server.kill()
                server.start()
        server.wait_drained()
    finally:
        stop.set()
        reader.join()
    check_equal(wrong, [], "what was read")
    check_equal(counts(server), [30] * PEOPLE, "events at the end")
