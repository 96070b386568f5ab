"""`freshet mirror` between two real clusters: killed again and again, with another number of partitions, read by kcat."""
import collections
import json
import random
import shutil
import signal
import subprocess

import kafka
from harness import Failure, check, check_equal, freshet, note, shorten, wait_until
from patience import patient
from supervised import Supervised

COPY_S = patient(120)
READ_S = patient(60)
KEYS = 200
TOPIC_COMMAND = "org.apache.kafka.tools.TopicCommand"


class Mirror(Supervised):
    def __init__(self, box, source, target, topics, name="m", instance=1, more=""):
        super().__init__(
            box, "mirror", f"{name}-{instance}",
            f"name: {name}\ninstance: \"{instance}\"\nsource: {{name: front, brokers: \"{source.brokers}\"}}\ntarget: {{name: back, brokers: \"{target.brokers}\"}}\n"
            f"topics: {json.dumps(topics)}\noffsets_every: 1s\nrefresh_every: 1s\n{more}")

    def command(self, *arguments):
        """(exit status, its JSON)"""
        status, out, err = freshet("mirror", *arguments, "--config", self.file, "--json")
        check(out.startswith("{"), lambda: f"mirror {arguments}: {shorten(err)}")
        return status, json.loads(out)

    def verified(self):
        """Once all is copied."""
        def complete():
            self.keep_running()
            status, verdict = self.command("verify")
            if "error" in verdict:  # partitions were added this moment, brokers are not up yet
                check_equal(status, 1, f"exit status of a verify that may be tried again ({verdict})")
                return None
            check(status == 0 or not verdict["same"], "verify: exit status and verdict disagree")
            check_equal([topic["differences"] for topic in verdict["topics"]], [[] for _ in verdict["topics"]], "differences")
            return verdict if verdict["complete"] else None
        return wait_until(complete, COPY_S, lambda: f"all mirrored ({self.tail()})", every_s=1)


def make_topic(cluster, name, partitions, **configs):
    settings = [part for key, value in configs.items() for part in ("--config", f"{key.replace('_', '.')}={value}")]
    cluster.run(TOPIC_COMMAND, "--create", "--topic", name, "--partitions", partitions, "--replication-factor", 1, *settings)


def kcat(*arguments, text=None):
    if shutil.which("kcat") is None:
        raise Failure("kcat is missing: apt-get install kcat")
    done = subprocess.run(["kcat", *map(str, arguments)], capture_output=True, input=text, text=True, timeout=READ_S, check=False)
    check_equal(done.returncode, 0, f"kcat ({shorten(done.stderr)})")
    return done.stdout


def produce(cluster, topic, lines, *more):
    """Lines KEY:VALUE, placed as Java's producers do."""
    kcat("-P", "-b", cluster.brokers, "-t", topic, "-K:", "-X", "topic.partitioner=murmur2_random", *more, text="".join(line + "\n" for line in lines))


def read(cluster, topic, form="%k:%s\\n", partition=-1):
    only = ["-p", partition] if partition >= 0 else []
    return kcat("-C", "-b", cluster.brokers, "-t", topic, *only, "-e", "-q", "-o", "beginning", "-X", "isolation.level=read_committed", "-f", form).splitlines()


def by_key(lines):
    """Each key's values in the order of its partition: kcat reads a partition in its order, and a key lies in one."""
    out = collections.defaultdict(list)
    for line in lines:
        key, _, value = line.partition(":")
        out[key].append(value)
    return out


class Writer:
    """Numbers each key's records."""

    def __init__(self, cluster, topic):
        self.cluster, self.topic = cluster, topic
        self.counts = collections.Counter()
        self.dice = random.Random(7)

    def send(self, count):
        lines = []
        for _ in range(count):
            key = f"k{self.dice.randrange(KEYS)}"
            lines.append(f"{key}:{self.counts[key]}")
            self.counts[key] += 1
        produce(self.cluster, self.topic, lines, "-H", "h=1")

    def check(self, target, topic):
        got = by_key(read(target, topic))
        for key, count in self.counts.items():
            check_equal(got[key], [str(i) for i in range(count)], f"records of {key} in {topic}")
        check_equal(sum(map(len, got.values())), sum(self.counts.values()), f"records in {topic}")


def killed(box, kills):
    source, target = (kafka.start(box, name=name) for name in ("front", "back"))
    make_topic(source, "orders", 3)
    writer = Writer(source, "orders")
    mirror = Mirror(box, source, target, [{"match": "orders", "to": "copy.orders", "partitions": 7}]).start()
    for kill in range(kills):
        writer.send(2000)
        before = mirror.metric("freshet_mirror_records_total")
        wait_until(lambda seen=before: mirror.keep_running() or mirror.metric("freshet_mirror_records_total") > seen, COPY_S,
                   lambda: f"something mirrored ({shorten(mirror.log.read_text()[-600:], 600)})")
        writer.send(3000)
        if kill == kills // 2:
            target.kill()
            target.start()
            source.kill()
            source.start()
        mirror.kill()
        mirror.start()
    verdict = mirror.verified()
    check_equal(verdict["topics"][0]["in_target"], sum(writer.counts.values()), "records that verify counts")
    writer.check(target, "copy.orders")
    headers = set(read(target, "copy.orders", "%h\\n"))
    check_equal(headers, {"h=1,freshet.mirror.from=front"}, "headers")
    check_equal(sorted(read(target, "copy.orders", "%k %s %T\\n")), sorted(read(source, "orders", "%k %s %T\\n")), "timestamps")
    mirror.stop()
    note(f"{sum(writer.counts.values())} records, {kills} kills")


def test_killed_and_brokers_restarted(box):
    killed(box, 5)


def test_killed_twenty_times(box):
    killed(box, 20)


def plant(box, source, target, name, change):
    """What verify says of a target that has all of the source, but for this change of one key's records."""
    copy = f"copy.{name}"
    mirror = Mirror(box, source, target, [{"match": "planted", "to": copy, "partitions": 2}], name=name)
    mirror.start()
    mirror.verified()
    mirror.stop()
    records = read(target, copy)
    change(records)
    target.run(TOPIC_COMMAND, "--delete", "--topic", copy)

    def gone():
        return copy not in target.run(TOPIC_COMMAND, "--list").split()
    wait_until(gone, COPY_S, f"{copy} deleted", every_s=0.5)
    make_topic(target, copy, 2, message_timestamp_type="LogAppendTime")
    produce(target, copy, records, "-H", "freshet.mirror.from=front")
    return mirror.command("verify")


def test_verify_finds_what_is_planted(box):
    source, target = (kafka.start(box, name=name) for name in ("front", "back"))
    # The target's timestamps are its own then, so that a topic can be written anew.
    make_topic(source, "planted", 1, message_timestamp_type="LogAppendTime")
    produce(source, "planted", [f"k{i % 5}:{i}" for i in range(100)])

    def lose(records):
        records.remove("k1:21")

    def double(records):
        records.insert(records.index("k1:21") + 3, "k1:21")

    def swap(records):
        one, other = records.index("k1:21"), records.index("k1:26")
        records[one], records[other] = records[other], records[one]

    for kind, change in (("same", lambda records: None), ("lost", lose), ("double", double), ("swapped", swap)):
        status, verdict = plant(box, source, target, kind, change)
        topic = verdict["topics"][0]
        check_equal((status, [(one["kind"], one["key"]) for one in topic["differences"]]),
                    (0, []) if kind == "same" else (1, [(kind, "k1")]), f"verdict of what is {kind}: {topic}")


def test_a_group_moves(box):
    """A group that has read half of the source, and all that there was at that time, goes on in the target: it misses nothing, and
    repeats what came in the last `offsets_every` (1s) before its position, which is nothing."""
    source, target = (kafka.start(box, name=name) for name in ("front", "back"))
    make_topic(source, "orders", 3)
    writer = Writer(source, "orders")
    mirror = Mirror(box, source, target, [{"match": "orders", "partitions": 4}], more="groups: ['bill*']\n").start()
    writer.send(500)
    mirror.verified()
    read_by_group(source, "orders", "billing")
    seen = []

    def settled():
        """Marks are made each second while nothing comes: the last of them are at the group's position."""
        seen.append(mirror.command("offsets")[1]["groups"][0]["next"])
        return len(seen) > 4 and None not in seen[-1] and seen[-1] == seen[-2] == seen[-3] == seen[-4]
    wait_until(settled, COPY_S, "marks made", every_s=1)
    last = dict(writer.counts)
    writer.send(500)
    mirror.verified()
    status, moved = mirror.command("offsets", "--apply")
    check_equal((status, moved["groups"][0]["refused"]), (0, ""), "the group is moved")
    rest = by_key(read_by_group(target, "orders", "billing"))
    for key, count in writer.counts.items():
        missed = set(map(str, range(last.get(key, 0), count))) - set(rest[key])
        check_equal(missed, set(), f"records of {key} that the moved group misses")
    check_equal(sum(map(len, rest.values())), 500, "records that the moved group reads: those that it had not read")
    status, again = mirror.command("offsets", "--apply")
    check_equal(again["groups"][0]["refused"], "the group has read in the target itself", "a group that is there already")
    mirror.stop()


def read_by_group(cluster, topic, group):
    command = cluster.command("org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", topic, "--from-beginning", "--timeout-ms",
                              kafka.READ_IDLE_MS, "--isolation-level", "read_committed", "--group", group, "--property", "print.key=true",
                              "--property", "key.separator=:")
    done = subprocess.run(command, capture_output=True, text=True, timeout=READ_S, stdin=subprocess.DEVNULL, check=False)
    return [line for line in done.stdout.splitlines() if line.startswith("k")]


def test_a_zombie_commits_nothing(box):
    """A process that stands still until the group has given its partitions away, and goes on with what it had."""
    source, target = (kafka.start(box, name=name) for name in ("front", "back"))
    make_topic(source, "orders", 4)
    writer = Writer(source, "orders")
    mirrors = [Mirror(box, source, target, [{"match": "orders", "to": "copy.orders", "partitions": 7}], instance=i).start() for i in (1, 2)]
    writer.send(1000)
    mirrors[0].verified()
    wait_until(lambda: all(mirror.metric("freshet_mirror_partitions") == 2 for mirror in mirrors), COPY_S, "two partitions each")
    for mirror in mirrors:
        writer.send(3000)
        mirror.process.send_signal(signal.SIGSTOP)
        writer.send(1000)
        other = mirrors[1 - mirrors.index(mirror)]
        wait_until(lambda at=other: at.metric("freshet_mirror_partitions") == 4, COPY_S, "all partitions are the other's", every_s=0.5)
        other.verified()
        mirror.process.send_signal(signal.SIGCONT)
        writer.send(1000)
        wait_until(lambda at=mirror: at.keep_running() or at.metric("freshet_mirror_partitions") == 2, COPY_S, "it is back", every_s=0.5)
    mirrors[0].verified()
    writer.check(target, "copy.orders")


def test_partitions_and_two_processes(box):
    """One to one, by two processes, while the source gets more partitions; and by key, whose order is kept."""
    source, target = (kafka.start(box, name=name) for name in ("front", "back"))
    make_topic(source, "orders", 2)
    make_topic(source, "plain", 2, retention_ms=7200000)
    rules = [{"match": "orders", "to": "copy.orders", "partitions": 5}, {"match": "plain"}]
    mirrors = [Mirror(box, source, target, rules, instance=i, more="switch_over: 10s\n").start() for i in (1, 2)]
    writer, plain = Writer(source, "orders"), Writer(source, "plain")
    writer.send(1000)
    plain.send(500)
    mirrors[0].verified()
    for topic in ("orders", "plain"):
        source.run(TOPIC_COMMAND, "--alter", "--topic", topic, "--partitions", 4)
    for _ in range(5):
        writer.send(300)
        plain.send(100)
    mirrors[0].verified()
    writer.check(target, "copy.orders")
    for partition in range(4):
        check_equal(*(read(cluster, "plain", "%k %s %T\\n", partition) for cluster in (target, source)), f"one to one: partition {partition}")
    described = target.run(TOPIC_COMMAND, "--describe", "--topic", "plain")
    check("PartitionCount: 4" in described and "retention.ms=7200000" in described, described)
    for mirror in mirrors:
        mirror.stop()


def set_policy(cluster, topic, policy):
    cluster.run("kafka.admin.ConfigCommand", "--alter", "--entity-type", "topics", "--entity-name", topic, "--add-config", f"cleanup.policy={policy}")


def test_what_the_target_refuses(box):
    """Records that real brokers refuse, and a topic that would lose some: others are not held up."""
    source, target = (kafka.start(box, name=name) for name in ("front", "back"))
    for name in ("orders", "plain", "kept"):
        make_topic(source, name, 2)
    make_topic(target, "kept", 2, cleanup_policy="compact")
    writer, plain, kept = Writer(source, "orders"), Writer(source, "plain"), Writer(source, "kept")
    for lost in range(3):
        writer.send(200)
        kcat("-P", "-b", source.brokers, "-t", "orders", text=f"{lost}\n")  # without a key
    set_policy(source, "orders", "compact")  # which takes no such record any more
    plain.send(300)
    kept.send(100)
    mirror = Mirror(box, source, target, [{"match": "*"}]).start()
    wait_until(lambda: mirror.keep_running() or mirror.metric("freshet_mirror_set_aside_total") >= 3, COPY_S,
               lambda: f"what is refused is set aside ({shorten(mirror.log.read_text()[-600:], 600)})")

    def mirrored():
        status, verdict = mirror.command("verify", "--topic", "orders", "--topic", "plain")
        return (status, verdict) if "error" not in verdict and sum(topic["behind"] for topic in verdict["topics"]) == 0 else None
    status, verdict = wait_until(mirrored, COPY_S, "all is mirrored", every_s=1)
    check_equal((status, verdict["same"], verdict["complete"], verdict["set_aside"]), (0, True, False, 3), "verdict")
    writer.check(target, "orders")
    plain.check(target, "plain")
    letters = read(target, "freshet.mirror.m.deadletters", "%s %h\\n")
    check_equal(sorted(line.split()[0] for line in letters), ["0", "1", "2"], f"dead letters ({letters})")
    check(all("freshet.mirror.reason=the target refuses it" in line and "freshet.mirror.timestamp=" in line for line in letters), letters)
    check_equal(read(target, "kept"), [], "records in the topic that would lose some")
    check("cleanup.policy=compact, and the source's topic delete" in mirror.log.read_text(), "the reason in the log")
    set_policy(target, "kept", "delete")
    wait_until(lambda: mirror.keep_running() or len(read(target, "kept")) == 100, COPY_S, "it goes on once it is right", every_s=1)
    kept.check(target, "kept")
    mirror.stop()
