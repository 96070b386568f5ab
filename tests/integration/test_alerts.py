"""Metrics, the alert rules and the dashboard made of them, and the runbook: each names what there is, and promtool replays an
incident and a near miss of every rule."""
import re

import apart
import kafka
import packages
from harness import ROOT, check, check_equal, freshet, send_records, wait_until
from patience import patient
from test_fleet_render import check_panels, program, render, run

RULES = ROOT / "deploy" / "prometheus" / "freshet.yml"
ROUTES = RULES.with_name("alertmanager.yml")
PROOFS = [RULES.with_name("freshet_test.yml"), RULES.with_name("freshet_days_test.yml")]
DASHBOARD = ROOT / "deploy" / "grafana" / "freshet.json"
RUNBOOK = ROOT / "docs" / "operations" / "runbook.md"
FLEET_RUNBOOK = ROOT / "docs" / "fleet" / "alerts.md"
METRICS = ROOT / "docs" / "metrics.md"
ALERT = re.compile(r"- alert: (\w+)\n(?:(?!- alert: ).*\n)*?        labels: \{severity: (warn|critical)\}\n(?:.*\n){2}          runbook: \S+/runbook\.md#(\S+)\n")
NAME = re.compile(r"\bfreshet_[a-z_]+\b")


def known_metrics():
    """{name: type}, as the page has them."""
    return dict(re.findall(r"^\| `(freshet_\w+)` \| (\w+) \|", METRICS.read_text(encoding="utf-8"), re.MULTILINE))


def known_labels():
    """{name: labels}, as the page has them."""
    rows = re.findall(r"^\| `(freshet_\w+)` \| \w+ \| [^|]+ \| ([^|]*) \|", METRICS.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: {label.strip() for label in labels.split(",") if label.strip()} for name, labels in rows}


def alerts():
    text = RULES.read_text(encoding="utf-8")
    found = ALERT.findall(text)
    check_equal(len(found), text.count("- alert: "), "alerts that have a severity and a page")
    return found


def names_in(text):
    """Metrics that an expression uses, without what Prometheus adds to histograms."""
    text = re.sub(r"^ *#.*$", "", text, flags=re.MULTILINE)
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in NAME.findall(text) if name not in ("freshet_burn", "freshet_over")}


def test_page_of_metrics(box):
    """It is what the program says, and what a server shows is in it, of the type and with the words of the page."""
    status, table, _ = freshet("check", "--metrics")
    page = METRICS.read_text(encoding="utf-8")
    check_equal(status, 0, "freshet check --metrics")
    check(f"<!-- metrics: freshet check --metrics -->\n{table}<!-- end -->\n" in page, "docs/metrics.md is not what `freshet check --metrics` prints")
    server = box.server()
    send_records(server.ingest(), [{"message_id": "m1", "user": {"user_id": "u1"}, "event": "E"}])
    server.wait_drained()
    wait_until(lambda: server.metrics().get("freshet_ready") == 1, patient(10), "freshet_ready")
    shown = dict(re.findall(r"^# TYPE (\S+) (\w+)$", server.get("/metrics").body.decode(), re.MULTILINE))
    known = known_metrics()
    strange = {name: kind for name, kind in shown.items() if known.get(name) != kind}
    check(not strange, f"shown, and not so in docs/metrics.md (src/telemetry/catalog.cc): {strange}")
    metrics = server.metrics()
    check(0 < metrics["freshet_disk_free_bytes"] <= metrics["freshet_disk_bytes"], "the disk")
    check(metrics["freshet_clock_seconds"] > 1.7e9, "the clock")


def test_rules(box):
    """Every rule tells an incident and lets a near miss pass; and the tests notice if a rule is changed."""
    promtool = program("promtool", "prometheus")
    run(promtool, "check", "rules", RULES)
    run(promtool, "test", "rules", *PROOFS)
    proofs = "".join(path.read_text(encoding="utf-8") for path in PROOFS)
    for alert, severity, _ in alerts():
        tests = re.findall(rf'  - name: "{alert} {severity}: .*\n(?:(?!  - name: ).*\n)*?        exp_samples: \[{{value: (\d)}}\]', proofs)
        check({"0", "1"} <= set(tests), f"{alert} ({severity}): an incident and a near miss are to be replayed, there are {tests}")
    good = RULES.read_text(encoding="utf-8")
    copy, proof = box.directory / "freshet.yml", box.directory / "proof.yml"
    for alert, was, now in (("FreshetDown", "for: 1m", "for: 0m"), ("FreshetLogSilent", "freshet_log_silent == 1", "freshet_log_silent == 2"),
                            ("FreshetClockOff", "> 60", "> 6"), ("FreshetStoreUnhealthy", "severity: critical", "severity: warn")):
        begin = good.index(was, good.index(f"- alert: {alert}\n"))
        copy.write_text(good[:begin] + now + good[begin + len(was):], encoding="utf-8")
        head, *tests = re.split(r"^(?=  - name: )", PROOFS[0].read_text(encoding="utf-8"), flags=re.MULTILINE)
        proof.write_text(head + "".join(test for test in tests if test.startswith(f'  - name: "{alert} ')), encoding="utf-8")
        run(promtool, "test", "rules", proof, wanted=1)


def test_proofs_have_series_that_there_are(box):
    """Each series of a proof has the labels that a Prometheus gives to one of the product: a proof of others proves nothing."""
    labels_of = known_labels()
    series = re.findall(r"{series: '(\w+)\{(.*?)\}'", "".join(path.read_text(encoding="utf-8") for path in PROOFS))
    check(len(series) > 100, f"series in the proofs: {len(series)}")
    for name, text in series:
        wanted = {"job", "instance"} | (labels_of[re.sub(r"_(bucket|count|sum)$", "", name)] if name != "up" else set())
        check_equal(set(re.findall(r'(\w+)="', text)), wanted, f"labels of {name}{{{text}}}")


def test_alertmanager(box):
    """What is critical goes to the pager and the chat, a warning to the chat alone, and of each alert there is something to say."""
    amtool = program("amtool", "prometheus-alertmanager")
    run(amtool, "check-config", ROUTES)
    for alert, severity, _ in alerts():
        receivers = "pager,chat" if severity == "critical" else "chat"
        run(amtool, "config", "routes", "test", f"--config.file={ROUTES}", f"--verify.receivers={receivers}", f"alertname={alert}", f"severity={severity}")
    run(amtool, "config", "routes", "test", f"--config.file={ROUTES}", "--verify.receivers=chat", "severity=critical", wanted=1)


def canary_sings(server):
    """Its records come out, its freshness is told, and nobody has a key of its tenant."""
    series = 'freshet_freshness_seconds_count{tenant="freshet-canary"}'
    wait_until(lambda: server.metrics().get(series, 0) >= 3, patient(30), "three records of the canary are read")
    metrics = server.metrics()
    check(metrics['freshet_canary_records_total{result="sent"}'] >= 3, "records that the canary has sent")
    check_equal(metrics.get('freshet_canary_records_total{result="failed"}', 0), 0, "records that the canary could not send")
    check_equal(server.get("/v1/tenants/freshet-canary").json()["keys"]["write_keys"], [], "write keys of the canary")


def test_canary(box):
    canary_sings(box.server(top="canary: 1s\n"))


def test_canary_on_kafka(box):
    canary_sings(box.server(top="canary: 1s\n", kafka=kafka.share().settings()))


def test_canary_with_roles_apart(box):
    """Ingest sends them, reaction measures them, and in MongoDB is its profile."""
    fleet = apart.Apart(box, partitions=2, actions=1, extra="canary: 1s\n")
    fleet.start()
    sent, seen = 'freshet_canary_records_total{result="sent"}', 'freshet_freshness_seconds_count{tenant="freshet-canary"}'
    wait_until(lambda: fleet.reaction.metrics().get(seen, 0) >= 3, patient(60), "three records of the canary are read")
    check(fleet.ingest.metrics()[sent] >= 3, "records that the canary has sent")
    check_equal([process.roles for process in fleet.processes() if sent in process.metrics()], ["ingest"], "who sends")
    check_equal([process.roles for process in fleet.processes() if process.metrics().get(seen, 0) > 0], ["reaction"], "who measures")
    check(fleet.mongo.client()["freshet_freshet-canary"]["users"].count_documents({}) >= 1, "no profile of the canary is in MongoDB")


def test_runbook(box):
    """Each alert has its section, and each section its alert."""
    sections = re.findall(r"^## (\w+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    told = sorted({alert for alert, _, _ in alerts()})
    check_equal(sorted(sections), told, "sections of the runbook")
    check_equal([(alert, anchor) for alert, _, anchor in alerts() if anchor != alert.lower()], [], "alerts that lead elsewhere")


def test_runbook_of_fleets(box):
    """The same of the alerts that `fleet render` writes, as they come out."""
    out = render(box)
    rules = (out / "prometheus" / "rules" / "alerts.yml").read_text(encoding="utf-8")
    led = re.findall(r'- alert: (\w+)\n(?:(?!      - alert: ).*\n)*?          runbook: "?docs/fleet/alerts\.md#(\w+)"?\n', rules)
    check_equal(len(led), rules.count("- alert: "), "alerts that lead to a page")
    check_equal([(alert, anchor) for alert, anchor in led if anchor != alert.lower()], [], "alerts that lead elsewhere")
    sections = re.findall(r"^## (\w+)$", FLEET_RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    check_equal(sections, [alert for alert, _ in led], "sections, in the order of the rules")
    check(f"| {len(led)} alerts, " in FLEET_RUNBOOK.with_name("render.md").read_text(encoding="utf-8"), f"docs/fleet/render.md does not speak of {len(led)} alerts")


def test_they_name_what_there_is(box):
    known = known_metrics()
    for path in (RULES, DASHBOARD, RUNBOOK, FLEET_RUNBOOK):
        unknown = names_in(path.read_text(encoding="utf-8")) - set(known)
        check(not unknown, f"{path.name} names metrics that there are not: {sorted(unknown)}")


def test_dashboard(box):
    """A constant of Grafana's own type, without two panels in one place; and promtool takes each of its expressions."""
    folder = packages.grafana_types()
    text = DASHBOARD.read_text(encoding="utf-8")
    for name, dashboard, wanted in (("good", text, 0), ("bad", text.replace('"gridPos"', '"gridPosition"'), 1)):
        source = folder / f"pipeline-{name}.ts"
        source.write_text(f"import type {{ Dashboard }} from '@grafana/schema';\nexport const dashboard: Dashboard = {dashboard};\n", encoding="utf-8")
        run(folder / "node_modules/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "esnext", "--moduleResolution", "bundler",
            source, wanted=wanted, cwd=folder)
    check_panels(box, DASHBOARD)
