"""What others do to the log and the store: a clear error at the start (what, where, what would be right), or a dead letter. Never
a process that ends without a word."""
import subprocess

import kafka
import mongo
from harness import (TENANT, check, check_equal, freshet, free_ports, profile, send_records, shorten, wait_until)
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
    err = run_with(box, broker.settings(), revision=2)
    says(err, "log and state do not belong together")


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
