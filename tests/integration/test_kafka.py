"""The log on a real Kafka: the suite of every log, and all roles on it, killed again and again."""
import collections
import os
import subprocess
import time

import kafka
import test_oracle_kill
from harness import BUILD, TENANT, check, check_equal, freshet, note, send_records, shorten, wait_until
from patience import patient

SUITE_S = patient(600)
BROKER_KILLS = 4


NEW_PROTOCOL = "NewGroupProtocol.*"  # which brokers have from 4.0 on


def test_suite(box):
    run_suite(kafka.share(), NEW_PROTOCOL)


def test_suite_of_today(box):
    run_suite(kafka.start(box, {"FRESHET_KAFKA_VERSION": kafka.TODAY}))


def test_suite_on_three_brokers(box):
    run_suite(kafka.start(box, count=3), NEW_PROTOCOL)


def run_suite(broker, without=""):
    done = subprocess.run([str(BUILD / "eventlog_kafka_test"), "--gtest_brief=1", f"--gtest_filter=-{without}"], capture_output=True, text=True,
                          timeout=SUITE_S, env={**os.environ, "FRESHET_KAFKA_BROKERS": broker.brokers}, stdin=subprocess.DEVNULL, check=False)
    lines = done.stdout.splitlines() + done.stderr.splitlines()
    failures = "\n".join(line for line in lines if not line.startswith("[2"))  # without the log's lines
    check_equal(done.returncode, 0, f"eventlog_kafka_test ({shorten(failures, 2000)})")
    check("SKIPPED" not in done.stdout, "tests of the suite were skipped")


def test_kill(box):
    """Invariants 1, 4, 6 and 7 as on the embedded log; and what others read of `events` has each event exactly once."""
    broker = kafka.share()
    server, everybody, made = test_oracle_kill.run(box, partitions=4, records=8_000, people=200,
                                                 disturb=test_oracle_kill.kill_ten_times, kafka=broker.settings())
    server.kill()
    began = time.monotonic()
    server.start()
    note(f"ready {time.monotonic() - began:.1f} s after a kill")
    server.wait_drained()
    test_oracle_kill.compare(server, everybody, made)
    check_events(broker, made)
    note(f"stopped in {server.stop():.1f} s")


def test_broker_kill(box):
    """The broker dies again and again while all roles run on it. They wait for it: the process never ends."""
    broker = kafka.start(box)

    def kill_broker(server, rng, sending, senders):
        for kill in range(BROKER_KILLS):
            at = (kill + 0.5) / (BROKER_KILLS + 1)
            wait_until(lambda at=at: sending.share() >= at or not any(s.alive() for s in senders), patient(120), "progress", every_s=0.01)
            broker.kill()
            time.sleep(rng.uniform(0, 2))
            broker.start()
            check(server.running(), lambda: f"it ended by itself: {server.log_tail()}")
        while any(sender.alive() for sender in senders):
            check(server.running(), lambda: f"it ended by itself: {server.log_tail()}")
            time.sleep(0.2)

    server, _, made = test_oracle_kill.run(box, partitions=4, records=4_000, people=100, disturb=kill_broker, kafka=broker.settings())
    check_events(broker, made)
    note(f"stopped in {server.stop():.1f} s")


def test_open_transaction(box):
    """What lies behind a transaction that somebody left open waits, and is told as waiting, though nobody can read it; then it goes on."""
    broker = kafka.share()
    server = box.server(kafka=broker.settings())
    send_records(server.ingest(), [{"message_id": "first", "user": {"user_id": "u"}, "event": "E"}])
    server.wait_drained()
    dead = subprocess.Popen(["kcat", "-P", "-b", broker.brokers, "-t", f"{broker.prefix}actions", "-p", "0", "-X", f"transactional.id={TENANT}-left-open",
                             "-X", "transaction.timeout.ms=20000", "-X", "linger.ms=0"], stdin=subprocess.PIPE)
    box.at_end(dead.kill)
    dead.stdin.write((b"x" * 50_000 + b"\n") * 100)  # kcat reads a megabyte before it sends any of it
    dead.stdin.flush()
    wait_until(lambda: server.lags()["action"], patient(20), "what nobody can read yet counts as waiting")
    send_records(server.ingest(), [{"message_id": f"m{i}", "user": {"user_id": f"u{i}"}, "event": "E"} for i in range(200)])
    dead.kill()

    def held():
        stage = next(one for one in server.get("/v1/flow").json()["stages"] if one["name"] == "action")
        return next((part for part in stage["waiting"] if part["held"]), None)
    part = wait_until(held, patient(10), "a partition that is held back")
    check_equal((part["partition"], part["lag"] > 1, part["oldest_at"]), (0, True, None), "what is held back")
    check(server.metrics()["freshet_action_lag_records"] > 0, "the metric of the lag")
    server.wait_drained(patient(60))  # the brokers abort it
    check_equal(server.admin().request("GET", f"/v1/tenants/{TENANT}/users/user_id/u199").status, 200, "a record that waited")
    check(held() is None, "it is held no more")


def check_events(broker, made):
    """What others read of `events` is each event exactly once."""
    wanted = {record["message_id"] for record in made if "event" in record}
    got = collections.Counter(event["message_id"] for event in broker.committed("events"))
    twice = [message for message, count in got.items() if count > 1]
    check(not twice, lambda: f"{len(twice)} events are in `events` more than once: {shorten(twice)}")
    check_equal(len(set(got) - wanted), 0, "events that nobody sent")
    check_equal(len(wanted - set(got)), 0, f"events missing of {len(wanted)}")


def test_no_broker(box):
    """What is wrong is said, with the address, and not a secret among it."""
    config = box.directory / "freshet.yaml"
    config.write_text(
        "revision: 1\ntenants: [{name: a, write_keys: [k]}]\n"
        f"data_dir: {box.directory / 'data'}\n"
        f"checkpoints: {{to: 'file://{box.directory}/checkpoints'}}\n"
        'log: {kind: kafka, kafka: {brokers: "127.0.0.1:1", properties: {security.protocol: SASL_PLAINTEXT, '
        "sasl.mechanism: PLAIN, sasl.username: u, sasl.password: hunter2}}}\n", encoding="utf-8")
    status, out, err = freshet("run", "--config", config, timeout_s=patient(60))
    check_equal(status, 1, f"exit status without a broker ({shorten(err)})")
    check("127.0.0.1:1" in err and "log.kafka.brokers" in err, f"does not say which brokers: {shorten(err)}")
    check("hunter2" not in out + err, "the password is in the log")
