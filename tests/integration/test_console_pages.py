"""Every page of the console in a real browser: opened by its address, used, and compared with the API. With
FRESHET_SCREENSHOTS=DIRECTORY the pictures of docs/console/ are taken."""
import os
import time
from pathlib import Path

import browser
import test_import
from harness import SERVER_KEY, TENANT, bearer, check, check_equal, freshet, profile, send_records, wait_until
from patience import patient

TOKENS = "token: all, tokens: [{name: viewer, token: reads, role: read}, {name: operator, token: operates, role: operate}]"
PLAN = "    plan: {events: {Order Completed: {required: [total], properties: {total: {type: number}}}}}\n"
PAGES = ("flow", "live", "person", "schema", "letters", "imports", "delivery", "fleet", "tenants")
PICTURE_BYTES_MAX = 200_000
BAD_ROWS = "user_id,event,timestamp\n1,main,2024-01-01 00:00:00\n2,main,never\n3,cart,2024-01-01 00:00:02\n"


def people(count):
    for i in range(count):
        yield {"message_id": f"o{i}", "user": {"user_id": f"u{i}", "email": f"u{i}@example.com"}, "device": {"device_id": f"d{i}"}, "set": {"city": "Pune"},
               "event": "Order Completed", "properties": {"total": 12.5 + i}}
        yield {"message_id": f"v{i}", "user": {"user_id": f"u{i}"}, "event": "Product Viewed", "properties": {"sku": f"s{i % 7}"}}


def filled(box, token=None, **options):
    """A server with something on each page."""
    sink = f'    sinks: [{{name: archive, kind: files, to: "file://{box.directory}/archive", every: 1s}}]\n'
    server = box.server(extra=PLAN + sink, **options)
    http = server.ingest()
    send_records(http, list(people(40)))
    send_records(http, [{"message_id": "anonymous", "user": {"anonymous_id": "visitor"}, "event": "App Opened"},
                        {"message_id": "sign-in", "user": {"user_id": "u1", "anonymous_id": "visitor"}, "event": "Signed In"}])
    http.request("POST", "/v1/records", b'{"message_id":"nobody","event":"Order Completed"}\n', bearer())
    http.request("POST", "/v1/records", b'{"message_id":"wrong","user":{"user_id":"u2"},"event":"Order Completed","properties":{"total":"many"}}\n', bearer())
    rows = box.directory / "customers.csv"
    rows.write_text(BAD_ROWS, encoding="utf-8")
    mapping = box.directory / "mapping.yaml"
    mapping.write_text(test_import.MAPPING, encoding="utf-8")
    freshet(*test_import.command(rows, mapping, server))
    admin = server.admin()
    wait_until(lambda: all(stage["lag"] == 0 for stage in admin.request("GET", "/v1/status", headers=bearer(token) if token else {}).json()["stages"]), patient(60), "no lag")
    return server


def test_each_page(box):
    """What it shows is what the API says; nothing is logged, nobody else is asked, and axe has nothing against it."""
    server = filled(box)
    console = browser.Console(box, server)
    page = console.open("flow", tenant=TENANT)
    console.wait("Nothing is wrong")
    console.wait(TENANT, "#freshness")
    stages = server.get("/v1/status").json()["stages"]
    console.wait(f"{stages[1]['done']}", "#stages")
    check_equal(page.locator(".picture .node").count(), 6, "boxes of the picture")
    console.wait("99.9 % in 1 s", "#freshness")
    console.wait("Names of events", "#next")
    console.open("person", tenant=TENANT)
    console.look_up("u1@example.com", "email")
    console.wait("Product Viewed", "#profile")
    user = profile(server.admin(), "user_id", "u1")
    for shown in (user["id"], "Pune", "visitor", user["merged_from"][0][:12]):
        console.wait(shown, "#profile")
    check("u1" not in page.url, f"the address has an identifier: {page.url}")
    console.open("schema", tenant=TENANT)
    console.wait("Product Viewed", "#events")
    console.wait("required" if "required" in console.text("#violations") else "type", "#violations")
    console.open("letters", tenant=TENANT)
    letters = server.get(f"/v1/tenants/{TENANT}/deadletters?limit=100").json()["deadletters"]
    console.wait("missing_identifier")
    check_equal(page.locator("tbody .actions button:has-text('Show')").count(), min(25, len(letters)), "dead letters")
    console.open("imports", tenant=TENANT)
    console.wait("customers.csv", "#imports")
    page.click("button:has-text('Bad rows')")
    console.wait("2,main,never", "dialog")
    page.keyboard.press("Escape")
    console.open("delivery", tenant=TENANT)
    console.wait("archive", "#sinks")
    console.wait("action-0", "#workers")
    console.open("tenants", tenant=TENANT)
    prints = server.get(f"/v1/tenants/{TENANT}").json()["keys"]["write_keys"]
    console.wait(prints[0], "#one")
    check(SERVER_KEY not in console.text(), "a key is shown")
    for name in PAGES:
        console.open(name, tenant=TENANT)
        if name == "person":
            console.look_up("u1")
            console.wait("Product Viewed", "#profile")
        page.wait_for_timeout(300)
        console.check_everybody_can_use_it(name)
    console.close()


def test_narrow_and_dark(box):
    server = filled(box)
    console = browser.Console(box, server, browser.NARROW, "dark")
    for name in PAGES:
        console.open(name, tenant=TENANT)
        console.page.wait_for_timeout(1200)
        console.check_everybody_can_use_it(f"{name}, narrow and dark")
    console.close()


def test_live_tail(box):
    """A record is followed from its receipt to the version that it made, of everybody and of one person."""
    server = filled(box, top="events: {keep: 7d}\nprofiles: {changes: written}\n")
    http = server.ingest()
    console = browser.Console(box, server)
    page = console.open("live", tenant=TENANT)
    console.wait("records since this page was opened")
    sent = [0]

    def more():  # the page asks for what comes from now on, and only it knows when it began
        sent[0] += 1
        send_records(http, [{"message_id": f"live-{sent[0]}", "user": {"user_id": "u3"}, "event": "Cart Updated"}])
        return "Cart Updated" in console.text("tbody") and "change to version" in console.text("tbody")
    wait_until(more, patient(20), "the record in the live tail", every_s=0.5)
    check(profile(server.admin(), "user_id", "u3")["id"][:12] in console.text("tbody"), "whom it was resolved to")
    page.fill("input[aria-label=Value]", "u4")
    page.click("button.primary:has-text('Follow')")
    console.wait("Following user_id")
    send_records(http, [{"message_id": "other", "user": {"user_id": "u3"}, "event": "Not For Us"}])

    def mine():
        sent[0] += 1
        send_records(http, [{"message_id": f"live-{sent[0]}", "user": {"user_id": "u4"}, "event": "Followed"}])
        return "change to version" in console.text("tbody")
    wait_until(mine, patient(20), "the person's record", every_s=0.5)
    check("Not For Us" not in console.text("tbody"), "somebody else's record is shown")
    page.go_back()
    console.wait("All of tenant")
    console.close()


def test_orders(box):
    """Merge, unlink, erase and replay do what they say, after they were confirmed."""
    server = filled(box)
    admin = server.admin()
    console = browser.Console(box, server)
    page = console.open("person", tenant=TENANT)
    console.look_up("u5")
    console.wait("Orders", "#profile")
    page.fill("[aria-label='Identifier of the other']", "user_id")
    page.fill("[aria-label='Value of the other']", "u6")
    page.click("text=Merge …")
    page.click("text=Merge for good")
    wait_until(lambda: profile(admin, "user_id", "u6")["id"] == profile(admin, "user_id", "u5")["id"], patient(20), "one profile of two")
    console.look_up("u7")
    console.wait("Unlink email u7@example.com", "#profile")
    page.click("text=Unlink email u7@example.com")
    page.click("dialog >> text=Unlink >> nth=-1")
    wait_until(lambda: profile(admin, "email", "u7@example.com") is None, patient(20), "the email unlinked")
    console.look_up("u8")
    console.wait("Erase …", "#profile")
    page.click("text=Erase …")
    page.click("text=Erase for good")
    wait_until(lambda: profile(admin, "user_id", "u8") is None, patient(20), "the person erased")
    console.look_up("u8")
    console.wait("Erasure", "#profile")
    console.open("letters", tenant=TENANT, code="missing_identifier")
    page.click("button:text-is('Show') >> nth=0")  # it waits for the list
    page.fill("dialog textarea", '{"message_id":"nobody","user":{"user_id":"u9"},"event":"Corrected"}')
    page.click("text=Send it so")
    console.wait("Replayed.", "dialog")
    wait_until(lambda: "Corrected" in profile(admin, "user_id", "u9")["events"], patient(20), "the corrected letter in a profile")
    console.close()


def test_roles_of_tokens(box):
    """What a token may not do has no button; a wrong token is asked for again."""
    server = filled(box, token="all", admin=", " + TOKENS)

    def buttons(token):
        console = browser.Console(box, server, token=token)
        page = console.open("letters", tenant=TENANT)
        console.wait("missing_identifier")
        found = {"replay": page.locator("button:has-text('Replay')").count() > 0}
        console.open("schema", tenant=TENANT)
        console.wait("Product Viewed", "#events")
        found["forget"] = page.locator("text=Forget …").count() > 0
        console.open("person", tenant=TENANT)
        console.look_up("u1")
        console.wait("Product Viewed", "#profile")
        found["erase"] = page.locator("text=Erase …").count() > 0
        console.close()
        return found
    check_equal(buttons("reads"), {"replay": False, "forget": False, "erase": False}, "what reads may do")
    check_equal(buttons("operates"), {"replay": True, "forget": True, "erase": False}, "what operates may do")
    check_equal(buttons("all"), {"replay": True, "forget": True, "erase": True}, "what may do all")
    console = browser.Console(box, server)
    console.page.goto(server.admin_url + "/")
    console.page.fill("#token", "wrong")
    console.page.click("text=Continue")
    console.wait("This is not the token.")
    console.page.fill("#token", "reads")
    console.page.click("text=Continue")
    console.wait("Nothing is wrong")
    console.close()


def test_keyboard_and_addresses(box):
    """The skip link, the way through the pages by keys, and the way back."""
    server = filled(box)
    console = browser.Console(box, server)
    page = console.open("schema", tenant=TENANT)
    console.wait("Product Viewed", "#events")
    page.keyboard.press("Tab")
    check_equal(page.evaluate("document.activeElement.id"), "skip", "the first stop of Tab")
    page.keyboard.press("Enter")
    check_equal(page.evaluate("document.activeElement.id"), "main", "where the skip link leads")
    page.focus("nav a:has-text('Dead letters')")
    page.keyboard.press("Enter")
    console.wait("How many came")
    check("#/letters" in page.url and page.title().startswith("Dead letters"), f"address {page.url}, title {page.title()}")
    console.open("person", tenant=TENANT)
    for name in ("u1", "u2"):
        console.look_up(name)
        console.wait(profile(server.admin(), "user_id", name)["id"], "#profile")
    page.go_back()
    console.wait(profile(server.admin(), "user_id", "u1")["id"], "#profile")
    page.reload()
    console.wait(profile(server.admin(), "user_id", "u1")["id"], "#profile")
    console.close()


def test_the_walk(box):
    """docs/operations/console.md: is event X of person Y in; why not; who is slow; what will break next."""
    server = filled(box)
    console = browser.Console(box, server)
    page = console.open("person", tenant=TENANT)

    def verdict(value, wanted):
        console.look_up(value)
        page.wait_for_selector("#wanted")
        page.fill("#wanted", wanted)
        page.click("text=Check")
        page.wait_for_function("() => document.querySelector('.verdict')?.textContent", timeout=patient(20) * 1000)
        return console.text(".verdict")
    check(verdict("u1", "Order Completed").startswith("Yes: 1 of"), "an event that is in")
    check("missing_identifier" in verdict("u1", "nobody"), "a record that was set aside, by its message id")
    said = verdict("u20", "Signed In")
    check("this profile does not" in said, f"an event of others: {said}")
    check(verdict("u1", "v1").startswith("Yes: a record of this id"), "a plain event by its message id")
    check("nobody has sent an event of this name" in verdict("u20", "Never Sent"), "an event that nobody has sent")
    check("nobody has sent an event of this name" in verdict("stranger", "Never Sent"), "a person who is not there")
    console.open("flow", tenant=TENANT)
    console.wait(TENANT, "#freshness tbody tr:first-child")
    console.wait("Disk", "#next")
    console.close()


def picture_ready(console, name, http, i):
    """The page as it should be seen."""
    page = console.open(name, tenant=TENANT)
    if name == "person":
        console.look_up("u1")
        console.wait("Product Viewed", "#profile")
    if name in ("flow", "live"):
        for j in range(25 if name == "flow" else 8):
            send_records(http, [dict(record, message_id=f"p{i}-{j}-{record['message_id']}") for record in people(8 + j % 5 if name == "flow" else 2)])
            page.wait_for_timeout(250)
    if name == "flow":
        console.wait("Nothing is wrong")
        console.wait(TENANT, "#freshness")
    page.wait_for_timeout(1500)
    return page


def test_pictures(box):
    """Those of docs/console/, with FRESHET_SCREENSHOTS. Those of page Fleet are of console_fleet.bad_night."""
    target = Path(os.environ.get("FRESHET_SCREENSHOTS") or box.directory)
    checkpoints = f'checkpoints: {{to: "file://{box.directory}/checkpoints", interval: 5s, min_pause: 1s}}\n'
    server = filled(box, top=checkpoints + "events: {keep: 7d}\nprofiles: {changes: written}\n")
    days = [time.strftime("%Y-%m-%dT10:00:00Z", time.gmtime(time.time() - 86_400 * (i % 9 + i % 2))) for i in range(24)]
    send_records(server.ingest(), [{"message_id": f"d{i}", "user": {"user_id": "u1"}, "event": ("Product Viewed", "App Opened", "Added To Cart")[i % 3], "timestamp": day} for i, day in enumerate(days)])
    for user in ("u30", "u31"):
        server.admin().request("DELETE", f"/v1/tenants/{TENANT}/users/user_id/{user}")
    http = server.ingest()
    for i, (size, scheme) in enumerate(((browser.WIDE, "light"), (browser.WIDE, "dark"), (browser.NARROW, "light"))):
        console = browser.Console(box, server, size, scheme)
        for name in PAGES:
            if name == "fleet":
                continue
            page = picture_ready(console, name, http, i)
            picture = target / f"{name}-{scheme}{'-narrow' if size == browser.NARROW else ''}.png"
            tall = min(page.evaluate("document.documentElement.scrollHeight"), 1900 if size == browser.NARROW else 800 if name == "live" else 1300)
            page.screenshot(path=str(picture), full_page=True, clip={"x": 0, "y": 0, "width": size[0], "height": tall})
            check(5000 < picture.stat().st_size < PICTURE_BYTES_MAX, f"{picture.name} has {picture.stat().st_size} bytes")
        console.close()
