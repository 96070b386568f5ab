"""Invariants 1, 4, 6 and 7 from outside: producers that retry, a server that is killed ten times, and at the end every
profile as the oracle says."""
import json
import os
import random
import secrets
import threading
import time
from http.client import HTTPException

import oracle
import workload
from harness import Background, Http, basic, bearer, check, check_equal, lines, note, profile, shorten, wait_until
from patience import patient

KILLS = 10
SENDERS = 4
GIVE_UP_S = patient(120)


def seed():
    return int(os.environ.get("FRESHET_SEED") or secrets.randbelow(10**9))


class Request:
    """A body with the path it goes to; the same bytes however often it is sent."""

    def __init__(self, records, as_batch):
        self.count = len(records)
        self.as_batch = as_batch
        self.body = json.dumps({"batch": [workload.as_segment(r) for r in records]}).encode() if as_batch else lines(records)

    def send(self, http):
        """True: acknowledged. False: not, send it again. Anything else is a failure."""
        path, headers = ("/v1/batch", basic()) if self.as_batch else ("/v1/records", bearer())
        answer = http.request("POST", path, self.body, headers)
        if answer.status in (429, 503):
            return False
        check_equal(answer.status, 200, f"POST {path} ({shorten(answer.body.decode(errors='replace'))})")
        if not self.as_batch:
            check_equal(answer.json()["accepted"], self.count, f"accepted of {path} ({shorten(answer.body.decode())})")
        return True


def make_requests(rng, records):
    requests = []
    at = 0
    while at < len(records):
        part = records[at:at + rng.randint(1, 25)]
        at += len(part)
        batch = [record for record in part if workload.fits_segment(record) and rng.random() < 0.6]
        rest = [record for record in part if record not in batch]
        requests += [Request(of, as_batch) for of, as_batch in ((batch, True), (rest, False)) if of]
    return requests


class Sending:
    """Progress that the senders share with the killer."""

    def __init__(self, total):
        self.total = total
        self.acknowledged = 0
        self.retries = 0
        self.most = 1.0
        self.lock = threading.Lock()

    def go_on_to(self, share):
        """The senders wait there, so that however slow the machine is something is left to be sent."""
        self.most = share

    def wait_for_turn(self):
        while self.share() >= self.most < 1:
            time.sleep(0.01)

    def add(self, acknowledged, retries):
        with self.lock:
            self.acknowledged += acknowledged
            self.retries += retries

    def share(self):
        return self.acknowledged / self.total


def sender(server, requests, rng, sending):
    http = Http(server.ingest_port, timeout_s=10)
    for request in requests:
        sending.wait_for_turn()
        # Some senders send again what was acknowledged: it must not count twice.
        for _ in range(2 if rng.random() < 0.05 else 1):
            send_until_acknowledged(http, request, sending)
        sending.add(1, 0)
        time.sleep(0.002)
    http.close()


def send_until_acknowledged(http, request, sending):
    end = time.monotonic() + GIVE_UP_S
    while True:
        try:
            if request.send(http):
                return
        except (OSError, HTTPException):
            http.close()
        sending.add(0, 1)
        check(time.monotonic() < end, f"a request was not taken for {GIVE_UP_S:.0f} s")
        time.sleep(0.05)


def kill_ten_times(server, rng, sending, senders):
    for kill in range(KILLS):
        wait_until(lambda at=(kill + 0.5) / (KILLS + 1): sending.share() >= at or not any(s.alive() for s in senders), GIVE_UP_S,
                   "progress of the senders", every_s=0.01)
        time.sleep(rng.uniform(0, 0.3))
        server.kill()
        time.sleep(rng.choice((0, 0, 0.2)))
        server.start()
        if rng.random() < 0.3:  # again, while it recovers
            server.kill()
            server.start()


def difference(got, wanted):
    if not isinstance(wanted, dict):
        return f"got {got}, wanted {wanted}"
    keys = [key for key in sorted({*got, *wanted}) if got.get(key) != wanted.get(key)]
    return ", ".join(f"{key}: got {got.get(key)}, wanted {wanted.get(key)}" for key in keys)


def compare(server, people, records):
    """All profiles with the oracle; the number of profiles that differ, with the first few written out."""
    wanted = {p["identifiers"]["user_id"][0]: p for p in oracle.expected_profiles(records, workload.COMPUTED)}
    check_equal(len(wanted), len(people), "persons of the oracle (a fault of this test)")
    admin = server.admin()
    wrong = []
    for user_id, expected in wanted.items():
        document = profile(admin, "user_id", user_id)
        if document is None:
            wrong.append(f"{user_id!r}: no profile")
            continue
        got = oracle.readable(document, workload.COMPUTED)
        wrong += [f"{user_id!r} {part}: {difference(got[part], expected[part])}" for part in expected if got[part] != expected[part]]
        for id_type in ("anonymous_id", "email"):
            for value in expected["identifiers"].get(id_type, []):
                other = profile(admin, id_type, value)
                if other is None or other["id"] != document["id"]:
                    wrong.append(f"{user_id!r}: its {id_type} {value!r} leads to {other and other['id']}, not to {document['id']}")
    admin.close()
    check(not wrong, lambda: f"{len(wrong)} differences: " + "; ".join(shorten(text, 300) for text in wrong[:4]))


def run(box, partitions, records, people, disturb=None, **options):
    """disturb(server, rng, sending, senders) is called while they send."""
    number = seed()
    note(f"FRESHET_SEED={number}")
    rng = random.Random(number)
    everybody, made = workload.make(rng, people=people, records=records)
    server = box.server(partitions=partitions, extra=workload.COMPUTED_YAML, **options)
    requests = make_requests(rng, made)
    sending = Sending(len(requests))
    senders = [Background(sender, server, requests[i::SENDERS], random.Random(rng.random()), sending) for i in range(SENDERS)]
    if disturb:
        disturb(server, rng, sending, senders)
    for one in senders:
        one.join(GIVE_UP_S * 2)
    note(f"{len(requests)} requests acknowledged, {sending.retries} attempts were not")
    server.wait_drained()
    compare(server, everybody, made)
    return server, everybody, made


def test_no_kill(box):
    run(box, partitions=4, records=6_000, people=200)


def test_kill(box):
    server, everybody, made = run(box, partitions=4, records=12_000, people=300, disturb=kill_ten_times)
    server.kill()
    server.start()
    server.wait_drained()
    compare(server, everybody, made)
