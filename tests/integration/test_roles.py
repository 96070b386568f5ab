"""Roles in processes of their own: one configuration, one Kafka, one store of MongoDB's protocol."""
import random
import time

import apart
import kafka
import test_kafka
import test_oracle_kill
import workload
from harness import TENANT, Background, bearer, check, check_equal, freshet, note, profile, send_records, wait_until
from patience import patient
from test_mongo import compare_documents
from test_oracle_kill import GIVE_UP_S, SENDERS, Sending, make_requests, sender

TAKE_OVER_S = patient(15)
RECORDS = 6_000


def test_apart(box):
    """What one process takes in the others process, write and show."""
    fleet = apart.Apart(box, extra=workload.COMPUTED_YAML).start()
    http = fleet.ingest.ingest()
    send_records(http, [{"message_id": "m1", "user": {"user_id": "u1", "email": "a@b.c"}, "set": {"city": "Pune"},
                         "event": "Order Completed", "properties": {"total": 12.5}}])
    answer = http.request("POST", "/v1/records", b'{"message_id":"m2"}\n', bearer())
    check_equal(answer.json()["accepted"], 0, "accepted of a record that names nobody")
    fleet.wait_drained()
    admin = fleet.admin()
    check_equal(profile(admin, "email", "a@b.c")["computed"]["purchases"], 1, "purchases")
    wait_until(lambda: "Order Completed" in admin.request("GET", f"/v1/tenants/{TENANT}/schema").body.decode(), patient(10),
               "what ingest discovered in the console's schema")
    letters = admin.request("GET", f"/v1/tenants/{TENANT}/deadletters").json()["deadletters"]
    check_equal(len(letters), 1, "dead letters that the console shows")
    stages = {stage["name"]: stage for stage in admin.request("GET", "/v1/status").json()["stages"]}
    check(stages["action"]["done"] > 0 and stages["reaction"]["done"] > 0, f"stages as the console shows them: {stages}")
    answer = admin.request("DELETE", f"/v1/tenants/{TENANT}/users/user_id/u1")
    check_equal(answer.status, 202, "erase at a console that does not ingest")
    fleet.wait_drained()
    wait_until(lambda: profile(admin, "user_id", "u1") is None, patient(10), "the profile erased")
    for process in fleet.processes():
        check_equal(process.get("/healthz").status, 200, f"/healthz of {process.roles}")
        check("freshet_" in process.get("/metrics").body.decode(), f"no metrics of {process.roles}")
    check_equal(fleet.ingest.get(f"/v1/tenants/{TENANT}/schema").status, 404, "the console's addresses elsewhere")
    check(fleet.reaction.metric_sum("^freshet_freshness_seconds_count") > 0, "reaction does not count freshness")
    for process in fleet.processes():
        process.stop()


def rolling_restart(fleet, rng, sending, senders):
    """One after the other, SIGTERM and start, while records come."""
    restarted = [process for process in fleet.processes() if process is not fleet.ingest]  # its senders would only wait
    for i, process in enumerate(restarted):
        sending.go_on_to((i + 1) / (len(restarted) + 1))
        time.sleep(rng.uniform(0, 0.5))
        took = process.stop()
        process.start()
        note(f"{process.directory.name}: stopped in {took:.1f} s, ready again")
    sending.go_on_to(1)


def kill_one_worker(fleet, rng, sending, senders):
    """For good: the other takes its partitions over, with a state that it rebuilds from the log."""
    wait_until(lambda: sending.share() > 0.3, GIVE_UP_S, "progress of the senders")
    fleet.actions[0].kill()
    began = time.monotonic()

    wait_until(lambda: owned(fleet.actions[1]) == fleet.partitions, TAKE_OVER_S, "the other worker has all partitions", every_s=0.1)
    took = time.monotonic() - began
    note(f"taken over after {took:.1f} s")
    wait_until(lambda: not any(s.alive() for s in senders), GIVE_UP_S, "the senders end")
    fleet.actions[0].start()


def owned(process):
    """How many partitions a process says that it has, and has caught up in."""
    return process.metric_sum(r"^freshet_action_partitions\b")


def run(box, disturb, records=RECORDS, ready=None, **options):
    """`ready` is waited for before the records come, `disturb` is what happens while they do."""
    number = test_oracle_kill.seed()
    note(f"FRESHET_SEED={number}")
    rng = random.Random(number)
    everybody, made = workload.make(rng, people=200, records=records)
    fleet = apart.Apart(box, extra=workload.COMPUTED_YAML, **options).start()
    if ready:
        ready(fleet)
    requests = make_requests(rng, made)
    sending = Sending(len(requests))
    senders = [Background(sender, fleet, requests[i::SENDERS], random.Random(rng.random()), sending) for i in range(SENDERS)]
    disturb(fleet, rng, sending, senders)
    for one in senders:
        one.join(GIVE_UP_S * 2)
    fleet.wait_drained()
    compare_documents(fleet.mongo, fleet.console, everybody, made)
    test_kafka.check_events(fleet.broker, made)


def test_rolling_restart(box):
    run(box, rolling_restart)


def test_take_over(box):
    run(box, kill_one_worker)


def test_scale_out_and_in(box):
    def disturb(fleet, rng, sending, senders):
        third = fleet.add("action-2", "action").start()
        wait_until(lambda: owned(third), patient(30), "the third worker has partitions")
        note(f"the third worker has {owned(third):.0f} partitions")
        third.stop()
        wait_until(lambda: sum(owned(one) for one in fleet.actions) == fleet.partitions, TAKE_OVER_S * 2, "its partitions are taken back")

    run(box, disturb, partitions=8)  # there are workers for four already


def configuration(box, text):
    path = box.directory / "freshet.yaml"
    path.write_text(f"revision: 1\ndata_dir: {box.directory / 'data'}\ntenants: [{{name: a, write_keys: [k]}}]\n"
                    'admin: {listen: "127.0.0.1:0"}\ningest: {listen: "127.0.0.1:0"}\n'
                    f'checkpoints: {{to: "file://{box.directory}/checkpoints"}}\n' + text, encoding="utf-8")
    return path


def test_embedded_profiles_apart(box):
    config = configuration(box, 'log: {kind: kafka, kafka: {brokers: "127.0.0.1:1"}}\n')
    for roles in ("reaction", "ingest,action,console"):
        status, _, err = freshet("run", "--config", config, "--roles", roles, timeout_s=patient(60))
        check_equal(status, 2, f"exit status of --roles {roles}")
        check("reaction and console" in err and "mongodb" in err, f"does not say what would be right: {err}")


def test_disagreement(box):
    """Two processes with other rules under the same revision: the second one is refused, and says what to do."""
    broker = kafka.share()
    log = f"log: {{kind: kafka, partitions: 2, kafka: {{{broker.settings()}}}}}\n"
    server = box.server(partitions=2, kafka=broker.settings())
    config = configuration(box, log)
    status, _, err = freshet("run", "--config", config, "--roles", "ingest", timeout_s=patient(60))
    check_equal(status, 2, f"exit status with other tenants ({err})")
    check("revision" in err and "raise it" in err, f"does not say what to do: {err}")
    check(server.running(), "the first one ended, too")
    config.write_text(config.read_text().replace("revision: 1", "revision: 0"))
    status, _, err = freshet("run", "--config", config, "--roles", "ingest", timeout_s=patient(60))
    check_equal(status, 2, f"exit status with revision 0 ({err})")
