"""`freshet checkpoint restore --partitions N`: another number of partitions, and everything is as if it had always been that."""
import collections
import copy
import json
import os
import random
import shutil
import subprocess
import time
from http.client import HTTPException

import apart
import kafka
import test_oracle_kill
import workload
from harness import (FRESHET, TENANT, Background, Http, bearer, check, check_equal, freshet, lines, note, profile, shorten,
                     wait_until)
from patience import patient
from test_checkpoints import command, place, restored, small_load
from test_mongo import compare_documents
from test_oracle_kill import GIVE_UP_S, Sending, compare, make_requests, sender

SENDERS = 3
AGAIN_SHARE = 0.2
FLOOD_RECORDS = 60_000  # more than may wait before action at any other time
FLOOD_PER_REQUEST = 500


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


# ---- without refusing a request

def sender_of_two(fleet, requests, rng, sending):
    """As a balancer does: the other node, if one does not answer. Whatever answers has to say 200."""
    nodes = [Http(node.ingest_port, timeout_s=patient(30)) for node in fleet.nodes]
    for request in requests:
        sending.wait_for_turn()
        end = time.monotonic() + GIVE_UP_S
        at = rng.randrange(2)
        while True:
            try:
                check(request.send(nodes[at]), "a request was refused")
                break
            except (OSError, HTTPException):
                nodes[at].close()
                at = 1 - at
                sending.add(0, 1)
                check(time.monotonic() < end, f"no node has answered for {GIVE_UP_S:.0f} s")
                time.sleep(0.02)
        sending.add(1, 0)
        time.sleep(0.03)


PORTS = {"FRESHET_INGEST_PORT": "0", "FRESHET_ADMIN_PORT": "0"}  # the configuration wants some; commands open none


def checkpoint(name, config, *arguments, wanted=0, env=None):
    status, out, err = freshet("checkpoint", name, "--config", config, *arguments, timeout_s=patient(300), env=env or PORTS)
    check_equal(status, wanted, f"exit status of checkpoint {name} ({shorten(out + err)})")
    return out + err


def kill_and_repeat(rng, name, config, *arguments):
    """Ended wherever it is; the same command goes on."""
    with subprocess.Popen([str(FRESHET), "checkpoint", name, "--config", str(config), *arguments], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env={**os.environ, **PORTS}) as process:
        time.sleep(rng.uniform(0.05, 1.5))
        process.kill()
        ended = process.wait()
    if ended == 0:
        note(f"checkpoint {name} was done before it could be killed")
        if name == "restore":
            return
    note(checkpoint(name, config, *arguments).strip().splitlines()[0])


def configuration_of(fleet, **other):
    """The same with another prefix, another number: a fleet that is never started writes it."""
    after = copy.copy(fleet)
    after.broker = copy.copy(fleet.broker)
    after.broker.prefix, after.partitions, after.checkpoints = other["prefix"], other["partitions"], other["checkpoints"]
    after.config_path = fleet.box.directory / "after.yaml"
    after.write_config()
    return after


def flood(node, records):
    """Repetitions of what is known, which change nothing, but have to be taken."""
    some = [record for record in records if record.get("message_id")][:FLOOD_PER_REQUEST]
    body = lines([some[i % len(some)] for i in range(FLOOD_PER_REQUEST)])
    http = Http(node.ingest_port, timeout_s=patient(60))
    for _ in range(FLOOD_RECORDS // FLOOD_PER_REQUEST):
        answer = http.request("POST", "/v1/records", body, bearer())
        check_equal(answer.status, 200, f"a request while nothing is processed ({shorten(answer.body.decode(errors='replace'))})")
        check_equal(answer.json()["accepted"], FLOOD_PER_REQUEST, "records accepted while nothing is processed")
    http.close()


def restart_with(process, config_path):
    process.stop()
    process.config_path = config_path
    process.start()


def refused(fleet, name, config_path):
    """What an action says that must not start."""
    process = apart.Process(fleet.box.directory / name, config_path, "action")
    check_equal(process.launch().process.wait(patient(60)), 2, f"exit status of {name}")
    return process.log_tail()


def check_each_event_once(brokers, made):
    wanted = {record["message_id"] for record in made if "event" in record}
    got = collections.Counter(event["message_id"] for broker in brokers for event in broker.committed("events"))
    check(not [message for message, count in got.items() if count > 1], "events that are in `events` of old and new more than once")
    check_equal(set(got), wanted, "events of old and new")


def switch_over(fleet, rng, sending, made):
    """docs/operations/checkpoints.md, Without a stop of what sends."""
    old = fleet.config_path
    after = configuration_of(fleet, prefix=f"{fleet.broker.prefix}of-6.", partitions=6,
                             checkpoints=apart.checkpoints_in(fleet.box).replace("/checkpoints", "/checkpoints-6"))
    target = ("--partitions", "6", "--topic-prefix", after.broker.prefix)
    kill_and_repeat(rng, "prepare", old, *target)
    checkpoint("prepare", old, "--partitions", "6", "--topic-prefix", f"{fleet.broker.prefix}elsewhere.", wanted=2)
    for node in fleet.nodes:
        restart_with(node, after.config_path)
        time.sleep(rng.uniform(0, 1))
    check("wait for their state" in refused(fleet, "too-early", after.config_path), "action starts before its state is there")
    checkpoint("prepare", old, *target, "--cancel", wanted=1)  # there are records

    fleet.wait_drained()
    fleet.console.stop()
    for one in fleet.actions:
        ports = {"FRESHET_INGEST_PORT": "0", "FRESHET_ADMIN_PORT": str(one.admin_port)}
        checkpoint("create", old, "--data-dir", str(one.directory / "data"), env=ports)
    for process in (*fleet.actions, fleet.reaction):
        process.stop()
    began = time.monotonic()
    into = fleet.box.directory / "rebuilt"
    kill_and_repeat(rng, "restore", old, *target, "--into", str(into))
    flood(fleet.nodes[0], made)
    checkpoint("restore", old, *target, "--into", str(into), wanted=2)  # it is done
    checkpoint("create", after.config_path, "--data-dir", str(into))
    check("has gone to the topics" in refused(fleet, "back", old), "the old log has an action again")
    fleet.config_path, fleet.broker, fleet.partitions = after.config_path, after.broker, 6
    fleet.actions = [fleet.add(f"action-of-6-{i}", "action") for i in range(2)]
    for process in (fleet.reaction, fleet.console):
        process.config_path = after.config_path
    for process in (*fleet.actions, fleet.reaction, fleet.console):
        process.launch()
    for process in (*fleet.actions, fleet.reaction, fleet.console):
        process.wait_ready()
    note(f"action was away for {time.monotonic() - began:.0f} s, with {sending.share():.0%} sent")


def test_without_refusing_a_request(box):
    """Two ingest nodes take requests during all of it, prepare and restore are killed on the way, and nothing is lost or counted twice."""
    number = test_oracle_kill.seed()
    note(f"FRESHET_SEED={number}")
    rng = random.Random(number)
    everybody, made = workload.make(rng, people=150, records=6_000)
    fleet = apart.Apart(box, extra=workload.COMPUTED_YAML)
    before = copy.copy(fleet.broker)
    fleet.nodes = [fleet.ingest, fleet.add("ingest-1", "ingest")]
    fleet.start()
    fleet.nodes[1].start()
    requests = make_requests(rng, made)
    sending = Sending(len(requests))
    sending.go_on_to(0.9)
    senders = [Background(sender_of_two, fleet, requests[i::SENDERS], random.Random(rng.random()), sending) for i in range(SENDERS)]
    wait_until(lambda: sending.share() > 0.2, GIVE_UP_S, "some are sent before it begins")
    switch_over(fleet, rng, sending, made)
    sending.go_on_to(1)
    for one in senders:
        one.join(GIVE_UP_S * 2)
    again = [request for request in requests if rng.random() < AGAIN_SHARE]  # before it and after it
    sender_of_two(fleet, again, rng, Sending(len(again)))
    fleet.wait_drained()
    taken = sum(one.metric_sum("^freshet_checkpoint_restored_total") for one in fleet.actions)
    check(taken >= 6, f"workers took {taken:.0f} states from the checkpoints, but there are 6 partitions")
    compare_documents(fleet.mongo, fleet.console, everybody, made)
    check_each_event_once([before, fleet.broker], made)
    schema = json.dumps(fleet.admin().request("GET", f"/v1/tenants/{TENANT}/schema").json())
    for name in {record["event"] for record in made if "event" in record}:
        check(json.dumps(name) in schema, f"the new log does not know {name}")
