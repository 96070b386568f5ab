"""Tenants that come, change and go while others send: not one request with a valid key is refused, and none with another one taken."""
import itertools
import json
import os
import signal
import threading
import time

import apart
from harness import KEY, TENANT, Background, bearer, check, check_equal, freshet, lines, note, wait_until
from patience import patient

FOLLOW_S = 2.0  # every node follows within so long, on a machine that has time
REFUSED_FOR_S = 2.5  # a key that is refused is asked for so long at least: several times that a node looks into the log
NAME = TENANT[:44] + "-new"


def put(admin, body, name=NAME):
    answer = admin.request("PUT", f"/v1/tenants/{name}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    check_equal(answer.status, 200, f"PUT of a tenant ({answer.body.decode()})")
    return answer.json()


def status_of(node, key, user="probe"):
    """Of one event with this key. A probe of a key that may be refused or taken."""
    http = node.ingest()
    answer = http.request("POST", "/v1/records", lines([{"user": {"user_id": user}, "event": "Probe"}]), bearer(key))
    http.close()
    return answer.status


def wait_for_status(nodes, key, status, what):
    """How long until every node answers so."""
    began = time.monotonic()
    for node in nodes:
        wait_until(lambda n=node: status_of(n, key) == status, patient(FOLLOW_S), what)
    return time.monotonic() - began


class Asker:
    """Asks nodes with a key all the time: whoever has once refused it must go on doing so."""

    def __init__(self, nodes, key, status):
        self.nodes, self.key, self.status = nodes, key, status
        self.asked = 0
        self.stopping = threading.Event()
        self.thread = Background(self.run)

    def run(self):
        while not self.stopping.is_set():
            for node in self.nodes:
                check_equal(status_of(node, self.key), self.status, f"status with {self.key}, after that was the answer before")
                self.asked += 1

    def stop(self):
        self.stopping.set()
        self.thread.join(patient(20))
        return self.asked


class Sender:
    """Sends events with the key of the moment until it is told to stop. Every answer must be 200."""

    def __init__(self, node, key, user):
        self.node, self.key, self.user = node, key, user
        self.stopping = threading.Event()
        self.accepted = 0
        self.thread = Background(self.run)

    def run(self):
        http = self.node.ingest()
        for number in itertools.count():
            if self.stopping.is_set():
                break
            record = {"message_id": f"{self.user}-{number}", "user": {"user_id": self.user}, "event": "Sent"}
            answer = http.request("POST", "/v1/records", lines([record]), bearer(self.key))
            check_equal(answer.status, 200, f"status of event {number} with a valid key ({answer.body.decode()})")
            check_equal(answer.json()["accepted"], 1, "accepted")
            self.accepted += 1

    def stop(self):
        self.stopping.set()
        self.thread.join(patient(20))
        return self.accepted


def live(nodes, admin, drained, middle=lambda: []):
    """One tenant's life, while another one sends all the time. `middle` may add a node while its key is rotated."""
    others = [Sender(node, KEY, f"other-{i}") for i, node in enumerate(nodes)]
    for node in nodes:
        check_equal(status_of(node, "k1"), 401, "status with a key that is nobody's yet")
    put(admin, {"write_keys": ["k1"]})
    took = [wait_for_status(nodes, "k1", 200, "a new tenant's key is taken")]
    senders = [Sender(node, "k1", f"user-{i}") for i, node in enumerate(nodes)]
    time.sleep(0.5)
    put(admin, {"write_keys": ["k2", "k1"], "computed": [{"name": "sent", "count": "Sent"}]})
    nodes = nodes + middle()
    took.append(wait_for_status(nodes, "k2", 200, "the key that was added is taken"))
    for sender in senders:
        sender.key = "k2"
    time.sleep(0.3)  # what was sent with the old one is answered
    shown = put(admin, {"write_keys": ["k2"], "computed": [{"name": "sent", "count": "Sent"}]})
    check("k2" not in json.dumps(shown), "a key is shown")
    took.append(wait_for_status(nodes, "k1", 401, "the key that was taken away is refused"))
    refused = [Asker(nodes, "k1", 401)]
    time.sleep(REFUSED_FOR_S)
    accepted = [sender.stop() for sender in senders]
    check_equal(admin.request("DELETE", f"/v1/tenants/{NAME}").status, 200, "DELETE of the tenant")
    took.append(wait_for_status(nodes, "k2", 401, "a key of a tenant that is gone is refused"))
    refused.append(Asker(nodes, "k2", 401))
    time.sleep(REFUSED_FOR_S)
    other_count = [sender.stop() for sender in others]
    drained()
    asked = [asker.stop() for asker in refused]
    check(min(asked) > 0, f"refused keys were asked for {asked} times")
    for i, count in enumerate(accepted):
        found = admin.request("GET", f"/v1/tenants/{NAME}/users/user_id/user-{i}").json()
        check_equal(found["events"]["Sent"]["count"], count, "events in the profile of a tenant that was removed")
        check(0 < found["computed"]["sent"] <= count, f"computed by rules that came meanwhile: {found['computed']}")
        found = admin.request("GET", f"/v1/tenants/{TENANT}/users/user_id/other-{i}").json()
        check_equal(found["events"]["Sent"]["count"], other_count[i], "events of the other tenant")
    letters = admin.request("GET", f"/v1/tenants/{NAME}/deadletters").json()["deadletters"]
    check_equal(letters, [], "dead letters of the tenant")
    note(f"{sum(accepted)} events of the tenant, {sum(other_count)} of the other one, {sum(asked)} times a key refused; followed after "
         + ", ".join(f"{seconds * 1000:.0f}" for seconds in took) + " ms")


def test_life(box):
    server = box.server(partitions=4)
    live([server], server.admin(), server.wait_drained)
    # It is so after a crash, too.
    put(server.admin(), {"write_keys": ["k9"]})
    server.kill()
    server.start()
    check_equal(status_of(server, "k9"), 200, "status with a key that came by the API, after a crash")
    check_equal(status_of(server, "k2"), 401, "status with a key that was taken away, after a crash")
    shown = server.get(f"/v1/tenants/{NAME}").json()
    check_equal(shown["from"]["settings"]["from"], "api", "where the tenant comes from")


def test_life_on_kafka(box):
    fleet = apart.Apart(box, actions=1)
    second = fleet.add("ingest-1", "ingest")
    fleet.start()
    second.launch()
    second.wait_ready()

    def middle():
        third = fleet.add("ingest-2", "ingest")
        third.start()
        check_equal(status_of(third, "k1"), 200, "status of a new node with a key that came by the API")
        return [third]

    live([fleet.ingest, second], fleet.admin(), fleet.wait_drained, middle)
    for process in fleet.processes():
        check("freshet_tenants_unreadable_total 0" in process.get("/metrics").body.decode(), f"{process.roles} does not understand a tenant")


def test_sighup(box):
    """A wrong file changes nothing and says where; a right one is in force without a restart."""
    server = box.server()
    right = server.config_path.read_text(encoding="utf-8")

    def reload(text, wanted):
        before = server.log_path.stat().st_size
        server.config_path.write_text(text, encoding="utf-8")
        os.kill(server.process.pid, signal.SIGHUP)
        wait_until(lambda: wanted in server.log_path.read_text(encoding="utf-8")[before:], patient(5), f"{wanted!r} in {server.log_path}")

    more = right + "  - {name: more, write_keys: [more-key]}\n"
    line = more.count("\n")
    reload(more.replace("write_keys: [more-key]", "write_key: [more-key]"), f"freshet.yaml:{line}:18: tenants[1]: unknown key \"write_key\"")
    check_equal(status_of(server, "more-key"), 401, "status with a key of a wrong file")
    reload(more, "raise it to 2")
    check_equal(status_of(server, "more-key"), 401, "status with a key of a file whose revision was published")
    reload(more.replace("revision: 1", "revision: 2"), "revision 2 of the file is in force")
    check_equal(status_of(server, "more-key"), 200, "status with a key of the file")
    check_equal(status_of(server, KEY), 200, "status with a key that was there before")
    check_equal(server.metric_sum("^freshet_config_reload_failures_total"), 2, "freshet_config_reload_failures_total")
    reload(more.replace("revision: 1", "revision: 3").replace("memory: 256MiB", "memory: 257MiB"), "state: changed in the file")
    server.revision = 4  # it is started with one tenant again
    server.stop()
    server.start()
    check_equal(status_of(server, "more-key"), 401, "status with a key that the file no longer has")


def test_commands(box):
    server = box.server(admin=", token: operator-token")
    http = {"FRESHET_ADMIN_TOKEN": "operator-token"}

    def run(*arguments, wanted=0):
        status, out, err = freshet("tenants", *arguments, "--url", server.admin_url, env=http)
        check_equal(status, wanted, f"exit status of tenants {arguments} ({err})")
        return out + err

    file = box.directory / "tenant.yaml"
    file.write_text("write_keys: [a-key]\nlimits:\n  dept: 3\n", encoding="utf-8")
    check("tenant new:3:3: limits" in run("put", "new", file, wanted=2), "a wrong file is answered without its place")
    file.write_text("write_keys: [a-key]\nlimits:\n  depth: 3\n", encoding="utf-8")
    check("a-key" not in run("put", "new", file), "a key is shown")
    check_equal(json.loads(run("show", "new", "--json"))["settings"], {"limits": {"depth": 3}}, "settings")
    check_equal([tenant["name"] for tenant in json.loads(run("list", "--json"))["tenants"]], sorted([TENANT, "new"]), "names")
    check_equal(status_of(server, "a-key"), 200, "status with the key")
    run("delete", "new")
    check_equal(status_of(server, "a-key"), 401, "status with the key of a tenant that is gone")
    run("show", "new", wanted=1)
    for command in ("list", "show", "put", "delete"):
        check("Example:" in freshet("tenants", command, "--help")[1], f"tenants {command} --help has no example")
    audited = [json.loads(line) for line in (server.directory / "data" / "audit.jsonl").read_text(encoding="utf-8").splitlines()]
    check_equal([(entry["action"], entry["status"]) for entry in audited],
                [("PUT /v1/tenants/{tenant}", 400), ("PUT /v1/tenants/{tenant}", 200), ("DELETE /v1/tenants/{tenant}", 200)], "the audit log")


PLAN = {"events": {"Order": {"type": "object", "required": ["total"], "properties": {"total": {"type": "number", "minimum": 0}}}}}


def test_plan(box):
    """Strict mode refuses what is against the plan and keeps it whole; discover mode takes it and counts it."""
    server = box.server()
    admin, ingest = server.admin(), server.ingest()
    path = f"/v1/tenants/{NAME}"

    def send(event, properties, number):
        record = {"message_id": f"m{number}", "user": {"user_id": "u"}, "event": event, "properties": properties}
        answer = ingest.request("POST", "/v1/records", lines([record]), bearer("k"))
        check_equal(answer.status, 200, "status of an event")
        return [rejected["code"] for rejected in answer.json()["rejected"]]

    put(admin, {"write_keys": ["k"], "schema": {"mode": "strict"}})
    check_equal(send("Order", {"total": 5}, 1), ["unplanned_event"], "an event of a strict tenant without a plan")
    wrong = admin.request("PUT", path + "/plan", b'{"events": {"Order":\n  {"pattern": "(a+)+"}}}')
    check_equal(wrong.status, 400, "status of a wrong plan")
    check(":2:4: events.Order: pattern is not supported" in wrong.body.decode(), f"a wrong plan is answered without its place: {wrong.body.decode()}")
    check_equal(admin.request("PUT", path + "/plan", json.dumps(PLAN).encode()).status, 200, "PUT of the plan")
    check_equal(admin.request("GET", path + "/plan").json()["plan"], PLAN, "the plan")
    check_equal(send("Order", {"total": 5, "more": "x"}, 2), [], "an event as the plan says")
    check_equal(send("Order", {"total": "x"}, 3), ["plan_violation"], "an event against the plan")
    check_equal(send("Other", {}, 4), ["unplanned_event"], "an event that is not in the plan")
    letters = wait_until_letters(admin, path, 3)
    against = next(letter for letter in letters if letter["code"] == "plan_violation")
    check("total is not as the tracking plan says: type" in against["reason"], f"the letter does not name property and rule: {against}")
    whole = admin.request("GET", f"{path}/deadletters/{against['id']}").json()
    check_equal(whole["body"]["properties"], {"total": "x"}, "what the letter holds")
    put(admin, {"write_keys": ["k"], "schema": {"mode": "discover"}})
    check_equal(send("Order", {"total": -1}, 5), [], "an event against the plan in discover mode")

    def violations():
        found = admin.request("GET", path + "/violations").json()["violations"]
        return sorted((v["event"], v["property"], v["rule"], v["counts"]["1h"], tuple(v["samples"])) for v in found)

    wanted = [("Order", "total", "minimum", 1, ("m5",)), ("Order", "total", "type", 1, ("m3",)), ("Other", "", "unplanned_event", 1, ("m4",))]
    wait_until(lambda: violations() == wanted, patient(10), f"the violations {wanted}")
    server.kill()
    server.start()
    admin = server.admin()
    check_equal(violations(), wanted, "violations after a crash")
    check_equal(admin.request("DELETE", path + "/plan").status, 200, "DELETE of the plan")
    check_equal(admin.request("GET", path + "/plan").status, 404, "status of a plan that is gone")


def test_phones(box):
    """Phone numbers are one however they are spelled; a tenant from before is brought to one spelling without losing anybody."""
    server = box.server()
    admin, ingest = server.admin(), server.ingest()
    path = f"/v1/tenants/{NAME}/users/lookup"

    def send(phone, event, **user):
        answer = ingest.request("POST", "/v1/records", lines([{"user": {"phone": phone, **user}, "event": event}]), bearer("k"))
        check_equal(answer.json(), {"accepted": 1, "rejected": []}, f"the answer to {phone}")

    def events(phone):
        found = admin.request("POST", path, json.dumps({"phone": phone}).encode())
        return sorted(found.json()["events"]) if found.status == 200 else []

    def settle(phone, wanted):
        wait_until(lambda: events(phone) == wanted, patient(10), lambda: f"{wanted} of {phone}; there is {events(phone)}")

    put(admin, {"write_keys": ["k"], "identity": {"phone": {"default_country": "91"}}})
    for event, phone in enumerate(["+91 98-1", "+91981", "0981", "0091 (98) 1", "981", "tel. 981"]):
        send(phone, f"E{event}")
    for phone in ["+91981", "098-1"]:
        settle(phone, ["E0", "E1", "E2", "E3", "E4"])
    settle("tel. 981", ["E5"])

    put(admin, {"write_keys": ["k"], "identity": {"phone": {"spelling": "as_sent"}}})
    send("+44 20-7", "Before")
    send("+44 30-7", "Before")
    settle("+44 20-7", ["Before"])
    settle("+44 30-7", ["Before"])
    put(admin, {"write_keys": ["k"], "identity": {"phone": {"spelling": "both"}}})
    send("+44207", "Other")
    settle("+44207", ["Other"])
    send("+44 20-7", "After")
    for phone in ["+44207", "+44 20-7", "0044 207"]:
        settle(phone, ["After", "Before", "Other"])
    put(admin, {"write_keys": ["k"], "identity": {"phone": {"spelling": "normal"}}})
    send("(+44) 207", "Now")
    settle("+44 20-7", ["After", "Before", "Now", "Other"])
    settle("+44 30-7", ["Before"])
    check_equal(admin.request("DELETE", f"/v1/tenants/{NAME}/users/phone/%2B44%2030-7").status, 202, "status of an erasure")
    settle("+44 30-7", [])


def test_types(box):
    """A value of another type than was learned: widened over a crash, coerced, refused and kept whole; and told each time."""
    server = box.server()
    admin, ingest = server.admin(), server.ingest()
    path = f"/v1/tenants/{NAME}"

    def send(number, properties, **members):
        record = {"message_id": f"m{number}", "user": {"user_id": "u"}, "event": "Order", "properties": properties, **members}
        answer = ingest.request("POST", "/v1/records", lines([record]), bearer("k"))
        check_equal(answer.status, 200, "status of an event")
        return [rejected["code"] for rejected in answer.json()["rejected"]]

    def total():
        schema = admin.request("GET", path + "/schema").json()
        known = next(event for event in schema["events"] if event["name"] == "Order")["attributes"][0]
        others = [(other["type"], other["rule"], other["count"], tuple(other["samples"])) for other in known.get("other_types", [])]
        return known["type"], sorted(others)

    put(admin, {"write_keys": ["k"], "schema": {"conflicts": "widen"}})
    check_equal(send(1, {"total": 5}, set={"age": 5}), [], "a first value")
    check_equal(send(2, {"total": "many"}, set={"age": "old"}), [], "a text where a number was")
    check_equal(send(3, {"total": 6}, set={"age": 7}), [], "a number again")
    wanted = ("string", [("number", "coerced", 1, ("m3",)), ("string", "widened", 1, ("m2",))])
    wait_until(lambda: total() == wanted, patient(10), lambda: f"the schema {wanted}; it is {total()}")
    server.kill()
    server.start()
    admin, ingest = server.admin(), server.ingest()
    check_equal(total(), wanted, "the schema after a crash")
    profile = wait_until(lambda: admin.request("GET", f"{path}/users/user_id/u").json(), patient(10), "the profile")
    check_equal(profile["attributes"]["age"], "7", "a number whose name was widened to text")
    put(admin, {"write_keys": ["k"], "schema": {"conflicts": "refuse"}})
    check_equal(send(4, {"total": 8}), ["wrong_type"], "a value of another type, refused")
    letter = wait_until_letters(admin, path, 1)[0]
    whole = admin.request("GET", f"{path}/deadletters/{letter['id']}").json()
    check_equal(whole["body"]["properties"], {"total": 8}, "what the letter holds")
    check("known with type string, and came as number" in letter["reason"], f"the letter does not name both types: {letter}")
    put(admin, {"write_keys": ["k"], "schema": {"conflicts": "coerce"}})
    check_equal(admin.request("POST", path + "/deadletters/replay", b'{"code": "wrong_type"}').json()["replayed"], 1, "replayed letters")
    wanted = ("string", sorted([*wanted[1], ("number", "wrong_type", 1, ("m4",))]))

    def violations():
        found = admin.request("GET", path + "/violations").json()["violations"]
        return sorted((v["property"], v["rule"], v["type"], v.get("subject", ""), v["counts"]["1h"]) for v in found)

    told = [("age", "coerced", "number", "user_attribute", 1), ("age", "widened", "string", "user_attribute", 1),
            ("total", "coerced", "number", "", 1), ("total", "widened", "string", "", 1), ("total", "wrong_type", "number", "", 1)]
    wait_until(lambda: violations() == told, patient(10), lambda: f"the violations {told}; they are {violations()}")
    check_equal(total(), wanted, "the schema at the end")


def wait_until_letters(admin, path, count):
    wait_until(lambda: len(admin.request("GET", path + "/deadletters").json()["deadletters"]) == count, patient(10), f"{count} dead letters")
    return admin.request("GET", path + "/deadletters").json()["deadletters"]
