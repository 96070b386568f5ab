"""What the console shows of other processes: the fleet as a watch and a mirror tell of it, and processes of other roles by their
names. A browser asks the console alone."""
import os
import subprocess
from pathlib import Path

import apart
import browser
import kafka
import played_fleet
from harness import BUILD, Background, TENANT, check, check_equal, free_ports, send_records, wait_until
from patience import patient
from test_fleet_watch import MESSAGES, fleet_file, produce, set_up
from test_mirror import make_topic

WAIT_S = patient(120)
SHAPES = ((browser.WIDE, "light"), (browser.WIDE, "dark"), (browser.NARROW, "light"))


def background(box, *command):
    process = subprocess.Popen([str(BUILD / "freshet"), *map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    box.at_end(process.kill)
    return process


def mirror_file(box, broker):
    """Of one cluster into itself, under another name."""
    file = box.directory / "mirror.yaml"
    file.write_text(f"name: copy\ninstance: \"1\"\nsource: {{name: front, brokers: \"{broker.brokers}\"}}\ntarget: {{name: back, brokers: \"{broker.brokers}\"}}\n"
                    f"topics: [{{match: {broker.prefix}clicks, to: copy.clicks}}]\nrefresh_every: 1s\n", encoding="utf-8")
    return file


def test_page(box):
    """Clusters, groups, disks and a mirror as their own processes tell of them; one that dies stays, with its age."""
    broker = kafka.start(box)
    set_up(broker)
    watch_port, mirror_port = free_ports(2)
    file = fleet_file(box, broker)
    file.write_text(file.read_text(encoding="utf-8").replace("{name: living,", "{name: living, watch: {probe: freshet-probe},"), encoding="utf-8")
    watch = background(box, "fleet", "watch", file, "--interval", "500ms", "--window", "5s", "--listen", f"127.0.0.1:{watch_port}")
    background(box, "mirror", "--config", mirror_file(box, broker), "--listen", f"127.0.0.1:{mirror_port}")
    server = box.server(top=f"console: {{fleet: [\"http://127.0.0.1:{watch_port}\", \"http://127.0.0.1:{mirror_port}\"]}}\n")
    sources = wait_until(lambda: (lambda all_: all_ if all(one["look"] or one["figures"] for one in all_) else None)(server.get("/v1/fleet").json()["sources"]), WAIT_S, "both were seen")
    check_equal([one["kind"] for one in sources], ["watch", "mover"], "kinds")
    for size, scheme in SHAPES:
        console = browser.Console(box, server, size, scheme)
        page = console.open("flow", tenant=TENANT)
        console.wait("Fleet: Cluster dead", ".problems .what", WAIT_S)  # the first page says that there is something
        page.click("nav a:has-text('Fleet')")
        console.wait("living", "#clusters", WAIT_S)
        console.wait("away", "#clusters", WAIT_S)
        console.wait("ms", "#clusters td:nth-child(3)", WAIT_S)  # there and back, by probes
        console.wait("Cluster dead: it can't be looked at", "#wrong .what", WAIT_S)
        console.wait("late", "#groups", WAIT_S)
        console.wait("nobody reads", "#groups", WAIT_S)
        console.wait(str(MESSAGES - 10), "#groups", WAIT_S)
        console.wait("No replica is being moved", "#moves", WAIT_S)
        console.wait("clicks", "#mirrors", WAIT_S)
        check(page.locator("#disks tbody tr").count() > 0, "no disk")
        check(page.locator("#topics tbody tr").count() > 0, "no topic")
        seen = page.evaluate("(() => { const at = document.querySelector('nav [aria-current]').getBoundingClientRect(); return at.left >= 0 && at.right <= innerWidth; })()")
        check(seen, "the name of the page that is open is out of sight")
        console.check_everybody_can_use_it(f"fleet, {scheme}, {size}")
        if (size, scheme) == SHAPES[-1]:
            watch.kill()
            console.wait("does not answer", "#wrong", WAIT_S)
            console.wait("living", "#clusters", WAIT_S)
        console.close()


def test_bad_night(box):
    """Each thing that a watch can say, as the page shows it; and the pictures of docs/console/."""
    server = box.server(top=f"console: {{fleet: [\"{played_fleet.watch(box)}\", \"{played_fleet.mirror(box)}\"]}}\n")
    wait_until(lambda: all(one["look"] or one["figures"] for one in server.get("/v1/fleet").json()["sources"]), WAIT_S, "both were seen")
    target = Path(os.environ.get("FRESHET_SCREENSHOTS") or box.directory)
    for size, scheme in SHAPES:
        console = browser.Console(box, server, size, scheme)
        page = console.open("fleet", tenant=TENANT)
        console.wait("Group billing, topic orders: nobody reads", "#wrong .what", WAIT_S)
        console.wait("Cluster payments: it can't be looked at", "#wrong .what", WAIT_S)
        console.wait("4", "nav a[aria-current] .count", WAIT_S)  # urgent ones
        rows = page.evaluate("Object.fromEntries([...document.querySelectorAll('#clusters tbody tr')].map((r) => [r.children[0].innerText, [r.children[1].innerText, r.children[2].innerText]]))")
        check_equal(rows, {"front": ["1 to look at", "12.0 ms"], "orders": ["5 to look at", "fails"], "payments": ["away", "–"]}, "clusters")
        busiest = page.evaluate("Object.fromEntries([...document.querySelectorAll('#clusters tbody tr')].map((r) => [r.children[0].innerText, r.children[10].innerText]))")
        check_equal((busiest["orders"], busiest["payments"]), ("61 %", "–"), "the busiest machine of each cluster")
        verdicts = page.evaluate("Object.fromEntries([...document.querySelectorAll('#groups tbody tr')].map((r) => [r.children[1].innerText, r.children[3].innerText]))")
        check_equal(verdicts, {"billing": "nobody reads", "fraud": "stands still", "mailer": "falls behind", "reports": "keeps up", "gateway-audit": "keeps up"}, "groups, the furthest behind first")
        check_equal(page.locator("#topics tbody tr:first-child td").all_inner_texts()[1:3], ["clicks", "21 400".replace(" ", "\u202f")], "the busiest topic")
        console.wait("linger.ms=20", "#topics", WAIT_S)
        console.wait("39 h", "#disks tbody tr:first-child", WAIT_S)
        check_equal(page.locator("#mirrors tbody tr").count(), 2, "topics of the mirror")
        console.check_everybody_can_use_it(f"a bad night, {scheme}, {size}")
        picture = target / f"fleet-{scheme}{'-narrow' if size == browser.NARROW else ''}.png"
        page.screenshot(path=str(picture), full_page=True, clip={"x": 0, "y": 0, "width": size[0], "height": 1900 if size == browser.NARROW else 1430})
        check(picture.stat().st_size > 5000, "an empty picture")
        console.close()


def test_page_without_a_fleet(box):
    """It says how to have one."""
    console = browser.Console(box, box.server())
    console.open("fleet", tenant=TENANT)
    console.wait("No fleet is looked at")
    console.wait("console: {fleet:")
    console.check_everybody_can_use_it("fleet, empty")
    console.close()


def test_of_processes(box):
    """Page Flow has each process by its name with its rates, and says who is paused; page Delivery has its workers and standbys."""
    fleet = apart.Apart(box, standbys=1)
    others = [process for process in fleet.processes() if process is not fleet.console]
    fleet.extra = "console: {peers: [" + ", ".join(f'"http://127.0.0.1:{process.admin_port}"' for process in others) + "]}\n"
    fleet.write_config()
    fleet.start()
    names = {}

    def named():
        for process in fleet.console.get("/v1/processes").json()["processes"]:
            for line in process["figures"].splitlines():
                if line.startswith("freshet_process_info"):
                    names[process["address"]] = line.split('process="')[1].split('"')[0]
        return len(names) == len(others)
    wait_until(named, WAIT_S, lambda: f"all are seen by name: {names}")
    stopping = []
    box.at_end(lambda: stopping.append(True))

    def send():
        http = fleet.ingest.ingest()
        for i in range(100_000):
            if stopping:
                return
            send_records(http, [{"message_id": f"p{i}-{j}", "user": {"user_id": f"u{j}"}, "event": "E"} for j in range(10)])
    traffic = Background(send)
    console = browser.Console(box, fleet.console)
    console.open("flow", tenant=TENANT)
    for name in names.values():
        console.wait(name, "#processes", WAIT_S)
    for roles in ("ingest", "action", "reaction"):
        console.wait(roles, "#processes", WAIT_S)
    console.page.wait_for_function("() => [...document.querySelectorAll('#processes tbody tr')].some((r) => /action/.test(r.children[1].innerText) && parseFloat(r.children[4].innerText) > 0)", timeout=WAIT_S * 1000)
    console.wait("99.9 % in 1 s", "#freshness", WAIT_S)
    console.check_everybody_can_use_it("flow with processes")
    console.page.locator("#processes").screenshot(path=str(Path(os.environ.get("FRESHET_SCREENSHOTS") or box.directory) / "processes.png"))
    console.open("delivery", tenant=TENANT)

    def followed():
        """Partitions and those that are followed, of all workers: as the page and as the metrics have them."""
        shown = console.page.evaluate("[3, 5].map((n) => [...document.querySelectorAll(`#workers tbody td:nth-child(${n})`)].reduce((sum, cell) => sum + +cell.innerText, 0))")
        lines_ = [line for process in fleet.actions for line in process.get("/metrics").body.decode().splitlines()]
        told = [sum(float(line.split()[-1]) for line in lines_ if line.startswith(f"freshet_action_partitions{name}{{")) for name in ("", "_followed")]
        return shown if shown == told and min(shown) > 0 else None
    wait_until(followed, WAIT_S, "workers and standbys on page Delivery")
    console.open("flow", tenant=TENANT)
    paused = fleet.actions[0]
    paused.pause()
    console.wait(f"Process {names[paused.admin_url]} does not answer", ".problems li", WAIT_S)
    paused.resume()
    console.page.wait_for_function("() => !document.querySelector('.problems li.bad')", timeout=WAIT_S * 1000)
    stopping.append(True)
    traffic.join(WAIT_S)
    console.context.close()  # what the browser says of a busy machine is not looked at


def test_finding_somebody(box):
    """Recent people in every store; by how an identifier begins where the store can, and said where it can't."""
    for kind in ("state", "embedded"):
        server = box.server(top=f"profiles: {{kind: {kind}}}\n")
        send_records(server.ingest(), [{"message_id": f"m{i}", "user": {"user_id": f"u{i}", "email": f"ann.{i}@example.com"}, "event": "Viewed"} for i in range(5)])
        server.wait_drained()
        people = server.get(f"/v1/tenants/{TENANT}/users/recent").json()["people"]
        check_equal(sorted(one["value"] for one in people), [f"u{i}" for i in range(5)], "recent people")
        admin = server.admin()
        admin.request("DELETE", f"/v1/tenants/{TENANT}/users/user_id/u0")
        wait_until(lambda s=server: "u0" not in {one["value"] for one in s.get(f"/v1/tenants/{TENANT}/users/recent").json()["people"]}, WAIT_S, "who was erased is not shown")
        console = browser.Console(box, server)
        page = console.open("person", tenant=TENANT)
        console.wait("Recent people", "#profile")
        console.wait("u3", "#profile")
        console.check_everybody_can_use_it("recent people")
        page.fill("#type", "email")
        page.fill("#value", "Ann.")
        page.click("text=Begins with")
        if kind == "state":
            console.wait("keyed hashes", "#profile")
        else:
            console.wait("ann.3@example.com", "#profile")
            console.check_everybody_can_use_it("found")
            page.click("#profile button:has-text('ann.3@example.com')")
            console.wait("Viewed", "#profile")
        check("ann" not in page.url, f"the address has an identifier: {page.url}")
        console.close()
        server.stop()
