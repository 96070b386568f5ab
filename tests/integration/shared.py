"""Servers that several tests use at once: each has topics, a database or a bucket of its own there. Whoever asks
first starts one; it runs until the whole run is over. A test that stops, kills or configures a server has one of its
own instead."""
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from harness import ROOT, WORK, Failure, free_ports, shorten, wait_until
from patience import patient

HOME = WORK / "shared"
KAFKA = HOME / "kafka"  # tools/kafka knows itself whether it runs
READY_S = patient(60)


@contextlib.contextmanager
def locked(file):
    """Nobody else, of no other process, is in here for the same file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def running(pid, port):
    """Whether the process is still the server of this port: the number may be somebody else's by now."""
    try:
        return str(port).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def port_of(name, command, ready):
    """The port of the server `name`, which answers there: ready(port). Else it is started by command(port)."""
    home = HOME / name
    with locked(home / "lock"):
        known = home / "server.json"
        if known.exists():
            server = json.loads(known.read_text(encoding="utf-8"))
            if running(server["pid"], server["port"]):
                return server["port"]
        port = free_ports(1)[0]
        with open(home / "log", "ab") as log:
            process = subprocess.Popen(command(port), stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        known.write_text(json.dumps({"pid": process.pid, "port": port}), encoding="utf-8")

        def answers():
            if process.poll() is not None:
                raise Failure(f"the shared server {name} ended by itself: {shorten((home / 'log').read_text(errors='replace')[-600:])}")
            return ready(port)

        wait_until(answers, READY_S, f"the shared server {name} ready", every_s=0.2)
        return port


def end():
    """All of them, whoever started them."""
    for known in HOME.glob("*/server.json"):
        server = json.loads(known.read_text(encoding="utf-8"))
        if running(server["pid"], server["port"]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(server["pid"], signal.SIGKILL)
        known.unlink()
    if KAFKA.exists():
        subprocess.run([str(ROOT / "tools" / "kafka"), "kill", "--data", str(KAFKA)], stdin=subprocess.DEVNULL, check=False)


def begin():
    """A run begins without servers and files of the one before; those of the last one stay to be looked at."""
    end()
    shutil.rmtree(HOME, ignore_errors=True)
