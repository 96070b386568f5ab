"""What `fleet render` writes, before judges that were not written here: promtool, amtool, Ansible, Strimzi's own schemas, the
formatter of HCL or OpenTofu, Grafana's own types, and the JMX exporter inside a real broker."""
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request

import kafka
import packages
from harness import ROOT, Skipped, check, check_equal, free_ports, freshet, note, send_records, shorten

TIMEOUT_S = 300
SMALL = ROOT / "examples" / "fleet" / "small.yaml"
# Both platforms; a topic whose name is no name in Kubernetes; a mirror; a route of one team.
BOTH = """fleet: both
regions: [{name: r1, zones: [r1a, r1b, r1c]}, {name: r2, zones: [r2a, r2b, r2c]}]
clusters:
  - {name: front, kind: fronting, region: r1, brokers: 4, controllers: 0, owner: platform}
  - {name: back, region: r2, platform: strimzi, service_groups: [shop], owner: platform, kafka_version: 4.0.0}
topics:
  - {name: clicks.v1, cluster: front, partitions: 12, messages_per_second: 1000, owner: web}
  - {name: Orders_v2, cluster: front, messages_per_second: 100, owner: shop, retention: 7d}
mirrors: [{name: shop, from: front, to: back, topics: [clicks.v1, Orders_v2], guarantee: exactly_once}]
service_levels: [{name: writes, produce_p99: 50ms}]
alert_routes:
  - {severity: warn, slack: "#kafka"}
  - {severity: critical, pagerduty: platform-oncall}
  - {severity: critical, slack: "#web-alerts", owner: web}
"""


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
        checked.write_text(re.sub(r"kubernetes_sd_configs:\n(      .*\n)+", "static_configs: []\n", text), encoding="utf-8")
        run(promtool, "check", "config", checked)
    proofs = sorted(out.glob("prometheus/proofs/*.yml"))
    check_equal(len(proofs), 3, "proofs: alerts and the facts of two regions")
    run(promtool, "test", "rules", *proofs)
    alerts = out / "prometheus" / "rules" / "alerts.yml"
    good = alerts.read_text(encoding="utf-8")
    for was, now in (('for: "10m"', 'for: "2m"'), ("kafka:disk_used_ratio > 0.85", "kafka:disk_used_ratio > 0.95"),
                     ("severity: critical", "severity: warn"), (" != 1)", " == 1)")):
        check(was in good, f"no {was} in the alerts")
        alerts.write_text(good.replace(was, now), encoding="utf-8")
        run(promtool, "test", "rules", *proofs, wanted=1)


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


def test_ansible(box):
    tools = packages.ansible()
    out = render(box)
    env = {"PATH": f"{tools}:{os.environ['PATH']}"}
    listed = json.loads(run(tools / "ansible-inventory", "-i", out / "ansible" / "front" / "hosts.yml", "--list", env=env))
    check_equal(len(listed["kafka_broker"]["hosts"]), 4, "brokers of the inventory")
    own = listed["_meta"]["hostvars"]["front-2.kafka.internal"]
    check_equal((own["broker_id"], own["kafka_broker_custom_properties"]["broker.rack"]), (2, "r1b"), "the second broker")
    run(tools / "ansible-lint", "--offline", "ansible", cwd=out, env=env)


def test_strimzi(box):
    """Against the schemas of the resource definitions, with unknown fields refused."""
    schemas = packages.strimzi_schemas()
    out = render(box)
    judge = packages.python_tools() / "python"
    files = sorted(out.glob("strimzi/*/*/*.yaml"))
    check_equal(len(files), 6, "files of Strimzi")
    said = run(judge, ROOT / "tests" / "integration" / "check_crd.py", schemas, *files)
    note(said.strip())
    broken = files[0].with_name("broken.yaml")
    broken.write_text(files[0].read_text(encoding="utf-8").replace("entityOperator:", "entityOperators:"), encoding="utf-8")
    run(judge, ROOT / "tests" / "integration" / "check_crd.py", schemas, broken, wanted=1)


def test_terraform(box):
    """OpenTofu's formatter, which parses, if it is on PATH; else that of HCL itself, if Go is there to build it."""
    out = render(box)
    files = sorted([*out.glob("terraform/**/*.tf"), *out.glob("terraform/**/*.hcl")])
    check_equal(len(files), 7, "files of Terraform")
    tofu = shutil.which("tofu")
    formatter = [tofu, "fmt", "-"] if tofu else [packages.hclfmt(), "-check"]
    for path in files:
        text = path.read_bytes()
        done = subprocess.run(formatter, input=text, capture_output=True, timeout=TIMEOUT_S, check=False)
        check_equal((done.returncode, done.stdout), (0, text), f"{path} formatted ({shorten(done.stderr.decode(errors='replace'))})")
    done = subprocess.run(formatter, input=files[0].read_bytes() + b"}", capture_output=True, timeout=TIMEOUT_S, check=False)
    check(done.returncode != 0, "the formatter takes anything")


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
    server = box.server(kafka=broker.brokers)
    send_records(server.ingest(), [{"user": {"user_id": "u1"}, "event": "E", "message_id": "m1"}])
    server.wait_drained()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    names = set(re.findall(r"^    name: (\w+)$", rules.read_text(encoding="utf-8"), re.MULTILINE))
    check(len(names) > 15, f"only {len(names)} metrics in the rules")
    missing = [name for name in sorted(names | {"process_cpu_seconds_total", "jvm_memory_used_bytes"})
               if not re.search(rf"^{name}[ {{]", text, re.MULTILINE)]
    check(not missing, f"metrics that the broker does not have: {missing}")
    check(re.search(r'^kafka_network_requestmetrics_totaltimems\{.*quantile="0.99".*request="Produce"', text, re.MULTILINE)
          is not None, "no 99th percentile of produce requests")
    note(f"{len(names)} metrics, {len(text.splitlines())} lines")
