"""How long the integration tests wait: each of their time limits is what the usual machine needs, times this machine's slowness.

FRESHET_PATIENCE sets the factor; else it is measured once, at the start, with a loop whose time on the usual machine is known.
"""
import os
import time

LOOPS = 500_000
LOOP_S = 0.03  # of so many, on the machine that the limits were chosen on
SAMPLES = 10
FACTOR_MAX = 12.0


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


def patient(seconds, most=FACTOR_MAX):
    """The limit on this machine. For a limit that is a promise of the product, too: it was made for the usual one."""
    return seconds * min(FACTOR, most)
