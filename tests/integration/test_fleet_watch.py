"""freshet fleet watch on a living broker: verdicts, lag in messages and in time, a cluster that is away beside one that
is not, and metrics that promtool takes."""
import json
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import kafka
from harness import BUILD, Background, Failure, check, check_equal, free_ports, freshet, shorten
from patience import patient

MESSAGES = 50
WAIT_S = patient(120)


def produce(broker, topic, count):
    if shutil.which("kcat") is None:
        raise Failure("kcat is missing: apt-get install kcat")
    text = "".join(f"message-{k}\n" for k in range(count))
    done = subprocess.run(["kcat", "-P", "-b", broker.brokers, "-t", topic], input=text, text=True, timeout=WAIT_S,
                          capture_output=True, check=False)
    check_equal(done.returncode, 0, f"kcat ({shorten(done.stderr)})")


def read(broker, group, topic, count):
    """What a reader does that stops after so many messages, having committed them."""
    done = subprocess.run(["kcat", "-b", broker.brokers, "-G", group, "-c", str(count), "-q", "-X", "auto.offset.reset=earliest", topic],
                          stdin=subprocess.DEVNULL, timeout=WAIT_S, capture_output=True, check=False)
    check_equal([done.returncode, len(done.stdout.splitlines())], [0, count], f"kcat ({shorten(done.stderr.decode())})")


def fleet_file(box, broker):
    file = box.directory / "fleet.yaml"
    dead = free_ports(1)[0]
    file.write_text("fleet: watched\nregions: [{name: r, zones: [a]}]\nclusters:\n"
                    f"  - {{name: living, brokers: 1, volumes: {{count: 1, size: 1TiB}}, connect: {{bootstrap: \"{broker.brokers}\"}}}}\n"
                    f"  - {{name: dead, brokers: 1, connect: {{bootstrap: \"127.0.0.1:{dead}\"}}}}\n", encoding="utf-8")
    return file


class Watching:
    """The command, running, with what it prints line by line."""

    def __init__(self, box, *arguments):
        self.process = subprocess.Popen([str(BUILD / "freshet"), "fleet", "watch", *map(str, arguments)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        box.at_end(self.process.kill)

    def look(self):
        line = self.process.stdout.readline()
        check(line, lambda: f"no look: {shorten(self.process.stderr.read())}")
        return json.loads(line)

    def until(self, condition, what):
        """The first look of which it holds."""
        end = time.monotonic() + WAIT_S
        while True:
            look = self.look()
            if condition(look):
                return look
            if time.monotonic() > end:
                raise Failure(f"{what}: not within {WAIT_S:.0f} s; at last: {shorten(json.dumps(look), 4000)}")

    def end(self):
        """It ends when it is asked to. What it still says is read meanwhile: in a full pipe it would wait for its reader."""
        self.process.terminate()
        self.process.communicate(timeout=WAIT_S)
        check_equal(self.process.returncode, 0, "its end")


def groups_of(look, prefix):
    living = next(cluster for cluster in look["clusters"] if cluster["cluster"] == "living")
    return {group["group"][len(prefix):]: group for group in living["groups"] if group["group"].startswith(prefix)}


def set_up(broker):
    """Three groups that have read: all, a part, and all of another topic."""
    prefix = broker.prefix
    for topic, readers in (("orders", (("done", MESSAGES), ("stopped", 10))), ("clicks", (("late", MESSAGES),))):
        broker.run("org.apache.kafka.tools.TopicCommand", "--create", "--topic", prefix + topic, "--partitions", 1, "--replication-factor", 1)
        produce(broker, prefix + topic, MESSAGES)
        for name, count in readers:
            read(broker, prefix + name, prefix + topic, count)
    return prefix


def test_verdicts(box):
    broker = kafka.start(box)
    prefix = set_up(broker)
    # One that has read a part, and now has a member that commits nothing.
    read(broker, prefix + "stuck", prefix + "orders", 20)
    member = subprocess.Popen(["kcat", "-b", broker.brokers, "-G", prefix + "stuck", "-X", "enable.auto.offset.store=false", "-q",
                               prefix + "orders"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    box.at_end(member.kill)
    port = free_ports(1)[0]
    watching = Watching(box, fleet_file(box, broker), "--json", "--interval", "500ms", "--window", "5s", "--listen", f"127.0.0.1:{port}")
    first = watching.until(lambda look: {"stopped", "late"} <= set(groups_of(look, prefix)), "the living cluster is seen")
    check_equal([cluster["cluster"] for cluster in first["clusters"]], ["living", "dead"], "clusters")

    produce(broker, prefix + "clicks", 10)
    last = watching.until(lambda look: [groups_of(look, prefix)[name]["verdict"] for name in ("done", "stopped", "stuck")] ==
                          ["ok", "stop", "stall"] and groups_of(look, prefix)["late"]["lag_messages"] == 10, "three verdicts")
    groups = groups_of(last, prefix)
    check_equal([groups["done"]["lag_messages"], groups["done"]["lag_s"]], [0, 0], "done")
    check_equal([groups["stopped"]["lag_messages"], groups["stopped"]["has_members"], groups["stopped"]["lag_is"]],
                [MESSAGES - 10, False, "at_least"], "stopped")
    check_equal(groups["stuck"]["has_members"], True, "stuck")
    check_equal(groups["late"]["lag_is"], "measured", "late")
    check(0 < groups["late"]["lag_s"] < WAIT_S, f"late by {groups['late']['lag_s']} s")
    check_cluster(last, kafka.disks_are_told(box.directory))
    check_metrics(scrape(port), prefix)
    watching.end()


def check_cluster(last, with_disks):
    living, dead = last["clusters"]
    check(not last["ok"] and not living["away"] and dead["away"] and not dead["looked"], last)
    check(dead["concerns"][0]["severity"] == "critical" and "127.0.0.1" in dead["concerns"][0]["what"], dead["concerns"])
    check_equal([living["offline"], living["under_replicated"], len(living["brokers"])], [0, 0, 1], "the living cluster")
    dirs = living["brokers"][0]["log_dirs"]
    check(dirs and all(d["failed"] != with_disks for d in dirs), dirs)
    check(not with_disks or all(d["replica_bytes"] > 0 and d["total_bytes"] > d["used_bytes"] > 0 for d in dirs), dirs)


def scrape(port):
    def get(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=WAIT_S) as answer:
            return answer.read().decode()
    check_equal(json.loads(get("/healthz")), {"status": "ok"}, "/healthz")
    return get("/metrics")


def check_metrics(text, prefix):
    check('freshet_fleet_cluster_up{cluster="living"} 1' in text and 'freshet_fleet_cluster_up{cluster="dead"} 0' in text, "cluster_up")
    lag = f'freshet_fleet_group_lag_messages{{cluster="living",consumergroup="{prefix}stopped",topic="{prefix}orders"}} {MESSAGES - 10}'
    check(lag in text, "the lag of a group")
    promtool = shutil.which("promtool")
    if promtool is None:
        return
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=WAIT_S, check=False)
    wrong = [line for line in (done.stdout + done.stderr).splitlines() if "freshet_fleet" in line]
    check_equal([done.returncode == 2, wrong], [False, []], f"promtool check metrics ({shorten(done.stdout + done.stderr)})")


def test_bad_input(box):
    file = box.directory / "fleet.yaml"
    dead = free_ports(1)[0]
    file.write_text("fleet: f\nregions: [{name: r, zones: [a]}]\nclusters: [{name: c, brokers: 1, connect: "
                    f"{{bootstrap: \"127.0.0.1:{dead}\"}}}}]\n", encoding="utf-8")
    status, _, err = freshet("fleet", "watch", file, "--cluster", "nothing")
    check_equal([status, "there is no cluster" in err], [2, True], err)
    status, _, err = freshet("fleet", "watch", file, "--interval", "soon")
    check_equal([status, "--interval" in err], [2, True], err)
    status, _, err = freshet("fleet", "watch", file, "--listen", "nowhere")
    check_equal([status, bool(err)], [2, True], err)
    status, out, _ = freshet("fleet", "watch", file, "--once", "--timeout", "1s")
    check_equal([status, "CRITICAL" in out, "can't be looked at" in out], [1, True, True], out)
    status, out, _ = freshet("fleet", "watch", file, "--once", "--timeout", "1s", "--json")
    check_equal([status, json.loads(out)["ok"], json.loads(out)["clusters"][0]["away"]], [1, False, True], out)


def probed_file(box, brokers, topic="freshet-probe"):
    file = box.directory / "fleet.yaml"
    file.write_text("fleet: probed\nregions: [{name: r, zones: [a]}]\nclusters:\n"
                    f"  - {{name: living, brokers: {len(brokers.split(','))}, connect: {{bootstrap: \"{brokers}\"}}, watch: {{probe: {topic}}}}}\n",
                    encoding="utf-8")
    return file


def probe_of(look):
    return look["clusters"][0]["probe"]


def process_of(broker, number):
    """The pid of one of its brokers."""
    return int((Path(broker.directory) / str(number) / "pid").read_text(encoding="ascii"))


def test_probe(box):
    """Each of three brokers is probed; one that answers nothing any more is found by name, and so is its return."""
    broker = kafka.start(box, count=3)
    port = free_ports(1)[0]
    file = probed_file(box, broker.brokers)
    watching = Watching(box, file, "--json", "--interval", "500ms", "--window", "60s", "--timeout", "3s", "--listen", f"127.0.0.1:{port}")
    look = watching.until(lambda look: len(probe_of(look)["brokers"]) == 3 and all(b["probes"] > 5 for b in probe_of(look)["brokers"]), "three are probed")
    probe = probe_of(look)
    check_equal([probe["verdict"] in ("ok", "slow"), probe["brokers_not_probed"]], [True, 0], probe)
    check(0 < probe["p50_s"] <= probe["p99_s"] < WAIT_S, probe)
    check(all(b["written_p99_s"] <= b["p99_s"] for b in probe["brokers"] if b["written_p99_s"] is not None), probe)
    text = scrape(port)
    for line in ('freshet_fleet_probe_up{broker="1",cluster="living"}', 'freshet_fleet_probes{', 'quantile="0.99"'):
        check(line in text or line.replace('broker="1",cluster="living"', 'cluster="living",broker="1"') in text, f"no {line} in the metrics")
    # What it makes for itself is no topic that somebody forgot.
    status, out, _ = freshet("fleet", "diff", file, "--strict", "--json")
    extra = [d for d in json.loads(out)["clusters"][0]["differences"] if d["kind"] == "extra_topic"]
    check_equal([status in (0, 1), extra], [True, []], out)
    frozen = process_of(broker, 2)
    box.at_end(lambda: signal_quietly(frozen, signal.SIGCONT))
    signal_quietly(frozen, signal.SIGSTOP)
    failed = watching.until(lambda look: any(b["failures"] > 0 for b in probe_of(look)["brokers"]) or look["clusters"][0]["away"], "a frozen broker is noticed")
    check(probe_of(failed)["window_failures"] > 0 or failed["clusters"][0]["away"], probe_of(failed))
    signal_quietly(frozen, signal.SIGCONT)
    watching.until(lambda look: not look["clusters"][0]["away"] and len(probe_of(look)["brokers"]) == 3 and
                   all(b["failing"] == 0 for b in probe_of(look)["brokers"]), "all come back")


def signal_quietly(pid, which):
    subprocess.run(["kill", f"-{int(which)}", str(pid)], check=False, capture_output=True)


def test_probe_of_a_topic_of_others(box):
    """A topic that holds anything but probes is somebody's: nothing is written to it, and that is told."""
    broker = kafka.share()
    topic = broker.prefix + "theirs"
    broker.run("org.apache.kafka.tools.TopicCommand", "--create", "--topic", topic, "--partitions", 1, "--replication-factor", 1)
    produce(broker, topic, 3)
    status, out, err = freshet("fleet", "watch", probed_file(box, broker.brokers, topic), "--looks", "4", "--interval", "200ms", "--json")
    last = json.loads(out.splitlines()[-1])["clusters"][0]["probe"]
    check_equal([status, last["verdict"], "no probes" in last["brokers"][0]["error"]], [1, "fails", True], shorten(out + err, 3000))
    read(broker, broker.prefix + "whoever", topic, 3)
    check_equal(broker.run("org.apache.kafka.tools.GetOffsetShell", "--topic", topic).strip(), f"{topic}:0:3", "its end")


def produce_apart(broker, topic, count, codec):
    """Each message in a batch of its own: what a producer without linger does. Each is so alike in itself that a codec
    makes it smaller, or librdkafka would leave it as it is."""
    text = "".join(json.dumps({"event": "Order Completed", "user_id": f"user-{k % 97}", "total": k % 13, "note": "again and again, " * 30}) + "\n"
                   for k in range(count))
    done = subprocess.run(["kcat", "-P", "-b", broker.brokers, "-t", topic, "-z", codec, "-X", "batch.num.messages=1", "-X", "linger.ms=0",
                           "-X", "enable.idempotence=true"], input=text, text=True, timeout=WAIT_S, capture_output=True, check=False)
    check_equal(done.returncode, 0, f"kcat ({shorten(done.stderr)})")


def test_batches(box):
    """Batches of one message are seen as such, whatever packed them, and what would mend them is said in figures."""
    broker = kafka.share()
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    for codec in codecs:
        broker.run("org.apache.kafka.tools.TopicCommand", "--create", "--topic", broker.prefix + codec, "--partitions", 1, "--replication-factor", 1)
    file = box.directory / "fleet.yaml"
    file.write_text("fleet: f\nregions: [{name: r, zones: [a]}]\nclusters: [{name: living, brokers: 1, connect: "
                    f"{{bootstrap: \"{broker.brokers}\"}}}}]\n", encoding="utf-8")
    watching = Watching(box, file, "--json", "--interval", "300ms", "--window", "30s")
    # What comes from now on is sampled: where logs end before is what the first look tells.
    watching.until(lambda look: look["clusters"][0]["looked"], "a first look")

    def batches(look):
        return {topic["topic"][len(broker.prefix):]: topic for topic in look["clusters"][0]["batches"] if topic["topic"].startswith(broker.prefix)}
    last = {}
    for codec in codecs:
        produce_apart(broker, broker.prefix + codec, 3000, codec)
        last = watching.until(lambda look, wanted=codec: wanted in batches(look), f"a sample of {codec}")
    # A sample of the end of a burst may be too small for advice. One that comes while messages keep coming is not.
    sending = Background(produce_apart, broker, broker.prefix + "none", 30_000, "none")
    last = watching.until(lambda look: batches(look)["none"]["advised"]["linger_ms"] is not None, "advice on messages that come one by one")
    sending.join(WAIT_S)
    advised = False
    for codec, topic in batches(last).items():
        check_equal([topic["codec"], topic["messages_per_batch"], topic["producers"]], [codec, 1, 1], topic)
        check(topic["bytes_per_batch"] > 61 and 500 < topic["raw_bytes_per_batch"] < 800, topic)
        check(codec == "none" or topic["bytes_per_batch"] < 400, topic)
        check(topic["zstd"]["bytes_ratio"] > 0 and topic["lz4"]["cpu_us_per_message"] >= 0, topic)
        if topic["advised"]["linger_ms"] is not None:
            advised = True
            # A hundred messages that are alike, together, become a fraction of what each of them is alone.
            check(topic["zstd"]["bytes_ratio"] < 0.6 and topic["advised"]["messages_per_batch"] >= 2, topic)
            check("linger.ms=" in topic["advice"] and topic["advised"]["batches_per_s"] < topic["batches_per_s"], topic)
    check(advised, "no look advised a linger.ms: nothing of the advice was checked")
    watching.end()


def test_machines(box):
    """How busy brokers' machines are, by a shell's word; a command that hangs, or says something else, holds nothing up."""
    file = fleet_file(box, kafka.share())

    def living(look):
        return next(one for one in look["clusters"] if one["cluster"] == "living")

    def watching(command):
        return Watching(box, file, "--cluster", "living", "--json", "--interval", "300ms", "--timeout", "1s", "--machines", command)
    watch = watching("test {host} = 127.0.0.1 && cat /proc/stat")
    cpu = living(watch.until(lambda look: any(broker["cpu"] is not None for broker in living(look)["brokers"]), "a share"))["brokers"][0]["cpu"]
    check(0 <= cpu <= 1, f"the busy share is {cpu}")
    watch.end()
    for command in ("sleep 60; cat /proc/stat", "echo nothing"):
        watch = watching(command)
        look = living(watch.until(lambda look: living(look)["looked"], f"a look with {command}"))
        check_equal([broker["cpu"] for broker in look["brokers"]], [None], f"cpu with {command}")
        check(look["took_s"] < patient(10), f"a look took {look['took_s']} s")
        watch.end()
