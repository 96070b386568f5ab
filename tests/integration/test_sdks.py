"""The real libraries of the tracking API, with nothing changed but the address: each of their calls is in a profile."""
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template

import packages
from harness import KEY, Skipped, check, check_equal, profile, shorten, wait_until
from patience import patient

CALLS = 2000  # of each library
USERS = 50
HERE = Path(__file__).resolve().parent
OTHER_KINDS = {7: "Page Viewed", 8: "Screen Viewed", 9: "Group"}


def expected():
    """user number -> events: what the programs sdk_* send."""
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


def run_node(box, library, prefix):
    modules = packages.node_sdks()
    server = box.server()
    run(["node", HERE / "sdk_node.cjs", modules, library, prefix, server.url, KEY, CALLS])
    compare(server, prefix)


def run_python(box, library, prefix):
    site = packages.python_sdks()
    server = box.server()
    run([sys.executable, HERE / "sdk_python.py", library, prefix, server.url, KEY, CALLS], {"PYTHONPATH": str(site)})
    compare(server, prefix)


def test_node(box):
    run_node(box, "segment", "node")


def test_rudder_node(box):
    run_node(box, "rudder", "rudder-node")


def test_python(box):
    run_python(box, "segment", "py")


def test_rudder_python(box):
    run_python(box, "rudderstack", "rudder-py")


def test_java(box):
    jars = packages.java_sdk()
    server = box.server()
    run(["java", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*", HERE / "sdk_java.java", "java", server.url, KEY, CALLS])
    compare(server, "java")


def test_go(box):
    program = packages.go_sdk(HERE / "sdk_go.go")
    server = box.server()
    run([program, "go", server.url, KEY, CALLS])
    compare(server, "go")


class Page:
    """A page with a library in it, in a browser that is open until close()."""

    def __init__(self, box, browser, script, values):
        page = Template((HERE / "sdk_browser.html").read_text(encoding="utf-8")).safe_substitute(values, script=f"/{script.name}").encode()

        class Files(SimpleHTTPRequestHandler):
            def __init__(self, *args):
                super().__init__(*args, directory=str(script.parent))

            def do_GET(self):
                if self.path != "/":
                    return super().do_GET()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                return self.wfile.write(page)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.log = open(box.directory / f"{values['prefix']}.log", "wb")
        self.browser = subprocess.Popen(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--remote-debugging-port=0",
             f"--user-data-dir={box.directory / values['prefix']}", f"http://127.0.0.1:{self.server.server_port}/"],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, start_new_session=True)

    def check_words(self):
        errors = [line for line in Path(self.log.name).read_text(errors="replace").splitlines() if ":CONSOLE:" in line and "rror" in line]
        check(not errors, lambda: f"the page's console: {shorten('; '.join(errors))}")

    def close(self):
        os.killpg(self.browser.pid, signal.SIGKILL)
        self.browser.wait()
        self.server.shutdown()
        self.log.close()


def browser_profile(server, user):
    admin = server.admin()
    document = profile(admin, "user_id", user)
    admin.close()
    return document


def look_for_browser_users(server, page, prefix):
    """What sdk_browser.html does for each of its users is in a profile."""
    wanted = {"Event 0": 2, "Event 1": 2, "Event 2": 1, "Page Viewed": 1, "Group": 1}

    def events_of(user):
        page.check_words()
        document = browser_profile(server, user)
        return document and {name: stats["count"] for name, stats in document["events"].items()}

    for number in range(10):
        user = f"{prefix}-{number}"
        wait_until(lambda user=user: events_of(user) == wanted, patient(60), lambda user=user: f"all events of {user}, which has {events_of(user)}")
        document = browser_profile(server, user)
        check_equal((document["attributes"]["plan"], document["attributes"]["seen"], document["attributes"]["groups"]), ("plus", number, ["g1"]),
                    f"attributes of {user}")
        check_equal(len(document["identifiers"]["anonymous_id"]), 1, f"anonymous ids of {user}, who signs out at the end")


def test_browser(box):
    """Segment's browser library call by call and in batches, and RudderStack's."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        raise Skipped("no chromium here")
    modules = packages.browser_sdks()
    server = box.server()
    segment = modules / "@segment/analytics-next/dist/umd/index.js"
    rudder = modules / "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js"
    for library, script in (("segment", segment), ("segment_batches", segment), ("rudder", rudder)):
        prefix = f"web-{library}"
        page = Page(box, browser, script, {"library": library, "prefix": prefix, "host": f"127.0.0.1:{server.ingest_port}", "key": KEY})
        try:
            look_for_browser_users(server, page, prefix)
        finally:
            page.close()
