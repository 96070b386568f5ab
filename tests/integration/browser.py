"""The console in a real browser: what it logs, whom it asks, and whether everybody can use it."""
import shutil
import sys
from urllib.parse import urlsplit

import packages
from harness import Failure, Skipped, check, shorten
from patience import patient

WIDE, NARROW = (1280, 900), (390, 844)
# What a browser says of an answer that the page expects, such as of a person who is not there.
EXPECTED = "Failed to load resource: the server responded with a status of 40"


def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise Skipped("no chromium here")
    return path


class Console:
    """One tab that shows a server's console, until close(). `problems` gathers what may not be."""

    def __init__(self, box, server, size=WIDE, scheme="light", token=""):
        path = str(packages.playwright())
        if path not in sys.path:
            sys.path.insert(0, path)
        from playwright.sync_api import TimeoutError as PageTimeout, sync_playwright  # pylint: disable=import-outside-toplevel,import-error
        self.server = server
        self.problems = []
        self.timeout = PageTimeout
        self.driver = sync_playwright().start()
        box.at_end(self.end)
        self.browser = self.driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        self.context = self.browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        self.context.set_default_timeout(patient(20) * 1000)
        if token:
            self.context.add_init_script(f"sessionStorage.setItem('freshet-token', '{token}')")
        self.page = self.context.new_page()
        self.page.on("console", self.said)
        self.page.on("pageerror", lambda error: self.problems.append(f"error of the page: {error}"))
        self.page.on("request", self.asked)

    def said(self, message):
        if message.type in ("error", "warning") and not message.text.startswith(EXPECTED):
            self.problems.append(f"console {message.type}: {message.text}")

    def asked(self, request):
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != f"127.0.0.1:{self.server.admin_port}":
            self.problems.append(f"request to another host: {request.url}")

    def open(self, name, **query):
        text = "&".join(f"{key}={value}" for key, value in query.items())
        self.page.goto(f"{self.server.admin_url}/#/{name}?{text}")
        self.page.wait_for_selector("#page h1")
        return self.page

    def text(self, selector="main"):
        return self.page.inner_text(selector)

    def wait(self, text, selector="main", timeout_s=20):
        """Until the text is shown there."""
        try:
            self.page.wait_for_function("([s, t]) => [...document.querySelectorAll(s)].some((e) => e.innerText.includes(t))", arg=[selector, text],
                                        timeout=patient(timeout_s) * 1000)
        except self.timeout as late:
            shown = self.page.evaluate("(s) => [...document.querySelectorAll(s)].map((e) => e.innerText)", selector)
            raise Failure(f"'{text}' is not shown in {selector}: {shorten(str(shown))}") from late

    def check_everybody_can_use_it(self, what):
        self.page.evaluate(packages.axe().read_text(encoding="utf-8") if not self.page.evaluate("'axe' in window") else "0")
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        check(not found, lambda: f"axe on {what}: " + "; ".join(f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found))
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        check(wide <= 0, f"{what} is {wide} pixels wider than the window")
        pieces = self.page.evaluate("[...document.querySelectorAll('.pill, .code')].filter((e) => e.offsetHeight > 34).map((e) => e.innerText)")
        check(not pieces, f"{what} has labels in pieces: {pieces}")

    def look_up(self, value, kind="user_id"):
        self.page.fill("#type", kind)
        self.page.fill("#value", value)
        self.page.click("#lookup button")

    def end(self):
        if self.driver is not None:
            self.driver.stop()
        self.driver = None

    def close(self):
        self.context.close()
        self.browser.close()
        self.end()
        check(not self.problems, lambda: f"the browser: {self.problems}")
