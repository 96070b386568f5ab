"""freshet fleet diff, apply and import against real brokers."""
import json
import os
import subprocess

import kafka
from harness import BUILD, FRESHET, check, check_equal, free_ports, freshet, shorten, wait_until
from patience import patient

HEAD = """fleet: f
regions: [{{name: r, zones: [a, b, c]}}]
defaults: {{topic: {{replication: 1, message_bytes_max: 1048588}}}}
clusters: [{{name: one, brokers: 1, connect: {{bootstrap: "{bootstrap}", cluster_id: {id}}}}}]
topics:
"""
CLUSTER_ID = "RnJlc2hldEthZmthRGV2MQ"  # of tools/kafka


def fleet(*arguments, env=None):
    return freshet("fleet", *arguments, timeout_s=patient(120), env=env)


def write(box, broker, topics, cluster_id=CLUSTER_ID):
    file = box.directory / "fleet.yaml"
    file.write_text(HEAD.format(bootstrap=broker.brokers, id=cluster_id) + "".join(f"- {{{topic}}}\n" for topic in topics), encoding="utf-8")
    return file


def diff(file, *more):
    """The exit status, and the differences of the one cluster."""
    status, out, err = fleet("diff", file, "--json", *more)
    check(status in (0, 1), f"fleet diff: {status} ({shorten(err)})")
    cluster = json.loads(out)["clusters"][0]
    check("error" not in cluster, f"fleet diff: {cluster}")
    return status, [(d["kind"], d["topic"], d["setting"], d["living"], d["wanted"]) for d in cluster["differences"]
                    if d["kind"] != "rendered_setting"]  # what render would write beside the file, as a note


def run_apply(file, *more, wanted=0):
    status, out, err = fleet("apply", file, "--json", *more)
    check_equal(status, wanted, f"fleet apply {more} ({shorten(out + err)})")
    return json.loads(out)["clusters"][0]


def admin_suite(box, version):
    broker = kafka.start(box, {"FRESHET_KAFKA_VERSION": version})
    done = subprocess.run([str(BUILD / "cluster_test"), "--gtest_brief=1"], capture_output=True, text=True, timeout=patient(300),
                          env={**os.environ, "FRESHET_KAFKA_BROKERS": broker.brokers}, stdin=subprocess.DEVNULL, check=False)
    check_equal(done.returncode, 0, f"cluster_test ({shorten(done.stdout, 2000)})")
    check("SKIPPED" not in done.stdout, "tests of Admin were skipped")


def test_admin_suite(box):
    admin_suite(box, kafka.VERSION)


def test_admin_suite_of_today(box):
    admin_suite(box, kafka.TODAY)


def test_apply(box):
    broker = kafka.start(box)
    file = write(box, broker, ["name: a, partitions: 3, retention: 7d", "name: b, settings: {segment.bytes: 20000000}"])
    check_equal(diff(file), (1, [("missing", "a", "", "", "3 partitions"), ("missing", "b", "", "", "6 partitions")]), "nothing lives")
    dry = run_apply(file, "--dry-run")
    check_equal([(s["kind"], s["topic"], s["done"]) for s in dry["steps"]], [("create_topic", "a", False), ("create_topic", "b", False)], "dry run")
    check_equal(diff(file)[0], 1, "a dry run changes nothing")
    run_apply(file, "--yes")
    check_equal(diff(file), (0, []), "applied")
    again = run_apply(file, "--yes")
    check_equal((again["steps"], again["left"], again["errors"]), ([], [], []), "applied again")

    file = write(box, broker, ["name: a, partitions: 5, retention: 1d, cleanup: compact", "name: b, partitions: 2"])
    status, found = diff(file)
    check_equal(status, 1, found)
    check_equal(found, [("partitions", "a", "", "3", "5"), ("setting", "a", "cleanup.policy", "delete", "compact"),
                        ("setting", "a", "retention.ms", "604800000", "86400000"), ("partitions", "b", "", "6", "2"),
                        ("extra_setting", "b", "segment.bytes", "20000000", "")], "differences")
    done = run_apply(file, "--yes")
    check("Kafka can't take partitions away" in done["left"][0], f"fewer partitions: {done}")
    check_equal(diff(file), (1, [("partitions", "b", "", "6", "2"), ("extra_setting", "b", "segment.bytes", "20000000", "")]), "what is left")
    file = write(box, broker, ["name: a, partitions: 5, retention: 1d, cleanup: compact"])
    check_equal(diff(file), (0, [("extra_topic", "b", "", "6 partitions", "")]), "what the file does not have")
    check_equal(diff(file, "--strict")[0], 1, "--strict")


def test_less_is_kept_in_steps(box):
    """By half in each run; that of time wants records of days ago, which live_test.cc has."""
    broker = kafka.start(box)
    run_apply(write(box, broker, ["name: a, partitions: 1, retention: 0"]), "--yes")
    bytes_bound = write(box, broker, ["name: a, partitions: 1, retention: 0, retention_bytes: 1MiB"])
    refused = run_apply(bytes_bound, "--yes")
    check("--at-once sets 1048576" in refused["left"][0], refused)
    done = run_apply(bytes_bound, "--yes", "--at-once")
    check_equal((done["left"], done["steps"][0]["settings"]), ([], {"retention.bytes": "1048576"}), "at once")
    less = write(box, broker, ["name: a, partitions: 1, retention: 0, retention_bytes: 100KiB"])
    sizes = []
    while not sizes or sizes[-1] > 100 * 1024:
        sizes.append(int(run_apply(less, "--yes")["steps"][0]["settings"]["retention.bytes"]))
    check_equal(sizes, [524288, 262144, 131072, 102400], "halves")
    check_equal(diff(less), (0, []), "in the end")


def test_killed_and_gone_on(box):
    """Killed with SIGKILL after some steps: the next run does the rest, and only that."""
    broker = kafka.start(box)
    names = [f"t{i:02}" for i in range(40)]
    file = write(box, broker, [f"name: {name}, partitions: 1" for name in names])
    process = subprocess.Popen([str(FRESHET), "fleet", "apply", str(file), "--yes"], stdout=subprocess.PIPE, text=True, bufsize=1)
    seen = 0
    for line in process.stdout:
        seen += "done: create topic" in line
        if seen == 7:
            process.kill()
            break
    process.stdout.close()
    process.wait()
    missing = [topic for kind, topic, *_ in diff(file)[1] if kind == "missing"]
    check(missing and len(missing) <= len(names) - 7, f"killed after 7 steps, {len(missing)} topics are missing")
    done = run_apply(file, "--yes")
    check_equal([step["topic"] for step in done["steps"]], missing, "the second run does what is left")
    check_equal(diff(file), (0, []), "in the end")


def test_another_cluster(box):
    broker = kafka.share()
    file = write(box, broker, ["name: never-made"], "AAAAAAAAAAAAAAAAAAAAAA")
    done = run_apply(file, "--yes", wanted=1)
    check(f"its id is {CLUSTER_ID}, the file has AAAAAAAAAAAAAAAAAAAAAA. Nothing was done" in done["errors"][0], done)
    check_equal(diff(file)[1][0][:1], ("cluster_id",), "diff tells it")
    check(("missing", "never-made") in [d[:2] for d in diff(file)[1]], "it was made")
    status, _, err = fleet("apply", file)
    check_equal(status, 2, "nobody is there to be asked")
    check("--yes" in err, err)
    closed = free_ports(1)[0]
    status, out, _ = fleet("diff", file, "--bootstrap", f"127.0.0.1:{closed}", "--json")
    check_equal(status, 1, "no broker answers")
    check("none of the brokers" in json.loads(out)["clusters"][0]["error"], out)


def test_import(box):
    """What is imported is read, and what it says lives."""
    broker = kafka.start(box)
    run_apply(write(box, broker, ["name: orders, partitions: 3, retention: 90m, retention_bytes: 1GiB", "name: clicks, cleanup: compact_delete",
                              "name: Odd.Name_1, retention: 0, settings: {compression.type: zstd, segment.ms: 600000}"]), "--yes")
    done = subprocess.run(["kcat", "-P", "-b", broker.brokers, "-t", "orders"], input=b"{}\n{}\n", capture_output=True, timeout=patient(60), check=False)
    check_equal(done.returncode, 0, shorten(done.stderr.decode()))
    check_equal(len(broker.read_as_group("orders", 2)), 2, "records that the group has read")
    file = box.directory / "imported.yaml"
    status, out, err = fleet("import", "--bootstrap", f"Main_1={broker.brokers}", "--name", "shop", "-o", file)
    check_equal(status, 0, shorten(out + err))
    text = file.read_text(encoding="utf-8")
    check("name: main-1" in text and "fleet: shop" in text, text)
    check("name: reader-" in text and "group: reader-" in text, f"the group that has read is not there: {text}")
    status, _, err = fleet("lint", file)
    check(status in (0, 1), f"lint does not read what was imported: {err}")
    check_equal(diff(file, "--strict"), (0, []), "what was imported is what lives")
    check_equal(fleet("import", "--bootstrap", broker.brokers, "-o", file)[0], 2, "a file that is there is not written over")


SECURED = """listeners=PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{secure},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{secure}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT
inter.broker.listener.name=PLAINTEXT
listener.name.sasl_plaintext.sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required {users};
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""


def start_authorized(box, users, version=kafka.VERSION, name="kafka"):
    """A broker that lets these users in by password, `pw-NAME`, at .secure, and lets them do what their ACLs allow."""
    settings = box.directory / f"{name}.properties"
    broker = kafka.Kafka(box.directory / name, {"FRESHET_KAFKA_PROPERTIES": str(settings), "FRESHET_KAFKA_VERSION": version})
    secure = free_ports(1)[0]
    passwords = " ".join(f'user_{user}="pw-{user}"' for user in users)
    settings.write_text(SECURED.format(plain=broker.port, secure=secure, controller=broker.port + 1, users=passwords), encoding="utf-8")
    broker.secure = f"127.0.0.1:{secure}"
    box.at_end(broker.kill)
    return broker.start()


def test_who_may_only_look(box):
    broker = start_authorized(box, ["viewer"])
    file = write(box, broker, ["name: a, partitions: 2"])
    run_apply(file, "--yes")
    properties = box.directory / "viewer.properties"
    properties.write_text("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=viewer\nsasl.password=pw-viewer\n")
    reach = ["--bootstrap", broker.secure, "--properties", properties]
    acl = ["--add", "--allow-principal", "User:viewer", "--operation", "Describe", "--operation", "DescribeConfigs"]
    broker.acls(*acl, "--topic", "*")
    broker.acls(*acl[:3], "--operation", "Describe", "--cluster")
    wait_until(lambda: diff(file, *reach) == (0, []), patient(30), "who may look sees that nothing differs")
    file = write(box, broker, ["name: a, partitions: 4, retention: 2h", "name: b"])
    done = run_apply(file, "--yes", *reach, wanted=1)
    check_equal(len(done["errors"]), 3, done)
    check(all("AUTHORIZATION_FAILED" in error and "docs/operations/acls.md" in error for error in done["errors"]), done)
    check(not any(step["done"] for step in done["steps"]), done)
    check(("missing", "b") in [d[:2] for d in diff(file)[1]], "it was made")
    properties.write_text("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=viewer\nsasl.password=hunter2\n")
    status, out, err = fleet("diff", file, *reach)
    check_equal(status, 1, out)
    check("refuse us" in err and "hunter2" not in out + err, err)


def test_who_may_not_give(box):
    """Who may make topics, but not say who may do what, is told before a topic is made."""
    broker = start_authorized(box, ["maker"])
    file = write(box, broker, ["name: a, partitions: 2"])
    text = file.read_text(encoding="utf-8").replace("connect:", "security: {authentication: scram_sha_256, super_users: [root]}, connect:", 1)
    file.write_text(text + 'users: [{name: tools, acls: [{topic: "or*", operations: [describe]}], quota: {produce: 5MB}}]\n', encoding="utf-8")
    properties = box.directory / "maker.properties"
    properties.write_text("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=maker\nsasl.password=pw-maker\n")
    allow = ["--add", "--allow-principal", "User:maker", "--operation", "Describe", "--operation", "DescribeConfigs"]
    broker.acls(*allow, "--operation", "Create", "--topic", "*")
    broker.acls(*allow, "--cluster")
    done = run_apply(file, "--yes", "--bootstrap", broker.secure, "--properties", properties, wanted=1)
    check_equal([error.split(":")[0] for error in done["errors"]], ["ACLs of user tools", "quota of user tools"], done)
    check(all("AUTHORIZATION_FAILED" in error for error in done["errors"]), done)
    check(not any(step["done"] for step in done["steps"]), done)
    broker.acls("--add", "--allow-principal", "User:maker", "--operation", "Alter", "--operation", "AlterConfigs", "--cluster")
    wait_until(lambda: fleet("apply", file, "--dry-run", "--bootstrap", broker.secure, "--properties", properties)[0] == 0, patient(30), "who may give is asked nothing more")
    run_apply(file, "--yes", "--bootstrap", broker.secure, "--properties", properties)


def test_broker_settings(box):
    """What the file says of brokers is compared; apply changes what can be changed while they run, and says what can't."""
    broker = kafka.start(box)
    file = write(box, broker, ["name: a, partitions: 1"])
    run_apply(file, "--yes")
    text = file.read_text(encoding="utf-8")

    def with_settings(settings):
        file.write_text(text.replace("connect:", f"settings: {settings}, connect:", 1), encoding="utf-8")
    with_settings("{log.cleaner.threads: 2, log.retention.ms: 3600000, num.partitions: 7, background.threads: 64}")
    status, found = diff(file)
    check_equal((status, sorted(found)), (1, [("broker_setting", "", "background.threads", "10", "64"),
                                              ("broker_setting", "", "log.cleaner.threads", "1", "2"),
                                              ("broker_setting", "", "log.retention.ms", "", "3600000"),
                                              ("broker_setting", "", "num.partitions", "1", "7")]), "settings of brokers")
    done = run_apply(file, "--yes")
    check_equal([(s["broker"], s["settings"], s["done"]) for s in done["steps"]],
                [(None, {"background.threads": "20"}, True), (None, {"log.cleaner.threads": "2"}, True)], "what was changed")
    check(any("num.partitions needs a restart" in left for left in done["left"]) and any("may delete" in left for left in done["left"]) and
          any("not yet to 64" in left for left in done["left"]), done["left"])
    status, found = diff(file)
    check_equal(sorted(d[2:4] for d in found), [("background.threads", "20"), ("log.retention.ms", ""), ("num.partitions", "1")], "afterwards")
    with_settings("{log.segment.bytes: many}")
    refused = run_apply(file, "--yes", wanted=1)
    check(refused["errors"] and not any(s["done"] for s in refused["steps"]), refused)
    # The file no longer says it: what was set while the broker ran is told, and stays.
    file.write_text(text, encoding="utf-8")
    check_equal(diff(file), (0, [("extra_broker_setting", "", "background.threads", "20", ""), ("extra_broker_setting", "", "log.cleaner.threads", "2", "")]),
                "what nobody says any more")
