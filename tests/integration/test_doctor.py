"""`freshet doctor`: what is well is told as well, ten planted mistakes are each found and told with what to do, and a bundle has
nothing of anybody in it."""
import json
import os
import socket
import subprocess
import tarfile

import kafka
import mongo
import s3
from harness import (FRESHET, KEY, SERVER_KEY, TENANT, check, check_equal, free_ports, freshet, send_records, shorten)
from patience import patient
from test_machine import SHIFT, own_disk

SECRET = "hunter2"
PERSON = "somebody@example.com"


def findings(out):
    answer = json.loads(out)
    return answer["health"], answer["findings"]


def find(all_findings, check_name, health, *words):
    """The one finding that a planted mistake makes, and that it says what to do."""
    for one in all_findings:
        if (one["check"], one["health"]) == (check_name, health) and all(word in one["found"] + one["advice"] for word in words):
            check(one["advice"], f"{check_name} does not say what to do: {one}")
            return one
    mine = [one for one in all_findings if one["check"] == check_name]
    raise AssertionError(f"{check_name}: no {health} with {words} in {shorten(json.dumps(mine))}")


def config(box, name, text, mode=0o600):
    path = box.directory / f"{name}.yaml"
    data = box.directory / f"data-{name}"
    if "data_dir:" not in text:
        text = f"data_dir: {data}\n" + text
    for listener in ("ingest", "admin"):
        if f"{listener}:" not in text:
            text += f'{listener}: {{listen: "127.0.0.1:{free_ports(1)[0]}"}}\n'
    if "tenants:" not in text:
        text += f"tenants: [{{name: {TENANT}, write_keys: [{KEY}]}}]\n"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def doctor(path, wanted, *arguments, env=None, prefix=()):
    """What it finds, which is at worst "warn" or at worst "fail": whether the clock of the machine that tests run on is kept is not ours."""
    done = subprocess.run([*prefix, str(FRESHET), "doctor", "--json", "--config", str(path), *arguments], capture_output=True, timeout=patient(60),
                          stdin=subprocess.DEVNULL, text=True, env={**os.environ, **(env or {})}, check=False)
    check(SECRET not in done.stdout + done.stderr, "a secret is in what it says")
    check(done.stdout, lambda: f"it says nothing: {shorten(done.stderr)}")
    health, found = findings(done.stdout)
    check_equal((health == "fail", done.returncode), (wanted == "fail", 1 if wanted == "fail" else 0), f"health and exit status ({shorten(done.stdout, 2000)})")
    return found


def taken_port(box):
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        found = doctor(config(box, "port", f'ingest: {{listen: "127.0.0.1:{port}"}}\n'), "fail")
        find(found, "ports", "fail", str(port), "taken by another program", "ss -ltnp")


def open_files(box):
    found = doctor(config(box, "files", "log: {kind: embedded, partitions: 64}\n"), "fail", prefix=("prlimit", "--nofile=256:256"))
    find(found, "open_files", "fail", "256", "LimitNOFILE")


def memory(box):
    find(doctor(config(box, "memory", "state: {memory: 4TiB}\n"), "fail"), "memory", "fail", "state.memory is 4096.0 GiB", "set state.memory")


def other_peoples_eyes(box):
    """Both the file with secrets and the data directory."""
    path = config(box, "eyes", f"tenants: [{{name: {TENANT}, write_keys: [{KEY}], server_keys: [{SECRET}-key]}}]\n", mode=0o644)
    (box.directory / "data-eyes").mkdir(mode=0o755)
    found = doctor(path, "warn")
    find(found, "configuration", "warn", "everybody", "chmod o-r")
    find(found, "data_dir", "warn", "mode 755", "chmod 700")


def newer_release(box):
    path = config(box, "newer", "revision: 1\n")
    data = box.directory / "data-newer"
    data.mkdir(mode=0o700)
    (data / "installation").write_text(f"hash_key: {'00' * 16}\nname: x\nrelease: 9.9.9\nstate_format: 99\nlogic_version: 1\n", encoding="utf-8")
    find(doctor(path, "fail"), "data_dir", "fail", "9.9.9", "that release")


def certificate(box):
    cert, key = box.directory / "c.pem", box.directory / "k.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "3", "-subj", "/CN=localhost"],
                   capture_output=True, check=True)
    found = doctor(config(box, "cert", f'ingest: {{listen: "127.0.0.1:{free_ports(1)[0]}", tls: {{cert: {cert}, key: {key}}}}}\n'), "warn")
    find(found, "certificates", "warn", "ends in", "days", "renew")


def disk(box):
    small = own_disk(box, "small", 16)
    found = doctor(config(box, "disk", f"data_dir: {small}/data\n"), "fail")
    find(found, "disk", "fail", "16 MiB free", "make room")
    find(found, "disk", "warn", "tmpfs", "a disk of its own")


def no_broker(box):
    port = free_ports(1)[0]
    path = config(box, "broker", f'log: {{kind: kafka, kafka: {{brokers: "127.0.0.1:{port}", properties: {{sasl.password: {SECRET}}}}}}}\n'
                                 f'checkpoints: {{to: "file://{box.directory}/checkpoints"}}\n')
    find(doctor(path, "fail"), "kafka", "fail", f"127.0.0.1:{port}", "are they up")


def test_planted_mistakes_of_the_machine(box):
    for plant in (taken_port, open_files, memory, other_peoples_eyes, newer_release, certificate, no_broker, disk):
        plant(box)


def topics(box, broker):
    """Fewer partitions than configured, and a retention that loses records."""
    subprocess.run(broker.command("org.apache.kafka.tools.TopicCommand", "--create", "--topic", f"{broker.prefix}actions", "--partitions", 2,
                                  "--config", "retention.ms=60000"), capture_output=True, timeout=patient(60), check=True)
    settings = (f'log: {{kind: kafka, partitions: PARTITIONS, kafka: {{{broker.settings()}}}}}\n'
                f'checkpoints: {{to: "file://{box.directory}/checkpoints"}}\n')
    found = doctor(config(box, "few", settings.replace("PARTITIONS", "4")), "fail")
    find(found, "kafka", "fail", f"{broker.prefix}actions has 2 partitions, 4 are configured", "log.partitions")
    found = doctor(config(box, "short", settings.replace("PARTITIONS", "2")), "fail")
    find(found, "kafka", "fail", "deleted after 60000 ms", "retention.ms=-1")
    check(any(one["check"] == "kafka" and one["health"] == "ok" and "brokers of cluster" in one["found"] for one in found), "the brokers that answer")


def bucket(box):
    there = s3.share()
    text = 'checkpoints: {to: "s3://BUCKET/doctor", endpoint: "http://127.0.0.1:%d"}\n' % there.port
    found = doctor(config(box, "bucket", text.replace("BUCKET", there.name)), "warn")
    check(any(one["check"] == "checkpoints" and "written and deleted" in one["found"] for one in found), lambda: f"the bucket that is there: {found}")
    found = doctor(config(box, "nobucket", text.replace("BUCKET", "no-such-bucket")), "fail")
    find(found, "checkpoints", "fail", "NoSuchBucket", "credentials")
    return config(box, "clock", text.replace("BUCKET", there.name))


def clock(box, path):
    """An hour ahead; the bucket's server tells."""
    library, shift = box.directory / "clock_shift.so", box.directory / "clock"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SHIFT], capture_output=True, check=True)
    shift.write_bytes((3600).to_bytes(8, "little"))
    found = doctor(path, "fail", env={"LD_PRELOAD": str(library), "FRESHET_CLOCK_SHIFT": str(shift)})
    find(found, "checkpoints", "fail", "ahead of that of the bucket's server", "NTP")


def mongodb(box):
    server = mongo.share(box)
    text = 'profiles: {mongodb: {uri: "%s"}}\n'
    found = doctor(config(box, "mongo", text % server.uri), "warn")
    check(any(one["check"] == "mongodb" and one["health"] == "ok" for one in found), lambda: f"the MongoDB that is there: {found}")
    # A collection that somebody else has made has no index of ours.
    server.client()[f"freshet_{TENANT}"]["users"].insert_one({"_id": "x"})
    find(doctor(config(box, "indexes", text % server.uri), "warn"), "mongodb", "warn", f"freshet_{TENANT}.users: identifiers.user_id", "makes them")
    nobody = f"mongodb://u:{SECRET}@127.0.0.1:{free_ports(1)[0]}/?serverSelectionTimeoutMS=500"
    find(doctor(config(box, "nomongo", text % nobody), "fail"), "mongodb", "fail", "no server", "is up")


def test_planted_mistakes_of_others(box):
    topics(box, kafka.share())
    clock(box, bucket(box))
    mongodb(box)


def test_beside_a_server(box):
    """It takes nothing from one that runs, knows its ports, says that it is ready; and its bundle tells nothing of anybody."""
    server = box.server()
    send_records(server.ingest(), [{"message_id": f"m{n}", "user": {"user_id": f"person-{n}", "email": PERSON}, "event": "Order Completed",
                                    "set": {"city": "Atlantis"}} for n in range(20)])
    server.wait_drained()
    server.config_path.chmod(0o600)
    bundle = box.directory / "support.tar.gz"
    found = doctor(server.config_path, "warn", "--bundle", str(bundle))
    check_equal([one["found"] for one in found if one["check"] == "ports" and "is ours" not in one["found"]], [], "ports that are not ours")
    check(any(one["check"] == "server" and "records that wait: ingest 0" in one["found"] for one in found), lambda: f"the stages: {found}")
    check_equal(oct(bundle.stat().st_mode & 0o777), "0o600", "mode of the bundle")
    with tarfile.open(bundle) as archive:
        files = {member.name.removeprefix("freshet-support/"): archive.extractfile(member).read().decode() for member in archive.getmembers()}
    check_equal(sorted(files), ["README.txt", "config.yaml", "doctor.json", "files.txt", "machine.txt", "metrics-later.txt", "metrics.txt", "status.json", "version.txt"], "files of the bundle")
    everything = "".join(files.values())
    own_place = str(server.directory)
    for private in (KEY, SERVER_KEY, "integration-secret", PERSON, "person-1", "Atlantis", "Order Completed"):
        check(private not in everything, f"{private} is in the bundle")
    check(TENANT not in everything.replace(own_place, ""), "the tenant's name is in the bundle")
    check('tenant="tenant-1"' in files["metrics.txt"] and "installation" in files["files.txt"], "what the bundle is for")
    status, _, err = freshet("doctor", "--config", server.config_path, "--bundle", bundle)
    check(status == 1 and "File exists" in err, f"a bundle that is there already: {status} {err}")
    server.stop()
    server.start()


def test_wrong_configuration(box):
    path = config(box, "wrong", "nonsense: 1\n")
    status, out, _ = freshet("doctor", "--json", "--config", path)
    check_equal((status, json.loads(out)["ok"]), (2, False), "exit status and answer for a wrong configuration")
