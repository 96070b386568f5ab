"""`freshet fleet rebalance` on real brokers, under a load of writes: killed at any moment it goes on, nothing is lost, and no throttle is
left behind; what would fill a disk is refused; its throttle follows how the cluster fares; it keeps to windows of maintenance."""
import json
import os
import random
import re
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
    def __init__(self, box, brokers=BROKERS, dirs=2, heap="384m", delete_delay_ms=1000):
        kafka.require_disks(box)
        self.box = box
        self.count = brokers
        self.broker = kafka.start(box, env={"FRESHET_KAFKA_LOG_DIRS": str(dirs), "FRESHET_KAFKA_HEAP": heap}, count=brokers)
        self.broker.run("kafka.admin.ConfigCommand", "--alter", "--entity-type", "brokers", "--entity-default", "--add-config",
                        f"log.segment.delete.delay.ms={delete_delay_ms}")
        self.file = box.directory / "fleet.yaml"
        self.write()

    def write(self, cluster_id=CLUSTER_ID):
        self.file.write_text("fleet: test\nregions: [{name: here, zones: [a, b, c]}]\n"
                             f"clusters: [{{name: main, brokers: {self.count}, connect: {{bootstrap: \"{self.broker.brokers}\", cluster_id: {cluster_id}}}}}]\n",
                             encoding="utf-8")

    def make_topic(self, name, assignment):
        # The delay of a topic is of its segments: what is taken away as a whole stays as long as the brokers say.
        self.broker.run("org.apache.kafka.tools.TopicCommand", "--create", "--topic", name, "--replica-assignment", assignment,
                        "--config", "min.insync.replicas=1", "--config", "file.delete.delay.ms=1")
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

    def broker_throttle(self, broker=1):
        """What the broker lets through as a leader, in bytes a second; None: it is not limited."""
        text = self.broker.run("kafka.admin.ConfigCommand", "--describe", "--entity-type", "brokers", "--entity-name", broker)
        found = re.search(r"leader\.replication\.throttled\.rate=(\d+)", text)
        return int(found.group(1)) if found else None

    def dir_bytes(self):
        """What is in the log of each log dir, also what is deleted and not gone yet."""
        out = {}
        for directory in self.broker.directory.glob("*/log*"):
            if not directory.is_dir():
                continue
            used = 0
            for path in directory.glob("*/*.log*"):
                try:
                    used += path.stat().st_size
                except FileNotFoundError:  # it is gone this moment
                    pass
            out[f"{directory.parent.name}/{directory.name}"] = used
        return out

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


class FullestMoment:
    """Looks all the time how full each log dir is; `most` is the most that any of them had."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.most = {}
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stopped.is_set():
            for name, used in self.cluster.dir_bytes().items():
                self.most[name] = max(self.most.get(name, 0), used)
            time.sleep(0.05)

    def end(self):
        self.stopped.set()
        self.thread.join()
        return max(self.most.values())


def run_killed(cluster, rng, arguments, wanted_kills=KILLS):
    """Until it ends by itself; killed so many times before. How often it was."""
    kills = 0
    end = time.monotonic() + ENDS_S
    while True:
        check(time.monotonic() < end, "the rebalance does not end")
        with open(cluster.box.directory / "rebalance.log", "a", encoding="utf-8") as log:
            process = subprocess.Popen([FRESHET, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            status = process.wait(rng.uniform(0.5, 4) if kills < wanted_kills else ENDS_S)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            continue
        check_equal(status, 0, f"freshet fleet rebalance ({shorten((cluster.box.directory / 'rebalance.log').read_text(encoding='utf-8')[-2000:], 2000)})")
        return kills


def log_of(cluster):
    return (cluster.box.directory / "rebalance.log").read_text(encoding="utf-8")


def begin(cluster, *arguments):
    """A rebalance that runs on; its lines are in the log."""
    with open(cluster.box.directory / "rebalance.log", "a", encoding="utf-8") as log:
        process = subprocess.Popen([FRESHET, *cluster.arguments(*arguments)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    cluster.box.at_end(process.kill)
    return process


def test_killed_while_it_drains(box):
    number = int(os.environ.get("FRESHET_SEED", random.randrange(1 << 30)))
    note(f"FRESHET_SEED={number}")
    cluster = Cluster(box)
    cluster.make_topic(TOPIC, "1:3,2:3,3:1,3:2,1:2,3:1")
    cluster.fill(TOPIC)
    load = Load(cluster.broker.brokers)
    kills = run_killed(cluster, random.Random(number), cluster.arguments("--drain", "3", "--throttle", "1500000", "--latency-bound", "5000", "--yes"))
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


class StandingReader:
    """A member of a consumer group that can stand still: it falls behind, and is still one."""

    def __init__(self, box, brokers):
        self.process = subprocess.Popen(
            ["kcat", "-G", "reader", "-b", brokers, "-q", "-X", "session.timeout.ms=300000", "-X", "max.poll.interval.ms=300000", "-X",
             "auto.commit.interval.ms=500", "-X", "auto.offset.reset=latest", TOPIC], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        box.at_end(self.process.kill)

    def stand_still(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.process.pid, signal.SIGCONT)


def test_considerate(box):
    cluster = Cluster(box, brokers=4)  # a drained one of three has nowhere to leave its copy of the offsets' topic
    cluster.make_topic(TOPIC, "1:3,2:3,3:1,3:2,1:2,3:1")
    cluster.fill(TOPIC, 24_000)
    load = Load(cluster.broker.brokers)
    box.at_end(load.stopped.set)
    reader = StandingReader(box, cluster.broker.brokers)
    wait_until(lambda: "reader" in cluster.broker.run("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--list"), patient(60), "the group is there")

    # Not in the window: each wave's time is told, and nothing is moved.
    closed = time.strftime("%H:%M", time.gmtime(time.time() + 6 * 3600))
    window = f"daily {closed}-{time.strftime('%H:%M', time.gmtime(time.time() + 7 * 3600))}"
    status, out, err = freshet(*cluster.arguments("--drain", "3", "--window", window, "--dry-run", "--json"))
    check_equal(status, 0, f"--dry-run ({shorten(err + out)})")
    check_equal(json.loads(out)["plan"]["waves"][0]["begins_at"][11:16], closed, "when the first wave would run")
    status, _, err = freshet(*cluster.arguments("--drain", "3", "--window", window, "--throttle", "1000", "--dry-run"))
    check(status == 1 and "never catches up" in err, f"a throttle that never converges: {shorten(err)}")
    status, _, err = freshet(*cluster.arguments("--drain", "3", "--window", "nights", "--dry-run"))
    check(status == 2 and 'window "nights": it must be' in err, f"a wrong window: {status} {shorten(err)}")
    waits = begin(cluster, "--drain", "3", "--window", window, "--yes")
    wait_until(lambda: "it waits for" in log_of(cluster), patient(60), lambda: f"it waits for its window ({shorten(log_of(cluster))})")
    check_equal(freshet(*cluster.arguments("--pause"))[0], 0, "--pause while it waits")
    check_equal(waits.wait(patient(60)), 0, "it pauses")
    check(any(3 in replicas for replicas in cluster.replicas(TOPIC).values()), "nothing is moved out of the window")
    check_equal(freshet(*cluster.arguments("--cancel", "--yes"))[0], 0, "--cancel")

    # A reader falls behind: slower, and faster when it has caught up.
    most = 600_000
    run = begin(cluster, "--drain", "3", "--throttle", str(most), "--lag-bound", "4", "--latency-bound", "60000", "--yes")
    wait_until(lambda: "begun" in log_of(cluster), patient(60), "the first wave is begun")
    reader.stand_still()
    wait_until(lambda: "the throttle is lowered" in log_of(cluster), patient(90), lambda: f"lowered ({shorten(log_of(cluster))})")
    check("a group is" in log_of(cluster), lambda: f"the reason is told: {shorten(log_of(cluster))}")
    lowered = wait_until(lambda: (cluster.broker_throttle() or most) < most and cluster.broker_throttle(), patient(60), "the broker has the lower throttle")
    note(f"lowered from {most} to {lowered} bytes a second")
    reader.go_on()
    wait_until(lambda: "the throttle is raised" in log_of(cluster), patient(180), lambda: f"raised ({shorten(log_of(cluster))})")
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    check_equal(freshet(*cluster.arguments("--cancel", "--yes"))[0], 0, "--cancel")
    cluster.check_no_throttle()
    load.end()


def test_killed_twenty_times(box):
    number = int(os.environ.get("FRESHET_SEED", random.randrange(1 << 30)))
    note(f"FRESHET_SEED={number}")
    rng = random.Random(number)
    cluster = Cluster(box)
    cluster.make_topic(TOPIC, "1:3,2:3,3:1,3:2,1:2,3:1")
    cluster.fill(TOPIC)
    load = Load(cluster.broker.brokers)
    box.at_end(load.stopped.set)
    # Begun, and told to pause or cancel at random moments, beside those at which it is killed.
    told = {"--pause": 0, "--cancel": 0}
    for _ in range(6):
        run = begin(cluster, "--drain", "3", "--throttle", "400000", "--yes")
        time.sleep(rng.uniform(0.5, 6))
        wish = rng.choice(list(told))
        told[wish] += 1
        if rng.random() < 0.5:
            os.kill(run.pid, signal.SIGKILL)
            run.wait()
        check_equal(freshet(*cluster.arguments(wish, "--yes"))[0], 0, wish)
        if run.poll() is None:
            check_equal(run.wait(ENDS_S), 0, f"it ends after {wish} ({shorten(log_of(cluster)[-1500:], 1500)})")
            cluster.check_no_throttle()
    freshet(*cluster.arguments("--cancel", "--yes"))  # what was paused or killed last; there may be nothing
    kills, drained = 0, 0
    while kills < 20:  # one broker after another, until it was killed often enough
        drained = drained % BROKERS + 1
        kills += run_killed(cluster, rng, cluster.arguments("--drain", drained, "--throttle", "500000", "--latency-bound", "5000", "--yes"), 20 - kills)
    load.end()
    note(f"killed {kills} times, told {told}; {len(load.written)} records written meanwhile")
    check(all(drained not in replicas and len(set(replicas)) == 2 for replicas in cluster.replicas(TOPIC).values()),
          lambda: f"{drained} is not drained: {cluster.replicas(TOPIC)}")
    cluster.check_no_throttle()
    check_equal(sorted(cluster.keys(TOPIC)), sorted([f"first-{i}" for i in range(RECORDS)] + load.written), "records")


TWELVE = {1: (4, 8), 2: (0, 9), 3: (1, 5), 4: (2, 3), 5: (6, 7), 6: (10, 11)}  # where each of twelve partitions shall be


def test_twelve_on_six_small_disks(box):
    cluster = Cluster(box, brokers=6, dirs=1, heap="256m", delete_delay_ms=10_000)
    cluster.make_topic(TOPIC, ",".join(str(1 + p // 4) for p in range(12)))
    cluster.fill(TOPIC, 24_000)
    replicas = {p: [broker] for broker, partitions in TWELVE.items() for p in partitions}
    wanted = box.directory / "wanted.json"
    wanted.write_text(json.dumps({"version": 1, "partitions": [{"topic": TOPIC, "partition": p, "replicas": r} for p, r in replicas.items()]}), encoding="utf-8")
    # Keys fall on partitions as they fall: four lie on a broker, and there is room for five of the largest.
    room = int(5.2 * max(path.stat().st_size for path in cluster.broker.directory.glob(f"*/log*/{TOPIC}-*/*.log")))
    limits = ("--to", wanted, "--reserve", "0", "--delete-slack", "2", "--dir-bytes", str(room), "--throttle", "4000000")
    status, out, err = freshet(*cluster.arguments(*limits, "--dry-run", "--at-once"))
    check_equal(status, 1, f"all at once ({shorten(out + err)})")
    check(f"over the {room / 1e6:.1f} MB that it may have" in err, f"no proof: {shorten(err)}")
    status, out, err = freshet(*cluster.arguments(*limits, "--dry-run", "--json"))
    check_equal(status, 0, f"in stages ({shorten(err, 1500)})")
    waves = json.loads(out)["plan"]["waves"]
    check(len(waves) > 1, "it has stages")
    fullest = FullestMoment(cluster)
    status, out, err = freshet(*cluster.arguments(*limits, "--yes"))
    most = fullest.end()
    check_equal(status, 0, f"in stages ({shorten(err, 1500)})")
    note(f"{len(waves)} waves; a log dir had {most / 1e6:.1f} MB at the most, of {room / 1e6:.1f} MB")
    check(most <= room, f"a disk was fuller than proved: {fullest.most}")
    check_equal(cluster.replicas(TOPIC), replicas, "replicas")
    check_equal(len(cluster.keys(TOPIC)), 24_000, "records")
    cluster.check_no_throttle()


def test_random_plans(box):
    number = int(os.environ.get("FRESHET_SEED", random.randrange(1 << 30)))
    note(f"FRESHET_SEED={number}")
    rng = random.Random(number)
    cluster = Cluster(box, delete_delay_ms=3000)
    records = 0
    for topic in ("a", "b", "c"):
        copies = rng.choice((1, 2))
        cluster.make_topic(topic, ",".join(":".join(map(str, rng.sample((1, 2, 3), copies))) for _ in range(rng.randrange(2, 6))))
        cluster.fill(topic, 3_000)
        records += 3_000
    outcomes = {"run": 0, "refused": 0}
    for _ in range(8):
        now = cluster.dir_bytes()
        room = int(max(now.values()) * rng.uniform(1.05, 2.0)) + 100_000
        goal = rng.choice((("--drain", str(rng.randrange(1, 4))), ("--add", str(rng.randrange(1, 4))), ("--even",), ("--even-dirs",), ("--even", "--even-dirs")))
        limits = (*goal, "--reserve", "0", "--delete-slack", "2", "--dir-bytes", str(room), "--throttle", "3000000")
        fullest = FullestMoment(cluster)
        status, out, err = freshet(*cluster.arguments(*limits, "--yes"))
        most = fullest.end()
        check(status == 0 or (status in (1, 2) and ("would have" in err or "no broker is left" in err)), f"{limits}: {status} {shorten(out + err, 1500)}")
        outcomes["run" if status == 0 else "refused"] += 1
        check(most <= room, f"{limits}: a disk was fuller than proved: {fullest.most}")
        check_equal(sum(len(cluster.keys(topic)) for topic in ("a", "b", "c")), records, f"records after {limits}")
    cluster.check_no_throttle()
    note(f"{outcomes}")
    check(outcomes["run"] > 0, "no plan was accepted")


PERF = "org.apache.kafka.tools.ProducerPerformance"
PERF_TAIL = re.compile(r"([0-9.]+) ms 50th, ([0-9.]+) ms 95th, ([0-9.]+) ms 99th, ([0-9.]+) ms 99.9th")


def write_timed(cluster, seconds, rate=400):
    """Kafka's own tool, writing for so long records that all replicas have."""
    command = [part for part in cluster.broker.command(PERF) if part not in ("--bootstrap-server", cluster.broker.brokers)]
    command += ["--topic", TOPIC, "--num-records", str(seconds * rate), "--record-size", "1000", "--throughput", str(rate), "--producer-props",
                f"bootstrap.servers={cluster.broker.brokers}", "acks=all", "linger.ms=0"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)


def told_by(process):
    """Its latencies, in ms."""
    out, _ = process.communicate(timeout=ENDS_S)
    found = PERF_TAIL.findall(out)
    check(found, f"the tool's last line: {shorten(out[-500:])}")
    p50, _, p99, p999 = map(float, found[-1])
    return {"p50": p50, "p99": p99, "p99.9": p999}


def test_latency_beside_all_at_once(box):
    """What producers wait for while half of a topic's replicas move: by us, and as kafka-reassign-partitions does it without a throttle."""
    cluster = Cluster(box)
    cluster.make_topic(TOPIC, ",".join(["1:2", "2:1"] * 4))
    cluster.fill(TOPIC, 120_000)
    seconds = 45
    note(f"nothing moves: {told_by(write_timed(cluster, 20))}")
    load = write_timed(cluster, seconds)
    time.sleep(5)
    began = time.monotonic()
    status, _, err = freshet(*cluster.arguments("--drain", "1", "--throttle", "5000000", "--latency-bound", "100", "--yes"))
    check_equal(status, 0, f"--drain ({shorten(err, 1500)})")
    note(f"moved in waves in {time.monotonic() - began:.0f} s: {told_by(load)}")
    # The way back, all at once.
    back = box.directory / "back.json"
    back.write_text(json.dumps({"version": 1, "partitions": [
        {"topic": TOPIC, "partition": p, "replicas": [1 if broker == 3 else broker for broker in replicas]} for p, replicas in cluster.replicas(TOPIC).items()]}), encoding="utf-8")
    load = write_timed(cluster, seconds)
    time.sleep(5)
    began = time.monotonic()
    tool = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"
    cluster.broker.run(tool, "--reassignment-json-file", back, "--execute")
    wait_until(lambda: all(3 not in replicas for replicas in cluster.replicas(TOPIC).values()), ENDS_S, "moved back")
    note(f"moved all at once in {time.monotonic() - began:.0f} s: {told_by(load)}")


def look(box, bootstrap, properties):
    """What a look at a cluster without anything to move says, reached so."""
    file, names = box.directory / "fleet.yaml", box.directory / "properties"
    file.write_text("fleet: test\nregions: [{name: here, zones: [a]}]\nclusters: [{name: main, brokers: 1}]\n", encoding="utf-8")
    names.write_text("".join(f"{name}={value}\n" for name, value in properties.items()), encoding="utf-8")
    status, out, err = freshet("fleet", "rebalance", file, "--even-dirs", "--dry-run", "--rate-window", "1", "--bootstrap", bootstrap, "--properties", names)
    check(test_kafka_security.PASSWORD not in out + err, "the password is told")
    return status, out, err


def test_another_goal(box):
    """What was begun and not finished is gone on with only if that is what is wanted; no broker is asked before."""
    file, journal = box.directory / "fleet.yaml", box.directory / "rebalance-main.journal"
    file.write_text("fleet: test\nregions: [{name: here, zones: [a]}]\nclusters: [{name: main, brokers: 3}]\n", encoding="utf-8")
    limits = {"throttle_bytes_per_s": 1000000, "moves_per_broker": 2, "reserve_permille": 100, "delete_slack_s": 30}
    begun = json.dumps({"version": 1, "cluster_id": "x", "outcome": "paused", "wave": 0, "limits": limits, "goal": "--drain 1", "dir_bytes": 0, "waves": [], "settings": []})
    journal.write_text(begun, encoding="utf-8")
    status, out, err = freshet("fleet", "rebalance", file, "--drain", "2", "--yes", "--bootstrap", "127.0.0.1:1")
    check_equal(status, 1, f"another goal ({out} {err})")
    check("it was begun by --drain 1" in err and "this is --drain 2" in err and "--resume" in err and "--cancel" in err, err)
    check_equal(journal.read_text(encoding="utf-8"), begun, "the journal")
    for more in (["--drain", "1"], ["--resume"]):
        _, _, err = freshet("fleet", "rebalance", file, *more, "--yes", "--bootstrap", "127.0.0.1:1", timeout_s=patient(120))
        check("it was begun by" not in err, err)


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
