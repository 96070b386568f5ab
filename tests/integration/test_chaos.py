"""Everything at once: all roles in processes of their own on a real broker and a MongoDB-protocol server, and at random, with a
printed seed, processes, brokers and store are killed or stopped, disks of workers wiped, and groups rebalanced. At the end the documents, what the admin
listener shows and an independent oracle are equal, and `events`, as kcat reads it, has each event exactly once.

FRESHET_CHAOS_RECORDS (default 20000; the full run: 200000, as `./dev test --all` does) and FRESHET_SEED from the environment.
"""
import collections
import os
import random
import shutil
import time

import apart
import test_kafka
import test_oracle_kill
import workload
from harness import Background, check_equal, note, wait_until
from patience import patient
from test_bad_input import letters
from test_mongo import compare_documents
from test_oracle_kill import GIVE_UP_S, SENDERS, Sending, make_requests, sender

RECORDS = int(os.environ.get("FRESHET_CHAOS_RECORDS") or 20_000)
RECORDS_PER_BLOW = 2_500  # so many records are sent from one blow to the next
DRAIN_S = patient(300)
PATIENCE_S = patient(600)  # of a sender: with a blow every few seconds one request may be unlucky for long


class Chaos:
    """Strikes; each blow leaves everything running again."""

    def __init__(self, fleet, rng):
        self.fleet = fleet
        self.rng = rng
        self.struck = collections.Counter()
        self.to_come = []
        self.blows = [self.kill_worker, self.wipe_worker, self.stop_worker, self.pause_worker, self.kill_reaction, self.kill_broker, self.kill_store,
                      self.kill_ingest, self.join_and_leave]

    def strike(self):
        if not self.to_come:
            self.to_come = self.rng.sample(self.blows, len(self.blows))  # all of them before one comes again
        blow = self.to_come.pop()
        note(blow.__name__.replace("_", " "))
        self.struck[blow.__name__] += 1
        blow()
        self.supervise()

    def supervise(self):
        for process in self.fleet.processes():
            process.supervise()

    def again(self, process):
        process.kill()
        time.sleep(self.rng.choice((0, 0, 0.5, 7)))  # 7: longer than the session, so that others take over
        process.launch()

    def kill_worker(self):
        self.again(self.rng.choice(self.fleet.actions))

    def wipe_worker(self):
        """It comes back with an empty disk."""
        victim = self.rng.choice(self.fleet.actions)
        victim.kill()
        shutil.rmtree(victim.directory / "data")
        victim.launch()

    def kill_reaction(self):
        self.again(self.fleet.reaction)

    def kill_ingest(self):
        self.again(self.fleet.ingest)

    def pause_worker(self):
        """It does not know that it was away: what it still says is for its successor to have fenced."""
        worker = self.rng.choice(self.fleet.actions)
        worker.pause()
        time.sleep(self.rng.choice((0.5, 4, 9)))
        worker.resume()

    def stop_worker(self):
        """A zombie: silent for longer than its session, then it goes on where it was."""
        victim = self.rng.choice(self.fleet.actions)
        victim.pause()
        time.sleep(self.rng.uniform(1, 10))
        victim.resume()

    def kill_broker(self):
        broker = self.fleet.broker
        one = self.rng.randint(1, broker.count) if broker.count > 1 else None
        broker.kill(one)
        time.sleep(self.rng.uniform(0, 4))
        broker.start(one)

    def kill_store(self):
        self.fleet.mongo.kill()
        time.sleep(self.rng.uniform(0, 4))
        self.fleet.mongo.start()

    def join_and_leave(self):
        """A third worker for a moment: the partitions move twice."""
        third = self.fleet.add(f"action-more-{self.struck['join_and_leave']}", "action").launch()
        time.sleep(self.rng.uniform(2, 8))
        if not third.running():
            third.check_words()
            third.process = None
        elif self.rng.random() < 0.5:
            third.kill()
        else:
            third.stop()


def test_chaos(box):
    run(box, RECORDS, brokers=1)


def test_three_brokers(box):
    run(box, RECORDS // 2, brokers=3)


def test_standbys(box):
    run(box, RECORDS // 2, brokers=1, standbys=1)


def run(box, records, brokers, standbys=0):
    test_oracle_kill.GIVE_UP_S = PATIENCE_S
    number = test_oracle_kill.seed()
    note(f"FRESHET_SEED={number}, {records} records, {brokers} brokers")
    rng = random.Random(number)
    everybody, made = workload.make(rng, people=max(200, records // 40), records=records)
    fleet = apart.Apart(box, extra=workload.COMPUTED_YAML, own=True, brokers=brokers, standbys=standbys).start()
    chaos = Chaos(fleet, rng)
    requests = make_requests(rng, made)
    sending = Sending(len(requests))
    senders = [Background(sender, fleet, requests[i::SENDERS], random.Random(rng.random()), sending) for i in range(SENDERS)]
    blows = max(8, records // RECORDS_PER_BLOW)
    for blow in range(blows):
        at = (blow + 0.5) / (blows + 1)
        wait_until(lambda at=at: sending.share() >= at or not any(s.alive() for s in senders), GIVE_UP_S, "progress of the senders",
                   every_s=0.02)
        chaos.strike()
    while any(s.alive() for s in senders):
        chaos.supervise()
        time.sleep(0.2)
    for one in senders:
        one.join(GIVE_UP_S * 2)
    for process in fleet.processes():
        process.supervise()
        process.wait_ready()
    note(f"{len(requests)} requests acknowledged, {sending.retries} attempts were not")
    fleet.wait_drained(DRAIN_S)
    check_equal(letters(fleet.console), [], "dead letters")
    compare_documents(fleet.mongo, fleet.console, everybody, made)
    test_kafka.check_events(fleet.broker, made)
    note("restarts of processes that ended by themselves: " + str({p.directory.name: p.restarts for p in fleet.processes() if p.restarts}))
