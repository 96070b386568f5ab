"""What others do to the log and the store: a clear error at the start (what, where, what would be right), or a dead letter. Never
a process that ends without a word."""
import base64
import json
import random
import subprocess

import kafka
import mongo
from harness import (TENANT, Server, bearer, check, check_equal, freshet, free_ports, lines, profile, send_records, shorten,
                     wait_until)
from patience import patient

SECRET = "hunter2"
FOREIGN = b"not an envelope\xff"
# Envelope {tenant, message_id, kind: 99, user}: of a version that is not written yet.
NEWER_KIND = b"\x0a" + bytes([len(TENANT)]) + TENANT.encode() + b"\x1a\x02n1\x20\x63\x2a\x0d\x0a\x07user_id\x12\x02u1"
# Envelope {kind: CONTROL, control {revision: 99, logic_version: 99}}.
NEWER_LOGIC = b"\x20\x06\x8a\x01\x04\x08\x63\x10\x63"


def produce(broker, topic, value, partition=0):
    """From a file: on standard input a line would be a record."""
    file = broker.directory / f"record-of-{broker.prefix}{topic}"
    file.write_bytes(value)
    subprocess.run(["kcat", "-P", "-b", broker.brokers, "-t", f"{broker.prefix}{topic}", "-p", str(partition), str(file)], timeout=patient(30), check=True)


def run_with(box, settings, log="", top="", partitions=2, revision=1):
    config = box.directory / "freshet.yaml"
    config.write_text(f"revision: {revision}\ndata_dir: {box.directory / 'data'}\ntenants: [{{name: {TENANT}, write_keys: [k]}}]\n"
                      'admin: {listen: "127.0.0.1:0"}\ningest: {listen: "127.0.0.1:0"}\n'
                      f'log: {{kind: kafka, partitions: {partitions}, kafka: {{{settings}{log}}}}}\n'
                      f'checkpoints: {{to: "file://{box.directory}/checkpoints"}}\n{top}', encoding="utf-8")
    status, out, err = freshet("run", "--config", config, timeout_s=patient(90))
    check(SECRET not in out + err, "a password is in the log")
    check(status in (1, 2), f"exit status {status}")
    return err


def says(err, *words):
    missing = [word for word in words if word not in err]
    check(not missing, f"the error says nothing of {missing}: {shorten(err)}")


def test_foreign_records(box):
    broker = kafka.share()
    server = box.server(partitions=2, kafka=broker.settings())
    produce(broker, "actions", FOREIGN)
    produce(broker, "actions", NEWER_KIND)
    produce(broker, "changes", FOREIGN)
    produce(broker, "schema", FOREIGN)
    send_records(server.ingest(), [{"message_id": "m1", "user": {"user_id": "u1"}, "event": "E"}])
    wait_until(lambda: profile(server.admin(), "user_id", "u1"), patient(30), "the line goes on")
    status, out, _ = freshet("deadletters", "list", "--tenant", TENANT, "--url", server.admin_url)
    check_equal(status, 0, "freshet deadletters list")
    check("unknown_kind" in out, f"no dead letter of the newer kind: {out}")
    check_equal(server.metric_sum("^freshet_action_dead_letters_total"), 2, "dead letters of action")
    check_equal(server.metric_sum("^freshet_reaction_poison_total"), 1, "dead letters of reaction")
    server.stop()
    server.start()
    check(profile(server.admin(), "user_id", "u1"), "the profile after a start")


def test_newer_logic(box):
    """It ends, and says which partition goes on by what."""
    broker = kafka.share()
    server = box.server(partitions=2, kafka=broker.settings())
    produce(broker, "actions", NEWER_LOGIC, partition=1)
    wait_until(lambda: not server.running(), patient(30), "the end of a server that can't go on")
    check_equal(server.process.returncode, 1, "exit status")
    says(server.log_path.read_text(), "partition 1 goes on by logic version 99", "run the newer version")
    server.process = None


def test_fewer_partitions(box):
    """The topics have another number than the configuration; then the log is another one than that of the state."""
    broker = kafka.share()
    server = box.server(partitions=4, kafka=broker.settings())
    send_records(server.ingest(), [{"message_id": f"m{i}", "user": {"user_id": f"u{i}"}, "event": "E"} for i in range(50)])
    server.wait_drained()
    server.stop()
    err = run_with(box, broker.settings(), partitions=2)
    says(err, f"{broker.prefix}actions has 4 partitions, but 2 are configured", "log.partitions")
    (box.directory / "data").rename(box.directory / "unused")
    (server.directory / "data").rename(box.directory / "data")
    broker.prefix += "other."
    says(run_with(box, broker.settings(), revision=2), "its state is that of 4 partitions", "log.partitions is 2")
    broker.prefix += "again."
    says(run_with(box, broker.settings(), partitions=4, revision=2), "log and state do not belong together")


def test_broker_refuses(box):
    port = free_ports(1)[0]
    says(run_with(box, f'brokers: "127.0.0.1:{port}"'), f"127.0.0.1:{port}", "log.kafka.brokers", "are they up")
    broker = kafka.share()
    sasl = f", properties: {{security.protocol: SASL_PLAINTEXT, sasl.mechanism: PLAIN, sasl.username: u, sasl.password: {SECRET}}}"
    says(run_with(box, broker.settings(), log=sasl), broker.brokers, "log.kafka", "security.protocol")


def test_store_refuses(box):
    broker = kafka.share()
    port = free_ports(1)[0]
    err = run_with(box, broker.settings(), top=f'profiles: {{mongodb: {{uri: "mongodb://127.0.0.1:{port}/"}}}}\n')
    says(err, "MongoDB", f"127.0.0.1:{port}", "mongodb.uri")
    store = mongo.share(box)
    err = run_with(box, broker.settings(), top=f'profiles: {{mongodb: {{uri: "mongodb://u:{SECRET}@127.0.0.1:{store.port}/"}}}}\n')
    says(err, "MongoDB", "refuses", "mongodb.uri")


def test_topics_that_make_themselves(box):
    """Kafka's default: whoever looks at a topic makes it, with one partition. No client of ours does."""
    more = box.directory / "more.properties"
    more.write_text("auto.create.topics.enable=true\n", encoding="ascii")
    broker = kafka.start(box, {"FRESHET_KAFKA_PROPERTIES": str(more)})
    server = box.server(partitions=8, kafka=broker.settings())
    send_records(server.ingest(), [{"message_id": "m1", "user": {"user_id": "u1"}, "event": "E"}])
    wait_until(lambda: profile(server.admin(), "user_id", "u1"), patient(30), "a profile")
    server.stop()


def test_partitions_added(box):
    """No number of partitions would be right for all topics, so none is advised."""
    broker = kafka.share()
    box.server(partitions=4, kafka=broker.settings()).stop()
    broker.run("org.apache.kafka.tools.TopicCommand", "--alter", "--topic", f"{broker.prefix}actions", "--partitions", 8)
    for configured in (4, 8):
        err = run_with(box, broker.settings(), partitions=configured)
        says(err, "somebody has added some", f"{broker.prefix}actions has 8", "log.kafka.topic_prefix")
        check("set log.partitions" not in err, f"advises a number: {shorten(err)}")


def test_partitions_added_everywhere(box):
    """All topics agree on the new number, and so does the configuration: the log and the state have the old one. What leads out is done."""
    broker = kafka.share()
    server = box.server(partitions=4, kafka=broker.settings())
    send_records(server.ingest(), [{"message_id": f"m{i}", "user": {"user_id": f"u{i}"}, "set": {"n": i}} for i in range(40)])
    server.wait_drained()
    server.stop()
    for topic in ("actions", "changes", "events", "overflow", "logs"):
        broker.run("org.apache.kafka.tools.TopicCommand", "--alter", "--topic", f"{broker.prefix}{topic}", "--partitions", 8)
    server.partitions = 8
    for data in (server.directory / "data", box.directory / "empty"):  # also a process that has no state
        server.write_config()
        status, _, err = freshet("run", "--config", server.config_path, "--data-dir", data, timeout_s=patient(90))
        check_equal(status, 2, f"the start on {data.name} ({shorten(err)})")
        says(err, "of 4 partitions", "log.partitions is 8", "freshet checkpoint restore --partitions 8")
    old = server.partitions = 4
    server.write_config()
    status, _, err = freshet("run", "--config", server.config_path, timeout_s=patient(90))
    check_equal(status, 2, "the start with the old number")
    says(err, "8 partitions", f"but {old} are configured", "Partitions that somebody added")
    for command in (["create"], ["restore", "--partitions", 8, "--into", box.directory / "rebuilt", "--topic-prefix", f"{broker.prefix}again."]):
        status, out, err = freshet("checkpoint", *command, "--config", server.config_path)
        check_equal(status, 0, f"freshet checkpoint {command[0]} ({out} {shorten(err)})")
    broker.prefix += "again."
    rebuilt = Server(box.directory / "server-8", partitions=8, kafka=broker.settings())
    box.at_end(rebuilt.kill)
    rebuilt.arguments = ["--data-dir", str(box.directory / "rebuilt")]
    rebuilt.start()
    for i in range(40):
        check_equal(profile(rebuilt.admin(), "user_id", f"u{i}")["attributes"]["n"], i, f"u{i}")
    rebuilt.stop()


def changes_gone(box, broker, top):
    """Reaction is away for longer than changes are kept."""
    server = box.server(partitions=4, kafka=broker.settings(), top=top)
    send = lambda first, last: send_records(server.ingest(), [  # noqa: E731  pylint: disable=unnecessary-lambda-assignment
        {"message_id": f"m{first}-{i}", "user": {"user_id": f"u{i}"}, "set": {"n": first + i}} for i in range(first, last)])
    send(0, 30)
    server.wait_drained()
    server.stop()
    server.arguments = ["--roles", "ingest,action"]
    server.start()
    send(20, 50)
    wait_until(lambda: server.lags()["action"] == 0, patient(60), "action is at the end")
    server.stop()
    ends = broker.run("org.apache.kafka.tools.GetOffsetShell", "--topic", f"{broker.prefix}changes", "--time", "-1").split()
    gone = box.directory / "gone.json"
    gone.write_text(json.dumps({"version": 1, "partitions": [
        {"topic": topic, "partition": int(partition), "offset": int(end)} for topic, partition, end in (line.rsplit(":", 2) for line in ends)]}))
    broker.run("org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", gone)
    server.arguments = []
    status, _, err = freshet("run", "--config", server.config_path, timeout_s=patient(90))
    check_equal(status, 1, "a reaction whose changes are gone")
    says(err, "changes", "is no longer kept", "freshet profiles rebuild")
    return server


def rebuilt_profiles(server):
    status, out, err = freshet("profiles", "rebuild", "--config", server.config_path, "--json", timeout_s=patient(300))
    check_equal(status, 0, f"freshet profiles rebuild ({out} {shorten(err)})")
    check(json.loads(out)["places_moved"] > 0, out)
    server.start()
    wait_until(lambda: all((profile(server.admin(), "user_id", f"u{i}") or {}).get("attributes") == {"n": i if i < 20 else 20 + i} for i in range(50)),
               patient(120), "every profile as action has it", every_s=1)
    server.stop()


def test_changes_gone_mongodb(box):
    store = mongo.share(box)
    rebuilt_profiles(changes_gone(box, kafka.share(), f'profiles: {{mongodb: {{uri: "{store.uri}"}}}}\n'))


def test_changes_gone_embedded(box):
    rebuilt_profiles(changes_gone(box, kafka.share(), ""))


def test_foreign_index(box):
    """An index of our name that somebody else has made is named at the start, and no other is taken for it."""
    broker, store = kafka.share(), mongo.share(box)
    store.client()[f"freshet_{TENANT}"]["users"].create_index([("identifiers.email", 1)], name="identifiers.email", unique=True)
    top = f'profiles: {{mongodb: {{uri: "{store.uri}"}}}}\n'
    server = Server(box.directory / "server", partitions=2, kafka=broker.settings(), top=top)
    server.write_config()
    status, _, err = freshet("run", "--config", server.config_path, timeout_s=patient(90))
    check(status in (1, 2), f"exit status {status}")
    says(err, "identifiers.email", "other options", "dropIndex")
    store.client()[f"freshet_{TENANT}"]["users"].drop_index("identifiers.email")
    box.at_end(server.kill)
    server.start()
    indexes = store.client()[f"freshet_{TENANT}"]["users"].index_information()
    check({"identifiers.user_id", "identifiers.email", "removed_at"} <= set(indexes) and indexes["identifiers.email"].get("sparse"), indexes)
    server.stop()


def test_smaller_records(box):
    """Somebody lowers max.message.bytes of `actions`: what is too large is a dead letter, and what was sent with it goes in."""
    broker = kafka.share()
    server = box.server(partitions=2, kafka=broker.settings())
    broker.run("kafka.admin.ConfigCommand", "--alter", "--entity-type", "topics", "--entity-name", f"{broker.prefix}actions", "--add-config", "max.message.bytes=4000")
    text = base64.b64encode(random.Random(1).randbytes(12_000)).decode()
    large = {f"a{i}": text[200 * i:200 * (i + 1)] for i in range(40)}
    body = lines([{"message_id": "m1", "user": {"user_id": "u1"}, "event": "E"}, {"message_id": "m2", "user": {"user_id": "u1"}, "set": large}])
    verdict = {}

    def taken():
        answer = server.ingest().request("POST", "/v1/records", body, bearer())
        check(answer.status in (200, 503), f"{answer.status} {answer.body}")
        verdict.update(answer.json() if answer.status == 200 else {})
        return answer.status == 200
    wait_until(taken, patient(60), "a verdict in place of a 503", every_s=0.5)
    check_equal((verdict["accepted"], [each["code"] for each in verdict["rejected"]]), (1, ["too_large"]), verdict)
    wait_until(lambda: profile(server.admin(), "user_id", "u1"), patient(30), "the profile")
    status, out, _ = freshet("deadletters", "list", "--tenant", TENANT, "--url", server.admin_url)
    check(status == 0 and "too_large" in out, f"freshet deadletters list: {out}")
    server.stop()


def test_topic_gone(box):
    broker = kafka.share()
    server = box.server(partitions=2, kafka=broker.settings(), top="roles: [ingest]\n")
    broker.run("org.apache.kafka.tools.TopicCommand", "--delete", "--topic", f"{broker.prefix}actions")
    wait_until(lambda: server.admin().request("GET", "/readyz").status == 503, patient(60), "an ingest that is not ready")
    check_equal(server.metric_sum("^freshet_log_silent"), 1, "freshet_log_silent")
    says(server.log_path.read_text(), "the log has not answered", "the topic actions")
    server.stop()


def test_foreign_reader(box):
    """Somebody reads with action's group and commits what it has read: that is processed all the same."""
    broker = kafka.share()
    server = box.server(partitions=4, kafka=broker.settings())
    send = lambda first, last: send_records(server.ingest(), [  # noqa: E731  pylint: disable=unnecessary-lambda-assignment
        {"message_id": f"m{i}", "user": {"user_id": f"u{i}"}, "event": "E"} for i in range(first, last)])
    send(0, 20)
    server.wait_drained()
    said = box.directory / "reader.err"
    with open(said, "wb") as err, subprocess.Popen(
            ["kcat", "-b", broker.brokers, "-X", "partition.assignment.strategy=cooperative-sticky", "-G", f"{broker.prefix}action",
             f"{broker.prefix}actions"], stdout=subprocess.DEVNULL, stderr=err, stdin=subprocess.DEVNULL) as reader:
        wait_until(lambda: b"incremental assignment" in said.read_bytes(), patient(60), "partitions for the other reader")
        send(20, 60)
        wait_until(lambda: b"Reached end" in said.read_bytes(), patient(60), "the end, read by the other reader")
        reader.terminate()
        reader.wait(patient(30))
    wait_until(lambda: all(profile(server.admin(), "user_id", f"u{i}") for i in range(60)), patient(120), "60 profiles")
    check(server.metric_sum("^freshet_action_foreign_offsets_total") > 0, "the other reader has committed nothing: this shows nothing")
    for i in range(60):
        check_equal(profile(server.admin(), "user_id", f"u{i}")["events"]["E"]["count"], 1, f"events of u{i}")
    server.stop()
