"""A real broker for one test, started by tools/kafka, and Kafka's own console consumer, which was not written here."""
import json
import os
import subprocess
import uuid

from harness import OFFLINE, ROOT, Failure, Skipped, check_equal, free_ports, shorten

TOOL = ROOT / "tools" / "kafka"
NOT_FETCHED = 3
START_S = 900  # it may have to be fetched first
READ_S = 120
READ_IDLE_MS = 4000  # nothing new for so long: that was all


class Kafka:
    def __init__(self, directory, env=None):
        self.directory = directory
        self.env = env or {}  # of the broker
        self.port = free_ports(1)[0]
        self.brokers = f"127.0.0.1:{self.port}"

    def tool(self, action):
        command = [str(TOOL), action, "--port", str(self.port), "--data", str(self.directory)]
        return subprocess.run(command, capture_output=True, text=True, timeout=START_S, stdin=subprocess.DEVNULL, check=False,
                              env={**os.environ, **self.env})

    def start(self):
        done = self.tool("up")
        if done.returncode == NOT_FETCHED:
            text = f"{shorten(done.stderr)} (the package registry must be reachable once; FRESHET_OFFLINE=1 skips this test)"
            raise Skipped(text) if OFFLINE else Failure(text)
        check_equal(done.returncode, 0, f"tools/kafka up ({shorten(done.stderr)})")
        return self

    def stop(self):
        self.tool("down")

    def kill(self):
        self.tool("kill")

    def command(self, tool, *arguments):
        jars = next((ROOT / "build" / "cache").glob("kafka-*[0-9]"))
        return ["java", "-XX:TieredStopAtLevel=1", f"-Dlog4j.configuration=file:{self.directory}/log4j.properties", "-cp", f"{jars}/*",
                tool, "--bootstrap-server", self.brokers, *map(str, arguments)]

    def run(self, tool, *arguments, text=""):
        """One of Kafka's own tools, with this on its standard input; what it prints."""
        done = subprocess.run(self.command(tool, *arguments), capture_output=True, timeout=READ_S, input=text, text=True, check=False)
        check_equal(done.returncode, 0, f"{tool} ({shorten(done.stdout + done.stderr)})")
        return done.stdout

    def read(self, topic):
        """Every committed record of a topic whose values are JSON, as read by Kafka's console consumer."""
        command = self.command("org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", topic, "--from-beginning",
                               "--timeout-ms", READ_IDLE_MS, "--isolation-level", "read_committed", "--group", f"reader-{uuid.uuid4().hex}")
        done = subprocess.run(command, capture_output=True, timeout=READ_S, stdin=subprocess.DEVNULL, check=False)
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]


def start(box, env=None, name="kafka"):
    """One for the test of this box; it ends with it."""
    kafka = Kafka(box.directory / name, env)
    box.at_end(kafka.kill)
    return kafka.start()
