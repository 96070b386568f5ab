"""Users, ACLs and quotas of fleet.yaml on real brokers with an authorizer: given by `fleet apply`, and by the commands that `fleet render`
writes; seen by `fleet diff`, and by clients that were not written here."""
import json
import os
import shlex
import subprocess

import kafka
import test_kafka_security
from harness import check, check_equal, freshet, shorten
from patience import patient

AUTHORIZER = "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\nsuper.users=User:ANONYMOUS\n"
CLUSTER_ID = "RnJlc2hldEthZmthRGV2MQ"  # of tools/kafka
FLEET = """fleet: f
regions: [{{name: r, zones: [a, b, c]}}]
clusters: [{{name: one, brokers: 1, security: {{transport: tls, authentication: {authentication}, super_users: [root]}},
             connect: {{bootstrap: "{bootstrap}", cluster_id: {id}}}}}]
topics: [{{name: orders, replication: 1, message_bytes_max: 1048588}}, {{name: bills, replication: 1, message_bytes_max: 1048588}}]
services:
  - {{name: billing, instances: 2, produces: [{{topics: [bills]}}], consumes: [{{topics: [orders]}}]}}
users:
  - {{name: billing, service: billing, password: "${{BILLING_PASSWORD}}", quota: {{produce: 5MB, request_percent: 150}}}}
  - {{name: tools, acls: [{{topic: "or*", operations: [describe]}}, {{operations: [describe, idempotent_write]}}]}}
"""
SECRET = "word-of-billing-17"


def fleet(*arguments, env=None):
    return freshet("fleet", *arguments, timeout_s=patient(120), env=env)


class Guarded:
    def __init__(self, box, version, authentication):
        self.box, self.version = box, version
        self.secured = test_kafka_security.Secured(box, version, AUTHORIZER)
        self.broker = self.secured.broker
        self.file = box.directory / "fleet.yaml"
        self.file.write_text(FLEET.format(bootstrap=self.broker.brokers, id=CLUSTER_ID, authentication=authentication), encoding="utf-8")

    def differences(self, *more):
        status, out, err = fleet("diff", self.file, "--json", *more)
        check(status in (0, 1), f"fleet diff: {status} ({shorten(err)})")
        cluster = json.loads(out)["clusters"][0]
        check("error" not in cluster, f"fleet diff: {cluster}")
        return status, [(d["kind"], d["user"], d["wanted"] or d["living"]) for d in cluster["differences"]]

    def kcat(self, mechanism, *arguments, text=""):
        """(whether it went well, what it said) of kcat as the user."""
        done = subprocess.run(["kcat", "-b", self.secured.secure, "-X", "security.protocol=SASL_SSL", "-X", f"sasl.mechanism={mechanism}",
                               "-X", "sasl.username=billing", "-X", f"sasl.password={SECRET}", "-X", f"ssl.ca.location={self.secured.cert}",
                               *arguments], input=text, capture_output=True, text=True, timeout=patient(60), check=False)
        return done.returncode == 0, done.stdout + done.stderr

    def check_clients(self, mechanism):
        good, said = self.kcat(mechanism, "-P", "-t", "bills", "-X", "message.timeout.ms=20000", text="one\n")
        check(good, f"billing may not write bills: {shorten(said)}")
        good, said = self.kcat(mechanism, "-P", "-t", "orders", "-X", "message.timeout.ms=5000", text="one\n")
        check(not good and "authoriz" in said.lower(), f"billing may write orders: {shorten(said)}")
        good, said = self.kcat(mechanism, "-C", "-t", "orders", "-e", "-q", "-o", "beginning")
        check(good, f"billing may not read orders: {shorten(said)}")


def test_apply(box):
    # Of the version before: a Kafka 4 refuses the SCRAM of kcat's librdkafka, as Debian 12 has it.
    cluster = Guarded(box, kafka.VERSION, "scram_sha_512")
    status, found = cluster.differences()
    check_equal(status, 1, "nothing is there")
    check(("user", "billing", "user billing: SCRAM-SHA-512 credential from BILLING_PASSWORD") in found, f"{found}")
    # The password is not in the environment: nothing is done at all.
    status, out, err = fleet("apply", cluster.file, "--yes")
    check(status == 1 and "the environment variable BILLING_PASSWORD is not set" in out + err, f"{status} {shorten(out + err)}")
    check_equal(len(cluster.differences()[1]), len(found), "differences")
    status, out, err = fleet("apply", cluster.file, "--yes", "--json", env={"BILLING_PASSWORD": SECRET})
    check_equal(status, 0, f"apply ({shorten(out + err)})")
    check(SECRET not in out + err, "the password is told")
    kinds = [(step["kind"], step.get("user")) for step in json.loads(out)["clusters"][0]["steps"] if "user" in step]
    check_equal(kinds, [("password", "billing"), ("acls", "billing"), ("quota", "billing"), ("acls", "tools")], "steps")
    check_equal(cluster.differences(), (0, []), "the same")
    status, out, _ = fleet("apply", cluster.file, "--yes")
    check(status == 0 and "nothing to do" in out, f"twice: {status} {shorten(out)}")
    cluster.check_clients("SCRAM-SHA-512")
    # What somebody else allowed is told, and stays.
    cluster.broker.acls("--add", "--allow-principal", "User:billing", "--operation", "Delete", "--topic", "orders")
    check_equal(cluster.differences(), (0, [("extra_acl", "billing", "topic orders: delete")]), "an ACL by hand")
    check_equal(cluster.differences("--strict")[0], 1, "an ACL by hand, strict")


def test_commands(box):
    """What `fleet render` writes for machines, run as it stands with Kafka's own tools."""
    cluster = Guarded(box, kafka.TODAY, "scram_sha_256")
    status, _, err = fleet("apply", cluster.file, "--yes", env={"BILLING_PASSWORD": SECRET})
    check_equal(status, 0, f"topics ({shorten(err)})")
    cluster.file.write_text(cluster.file.read_text(encoding="utf-8").replace("name: tools", "name: others").replace("name: billing, service", "name: clerk, service"),
                            encoding="utf-8")
    check_equal(cluster.differences()[0], 1, "new users lack everything")
    status, _, err = fleet("render", cluster.file, "--to", box.directory / "out", "--only", "ansible")
    check_equal(status, 0, f"render ({shorten(err)})")
    script = box.directory / "out" / "ansible" / "one" / "users.sh"
    tools = box.directory / "tools"
    tools.mkdir()
    for name, java in (("kafka-configs.sh", "kafka.admin.ConfigCommand"), ("kafka-acls.sh", kafka.ACL_COMMANDS[cluster.version[0]])):
        path = tools / name
        path.write_text("#!/bin/sh\nexec " + shlex.join(cluster.broker.command(java)[:-2]) + ' "$@"\n', encoding="utf-8")
        path.chmod(0o755)
    env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "KAFKA_BOOTSTRAP": cluster.broker.brokers}
    done = subprocess.run(["bash", str(script)], env=env, capture_output=True, text=True, timeout=patient(300), check=False)
    check(done.returncode != 0 and "BILLING_PASSWORD" in done.stderr, f"without the password: {done.returncode} {shorten(done.stderr)}")
    done = subprocess.run(["bash", str(script)], env={**env, "BILLING_PASSWORD": "of-the-clerk"}, capture_output=True, text=True,
                          timeout=patient(300), check=False)
    check_equal(done.returncode, 0, f"users.sh ({shorten(done.stdout + done.stderr, 1500)})")
    check_equal(cluster.differences(), (0, []), "the same")
