"""Stopping and starting: in time, without loss, with the same profiles; and what is erased stays erased."""
import random

import workload
from harness import STOP_S, check, check_equal, profile, profile_path, send_batch, send_records, wait_until
from patience import patient


def documents(server, people):
    admin = server.admin()
    found = {person["user_id"]: profile(admin, "user_id", person["user_id"]) for person in people}
    admin.close()
    return found


def test_stop_and_start(box):
    people, records = workload.make(random.Random(1), people=100, records=3000)
    server = box.server(extra=workload.COMPUTED_YAML)
    http = server.ingest()
    for at in range(0, len(records), 50):
        send_records(http, records[at:at + 50])
    # No waiting: what was acknowledged a moment ago must survive, too.
    seconds = server.stop()
    check(seconds <= STOP_S, f"SIGTERM took {seconds:.1f} s, far longer than it may")
    server.start()
    server.wait_drained()
    before = documents(server, people)
    counted = sum(event["count"] for document in before.values() for event in document["events"].values())
    check_equal(counted, sum("event" in record for record in records), "events in all profiles")
    check(server.stop() <= STOP_S, "the second SIGTERM took too long")
    server.start()
    server.wait_drained()
    after = documents(server, people)
    for user_id, document in before.items():
        check_equal(after[user_id], document, f"profile of {user_id!r} after a restart")


def test_stop_with_idle_connections(box):
    server = box.server()
    connections = [server.ingest() for _ in range(20)]
    for number, http in enumerate(connections):
        send_records(http, [{"user": {"user_id": f"u{number}"}, "event": "E", "message_id": f"m{number}"}])
    seconds = server.stop()
    check(seconds <= STOP_S, f"SIGTERM took {seconds:.1f} s with idle connections, far longer than it may")


def test_erase_then_late_event(box):
    server = box.server()
    http, admin = server.ingest(), server.admin()
    send_records(http, [{"user": {"user_id": "gone", "email": "gone@example.com"}, "set": {"city": "Pune"}, "event": "E", "message_id": "e1"},
                        {"user": {"user_id": "stays"}, "event": "E", "message_id": "e2"}])
    server.wait_drained()
    check(profile(admin, "user_id", "gone") is not None, "the profile is not there before the erase")
    answer = admin.request("DELETE", profile_path("user_id", "gone"))
    check(answer.status in (200, 202, 204), f"DELETE of a profile answered {answer.status}")
    wait_until(lambda: profile(admin, "user_id", "gone") is None, patient(10), "the erased profile gone")
    late = [{"messageId": "e3", "userId": "gone", "type": "track", "event": "E", "timestamp": "2026-01-01T00:00:00.000Z"},
            {"messageId": "e4", "userId": "gone", "type": "identify", "traits": {"city": "Lima"}}]
    send_batch(http, late)
    send_records(http, [{"user": {"email": "gone@example.com"}, "event": "E", "message_id": "e5"}])
    server.wait_drained()
    for restart in (False, True):
        if restart:
            server.kill()
            server.start()
            server.wait_drained()
            admin = server.admin()
        for id_type, value in (("user_id", "gone"), ("email", "gone@example.com")):
            check(profile(admin, id_type, value) is None, f"a late event brought {id_type} of an erased person back (restarted: {restart})")
        check_equal(profile(admin, "user_id", "stays")["events"]["E"]["count"], 1, "events of somebody else")
    send_records(server.ingest(), [{"unsuppress": {"user_id": "gone"}, "message_id": "e6"}])
    server.wait_drained()
    send_records(server.ingest(), [{"user": {"user_id": "gone"}, "event": "E", "message_id": "e7"}])
    server.wait_drained()
    document = profile(server.admin(), "user_id", "gone")
    check(document is not None, "after unsuppress the user_id is still suppressed")
    check_equal(document["events"]["E"]["count"], 1, "events after unsuppress: nothing from before may come back")
