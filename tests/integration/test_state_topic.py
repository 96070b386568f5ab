"""The state topic: the last state of each profile, whoever is killed, and a profile store that is lost and restored from it."""
import json
import os
import random
import shutil
import subprocess
import time
from decimal import Decimal

import apart
import kafka
import mongo as mongo_servers
import workload
from harness import FRESHET, TENANT, Background, check, check_equal, freshet, note, profile, send_records, wait_until
from mongo import live_documents, plain
from patience import patient
from test_mirror import kcat, make_topic
from test_oracle_kill import GIVE_UP_S, SENDERS, Sending, compare, difference, make_requests, seed, sender

ARRIVE_S = patient(180)
DATABASE = f"freshet_{TENANT}"
TOPIC = f"{TENANT}.people"
SINK = f'      - {{{{name: people, kind: topic, on: changes, every: 200ms, brokers: "{{brokers}}", topic: {TOPIC}, replication: 1}}}}\n'


def sinks(broker):
    return "    sinks:\n" + SINK.format(brokers=broker.brokers)


def states(broker):
    """What a reader has who begins now: the last value of each key, None of a tombstone."""
    out = {}
    for line in kcat("-C", "-b", broker.brokers, "-t", TOPIC, "-e", "-q", "-o", "beginning", "-X", "isolation.level=read_committed", "-f", "%k %S %s\\n").splitlines():
        key, size, value = line.split(" ", 2)
        out[key] = json.loads(value, parse_float=Decimal) if size != "-1" else None
    return out


def wait_for_sink(server):
    wait_until(lambda: server.metric_sum("freshet_sink_lag_records") == 0, ARRIVE_S, "the sink is at the end")


def documents(mongo):
    """Every profile as the store has it, history and all."""
    database = mongo.client()[DATABASE]
    return {document["_id"]: document for name in ("users", "devices") for document in live_documents(database[name])}


def same_documents(got, wanted, what):
    check_equal(len(got), len(wanted), f"{what}: documents")
    wrong = [f"{key}: {difference(got.get(key), document)}" for key, document in wanted.items() if got.get(key) != document]
    check(not wrong, lambda: f"{what}: {len(wrong)} differ: {wrong[:3]}")


def same_states(broker, stored):
    """The topic has exactly the profiles that the store has, at their versions."""
    live = {key: value for key, value in states(broker).items() if value is not None}
    check_equal(len(live), len(stored), "profiles in the topic")
    wrong = [f"{key}: {value['version']}, stored {stored[key]['version'] if key in stored else None}" for key, value in live.items()
             if key not in stored or value["version"] != stored[key]["version"]]
    check(not wrong, lambda: f"{len(wrong)} other versions: {wrong[:3]}")
    return live


def restore_command(server):
    return ["profiles", "restore", "--config", server.config_path, "--tenant", TENANT, "--sink", "people", "--json"]


def restore(server, rng, after_s):
    """Broken off by SIGKILL, and then to its end."""
    command = [str(FRESHET), *map(str, restore_command(server))]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as first:
        time.sleep(rng.uniform(0.3, 1) * after_s)
        note(f"the first restore was {'killed' if first.poll() is None else 'done before it was killed'}")
        first.kill()
    began = time.monotonic()
    status, out, err = freshet(*restore_command(server), timeout_s=patient(900))
    check_equal(status, 0, f"restore ({out} {err})")
    restored = json.loads(out)
    note(f"restored in {time.monotonic() - began:.1f} s: {restored}")
    return restored


def load(server, rng, people, records, kills):
    """Profiles that are created, linked and merged while the process is killed."""
    everybody, made = workload.make(rng, people=people, records=records)
    requests = make_requests(rng, made)
    sending = Sending(len(requests))
    senders = [Background(sender, server, requests[i::SENDERS], random.Random(rng.random()), sending) for i in range(SENDERS)]
    for kill in range(kills):
        wait_until(lambda at=(kill + 0.5) / (kills + 1): sending.share() >= at or not any(one.alive() for one in senders), GIVE_UP_S, "progress of the senders", every_s=0.01)
        time.sleep(rng.uniform(0, 1))
        server.kill()
        server.start()
    for one in senders:
        one.join(GIVE_UP_S * 2)
    server.wait_drained()
    compare(server, everybody, made)
    return everybody, made


def erase(server, rng, everybody, count):
    erased = [one["user_id"] for one in rng.sample(everybody, count)]
    ids = [profile(server.admin(), "user_id", user_id)["id"] for user_id in erased]
    send_records(server.ingest(), [{"erase": {"user_id": user_id}} for user_id in erased])
    server.wait_drained()
    return set(erased), ids


def shown_in_topic(server, live, everybody, erased):
    """What the API shows is what the topic has."""
    admin = server.admin()
    for one in everybody:
        document = profile(admin, "user_id", one["user_id"])
        check_equal(document is None, one["user_id"] in erased, f"erased {one['user_id']}")
        if document is not None:
            state = live[document["id"]]
            check(state == document, lambda: f"{one['user_id']}: {difference(state, document)}")  # pylint: disable=cell-var-from-loop


def goes_on(server, broker, mongo):
    """After a restore everything works as before."""
    send_records(server.ingest(), [{"message_id": f"after-{i}", "user": {"user_id": f"late{i}"}, "set": {"city": "Pune"}} for i in range(20)])
    server.wait_drained()
    stored = documents(mongo)
    # A sink that has only just begun does not know yet how far it is behind.
    wait_until(lambda: sum(state is not None for state in states(broker).values()) == len(stored), ARRIVE_S, "as many states as documents", every_s=1)
    wait_for_sink(server)
    return same_states(broker, stored)


def test_restores_mongodb(box):
    number = seed()
    note(f"FRESHET_SEED={number}")
    rng = random.Random(number)
    broker, mongo = kafka.share(), mongo_servers.share(box)
    server = box.server(partitions=4, kafka=broker.settings(), top=f'profiles: {{mongodb: {{uri: "{mongo.uri}"}}}}\n',
                        extra=workload.COMPUTED_YAML + sinks(broker))
    everybody, made = load(server, rng, people=200, records=4_000, kills=4)
    erased, ids = erase(server, rng, everybody, 10)
    wait_for_sink(server)
    stored = documents(mongo)
    live = same_states(broker, stored)
    shown_in_topic(server, live, everybody, erased)
    now = states(broker)
    check(all(key in now and now[key] is None for key in ids), "who was erased is a tombstone")
    merged = {one for state in live.values() for one in state["merged_from"]}
    check(merged and all(now.get(key) is None for key in merged), "who was merged is a tombstone, or never had a state")
    check(sum(key in now for key in merged) > 0, "no profile that was merged had a state: nothing was shown")
    server.stop()
    mongo.client().drop_database(DATABASE)
    restored = restore(server, rng, 2)
    same_documents(documents(mongo), stored, "restored")
    check_equal((restored["set_aside"], restored["foreign"], restored["refused"]), (0, 0, 0), "what was not restored")
    server.start()
    goes_on(server, broker, mongo)
    compare(server, [one for one in everybody if one["user_id"] not in erased], [r for r in made if not of_erased(r, everybody, erased)])


def of_erased(record, everybody, erased):
    mine = next(one for one in everybody if any(value in (one["user_id"], *one["emails"], *one["anonymous_ids"]) for value in record["user"].values()))
    return mine["user_id"] in erased


def test_restores_the_embedded_store(box):
    number = seed()
    note(f"FRESHET_SEED={number}")
    rng = random.Random(number)
    broker = kafka.share()
    server = box.server(partitions=4, kafka=broker.settings(), extra=workload.COMPUTED_YAML + sinks(broker))
    everybody, made = load(server, rng, people=100, records=1_500, kills=2)
    wait_for_sink(server)
    server.stop()
    for lost in ("profiles", "profiles.synced"):
        path = server.directory / "data" / lost
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    restore(server, rng, 1)
    server.start()
    compare(server, everybody, made)
    check("made anew" not in server.log_path.read_text(encoding="utf-8"), "the store was made of action's state, and not of the topic")


def test_begun_later_and_refused(box):
    """Profiles that are older than the topic are in it; a topic that would lose them is refused until it is mended."""
    broker = kafka.share()
    make_topic(broker, TOPIC, 4, retention_ms=7200000)
    server = box.server(partitions=4, kafka=broker.settings())
    send_records(server.ingest(), [{"message_id": f"a{i}", "user": {"user_id": f"u{i}"}, "set": {"n": i}} for i in range(50)])
    server.wait_drained()
    server.extra = sinks(broker)
    server.revision += 1
    server.stop()
    server.start()
    wait_until(lambda: "has cleanup.policy=delete" in server.log_path.read_text(encoding="utf-8"), ARRIVE_S, "the reason in the log")
    check_equal(states(broker), {}, "what a topic of another kind gets")
    broker.run("kafka.admin.ConfigCommand", "--alter", "--topic", TOPIC, "--add-config", "cleanup.policy=compact")
    wait_until(lambda: len(states(broker)) == 50, ARRIVE_S, "all profiles")
    wait_until(lambda: server.log_path.read_text(encoding="utf-8").count("action is asked for all profiles of partition") == 4, ARRIVE_S, "each partition's")
    wait_for_sink(server)
    live = states(broker)
    check_equal(sorted(state["attributes"]["n"] for state in live.values()), list(range(50)), "attributes")
    admin = server.admin()
    for i in range(50):
        check_equal(profile(admin, "user_id", f"u{i}"), live[profile(admin, "user_id", f"u{i}")["id"]], f"u{i}")
    table = server.directory / "data" / "sinks"
    check_equal(len(list(table.iterdir())), 1, "tables of sinks")
    server.extra = ""
    server.revision += 1
    server.stop()
    server.start()
    wait_until(lambda: not list(table.iterdir()), ARRIVE_S, "the table goes with the sink")


def test_two_processes(box):
    """Partitions move between processes that are killed, each with a table of its own."""
    number = seed()
    note(f"FRESHET_SEED={number}")
    rng = random.Random(number)
    broker = kafka.share()
    fleet = apart.Apart(box, extra=workload.COMPUTED_YAML + sinks(broker), actions=1)
    fleet.reactions = [fleet.reaction, fleet.add("reaction-1", "reaction")]
    for process in (*fleet.processes(), fleet.reactions[1]):
        process.launch()
    for process in (*fleet.processes(), fleet.reactions[1]):
        process.wait_ready()
    everybody, made = workload.make(rng, people=100, records=2_500)
    requests = make_requests(rng, made)
    sending = Sending(len(requests))
    senders = [Background(sender, fleet, requests[i::SENDERS], random.Random(rng.random()), sending) for i in range(SENDERS)]
    for kill in range(4):
        wait_until(lambda at=(kill + 0.5) / 5: sending.share() >= at or not any(one.alive() for one in senders), GIVE_UP_S, "progress of the senders", every_s=0.01)
        victim = fleet.reactions[kill % 2]
        if kill == 2:
            victim.pause()
            time.sleep(patient(8))
            victim.resume()
            continue
        victim.kill()
        time.sleep(rng.uniform(0, 8))
        victim.start()
    for one in senders:
        one.join(GIVE_UP_S * 2)
    fleet.wait_drained()
    compare(fleet, everybody, made)
    wait_until(lambda: all(one.metric_sum("freshet_sink_lag_records") == 0 for one in fleet.reactions), ARRIVE_S, "the sinks are at the end")
    same_states(broker, documents(fleet.mongo))


def test_restores_100000(box):
    """The whole number, of which the process is killed while they come, and the restore while they go."""
    people = int(os.environ.get("FRESHET_STATE_PROFILES", "100000"))
    rng = random.Random(seed())
    broker, mongo = kafka.share(), mongo_servers.start(box, durable=False)
    server = box.server(partitions=8, kafka=broker.settings(), top=f'profiles: {{mongodb: {{uri: "{mongo.uri}"}}}}\n', extra=sinks(broker))
    for first in range(0, people, 500):
        send_records(server.ingest(), [{"message_id": f"m{i}", "user": {"user_id": f"u{i}", "email": f"u{i}@example.com"}, "set": {"city": rng.choice(workload.CITIES), "n": i},
                                        "event": "Seen", "properties": {"n": i}} for i in range(first, min(people, first + 500))])
        if first in (people // 4, people // 2):
            server.kill()
            server.start()
    server.wait_drained(patient(1200))
    wait_until(lambda: server.metric_sum("freshet_sink_lag_records") == 0, patient(600), "the sink is at the end")
    stored = documents(mongo)
    check_equal(len(stored), people, "profiles")
    same_states(broker, stored)
    server.stop()
    mongo.client().drop_database(DATABASE)
    restore(server, rng, 8)
    same_documents(documents(mongo), stored, "restored")
    server.start()
    check_equal(plain(mongo.client()[DATABASE].users.find_one({"identifiers.user_id": "u7"}))["attributes"]["n"], 7, "the attribute of one")
