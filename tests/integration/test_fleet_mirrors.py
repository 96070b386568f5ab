"""A mirror as `fleet render` writes it for Strimzi, run as Strimzi runs it: Kafka Connect's worker with the rendered settings,
MirrorMaker 2's connectors with theirs, between two real brokers, watched by the JMX exporter with the rendered rules."""
import json
import re
import subprocess
import sys
import urllib.request

import kafka
import packages
from harness import Http, check, check_equal, free_ports, freshet, note, shorten, wait_until
from patience import patient
from supervised import Supervised
from test_mirror import Writer, make_topic

START_S = patient(240)
MIRROR_S = patient(120)
# As many brokers as there are here, so that no topic asks for more replicas.
FLEET = """fleet: mirrored
regions: [{name: r1, zones: [a]}]
clusters:
  - {name: front, kind: fronting, brokers: 1}
  - {name: back, platform: strimzi, service_groups: [shop], brokers: 1}
topics: [{name: orders.v1, cluster: front, partitions: 3, replication: 1, min_isr: 1, messages_per_second: 100}]
mirrors: [{name: shop, from: front, to: back, topics: [orders.v1], guarantee: exactly_once, tasks: 2}]
"""
CONNECTORS = {"sourceConnector": "Source", "checkpointConnector": "Checkpoint"}
MIRRORED = "orders.v1"


def mirror_of(out, version):
    """The specification, in the shape of v1."""
    sys.path.insert(0, str(packages.jsonschema()))
    import yaml  # pylint: disable=import-error,import-outside-toplevel
    spec = yaml.safe_load((out / "strimzi" / version / "back" / "mirrors.yaml").read_text(encoding="utf-8"))["spec"]
    if version == "v1beta2":
        source, target = spec["clusters"]
        names = {f"{name}Topic": f"{name}s" for name in ("configStorage", "offsetStorage", "statusStorage")}
        spec["target"] = {**target, "groupId": "mirrors", **names}
        spec["mirrors"][0]["source"] = source
    return spec


def worker_file(box, spec, target):
    """What Strimzi's operator makes of spec.target."""
    wanted = spec["target"]
    port = free_ports(1)[0]
    converter = "org.apache.kafka.connect.converters.ByteArrayConverter"
    settings = {"bootstrap.servers": target.brokers, "group.id": wanted["groupId"], "config.storage.topic": wanted["configStorageTopic"],
                "offset.storage.topic": wanted["offsetStorageTopic"], "status.storage.topic": wanted["statusStorageTopic"],
                "key.converter": converter, "value.converter": converter, "listeners": f"http://127.0.0.1:{port}",
                "plugin.discovery": "service_load", "offset.storage.partitions": 1, "status.storage.partitions": 1, **wanted["config"]}
    path = box.directory / "worker.properties"
    path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), encoding="utf-8")
    return path, port


def start_worker(box, properties, port, rules):
    agent, metrics = packages.jmx_exporter(), free_ports(1)[0]
    log = open(box.directory / "connect.log", "wb")  # pylint: disable=consider-using-with
    process = subprocess.Popen(  # pylint: disable=consider-using-with
        ["java", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-javaagent:{agent}=127.0.0.1:{metrics}:{rules}",
         f"-Dlog4j.configuration=file:{box.directory}/front/log4j.properties", "-cp", f"{packages.mirror_maker()}/*",
         "org.apache.kafka.connect.cli.ConnectDistributed", str(properties)], stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def end():
        process.kill()
        process.wait()
        log.close()
    box.at_end(end)
    api = Http(port)

    def ready():
        check(process.poll() is None, lambda: f"Connect ended: {shorten((box.directory / 'connect.log').read_text()[-1500:], 1500)}")
        try:
            return api.request("GET", "/connectors").status == 200
        except OSError:
            return False
    wait_until(ready, START_S, "Connect answers", every_s=0.5)
    return api, metrics


def connector(spec, kind, clusters):
    """What the operator makes of a connector of the only mirror."""
    mirror = spec["mirrors"][0]
    ends = {"source": mirror["source"]["alias"], "target": spec["target"]["alias"]}
    settings = {f"{end}.cluster.{key}": value for end, name in ends.items()
                for key, value in (("alias", name), ("bootstrap.servers", clusters[name].brokers))}
    return {"connector.class": f"org.apache.kafka.connect.mirror.Mirror{CONNECTORS[kind]}Connector", "tasks.max": mirror[kind]["tasksMax"],
            "topics": mirror["topicsPattern"], "groups": mirror["groupsPattern"], **settings, **mirror[kind]["config"]}


def put(api, name, settings):
    body = json.dumps({key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in settings.items()})
    return api.request("PUT", f"/connectors/{name}/config", body, {"Content-Type": "application/json"})


def runs(api, name):
    """Whether the connector and its tasks run; a failure says why."""
    status = api.request("GET", f"/connectors/{name}/status")
    if status.status != 200:
        return False
    parts = [status.json()["connector"], *status.json()["tasks"]]
    for part in parts:
        check(part["state"] != "FAILED", lambda failed=part: f"{name}: {shorten(failed.get('trace', ''), 1500)}")
    return len(parts) > 1 and all(part["state"] == "RUNNING" for part in parts)


def test_a_rendered_mirror_mirrors(box):
    file, out = box.directory / "fleet.yaml", box.directory / "out"
    file.write_text(FLEET, encoding="utf-8")
    status, _, err = freshet("fleet", "render", file, "--to", out)
    check_equal(status, 0, f"fleet render ({shorten(err)})")
    spec, old = mirror_of(out, "v1"), mirror_of(out, "v1beta2")
    for key in CONNECTORS:
        check_equal(old["mirrors"][0][key], spec["mirrors"][0][key], f"{key} in both versions")
    check_equal(old["target"]["config"], spec["target"]["config"], "the worker in both versions")
    clusters = {name: kafka.start(box, name=name) for name in ("front", "back")}
    clusters["front"].run("org.apache.kafka.tools.TopicCommand", "--create", "--topic", MIRRORED, "--partitions", 3, "--replication-factor", 1)
    records = [{"n": n} for n in range(300)]
    clusters["front"].run("kafka.tools.ConsoleProducer", "--topic", MIRRORED, text="".join(json.dumps(record) + "\n" for record in records))
    check_equal(len(clusters["front"].read_as_group(MIRRORED, 300)), 300, "records in the source")  # the group's offsets are mirrored
    api, metrics = start_worker(box, *worker_file(box, spec, clusters["back"]), out / "jmx" / "mirror-maker.yml")
    settings = {kind: connector(spec, kind, clusters) for kind in CONNECTORS}
    for kind in CONNECTORS:
        answer = put(api, kind, settings[kind])
        check_equal(answer.status, 201, f"{kind} is taken ({shorten(answer.body.decode(errors='replace'))})")
    for kind in CONNECTORS:
        wait_until(lambda name=kind: runs(api, name), MIRROR_S, f"{kind} runs", every_s=0.5)
    unsafe = put(api, "unsafe", {**settings["sourceConnector"], "consumer.isolation.level": "read_uncommitted"})
    check_equal(unsafe.status, 400, "exactly once without reading committed records only")
    copied = []

    def all_copied():
        copied[:] = clusters["back"].read_as_group(MIRRORED)
        return len(copied) >= len(records)

    wait_until(all_copied, MIRROR_S, lambda: f"{len(records)} records in the target: {len(copied)} are")
    check_equal(sorted(record["n"] for record in copied), list(range(300)), "records in the target")
    described = clusters["back"].run("org.apache.kafka.tools.TopicCommand", "--describe", "--topic", MIRRORED)
    check("PartitionCount: 3" in described, described)
    names = set(re.findall(r"^    name: (\w+)$", (out / "jmx" / "mirror-maker.yml").read_text(encoding="utf-8"), re.MULTILINE))
    check_equal(len(names), 4, "metrics of the rules")
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=patient(60)) as answer:
        text = answer.read().decode()
    missing = [name for name in sorted(names) if not re.search(rf"^{name}[ {{]", text, re.MULTILINE)]
    check(not missing, f"metrics that MirrorMaker 2 does not have: {missing}")
    check(re.search(r'^kafka_connect_mirror_mirrorsourceconnector_record_rate\{.*target="back".*topic="orders.v1"', text, re.MULTILINE)
          is not None, "no rate of the mirrored topic")
    note(f"{len(copied)} records mirrored, {len(names)} metrics")


def test_a_rendered_freshet_mirror_mirrors(box):
    """The same of `kind: freshet`: its configuration as it is in the Deployment, into another number of partitions."""
    clusters = {name: kafka.start(box, name=name) for name in ("front", "back")}
    text = FLEET.replace("guarantee: exactly_once, tasks: 2", "kind: freshet, partitions: 5")
    for name, cluster in clusters.items():
        text = text.replace(f"{{name: {name},", f"{{name: {name}, connect: {{bootstrap: \"{cluster.brokers}\"}},")
    file, out = box.directory / "fleet.yaml", box.directory / "out"
    file.write_text(text, encoding="utf-8")
    status, _, err = freshet("fleet", "render", file, "--to", out)
    check_equal(status, 0, f"fleet render ({shorten(err)})")
    sys.path.insert(0, str(packages.jsonschema()))
    import yaml  # pylint: disable=import-error,import-outside-toplevel
    config, deployment = yaml.safe_load_all((out / "mirrors" / "shop" / "kubernetes.yaml").read_text(encoding="utf-8"))
    check_equal(deployment["spec"]["replicas"], 2, "processes")
    make_topic(clusters["front"], MIRRORED, 3)
    writer = Writer(clusters["front"], MIRRORED)
    writer.send(300)
    mirror = Supervised(box, "mirror", "rendered", config["data"]["mirror.yaml"]).start("--instance", "pod-1")
    wait_until(lambda: mirror.keep_running() or mirror.metric("freshet_mirror_records_total") >= 300, MIRROR_S, lambda: f"all mirrored ({mirror.tail()})")
    writer.check(clusters["back"], MIRRORED)
    described = clusters["back"].run("org.apache.kafka.tools.TopicCommand", "--describe", "--topic", MIRRORED)
    check("PartitionCount: 5" in described, described)
    metrics = Http(mirror.port).request("GET", "/metrics").body.decode()
    for name in ("freshet_mirror_lag_seconds", "freshet_mirror_halted"):
        check(re.search(rf'^{name}{{.*topic="{MIRRORED}"', metrics, re.MULTILINE) is not None, f"no {name}, which alerts look at: {shorten(metrics, 1500)}")
    mirror.stop()
