"""freshet fleet lint as people run it, and its published schema against an independent validator."""
import json
import subprocess

from harness import BUILD, ROOT, check, check_equal
from patience import patient
from schemas import Schema

EXAMPLES = ROOT / "examples" / "fleet"
BASE = "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: c}]\n"
# What is wrong with each is a matter of its shape, so that the schema can see it too.
GOOD = [
    "", "topics: [{name: a.B_c, retention: 1.5h, message_bytes: 2KiB}]", "topics: [{name: t, retention: 0, message_bytes: 500}]",
    "services: [{name: s, instances: 2, produces: [{topics: [t], linger: 5 ms}]}]\ntopics: [{name: t}]",
    "defaults: {cluster: {kafka_version: 3.9}, topic: {partitions: 3}}",
    "alert_routes: [{severity: warn, slack: \"#x\"}]",
]
BAD = [
    "colour: red", "topics: [{name: t, partitons: 3}]", "topics: [{name: t, partitions: 0}]", "topics: [{name: t, partitions: some}]",
    "topics: [{partitions: 3}]", "topics: [{name: \"a b\"}]", "topics: [{name: ..}]", "topics: [{name: t, retention: 3 weeks}]", "topics: [{name: t, retention: 3}]",
    "topics: [{name: t, message_bytes: 2XB}]", "topics: [{name: t, compression: zst}]", "topics: {name: t}",
    "topics: [{name: t, peak_factor: 0.5}]", "services: [{name: s, produces: [{topics: []}]}]", "mirrors: [{from: c}]",
    "defaults: {topic: {name: t}}", "alert_routes: [{severity: panic, slack: x}]", "accepted: [{rule: no-owner}]",
]


def lint(*arguments):
    done = subprocess.run([str(BUILD / "freshet"), "fleet", "lint", *map(str, arguments)], capture_output=True, text=True, timeout=patient(60), check=False)
    return done.returncode, done.stdout, done.stderr


def test_examples(_):
    for name, status in (("small", 0), ("shop", 0), ("twenty", 0), ("monolith", 1)):
        code, out, _ = lint(EXAMPLES / f"{name}.yaml", "--json")
        check_equal(code, status, name)
        report = json.loads(out)
        check_equal(report["ok"], status == 0, name)
        for finding in report["findings"]:
            check(all(finding[key] for key in ("rule", "severity", "line", "column", "subject", "why", "evidence", "mend")), finding)


def test_bad_input(box):
    file = box.directory / "fleet.yaml"
    file.write_text(BASE + "topics: [{name: t, partitons: 3}, {name: t}]\n")
    code, _, err = lint(file)
    check_equal(code, 2, err)
    check("fleet.yaml:4:20: topics[0]: unknown key \"partitons\"; did you mean \"partitions\"?" in err, err)
    check("fleet.yaml:4:42: the topic \"t\" is there twice" in err, err)
    code, out, _ = lint(file, "--json")
    check_equal([code, json.loads(out)["ok"], len(json.loads(out)["problems"])], [2, False, 2], out)
    check_equal(lint(box.directory / "absent.yaml")[0], 2, "a file that is not there")


def test_options_that_may_be_repeated(box):
    """As the examples of their --help have them."""
    fleet = str(EXAMPLES / "shop.yaml")
    for arguments, status in ((("plan", fleet, "--rate", "*=2x", "--rate", "*=1.5x", "--lose", "broker=1", "--lose", "broker=2"), (0, 1, 2)),
                              (("import", "--bootstrap", "a=127.0.0.1:1", "--bootstrap", "b=127.0.0.1:2", "-o", str(box.directory / "f.yaml")), (1,))):
        done = subprocess.run([str(BUILD / "freshet"), "fleet", *arguments], capture_output=True, text=True, timeout=patient(120), check=False)
        check("required but received" not in done.stderr, f"{arguments[0]} takes an option once only: {done.stderr[:200]}")
        check(done.returncode in status, f"exit status {done.returncode} of {arguments[0]} ({done.stderr[:200]})")


def test_schema(box):
    schema = Schema("docs/fleet/fleet.schema.json")
    for path in EXAMPLES.glob("*.yaml"):
        schema.check_accepts(path)

    def accepts(file):
        code, _, err = lint(file)
        return code != 2, err
    for verdict, texts in ((True, GOOD), (False, BAD)):
        schema.check_agrees(box.directory / "fleet.yaml", [f"{BASE}{text}\n" for text in texts], verdict, accepts)
