"""Standbys: another process reads along, and takes over when the owner is gone. The documents and events at the end are as the
oracle says, whoever was killed, stopped for a while, or sent away."""
import time

import test_roles
from harness import check, note, wait_until
from patience import patient
from test_oracle_kill import GIVE_UP_S
from test_roles import owned

READY_S = patient(60)
RECORDS = 20_000
TAKE_OVER_S = patient(20)  # bench/takeover measures it: about 4 on a machine that has nothing else to do


def followed(process):
    return process.metric_sum(r"^freshet_action_partitions_followed\b")


def wait_settled(fleet):
    """Each has half of the partitions, and reads the other half along."""
    half = fleet.partitions / 2
    wait_until(lambda: all(owned(one) == half and followed(one) == half for one in fleet.actions), READY_S,
               lambda: "half of the partitions for each, and the other half as standby: "
               f"{[(owned(one), followed(one)) for one in fleet.actions]}", every_s=0.2)


def taken_over(fleet, by, began):
    wait_until(lambda: owned(by) == fleet.partitions, TAKE_OVER_S, "the standby works on all partitions", every_s=0.05)
    took = time.monotonic() - began
    note(f"the standby works on all partitions after {took:.1f} s")


def test_take_over(box):
    def disturb(fleet, rng, sending, senders):
        fleet.actions[0].kill()
        taken_over(fleet, fleet.actions[1], time.monotonic())
        fleet.actions[0].start()
        wait_settled(fleet)
        fleet.actions[1].kill()
        taken_over(fleet, fleet.actions[0], time.monotonic())
        wait_until(lambda: not any(s.alive() for s in senders), GIVE_UP_S, "the senders end")

    test_roles.run(box, disturb, records=RECORDS, ready=wait_settled, standbys=1)


def test_zombie(box):
    """Stopped in the middle of its work, and going on after it was replaced: what it still says is not heard, and it becomes the standby."""
    def disturb(fleet, rng, sending, senders):
        for zombie, standby in (fleet.actions, fleet.actions[::-1]):
            time.sleep(rng.uniform(0, 1))
            zombie.pause()
            taken_over(fleet, standby, time.monotonic())
            zombie.resume()
            wait_settled(fleet)
        for one in fleet.actions:
            check(one.running(), lambda p=one: f"{p.directory.name} ended: {p.log_tail()}")

    test_roles.run(box, disturb, records=RECORDS, ready=wait_settled, standbys=1)


def test_rolling_restart(box):
    def disturb(fleet, rng, sending, senders):
        for i, (one, other) in enumerate((fleet.actions, fleet.actions[::-1])):
            sending.go_on_to((i + 1) / 3)
            began = time.monotonic()
            one.stop()
            taken_over(fleet, other, began)
            one.start()
            wait_settled(fleet)
        sending.go_on_to(1)

    test_roles.run(box, disturb, records=RECORDS, ready=wait_settled, standbys=1)


def test_scale_out_and_in(box):
    def disturb(fleet, rng, sending, senders):
        third = fleet.add("action-2", "action").start()
        wait_until(lambda: owned(third) > 0, READY_S, "the third worker has partitions")
        note(f"the third worker has {owned(third):.0f} partitions and reads {followed(third):.0f} along")
        third.kill()
        wait_until(lambda: sum(owned(one) for one in fleet.actions) == fleet.partitions, READY_S, "its partitions are taken back")

    test_roles.run(box, disturb, records=RECORDS, ready=wait_settled, partitions=8, standbys=1)
