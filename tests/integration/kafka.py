"""Real brokers, shared or of one test alone, started by tools/kafka, and readers of their topics that were not
written here."""
import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path

import shared
from harness import OFFLINE, ROOT, TENANT, Failure, Skipped, check_equal, free_ports, shorten
from patience import patient, stretched

TOOL = ROOT / "tools" / "kafka"
VERSION = os.environ.get("FRESHET_KAFKA_VERSION", "3.9.2")  # of the brokers of all tests but those that choose
TODAY = "4.3.1"
ACL_COMMANDS = {"3": "kafka.admin.AclCommand", "4": "org.apache.kafka.tools.AclCommand"}  # what kafka-acls.sh runs
NOT_FETCHED = 3
START_S = patient(900)  # it may have to be fetched first
READ_S = patient(120)
READ_IDLE_MS = int(stretched(4000))  # nothing new for so long: that was all


def disks_are_told(directory):
    """Whether a broker here can say how large its disks are: Java looks for the mount point, which a chroot may not have."""
    def device(path):
        try:
            return os.stat(path).st_dev
        except OSError:
            return None
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    return device(directory) in [device(mount) for mount in mounts]


def require_disks(box):
    if not disks_are_told(box.directory):
        raise Skipped("brokers can't say how large their disks are here: this root has no mount of its own")


class Kafka:
    def __init__(self, directory, env=None, count=1, port=None, prefix="freshet."):
        self.directory = directory
        self.env = env or {}  # of the brokers
        self.count = count
        self.port = port or free_ports(2 * count)[0]
        self.prefix = prefix  # of the topics, groups and transactional ids of whoever asked for it
        self.brokers = ",".join(f"127.0.0.1:{self.port + 2 * k}" for k in range(count))

    def settings(self):
        """For log.kafka in freshet.yaml."""
        return f'brokers: "{self.brokers}"' + (f', topic_prefix: "{self.prefix}"' if self.prefix != "freshet." else "")

    def tool(self, action, only=None):
        command = [str(TOOL), action, "--brokers", str(self.count), "--port", str(self.port), "--data", str(self.directory)]
        command += ["--only", str(only)] if only else []
        return subprocess.run(command, capture_output=True, text=True, timeout=START_S, stdin=subprocess.DEVNULL, check=False,
                              env={**os.environ, **self.env})

    def start(self, only=None):
        """All of them, or one: from 1 on."""
        done = self.tool("up", only)
        if done.returncode == NOT_FETCHED:
            text = f"{shorten(done.stderr)} (the package registry must be reachable once; FRESHET_OFFLINE=1 skips this test)"
            raise Skipped(text) if OFFLINE else Failure(text)
        check_equal(done.returncode, 0, f"tools/kafka up ({shorten(done.stderr)})")
        return self

    def stop(self):
        self.tool("down")

    def kill(self, only=None):
        self.tool("kill", only)

    def command(self, tool, *arguments):
        jars = ROOT / "build" / "cache" / f"kafka-{self.env.get('FRESHET_KAFKA_VERSION', VERSION)}"
        home = self.directory / ("1" if self.count > 1 else "")
        return ["java", "-XX:TieredStopAtLevel=1", f"-Dlog4j.configuration=file:{home}/log4j.properties",
                f"-Dlog4j2.configurationFile=file:{home}/log4j2.properties", "-cp", f"{jars}/*", tool,
                "--bootstrap-server", self.brokers, *map(str, arguments)]

    def run(self, tool, *arguments, text=""):
        """One of Kafka's own tools, with this on its standard input; what it prints."""
        done = subprocess.run(self.command(tool, *arguments), capture_output=True, timeout=READ_S, input=text, text=True, check=False)
        check_equal(done.returncode, 0, f"{tool} ({shorten(done.stdout + done.stderr)})")
        return done.stdout

    def acls(self, *arguments):
        """kafka-acls.sh."""
        return self.run(ACL_COMMANDS[self.env.get("FRESHET_KAFKA_VERSION", VERSION)[0]], *arguments)

    def committed(self, topic):
        """Every committed record of one of Freshet's topics whose values are JSON, to its end. Read by kcat, which
        was not written here."""
        if shutil.which("kcat") is None:
            raise Failure("kcat is missing: apt-get install kcat")
        done = subprocess.run(["kcat", "-C", "-b", self.brokers, "-t", self.prefix + topic, "-e", "-q", "-o", "beginning", "-X",
                               "isolation.level=read_committed"], capture_output=True, timeout=READ_S, stdin=subprocess.DEVNULL, check=False)
        check_equal(done.returncode, 0, f"kcat ({shorten(done.stderr.decode(errors='replace'))})")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def read_as_group(self, topic, count=None):
        """What a group of its own has read of a topic (its whole name) when nothing came for a while, or `count` records have: Kafka's
        console consumer."""
        until = ["--timeout-ms", READ_IDLE_MS] if count is None else ["--timeout-ms", int(READ_S * 900), "--max-messages", count]
        command = self.command("org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", topic, "--from-beginning", *until,
                               "--isolation-level", "read_committed", "--group", f"reader-{uuid.uuid4().hex}")
        done = subprocess.run(command, capture_output=True, timeout=READ_S, stdin=subprocess.DEVNULL, check=False)
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]


def share():
    """The broker of all tests, with a prefix of this test's own. What is done to it is done to all of them."""
    with shared.locked(shared.HOME / "kafka.lock"):
        known = shared.KAFKA / "port"
        port = int(known.read_text(encoding="ascii")) if known.exists() else None
        kafka = Kafka(shared.KAFKA, port=port, prefix=f"{TENANT}.").start()
        known.write_text(str(kafka.port), encoding="ascii")
    return kafka


def start(box, env=None, count=1, name="kafka"):
    """For the test of this box; it ends with it."""
    kafka = Kafka(box.directory / name, env, count)
    box.at_end(kafka.kill)
    return kafka.start()
