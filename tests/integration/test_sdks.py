"""The real libraries of the tracking API: 10,000 calls, and each of them in a profile."""
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import packages
from harness import KEY, check, check_equal, profile, shorten
from patience import patient

CALLS = 5000  # of each library
USERS = 50
HERE = Path(__file__).resolve().parent
OTHER_KINDS = {7: "Page Viewed", 8: "Screen Viewed", 9: "Group"}


def expected():
    """user number -> events: what sdk_node.cjs and sdk_python.py send."""
    events = [Counter() for _ in range(USERS)]
    for i in range(CALLS):
        if i % 10 != 6:
            events[i % USERS][OTHER_KINDS.get(i % 10, f"Event {i % 3}")] += 1
    return events


def compare(server, prefix):
    server.wait_drained()
    admin = server.admin()
    total = 0
    for number, events in enumerate(expected()):
        document = profile(admin, "user_id", f"{prefix}-{number}")
        check(document is not None, f"no profile of {prefix}-{number}")
        check_equal({name: stats["count"] for name, stats in document["events"].items()}, dict(events), f"events of {prefix}-{number}")
        total += sum(events.values())
        # Of calls that are under way together none is surely the last: the clock of each batch is corrected by its own
        # delay.
        check_equal(document["attributes"].get("seen"), CALLS + number, f"the attribute of {prefix}-{number} that was set last")
        if number % 10 == 6:
            check_equal(document["attributes"].get("plan"), "plus", f"attribute of {prefix}-{number}")
        if number % 5 == 0:
            other = profile(admin, "anonymous_id", f"{prefix}-anon-{number}")
            check(other is not None and other["id"] == document["id"], f"the anonymous id of {prefix}-{number} leads elsewhere")
        if any(i % 10 == 9 for i in range(number, CALLS, USERS)):
            check_equal(document["attributes"].get("groups"), ["g1"], f"groups of {prefix}-{number}")
    check_equal(total, CALLS * 9 // 10, "events in all profiles (the rest are identifies)")


def run(command, env=None):
    done = subprocess.run([str(part) for part in command], capture_output=True, timeout=patient(300), stdin=subprocess.DEVNULL,
                          env={**os.environ, **(env or {})}, check=False)
    check_equal(done.returncode, 0, f"exit status of {Path(command[1]).name} ({shorten(done.stderr.decode(errors='replace'))})")


def test_node(box):
    modules = packages.node_sdk()
    server = box.server()
    run(["node", HERE / "sdk_node.cjs", modules, server.url, KEY, CALLS])
    compare(server, "node")


def test_python(box):
    site = packages.python_sdk()
    server = box.server()
    run([sys.executable, HERE / "sdk_python.py", server.url, KEY, CALLS], {"PYTHONPATH": str(site)})
    compare(server, "py")
