"""All brokers, or the store, are away for a while, and every process waits for them: none ends, nothing is lost or done twice.

FRESHET_OUTAGE_SECONDS from the environment: how long (default 15; `./dev test --all`: 300, with which docs/operations/outages.md was written).
"""
import os
import random
import time

import apart
import test_kafka
import test_oracle_kill
import workload
from harness import TENANT, Background, check, check_equal, note, wait_until
from patience import patient
from test_mongo import compare_documents
from test_oracle_kill import SENDERS, Sending, make_requests, sender

OUTAGE_S = int(os.environ.get("FRESHET_OUTAGE_SECONDS") or 15)
PATIENCE_S = OUTAGE_S + patient(180)
RECORDS = 6_000
LOOKS = 20
LOOKS_S = 30
PROBE_S = 1
ANSWER_S = 20  # a client of the store, or of the log, gives up after five; then those who waited are told, too
AWAY = ("/users/user_id/u1", "/users/user_id/u2", "/events?after=begin", "/changes?after=end", "/users/recent")


def resident_mib(process):
    with open(f"/proc/{process.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") >> 20


def look_at_admin(fleet):
    """Nobody who looks waits for what is away: each look would otherwise take as long as a client waits for brokers."""
    began = time.monotonic()
    for process in fleet.processes():
        admin = process.admin()
        for _ in range(LOOKS):
            for path in ("/v1/status", "/v1/flow", "/healthz"):
                check_equal(admin.request("GET", path).status, 200, f"{path} of {process.roles} during the outage")
        admin.close()
    took = time.monotonic() - began
    note(f"{LOOKS} looks at each process took {took:.1f} s")
    check(took < patient(LOOKS_S), lambda: f"{took:.1f} s for {LOOKS} looks at the admin listener of each process")
    # Nor does a probe wait for somebody else's question that the store, or the log, has to answer.
    def ask(path):
        began = time.monotonic()
        status = fleet.console.admin().request("GET", f"/v1/tenants/{TENANT}{path}").status
        took = time.monotonic() - began
        note(f"{path} was answered {status} after {took:.1f} s")
        check(took < patient(ANSWER_S), lambda: f"{path} was answered after {took:.1f} s only")

    asking = [Background(lambda p=path: ask(p)) for path in AWAY]
    slowest = 0.0
    for _ in range(LOOKS):
        began = time.monotonic()
        check_equal(fleet.console.admin().request("GET", "/healthz").status, 200, "/healthz of the console during the outage")
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.1)
    check(slowest < patient(PROBE_S), lambda: f"/healthz of the console took {slowest:.1f} s while others asked for profiles")
    for one in asking:
        one.join(PATIENCE_S)


def run(box, lose, regain):
    number = test_oracle_kill.seed()
    note(f"FRESHET_SEED={number}, an outage of {OUTAGE_S} s")
    test_oracle_kill.GIVE_UP_S = PATIENCE_S  # the senders go on trying
    rng = random.Random(number)
    everybody, made = workload.make(rng, people=200, records=RECORDS)
    fleet = apart.Apart(box, extra=workload.COMPUTED_YAML, own=True).start()
    requests = make_requests(rng, made)
    sending = Sending(len(requests))
    senders = [Background(sender, fleet, requests[i::SENDERS], random.Random(rng.random()), sending) for i in range(SENDERS)]
    wait_until(lambda: sending.share() > 0.3, PATIENCE_S, "progress of the senders")
    lose(fleet)
    taken = sending.acknowledged
    began = time.monotonic()
    look_at_admin(fleet)
    time.sleep(max(0.0, OUTAGE_S - (time.monotonic() - began)))
    note(f"{sending.acknowledged - taken} requests were acknowledged during the outage, {sending.retries} attempts were not")
    note("MiB in memory: " + ", ".join(f"{p.directory.name} {resident_mib(p)}" for p in fleet.processes()))
    began = time.monotonic()
    regain(fleet)
    up = time.monotonic()
    for one in senders:
        one.join(PATIENCE_S * 2)
    fleet.wait_drained(patient(300))
    note(f"back after {up - began:.1f} s, everything sent and readable {time.monotonic() - up:.1f} s later")
    for process in fleet.processes():
        check(process.running(), lambda p=process: f"{p.roles} ended: {p.log_tail()}")
    compare_documents(fleet.mongo, fleet.console, everybody, made)
    test_kafka.check_events(fleet.broker, made)


def test_all_brokers(box):
    run(box, lambda fleet: fleet.broker.kill(), lambda fleet: fleet.broker.start())


def test_store(box):
    run(box, lambda fleet: fleet.mongo.kill(), lambda fleet: fleet.mongo.start())
