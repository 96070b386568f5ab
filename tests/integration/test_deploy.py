"""What deploy/ has is accepted by those who read it: systemd, Kubernetes' schemas, and Freshet itself."""
import os
import re
import shutil
import subprocess
import sys

import packages
from harness import FRESHET, ROOT, Failure, check, check_equal, freshet, shorten
from patience import patient

DEPLOY = ROOT / "deploy"
EXAMPLES = {"FRESHET_ADMIN_PORT": "8081", "FRESHET_MONGODB_URI": "mongodb://x:1", "FRESHET_KAFKA_BROKERS": "x:9092", "FRESHET_CHECKPOINTS": "s3://bucket/freshet"}


def test_configuration(box):
    """The one configuration of all processes; every variable that it names is set by the unit or the manifests, or is a secret."""
    text = (DEPLOY / "freshet.yaml").read_text(encoding="utf-8")
    names = set(re.findall(r"\$\{(\w+)\}", text))
    status, _, err = freshet("check", DEPLOY / "freshet.yaml", env={name: EXAMPLES.get(name, "x") for name in names})
    check_equal(status, 0, f"freshet check deploy/freshet.yaml ({err})")
    check("FRESHET_ADMIN_PORT" in names and "FRESHET_ADMIN_TOKEN" in names, f"variables {names}")


def test_canary(box):
    """Whatever is deployed is watched at any hour: each configuration that is handed out sends the canary's records."""
    for path in ("freshet.yaml", "debian/freshet.yaml", "kubernetes/freshet.yaml", "helm/freshet/values.yaml"):
        check(re.search(r"^ *canary: 1s\b", (DEPLOY / path).read_text(encoding="utf-8"), re.MULTILINE), f"deploy/{path} sends no records of the canary")


def test_systemd(box):
    if shutil.which("systemd-analyze") is None:
        raise Failure("systemd-analyze is missing: apt-get install systemd")
    units = []
    for path in sorted((DEPLOY / "systemd").iterdir()):
        # It looks whether the program is there.
        text = path.read_text(encoding="utf-8").replace("/usr/bin/freshet", str(FRESHET))
        copy = box.directory / path.name.replace("@", "@action")
        copy.write_text(text, encoding="utf-8")
        units.append(copy)
    check(len(units) >= 3, "there are no units")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, timeout=patient(60), check=False)
    said = [line for line in done.stderr.splitlines() if any(unit.name in line for unit in units)]  # not of this machine's own
    check_equal((done.returncode, said), (0, []), "systemd-analyze verify")
    broken = box.directory / "freshet@broken.service"
    broken.write_text(units[-1].read_text().replace("Restart=always", "Restart=sometimes"), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", broken], capture_output=True, text=True, timeout=patient(60), check=False)
    check("restart specifier" in done.stderr or "Restart=sometimes" in done.stderr, "systemd-analyze finds nothing wrong with a broken unit: this test shows nothing")


def test_units_agree(box):
    """All roles in one process and one role of several get the same rights, limits and restarts."""
    def service(name):
        section = (DEPLOY / "systemd" / name).read_text(encoding="utf-8").partition("[Service]\n")[2].partition("[Install]")[0]
        settings = dict(line.split("=", 1) for line in section.splitlines() if line and not line.startswith("#"))
        return {key: value for key, value in settings.items() if key not in ("ExecStart", "EnvironmentFile")}
    check("NoNewPrivileges" in service("freshet.service"), "freshet.service has no NoNewPrivileges")
    check_equal(service("freshet.service"), service("freshet@.service"), "settings of the two units")


def test_kubernetes(box):
    validator = packages.kubernetes_validate()
    environment = {**os.environ, "PYTHONPATH": str(validator)}
    command = [sys.executable, "-m", "kubernetes_validate", "--strict"]

    def validate(path):
        done = subprocess.run([*command, str(path)], capture_output=True, text=True, timeout=patient(120), env=environment, check=False)
        return done.returncode, done.stdout + done.stderr

    status, said = validate(DEPLOY / "kubernetes" / "freshet.yaml")
    check_equal(status, 0, f"kubernetes-validate ({shorten(said, 1500)})")
    broken = box.directory / "broken.yaml"
    broken.write_text((DEPLOY / "kubernetes" / "freshet.yaml").read_text().replace("replicas:", "replicass:"), encoding="utf-8")
    check(validate(broken)[0] != 0, "the validator finds nothing wrong with a broken manifest: this test shows nothing")
