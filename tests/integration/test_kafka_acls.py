"""Each role with the least that docs/operations/acls.md allows it, on a broker with an authorizer: the commands are read
from that page."""
import json
import os
import re
import shlex

import apart
import kafka
import mongo
from harness import ROOT, TENANT, bearer, check, check_equal, freshet, note, profile, send_records, shorten, wait_until
from patience import patient
from test_fleet_live import start_authorized
from test_mirror import Mirror, kcat, make_topic, produce, read

ROLES = ("ingest", "action", "reaction", "console")
PAGE = ROOT / "docs" / "operations" / "acls.md"


def blocks():
    """The page's commands, by what they are for: the arguments of each `acl`."""
    texts = [block.split("```")[0] for block in PAGE.read_text(encoding="utf-8").split("```sh\n")[1:]]
    everybody = re.search(r'^ALL="(.*)"$', texts[0], re.M).group(1)
    parsed = [[shlex.split(line[4:].replace("$ALL", everybody), comments=True) for line in text.splitlines() if line.startswith("acl ")] for text in texts]
    return dict(zip(("roles", "sinks", "states", "source", "target"), parsed, strict=True))


def commands():
    return blocks()["roles"]


class Guarded(apart.Apart):
    """All roles apart, each with a user of its own."""

    def __init__(self, box, version=kafka.VERSION, sinks=False):
        self.box, self.partitions, self.standbys, self.revision = box, 2, 0, 1
        self.lake = box.directory / "lake"
        self.extra = (f"    rate: {{events_per_second: 200, burst: 200}}\n"
                      f'    sinks:\n      - {{name: lake, kind: files, to: "file://{self.lake}", every: 500ms}}\n' * sinks)
        self.checkpoints = apart.checkpoints_in(box)
        self.broker = start_authorized(box, ROLES, version)
        self.broker.settings = lambda: (f'brokers: "{self.broker.secure}", properties: {{security.protocol: SASL_PLAINTEXT, sasl.mechanism: PLAIN, '
                                        'sasl.username: "${FRESHET_KAFKA_USER}", sasl.password: "pw-${FRESHET_KAFKA_USER}"}')
        if sinks:
            login = '{security.protocol: SASL_PLAINTEXT, sasl.mechanism: PLAIN, sasl.username: reaction, sasl.password: "env:STATES_PASSWORD"}'
            os.environ["STATES_PASSWORD"] = "pw-reaction"
            self.extra += f'      - {{name: states, kind: topic, on: changes, topic: crm.people, brokers: "{self.broker.secure}", properties: {login}}}\n'
        self.mongo = mongo.share(box)
        self.config_path = box.directory / "freshet.yaml"
        self.write_config()
        self.ingest, self.action, self.reaction, self.console = (self.add(role, role) for role in ROLES)

    def acl(self, arguments, action="--add"):
        self.broker.acls(action, *(["--force"] if action == "--remove" else []), *arguments)

    def processes(self):
        return [self.action, self.ingest, self.reaction, self.console]  # the first makes the topics

    def launch(self, process):
        os.environ["FRESHET_KAFKA_USER"] = process.roles
        return process.launch()

    def start(self):
        for process in self.processes():
            self.launch(process)
            if process is self.action:
                process.wait_ready()
        for process in self.processes():
            process.wait_ready()
        return self


def works(fleet, name):
    """Records over the rate, a bad one, a dead letter, streams, an erasure: all that roles do on the log."""
    http, admin = fleet.ingest.ingest(), fleet.admin()
    for k in range(3):
        send_records(http, [{"message_id": f"{name}-{k}-{i}", "user": {"user_id": f"{name}{i}"}, "set": {"city": "Pune"}, "event": "Seen"} for i in range(150)])
    http.request("POST", "/v1/records", b'{"message_id":"nobody"}\n', bearer())
    fleet.wait_drained()
    check_equal(profile(admin, "user_id", f"{name}7")["attributes"], {"city": "Pune"}, f"{name}: attributes")
    for path in ("deadletters", "events?after=begin", "changes?after=begin"):
        check_equal(admin.request("GET", f"/v1/tenants/{TENANT}/{path}").status, 200, f"{name}: {path}")
    check_equal(admin.request("DELETE", f"/v1/tenants/{TENANT}/users/user_id/{name}7").status, 202, f"{name}: erase")
    fleet.wait_drained()
    wait_until(lambda: profile(admin, "user_id", f"{name}7") is None, patient(30), f"{name}: the profile erased")


def denied(fleet):
    """What an authorized broker has refused is in our processes' words."""
    return [line for process in fleet.processes() for line in process.log_path.read_text(errors="replace").splitlines() if "AUTHORIZATION" in line]


def least(box, version):
    fleet = Guarded(box, version)
    for arguments in commands():
        fleet.acl(arguments)
    fleet.start()
    works(fleet, "first")
    # With all topics made, nobody needs to make any.
    create = [arguments for arguments in commands() if "Create" in arguments]
    check_equal(len(create), 1, "commands that allow topics to be made")
    fleet.acl(create[0], "--remove")
    for process in fleet.processes():
        process.stop()
    fleet.start()
    works(fleet, "second")
    check_equal(denied(fleet), [], "refused although the page allows it")
    for process in fleet.processes():
        process.stop()
    doctor_tells(fleet)
    return fleet


def lacks(fleet, user, roles):
    """What the doctor says that this user may not do, who is to play these roles."""
    process = getattr(fleet, user)
    ports = {"FRESHET_INGEST_PORT": str(process.ingest_port), "FRESHET_ADMIN_PORT": str(process.admin_port)}
    _, out, err = freshet("doctor", "--json", "--config", fleet.config_path, "--data-dir", process.directory / "data", "--roles", roles,
                          env={**ports, "FRESHET_KAFKA_USER": user})
    check(out.startswith("{"), f"the doctor says nothing: {err}")
    found = [one for one in json.loads(out)["findings"] if one["check"] == "kafka"]
    check(any("brokers of cluster" in one["found"] for one in found), lambda: f"the doctor did not get to the brokers: {found}")
    return [one["found"] for one in found if "this user may not" in one["found"] or "do not say" in one["found"]]


def doctor_tells(fleet):
    """Each user may do what its role needs; another role's needs are told one by one."""
    for role in ROLES:
        check_equal(lacks(fleet, role, role), [], f"what {role} lacks, as the doctor has it")
    check_equal(lacks(fleet, "reaction", "action"), [
        "topic freshet.actions: this user may not Read, Delete, which action needs",
        "topic freshet.events: this user may not Write, which action needs", "topic freshet.deadletters: this user may not Read, which action needs",
        "group freshet.action: this user may not Read, which action needs", "transactional ids freshet.action.…: this user may not Write, which action needs"],
        "what reaction lacks as action")


def run_acl(broker, version, arguments):
    broker.acls("--add", *arguments)


def test_with_sinks(box):
    fleet = Guarded(box, sinks=True)
    for arguments in commands() + blocks()["sinks"] + blocks()["states"]:
        fleet.acl(arguments)
    fleet.start()
    works(fleet, "first")
    wait_until(lambda: list(fleet.lake.rglob("*.ndjson*")), patient(60), "events in files")
    wait_until(lambda: fleet.reaction.metric_sum('freshet_sink_records_total.*states') > 100 and fleet.reaction.metric_sum("freshet_sink_lag_records") == 0, patient(60), "states in the topic")
    check_equal(denied(fleet), [], "refused although the page allows it")
    check("pw-reaction" not in fleet.reaction.log_path.read_text(), "the password is in the log")
    for process in fleet.processes():
        process.stop()


def test_mirror(box):
    """A mirror with what the page allows it copies topics, follows their settings, is verified and moves a group."""
    source = start_authorized(box, ["mirror"], name="source")
    target = start_authorized(box, ["mirror"], name="target")
    for name, broker in (("source", source), ("target", target)):
        for arguments in blocks()[name]:
            run_acl(broker, kafka.VERSION, arguments)
    make_topic(source, "orders.new", 2, retention_ms=7200000)
    make_topic(source, "secrets", 1)
    produce(source, "orders.new", [f"k{i % 10}:{i}" for i in range(300)])
    kcat("-C", "-b", source.brokers, "-G", "billing", "-c", 300, "-q", "-o", "beginning", "-X", "auto.offset.reset=earliest", "orders.new")
    login = "properties: {security.protocol: SASL_PLAINTEXT, sasl.mechanism: PLAIN, sasl.username: mirror, sasl.password: pw-mirror}"
    mirror = Mirror(box, source, target, [{"match": "orders.*", "to": "front.orders.*", "partitions": 3}], more='groups: ["billing"]\n')
    text = mirror.file.read_text(encoding="utf-8")
    for broker in (source, target):
        text = text.replace(f'brokers: "{broker.brokers}"', f'brokers: "{broker.secure}", {login}')
    mirror.file.write_text(text, encoding="utf-8")
    mirror.start()
    mirror.verified()
    check_equal(len(read(target, "front.orders.new")), 300, "records in the target")
    status, moved = mirror.command("offsets", "--apply")
    check_equal(status, 0, f"offsets --apply ({moved})")
    check("AUTHORIZATION" not in mirror.log.read_text(), lambda: f"refused although the page allows it: {mirror.log.read_text()[-2000:]}")
    mirror.stop()


def test_least(box):
    least(box, kafka.VERSION)


def test_least_of_today(box):
    least(box, kafka.TODAY)


# Who goes without what: all that a role needs before the first record comes.
TAKEN = [
    ("action", ["--topic", "freshet.actions", "--operation", "Read"]),
    ("action", ["--group", "freshet.action", "--resource-pattern-type", "prefixed", "--operation", "Read"]),
    ("action", ["--transactional-id", "freshet.action.", "--resource-pattern-type", "prefixed", "--operation", "Write"]),
    ("reaction", ["--topic", "freshet.changes", "--operation", "Read"]),
    ("reaction", ["--group", "freshet.reaction", "--operation", "Read"]),
    ("ingest", ["--group", "freshet.overflow", "--operation", "Read"]),
    ("ingest", ["--topic", "freshet.", "--resource-pattern-type", "prefixed", "--operation", "DescribeConfigs"]),
    ("console", ["--topic", "freshet.schema", "--operation", "Read"]),
]


def test_one_taken_out(box):
    """Without one of them the process says so, by the broker's error."""
    fleet = Guarded(box)
    for arguments in commands():
        fleet.acl(arguments)
    fleet.start()
    works(fleet, "all")
    for process in fleet.processes():
        process.stop()
    silent = []
    for role, acl in TAKEN:
        process = getattr(fleet, role)
        arguments = ["--allow-principal", f"User:{role}", *acl]
        fleet.acl(arguments, "--remove")
        before = len(process.log_path.read_text(errors="replace"))
        fleet.launch(process)

        def said(process=process, before=before):
            return "AUTHORIZATION_FAILED" in process.log_path.read_text(errors="replace")[before:]
        try:
            wait_until(said, patient(40), f"{role} without {acl} says so: {process.log_tail()}")
            line = next(line for line in process.log_path.read_text(errors="replace")[before:].splitlines() if "AUTHORIZATION_FAILED" in line)
            note(f"{role} without {' '.join(acl)}: {shorten(line, 300)}")
        except Exception as failure:  # noqa: BLE001 - all of them are told, not only the first
            silent.append(str(failure))
        process.kill()
        process.process = None  # it may have ended with an error, as it should
        fleet.acl(arguments)
    check(not silent, lambda: "\n".join(silent))
