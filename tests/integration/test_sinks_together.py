"""All outlets of one tenant at once: PostgreSQL, files and a receiver of webhooks, killed and stopped in turn with the server
itself, under load with merges and erasures. At the end tables, files (as DuckDB reads them) and deliveries equal what the
oracle makes of the records that were sent."""
import json
import random
import sys
import time

import packages
import workload
from harness import TENANT, Background, check, check_equal, free_ports, note, shorten, wait_until
from postgres import Postgres
from receiver import SECRET, Receiver
from test_oracle_kill import GIVE_UP_S, SENDERS, Sending, compare, make_requests, seed, sender
from test_sinks import ARRIVE_S, HOOK, TABLES, compare_rows, erase, rows_equal_profiles
from test_streams import read_on

ROUNDS = 8
DOWN_S = (0, 0.3, 1)
LAKE = """      - {{name: lake, kind: files, to: "file://{lake}", every: 500ms, file_bytes: 64KiB, compression: zstd}}
"""


def to_be_erased(rng):
    """(people, records): each is known by one identifier only, so that nothing of them is anywhere else once they are erased."""
    everybody, made = workload.make(rng, people=12, records=600, tag="gone")
    of = {name: one["user_id"] for one in everybody for name in (one["user_id"], *one["emails"], *one["anonymous_ids"])}
    for record in made:
        record["user"] = {"user_id": of[next(iter(record["user"].values()))]}
    return everybody, made


def disturb(rng, server, postgres, receiver, sending, senders, condemned):
    """One of the three is away for a moment, and meanwhile some people are erased."""
    for number in range(ROUNDS):
        wait_until(lambda at=(number + 0.5) / (ROUNDS + 1): sending.share() >= at or not any(one.alive() for one in senders), GIVE_UP_S,
                   "progress of the senders", every_s=0.01)
        victim = ("server", "postgres", "receiver")[number % 3]
        if victim == "server":
            server.kill()
        elif victim == "postgres":
            postgres.kill()
        else:
            receiver.stop()
        time.sleep(rng.choice(DOWN_S))
        if victim == "server":
            server.start()
        for user_id in condemned[number::ROUNDS]:
            erase(server, user_id)
        if victim == "postgres":
            postgres.start()
        elif victim == "receiver":
            receiver.start()


def wanted_events(records):
    """By message id: what leaves for each record that has an event, each once, however often it was sent."""
    return {record["message_id"]: (record["event"], record["properties"]) for record in records if "event" in record}


def in_files(lake):
    """Message id, event and properties of every row of the files that manifests name, as DuckDB reads them."""
    sys.path.insert(0, str(packages.lake_readers()))
    import duckdb  # pylint: disable=import-outside-toplevel,import-error
    named = [lake / file["path"] for manifest in lake.glob(f"{TENANT}/lake/_manifest/events/*/*.json") for file in json.loads(manifest.read_bytes())["files"]]
    if not named:
        return []
    rows = duckdb.connect().execute("SELECT message_id, event, CAST(properties AS VARCHAR) FROM read_json(?, format = 'newline_delimited', compression = 'zstd', "
                                    "columns = {message_id: 'VARCHAR', event: 'VARCHAR', properties: 'JSON'})", [[str(path) for path in named]]).fetchall()
    return [(message_id, (event, json.loads(properties))) for message_id, event, properties in rows]


def in_table(postgres):
    rows = postgres.ask("SELECT message_id, event, properties FROM crm.events") or []
    return [(row[0], (row[1], json.loads(row[2]))) for row in rows]


def delivered(receiver):
    """In the order in which each came first: a delivery whose answer was lost is made again under the same id."""
    with receiver.lock:
        first = {}
        for identity, record in receiver.taken:
            first.setdefault(identity, record)
    return list(first.values())


def differences(got, kept, erased):
    """What is wrong of (message id, content) pairs: each of `kept` once; of `erased` at most once."""
    told = []
    seen = {}
    for message_id, content in got:
        if message_id in seen:
            told.append(f"{message_id} twice")
        seen[message_id] = content
    told += [f"{message_id} is missing" for message_id in kept.keys() - seen.keys()]
    told += [f"{message_id}: {content}" for message_id, content in seen.items() if {**kept, **erased}.get(message_id) != content]
    return told


def in_order(deliveries, stream):
    """Whether a profile's deliveries came in the order of the stream."""
    place = {event["message_id"]: number for number, event in enumerate(stream)}
    last = {}
    for record in deliveries:
        number = place[record["message_id"]]
        if last.get(record["user"], -1) > number:
            return f"{record['message_id']} came behind a later event of {record['user']}"
        last[record["user"]] = number
    return ""


def test_equal_the_oracle(box):
    number = seed()
    note(f"FRESHET_SEED={number}")
    rng = random.Random(number)
    lake = box.directory / "lake"
    postgres = Postgres(box).start()
    receiver = Receiver(free_ports(1)[0]).start()
    box.at_end(lambda: receiver.server and receiver.stop())
    hook = HOOK.format(port=receiver.port, secret=SECRET).removeprefix("    sinks:\n")
    server = box.server(partitions=4, extra=workload.COMPUTED_YAML + TABLES.format(uri=postgres.uri) + LAKE.format(lake=lake) + hook)
    everybody, made = workload.make(rng, people=100, records=3_000)
    doomed, theirs = to_be_erased(rng)
    together = made + theirs
    rng.shuffle(together)
    requests = make_requests(rng, together)
    sending = Sending(len(requests))
    senders = [Background(sender, server, requests[i::SENDERS], random.Random(rng.random()), sending) for i in range(SENDERS)]
    condemned = [one["user_id"] for one in doomed]
    disturb(rng, server, postgres, receiver, sending, senders, condemned)
    for one in senders:
        one.join(GIVE_UP_S * 2)
    for user_id in condemned:  # also whoever was erased before anything of them had come
        erase(server, user_id)
    server.wait_drained()
    compare(server, everybody, made)

    kept, erased = wanted_events(made), wanted_events(theirs)
    wait_until(lambda: rows_equal_profiles(server, postgres) == "", ARRIVE_S, "the table has what the changes say")
    compare_rows(server, postgres, everybody + doomed, set(condemned))
    for what, read in (("the table", lambda: in_table(postgres)), ("the files", lambda: in_files(lake)),
                       ("the deliveries", lambda: [(one["message_id"], (one["event"], one["properties"])) for one in delivered(receiver)])):
        wait_until(lambda read=read: {message_id for message_id, _ in read()} >= kept.keys(), ARRIVE_S, f"all events in {what}")
        wrong = differences(read(), kept, erased)
        check(not wrong, lambda: f"{what}: {len(wrong)} differences: {shorten('; '.join(wrong[:4]), 600)}")  # pylint: disable=cell-var-from-loop
    wait_until(lambda: not [one for one in in_table(postgres) if one[0] in erased], ARRIVE_S, "no row of an erased person in the table")
    check_equal(in_order(delivered(receiver), read_on(server, "events", "begin", 10_000)[0]), "", "the order of a person's deliveries")
    check_equal(receiver.forged, 0, "requests with a wrong signature")
    check_equal(server.metric_sum("freshet_sink_dead_letters_total"), 0, "dead letters")

