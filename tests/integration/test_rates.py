"""Rates: what a tenant sends above its own waits in order and goes in at the rate; nobody else waits, nothing is lost."""
import random
import threading
import time

import apart
import kafka
from harness import KEY, TENANT, Background, bearer, check, check_equal, lines, profile, send_records, wait_until
from patience import patient
from test_tenant_changes import put, wait_for_status

OTHER = "  - {name: other, write_keys: [other-key]}\n"


def event(number, user="u1"):
    return {"message_id": f"m{number}", "user": {"user_id": user}, "event": "E", "set": {"n": number}}


def count(admin, user="u1", tenant=TENANT):
    answer = admin.request("GET", f"/v1/tenants/{tenant}/users/user_id/{user}")
    return answer.json().get("events", {}).get("E", {}).get("count", 0) if answer.status == 200 else 0


def test_rate_is_kept(box):
    server = box.server(extra="    rate: {events_per_second: 50, burst: 20}\n" + OTHER)
    http, admin = server.ingest(), server.admin()
    began = time.monotonic()
    for at in range(0, 300, 60):
        send_records(http, [event(n) for n in range(at, at + 60)])
    for number in range(20):
        answer = http.request("POST", "/v1/records", lines([event(number)]), bearer("other-key"))
        check_equal(answer.status, 200, "a record of the other tenant")
    wait_until(lambda: count(admin, tenant="other") == 20, patient(3), "the other tenant's records, which wait for nobody", every_s=0.01)
    while (got := count(admin)) < 300:
        allowed = 20 + 50 * (time.monotonic() - began)
        check(got <= allowed * 1.1 + 5, f"{got} applied, {allowed:.0f} are allowed")
        overflow = admin.request("GET", f"/v1/tenants/{TENANT}/freshness").json()["overflow"]
        check(overflow["records"] > 0 or got > 270, f"{got} of 300 are applied, and nothing is said to wait: {overflow}")
        time.sleep(0.1)
    check(time.monotonic() - began > 5, "300 records at 50 a second in under 5 s")
    server.wait_drained()
    check_equal(profile(admin, "user_id", "u1")["attributes"]["n"], 299, "the last value sent")
    check(server.metric_sum("^freshet_overflow_records_total") >= 280, "records that went into overflow")
    wait_until(lambda: server.metric_sum("^freshet_overflow_waiting_records") == 0, patient(5), "nothing waits, as the metrics say")


def test_only_a_full_overflow_refuses(box):
    server = box.server(extra="    rate: {events_per_second: 1, burst: 1}\n" + OTHER, top="overflow: {count: 100}\n")
    http = server.ingest()
    statuses = []
    for at in range(0, 400, 20):
        answer = http.request("POST", "/v1/records", lines([event(n) for n in range(at, at + 20)]), bearer())
        statuses.append(answer.status)
        if answer.status == 429:
            check(int(answer.headers["retry-after"]) > 0, f"Retry-After of a 429: {answer.headers}")
    check_equal(statuses[:5], [200] * 5, "while there is room")
    check_equal(set(statuses[6:]), {429}, "when there is none")
    check_equal(http.request("POST", "/v1/records", lines([event(1)]), bearer("other-key")).status, 200, "another tenant")


def drain_with_kills(server, kills, rate):
    """Sends faster than the rate, and kills the server again and again while it drains."""
    http = server.ingest()
    users = [f"u{n}" for n in range(20)]
    sent = {user: 0 for user in users}
    rng = random.Random(5)
    number = 0
    for _ in range(60):
        records = []
        for _ in range(50):
            user = rng.choice(users)
            sent[user] += 1
            number += 1
            records.append(event(number, user))
        send_records(http, records)
    http.close()
    for _ in range(kills):
        time.sleep(rng.uniform(0.2, 0.2 + 0.5 * number / rate / kills))
        server.kill()
        server.start()
    server.wait_drained(patient(120))
    admin = server.admin()
    got = {user: count(admin, user) for user in users}
    check_equal(got, sent, "events by user after the kills")


def test_killed_while_draining(box):
    rate = 600
    server = box.server(extra=f"    rate: {{events_per_second: {rate}, burst: 10}}\n")
    drain_with_kills(server, 5, rate)


def test_killed_while_draining_on_kafka(box):
    rate = 400
    server = box.server(extra=f"    rate: {{events_per_second: {rate}, burst: 10}}\n", kafka=kafka.share().settings())
    drain_with_kills(server, 2, rate)


def test_another_rate_moves_what_waits(box):
    """At once, though nothing more comes of the tenant: by the old rate it would take eight minutes."""
    server = box.server(extra="    rate: {events_per_second: 1, burst: 1}\n")
    http, admin = server.ingest(), server.admin()
    send_records(http, [event(n) for n in range(500)])
    wait_until(lambda: server.metric_sum("^freshet_overflow_records_total") == 500, patient(10), "what is over the rate in overflow")
    put(admin, {"write_keys": [KEY], "rate": {"events_per_second": 1_000_000}}, TENANT)
    wait_until(lambda: count(admin) == 500, patient(20), lambda: f"500 events by the new rate; there are {count(admin)}")


class Paced:
    """How many events of a tenant are applied, looked at all the time: never more than its rate allows since the first was sent."""

    def __init__(self, admin_of, tenant, rate, users):
        self.tenant, self.rate, self.users = tenant, rate, users
        self.began = time.monotonic()
        self.applied = 0
        self.stopping = threading.Event()
        self.thread = Background(self.look, admin_of())

    def look(self, admin):
        while not self.stopping.is_set():
            self.applied = sum(count(admin, user, self.tenant) for user in self.users)
            # A tenth, and what nodes may have as their bursts; the whole rate at each of two would be twice as much.
            allowed = 1.1 * self.rate * (time.monotonic() - self.began) + 15
            check(self.applied <= allowed, f"{self.applied} events of {self.tenant} applied, {allowed:.0f} are allowed by its rate")
            time.sleep(0.05)

    def wait_for(self, wanted, timeout_s):
        wait_until(lambda: not self.thread.alive() or self.applied >= wanted, timeout_s, lambda: f"{wanted} events of {self.tenant}; there are {self.applied}")

    def stop(self):
        self.stopping.set()
        self.thread.join(patient(20))


def send_to(node, key, user, events):
    http = node.ingest()
    for at in range(0, events, 50):
        answer = http.request("POST", "/v1/records", lines([event(f"{user}-{n}", user) for n in range(at, at + 50)]), bearer(key))
        check_equal((answer.status, answer.json()["accepted"]), (200, 50), f"events of {user}")
    http.close()


def test_two_nodes_on_kafka(box):
    """One rate over both of them; and a node that takes the other's part over keeps the rates of tenants that never sent to it."""
    fleet = apart.Apart(box, actions=1)
    first, second = fleet.ingest, fleet.add("ingest-1", "ingest")
    fleet.start()
    second.start()
    admin = fleet.admin()
    both, slow = TENANT[:40] + "-both", TENANT[:40] + "-slow"
    put(admin, {"write_keys": ["both-key"], "rate": {"events_per_second": 40, "burst": 1}}, both)
    put(admin, {"write_keys": ["slow-key"], "rate": {"events_per_second": 4, "burst": 1}}, slow)
    wait_for_status([first, second], "both-key", 200, "a new tenant's key is taken")
    wait_for_status([second], "slow-key", 200, "another new tenant's key is taken")
    paced = [Paced(fleet.admin, both, 40, ["u1", "u2"]), Paced(fleet.admin, slow, 4, ["u"])]
    for node, key, user, events in ((first, "both-key", "u1", 200), (second, "both-key", "u2", 200), (second, "slow-key", "u", 400)):
        send_to(node, key, user, events)
    paced[0].wait_for(400, patient(60))
    paced[0].stop()
    # It leaves its partitions to the other node, and most of the slow tenant's events in them.
    check(paced[1].applied < 200, f"{paced[1].applied} events of the slow tenant are applied by now")
    second.stop()
    paced[1].wait_for(paced[1].applied + 25, patient(90))
    paced[1].stop()
    put(admin, {"write_keys": ["slow-key"]}, slow)
    fleet.wait_drained()
    check_equal([count(admin, user, tenant) for user, tenant in (("u1", both), ("u2", both), ("u", slow))], [200, 200, 400], "events in the end")
