"""Starts real servers for the integration tests and talks to them over the public surface only.

A Server is one `freshet run` process with its data directory, on free ports; it can be killed, stopped and started
again on the same data. A Box belongs to one test: it makes servers and directories and cleans up after it. Nothing
here is shared between tests, but for the servers of shared.py. Python's standard library only.
"""
import base64
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from decimal import Decimal
from pathlib import Path

from patience import patient

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FRESHET_BUILD", ROOT / "build" / "release"))
CACHE = ROOT / "build" / "cache"
WORK = ROOT / "build" / "integration"
FRESHET = BUILD / "freshet"
OFFLINE = os.environ.get("FRESHET_OFFLINE") == "1"

TENANT = os.environ.get("FRESHET_TEST_TENANT", "acme")  # of one run of one test: what it has on shared servers is called so
KEY = "integration-key"
SERVER_KEY = "integration-server-key"  # commands and imports want it
COMMANDS = ("merge", "erase", "unsuppress", "unlink")
READY_S = patient(60)
STOP_S = patient(5)
DRAIN_S = patient(120)


class Failure(Exception):
    """A test found something wrong; its text says what."""


class Skipped(Exception):
    """A test could not run here, and somebody asked for that to be accepted."""


class TimeLeft:
    """Of the whole run, if it is limited: `run --seconds`."""

    end = time.monotonic() + float(os.environ.get("FRESHET_TEST_SECONDS_LEFT", "inf"))

    @classmethod
    def need(cls, seconds, what):
        """For what would take more than what is left."""
        left = cls.end - time.monotonic()
        if seconds > left:
            raise Skipped(f"no time left: {what} takes {seconds / 60:.0f} minutes here, {max(0, left) / 60:.0f} are left")


def check(condition, text):
    if not condition:
        raise Failure(text() if callable(text) else text)


def check_equal(got, wanted, what):
    if got != wanted:
        raise Failure(f"{what}: got {shorten(got)}, wanted {shorten(wanted)}")


def shorten(value, most=400):
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= most else text[:most] + " …"


def wait_until(condition, timeout_s, what, every_s=0.05):
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"{what() if callable(what) else what}: not within {timeout_s:.0f} s")
        time.sleep(every_s)


class Ports:
    """Of this process alone, as long as it lives; and none of those that the system gives to outgoing connections:
    any of them could take a port while its server is not up yet, or down. Ports are taken in blocks. Whose a block
    is says a socket with the block's name, in the namespace of abstract ones: there are as many of these as of
    ports, and one ends with its process, however it ends."""

    FIRST = 10_000
    BLOCK = 50

    def __init__(self):
        self.end = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
        check(self.end > 2 * self.FIRST, f"net.ipv4.ip_local_port_range begins at {self.end}: it leaves the tests no ports")
        self.claims = []
        self.next = self.last = 0  # what is left of the newest block

    def take_block(self):
        blocks = list(range(self.FIRST, self.end - self.BLOCK, self.BLOCK))
        random.shuffle(blocks)
        for first in blocks:
            claim = socket.socket(socket.AF_UNIX)
            try:
                claim.bind(f"\0freshet-test-ports-{first}")
            except OSError:
                claim.close()
                continue
            self.claims.append(claim)
            self.next, self.last = first, first + self.BLOCK
            return
        raise Failure(f"no free ports from {self.FIRST} to {self.end}: other tests have them")

    def free_range(self, count):
        """The first of so many in a row."""
        assert count <= self.BLOCK
        while True:
            if self.next + count > self.last:
                self.take_block()
            first, self.next = self.next, self.next + count
            if all(map(self.free, range(first, first + count))):
                return first

    @staticmethod
    def free(port):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return True
            except OSError:
                return False


PORTS = Ports()


def free_ports(count):
    first = PORTS.free_range(count)
    return list(range(first, first + count))


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    def json(self):
        try:
            return json.loads(self.body, parse_float=Decimal)
        except ValueError as error:
            raise Failure(f"answer {self.status} is not JSON ({error}): {shorten(self.body.decode(errors='replace'))}") from error


class Http:
    """Keep-alive HTTP to one port. One per thread."""

    def __init__(self, port, timeout_s=patient(30), tls=None):
        self.port = port
        self.tls = tls  # an ssl.SSLContext
        self.timeout_s = timeout_s
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        """Raises OSError or http.client.HTTPException if there was no whole answer."""
        for attempt in (0, 1):
            fresh = self.connection is None
            if fresh:
                self.connection = (http.client.HTTPSConnection("127.0.0.1", self.port, timeout=self.timeout_s, context=self.tls)
                                   if self.tls else http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout_s))
            try:
                self.connection.request(method, path, body=body, headers=headers or {})
                response = self.connection.getresponse()
                return Answer(response.status, response.getheaders(), response.read())
            except (OSError, http.client.HTTPException):
                self.close()
                # An idle connection may have been closed meanwhile; only what is safe to repeat is repeated here.
                if fresh or attempt == 1 or method != "GET":
                    raise
        raise AssertionError("not reached")

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


CONFIG = """revision: {revision}
data_dir: {data_dir}
ingest: {{listen: "127.0.0.1:{ingest}"{more_ingest}}}
admin: {{listen: "127.0.0.1:{admin}"{more_admin}}}
log: {{{log}, partitions: {partitions}}}
state: {{memory: {memory}, standbys: {standbys}}}
{top}tenants:
  - name: {tenant}
    write_keys: [{key}]
    server_keys: [{server_key}]
    data_api: {{app_id: {tenant}, secret: integration-secret}}
{extra}"""


class Server:
    def __init__(self, directory, partitions=4, memory="256MiB", extra="", top="", kafka=None, env=None, standbys=0,
                 ingest="", admin="", tls=None, prefix=()):
        self.more_ingest, self.more_admin = ingest, admin  # further keys of these sections, YAML
        self.tls = tls  # an ssl.SSLContext, if both listeners have TLS
        self.prefix = list(prefix)  # a command that ends in running ours
        self.standbys = standbys
        self.env = env or {}  # beside this process's own
        self.arguments = []  # of `freshet run`, beside --config
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.partitions = partitions
        self.memory = memory
        self.log = f"kind: kafka, kafka: {{{kafka}}}" if kafka else "kind: embedded"
        self.extra = extra  # further lines of the tenant, YAML
        self.top = top  # further sections, YAML
        if kafka and "checkpoints:" not in top:
            self.top += f'checkpoints: {{to: "file://{self.directory}/checkpoints", interval: 5s, min_pause: 1s}}\n'
        self.revision = 1
        self.process = None
        self.log_path = self.directory / "server.log"
        self.config_path = self.directory / "freshet.yaml"
        self.ingest_port, self.admin_port = free_ports(2)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.ingest_port}"
        self.admin_url = f"{scheme}://127.0.0.1:{self.admin_port}"

    def write_config(self):
        self.config_path.write_text(CONFIG.format(
            revision=self.revision, data_dir=self.directory / "data", ingest=self.ingest_port, admin=self.admin_port,
            more_ingest=self.more_ingest, more_admin=self.more_admin,
            log=self.log, partitions=self.partitions, memory=self.memory, standbys=self.standbys, tenant=TENANT, key=KEY, server_key=SERVER_KEY, extra=self.extra, top=self.top),
            encoding="utf-8")

    def start(self):
        check(FRESHET.exists(), f"{FRESHET} is missing: run ./dev build first")
        self.write_config()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.prefix, str(FRESHET), "run", "--config", str(self.config_path), *self.arguments], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, env={**os.environ, **self.env})
        self.wait_ready()
        return self

    def wait_ready(self):
        admin = Http(self.admin_port, timeout_s=patient(5), tls=self.tls)

        def ready():
            if self.process.poll() is not None:
                raise Failure(f"the server ended by itself with status {self.process.returncode}: {self.log_tail()}")
            try:
                return admin.request("GET", "/readyz").status == 200
            except (OSError, http.client.HTTPException):
                return False

        wait_until(ready, READY_S, f"server ready ({self.log_path})")
        admin.close()

    def log_tail(self):
        text = self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""
        return shorten(text[-600:].replace("\n", " | "), 600)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """SIGKILL: nothing gets a chance to tidy up."""
        if self.running():
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """SIGTERM; returns how many seconds it took. It must end by itself with status 0."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout=STOP_S * 4)
        except subprocess.TimeoutExpired as expired:
            self.process.kill()
            self.process.wait()
            raise Failure(f"still running {STOP_S * 4:.0f} s after SIGTERM") from expired
        check_equal(status, 0, "exit status after SIGTERM")
        return time.monotonic() - began

    def ingest(self):
        return Http(self.ingest_port, tls=self.tls)

    def admin(self):
        return Http(self.admin_port, tls=self.tls)

    def get(self, path):
        """One GET on the admin listener."""
        admin = self.admin()
        try:
            return admin.request("GET", path)
        except (OSError, http.client.HTTPException):
            check(self.running(), lambda: f"the server ended by itself: {self.log_tail()}")
            raise
        finally:
            admin.close()

    def metrics(self):
        return parse_metrics(self.get("/metrics").body.decode())

    def metric_sum(self, pattern):
        """Sum of all series whose name and labels match a regular expression."""
        return sum(value for series, value in self.metrics().items() if re.search(pattern, series))

    def lags(self):
        answer = self.get("/v1/status")
        check_equal(answer.status, 200, "GET /v1/status")
        return {stage["name"]: stage["lag"] for stage in answer.json()["stages"]}

    def wait_drained(self, timeout_s=DRAIN_S):
        """Until everything that was acknowledged is in profiles that can be read: no lag, three looks in a row."""
        end = time.monotonic() + timeout_s
        quiet = 0
        lags = {}
        while quiet < 3:
            lags = self.lags()
            check(lags, "GET /v1/status names no stages")
            quiet = quiet + 1 if all(lag == 0 for lag in lags.values()) else 0  # None: the log does not say
            if time.monotonic() > end:
                raise Failure(f"not drained within {timeout_s:.0f} s, lags {lags}")
            time.sleep(0.1)


def parse_metrics(text):
    """Prometheus' text format: {'name{labels}': value}."""
    series = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            series[name] = float(value)
    return series


def basic(key=KEY):
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(), "Content-Type": "application/json"}


def bearer(key=KEY):
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}


def lines(records):
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)


def send_records(http, records):
    """POST /v1/records; all of them must be taken."""
    commands = any(name in record for record in records for name in COMMANDS)
    answer = http.request("POST", "/v1/records", lines(records), bearer(SERVER_KEY if commands else KEY))
    check_equal(answer.status, 200, f"POST /v1/records ({shorten(answer.body.decode(errors='replace'))})")
    verdict = answer.json()
    check_equal((verdict["accepted"], verdict["rejected"]), (len(records), []), "verdict of /v1/records")


def send_batch(http, messages, query=""):
    answer = http.request("POST", "/v1/batch" + query, json.dumps({"batch": messages}).encode(), basic())
    check_equal(answer.status, 200, f"POST /v1/batch ({shorten(answer.body.decode(errors='replace'))})")
    return answer


def profile_path(id_type, value, kind="users"):
    return f"/v1/tenants/{TENANT}/{kind}/{id_type}/{urllib.parse.quote(value, safe='')}"


def profile(admin, id_type, value, kind="users"):
    """The profile that an identifier leads to, or None."""
    answer = admin.request("GET", profile_path(id_type, value, kind))
    if answer.status == 404:
        return None
    check_equal(answer.status, 200, f"GET of a profile by {id_type}")
    return answer.json()


def freshet(*arguments, timeout_s=patient(300), env=None):
    """Runs one of our commands to its end: (status, stdout, stderr)."""
    try:
        done = subprocess.run([str(FRESHET), *map(str, arguments)], capture_output=True, timeout=timeout_s, stdin=subprocess.DEVNULL,
                              env={**os.environ, **(env or {})}, check=False)
    except subprocess.TimeoutExpired as late:
        said = (late.stderr or b"").decode(errors="replace")
        raise Failure(f"freshet {' '.join(map(str, arguments))} did not end within {timeout_s:.0f} s; it said: {said[-4000:]}") from late
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


class Box:
    """What one test may use up; close() ends its servers, and removes its files if it went well."""

    def __init__(self, name, base):
        self.directory = Path(base) / name
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.servers = []
        self.ends = []

    def at_end(self, call):
        """Something else to end, after the servers."""
        self.ends.append(call)

    def server(self, **options):
        server = Server(self.directory / f"server-{len(self.servers)}", **options)
        self.servers.append(server)
        return server.start()

    def close(self, keep):
        for server in self.servers:
            if server.process is not None:
                server.kill()
        for end in self.ends:
            end()
        if not keep:
            shutil.rmtree(self.directory, ignore_errors=True)


class Background:
    """A thread whose exception comes out of join()."""

    def __init__(self, target, *arguments):
        self.error = None

        def run():
            try:
                target(*arguments)
            except BaseException as error:  # pylint: disable=broad-except
                self.error = error

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def alive(self):
        return self.thread.is_alive()

    def join(self, timeout_s):
        self.thread.join(timeout_s)
        check(not self.thread.is_alive(), f"a sender is still busy after {timeout_s:.0f} s")
        if self.error is not None:
            raise self.error


def note(text):
    print(f"      {text}", file=sys.stderr, flush=True)
