"""What a machine does to a server: its disk is full, its clock jumps. docs/operations/machine.md says what one sees."""
import os
import random
import struct
import subprocess
import time
from pathlib import Path

import apart
import test_oracle_kill
import test_roles
import workload
from harness import (SERVER_KEY, TENANT, Skipped, bearer, check, check_equal, freshet, note, profile, send_batch, send_records, shorten,
                     wait_until)
from patience import patient
from test_import import generate, import_file
from test_oracle_kill import GIVE_UP_S, Sending, compare, make_requests, send_until_acknowledged

SHIFT = Path(__file__).with_name("clock_shift.c")
DISK_MIB = 96  # the log alone takes as much ahead
MORE_MIB = 512


def mount(*arguments):
    done = subprocess.run(["mount", "-t", "tmpfs", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def test_disk_full(box):
    """It ends, says which disk is full, and once there is room goes on with all that it had acknowledged."""
    disk = own_disk(box, "server-0", DISK_MIB)
    number = test_oracle_kill.seed()
    note(f"FRESHET_SEED={number}")
    rng = random.Random(number)
    everybody, made = workload.make(rng, people=300, records=6_000)
    server = box.server(memory="64MiB", extra=workload.COMPUTED_YAML)
    requests = make_requests(rng, made)
    sending = Sending(len(requests))
    http = server.ingest()
    half = len(requests) // 2
    for request in requests[:half]:
        send_until_acknowledged(http, request, sending)
    http.close()
    (disk / "ballast").write_bytes(b"")
    fill(disk / "ballast")
    for request in requests[half:]:  # until the log needs more disk
        if not still_taken(server, request):
            break
    wait_until(lambda: not server.running(), patient(60), "the end of a server whose disk is full")
    check_equal(server.process.returncode, 1, "exit status")
    check("No space left on device" in server.log_tail(), lambda: f"does not say that the disk is full: {server.log_tail()}")
    check(mount("-o", f"remount,size={MORE_MIB}m", str(disk)), "more room")
    server.start()
    http = server.ingest()
    for request in requests:
        send_until_acknowledged(http, request, sending)
    server.wait_drained()
    compare(server, everybody, made)


def own_disk(box, name, mib):
    """A file system of its own for a process that is called so."""
    disk = box.directory / name
    disk.mkdir()
    if os.geteuid() != 0 or not mount("-o", f"size={mib}m", "freshet-test", str(disk)):
        raise Skipped("a file system of its own needs mount(8), as root")
    box.at_end(lambda: subprocess.run(["umount", "-l", str(disk)], check=False))
    return disk


def test_worker_disk_full(box):
    """A worker on Kafka whose disk fills: it ends and names the file, the other one has its partitions, and with room it is back; nothing is lost or counted twice."""
    disk = own_disk(box, "action-0", DISK_MIB)

    def fill_a_workers_disk(fleet, rng, sending, senders):
        first, second = fleet.actions
        wait_until(lambda: sending.share() > 0.3, GIVE_UP_S, "progress of the senders")
        fill(disk / "ballast")
        wait_until(lambda: not first.running(), patient(90), "the end of a worker whose disk is full")
        check_equal(first.process.returncode, 1, "exit status")
        check("No space left on device" in first.log_tail(), lambda: f"does not say that the disk is full: {first.log_tail()}")
        began = time.monotonic()
        wait_until(lambda: test_roles.owned(second) == fleet.partitions, test_roles.TAKE_OVER_S, "the other worker has all partitions", every_s=0.1)
        note(f"taken over after {time.monotonic() - began:.1f} s")
        sending.go_on_to(0.7)
        check(mount("-o", f"remount,size={MORE_MIB}m", str(disk)), "more room")
        (disk / "ballast").unlink()
        first.start()

    test_roles.run(box, fill_a_workers_disk)


def test_brokers_disk_nearly_full(box):
    """With less free on a broker's disk than the reserve nothing is taken, in words; what the topics take is told; with a smaller one it goes on."""
    fleet = apart.Apart(box, own=True)
    settings = fleet.broker.settings()
    fleet.broker.settings = lambda: settings + ", disk_reserve: 900TiB"
    fleet.write_config()
    fleet.start()
    record = b'{"message_id":"m1","user":{"user_id":"u1"},"event":"E"}\n'
    wait_until(lambda: fleet.ingest.ingest().request("POST", "/v1/records", record, bearer()).status == 503, patient(60), "a refusal while there is no room")
    check("less than log.kafka.disk_reserve" in fleet.ingest.log_path.read_text(), "the log of ingest does not say why")
    wait_until(lambda: fleet.admin().request("GET", "/v1/status").json()["disk_bytes"] > 0, patient(60), "what the topics take in the status")
    fleet.ingest.stop()
    fleet.broker.settings = lambda: settings + ", disk_reserve: 1MiB"
    fleet.write_config()
    fleet.ingest.start()
    wait_until(lambda: fleet.ingest.ingest().request("POST", "/v1/records", record, bearer()).status == 200, patient(60), "records that are taken")
    fleet.wait_drained()
    check(profile(fleet.admin(), "user_id", "u1") is not None, "the record is not there")


def fill(path):
    with open(path, "ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 20))
        except OSError:
            pass


def still_taken(server, request):
    """False: there was no answer, or it is not taken now."""
    http = server.ingest()
    http.timeout_s = patient(10)
    try:
        return request.send(http)
    except OSError:
        return False
    finally:
        http.close()


def shifting(box):
    """(the file that says by how many seconds a server's clock is wrong, its environment)"""
    library, clock = box.directory / "clock_shift.so", box.directory / "clock"
    done = subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SHIFT], capture_output=True, text=True, check=False)
    check_equal(done.returncode, 0, f"exit status of cc ({shorten(done.stderr)})")
    clock.write_bytes(bytes(8))
    return clock, {"LD_PRELOAD": str(library), "FRESHET_CLOCK_SHIFT": str(clock)}


def test_clock_before_1970(box):
    """A machine that has just booted and that nobody has told the time: it ends in words, changes nothing, and goes on once the clock is set."""
    clock, shifted = shifting(box)
    server = box.server(env=shifted)
    send_records(server.ingest(), [{"user": {"user_id": "u1"}, "event": "E", "message_id": "m1"}])
    server.wait_drained()
    server.kill()
    before = int(time.time()) + 3600
    for seconds in (-before, -(before + 1_000_000_000)):
        clock.write_bytes(struct.pack("<q", seconds))
        status, _, err = freshet("run", "--config", server.config_path, env=shifted)
        check_equal(status, 1, f"exit status with a clock before 1970 ({shorten(err)})")
        check("before 1970: set it, then start again" in err, f"does not say what to do: {shorten(err)}")
    clock.write_bytes(bytes(8))
    server.start()
    server.wait_drained()
    check(profile(server.admin(), "user_id", "u1") is not None, "a record is gone")


def test_clock_jumps(box):
    """A day ahead, and back behind where it was: what was sent counts once, and what is told in records stays as told. 40 days ahead:
    nothing is deleted because of its age."""
    clock, shifted = shifting(box)

    def jump(seconds):
        with open(clock, "r+b") as file:
            file.write(struct.pack("<q", seconds))
        note(f"clock {seconds:+d} s")

    number = test_oracle_kill.seed()
    note(f"FRESHET_SEED={number}")
    rng = random.Random(number)
    everybody, made = workload.make(rng, people=100, records=3_000)
    server = box.server(extra=workload.COMPUTED_YAML, env=shifted)
    requests = make_requests(rng, made)
    sending = Sending(len(requests))
    http = server.ingest()
    third = len(requests) // 3
    for part, seconds in ((requests[:third], 0), (requests[third:2 * third], 20 * 3600), (requests[2 * third:], -300), (requests[:third], -300)):
        jump(seconds)
        time.sleep(0.3)
        check(abs(server.get("/v1/status").json()["at_ms"] / 1000 - time.time() - seconds) < 120, "the server does not see the clock jump")
        for request in part:
            send_until_acknowledged(http, request, sending)
    server.wait_drained()
    compare(server, everybody, made)
    send_batch(server.ingest(), [{"type": "track", "userId": "somebody"}] * 20)  # without an event: dead letters
    import_file(generate(box.directory / "shop.csv", rows=20, users=20), server)
    wait_until(lambda: aging(server) == {"letters": 20, "imports": 1}, patient(20), lambda: f"what may grow old is there: {aging(server)}")
    # What is too old is looked for at the start, and then every minute or hour.
    for days in (40, 0):
        server.kill()
        jump(days * 86_400)
        server.start()
        time.sleep(5)
        check_equal(aging(server), {"letters": 20, "imports": 1}, f"what is kept, {days} days ahead")
    server.wait_drained()
    compare(server, everybody, made)


def aging(server):
    """How many there are of what goes when it is old."""
    letters = server.get(f"/v1/tenants/{TENANT}/deadletters?limit=1000").json()["deadletters"]
    imports = server.ingest().request("GET", "/v1/imports", headers=bearer(SERVER_KEY)).json()["imports"]
    return {"letters": len(letters), "imports": len(imports)}
