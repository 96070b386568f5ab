"""Sinks: a receiver of webhooks that misbehaves, files over kills, and PostgreSQL that is killed under load with merges
and erasures: what has left equals what the server says."""
import gzip
import json
import random
import sys
import time
from datetime import datetime
from decimal import Decimal

import kafka
import packages
import s3
import workload
from harness import ROOT, SERVER_KEY, TENANT, Background, bearer, check, check_equal, free_ports, freshet, note, send_records, shorten, wait_until
from patience import patient
from postgres import PASSWORD, Postgres
from receiver import SECRET, Receiver
from test_oracle_kill import GIVE_UP_S, SENDERS, Sending, compare, difference, make_requests, seed, sender
from test_streams import read_on

ARRIVE_S = patient(120)
HOOK = """    sinks:
      - name: hook
        kind: webhook
        url: "http://127.0.0.1:{port}/hook?x=1"
        secret: {secret}
        timeout: 1s
        where: {{n: {{ge: 0}}}}
"""


def events(first, last, people=5):
    return [{"message_id": f"m{i}", "user": {"user_id": f"u{i % people}"}, "event": "E", "properties": {"n": i}} for i in range(first, last)]


def arrived(receiver):
    with receiver.lock:
        return {record["properties"]["n"] for _, record in receiver.taken}


def wait_for(receiver, wanted):
    wait_until(lambda: arrived(receiver) >= wanted, ARRIVE_S, "every event at the receiver")


def test_webhook(box):
    receiver = Receiver(free_ports(1)[0]).start()
    box.at_end(receiver.stop)
    server = box.server(partitions=4, extra=HOOK.format(port=receiver.port, secret=SECRET))
    send_records(server.ingest(), [*events(0, 40), {"message_id": "low", "user": {"user_id": "u1"}, "event": "E", "properties": {"n": -1}}])
    wait_for(receiver, set(range(40)))
    for number, mode in enumerate(("500", "huge", "hang", "dead", "killed")):
        first = 40 + 20 * number
        if mode == "dead":
            receiver.stop()
        receiver.mode = mode
        asked = receiver.asked
        send_records(server.ingest(), events(first, first + 20))
        if mode == "huge":
            wait_for(receiver, set(range(first + 20)))
        elif mode in ("500", "hang"):
            wait_until(lambda before=asked: receiver.asked > before, ARRIVE_S, f"an attempt ({mode})")
        if mode == "killed":
            server.kill()
            server.start()
        receiver.mode = "ok"
        if mode == "hang":
            receiver.let_go.set()
        if mode == "dead":
            receiver.start()
        wait_for(receiver, set(range(first + 20)))
    check_equal(receiver.forged, 0, "requests with a wrong signature")
    check_equal(arrived(receiver), set(range(140)), "events that meet the condition")
    first_seen = {}
    for identity, record in receiver.taken:
        first_seen.setdefault(identity, record)
    check_equal(len(first_seen), 140, "ids, one for each event however often it came")
    for user in {record["user"] for record in first_seen.values()}:
        order = [record["properties"]["n"] for record in first_seen.values() if record["user"] == user]
        check_equal(order, sorted(order), "the order of a person's events")
    check_equal(server.metric_sum("freshet_sink_dead_letters_total"), 0, "dead letters")
    log = server.log_path.read_text(encoding="utf-8")
    check(SECRET not in log and SECRET.removeprefix("whsec_") not in log, "the secret is in the log")


def test_what_is_refused_is_a_dead_letter(box):
    receiver = Receiver(free_ports(1)[0]).start()
    box.at_end(receiver.stop)
    receiver.mode, receiver.refuses = "refuse", lambda record: record["properties"]["n"] == 7
    server = box.server(partitions=2, extra=HOOK.format(port=receiver.port, secret=SECRET))
    send_records(server.ingest(), events(0, 20, people=1))
    wait_for(receiver, set(range(20)) - {7})
    path = f"/v1/tenants/{TENANT}/deadletters"
    wait_until(lambda: server.get(path).json()["deadletters"], ARRIVE_S, "the dead letter")
    letter = server.get(path).json()["deadletters"][0]
    check_equal((letter["code"], letter["source"]), ("sink_refused", "sink"), "the letter")
    check("answered 422" in letter["reason"] and "hook/events/" in letter["reason"], f"its reason: {letter['reason']}")


def test_changes_that_meet_a_condition(box):
    receiver = Receiver(free_ports(1)[0]).start()
    box.at_end(receiver.stop)
    hook = HOOK.format(port=receiver.port, secret=SECRET).replace("where: {n: {ge: 0}}", "on: changes\n        where: {computed.lifetime_value: {ge: 100}, city: Pune}")
    server = box.server(partitions=2, extra=workload.COMPUTED_YAML + hook)
    orders = [("u1", "Pune", 60), ("u1", "Pune", 60), ("u2", "Oslo", 500), ("u3", "Pune", 30)]
    for number, (user, city, total) in enumerate(orders):
        send_records(server.ingest(), [{"message_id": f"o{number}", "user": {"user_id": user}, "set": {"city": city}, "event": "Order Completed", "properties": {"total": total}}])
        server.wait_drained()
    wait_until(lambda: receiver.taken, ARRIVE_S, "the change of u1")
    wait_until(lambda: server.metric_sum("freshet_sink_lag_records") == 0, ARRIVE_S, "the sink is at the end")
    check_equal(len(receiver.taken), 1, f"changes ({receiver.taken})")
    ops = receiver.taken[0][1]["ops"]
    check({"op": "set", "section": "computed", "name": "lifetime_value", "value": 120} in ops, f"its ops: {ops}")


def test_by_api(box):
    receiver = Receiver(free_ports(1)[0]).start()
    box.at_end(receiver.stop)
    server = box.server(partitions=2, top="events: {keep: 7d}\n")  # also while there is no sink
    send_records(server.ingest(), events(0, 10))
    body = box.directory / "tenant.yaml"
    keys = f"write_keys: [integration-key]\nserver_keys: [{SERVER_KEY}]\n"
    body.write_text(keys + "sinks:\n  - {name: hook, kind: webhook, url: ftp://x, secret: s, to: file:///x}\n", encoding="utf-8")
    status, _, err = freshet("tenants", "put", TENANT, body, "--url", server.admin_url)
    check(status == 2 and "4:38" in err and "sinks[0].url" in err and "sinks[0].to: is of kind files" in err, f"a wrong sink: {status} {err}")
    hook = HOOK.format(port=receiver.port, secret=SECRET)
    body.write_text(keys + "\n".join(line.removeprefix("    ") for line in hook.splitlines()) + "\n", encoding="utf-8")
    status, out, err = freshet("tenants", "put", TENANT, body, "--url", server.admin_url)
    check_equal(status, 0, f"a right sink ({out} {err})")
    wait_for(receiver, set(range(10)))
    shown = server.get(f"/v1/tenants/{TENANT}").body.decode()
    check("hook" in shown and SECRET not in shown and SECRET.removeprefix("whsec_") not in shown, f"what is shown: {shown}")
    body.write_text(keys, encoding="utf-8")
    check_equal(freshet("tenants", "put", TENANT, body, "--url", server.admin_url)[0], 0, "without the sink")
    send_records(server.ingest(), events(10, 20))
    server.wait_drained()
    body.write_text(keys + "\n".join(line.removeprefix("    ") for line in hook.splitlines()) + "\n", encoding="utf-8")
    check_equal(freshet("tenants", "put", TENANT, body, "--url", server.admin_url)[0], 0, "with it again")
    wait_for(receiver, set(range(20)))
    identities = [identity for identity, _ in receiver.taken]
    check_equal(len(identities), len(set(identities)), "it went on where it was")


def read_files(read, keys):
    """(numbers in the files that manifests name, in order), and no file is there that none names."""
    named, numbers = set(), []
    for key in sorted(key for key in keys if "/_manifest/" in key):
        for file in json.loads(read(key))["files"]:
            named.add(file["path"])
            content = read(file["path"])
            check_equal(len(content), file["bytes"], f"bytes of {file['path']}")
            lines = gzip.decompress(content).decode().splitlines()
            check_equal(len(lines), file["rows"], f"rows of {file['path']}")
            numbers += [json.loads(line)["properties"]["n"] for line in lines]
    data = {key for key in keys if key.endswith(".ndjson.gz")}
    check_equal(data, named, "files that are there, and those of the manifests")
    return numbers


def load_over_kills(server):
    rng = random.Random(seed())
    for first in range(0, 2_000, 100):
        send_records(server.ingest(), events(first, first + 100, people=40))
        if rng.random() < 0.4:
            time.sleep(rng.uniform(0, 0.4))
            server.kill()
            server.start()


def rows_written(lake):
    """As the manifests say; files that none names yet may be there meanwhile."""
    return sum(file["rows"] for manifest in lake.glob(f"{TENANT}/lake/_manifest/*/*/*.json") for file in json.loads(manifest.read_bytes())["files"])


def files_over_kills(box, **options):
    lake = box.directory / "lake"
    server = box.server(partitions=4, extra=f"""    sinks:
      - {{name: lake, kind: files, to: "file://{lake}", every: 500ms, file_bytes: 64KiB, split_by: event}}
""", **options)
    load_over_kills(server)
    wait_until(lambda: rows_written(lake) >= 2_000, ARRIVE_S, "all records in files")
    keys = [str(path.relative_to(lake)) for path in lake.rglob("*") if path.is_file()]
    check_equal(sorted(read_files(lambda key: (lake / key).read_bytes(), keys)), list(range(2_000)), "each record once")


def test_files(box):
    files_over_kills(box)


def test_files_on_kafka(box):
    files_over_kills(box, kafka=kafka.share().settings())


def test_files_in_s3(box):
    bucket = s3.share()
    gate = s3.Gate(bucket.port)
    box.at_end(gate.close)
    server = box.server(partitions=2, extra=f"""    sinks:
      - {{name: lake, kind: files, to: "s3://{bucket.name}/sink", endpoint: "http://127.0.0.1:{gate.port}", every: 500ms}}
""")
    send_records(server.ingest(), events(0, 300))
    gate.close()
    send_records(server.ingest(), events(300, 600))
    time.sleep(1)
    gate.open()
    wait_until(lambda: server.metric_sum("freshet_sink_records_total") >= 600, ARRIVE_S, "all records in S3")
    keys, read = s3.reader(bucket, "sink/")
    check_equal(sorted(read_files(read, keys)), list(range(600)), "each record once")


def read_parquet(lake):
    """The rows of the files that manifests name, as two readers have them; and no file is there that none names."""
    sys.path.insert(0, str(packages.lake_readers()))
    import duckdb  # pylint: disable=import-outside-toplevel,import-error
    import pyarrow.parquet  # pylint: disable=import-outside-toplevel,import-error
    named = [file for manifest in sorted(lake.glob(f"{TENANT}/lake/_manifest/events/*/*.json")) for file in json.loads(manifest.read_bytes())["files"]]
    check_equal(sorted(file["path"] for file in named), sorted(str(path.relative_to(lake)) for path in lake.rglob("*.parquet")), "files that are there, and those of the manifests")
    rows = []
    for file in named:
        content = pyarrow.parquet.ParquetFile(lake / file["path"])
        check_equal((content.metadata.num_rows, (lake / file["path"]).stat().st_size), (file["rows"], file["bytes"]), f"rows and bytes of {file['path']}")
        rows += content.read().to_pylist()
    columns = 'message_id, tenant, "user", event, epoch_us("timestamp"), epoch_us(received_at), source, CAST(properties AS VARCHAR), n'
    duck = duckdb.connect()
    files = [str(lake / file["path"]) for file in named]
    theirs = duck.execute(f"SELECT {columns} FROM read_parquet(?) ORDER BY n", [files]).fetchall()
    # A query by bounds skips what a footer says is not in a file.
    check_equal(duck.execute("SELECT count(*) FROM read_parquet(?) WHERE n BETWEEN 100 AND 199 AND received_at > '2020-01-01'", [files]).fetchone()[0],
                sum(100 <= row["n"] <= 199 for row in rows), "rows within bounds")
    kinds = dict(duck.execute("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet(?))", [files]).fetchall())
    check_equal([kinds[name] for name in ("received_at", "n", "even", "half", "log_partition")],
                ["TIMESTAMP WITH TIME ZONE", "BIGINT", "BOOLEAN", "DOUBLE", "INTEGER"], f"types ({kinds})")
    return sorted(rows, key=lambda row: row["n"]), theirs


def microseconds(text):
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000) * 1000


def test_parquet(box):
    """Over kills, with types, split by event, some of it in each of the compressions."""
    lake = box.directory / "lake"
    server = box.server(partitions=4, extra=f"""    sinks:
      - {{name: lake, kind: files, format: parquet, to: "file://{lake}", every: 500ms, file_bytes: 64KiB, split_by: event, compression: zstd,
          columns: ["n:integer", "even:boolean", "half:number", "at:time", name, "enriched.city"]}}
    enrich: [city]
""")
    rng = random.Random(seed())
    records = [{"message_id": f"m{i}", "user": {"user_id": f"u{i % 40}"}, "set": {"city": "Pune"}, "event": f"E{i % 3}",
                "properties": {"n": i, "even": i % 2 == 0, "half": i / 2 if i % 5 else "none", "at": "2026-01-02T03:04:05.678Z", "name": f"n{i % 7}" if i % 4 else None}}
               for i in range(2_000)]
    for first in range(0, len(records), 100):
        send_records(server.ingest(), records[first:first + 100])
        if rng.random() < 0.3:
            time.sleep(rng.uniform(0, 0.4))
            server.kill()
            if rng.random() < 0.5:  # A batch that was begun is finished as it was begun.
                server.extra = server.extra.replace("compression: zstd", "compression: gzip") if "zstd" in server.extra else server.extra.replace("compression: gzip", "compression: zstd")
                server.revision += 1
            server.start()
    wait_until(lambda: rows_written(lake) >= len(records), ARRIVE_S, "all records in files")
    server.wait_drained()
    sent = {event["message_id"]: event for event in read_on(server, "events", "begin", 10_000)[0]}
    rows, theirs = read_parquet(lake)
    check_equal([row["n"] for row in rows], list(range(len(records))), "each record once")
    for row, other in zip(rows, theirs, strict=True):
        event = sent[row["message_id"]]
        properties = event["properties"]
        times = [microseconds(event["timestamp"]), microseconds(event["received_at"])]
        check_equal([row[name] for name in ("tenant", "user", "event", "source")], [event[name] for name in ("tenant", "user", "event", "source")], "a row")
        check_equal((json.loads(row["properties"]), json.loads(row["enriched"])), (properties, event["enriched"]), "its JSON")
        check_equal([round(row[name].timestamp() * 1_000_000) for name in ("timestamp", "received_at", "at")], [*times, microseconds(properties["at"])], "its times")
        check_equal([row["even"], row["half"], row["name"], row["enriched.city"], row["device"]],
                    [properties["even"], properties["half"] if isinstance(properties["half"], (int, float)) else None, properties.get("name"), "Pune", None], "its typed columns")
        check_equal([*other[:7], json.loads(other[7]), other[8]],
                    [row["message_id"], event["tenant"], event["user"], event["event"], *times, event["source"], properties, properties["n"]], "the row of the other reader")


def test_golden_parquet(_box):
    """The file that a unit test compares with byte by byte is one for others, too."""
    sys.path.insert(0, str(packages.lake_readers()))
    import duckdb  # pylint: disable=import-outside-toplevel,import-error
    import pyarrow.parquet  # pylint: disable=import-outside-toplevel,import-error
    path = ROOT / "tests/golden/sinks/events.parquet"
    table = pyarrow.parquet.read_table(path).to_pylist()
    check_equal([(row["log_offset"], row["total"], row["n"], row["gift"], row["city"], row["enriched.city"]) for row in table],
                [(5, 12.5, 3, True, "Pune", "Oslo"), (8, None, None, None, "7", None), (9, -0.25, 4, None, None, None)], "as pyarrow reads it")
    bounds = pyarrow.parquet.ParquetFile(path).metadata.row_group(0).column(1).statistics
    check_equal((bounds.min, bounds.max, bounds.null_count), (5, 9, 0), "bounds")
    rows = duckdb.connect().execute("SELECT log_offset, total, n, gift, city, \"enriched.city\" FROM read_parquet(?)", [str(path)]).fetchall()
    check_equal([tuple(row) for row in rows], [(row["log_offset"], row["total"], row["n"], row["gift"], row["city"], row["enriched.city"]) for row in table], "as DuckDB reads it")


TABLES = """    sinks:
      - {{name: profiles, kind: postgres, on: changes, uri: "{uri}", table: crm.profiles, columns: [city, computed.purchases]}}
      - {{name: events, kind: postgres, uri: "{uri}", table: crm.events, columns: [total], part_by: day}}
"""


def erase(server, user_id):
    send_records(server.ingest(), [{"erase": {"user_id": user_id}}])


def rows_equal_profiles(server, postgres):
    """What differs between the table and what the changes say."""
    documents = {}
    for row in postgres.ask("SELECT profile FROM crm.profiles") or []:
        document = json.loads(row[0])
        documents[document["id"]] = document
    live = {}
    for change in read_on(server, "changes", "begin", 10_000)[0]:
        if change["removed"]:
            live.pop(change["id"], None)
        else:
            live[change["id"]] = (change["kind"], change["version"])
    if documents.keys() != live.keys():
        return f"{len(documents)} rows, {len(live)} profiles"
    wrong = [identity for identity, (_, version) in live.items() if documents[identity]["version"] != version]
    return f"other versions: {wrong[:3]}" if wrong else ""


def compare_rows(server, postgres, everybody, erased):
    admin = server.admin()
    rows = {row[0]: row for row in postgres.ask("SELECT id, profile, city, \"computed.purchases\", version FROM crm.profiles")}
    for one in everybody:
        answer = admin.request("POST", f"/v1/tenants/{TENANT}/users/lookup", json.dumps({"user_id": one["user_id"]}).encode())
        if one["user_id"] in erased:
            check_equal(answer.status, 404, f"the erased {one['user_id']}")
            continue
        check_equal(answer.status, 200, f"{one['user_id']}")
        document = answer.json()
        row = rows.pop(document["id"], None)
        check(row is not None, f"{one['user_id']} has no row")
        in_row = json.loads(row[1], parse_float=Decimal)
        check(in_row == document, lambda: f"the row of {one['user_id']!r}: {difference(in_row, document)}")  # pylint: disable=cell-var-from-loop
        check_equal(row[2], document["attributes"].get("city", ""), f"city of {one['user_id']}")
        check_equal(row[3], str(document["computed"].get("purchases", "")), f"purchases of {one['user_id']}")
        check_equal(row[4], str(document["version"]), f"version of {one['user_id']}")
    check(not rows, f"rows that nobody has: {shorten(str(list(rows.items())[:2]))}")


def test_postgres(box):
    """Server and PostgreSQL are killed in turn under load."""
    number = seed()
    note(f"FRESHET_SEED={number}")
    rng = random.Random(number)
    postgres = Postgres(box).start()
    everybody, made = workload.make(rng, people=100, records=3_000)
    server = box.server(partitions=4, extra=workload.COMPUTED_YAML + TABLES.format(uri=postgres.uri))
    requests = make_requests(rng, made)
    sending = Sending(len(requests))
    senders = [Background(sender, server, requests[i::SENDERS], random.Random(rng.random()), sending) for i in range(SENDERS)]
    for kill in range(6):
        wait_until(lambda at=(kill + 0.5) / 7: sending.share() >= at or not any(one.alive() for one in senders), GIVE_UP_S, "progress of the senders", every_s=0.01)
        time.sleep(rng.uniform(0, 0.3))
        victim = server if kill % 2 else postgres
        victim.kill()
        time.sleep(rng.choice((0, 0.3)))
        victim.start()
    for one in senders:
        one.join(GIVE_UP_S * 2)
    server.wait_drained()
    compare(server, everybody, made)
    erased = {one["user_id"] for one in rng.sample(everybody, 10)}
    for user_id in sorted(erased):
        erase(server, user_id)
    server.wait_drained()
    wait_until(lambda: rows_equal_profiles(server, postgres) == "", ARRIVE_S, "the table has what the changes say")
    compare_rows(server, postgres, everybody, erased)
    wait_until(lambda: server.metric_sum("freshet_sink_lag_records") == 0, ARRIVE_S, "the sinks are at the end")
    gone = {row[0] for row in postgres.ask("SELECT id FROM crm.freshet_erased")}
    check(len(gone) >= len(erased), f"who was erased ({len(gone)})")
    sent = [event for event in read_on(server, "events", "begin", 10_000)[0] if event.get("user", event.get("device")) not in gone]
    wait_until(lambda: int(postgres.ask("SELECT count(*) FROM crm.events")[0][0]) >= len(sent), ARRIVE_S, "all events")
    rows = postgres.ask("SELECT message_id, event, properties, total FROM crm.events ORDER BY message_id, event")
    wanted = sorted([event["message_id"], event["event"], event["properties"]] for event in sent)
    check_equal([[row[0], row[1], json.loads(row[2])] for row in rows], wanted, "events, each once")
    check(all(float(row[3] or -1) == json.loads(row[2]).get("total", -1) for row in rows), "the column total")
    check(int(postgres.ask("SELECT count(*) FROM pg_inherits")[0][0]) >= 1, "parts of the table")
    log = server.log_path.read_text(encoding="utf-8")
    check(PASSWORD not in log, "the password is in the log")


def test_postgres_erasures(box):
    """Rows of the erased go, also those that come late, whoever is killed; everybody else's stay. The lake gets a list."""
    postgres = Postgres(box).start()
    lake = box.directory / "lake"
    server = box.server(partitions=4, extra=TABLES.format(uri=postgres.uri) + f"""      - {{name: lake, kind: files, to: "file://{lake}", every: 500ms, compression: none}}
""")
    rng = random.Random(seed())
    people, each = 12, 60
    records = [{"message_id": f"m{i}", "user": {"user_id": f"u{i % people}"}, "event": "E", "properties": {"total": i, "who": i % people}} for i in range(people * each)]
    records += [{"message_id": f"a{i}", "user": {"anonymous_id": f"x{i % people}"}, "event": "E", "properties": {"total": 0, "who": i % people}} for i in range(people)]
    erased = [0, 3, 6, 9]
    send_records(server.ingest(), records[-people:])
    send_records(server.ingest(), [{"merge": {"from": {"anonymous_id": f"x{i}"}, "into": {"user_id": f"u{i}"}}} for i in range(people)])
    for first in range(0, people * each, 60):
        send_records(server.ingest(), records[first:first + 60])
        if first == 300:
            postgres.kill()
            for who in erased:
                erase(server, f"u{who}")
            server.kill()
            server.start()
            postgres.start()
        if rng.random() < 0.3:
            server.kill()
            server.start()
    kept = sum(record["properties"]["who"] not in erased for record in records)

    def counts():
        return [int(value) for value in (postgres.ask("SELECT count(*), count(*) FILTER (WHERE properties->>'who' IN ('0','3','6','9')) FROM crm.events") or [[0, 1]])[0]]

    wait_until(lambda: counts() == [kept, 0], ARRIVE_S, "rows of the others, and no more")
    server.wait_drained()
    wait_until(lambda: server.metric_sum("freshet_sink_lag_records") == 0, ARRIVE_S, "the sinks are at the end")
    check_equal(counts(), [kept, 0], "rows of the others, and no more")
    check(int(postgres.ask("SELECT count(*) FROM crm.freshet_erased")[0][0]) >= len(erased), "who was erased")
    listed = [json.loads(line) for path in sorted(lake.glob(f"{TENANT}/lake/erasures/*/*/*.ndjson")) for line in path.read_text(encoding="utf-8").splitlines()]
    check_equal(len({one["id"] for one in listed if one["kind"] == "user"}), len(erased), f"the lake's list ({listed})")
    named = {file["path"] for manifest in lake.glob(f"{TENANT}/lake/_manifest/erasures/*/*.json") for file in json.loads(manifest.read_bytes())["files"]}
    check_equal(named, {str(path.relative_to(lake)) for path in lake.glob(f"{TENANT}/lake/erasures/*/*/*")}, "it has manifests")
    ids = {identity for one in listed for identity in (one["id"], *one["merged"])}
    in_lake = [json.loads(line) for path in lake.glob(f"{TENANT}/lake/events/*/*/*.ndjson") for line in path.read_text(encoding="utf-8").splitlines()]
    check_equal({event["properties"]["who"] for event in in_lake if event["user"] in ids}, set(erased), "whose rows of the lake it names")
    check(all(event["user"] in ids for event in in_lake if event["properties"]["who"] in erased), "it names all of their rows")


def test_postgres_table_that_somebody_changed(box):
    postgres = Postgres(box).start()
    postgres.ask("CREATE SCHEMA crm")
    postgres.ask("CREATE TABLE crm.events (received_at text)")
    server = box.server(partitions=2, extra=TABLES.format(uri=postgres.uri))
    send_records(server.ingest(), [{"message_id": "m", "user": {"user_id": "u"}, "set": {"city": "Pune", "nul": "a\u0000b"}, "event": "E", "properties": {"total": 1}}])
    wait_until(lambda: "column received_at is text and must be timestamp with time zone" in server.log_path.read_text(encoding="utf-8"), ARRIVE_S, "the reason in the log")
    wait_until(lambda: postgres.ask("SELECT city FROM crm.profiles") == [["Pune"]], ARRIVE_S, "the other sink goes on")
    postgres.ask("DROP TABLE crm.events")
    wait_until(lambda: postgres.ask("SELECT total FROM crm.events") == [["1"]], ARRIVE_S, "the table is made anew")


def test_postgres_begun_later(box):
    """The table is younger than the profiles, and the log has not all of their changes."""
    postgres = Postgres(box).start()
    server = box.server(partitions=2)
    send_records(server.ingest(), [{"message_id": f"a{i}", "user": {"user_id": f"u{i}"}, "set": {"city": "Pune", "n": i}} for i in range(5)])
    server.wait_drained()
    server.extra = TABLES.format(uri=postgres.uri).replace("on: changes", "on: changes, start: now")
    server.revision += 1
    server.stop()
    server.start()
    wait_until(lambda: postgres.ask("SELECT count(*) FROM crm.freshet_sinks") is not None and server.metric_sum("freshet_sink_lag_records") == 0, ARRIVE_S, "the sink")
    time.sleep(1)
    send_records(server.ingest(), [{"message_id": f"b{i}", "user": {"user_id": f"u{i}"}, "set": {"m": i}} for i in range(3)])
    wait_until(lambda: postgres.ask("SELECT count(*) FROM crm.profiles WHERE profile->'attributes' ? 'm'") == [["3"]], ARRIVE_S, "the rows that changed")
    for row in postgres.ask("SELECT profile FROM crm.profiles"):
        attributes = json.loads(row[0])["attributes"]
        wanted = {"city": "Pune", "n": attributes["n"], **({"m": attributes["n"]} if attributes["n"] < 3 else {})}
        check_equal(attributes, wanted, "a row is whole")


def test_postgres_profiles_older_than_the_table(box):
    """A new table has everybody, and loses who is erased, also where the change that says so was lost."""
    postgres = Postgres(box).start()
    server = box.server(partitions=2)
    send_records(server.ingest(), [{"message_id": f"a{i}", "user": {"user_id": f"u{i}"}, "set": {"city": "Pune", "n": i}} for i in range(5)])
    server.wait_drained()
    server.extra = TABLES.format(uri=postgres.uri)
    server.revision += 1
    server.stop()
    server.start()
    wait_until(lambda: postgres.ask("SELECT count(*) FROM crm.profiles WHERE city = 'Pune'") == [["5"]], ARRIVE_S, "the rows")
    postgres.kill()
    erase(server, "u1")
    server.wait_drained()
    server.stop()
    postgres.start()
    check(int(postgres.ask("WITH moved AS (UPDATE crm.freshet_sinks SET next = 1000000 WHERE topic = 'changes' RETURNING 1) SELECT count(*) FROM moved")[0][0]) > 0,
          "the sink's places, which are behind all changes now")
    server.start()
    wait_until(lambda: postgres.ask("SELECT count(*) FROM crm.profiles") == [["4"]], ARRIVE_S, "the row of the erased is gone")


def test_postgres_of_two_that_begin(box):
    """Another process writes the first batch of a partition at the same moment: one of the two waits, and sees it."""
    postgres = Postgres(box).start()
    server = box.server(partitions=1, extra=TABLES.format(uri=postgres.uri))
    wait_until(lambda: postgres.ask("SELECT next FROM crm.freshet_sinks WHERE sink LIKE '%/events' AND topic = 'events'") == [["0"]], ARRIVE_S, "the place")
    other = Background(postgres.ask, f"BEGIN; INSERT INTO crm.freshet_sinks VALUES ('{TENANT}/events', 'events', 0, 3) ON CONFLICT (sink, topic, log_partition) "
                       "DO UPDATE SET next = EXCLUDED.next; SELECT pg_sleep(3); COMMIT")
    wait_until(lambda: int(postgres.ask("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3)%' AND pid <> pg_backend_pid()")[0][0]) > 0, ARRIVE_S, "the other process")
    send_records(server.ingest(), events(0, 5))
    other.join(ARRIVE_S)
    wait_until(lambda: postgres.ask("SELECT next FROM crm.freshet_sinks WHERE sink LIKE '%/events' AND topic = 'events'") == [["5"]], ARRIVE_S, "the place behind all")
    check_equal(postgres.ask("SELECT log_offset FROM crm.events ORDER BY 1"), [["3"], ["4"]], "the rows of this process, which are not those of the other one")


def test_postgres_that_refuses_everything(box):
    """Somebody adds a column that must not be null: a few dead letters, and the rest waits."""
    postgres = Postgres(box).start()
    server = box.server(partitions=2, extra=TABLES.format(uri=postgres.uri))
    send_records(server.ingest(), events(0, 10))
    wait_until(lambda: postgres.ask("SELECT count(*) FROM crm.events") == [["10"]], ARRIVE_S, "the rows")
    postgres.ask("ALTER TABLE crm.events ADD COLUMN theirs text NOT NULL DEFAULT 'x'")
    postgres.ask("ALTER TABLE crm.events ALTER COLUMN theirs DROP DEFAULT")
    for first in range(10, 60, 10):
        send_records(server.ingest(), events(first, first + 10))
    wait_until(lambda: "has refused 5 records one after the other" in server.log_path.read_text(encoding="utf-8"), ARRIVE_S, "the reason in the log")
    time.sleep(3)
    letters = server.metric_sum("freshet_sink_dead_letters_total")
    check_equal(letters, 5, "dead letters")
    postgres.ask("ALTER TABLE crm.events ALTER COLUMN theirs DROP NOT NULL")
    wait_until(lambda: postgres.ask("SELECT count(*) FROM crm.events") == [["55"]], ARRIVE_S, "all the others")
    check_equal(server.metric_sum("freshet_sink_dead_letters_total"), 5, "dead letters")


def test_postgres_rows_that_are_refused(box):
    """By a trigger, and by an index that takes no value so long: each is a dead letter, and the others go on."""
    postgres = Postgres(box).start()
    server = box.server(partitions=1, extra=TABLES.format(uri=postgres.uri))
    send_records(server.ingest(), events(0, 3))
    wait_until(lambda: postgres.ask("SELECT count(*) FROM crm.events") == [["3"]], ARRIVE_S, "the rows")
    postgres.ask("CREATE FUNCTION crm.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                 "IF NEW.event = 'Refused' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$")
    postgres.ask("CREATE TRIGGER refuse BEFORE INSERT ON crm.events FOR EACH ROW EXECUTE FUNCTION crm.refuse()")
    postgres.ask("CREATE INDEX ON crm.events ((properties::text))")
    noise = "".join(random.Random(1).choices("0123456789abcdefghijklmnopqrstuvwxyz", k=16_000))
    send_records(server.ingest(), [{"message_id": "refused", "user": {"user_id": "u1"}, "event": "Refused"},
                                   {"message_id": "long", "user": {"user_id": "u1"}, "event": "Long", "properties": {f"p{i}": noise[500 * i:500 * i + 500] for i in range(32)}}])
    send_records(server.ingest(), events(3, 6))
    wait_until(lambda: postgres.ask("SELECT count(*) FROM crm.events") == [["6"]], ARRIVE_S, "all the others")
    check_equal(server.metric_sum("freshet_sink_dead_letters_total"), 2, "dead letters")


def test_postgres_password_that_is_changed(box):
    """The file with the connection string is read again: nobody has to restart anything."""
    postgres = Postgres(box).start()
    secret = box.directory / "uri"
    secret.write_text(postgres.uri, encoding="utf-8")
    server = box.server(partitions=2, extra=TABLES.format(uri=f"file:{secret}"))
    send_records(server.ingest(), events(0, 5))
    wait_until(lambda: postgres.ask("SELECT count(*) FROM crm.events") == [["5"]], ARRIVE_S, "the rows")
    postgres.ask("ALTER USER freshet PASSWORD 'hunter3postgres'")
    postgres.uri = postgres.uri.replace(PASSWORD, "hunter3postgres")
    postgres.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'freshet'")
    send_records(server.ingest(), events(5, 9))
    wait_until(lambda: "password authentication failed" in server.log_path.read_text(encoding="utf-8"), ARRIVE_S, "the reason in the log")
    secret.write_text(postgres.uri, encoding="utf-8")
    wait_until(lambda: postgres.ask("SELECT count(*) FROM crm.events") == [["9"]], ARRIVE_S, "the rows that came since")
