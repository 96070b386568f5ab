"""freshet check as people run it, and the published schema of freshet.yaml against an independent validator."""
import json
import subprocess
from pathlib import Path

from harness import FRESHET, ROOT, check, check_equal, freshet
from patience import patient
from schemas import Schema

TENANTS = "tenants: [{name: acme, write_keys: [k]}]\n"
# What is wrong with each is a matter of its shape, so that the schema can see it too.
GOOD = [
    "revision: 7", "data_dir: 5", "roles: [ingest, action]", "ingest: {listen: \"[::1]:0\", tls: {cert: c, key: k}}",
    "admin: {listen: \"0.0.0.0:${PORT}\", token: \"${TOKEN}\"}", "admin: {listen: localhost:1}", "log: {kind: embedded, partitions: \"${COUNT}\"}",
    "log: {kind: kafka, kafka: {brokers: \"h:1\", topic_prefix: a.B_c-, properties: {linger.ms: 3}}}\ncheckpoints: {to: \"s3://bucket\"}",
    "state: {memory: 1.5GiB}", "state: {memory: 1073741824}", "profiles: {mongodb: {uri: \"mongodb+srv://u:p@h/?w=2\"}}",
    "profiles: {split: {mongodb: {uri: \"mongodb://h\"}, indexed: [city]}}", "checkpoints: {to: \"file:///x\", min_pause: 0, interval: 90s, bandwidth: 8MiB}",
    "events: {format: protobuf}", "tracing: {otlp: \"http://h:4318/\", sample: 1}", "tracing: {otlp: \"https://h\"}", "tracing: {otlp: \"${COLLECTOR}\", sample: \"${SHARE}\"}",
    "overflow: {count: 1000, bytes: 64MiB}",
]
BAD = [
    "colour: red", "revision: 0", "revision: some", "roles: []", "roles: [acton]", "roles: [action, action]", "ingest: [8080]", "ingest: {listen: 8080}",
    "ingest: {listen: \"a b:1\"}", "ingest: {tls: {cert: c}}", "log: {kind: kafak}", "log: {partitions: 5000}", "log: {partitions: 1.5}",
    "log: {kafka: {topic_prefix: a/b, brokers: h}, kind: kafka}", "state: {memory: 5 lots}", "state: {memory: 5}", "state: {standbys: 2}", "state: {standby_after: 5}",
    "profiles: {mongodb: {}}", "profiles: {mongodb: {uri: \"http://h\"}}", "profiles: {split: {indexed: [city]}}", "checkpoints: {keep: 3}",
    "checkpoints: {to: \"s3://bucket\", interval: soon}", "events: {format: xml}", "tracing: {sample: 0.5}", "tracing: {otlp: \"ftp://h:1\"}",
    "tracing: {otlp: \"http://h:1\", sample: 2}", "overflow: {count: 0}", "overflow: {bytes: 5}",
]
# The same of a tenant's keys.
GOOD_TENANT = [
    "data_api: {app_id: a, secret: \"s:/\"}", "limits: {depth: 32, identifiers_per_type: {email: 3, default: 9}}", "limits: {event_names: 1000000}",
    "identity: {priority: [user_id, email, crm.id], shared: [email], blocked_values: [test, 0, true], on_conflict: {crm.id: move}}",
    "schema: {conflicts: keep}", "schema: {mode: strict, conflicts: coerce}", "identity: {shared: [], blocked_values: []}", "devices: {priority: [device_id]}", "enrich: [email, city]", "schema: {mode: strict}",
    "computed: [{name: a, count: E, where: {p: 5, q: x, r: true, s: {ge: 1, lt: 2.5}, t: {exists: false}, u: {ne: x}}}]",
    "computed: [{name: a, sum: p, over: E}, {name: b, unique: p, over: E}]", "computed: []", "rate: {events_per_second: 5, burst: 9}",
    "rate: {events_per_second: 5}", "objective: {within: 500ms, share: 0.99, over: 7d}", "objective: {within: 5m}",
]
BAD_TENANT = [
    "objective: {share: 1}", "objective: {within: 1}", "objective: 1s",
    "rate: {burst: 9}", "rate: {}", "rate: {events_per_second: 0}", "rate: {events_per_second: 1.5}", "rate: 5", "data_api: {app_id: a}", "data_api: {app_id: \"a:b\", secret: s}", "limits: {depth: 33}",
    "limits: {identifiers_per_type: {email: 0}}", "limits: {identifiers_per_type: [email]}", "limits: {user_atributes: 3}", "identity: {priority: []}",
    "identity: {priority: [user_id, \"a b\"]}", "identity: {on_conflict: {email: go}}", "devices: {priority: []}", "enrich: email", "schema: {mode: stric}",
    "computed: {name: a}", "computed: [{count: E}]", "computed: [{name: a}]", "computed: [{name: a, sum: p, max: p, over: E}]",
    "computed: [{name: a, count: E, where: {p: {gtt: 5}}}]", "computed: [{name: a, count: E, where: {p: {gt: x}}}]", "computed: [{name: a, count: E, where: {p: {}}}]",
    "computed: [{name: a, count: E, where: {p: [5]}}]",
]
NO_TENANT = ["revision: 1\n", "tenants: []\n", "tenants: [{write_keys: [k]}]\n", "tenants: [{name: Acme Inc}]\n", "tenants: [{name: a, write_keys: [\"a b\"]}]\n", "[]\n"]
VARIABLES = {"PORT": "8081", "TOKEN": "secret", "COUNT": "8", "COLLECTOR": "http://h:4318", "SHARE": "0.5"}


def accepts(file):
    status, _, err = freshet("check", file, env=VARIABLES)
    check(status in (0, 2), f"freshet check: exit status {status}: {err}")
    return status == 0, err


def test_schema(box):
    schema = Schema("docs/freshet.schema.json")
    for path in (ROOT / "docs" / "examples" / "freshet.yaml", ROOT / "deploy" / "freshet.yaml"):
        schema.check_accepts(path)
    file = box.directory / "freshet.yaml"
    for verdict, texts, tenant_texts in ((True, GOOD, GOOD_TENANT), (False, BAD, BAD_TENANT)):
        schema.check_agrees(file, [f"{TENANTS}{text}\n" for text in texts], verdict, accepts)
        schema.check_agrees(file, [f"tenants: [{{name: acme, {text}}}]\n" for text in tenant_texts], verdict, accepts)
    schema.check_agrees(file, NO_TENANT, False, accepts)


def test_nothing_of_libraries(box):
    """MongoDB's library looks for its shared memory when it is loaded; what a killed process of the same number left there is no line of ours."""
    program = f"echo x > /dev/shm/mongoc-$$; exec {FRESHET} check --schema"
    with subprocess.Popen(["sh", "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as command:
        left = Path(f"/dev/shm/mongoc-{command.pid}")
        box.at_end(lambda: left.unlink(missing_ok=True))
        out, err = command.communicate(timeout=patient(60))
    check(left.exists(), "the library has taken its shared memory away: this test shows nothing")
    check_equal((command.returncode, err), (0, ""), "freshet check --schema, where shared memory was left")
    check(out.startswith("{"), "the schema")


def test_printed(_):
    """What is in docs/ is what the program prints."""
    status, out, err = freshet("check", "--schema")
    check_equal((status, err), (0, ""), "freshet check --schema")
    check_equal(out, (ROOT / "docs" / "freshet.schema.json").read_text(encoding="utf-8"), "docs/freshet.schema.json")
    document = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for table in ("the file", "tenants[]", "tenants[].computed[]"):
        status, out, err = freshet("check", "--keys", table)
        check_equal((status, err), (0, ""), f"freshet check --keys {table}")
        check(out.count("\n") > 5 and out in document, f"docs/configuration.md has not the keys of {table}")
    status, _, err = freshet("check")
    check(status == 2 and "FILE is missing" in err, f"without a file: {status}: {err}")

