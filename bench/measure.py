"""What several benchmarks measure a running server with: load, CPU by thread, what waits, freshness as a client sees it."""
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import harness

PROBE_EVERY_S = 0.05


def say(text):
    print(text, file=sys.stderr, flush=True)


def run_json(*command, missed=None):
    """`missed`: the status of one that says so, beside its figures, when it misses its goal."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=False)
    if done.returncode not in (0, missed) or not done.stdout:
        raise harness.Failure(f"{Path(command[0]).name} failed with status {done.returncode}")
    return json.loads(done.stdout)


def load(server, *options):
    return run_json(harness.BUILD / "freshet-load", "--url", server.url, "--key", harness.KEY, "--json", *options)


def cpu_by_thread(pid):
    """Thread id -> (name without its number, CPU microseconds)."""
    threads = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip()
            nanoseconds = int((task / "schedstat").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            continue
        threads[task.name] = (re.sub(r"[-:_ ]?\d+$", "", name), nanoseconds / 1000)
    return threads


def process_cpu_us(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1_000_000 / os.sysconf("SC_CLK_TCK")


class CpuMeter:
    """CPU of a process from now on, by thread name; threads that ended meanwhile are 'ended'."""

    def __init__(self, pid):
        self.pid = pid
        self.threads = cpu_by_thread(pid)
        self.total = process_cpu_us(pid)

    def per_event(self, events):
        stages = {}
        for thread, (name, cpu_us) in cpu_by_thread(self.pid).items():
            spent = cpu_us - self.threads.get(thread, (name, 0))[1]
            stages[name] = stages.get(name, 0) + spent
        total = process_cpu_us(self.pid) - self.total
        stages["ended"] = max(0, total - sum(stages.values()))
        by_stage = {name: round(cpu_us / events, 3) for name, cpu_us in sorted(stages.items(), key=lambda item: -item[1])
                    if cpu_us / events >= 0.005}
        return round(total / events, 3), by_stage


def wait_drained(server, timeout_s):
    """When (monotonic) nothing lagged any more."""
    end = time.monotonic() + timeout_s
    quiet_since = None
    looks = 0
    while looks < 4:
        now = time.monotonic()
        lags = server.lags()
        if any(lag != 0 for lag in lags.values()):  # None: the log does not say
            quiet_since, looks = None, 0
        else:
            quiet_since = quiet_since or now
            looks += 1
        if now > end:
            raise harness.Failure(f"not drained within {timeout_s} s: lags {lags}")
        time.sleep(0.05)
    return quiet_since


def histogram(server, name):
    """Cumulative counts by upper bound (s), summed over all labels."""
    buckets = {}
    for series, value in server.metrics().items():
        found = re.match(re.escape(name) + r'_bucket\{.*le="([^"]+)"', series)
        if found:
            bound = float(found.group(1))
            buckets[bound] = buckets.get(bound, 0) + value
    return buckets


def quantile_ms(before, after, share):
    """Of what came between two looks; within a bucket as if evenly spread."""
    counts = [(bound, after[bound] - before.get(bound, 0)) for bound in sorted(after)]
    if not counts or counts[-1][1] <= 0:
        return None
    wanted = share * counts[-1][1]
    low, below = 0.0, 0.0
    for bound, count in counts:
        if count >= wanted:
            if bound == float("inf"):
                return round(low * 1000, 3)
            inside = (wanted - below) / (count - below) if count > below else 1
            return round((low + (bound - low) * inside) * 1000, 3)
        low, below = bound, count
    return None


class Probe(threading.Thread):
    """Freshness as a client sees it: sends a record and asks for the profile until the record is in it."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.ingest, self.admin = server.ingest(), server.admin()
        self.samples_ms = []
        self.lost = 0
        self.ending = threading.Event()

    def run(self):
        number = 0
        while not self.ending.wait(PROBE_EVERY_S):
            number += 1
            began = time.monotonic()
            harness.send_records(self.ingest, [{"user": {"user_id": f"probe-{number % 50}"}, "set": {"number": number}, "message_id": f"probe-{number}"}])
            while time.monotonic() < began + 10:
                document = harness.profile(self.admin, "user_id", f"probe-{number % 50}")
                if document is not None and document["attributes"].get("number") == number:
                    self.samples_ms.append((time.monotonic() - began) * 1000)
                    break
                time.sleep(0.002)
            else:
                self.lost += 1

    def finish(self):
        self.ending.set()
        self.join(20)
        ordered = sorted(self.samples_ms)
        if not ordered:
            return {"samples": 0, "lost": self.lost}
        return {"samples": len(ordered), "lost": self.lost, "p50": round(ordered[len(ordered) // 2], 1),
                "p99": round(ordered[int(len(ordered) * 0.99)], 1), "max": round(ordered[-1], 1)}
