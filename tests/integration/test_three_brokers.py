"""A cluster of three brokers that loses one of them, each in turn: what is sent meanwhile is taken, no process ends, and at the end
the documents are as the oracle says and each event is in `events` once."""
import random
import time

import apart
import test_kafka
import test_oracle_kill
import workload
from harness import Background, check, check_equal, note
from patience import patient, stretched
from test_mongo import compare_documents
from test_oracle_kill import GIVE_UP_S, SENDERS, Sending, make_requests, sender

BROKERS = 3
TAKEN_S = patient(60)  # at the latest then the brokers that are left take what is sent
GONE_S = stretched(12, most=4)  # how long each is away: more than its session, which tools/kafka stretches likewise


def test_one_lost(box):
    number = test_oracle_kill.seed()
    note(f"FRESHET_SEED={number}")
    rng = random.Random(number)
    everybody, made = workload.make(rng, people=200, records=8_000)
    fleet = apart.Apart(box, extra=workload.COMPUTED_YAML, own=True, brokers=BROKERS).start()
    requests = make_requests(rng, made)
    for gone in range(1, BROKERS + 1):
        part = requests[(gone - 1) * len(requests) // BROKERS:gone * len(requests) // BROKERS]
        while_away(fleet, gone, part, rng)
    fleet.wait_drained()
    compare_documents(fleet.mongo, fleet.console, everybody, made)
    test_kafka.check_events(fleet.broker, made)
    check_equal({p.directory.name: p.restarts for p in fleet.processes() if p.restarts}, {}, "processes that ended by themselves")


def while_away(fleet, gone, requests, rng):
    """Sends all of them, from the moment in which the broker is killed."""
    sending = Sending(len(requests))
    senders = [Background(sender, fleet, requests[i::SENDERS], random.Random(rng.random()), sending) for i in range(SENDERS)]
    fleet.broker.kill(gone)
    began = time.monotonic()
    while time.monotonic() - began < GONE_S or (sending.acknowledged == 0 and time.monotonic() - began < TAKEN_S):
        for process in fleet.processes():
            check(process.running(), lambda p=process: f"{p.roles} ended: {p.log_tail()}")
        time.sleep(0.2)
    acknowledged = sending.acknowledged
    for one in senders:
        one.join(GIVE_UP_S)
    note(f"broker {gone} away for {GONE_S:.0f} s: {acknowledged} of {len(requests)} requests acknowledged meanwhile, "
         f"{sending.retries} attempts were not")
    check(acknowledged > 0, "nothing was taken while one of three brokers was away")
    fleet.broker.start(gone)
