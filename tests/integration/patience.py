"""How long the integration tests wait: each of their time limits is what the usual machine needs, times this machine's
slowness, times HEADROOM. A limit shows that something never happens; how quickly it happens is measured by `./dev
bench`, not by tests.

FRESHET_PATIENCE sets the factor; else it is measured once, at the start, with a loop whose time on the usual machine
is known.
"""
import os
import time

LOOPS = 500_000
LOOP_S = 0.03  # of so many, on the machine that the limits were chosen on
SAMPLES = 10
FACTOR_MAX = 12.0
HEADROOM = 3  # several tests run at once, and the machine may be busy with something else


def loop_seconds():
    began = time.monotonic()
    total = 0
    for i in range(LOOPS):
        total += i
    return time.monotonic() - began


def measured():
    """By the slowest of a few looks: a machine that others share is not slow all the time."""
    return round(min(FACTOR_MAX, max(1.0, max(loop_seconds() for _ in range(SAMPLES)) / LOOP_S)), 1)


FACTOR = float(os.environ.get("FRESHET_PATIENCE") or measured())
os.environ["FRESHET_PATIENCE"] = str(FACTOR)  # for tools/kafka


def patient(seconds):
    """The limit on this machine."""
    return seconds * FACTOR * HEADROOM


def stretched(seconds, most=FACTOR_MAX):
    """What is waited for in full, whatever happens: no longer than this machine needs."""
    return seconds * min(FACTOR, most)
