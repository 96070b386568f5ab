"""All roles in processes of their own, with one configuration, on a broker and a MongoDB-protocol server.

What differs between the processes: --roles, --data-dir, and the ports of the environment that the configuration names.
"""
import os
import signal
import subprocess

import kafka
import mongo
from harness import FRESHET, KEY, SERVER_KEY, TENANT, Server, check, note
from patience import patient

CONFIG = """revision: {revision}
ingest: {{listen: "127.0.0.1:${{FRESHET_INGEST_PORT}}"}}
admin: {{listen: "127.0.0.1:${{FRESHET_ADMIN_PORT}}"}}
log: {{kind: kafka, partitions: {partitions}, kafka: {{{kafka}}}}}
profiles: {{mongodb: {{uri: "{mongo}"}}}}
checkpoints: {checkpoints}
state: {{memory: 256MiB, standbys: {standbys}}}
tenants:
  - name: {tenant}
    write_keys: [{key}]
    server_keys: [{server_key}]
    data_api: {{app_id: {tenant}, secret: integration-secret}}
{extra}"""
RESTARTS_MAX = 20  # of one process that ended by itself


def checkpoints_in(box):
    """The section of the configuration."""
    return f'{{to: "file://{box.directory}/checkpoints", interval: 5s, min_pause: 1s}}'


class Process(Server):
    """One `freshet run --roles …`."""

    def __init__(self, directory, config_path, roles):
        super().__init__(directory)
        self.config_path = config_path
        self.roles = roles
        self.restarts = 0

    def launch(self):
        environment = {**os.environ, "FRESHET_INGEST_PORT": str(self.ingest_port), "FRESHET_ADMIN_PORT": str(self.admin_port)}
        command = [str(FRESHET), "run", "--config", str(self.config_path), "--roles", self.roles,
                   "--data-dir", str(self.directory / "data")]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
        return self

    def start(self):
        self.launch()
        self.wait_ready()
        return self

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def check_words(self):
        check(" error " in self.log_tail(), lambda: f"{self.roles} ended without a word: {self.log_tail()}")

    def supervise(self):
        """What systemd does: one that ended by itself is started again. It must have said why."""
        if self.running():
            return
        self.check_words()
        self.restarts += 1
        note(f"{self.directory.name} ended by itself and is started again: {self.log_tail()[-300:]}")
        check(self.restarts <= RESTARTS_MAX, lambda: f"{self.roles} crashes in a loop: {self.log_tail()}")
        self.launch()


class Apart:
    """Ends with its box. `console` answers for all of them. Broker and store are those that all tests share, unless it has `own` ones."""

    def __init__(self, box, partitions=4, extra="", own=False, actions=2, brokers=1, standbys=0, checkpoints=None,
                 broker_env=None):
        self.box = box
        self.partitions = partitions
        self.standbys = standbys
        self.extra = extra
        self.revision = 1
        self.checkpoints = checkpoints or checkpoints_in(box)
        self.broker = kafka.start(box, env=broker_env, count=brokers) if own else kafka.share()
        self.mongo = mongo.start(box, durable=True) if own else mongo.share(box)
        self.config_path = box.directory / "freshet.yaml"
        self.write_config()
        self.ingest = self.add("ingest-0", "ingest")
        self.actions = [self.add(f"action-{i}", "action") for i in range(actions)]
        self.reaction = self.add("reaction-0", "reaction")
        self.console = self.add("console-0", "console")

    def write_config(self):
        self.config_path.write_text(CONFIG.format(
            revision=self.revision, partitions=self.partitions, standbys=self.standbys, kafka=self.broker.settings(), mongo=self.mongo.uri, checkpoints=self.checkpoints,
            tenant=TENANT, key=KEY, server_key=SERVER_KEY, extra=self.extra), encoding="utf-8")

    def add(self, name, roles):
        process = Process(self.box.directory / name, self.config_path, roles)
        self.box.servers.append(process)
        return process

    def processes(self):
        return [self.ingest, *self.actions, self.reaction, self.console]

    def start(self):
        for process in self.processes():
            process.launch()
        for process in self.processes():
            process.wait_ready()
        return self

    # What test_oracle_kill wants of a server.
    @property
    def ingest_port(self):
        return self.ingest.ingest_port

    def admin(self):
        return self.console.admin()

    def wait_drained(self, timeout_s=patient(120)):
        self.console.wait_drained(timeout_s)
