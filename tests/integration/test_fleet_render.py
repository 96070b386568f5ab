"""What `fleet render` writes, before judges that were not written here: promtool, amtool, Ansible, Strimzi's own schemas, the
formatter and parser of OpenTofu, Grafana's own types, a real Alertmanager, the JMX exporter inside a real broker, and Kafka Connect."""
import http.server
import json
import os
import re
import shutil
import subprocess
import threading
import time
import urllib.request

import kafka
import packages
from harness import ROOT, Http, Skipped, check, check_equal, free_ports, freshet, note, send_records, shorten, wait_until
from patience import patient

TIMEOUT_S = patient(300)
# Both platforms; a topic whose name is no name in Kubernetes; a mirror; a route of one team.
BOTH = """fleet: both
regions: [{name: r1, zones: [r1a, r1b, r1c]}, {name: r2, zones: [r2a, r2b, r2c]}]
clusters:
  - {name: front, kind: fronting, region: r1, brokers: 4, controllers: 0, owner: platform}
  - {name: back, region: r2, platform: strimzi, service_groups: [shop], owner: platform, kafka_version: 4.0.0}
topics:
  - {name: clicks.v1, cluster: front, partitions: 12, messages_per_second: 1000, owner: web}
  - {name: Orders_v2, cluster: front, messages_per_second: 100, owner: shop, retention: 7d}
mirrors: [{name: shop, from: front, to: back, topics: [clicks.v1, Orders_v2], guarantee: exactly_once, user: reports}]
service_levels: [{name: writes, produce_p99: 50ms}]
alert_routes:
  - {severity: warn, slack: "#kafka"}
  - {severity: critical, pagerduty: platform-oncall}
  - {severity: critical, slack: "#web-alerts", owner: web}
"""
# In the test of Strimzi alone: users of the cluster that it runs.
SECURED = ("kafka_version: 4.0.0, description: for the shop, settings: {num.io.threads: 16}, read_from: closest, "
           "security: {transport: tls, authentication: scram_sha_512, super_users: [root]}")
USERS = """users:
  - {name: reports, cluster: back, password: "${REPORTS_PASSWORD}", quota: {consume: 10MB, request_percent: 50}, description: of the shop,
     acls: [{topic: "Orders*", operations: [read, describe]}, {group: "*", operations: [read]}, {transactional_id: "r*", operations: [write]},
            {operations: [describe]}]}
alert_routes:"""


def run(*command, wanted=0, cwd=None, env=None):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=TIMEOUT_S, cwd=cwd,
                          stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})}, check=False)
    text = done.stdout + done.stderr
    check((done.returncode == 0) == (wanted == 0), lambda: f"{command[0]} {command[1]}: status {done.returncode}: {shorten(text, 2000)}")
    return text


def program(name, package):
    path = shutil.which(name)
    if path is None:
        raise Skipped(f"{name} is not here (Debian's package {package})")
    return path


def render(box, text=BOTH):
    file, out = box.directory / "fleet.yaml", box.directory / "out"
    file.write_text(text, encoding="utf-8")
    status, _, err = freshet("fleet", "render", file, "--to", out)
    check_equal(status, 0, f"fleet render ({shorten(err)})")
    return out


def test_by_hand(box):
    """Changes by hand are listed and kept; nothing is written; --force writes."""
    out = render(box)
    changed = out / "jmx" / "kafka.yml"
    before = changed.read_text(encoding="utf-8")
    changed.write_text("mine\n", encoding="utf-8")
    status, printed, _ = freshet("fleet", "render", box.directory / "fleet.yaml", "--to", out, "--json")
    check_equal((status, json.loads(printed)["by_hand"]), (1, ["jmx/kafka.yml: changed"]), "a change by hand")
    check_equal(changed.read_text(encoding="utf-8"), "mine\n", "the changed file")
    status, _, err = freshet("fleet", "render", box.directory / "fleet.yaml", "--to", out, "--only", "grafan")
    check_equal((status, "did you mean" in err), (2, True), "a target that there is not")
    check_equal(freshet("fleet", "render", box.directory / "fleet.yaml", "--to", out, "--force")[0], 0, "--force")
    check_equal(changed.read_text(encoding="utf-8"), before, "the file after --force")
    (box.directory / "fleet.yaml").write_text("fleet: x\nclusterz: 1\n", encoding="utf-8")
    listed = sorted(path.name for path in out.iterdir())
    status, _, err = freshet("fleet", "render", box.directory / "fleet.yaml", "--to", out)
    check_equal((status, ":2:1:" in err), (2, True), f"a wrong file ({shorten(err)})")
    check_equal(sorted(path.name for path in out.iterdir()), listed, "the folder after a wrong file")


def test_prometheus(box):
    promtool = program("promtool", "prometheus")
    out = render(box)
    for path in out.glob("prometheus/*/prometheus.yml"):
        # Debian's build does not know Kubernetes: there the jobs are checked with no targets instead.
        text = path.read_text(encoding="utf-8")
        checked = path.with_name("checked.yml")
        text = re.sub(r"kubernetes_sd_configs:\n(      .*\n)+", "static_configs: []\n", text)
        checked.write_text(re.sub(r"/var/run/secrets/\S+/(token|ca.crt)", str(path), text), encoding="utf-8")
        run(promtool, "check", "config", checked)
    check_panels(box, *sorted(out.glob("grafana/dashboards/*.json")))
    proofs = sorted(out.glob("prometheus/proofs/*.yml"))
    check_equal(len(proofs), 3, "proofs: alerts and the facts of two regions")
    run(promtool, "test", "rules", *proofs)
    alerts = out / "prometheus" / "rules" / "alerts.yml"
    good, proved = alerts.read_text(encoding="utf-8"), (out / "prometheus" / "proofs" / "alerts.yml").read_text(encoding="utf-8")
    proof = out / "prometheus" / "proofs" / "one.yml"
    for was, now in (('for: "10m"', 'for: "2m"'), ("kafka:disk_used_ratio > 0.85", "kafka:disk_used_ratio > 0.95"),
                     ("severity: critical", "severity: warn"), (" != 1)", " == 1)")):
        check(was in good, f"no {was} in the alerts")
        alert = re.findall(r"- alert: (\w+)", good[:good.index(was)])[-1]
        proof.write_text(proofs_of(alert, proved), encoding="utf-8")
        alerts.write_text(good, encoding="utf-8")
        run(promtool, "test", "rules", proof)
        alerts.write_text(good.replace(was, now, 1), encoding="utf-8")
        run(promtool, "test", "rules", proof, wanted=1)


def check_panels(box, *dashboards):
    """promtool takes each expression of their panels, and no two panels are in one place."""
    rules = []
    for dashboard in dashboards:
        panels = [panel for panel in json.loads(dashboard.read_text(encoding="utf-8"))["panels"] if panel["type"] != "row"]
        places = [tuple(sorted(panel["gridPos"].items())) for panel in panels]
        check_equal(len(set(places)), len(places), f"places of panels of {dashboard.name}")
        for target in (target for panel in panels for target in panel["targets"]):
            rules.append({"record": f"panel:number{len(rules)}", "expr": target["expr"].replace("$__rate_interval", "5m")})
    file = box.directory / "panels.json"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    run(program("promtool", "prometheus"), "check", "rules", file)


def proofs_of(alert, proofs):
    """The file with the tests of this alert only: promtool takes long for those of all alerts."""
    head, *tests = re.split(r"^(?=  - name: )", proofs, flags=re.MULTILINE)
    kept = [test for test in tests if re.match(rf'  - name: "?{alert} ', test)]
    check(len(kept) >= 2, f"proofs of {alert}: {len(kept)}")
    return head + "".join(kept)


LAG_ALERTS = ["KafkaGroupFarBehind", "KafkaGroupBehind", "KafkaGroupLagHigh", "KafkaGroupStalled"]
# What fleet watch says of a group in a topic (messages that wait, the age of the oldest, its verdict by minutes), what
# it is promised in seconds and messages, when it is looked at, and which alerts must fire then. How the verdicts come
# about is tested where they do: src/fleet/watch/memory_test.cc, tests/integration/test_fleet_watch.py.
LAG_STORIES = [
    ("nothing comes after the marker of a transaction", "0x120", "0x120", {"ok": "1x120"}, 30, 6000, (60, 119), []),
    ("five messages each half hour wait for a quarter", " ".join("0" if m % 30 >= 17 else "5" for m in range(120)),
     " ".join("0" if m % 30 >= 17 else str(60 * (m % 30)) for m in range(120)), {"ok": "1x120"}, 1200, 10000, (46, 77, 106), []),
    ("it reads once a night, keeps its promise, and is told to", "59000+500x120", "40000+60x120", {"ok": "1x120"}, 93600, 10**8, (100,), []),
    ("it is deployed anew", "0x9 9000x4 0x110", "0x9 30 90 150 210 240 0x110",
     {"ok": "1x9 stale _x4 1x110", "stop": "_x10 1x3 stale _x110"}, 300, 10000, (12, 14, 16, 40), []),
    ("two messages are stuck for long", "0x9 2x110", "0x9 60+60x110", {"ok": "1x9 stale _x110", "stall": "_x10 1x110"}, 300, 10000, (40,),
     ["KafkaGroupFarBehind", "KafkaGroupBehind", "KafkaGroupStalled"]),
    ("nobody reads it any more, and nobody promised anything", "0x9 60+60x110", "0x9 60+60x110",
     {"ok": "1x9 stale _x110", "stop": "_x10 1x110"}, None, None, (40,), ["KafkaGroupStalled"]),
]


def story(what, interval, series, firing):
    """A test of promtool's: what there is to see, and by (query, time, names of alerts) which alerts must fire then."""
    return {"name": what, "interval": interval, "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "promql_expr_test": [{"expr": query, "eval_time": at, "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in names]}
                                 for query, at, names in firing]}


def prove(promtool, out, name, interval, stories):
    """That the rendered rules, evaluated each `interval`, fire as these stories have it."""
    proof = out / "prometheus" / "proofs" / f"{name}.yml"
    proof.write_text(json.dumps({"rule_files": ["../rules/recorded.yml", "../rules/alerts.yml"], "evaluation_interval": interval, "tests": stories}),
                     encoding="utf-8")
    run(promtool, "test", "rules", proof)


def test_lag(box):
    """Groups that keep their promise set off nothing, however slow or uneven their topics are; one that does not is found:
    by what fleet watch tells alone."""
    promtool = program("promtool", "prometheus")
    out = render(box)
    labels = 'job="fleet-watch",instance="1",cluster="c",consumergroup="g",topic="t"'
    group = 'cluster="c",consumergroup="g"'
    tests = []
    for what, waits, age, verdicts, seconds, messages, minutes, fires in LAG_STORIES:
        series = {f"freshet_fleet_group_lag_messages{{{labels}}}": waits, f"freshet_fleet_group_lag_seconds{{{labels}}}": age,
                  f'fleet:group_info{{{group},owner="o"}}': "1x120"}
        series.update({f'freshet_fleet_group_verdict{{{labels},verdict="{name}"}}': values for name, values in verdicts.items()})
        if seconds is not None:
            series.update({f"fleet:group_lag_max_seconds{{{group}}}": f"{seconds}x120", f"fleet:group_lag_max_messages{{{group}}}": f"{messages}x120"})
        query = f'count by (alertname) (ALERTS{{alertname=~"{"|".join(LAG_ALERTS)}",alertstate="firing"}})'
        tests.append(story(what, "1m", series, [(query, f"{minute}m", fires) for minute in minutes]))
    prove(promtool, out, "lag", "1m", tests)


def test_seldom(box):
    """Facts of their own: a topic that gets a message in minutes, a promise of one topic of a group."""
    promtool = program("promtool", "prometheus")
    out = render(box)
    group = 'cluster="c",consumergroup="g"'
    idle = 'kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent{cluster="c",broker="1"}'

    def shared(factor):
        return {'fleet:cluster_info{cluster="c",owner="o"}': "1x60", 'fleet:cluster_shared_handlers{cluster="c"}': f"{factor}x60",
                'kafka_controller_kafkacontroller_activecontrollercount{cluster="c",broker="1"}': "1x60"}

    stories = [
        ("a message each minute where one in twelve is planned is no flood",
         {'fleet:topic_messages_per_second_max{cluster="c",topic="t",owner="o"}': "0.0028x60",
          'kafka_server_brokertopicmetrics_messagesin_total{cluster="c",broker="1",topic="t"}': "0+1x60"}, []),
        ("the lag in one topic is known, but not in the one that is promised",
         {f'fleet:group_info{{{group},owner="o"}}': "1x60", f'fleet:group_lag_max_seconds{{{group},topic="u"}}': "30x60",
          f'freshet_fleet_group_lag_messages{{{group},topic="t"}}': "0x60"}, ["KafkaGroupLagUnknown"]),
        ("handlers of a broker that is a controller, too, are told as two shares", {**shared("1"), idle: "1.4x60"}, []),
        ("and are all busy where one is left", {**shared("1"), idle: "1.05x60"}, ["KafkaRequestHandlersBusy", "KafkaRequestHandlersSaturated"]),
        ("since 4.2 as their mean", {**shared("2"), idle: "0.7x60"}, []),
        ("and are busy at a half", {**shared("2"), idle: "0.6x60"}, ["KafkaRequestHandlersBusy"]),
    ]
    query = 'count by (alertname) (ALERTS{alertstate="firing",alertname!="KafkaClusterDown"})'
    tests = [story(what, "1m", series, [(query, "40m", fires)]) for what, series, fires in stories]
    prove(promtool, out, "seldom", "1m", tests)


def hours(*runs):
    """Values of a series, one each five minutes: so many hours of each."""
    return " ".join(f"{value}x{12 * count - 1}" for value, count in runs)


def test_given_up(box):
    """A group loses messages: for three days after its last member has gone that wakes somebody, then it counts as given up."""
    promtool = program("promtool", "prometheus")
    out = render(box)
    labels = 'cluster="c",consumergroup="g",topic="t"'
    # It reads, is away for ten hours and back, commits once without being a member; then nobody is there.
    series = {'fleet:group_info{cluster="c",consumergroup="g",owner="o"}': hours((1, 94)),
              f"freshet_fleet_group_lost_messages{{{labels}}}": hours((5, 94)),
              f"freshet_fleet_group_retention_seconds{{{labels}}}": hours((3600, 94)),
              f"freshet_fleet_group_catch_up_seconds{{{labels}}}": hours((1e9, 94)),
              f"freshet_fleet_group_has_members{{{labels}}}": hours((1, 3), (0, 10), (1, 1), (0, 80)),
              f"freshet_fleet_group_read_messages_per_second{{{labels}}}": hours((0, 14), (7, 1), (0, 79))}
    both = ["KafkaGroupLosesMessages", "KafkaGroupLostMessages"]
    query = 'count by (alertname) (ALERTS{alertstate="firing"})'
    firing = [(query, f"{hour}h", names) for hour, names in ((2, both), (11, both), (80, both), (86, both), (88, []), (93, []))]
    tests = [story("a group is given up", "5m", series, firing)]
    prove(promtool, out, "given_up", "5m", tests)


def test_alertmanager(box):
    amtool = program("amtool", "prometheus-alertmanager")
    out = render(box) / "alertmanager"
    config = out / "alertmanager.yml"
    run(amtool, "check-config", config)
    lines = [line for line in (out / "routes.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    check_equal(len(lines), 6, "routes: three owners, two severities")
    for line in lines:
        receivers, *labels = line.split(" ")
        run(amtool, "config", "routes", "test", f"--config.file={config}", f"--verify.receivers={receivers}", *labels)
    run(amtool, "config", "routes", "test", f"--config.file={config}", "--verify.receivers=nobody", "severity=critical", wanted=1)


class Receiver:
    """Stands in for Slack and PagerDuty: keeps what is posted, by path."""

    def __init__(self, box):
        posted = self.posted = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # pylint: disable=invalid-name
                posted.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
                self.send_response(202 if self.path == "/pagerduty" else 200)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        box.at_end(self.server.shutdown)

    def slack(self, channel):
        return {message["attachments"][0]["title"] for path, message in self.posted if path == "/slack" and message["channel"] == channel}

    def pagerduty(self, key):
        return {message["payload"]["summary"] for path, message in self.posted if path == "/pagerduty" and message["routing_key"] == key}


def start_alertmanager(box, folder, receiver):
    """Debian's, with what is rendered, less three things: whom it calls, where secrets are, and how long it gathers."""
    secrets = box.directory / "secrets"
    secrets.mkdir()
    (secrets / "slack-url").write_text(receiver.url + "/slack", encoding="utf-8")
    (secrets / "pagerduty-platform-oncall.key").write_text("oncall-key", encoding="utf-8")
    text = (folder / "alertmanager.yml").read_text(encoding="utf-8").replace("/etc/alertmanager/secrets", str(secrets))
    config = folder / "here.yml"
    config.write_text(re.sub(r'group_wait: "\w+"', 'group_wait: "2s"', text) + f"global: {{pagerduty_url: {receiver.url}/pagerduty}}\n", encoding="utf-8")
    port = free_ports(1)[0]
    log = open(box.directory / "alertmanager.log", "wb")  # pylint: disable=consider-using-with
    process = subprocess.Popen([program("prometheus-alertmanager", "prometheus-alertmanager"), f"--config.file={config}",  # pylint: disable=consider-using-with
                                f"--storage.path={box.directory / 'alertmanager'}", f"--web.listen-address=127.0.0.1:{port}",
                                "--cluster.listen-address="], stdout=log, stderr=log)

    def end():
        process.kill()
        process.wait()
        log.close()
    box.at_end(end)
    api = Http(port)
    wait_until(lambda: answers(api), patient(60), "Alertmanager answers")
    return api


def answers(api):
    try:
        return api.request("GET", "/-/ready").status == 200
    except OSError:
        return False


def test_alertmanager_inhibits(box):
    """A real Alertmanager with the rendered configuration: who is told, and what is kept back because of what."""
    receiver = Receiver(box)
    api = start_alertmanager(box, render(box) / "alertmanager", receiver)
    # name, severity, concern, cluster, more labels, is it kept back
    alerts = [
        ("KafkaDiskFull", "critical", "disk", "front", {"broker": "1"}, False),
        ("KafkaDiskFilling", "warn", "disk", "front", {"broker": "1"}, True),
        ("KafkaSmallBatches", "warn", "use", "front", {}, False),  # another concern
        ("KafkaDiskFilling", "warn", "disk", "back", {"broker": "1"}, False),  # another cluster
        ("KafkaGroupFarBehind", "critical", "lag", "back", {"consumergroup": "a", "owner": "web"}, False),
        ("KafkaGroupBehind", "warn", "lag", "back", {"consumergroup": "a"}, True),
        ("KafkaGroupStalled", "warn", "lag", "back", {"consumergroup": "b"}, False),  # another group
        ("KafkaClusterDown", "critical", "availability", "third", {}, False),
        ("KafkaPartitionsOffline", "critical", "availability", "third", {}, True),
        ("KafkaProduceSlow", "warn", "latency", "third", {}, True),
    ]
    known = {line.split(": ")[1] for line in (box.directory / "out/prometheus/rules/alerts.yml").read_text(encoding="utf-8").splitlines()
             if line.strip().startswith("- alert: ")}
    check({alert[0] for alert in alerts} <= known, "alerts that no rule has")
    body = [{"labels": {"owner": "platform", **more, "alertname": name, "severity": severity, "concern": concern, "cluster": cluster},
             "annotations": {"summary": f"{name} of {cluster}", "action": "act"}} for name, severity, concern, cluster, more, _ in alerts]
    check_equal(api.request("POST", "/api/v2/alerts", json.dumps(body), {"Content-Type": "application/json"}).status, 200, "posted alerts")
    wait_until(lambda: len(receiver.pagerduty("oncall-key")) == 3 and len(receiver.slack("#kafka")) == 3 and receiver.slack("#web-alerts"),
               patient(60), "three for the channel, three for the pager, one for the team")
    time.sleep(2)  # for what should not come
    listed = {(alert["labels"]["alertname"], alert["labels"]["cluster"]): alert["status"] for alert in api.request("GET", "/api/v2/alerts").json()}
    for name, _, _, cluster, _, kept_back in alerts:
        status = listed[name, cluster]
        check_equal((status["state"], bool(status["inhibitedBy"])), ("suppressed", True) if kept_back else ("active", False), f"{name} of {cluster}")
    check_equal(receiver.slack("#kafka"), {"front: KafkaSmallBatches", "back: KafkaDiskFilling", "back: KafkaGroupStalled"}, "the channel for warnings")
    check_equal(receiver.slack("#web-alerts"), {"back: KafkaGroupFarBehind"}, "the channel of the team whose group it is")
    check_equal(receiver.pagerduty("oncall-key"), {f"{cluster}: {name}: {name} of {cluster}" for name, cluster in
                (("KafkaDiskFull", "front"), ("KafkaGroupFarBehind", "back"), ("KafkaClusterDown", "third"))}, "who is woken")


def test_ansible(box):
    tools = packages.ansible()
    out = render(box)
    env = {"PATH": f"{tools}:{os.environ['PATH']}"}
    listed = json.loads(run(tools / "ansible-inventory", "-i", out / "ansible" / "front" / "hosts.yml", "--list", env=env))
    check_equal(len(listed["kafka_broker"]["hosts"]), 4, "brokers of the inventory")
    own = listed["_meta"]["hostvars"]["front-2.kafka.internal"]
    check_equal((own["broker_id"], own["kafka_broker_custom_properties"]["broker.rack"]), (2, "r1b"), "the second broker")
    run(tools / "ansible-lint", "--offline", "ansible", cwd=out, env=env)
    back = BOTH.replace("from: front, to: back, topics: [clicks.v1, Orders_v2]", "kind: freshet, from: back, to: front, topics: [paid]")
    out = render(box, back.replace("mirrors:", "  - {name: paid, cluster: back}\nmirrors:"))
    run(tools / "ansible-lint", "--offline", "mirrors", cwd=out, env=env)


def test_strimzi(box):
    """Against the schemas of the resource definitions, with unknown fields refused."""
    schemas = packages.strimzi_schemas()
    out = render(box, BOTH.replace("kafka_version: 4.0.0", SECURED).replace("alert_routes:", USERS, 1))
    judge = packages.python_tools() / "python"
    files = sorted(out.glob("strimzi/*/*/*.yaml"))
    check_equal(len(files), 8, "files of Strimzi")
    said = run(judge, ROOT / "tests" / "integration" / "check_crd.py", schemas, *files)
    note(said.strip())
    broken = files[0].with_name("broken.yaml")
    broken.write_text(files[0].read_text(encoding="utf-8").replace("entityOperator:", "entityOperators:"), encoding="utf-8")
    run(judge, ROOT / "tests" / "integration" / "check_crd.py", schemas, broken, wanted=1)
    # Rendered into the same folder, so what was there of the other kind of mirror is gone.
    freshets = render(box, BOTH.replace("{name: shop,", "{name: shop, kind: freshet,").replace("kafka_version: 4.0.0", SECURED))
    run(judge, ROOT / "tests" / "integration" / "check_crd.py", schemas, freshets / "mirrors" / "shop" / "kubernetes.yaml")


def parsed_by_tofu(tofu, module):
    """(status, the module as OpenTofu's parser sees it)."""
    settings = module / "none.tfrc"  # not whatever the machine has
    settings.write_text("", encoding="utf-8")
    done = subprocess.run([tofu, "show", "-json", f"-module={module}"], capture_output=True, timeout=TIMEOUT_S, check=False,
                          env={**os.environ, "TF_CLI_CONFIG_FILE": str(settings)})
    return done.returncode, json.loads(done.stdout)["root_module"] if done.returncode == 0 else done.stderr.decode()


def test_terraform(box):
    """OpenTofu's own formatter and parser. What they can't know without the provider: which attributes a resource has."""
    tofu = packages.tofu()
    out = render(box) / "terraform"
    module = out / "modules" / "kafka-cluster"
    run(tofu, "fmt", "-check", "-diff", "-recursive", out)
    files = sorted(out.glob("**/*.hcl"))
    check_equal(len(files), 3, "files of Terragrunt")
    for path in files:
        done = subprocess.run([tofu, "fmt", "-check", "-"], input=path.read_bytes(), capture_output=True, timeout=TIMEOUT_S, check=False)
        check_equal(done.returncode, 0, f"{path} formatted ({shorten(done.stderr.decode(errors='replace'))})")
    status, root = parsed_by_tofu(tofu, module)
    check_equal(status, 0, f"the module ({shorten(str(root))})")
    check("aws_instance.node" in [resource["address"] for resource in root["resources"]], "OpenTofu sees no machines")
    given = set(re.findall(r"^  (\w+) +=", (out / "r1" / "front" / "terragrunt.hcl").read_text(encoding="utf-8").split("inputs =")[1], re.MULTILINE))
    known, needed = set(root["variables"]), {name for name, variable in root["variables"].items() if variable.get("required")}
    check(needed and needed <= given <= known, f"inputs {sorted(given)}, variables {sorted(known)}, of which must be given {sorted(needed)}")
    main = module / "main.tf"
    good = main.read_text(encoding="utf-8")
    for what, bad in (("a bracket too many", good + "}\n"), ("an unknown kind of block", good + 'resourse "a" "b" {}\n'),
                      ("a name that is there twice", good + 'resource "aws_instance" "node" {}\n')):
        main.write_text(bad, encoding="utf-8")
        check(parsed_by_tofu(tofu, module)[0] != 0, f"OpenTofu takes {what}")
    main.write_text(good.replace("  cidr_ipv4  ", "  cidr_ipv4"), encoding="utf-8")
    run(tofu, "fmt", "-check", "-recursive", out, wanted=1)


def test_grafana(box):
    """Dashboards are constants of Grafana's own type: what it does not know, or is of another type, does not compile."""
    folder = packages.grafana_types()
    out = render(box)
    for path in sorted(out.glob("grafana/dashboards/*.json")):
        text = path.read_text(encoding="utf-8")
        for name, dashboard, wanted in (("good", text, 0), ("bad", text.replace('"gridPos"', '"gridPosition"'), 1)):
            source = folder / f"{path.stem}-{name}.ts"
            source.write_text(f"import type {{ Dashboard }} from '@grafana/schema';\nexport const dashboard: Dashboard = {dashboard};\n",
                              encoding="utf-8")
            run(folder / "node_modules/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "esnext",
                "--moduleResolution", "bundler", source, wanted=wanted, cwd=folder)


def test_jmx_exporter(box):
    """Every metric that rules and dashboards may use is there, made by the rendered rules inside a real broker."""
    agent = packages.jmx_exporter()
    rules = render(box) / "jmx" / "kafka.yml"
    port = free_ports(1)[0]
    broker = kafka.start(box, env={"JAVA_TOOL_OPTIONS": f"-javaagent:{agent}=127.0.0.1:{port}:{rules}"})
    server = box.server(kafka=broker.settings())
    send_records(server.ingest(), [{"user": {"user_id": "u1"}, "event": "E", "message_id": "m1"}])
    server.wait_drained()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=patient(60)) as answer:
        text = answer.read().decode()
    names = set(re.findall(r"^    name: (\w+)$", rules.read_text(encoding="utf-8"), re.MULTILINE))
    check(len(names) > 15, f"only {len(names)} metrics in the rules")
    missing = [name for name in sorted(names | {"process_cpu_seconds_total", "jvm_memory_used_bytes"})
               if not re.search(rf"^{name}[ {{]", text, re.MULTILINE)]
    check(not missing, f"metrics that the broker does not have: {missing}")
    check(re.search(r'^kafka_network_requestmetrics_totaltimems\{.*quantile="0.99".*request="Produce"', text, re.MULTILINE)
          is not None, "no 99th percentile of produce requests")
    note(f"{len(names)} metrics, {len(text.splitlines())} lines")
