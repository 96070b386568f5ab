"""Audiences: who meets a condition is told by the profile, by an event of the stream, and by a webhook, once each, over kills,
merges, an erasure and other audiences put by the API."""
import datetime

import mongo as mongo_servers
import workload
from harness import SERVER_KEY, TENANT, check, check_equal, free_ports, freshet, profile, send_records, wait_until
from mongo import live_documents
from patience import patient
from receiver import SECRET, Receiver
from test_streams import read_on

ARRIVE_S = patient(120)
AUDIENCES = """    audiences:
      - {name: vip, where: {computed.lifetime_value: {ge: 100}, city: Pune}}
      - {name: quiet, where: {computed.purchases: {exists: false}}}
    enrich: [city]
"""
HOOK = """    sinks:
      - name: welcome
        kind: webhook
        url: "http://127.0.0.1:%d/hook"
        secret: %s
        event: Audience Entered
        where: {audience: vip, reason: {ne: moved}}
"""


def order(number, user, total, **more):
    return {"message_id": f"o{number}", "user": {"user_id": user}, "event": "Order Completed", "properties": {"total": total}, **more}


def audiences_of(server, user):
    found = profile(server.admin(), "user_id", user)
    return sorted(found.get("audiences", {})) if found else None


def moves_of(events):
    return [(event["event"].removeprefix("Audience "), event["properties"]["audience"], event["properties"]["reason"])
            for event in events if event["source"] == "audiences"]


def check_turns(events):
    """Of a profile and audience entered and left come by turns, each under an id of its own."""
    last = {}
    for event in events:
        if event["source"] != "audiences":
            continue
        about = (event["user"], event["properties"]["audience"])
        check(last.get(about, "Audience Left") != event["event"], f"twice: {event}")
        last[about] = event["event"]
    ids = [event["message_id"] for event in events]
    check_equal(len(ids), len(set(ids)), "message ids of events")


def put_audiences(box, server, audiences):
    body = box.directory / "tenant.yaml"
    body.write_text(f"write_keys: [integration-key]\nserver_keys: [{SERVER_KEY}]\n" + audiences, encoding="utf-8")
    return freshet("tenants", "put", TENANT, body, "--url", server.admin_url)


def test_members_and_events(box):
    receiver = Receiver(free_ports(1)[0]).start()
    box.at_end(receiver.stop)
    server = box.server(partitions=3, top="events: {keep: 7d}\n", extra=workload.COMPUTED_YAML + AUDIENCES + HOOK % (receiver.port, SECRET))
    send_records(server.ingest(), [order(1, "u1", 60, set={"city": "Pune"}), order(2, "u2", 500, set={"city": "Oslo"}),
                                   {"message_id": "s1", "user": {"user_id": "u3"}, "set": {"city": "Pune"}}])
    server.wait_drained()
    check_equal([audiences_of(server, user) for user in ("u1", "u2", "u3")], [[], [], ["quiet"]], "audiences at first")
    send_records(server.ingest(), [order(3, "u1", 60)])
    server.wait_drained()
    check_equal(audiences_of(server, "u1"), ["vip"], "audiences of u1")
    server.kill()
    server.start()
    send_records(server.ingest(), [order(4, "u1", 5), order(5, "u2", 5)])
    server.wait_drained()
    events, cursor = read_on(server, "events", "begin")
    check_equal(sorted(moves_of(events)), [("Entered", "quiet", "change"), ("Entered", "vip", "change")], "what is told")
    entered = next(event for event in events if event["event"] == "Audience Entered" and event["properties"]["audience"] == "vip")
    check_equal(entered["enriched"], {"city": "Pune"}, "what the event is enriched with")
    check_equal(entered["properties"]["since"], profile(server.admin(), "user_id", "u1")["audiences"]["vip"], "since when")
    # One person from here on, then nobody.
    send_records(server.ingest(), [{"message_id": "x", "merge": {"from": {"user_id": "u3"}, "into": {"user_id": "u1"}}}])
    server.wait_drained()
    check_equal(audiences_of(server, "u3"), ["vip"], "audiences of both")
    send_records(server.ingest(), [{"message_id": "y", "erase": {"user_id": "u1"}}])
    server.wait_drained()
    more, _ = read_on(server, "events", cursor)
    check_turns(events + more)
    ended = [event for event in more if event["properties"].get("reason") == "erase"]
    check_equal(moves_of(ended), [("Left", "vip", "erase")], "what is told of an erasure")
    check_equal(ended[0]["enriched"], {}, "of who is erased nothing but the id is told")
    wait_until(lambda: receiver.taken, ARRIVE_S, "the webhook")
    wait_until(lambda: server.metric_sum("freshet_sink_lag_records") == 0, ARRIVE_S, "the sink is at the end")
    check_equal({record["message_id"] for _, record in receiver.taken}, {entered["message_id"]}, "one newcomer is told of")


def test_other_audiences(box):
    server = box.server(partitions=2, top="events: {keep: 7d}\n", extra=AUDIENCES.replace("computed.lifetime_value: {ge: 100}, ", "").replace("computed.purchases: {exists: false}", "city: Oslo"))
    send_records(server.ingest(), [{"message_id": f"m{i}", "user": {"user_id": f"u{i}"}, "set": {"city": "Pune" if i % 2 else "Oslo"}} for i in range(20)])
    server.wait_drained()
    check_equal([audiences_of(server, f"u{i}") for i in (0, 1)], [["quiet"], ["vip"]], "audiences at first")
    status, _, err = put_audiences(box, server, "audiences: [{name: x, where: {computed.nothing: 1}}]\n")
    check(status == 2 and "audiences[0].where" in err and "is not in computed" in err, f"one that reads what is not there: {status} {err}")
    status, out, err = put_audiences(box, server, "audiences: [{name: south, where: {city: {ne: Oslo}}}]\n")
    check_equal(status, 0, f"other audiences ({out} {err})")
    wait_until(lambda: [audiences_of(server, f"u{i}") for i in range(20)] == [["south"] if i % 2 else [] for i in range(20)], ARRIVE_S,
               "everybody is judged anew")
    server.wait_drained()
    events, _ = read_on(server, "events", "begin")
    check_turns(events)
    check_equal(moves_of(events).count(("Entered", "south", "rules")), 10, "who entered by other rules")
    check_equal(moves_of(events).count(("Left", "quiet", "rules")), 10, "who left by other rules")


def test_in_mongodb(box):
    mongo = mongo_servers.share(box)
    server = box.server(top=f'profiles: {{mongodb: {{uri: "{mongo.uri}"}}}}\n', extra=workload.COMPUTED_YAML + AUDIENCES)
    send_records(server.ingest(), [order(1, "u1", 160, set={"city": "Pune"}), order(2, "u2", 5)])
    server.wait_drained()
    users = mongo.client()[f"freshet_{TENANT}"]["users"]
    found = live_documents(users)
    check_equal(sorted("audiences" in document for document in found), [False, True], "documents with audiences")
    members = list(users.find({"audiences.vip": {"$exists": True}}))
    check(len(members) == 1 and isinstance(members[0]["audiences"]["vip"], datetime.datetime), f"members, since when: {members}")
    send_records(server.ingest(), [{"message_id": "m", "user": {"user_id": "u1"}, "set": {"city": "Oslo"}}])
    server.wait_drained()
    check_equal(list(users.find({"audiences.vip": {"$exists": True}})), [], "members")
