"""`freshet fleet rebalance` on three real brokers with two log dirs each, under a load of writes: killed at any moment it goes on, nothing
is lost, and no throttle is left behind; what would fill a disk is refused."""
import json
import os
import random
import signal
import subprocess
import threading
import time

import kafka
import test_kafka_security
from harness import FRESHET, check, check_equal, freshet, note, shorten, wait_until
from patience import patient

TOPIC = "orders"
BROKERS = 3
CLUSTER_ID = "RnJlc2hldEthZmthRGV2MQ"  # tools/kafka's
RECORDS = 12_000
VALUE = "v" * 1000
KILLS = 6
ENDS_S = patient(240)


class Cluster:
    def __init__(self, box):
        kafka.require_disks(box)
        self.box = box
        self.broker = kafka.start(box, env={"FRESHET_KAFKA_LOG_DIRS": "2", "FRESHET_KAFKA_HEAP": "384m"}, count=BROKERS)
        self.file = box.directory / "fleet.yaml"
        self.write()

    def write(self, cluster_id=CLUSTER_ID):
        self.file.write_text("fleet: test\nregions: [{name: here, zones: [a, b, c]}]\n"
                             f"clusters: [{{name: main, brokers: {BROKERS}, connect: {{bootstrap: \"{self.broker.brokers}\", cluster_id: {cluster_id}}}}}]\n",
                             encoding="utf-8")

    def make_topic(self, name, assignment):
        self.broker.run("org.apache.kafka.tools.TopicCommand", "--create", "--topic", name, "--replica-assignment", assignment,
                        "--config", "min.insync.replicas=1", "--config", "file.delete.delay.ms=1000")
        wait_until(lambda: self.is_known(name), patient(60), f"every broker knows topic {name}")  # kcat gives up at once on one that does not

    def is_known(self, name):
        for address in self.broker.brokers.split(","):
            done = subprocess.run(["kcat", "-L", "-J", "-b", address, "-t", name], capture_output=True, text=True, check=False, timeout=patient(60))
            topics = json.loads(done.stdout)["topics"] if done.returncode == 0 else []
            if not topics or not topics[0]["partitions"] or any(p["leader"] < 1 for p in topics[0]["partitions"]):
                return False
        return True

    def fill(self, name, records=RECORDS):
        lines = "".join(f"first-{i}:{VALUE}\n" for i in range(records))
        subprocess.run(["kcat", "-P", "-b", self.broker.brokers, "-t", name, "-K", ":", "-X", "acks=all"], input=lines, text=True, check=True,
                       timeout=patient(120))

    def replicas(self, name):
        done = subprocess.run(["kcat", "-L", "-J", "-b", self.broker.brokers, "-t", name], capture_output=True, text=True, check=True,
                              timeout=patient(60))
        return {p["partition"]: [r["id"] for r in p["replicas"]] for p in json.loads(done.stdout)["topics"][0]["partitions"]}

    def keys(self, name):
        done = subprocess.run(["kcat", "-C", "-e", "-q", "-b", self.broker.brokers, "-t", name, "-o", "beginning", "-f", "%k\n"],
                              capture_output=True, text=True, check=True, timeout=patient(120))
        return done.stdout.split()

    def check_no_throttle(self):
        for kind in ("brokers", "topics"):
            text = self.broker.run("kafka.admin.ConfigCommand", "--describe", "--entity-type", kind)
            check("throttled" not in text and "io.max" not in text, f"a throttle is left: {shorten(text)}")

    def arguments(self, *more):
        return ["fleet", "rebalance", self.file, "--rate-window", "1", *more]


class Load:
    """Writes on and on, each record acknowledged by all replicas in sync; `written` are the keys."""

    def __init__(self, brokers):
        self.written = []
        self.stopped = threading.Event()
        self.process = subprocess.Popen(["kcat", "-P", "-b", brokers, "-t", TOPIC, "-K", ":", "-X", "acks=all", "-X", "enable.idempotence=true"],
                                        stdin=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stopped.is_set():
            for _ in range(20):
                self.written.append(f"load-{len(self.written)}")
                self.process.stdin.write(f"{self.written[-1]}:{VALUE}\n")
            self.process.stdin.flush()
            time.sleep(0.1)

    def end(self):
        self.stopped.set()
        self.thread.join()
        self.process.stdin.close()
        check_equal(self.process.wait(patient(60)), 0, "kcat, which writes the load")


def run_killed(cluster, rng, arguments):
    """Until it ends by itself; killed so many times before. How often it was."""
    kills = 0
    end = time.monotonic() + ENDS_S
    while True:
        check(time.monotonic() < end, "the rebalance does not end")
        with open(cluster.box.directory / "rebalance.log", "a", encoding="utf-8") as log:
            process = subprocess.Popen([FRESHET, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            status = process.wait(rng.uniform(0.5, 4) if kills < KILLS else ENDS_S)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            continue
        check_equal(status, 0, f"freshet fleet rebalance ({shorten((cluster.box.directory / 'rebalance.log').read_text(encoding='utf-8')[-2000:], 2000)})")
        return kills


def test_killed_while_it_drains(box):
    number = int(os.environ.get("FRESHET_SEED", random.randrange(1 << 30)))
    note(f"FRESHET_SEED={number}")
    cluster = Cluster(box)
    cluster.make_topic(TOPIC, "1:3,2:3,3:1,3:2,1:2,3:1")
    cluster.fill(TOPIC)
    load = Load(cluster.broker.brokers)
    kills = run_killed(cluster, random.Random(number), cluster.arguments("--drain", "3", "--throttle", "1500000", "--yes"))
    load.end()
    note(f"killed {kills} times; {len(load.written)} records written meanwhile")
    check(all(3 not in replicas and len(set(replicas)) == 2 for replicas in cluster.replicas(TOPIC).values()),
          lambda: f"not drained: {cluster.replicas(TOPIC)}")
    cluster.check_no_throttle()
    check_equal(sorted(cluster.keys(TOPIC)), sorted([f"first-{i}" for i in range(RECORDS)] + load.written), "records")
    status, out, _ = freshet(*cluster.arguments("--status", "--json"))
    check_equal((status, json.loads(out)["journal"]["outcome"]), (0, "done"), "the journal")


def test_adds_evens_dirs_and_cancels(box):
    cluster = Cluster(box)
    cluster.make_topic(TOPIC, "1:2,2:1,1:2,2:1")
    cluster.fill(TOPIC, 6_000)
    # A move that would take hours is begun, and given up.
    slow = subprocess.Popen([FRESHET, *cluster.arguments("--add", "3", "--throttle", "20000", "--yes")], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    box.at_end(slow.kill)
    wait_until(lambda: any(3 in r for r in cluster.replicas(TOPIC).values()), patient(60), "a move is begun")
    check_equal(freshet(*cluster.arguments("--cancel"))[0], 0, "the one that runs is told to cancel")
    check_equal(slow.wait(patient(60)), 0, "the one that runs has cancelled")
    check(all(3 not in r for r in cluster.replicas(TOPIC).values()), "the move is not cancelled")
    cluster.check_no_throttle()
    # At once, and done.
    status, out, err = freshet(*cluster.arguments("--add", "3", "--even-dirs", "--yes", "--json"))
    check_equal(status, 0, f"--add ({shorten(err)})")
    check_equal(json.loads(out)["journal"]["outcome"], "done", "the journal")
    check(any(3 in r for r in cluster.replicas(TOPIC).values()), "broker 3 has its share")
    cluster.check_no_throttle()
    status, out, err = freshet(*cluster.arguments("--even", "--even-dirs", "--dry-run", "--json"))
    check_equal((status, json.loads(out)["plan"]["waves"]), (0, []), f"nothing is left to even ({shorten(out)})")
    check_equal(len(cluster.keys(TOPIC)), 6_000, "records")
    dirs = {dir.name for dir in cluster.broker.directory.glob("*/log*") for _ in dir.glob(f"{TOPIC}-?")}
    check_equal(dirs, {"log", "log2"}, "both log dirs are used")


def test_refused_with_the_proof(box):
    cluster = Cluster(box)
    cluster.make_topic(TOPIC, "1,1,2,2,3")  # they shall all go one broker on; one log dir of six is empty
    cluster.fill(TOPIC, 6_000)
    wanted = box.directory / "wanted.json"
    wanted.write_text(json.dumps({"version": 1, "partitions": [
        {"topic": TOPIC, "partition": p, "replicas": [(p // 2 + 1) % BROKERS + 1]} for p in range(5)]}), encoding="utf-8")
    # Each log dir has room for one and a half, so nothing goes where something lies.
    size = 6_000 * 1100 // 5
    limits = ("--to", wanted, "--reserve", "0", "--delete-slack", "1", "--dir-bytes", str(int(1.6 * size)))
    status, out, err = freshet(*cluster.arguments(*limits, "--dry-run", "--at-once"))
    check_equal(status, 1, f"all at once ({shorten(out + err)})")
    check("over the" in err and "would have" in err, f"no proof: {shorten(err)}")
    status, out, err = freshet(*cluster.arguments(*limits, "--yes"))
    check_equal(status, 0, f"in waves ({shorten(err, 1500)})")
    check_equal(cluster.replicas(TOPIC), {p: [(p // 2 + 1) % BROKERS + 1] for p in range(5)}, "replicas")
    check_equal(len(cluster.keys(TOPIC)), 6_000, "records")
    cluster.write(cluster_id="another")
    status, _, err = freshet(*cluster.arguments("--drain", "1", "--yes"))
    check_equal(status, 1, "another cluster")
    check("nothing was done" in err, shorten(err))


def look(box, bootstrap, properties):
    """What a look at a cluster without anything to move says, reached so."""
    file, names = box.directory / "fleet.yaml", box.directory / "properties"
    file.write_text("fleet: test\nregions: [{name: here, zones: [a]}]\nclusters: [{name: main, brokers: 1}]\n", encoding="utf-8")
    names.write_text("".join(f"{name}={value}\n" for name, value in properties.items()), encoding="utf-8")
    status, out, err = freshet("fleet", "rebalance", file, "--even-dirs", "--dry-run", "--rate-window", "1", "--bootstrap", bootstrap, "--properties", names)
    check(test_kafka_security.PASSWORD not in out + err, "the password is told")
    return status, out, err


def test_every_way_in_of_today(box):
    secured = test_kafka_security.Secured(box, kafka.TODAY)
    by_password = {"security.protocol": "SASL_SSL", "sasl.username": test_kafka_security.USER, "sasl.password": test_kafka_security.PASSWORD,
                   "ssl.ca.location": secured.cert}
    for mechanism in test_kafka_security.MECHANISMS:
        way = {**by_password, "sasl.mechanism": mechanism}
        check_equal(look(box, secured.secure, way), (0, "nothing to move\n", ""), mechanism)
        status, _, err = look(box, secured.secure, {**way, "sasl.password": "hunter2"})
        check(status == 1 and "SASL_AUTHENTICATION_FAILED" in err and "hunter2" not in err, f"{mechanism}, wrong: {status} {shorten(err)}")
    mutual = {"security.protocol": "SSL", "ssl.ca.location": secured.cert, "ssl.certificate.location": secured.client_cert,
              "ssl.key.location": secured.client_key}
    check_equal(look(box, secured.mutual, mutual), (0, "nothing to move\n", ""), "mutual")
    status, _, err = look(box, secured.secure, {**by_password, "sasl.mechanism": "PLAIN", "ssl.ca.location": secured.client_cert})
    check(status == 1 and "its certificate is not trusted" in err, f"another authority: {status} {shorten(err)}")
    status, _, err = look(box, secured.mutual, {"security.protocol": "PLAINTEXT"})
    check(status == 1 and secured.mutual in err, f"TLS is wanted: {status} {shorten(err)}")
