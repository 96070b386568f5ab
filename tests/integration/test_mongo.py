"""Profiles in a store of MongoDB's protocol: the suite of document stores on a real server and over a network that is cut,
the shape of documents, and invariant 8 from outside: server and store are killed, and every document is as the oracle says."""
import os
import random
import subprocess
import time
from decimal import Decimal

import mongo as mongo_servers
import oracle
import workload
from harness import (BUILD, FRESHET, KEY, SERVER_KEY, TENANT, Background, Failure, bearer, check, check_equal, lines, note, profile, send_records,
                     shorten, wait_until)
from mongo import CutNetwork, Refusing, TakenId, live_documents, plain
from patience import patient
from test_oracle_kill import GIVE_UP_S, SENDERS, Sending, difference, make_requests, seed, sender

SUITE_S = patient(600)
KILLS = 8
DATABASE = f"freshet_{TENANT}"


def run_suite(uri, arguments=()):
    done = subprocess.run([str(BUILD / "mongo_conformance"), "--gtest_brief=1", *arguments], capture_output=True, timeout=SUITE_S,
                          stdin=subprocess.DEVNULL, env={**os.environ, "FRESHET_MONGO_URI": uri}, check=False)
    text = (done.stdout + done.stderr).decode(errors="replace")
    check_equal(done.returncode, 0, f"exit status of the suite ({shorten(text[-1500:], 1500)})")
    check("PASSED" in text, "the suite ran no test")


def test_suite(box):
    run_suite(mongo_servers.share(box).uri)


def test_suite_over_a_cut_network(box):
    """Answers are lost after the write, writes before the answer."""
    number = seed()
    note(f"FRESHET_SEED={number}")
    network = CutNetwork(mongo_servers.share(box).port, random.Random(number))
    run_suite(f"mongodb://127.0.0.1:{network.port}/?connectTimeoutMS=1000&heartbeatFrequencyMS=500",
              ["--gtest_filter=*HoldsWhatTheChangesSay*:*ManyBulks*:*ARemoved*"])
    note(f"{network.cuts} connections were cut")
    check(network.cuts > 3, "the network was hardly ever cut: nothing was shown")
    network.close()


def start_with(box, mongo, profiles=None, **options):
    return box.server(top=profiles or f'profiles: {{mongodb: {{uri: "{mongo.uri}"}}}}\n', **options)


def test_documents(box):
    mongo = mongo_servers.share(box)
    server = start_with(box, mongo)
    http = server.ingest()
    send_records(http, [
        {"message_id": "m1", "user": {"user_id": "u1", "email": "a@b.c"}, "device": {"device_id": "d1"},
         "set": {"city": "Pune", "a.b": 1, "$x": True, "o": {"n.m": [1.5]}}, "add_to_set": {"tags": ["x", "y"]},
         "event": "Order v1.0", "properties": {"total": 12.5}, "timestamp": "2026-01-02T03:04:05.678Z"},
        {"message_id": "m2", "user": {"user_id": "u2"}, "set": {"city": "Oslo"}, "timestamp": "2026-01-02T03:04:05.678Z"}])
    server.wait_drained()
    users = mongo.client()[DATABASE].users
    raw = users.find_one({"identifiers.user_id": "u1"})
    check(raw is not None, "there is no document of u1")
    document = plain(raw)
    shown = profile(server.admin(), "user_id", "u1")
    check_equal(document["attributes"], {"city": "Pune", "a%2Eb": 1, "%24x": True, "o": {"n%2Em": [Decimal("1.5")]},
                                         "tags": ["x", "y"]}, "attributes")
    check_equal(document["events"], {"Order v1%2E0": {"count": 1, "first_at": "2026-01-02T03:04:05.678Z", "last_at": "2026-01-02T03:04:05.678Z"}},
                "events")
    check_equal(shown["attributes"]["a.b"], 1, "the attribute a.b as it is shown")
    check_equal(document["_id"], shown["id"], "_id")
    for field in ("tenant", "kind", "identifiers", "devices", "computed", "computed_since", "first_seen", "last_seen", "merged_from", "version"):
        check_equal(document[field], shown[field], field)
    indexes = set(users.index_information())
    check({"identifiers.user_id", "identifiers.email", "removed_at"} <= indexes, f"indexes {indexes}")
    check_equal(mongo.client()[DATABASE].devices.count_documents({"identifiers.device_id": "d1"}), 1, "documents of the device")
    leave_foreign_documents(users)
    erase(server, users, raw["_id"])


def leave_foreign_documents(users):
    """What others leave in the collection must not hurt."""
    users.insert_many([{"_id": 7, "x": 1}, {"_id": "abc", "version": "one"}, {"version": 3, "identifiers": {"user_id": ["u2"]}}])


def erase(server, users, identifier):
    answer = server.ingest().request("POST", "/v1/records", b'{"message_id":"m9","erase":{"user_id":"u1"}}\n', bearer(SERVER_KEY))
    check_equal(answer.status, 200, "erase")
    server.wait_drained()
    tombstone = users.find_one({"_id": identifier})
    check_equal(sorted(tombstone), ["_id", "removed_at", "version"], "fields of the tombstone")
    check_equal(profile(server.admin(), "user_id", "u1"), None, "the profile of an erased person")
    check(profile(server.admin(), "user_id", "u2"), "the profile of u2 is gone, too")


def compare_documents(mongo, server, people, records):
    """All documents, read by another driver, and all profiles as they are shown, with the oracle."""
    wanted = {p["identifiers"]["user_id"][0]: p for p in oracle.expected_profiles(records, workload.COMPUTED)}
    check_equal(len(wanted), len(people), "persons of the oracle (a fault of this test)")
    documents = live_documents(mongo.client()[DATABASE].users)
    wrong = []
    check_equal(len(documents), len(wanted), "documents that are not removed")
    admin = server.admin()
    for document in documents:
        user_id = document["identifiers"].get("user_id", ["?"])[0]
        expected = wanted.pop(user_id, None)
        if expected is None:
            wrong.append(f"{user_id!r}: a document too many")
            continue
        got = oracle.readable(document, workload.COMPUTED)
        shown = oracle.readable(profile(admin, "user_id", user_id), workload.COMPUTED)
        for part in expected:
            if got[part] != expected[part]:
                wrong.append(f"{user_id!r} {part} (version {document['version']}): {difference(got[part], expected[part])}")
            if shown[part] != expected[part]:
                wrong.append(f"{user_id!r} {part} as shown: {difference(shown[part], expected[part])}")
    admin.close()
    check(not wrong and not wanted, lambda: f"{len(wrong)} differences, {len(wanted)} missing: " + "; ".join(shorten(w, 300) for w in wrong[:4]))


def kill_both(server, mongo, rng, sending, senders):
    for kill in range(KILLS):
        wait_until(lambda at=(kill + 0.5) / (KILLS + 1): sending.share() >= at or not any(s.alive() for s in senders), GIVE_UP_S,
                   "progress of the senders", every_s=0.01)
        time.sleep(rng.uniform(0, 0.3))
        victim = rng.choice(("server", "store", "both"))
        note(f"kill {kill + 1}: {victim}")
        if victim != "server":
            mongo.kill()
        if victim == "store":
            time.sleep(rng.uniform(0, 2))
        if victim != "store":
            server.kill()
        if victim != "server":
            mongo.start()
        if victim != "store":
            server.start()


def test_kill(box):
    number = seed()
    note(f"FRESHET_SEED={number}")
    rng = random.Random(number)
    everybody, made = workload.make(rng, people=300, records=12_000)
    mongo = mongo_servers.start(box, durable=True)
    server = start_with(box, mongo, extra=workload.COMPUTED_YAML)
    requests = make_requests(rng, made)
    sending = Sending(len(requests))
    senders = [Background(sender, server, requests[i::SENDERS], random.Random(rng.random()), sending) for i in range(SENDERS)]
    kill_both(server, mongo, rng, sending, senders)
    for one in senders:
        one.join(GIVE_UP_S * 2)
    server.wait_drained()
    compare_documents(mongo, server, everybody, made)
    mongo.kill()
    server.kill()
    mongo.start()
    server.start()
    server.wait_drained()
    compare_documents(mongo, server, everybody, made)


def test_taken_id(box):
    """Two inserts at once: the bulk of a process that was killed, and that of its successor. The newer one must win."""
    mongo = mongo_servers.share(box)
    between = TakenId(mongo, DATABASE, "users")
    server = box.server(top=f'profiles: {{mongodb: {{uri: "mongodb://127.0.0.1:{between.port}/"}}}}\n')
    send_records(server.ingest(), [{"message_id": f"m{i}", "user": {"user_id": f"u{i}"}, "set": {"city": "Pune"},
                                    "timestamp": "2026-01-02T03:04:05.678Z"} for i in range(50)])
    server.wait_drained()
    documents = live_documents(mongo.client()[DATABASE].users)
    check(between.taken, "no id was taken: nothing was shown")
    check_equal(sorted(d.get("attributes", {}).get("city", "?") for d in documents), ["Pune"] * 50, "cities in the documents")
    between.close()


def test_a_tenant_that_is_refused(box):
    """What a server refuses of one tenant alone becomes dead letters of that tenant, and the others are served."""
    mongo = mongo_servers.start(box, durable=False)
    between = Refusing(mongo, DATABASE)
    server = box.server(top=f'profiles: {{mongodb: {{uri: "mongodb://127.0.0.1:{between.port}/"}}}}\n',
                        extra="  - {name: served, write_keys: [served-key]}\n")
    http = server.ingest()

    def send(user, key):
        record = {"message_id": user, "user": {"user_id": user}, "set": {"city": "Pune"}, "timestamp": "2026-01-02T03:04:05.678Z"}
        check_equal(http.request("POST", "/v1/records", lines([record]), bearer(key)).status, 200, f"the record of {user}")

    def letters():
        return [letter["code"] for letter in server.get(f"/v1/tenants/{TENANT}/deadletters").json()["deadletters"]]

    send("u0", "served-key")
    server.wait_drained()
    # Unauthorized, of which the server does not say of how many tenants; InvalidNamespace, of which it does.
    for count, code in enumerate((13, 73), start=1):
        between.code = code
        send(f"refused-{code}", KEY)
        send(f"served-{code}", "served-key")
        server.wait_drained()
        served = live_documents(mongo.client()["freshet_served"].users)
        check_equal(len(served), 1 + count, f"documents of the tenant that is served, with {code}")
        wait_until(lambda: letters() == ["refused_by_store"] * count, patient(10), f"{count} dead letters")  # pylint: disable=cell-var-from-loop
    check(between.refused > 0, "nothing was refused: nothing was shown")
    between.code = 0
    send("later", KEY)
    server.wait_drained()
    check_equal(len(live_documents(mongo.client()[DATABASE].users)), 1, "documents once the tenant is served again")
    between.close()


def test_a_document_in_the_place_of_ours(box):
    """Without a version there is nothing to compare with: it is told, and the others go on."""
    mongo = mongo_servers.share(box)
    users = mongo.client()[DATABASE].users
    server = start_with(box, mongo)
    http = server.ingest()

    def send(number, change):
        send_records(http, [{"message_id": f"{user}-{number}", "user": {"user_id": user}, "timestamp": "2026-01-02T03:04:05.678Z", **change}
                            for user in ("u1", "u2")])
        server.wait_drained()

    def letters():
        return [letter["code"] for letter in server.get(f"/v1/tenants/{TENANT}/deadletters").json()["deadletters"]]

    send(1, {"set": {"city": "Pune"}})
    displaced = users.find_one({"identifiers.user_id": "u1"})["_id"]
    users.replace_one({"_id": displaced}, {"_id": displaced, "mine": 1})
    # What operators alone can say, and what has to read the document first.
    for number, change in ((2, {"set": {"city": "Oslo"}}), (3, {"add_to_set": {"tags": ["x"]}})):
        send(number, change)
        wait_until(lambda count=number - 1: letters() == ["refused_by_store"] * count, patient(10), f"a dead letter of record {number}")
    check_equal(users.find_one({"identifiers.user_id": "u2"})["attributes"], {"city": "Oslo", "tags": ["x"]}, "the other profile")
    users.delete_one({"_id": displaced})
    letter = server.get(f"/v1/tenants/{TENANT}/deadletters").json()["deadletters"][0]["id"]
    answer = server.admin().request("POST", f"/v1/tenants/{TENANT}/deadletters/{letter}/replay")
    check_equal(answer.json()["replayed"], 1, "letters replayed")
    server.wait_drained()
    wait_until(lambda: (users.find_one({"_id": displaced}) or {}).get("attributes") == {"city": "Oslo", "tags": ["x"]}, patient(10),
               "the profile, said whole")


def test_split(box):
    number = seed()
    note(f"FRESHET_SEED={number}")
    everybody, made = workload.make(random.Random(number), people=100, records=3_000)
    mongo = mongo_servers.share(box)
    server = start_with(box, mongo, f'profiles: {{split: {{mongodb: {{uri: "{mongo.uri}"}}, indexed: [city]}}}}\n', extra=workload.COMPUTED_YAML)
    http = server.ingest()
    for at in range(0, len(made), 100):
        send_records(http, made[at:at + 100])
    server.wait_drained()
    admin = server.admin()
    documents = live_documents(mongo.client()[DATABASE].users)
    check_equal(len(documents), len(everybody), "documents that are not removed")
    for document in documents:
        shown = profile(admin, "user_id", document["identifiers"]["user_id"][0])
        check_equal(sorted(document), ["_id", "attributes", "identifiers", "kind", "tenant", "version"], "fields of a split document")
        check_equal(document["identifiers"], shown["identifiers"], "identifiers")
        city = {name: value for name, value in shown["attributes"].items() if name == "city"}
        check_equal(document["attributes"], city, "indexed attributes")
        check(document["version"] <= shown["version"], "the version is ahead of the profile's")


def test_a_store_that_is_not_there(box):
    secret = "hunter2secret"
    server = None
    try:
        server = box.server(top=f'profiles: {{mongodb: {{uri: "mongodb://user:{secret}@127.0.0.1:1/?serverSelectionTimeoutMS=500"}}}}\n')
    except Failure as failure:
        check("ended by itself with status 1" in str(failure), f"not the failure that was expected: {failure}")
    check(server is None, f"{FRESHET} started without its store")
    text = box.servers[-1].log_path.read_text(errors="replace")
    box.servers[-1].process = None
    check("MongoDB: no server of mongodb.uri (profiles) takes writes" in text, f"the log does not say what is wrong: {shorten(text)}")
    check(secret not in text, "the log has the password")
