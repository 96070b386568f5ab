"""Rates: what a tenant sends above its own waits in order and goes in at the rate; nobody else waits, nothing is lost."""
import random
import time

import kafka
from harness import TENANT, bearer, check, check_equal, lines, profile, send_records, wait_until
from patience import patient

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
