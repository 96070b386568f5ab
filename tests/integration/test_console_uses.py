"""Each page of the console is used, in a browser, and what comes of it is asked of the API."""
import collections
import json

import browser
from harness import SERVER_KEY, TENANT, bearer, check, check_equal, lines, profile, send_records, wait_until
from patience import patient

BIG = 9007199254740993  # 2^53 + 1, which a double does not hold
LONG = "0.12345678901234567891"
WAIT_S = patient(30)
TAILED = "events: {keep: 7d}\nprofiles: {changes: written}\n"


def post(http, records, key=None):
    return http.request("POST", "/v1/records", records if isinstance(records, bytes) else lines(records), bearer(key) if key else bearer())


def said_by(console, value, wanted):
    """What page Person says of whether `wanted` is in."""
    console.look_up(value)
    console.page.wait_for_selector("#wanted")
    console.page.fill("#wanted", wanted)
    console.page.click("text=Check")
    console.page.wait_for_function("() => document.querySelector('.verdict')?.textContent", timeout=WAIT_S * 1000)
    return console.text(".verdict")


def test_digits(box):
    """Numbers that no double holds keep their digits on every page, and in a letter that is sent again."""
    server = box.server(top=TAILED)
    http = server.ingest()
    letter = f'{{"message_id":"nobody","event":"Order","properties":{{"id":{BIG},"long":{LONG},"one":1.50}}}}'
    post(http, letter.encode() + b"\n")
    send_records(http, [{"message_id": "m1", "user": {"user_id": "u1"}, "set": {"order": BIG}, "event": "Order", "properties": {"id": BIG}}])
    server.wait_drained()
    console = browser.Console(box, server)
    page = console.open("person", tenant=TENANT)
    console.look_up("u1")
    console.wait(str(BIG), "#profile th + td")
    page.click("text=As JSON")
    console.wait(f'"order": {BIG}', "#profile pre")
    console.open("live", tenant=TENANT)
    sent = [0]

    def shown():
        sent[0] += 1
        send_records(http, [{"message_id": f"l{sent[0]}", "user": {"user_id": "u1"}, "set": {"order": BIG - 2 * (sent[0] % 2)}, "event": "Seen", "properties": {"id": BIG}}])
        return f'{{"id":{BIG}}}' in console.text("tbody") and f"order = {BIG}" in console.text("tbody")
    wait_until(shown, WAIT_S, "the number in the live tail", every_s=0.5)
    console.open("letters", tenant=TENANT)
    page.click("button:text-is('Show') >> nth=0")
    text = page.input_value("dialog textarea")
    check(f'"id": {BIG}' in text and LONG in text and "1.50" in text, f"the letter is shown as {text}")
    with page.expect_request(lambda request: request.url.endswith("/replay")) as unchanged:
        page.click("text=Send it so")
    check_equal(unchanged.value.post_data, letter, "what is sent again is what was sent")
    page.fill("dialog textarea", text.replace('"event"', f'"user": {{"user_id": "u9"}}, "set": {{"order": {BIG}, "long": {LONG}}}, "event"'))
    page.click("text=Send it so")
    console.wait("Replayed.", "dialog")
    corrected = wait_until(lambda: (lambda raw: raw if str(BIG) in raw else None)(server.get(f"/v1/tenants/{TENANT}/users/user_id/u9").body.decode()), WAIT_S, "the corrected letter in a profile")
    check(f'"order":{BIG}' in corrected, f"the profile has {corrected}")
    console.close()


def test_live_of_one_request(box):
    """Fifty records of one request and one person are fifty, without anybody having events written; a merge is followed."""
    server = box.server()
    http, admin = server.ingest(), server.admin()
    send_records(http, [{"message_id": "first", "user": {"user_id": "u1"}, "event": "E"}, {"message_id": "other", "user": {"anonymous_id": "a1"}, "event": "E"}])
    server.wait_drained()
    console = browser.Console(box, server)
    page = console.open("live", tenant=TENANT)
    console.wait("records since this page was opened")
    rounds = [0]

    def fifty():
        rounds[0] += 1
        send_records(http, [{"message_id": f"r{rounds[0]}-{i}", "user": {"user_id": "u1"}, "event": f"Page {i}"} for i in range(50)])
        page.wait_for_timeout(1500)
        return all(f"r{rounds[0]}-{i}" in console.text("tbody") for i in range(50))
    wait_until(fifty, WAIT_S, "all records of a request", every_s=0.1)
    check(console.text("[role=status].note").split(": ")[1].startswith(str(50 * rounds[0])) or rounds[0] > 1, f"counted as {console.text('[role=status].note')}")
    console.wait("processed by then", "tbody")
    console.wait(f"resolved to user {profile(admin, 'user_id', 'u1')['id'][:12]}", "tbody")
    page.fill("input[aria-label=Value]", "u1")
    page.click("button.primary:has-text('Follow')")
    console.wait("Following user_id")
    send_records(http, [{"message_id": "sign-in", "user": {"user_id": "u1", "anonymous_id": "a1"}, "event": "Signed In"}])
    wait_until(lambda: "a1" in profile(admin, "user_id", "u1")["identifiers"].get("anonymous_id", []), WAIT_S, "the merge")
    page.wait_for_timeout(6000)  # the page looks every five seconds whom the person has become

    def followed():
        rounds[0] += 1
        send_records(http, [{"message_id": f"after-{rounds[0]}", "user": {"anonymous_id": "a1"}, "event": "After"}, {"message_id": f"not-{rounds[0]}", "user": {"user_id": "u2"}, "event": "Not For Us"}])
        return "After" in console.text("tbody")
    wait_until(followed, WAIT_S, "a record of what was merged", every_s=0.5)
    check("Not For Us" not in console.text("tbody"), "somebody else's record is shown")
    console.close()


def test_live_with_all_topics(box):
    """Received, in actions, resolved to, changed, written: each with its time; and the first page sees nothing that stands still."""
    server = box.server(top=TAILED)
    http = server.ingest()
    console = browser.Console(box, server)
    page = console.open("live", tenant=TENANT)
    sent = [0]
    steps = ("received by records", "in actions, partition", "resolved to user", "written for others", "change to version", "written by then")

    def all_steps():
        sent[0] += 1
        send_records(http, [{"message_id": f"m{sent[0]}", "user": {"user_id": "u1"}, "event": "E"}])
        page.wait_for_timeout(1500)
        return page.evaluate("(steps) => [...document.querySelectorAll('tbody .steps')].some((list) => steps.every((step) => [...list.children].some((li) => li.innerText.includes(step) && /^\\d\\d:\\d\\d:\\d\\d\\.\\d{3}/.test(li.innerText))))", list(steps))
    wait_until(all_steps, WAIT_S, lambda: f"each step with its time: {console.text('tbody')[:600]}", every_s=0.1)
    console.open("flow", tenant=TENANT)
    console.wait("Nothing is wrong")
    page.wait_for_timeout(3000)  # nobody has committed that changes were read: they need not be
    check("stands still" not in console.text(), "reaction does not stand still where profiles are read from action's state")
    console.close()


def test_whether_it_is_in(box):
    """By message id: what came is in, whoever sent it; what did not come is not, and what nobody knows is said."""
    server = box.server()
    http = server.ingest()
    send_records(http, [{"message_id": "first", "user": {"user_id": "u1", "email": "u1@example.com"}}])
    send_records(http, [{"message_id": "plain", "user": {"user_id": "u1"}, "event": "E"}, {"message_id": "by-mail", "user": {"email": "u1@example.com"}, "event": "E"}])
    post(http, [{"message_id": "nobody", "event": "Lost"}])
    server.wait_drained()
    console = browser.Console(box, server)
    console.open("person", tenant=TENANT)
    for message in ("plain", "by-mail"):
        said = said_by(console, "u1", message)
        check(said.startswith("Yes: a record of this id came"), f"{message}: {said}")
    check("set aside as missing_identifier" in said_by(console, "u1", "nobody"), "a letter by its message id")
    said = said_by(console, "u1", "never")
    check(said.startswith("No: nobody has sent an event of this name, no record of this id came"), said)
    console.page.route("**/messages/lookup", lambda route: route.fulfill(status=200, content_type="application/json", body='{"message_id":"x","seen":null,"hours":24}'))
    said = said_by(console, "u1", "never")
    check("can’t tell" in said, f"where action's state is elsewhere: {said}")
    console.page.unroute("**/messages/lookup")
    check_equal(console.page.evaluate(ABSENCE), ["warn Can’t", "warn Not yet", "bad No: others", "warn As an"], "what is said of what is not there")
    console.close()


ABSENCE = """async () => {
  const {absence} = await import('/console/person.js');
  const {waitingOf} = await import('/console/problems.js');
  const stage = (lag, oldest_at) => ({name: 'action', lag, oldest_at, waiting: []});
  const said = (flow, more) => absence({isName: false, seen: false, hours: 24, waiting: waitingOf(flow), ...more}).join(' ').split(/[ :]/).slice(0, 3).join(' ');
  const quiet = {stages: [stage(3, null)]};  // markers of transactions
  return [said({stages: [stage(null, null)]}).split(' ').slice(0, 2).join(' '), said({stages: [stage(3, '2026-01-02T03:04:05.000Z')]}),
    absence({isName: true, waiting: waitingOf(quiet)}).join(' ').slice(0, 14), said(quiet, {seen: null})];
}"""


def test_schema(box):
    """A name is forgotten; a plan is published, what is against it is shown, and it is taken away."""
    server = box.server()
    http, admin = server.ingest(), server.admin()
    send_records(http, [{"message_id": f"m{i}", "user": {"user_id": "u1"}, "set": {"wrong_attribute": 1}, "event": name, "properties": {"total": "many"}} for i, name in enumerate(("Order Completed", "Typo"))])
    server.wait_drained()
    console = browser.Console(box, server)
    page = console.open("schema", tenant=TENANT)
    console.wait("Typo", "#events")

    def names():
        return [event["name"] for event in admin.request("GET", f"/v1/tenants/{TENANT}/schema").json()["events"]]
    page.click("#events tr:has-text('Typo') >> text=Forget …")
    page.click("dialog button.danger")
    wait_until(lambda: "Typo" not in names(), WAIT_S, "the name is forgotten")
    page.wait_for_function("() => !document.querySelector('#events').innerText.includes('Typo')", timeout=WAIT_S * 1000)
    page.click("#users tr:has-text('wrong_attribute') >> text=Forget …")
    page.click("dialog button.danger")
    wait_until(lambda: "wrong_attribute" not in server.get(f"/v1/tenants/{TENANT}/schema").body.decode(), WAIT_S, "the attribute is forgotten")
    page.click("text=Write one")
    page.fill("#plan textarea", json.dumps({"events": {"Order Completed": {"required": ["total"], "properties": {"total": {"type": "number", "maximum": BIG}}}}}))
    page.click("#plan >> text=Publish")
    wait_until(lambda: admin.request("GET", f"/v1/tenants/{TENANT}/plan").status == 200, WAIT_S, "the plan is in force")
    console.wait("From the API", "#plan")
    check(f'"maximum": {BIG}' in page.input_value("#plan textarea"), "the plan keeps its digits")
    sent = [0]

    def violated():
        sent[0] += 1
        post(http, [{"message_id": f"v{sent[0]}", "user": {"user_id": "u1"}, "event": "Order Completed", "properties": {"total": "many"}}])
        return any(one["event"] == "Order Completed" for one in admin.request("GET", f"/v1/tenants/{TENANT}/violations").json()["violations"])
    wait_until(violated, WAIT_S, "a violation", every_s=0.5)
    console.open("schema", tenant=TENANT)
    console.page.reload()
    console.wait("total", "#violations")
    page.click("#plan >> text=Take away …")
    page.click("dialog button.danger")
    wait_until(lambda: admin.request("GET", f"/v1/tenants/{TENANT}/plan").status == 404, WAIT_S, "the plan is gone")
    console.close()


def test_letters(box):
    """Older ones come page by page; all of a code are sent again, once their reason is gone."""
    server = box.server()
    http, admin = server.ingest(), server.admin()
    post(http, [{"message_id": f"n{i}", "event": "Lost"} for i in range(60)])
    page_of = f"/v1/tenants/{TENANT}/deadletters?limit=100"
    wait_until(lambda: len(admin.request("GET", page_of).json()["deadletters"]) == 60, WAIT_S, "letters")
    console = browser.Console(box, server)
    page = console.open("letters", tenant=TENANT)
    rows = page.locator("tbody tr:has(button:text-is('Show'))")
    console.wait("Older", "button")
    for wanted in (25, 50, 60):
        page.wait_for_function("(n) => [...document.querySelectorAll('tbody tr')].filter((row) => row.innerText.includes('Show')).length === n", arg=wanted, timeout=WAIT_S * 1000)
        if wanted < 60:
            page.click("text=Older")
    ids = [letter["message_id"] for letter in admin.request("GET", page_of).json()["deadletters"]]
    check_equal([row.split("\t")[4] for row in rows.all_inner_texts()], ids, "in the order of the API")
    check(not page.locator("text=Older").is_visible(), "there are no older ones")
    page.click("text=Only these")
    page.click("text=Replay all of missing_identifier …")
    page.click("dialog button.danger")
    console.wait("0 replayed, 60 failed", ".said")  # nobody has said who they are of
    for row, name in ((0, "u9"), (1, "u8")):
        page.click(f"button:text-is('Show') >> nth={row}")
        page.fill("dialog textarea", json.dumps({"message_id": ids[row], "user": {"user_id": name}, "event": "Found"}))
        page.click("text=Send it so")
        console.wait("Replayed.", "dialog")
        page.keyboard.press("Escape")
        wait_until(lambda n=name: (profile(admin, "user_id", n) or {"events": {}})["events"].get("Found"), WAIT_S, "the corrected letter")
    console.close()


def test_erase_and_lift(box):
    """Who was erased is said to be; whoever lifts it may send again. Erasures come newest first, page by page."""
    server = box.server()
    http, admin = server.ingest(), server.admin()
    send_records(http, [{"message_id": f"m{i}", "user": {"user_id": f"u{i}"}, "event": "E"} for i in range(60)])
    server.wait_drained()
    for i in range(1, 60):
        check_equal(admin.request("DELETE", f"/v1/tenants/{TENANT}/users/user_id/u{i}").status, 202, "erase")
    console = browser.Console(box, server)
    page = console.open("person", tenant=TENANT)
    console.look_up("u0")
    console.wait("Erase …", "#profile")
    page.click("text=Erase …")
    page.click("text=Erase for good")
    wait_until(lambda: profile(admin, "user_id", "u0") is None, WAIT_S, "erased")
    post(http, [{"message_id": "late", "user": {"user_id": "u0"}, "event": "Late"}])
    server.wait_drained()
    check(profile(admin, "user_id", "u0") is None, "a late record brings nobody back")
    console.look_up("u0")
    console.wait("Erasure", "#profile")
    page.click("text=Let it be used again …")
    page.click("dialog button.danger")

    def back():
        back.sent += 1
        post(http, [{"message_id": f"back-{back.sent}", "user": {"user_id": "u0"}, "event": "Back"}])
        return profile(admin, "user_id", "u0")
    back.sent = 0
    wait_until(back, WAIT_S, "the person may be used again", every_s=0.5)
    console.open("delivery", tenant=TENANT)
    console.wait("Older", "#erasures button")
    newest = [one["id"] for one in admin.request("GET", f"/v1/tenants/{TENANT}/erasures?limit=100").json()["erasures"]]
    check_equal(len(newest), 60, "erasures")
    times = [one["requested_at"] for one in admin.request("GET", f"/v1/tenants/{TENANT}/erasures?limit=100").json()["erasures"]]
    check_equal(times, sorted(times, reverse=True), "newest first")
    page.click("#erasures >> text=Older")
    page.wait_for_function("() => document.querySelectorAll('#erasures tbody tr').length === 60", timeout=WAIT_S * 1000)
    check_equal(page.locator("#erasures tbody tr td:first-child").all_inner_texts(), newest, "in the order of the API")
    console.close()


def test_tenants(box):
    """All of them page by page; one that is chosen with its settings; the slowest on the first page."""
    server = box.server()
    admin = server.admin()
    for i in range(120):
        body = json.dumps({"write_keys": [f"key-of-tenant-{i}"], "rate": {"events_per_second": 1000 + i}}).encode()
        answer = admin.request("PUT", f"/v1/tenants/t{i:03}", body)
        check_equal(answer.status, 200, f"PUT of a tenant: {answer.body}")
    send_records(server.ingest(), [{"message_id": "m", "user": {"user_id": "u1"}, "event": "E"}])
    console = browser.Console(box, server)
    page = console.open("tenants", tenant=TENANT)
    page.wait_for_function("() => document.querySelectorAll('#list tbody tr').length === 100", timeout=WAIT_S * 1000)
    page.click("text=More")
    page.wait_for_function("() => document.querySelectorAll('#list tbody tr').length === 121", timeout=WAIT_S * 1000)
    page.click("#list >> text=t117")
    console.wait("1\u202f117 records / s", "#one")
    prints = admin.request("GET", "/v1/tenants/t117").json()["keys"]["write_keys"]
    console.wait(prints[0], "#one")
    check("key-of-tenant" not in console.text(), "a key is shown")
    console.open("flow", tenant=TENANT)
    console.wait("of 121 the slowest are shown", "#freshness")
    console.close()


def test_delivery(box):
    """Checkpoints, sinks and workers are what the metrics say."""
    sink = f'    sinks: [{{name: archive, kind: files, to: "file://{box.directory}/archive", every: 1s}}]\n'
    server = box.server(extra=sink, top=f'checkpoints: {{to: "file://{box.directory}/checkpoints", interval: 1s, min_pause: 1s}}\n')
    send_records(server.ingest(), [{"message_id": f"m{i}", "user": {"user_id": f"u{i}"}, "event": "E"} for i in range(20)])
    server.wait_drained()
    console = browser.Console(box, server)
    page = console.open("delivery", tenant=TENANT)
    page.wait_for_function("() => +(document.querySelector('#checkpoints td:nth-child(3)')?.innerText.replace(/\\D/g, '') || 0) > 0", timeout=WAIT_S * 1000)
    wait_until(lambda: page.locator("#sinks td:nth-child(5)").first.inner_text() == "20", WAIT_S, "what the sink has handed over")
    figures = server.get("/metrics").body.decode()
    made = next(float(line.split()[-1]) for line in figures.splitlines() if line.startswith("freshet_checkpoint_total"))
    check(0 < int(page.locator("#checkpoints td:nth-child(3)").inner_text().replace("\u202f", "")) <= made, "checkpoints made")
    partitions = sum(float(line.split()[-1]) for line in figures.splitlines() if line.startswith("freshet_action_partitions{"))
    check_equal(sum(int(text) for text in page.locator("#workers td:nth-child(3)").all_inner_texts()), int(partitions), "partitions of the workers")
    console.close()


def test_person(box):
    """Devices open, events have their time, and what the graph has no room for is told."""
    server = box.server()
    http, admin = server.ingest(), server.admin()
    send_records(http, [{"message_id": f"m{i}", "user": {"user_id": "u1"}, "device": {"device_id": f"d{i}"}, "event": "Viewed", "timestamp": f"2026-01-0{i + 1}T00:00:00Z"} for i in range(9)])
    send_records(http, [{"message_id": f"s{i}", "user": {"user_id": "u1", "anonymous_id": f"a{i}"}, "event": "Signed In"} for i in range(4)])
    server.wait_drained()
    console = browser.Console(box, server)
    page = console.open("person", tenant=TENANT)
    console.look_up("u1")
    console.wait("Events over time", "#profile")
    check_equal(page.locator("svg.span").count(), 2, "names with their time")
    user = profile(admin, "user_id", "u1")
    nodes = sum(len(values) for values in user["identifiers"].values()) + len(user["devices"])
    check(f"and {nodes - 11} more" in page.locator("svg.graph").text_content(), f"what has no room of {nodes} is told")
    check_equal(page.locator(".referred details").count(), len(user["devices"]), "devices")
    page.click(".referred summary >> nth=0")
    console.wait("device_id", ".referred details[open]")
    console.check_everybody_can_use_it("a person with devices")
    page.click("text=Open this device")
    console.wait("Users (1)", "#profile")
    console.close()


def by_day(records):
    days = collections.defaultdict(collections.Counter)
    for record in records:
        days[record["timestamp"][:10]][record["event"]] += 1
    return sorted(days.items(), reverse=True)


def test_events_by_day(box):
    """A person's events day by day, also those of a profile that became part of it; and why not, where nobody has them written."""
    server = box.server(top=TAILED)
    http = server.ingest()

    def of(user, count):
        return [{"message_id": f"{user}-{i}", "user": user_of(user), "event": ("Viewed", "Bought")[i % 2], "timestamp": f"2026-01-0{i % 4 + 1}T0{i}:00:00.000Z"} for i in range(count)]

    def user_of(user):
        return {"user_id" if user == "u1" else "anonymous_id": user}
    mine, visit = of("u1", 9), of("a1", 6)
    send_records(http, mine + visit + of("a2", 5))
    server.wait_drained()
    send_records(http, [{"message_id": "sign-in", "user": {"user_id": "u1", "anonymous_id": "a1"}, "set": {"city": "Pune"}}])
    server.wait_drained()
    wanted = by_day(mine + visit)
    said = server.admin().request("POST", f"/v1/tenants/{TENANT}/users/lookup/events", '{"user_id":"u1"}').json()
    check_equal([(one["day"], one["events"]) for one in said["days"]], [(day, dict(names)) for day, names in wanted], "what the API says")
    check_equal((len(said["latest"]), said["next"]), (15, None), "the latest, and that this is all")
    console = browser.Console(box, server)
    page = console.open("person", tenant=TENANT)
    console.look_up("u1")
    console.wait("That is all that topic events keeps.", "#days")
    check_equal(page.locator("#days tbody >> nth=0").locator("td:first-child").all_inner_texts(), [day for day, _ in wanted], "days on the page")
    check_equal(page.locator("#days tbody >> nth=0").locator("td:nth-child(2)").all_inner_texts(), [str(sum(names.values())) for _, names in wanted], "how many on each")
    page.click("#days summary")
    console.check_everybody_can_use_it("events by day")
    check_equal(page.evaluate(JOINED), [{"day": "2026-01-02", "events": {"A": 3, "B": 1}}, {"day": "2026-01-01", "events": {"A": 1}}], "a day that two parts have")
    console.close()
    server.stop()
    unread = box.server()
    send_records(unread.ingest(), mine)
    unread.wait_drained()
    console = browser.Console(box, unread)
    console.open("person", tenant=TENANT)
    console.look_up("u1")
    console.wait("By day they are not known: nobody reads this tenant's events by configuration", "#days")
    console.close()


JOINED = """async () => {
  const {joined} = await import('/console/days.js');
  return joined([{day: '2026-01-02', events: {A: 1}}], [{day: '2026-01-02', events: {A: 2, B: 1}}, {day: '2026-01-01', events: {A: 1}}]);
}"""


def test_charts(box):
    """They have axes, and say the value where one points."""
    server = box.server()
    http = server.ingest()
    console = browser.Console(box, server)
    page = console.open("flow", tenant=TENANT)
    for i in range(8):
        send_records(http, [{"message_id": f"m{i}-{j}", "user": {"user_id": f"u{j}"}, "event": "E"} for j in range(20)])
        page.wait_for_timeout(600)
    check_equal(page.locator(".tile canvas").count(), 4, "charts")
    place = page.locator(".tile .u-over").first.bounding_box()
    page.mouse.move(place["x"] + place["width"] - 3, place["y"] + place["height"] / 2)
    page.wait_for_function("() => /^\\d\\d:\\d\\d:\\d\\d .* \\/ s$/.test(document.querySelector('.tile .pointed').textContent)", timeout=WAIT_S * 1000)
    check(page.locator(".tile .plot").first.get_attribute("aria-label").startswith("Events in, last two minutes, from"), "what a screen reader hears")
    page.click("#theme")
    page.wait_for_timeout(1500)
    console.check_everybody_can_use_it("flow with charts")
    console.close()
