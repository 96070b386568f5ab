"""Checkpoints to a directory and to S3: disks that are wiped or damaged come back, S3 may be away, nothing is mixed up."""
import json
import os
import random
import shutil
import subprocess
import time

import kafka
import mongo
import s3
import test_oracle_kill
from harness import BUILD, TENANT, Failure, check, check_equal, freshet, note, send_records, shorten, wait_until
from mongo import CutNetwork
from patience import patient
from test_oracle_kill import GIVE_UP_S, compare

SUITE_S = patient(600)
WIPES = 4
FAST = "interval: 1s, min_pause: 0s"


def place(directory):
    return f'checkpoints: {{to: "file://{directory}", {FAST}}}\n'


def run_suite(bucket, port, arguments=()):
    done = subprocess.run([str(BUILD / "s3_conformance"), "--gtest_brief=1", *arguments], capture_output=True, timeout=SUITE_S,
                          stdin=subprocess.DEVNULL, check=False,
                          env={**os.environ, "FRESHET_S3_ENDPOINT": f"http://127.0.0.1:{port}", "FRESHET_S3_BUCKET": bucket.name})
    text = (done.stdout + done.stderr).decode(errors="replace")
    check_equal(done.returncode, 0, f"exit status of the suite ({shorten(text[-1500:], 1500)})")
    check("PASSED" in text, "the suite ran no test")


def test_s3_suite(box):
    bucket = s3.share()
    run_suite(bucket, bucket.port)


def test_s3_suite_over_a_cut_network(box):
    """Uploads and downloads go on where they were cut, or begin again."""
    number = test_oracle_kill.seed()
    note(f"FRESHET_SEED={number}")
    bucket = s3.share()
    network = CutNetwork(bucket.port, random.Random(number), bytes_max=20_000_000)
    run_suite(bucket, network.port, ["--gtest_filter=*FilesSmallAndLarge*", "--gtest_repeat=3"])
    note(f"{network.cuts} connections were cut")
    check(network.cuts > 0, "the network was never cut: nothing was shown")
    network.close()


def wait_share(sending, senders, share):
    wait_until(lambda: sending.share() >= share or not any(s.alive() for s in senders), GIVE_UP_S, "progress", every_s=0.01)


def wipe(server, what):
    server.kill()
    shutil.rmtree(server.directory / "data" / what)
    server.start()


def wipe_states(server, rng, sending, senders):
    for number in range(WIPES):
        wait_share(sending, senders, (number + 0.5) / (WIPES + 1))
        time.sleep(rng.uniform(0.5, 2.5))
        wipe(server, "state")


def restored(server):
    return server.metric_sum("^freshet_checkpoint_restored_total")


def wait_checkpoints(server, more=2, timeout_s=patient(60)):
    """Until there are so many more."""
    before = server.metric_sum("^freshet_checkpoint_total")
    wait_until(lambda: server.metric_sum("^freshet_checkpoint_total") >= before + more, timeout_s, f"{more} checkpoints", every_s=0.2)


def test_state_wiped(box):
    """Invariant 5: killed and its state wiped while it works; at the end every profile as the oracle says."""
    server, everybody, made = test_oracle_kill.run(box, partitions=4, records=8_000, people=200, disturb=wipe_states,
                                                 top=place(box.directory / "checkpoints"))
    wait_until(lambda: server.metric_sum("^freshet_checkpoint_age_seconds") == 0, patient(60), "checkpoints of everything", every_s=0.2)
    wipe(server, "state")
    check_equal(restored(server), 4, "states that were restored")
    server.wait_drained()
    compare(server, everybody, made)


def test_s3_away(box):
    """S3 is away for a while: nothing waits for it, failures are counted by name, then checkpoints go on."""
    bucket = s3.share()
    gate = s3.Gate(bucket.port)

    def close_gate(server, rng, sending, senders):
        wait_share(sending, senders, 0.2)
        wait_checkpoints(server)
        gate.close()
        wait_until(lambda: server.metric_sum('^freshet_checkpoint_failures_total{reason="retry"}') > 0, patient(60), "failures that are counted",
                   every_s=0.2)
        began = time.monotonic()
        server.kill()
        server.start()  # its own disk will do
        note(f"ready {time.monotonic() - began:.1f} s after a kill, without S3")
        wait_share(sending, senders, 0.8)
        gate.open()
        wait_checkpoints(server)
        wipe(server, "state")
        check(restored(server) > 0, "nothing was restored")

    top = f'checkpoints: {{to: "s3://{bucket.name}/test", endpoint: "http://127.0.0.1:{gate.port}", {FAST}}}\n'
    server, everybody, made = test_oracle_kill.run(box, partitions=4, records=8_000, people=200, disturb=close_gate, top=top)
    wait_until(lambda: server.metric_sum("^freshet_checkpoint_age_seconds") == 0, patient(60), "checkpoints of everything", every_s=0.2)
    wipe(server, "state")
    server.wait_drained()
    compare(server, everybody, made)
    text = server.log_path.read_text(errors="replace")
    check("checkpoint of partition" in text and "failed" in text, "the log does not say that checkpoints failed")
    check(os.environ["AWS_SECRET_ACCESS_KEY"] not in text, "the secret is in the log")


def wipe_all(server, rng, sending, senders):
    for number in range(2):
        wait_share(sending, senders, (number + 0.5) / 3)
        wait_checkpoints(server)
        server.kill()
        shutil.rmtree(server.directory / "data")
        server.start()
        check(restored(server) > 0, "nothing was restored")


def test_worker_replaced_on_kafka(box):
    """A new disk: all that a worker has comes from the log and the checkpoints, the key of its alias hashes too."""
    broker, store = kafka.share(), mongo.share(box)
    top = place(box.directory / "checkpoints") + f'profiles: {{mongodb: {{uri: "{store.uri}"}}}}\n'
    server, _, _ = test_oracle_kill.run(box, partitions=4, records=4_000, people=150, disturb=wipe_all, kafka=broker.settings(), top=top)
    note(f"{restored(server):.0f} states restored by the last process")


def small_load(server, count=500):
    http = server.ingest()
    send_records(http, [{"message_id": f"m{i}", "user": {"user_id": f"u{i}"}, "set": {"n": i}} for i in range(count)])
    server.wait_drained()


def command(server, name, *arguments, wanted=0):
    status, out, err = freshet("checkpoint", name, "--config", server.config_path, *arguments)
    check_equal(status, wanted, f"exit status of checkpoint {name} ({shorten(out + err)})")
    return json.loads(out) if "--json" in arguments and out else out + err


def test_commands(box):
    checkpoints = box.directory / "checkpoints"
    server = box.server(top=place(checkpoints))
    small_load(server)
    check("stop it first" in command(server, "restore", "--replace", wanted=1), "restore beside a running server")
    server.stop()
    made = command(server, "create", "--json")["checkpoints"]
    check_equal([c["partition"] for c in made], [0, 1, 2, 3], "partitions of the checkpoints made")
    listed = command(server, "list", "--json")["checkpoints"]
    check(all(c in listed for c in made), f"list does not have what was made: {listed}")
    check("whole" in command(server, "verify", "--all"), "verify says nothing")

    state = server.directory / "data" / "state"
    check("--replace" in command(server, "restore", wanted=2), "restore over a state")
    shutil.rmtree(state / "0001")
    check_equal([c["offset"] for c in command(server, "restore", "--partition", "1", "--json")["restored"]], [made[1]["offset"]], "restored")
    server.start()
    check_equal(restored(server), 0, "states restored at the start: all were there")
    compare_small(server)
    server.stop()

    newest = command(server, "list", "--partition", "2", "--json")["checkpoints"][0]
    damage(checkpoints, 2)
    broken = command(server, "verify", "--json", wanted=1)["checkpoints"]
    check_equal([c["partition"] for c in broken if "error" in c], [2], "partitions whose checkpoint is damaged")
    check(newest["bytes"] > 0, "a checkpoint of nothing")


def test_made_while_running(box):
    """A checkpoint of all that is committed, long before the next one is due; a wiped state comes back from it alone."""
    checkpoints = box.directory / "checkpoints"
    server = box.server(top=f'checkpoints: {{to: "file://{checkpoints}", interval: 1h, min_pause: 30m}}\n')
    small_load(server)
    first = command(server, "create", "--json")["checkpoints"]
    check_equal([c["partition"] for c in first], [0, 1, 2, 3], "partitions of the checkpoints made")
    check_equal(server.metric_sum("^freshet_checkpoint_total"), 4, "checkpoints that the process has made")
    check_equal(command(server, "create", "--json")["checkpoints"], first, "nothing is new, so no checkpoint is")
    http = server.ingest()
    send_records(http, [{"message_id": f"again{i}", "user": {"user_id": f"u{i}"}, "set": {"n": i}} for i in range(500)])
    server.wait_drained()
    second = command(server, "create", "--json")["checkpoints"]
    check(all(b["offset"] > a["offset"] for a, b in zip(first, second, strict=True)), f"offsets {first}, then {second}")
    server.kill()
    shutil.rmtree(server.directory / "data" / "state")
    server.start()
    check_equal(restored(server), 4, "states that were restored")
    check_equal(server.metric_sum("^freshet_action_replayed_total"), 0, "records that had to be replayed: the checkpoints had all of them")
    server.wait_drained()
    compare_small(server)


def damage(checkpoints, partition):
    files = sorted((checkpoints / "partitions" / f"{partition:04}" / "files").rglob("*"), key=lambda p: p.stat().st_size if p.is_file() else 0)
    with open(files[-1], "r+b") as file:
        file.truncate(files[-1].stat().st_size // 2)


def compare_small(server, count=500):
    admin = server.admin()
    for i in range(0, count, 17):
        answer = admin.request("GET", f"/v1/tenants/{TENANT}/users/user_id/u{i}")
        check_equal((answer.status, answer.json().get("attributes")), (200, {"n": i}), f"profile of u{i}")


def test_damaged_sst(box):
    """A file of the state cut off: named, moved aside, restored."""
    server = box.server(top=place(box.directory / "checkpoints"), partitions=1)
    small_load(server)
    wait_until(lambda: server.metric_sum("^freshet_checkpoint_age_seconds") == 0 and server.metric_sum("^freshet_checkpoint_total") > 0, patient(60),
               "a checkpoint of everything", every_s=0.2)
    server.stop()
    state = server.directory / "data" / "state" / "0000"
    largest = max(state.glob("*.sst"), key=lambda p: p.stat().st_size)
    with open(largest, "r+b") as file:
        file.truncate(largest.stat().st_size // 2)
    server.start()
    check_equal(restored(server), 1, "states that were restored")
    check((state.parent / "0000.damaged").is_dir(), "the damaged state was not moved aside")
    check("is damaged and was moved to" in server.log_path.read_text(errors="replace"), "the log does not name the damage")
    send_records(server.ingest(), [{"message_id": "again", "user": {"user_id": "u1"}, "set": {"x": 1}}])
    server.wait_drained()
    compare_small(server)


def test_missing_manifest(box):
    """A state whose files are all there, but for the one that says which they are, is damaged: moved aside, restored."""
    server = box.server(top=place(box.directory / "checkpoints"), partitions=1)
    small_load(server)
    state = server.directory / "data" / "state" / "0000"
    for gone in ("MANIFEST-*", "CURRENT"):
        wait_until(lambda: server.metric_sum("^freshet_checkpoint_age_seconds") == 0 and server.metric_sum("^freshet_checkpoint_total") > 0, patient(60),
                   "a checkpoint of everything", every_s=0.2)
        server.stop()
        for file in state.glob(gone):
            file.unlink()
        server.log_path.write_text("")
        server.start()
        check_equal(restored(server), 1, f"states that were restored, without {gone}")
        check("is damaged and was moved to" in server.log_path.read_text(errors="replace"), f"the log does not name the damage without {gone}")
        send_records(server.ingest(), [{"message_id": f"without {gone}", "user": {"user_id": "u1"}, "set": {"x": 1}}])
        server.wait_drained()
        compare_small(server)


def test_another_installation(box):
    """Its checkpoints are refused by name; a new installation goes on from them."""
    checkpoints = box.directory / "checkpoints"
    first = box.server(top=place(checkpoints))
    small_load(first, 50)
    first.stop()
    other = box.server()
    other.stop()
    other.top = place(checkpoints)
    try:
        other.start()
    except Failure as failure:
        check("another installation" in str(failure), f"not the failure that was expected: {failure}")
        check("ended by itself with status 2" in str(failure), f"status: {failure}")
    else:
        raise Failure("it started on the checkpoints of another installation")
    other.process = None
