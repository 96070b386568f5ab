"""Whether a rate can be kept: `bench/run sustained`. Users are made known, the server is warmed up, and then it gets events at a fixed rate for
minutes on end (open loop: a late answer does not slow the load down), and after that three times what it can do, also for minutes.

Each minute tells what became readable, what waits, how fresh it was, CPU an event and memory. The rate is kept if in no minute less became
readable than was sent, and what waits does not grow.
"""
import json
import re
import threading
import time
from pathlib import Path

import harness
import measure

MIB = 1 << 20
SHARE_OF_BEST = 0.7  # of half a minute as fast as possible, in which hardly a state is compacted, where that is less than the goal
GOAL_EVENTS_PER_S = 100_000
TIMES_TOO_MUCH = 3
RECOVERED_S = 600


def resident_mib(pid):
    return round(int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024)


def readable(server):
    """How many records became readable so far."""
    return max(measure.histogram(server, "freshet_freshness_seconds").values(), default=0)


class Minutes(threading.Thread):
    """Looks at a server once a minute until it is told to end."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.rows = []
        self.ending = threading.Event()

    def run(self):
        count, began, meter = readable(self.server), time.monotonic(), measure.CpuMeter(self.server.process.pid)
        while not self.ending.wait(max(0.0, began + 60 - time.monotonic())):
            now, total = time.monotonic(), readable(self.server)
            fresh = self.server.get(f"/v1/tenants/{harness.TENANT}/freshness").json()["last_minute"]
            self.rows.append({"events_per_s": round((total - count) / (now - began)),
                              "cpu_us_per_event": meter.per_event(max(1, total - count))[0],
                              "waiting": sum(lag or 0 for lag in self.server.lags().values()),
                              "freshness_ms": {name: float(fresh.get(f"{name}_ms") or 0) for name in ("p50", "p99", "p999")},
                              "resident_mib": resident_mib(self.server.process.pid)})
            measure.say(f"    {json.dumps(self.rows[-1])}")
            count, began, meter = total, now, measure.CpuMeter(self.server.process.pid)

    def finish(self):
        self.ending.set()
        self.join(30)
        return self.rows


def at_rate(server, users, rate, minutes, *options):
    watcher = Minutes(server)
    watcher.start()
    # A little longer, so that the last minute is looked at while it goes on.
    sent = measure.load(server, "--users", users, "--seconds", minutes * 60 + 2, "--rate", round(rate), "--seed", 2, *options)
    ended = time.monotonic()
    rows = watcher.finish()
    drained = measure.wait_drained(server, RECOVERED_S)
    return {"asked_events_per_s": round(rate), "accepted_events_per_s": sent["events_per_s"], "request_ms": sent["latency_ms"],
            "sent_again": sent["retries"], "drained_s": round(max(0.0, drained - ended), 1), "minutes": rows}


def run(server, users, minutes, overload_minutes, rate=None):
    """`rate`: events a second, where it is not to be found out."""
    began = time.monotonic()
    measure.load(server, "--preload", "--users", users)
    measure.wait_drained(server, 1200)
    measure.say(f"  {users} users known after {time.monotonic() - began:.0f} s")
    measure.load(server, "--users", users, "--seconds", 60, "--seed", 3)
    measure.wait_drained(server, RECOVERED_S)
    began = time.monotonic()
    best = measure.load(server, "--users", users, "--seconds", 30, "--seed", 4)["events"] / (measure.wait_drained(server, RECOVERED_S) - began)
    rate = rate or min(GOAL_EVENTS_PER_S, SHARE_OF_BEST * best)
    measure.say(f"  as fast as possible: {best:.0f} events/s; now {rate:.0f} for {minutes} minutes")
    result = {"users": users, "as_fast_as_possible": round(best), **at_rate(server, users, rate, minutes)}
    if overload_minutes:
        measure.say(f"  {TIMES_TOO_MUCH} times what it can do for {overload_minutes} minutes")
        result["overload"] = at_rate(server, users, TIMES_TOO_MUCH * best, overload_minutes, "--on-time")
        result["after"] = at_rate(server, users, rate, 1)
    return result
