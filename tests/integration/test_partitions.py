"""`freshet checkpoint restore --partitions N`: another number of partitions, and everything is as if it had always been that."""
import random
import shutil

import kafka
import test_oracle_kill
import workload
from harness import Background, check, check_equal, note, profile
from test_checkpoints import command, place, restored, small_load
from test_oracle_kill import Sending, compare, make_requests, sender

SENDERS = 3
AGAIN_SHARE = 0.2


def send_all(server, requests, rng):
    sending = Sending(len(requests))
    senders = [Background(sender, server, requests[i::SENDERS], random.Random(rng.random()), sending) for i in range(SENDERS)]
    for one in senders:
        one.join(test_oracle_kill.GIVE_UP_S * 2)
    server.wait_drained()


def versions(server, everybody):
    admin = server.admin()
    found = {user_id: profile(admin, "user_id", user_id) for user_id in everybody}
    admin.close()
    return {user_id: (document["id"], document["version"]) for user_id, document in found.items() if document}


def change_partitions(server, partitions, *arguments):
    """As docs/operations/checkpoints.md tells it; the server is stopped."""
    command(server, "create")
    into = server.directory / f"data-{partitions}"
    before = server.partitions
    made = command(server, "restore", "--partitions", str(partitions), "--into", str(into), "--json", *arguments)["rebuilt"]
    check_equal((made["partitions_before"], made["partitions"]), (before, partitions), "partitions before and after")
    (server.directory / "data").rename(server.directory / f"data-{before}-before")
    into.rename(server.directory / "data")
    server.partitions = partitions
    server.top = place(server.directory / f"checkpoints-{partitions}")


def change_while_sending(server, numbers, change):
    """Records, another number of partitions, more records and some of the old ones: profiles as the oracle says."""
    number = test_oracle_kill.seed()
    note(f"FRESHET_SEED={number}")
    rng = random.Random(number)
    everybody, made = workload.make(rng, people=120, records=3_000)
    requests = make_requests(rng, made)
    part = len(requests) // (len(numbers) + 1) + 1
    parts = [requests[at:at + part] for at in range(0, len(requests), part)]
    send_all(server, parts[0], rng)
    for at, partitions in enumerate(numbers, 1):
        names = sorted({user["user_id"] for record in made if "user_id" in (user := record.get("user", {}))})
        before = versions(server, names)
        check(before, "no profile before the change")
        server.stop()
        change(server, partitions)
        server.start()
        after = versions(server, names)
        check_equal(after, before, "ids and versions of the profiles after the change")
        again = [request for request in requests[:at * part] if rng.random() < AGAIN_SHARE]
        send_all(server, parts[at] + again, rng)
    compare(server, everybody, made)


def test_other_partitions(box):
    server = box.server(top=place(box.directory / "checkpoints"), partitions=4, extra=workload.COMPUTED_YAML)
    change_while_sending(server, [7, 3], change_partitions)


def test_other_partitions_on_kafka(box):
    """A worker without a disk has its part from the checkpoints that are made of the new state."""
    broker = kafka.share()

    def change(server, partitions):
        broker.prefix += f"of-{partitions}."
        change_partitions(server, partitions, "--topic-prefix", broker.prefix)
        server.log = f"kind: kafka, kafka: {{{broker.settings()}}}"
        server.write_config()
        command(server, "create")
        shutil.rmtree(server.directory / "data" / "state")

    server = box.server(top=place(box.directory / "checkpoints"), partitions=4, kafka=broker.settings(), extra=workload.COMPUTED_YAML)
    change_while_sending(server, [6], change)
    check_equal(restored(server), 6, "states that were restored")


def test_not_drained(box):
    """Refused, with what to do; nothing is left behind."""
    server = box.server(top=place(box.directory / "checkpoints"), partitions=2)
    into = box.directory / "new"

    def refused(words, *arguments, wanted=1):
        said = command(server, "restore", "--partitions", "5", *arguments, wanted=wanted)
        check(words in said, f"not the error that was expected: {said}")
        check(not [entry for entry in into.glob("*") if entry.name != "rebuilding"], f"left in {into}: {list(into.glob('*'))}")

    small_load(server, 50)
    refused("another freshet runs", "--into", str(into))
    server.stop()
    command(server, "create")
    server.start()  # rules are published again: a record after the checkpoint
    server.wait_drained()
    server.stop()
    shutil.rmtree(server.directory / "data" / "state")  # not even the state on this disk is asked
    refused("has records after that", "--into", str(into))
    refused("--into", wanted=2)
    refused("--topic-prefix", "--into", str(into), "--topic-prefix", "x.", wanted=2)
    refused("is not empty", "--into", str(server.directory / "data"), wanted=2)
    shutil.rmtree(server.directory / "data" / "log")
    refused("there is no log", "--into", str(into))
