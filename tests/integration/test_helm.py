"""The Helm chart renders what Kubernetes accepts and Freshet can run on, with its defaults and with the values of its folder ci/;
values that make no sense are refused; deploy/kubernetes is what its defaults render."""
import os
import re
import subprocess
import sys

import packages
from harness import ROOT, check, check_equal, freshet, shorten, wait_until
from patience import patient

CHART = ROOT / "deploy" / "helm" / "freshet"
MANIFESTS = ROOT / "deploy" / "kubernetes" / "freshet.yaml"
KUBERNETES = "1.31.0"  # whose schemas kubernetes-validate compares with
RENDER = ["template", "freshet", "deploy/helm/freshet", "--kube-version", KUBERNETES]
VALUES = [None, *sorted((CHART / "ci").glob("*.yaml"))]
ROLES = {"ingest": "Deployment", "action": "StatefulSet", "reaction": "Deployment", "console": "Deployment"}
HOME = {"HELM_CACHE_HOME": str(ROOT / "build" / "cache" / "helm"), "HELM_CONFIG_HOME": str(ROOT / "build" / "cache" / "helm")}


def helm(*arguments):
    """(status, standard output, standard error)"""
    done = subprocess.run([str(packages.helm()), *map(str, arguments)], capture_output=True, text=True, timeout=patient(60), cwd=ROOT,
                          env={**os.environ, **HOME}, check=False)
    return done.returncode, done.stdout, done.stderr


def rendered(values, *more):
    status, out, err = helm(*RENDER, *(["--values", values] if values else []), *more)
    check_equal(status, 0, f"helm template with {values} ({shorten(err)})")
    return out


def objects(text):
    """{(kind, name): object} of a stream of YAML documents."""
    sys.path.insert(0, str(packages.jsonschema()))
    import yaml  # pylint: disable=import-outside-toplevel,import-error
    found = [document for document in yaml.safe_load_all(text) if document]
    named = {(document["kind"], document["metadata"]["name"]): document for document in found}
    check_equal(len(named), len(found), "objects of different names")
    return named


def test_values(box):
    """Kubernetes' schemas, and `freshet check` of the ConfigMap."""
    path = box.directory / "rendered.yaml"

    def validate(text):
        path.write_text(text, encoding="utf-8")
        done = subprocess.run([sys.executable, "-m", "kubernetes_validate", "--strict", "-k", KUBERNETES, path], capture_output=True, text=True,
                              timeout=patient(120), env={**os.environ, "PYTHONPATH": str(packages.kubernetes_validate())}, check=False)
        return done.returncode, done.stdout + done.stderr

    check(validate(rendered(None).replace("strategy:", "strategee:"))[0] != 0, "the validator finds nothing wrong with a broken object")
    status, out, err = helm("lint", "--strict", "--kube-version", KUBERNETES, CHART)
    check_equal(status, 0, f"helm lint ({shorten(out + err)})")
    for values in VALUES:
        text = rendered(values)
        status, said = validate(text)
        check_equal(status, 0, f"kubernetes-validate with {values} ({shorten(said, 1500)})")
        config = objects(text)["ConfigMap", "freshet-config"]["data"]["freshet.yaml"]
        (box.directory / "freshet.yaml").write_text(config, encoding="utf-8")
        names = set(re.findall(r"\$\{(\w+)\}", config))
        check("FRESHET_ADMIN_TOKEN" in names, f"variables {names}")
        examples = {"FRESHET_MONGODB_URI": "mongodb://x:1", "FRESHET_KAFKA_BROKERS": "x:9092", "FRESHET_CHECKPOINTS": "s3://bucket/freshet"}
        status, _, err = freshet("check", box.directory / "freshet.yaml", env={name: examples.get(name, name.lower()) for name in names})
        check_equal(status, 0, f"freshet check with {values} ({err}; {shorten(config, 1500)})")


def test_promises(box):
    """Whatever the values: no rights, probes on ports that are there, one of each role at a time, services that find pods."""
    for values in VALUES:
        found = objects(rendered(values))
        chosen = objects(values.read_text(encoding="utf-8") + "\nkind: v\nmetadata: {name: v}")["v", "v"] if values else {}
        for role, kind in ROLES.items():
            spec = found[kind, f"freshet-{role}"]["spec"]
            pod = spec["template"]["spec"]
            container, = pod["containers"]
            security = {**pod["securityContext"], **container["securityContext"]}
            wanted = {"runAsNonRoot": True, "runAsUser": 10001, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                      "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}
            check_equal({name: security.get(name) for name in wanted}, wanted, f"security of {role} with {values}")
            check_equal(pod["automountServiceAccountToken"], False, f"account token of {role}")
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            check_equal(ports, {"admin": 8081, **({"ingest": 8080} if role == "ingest" else {})}, f"ports of {role}")
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                check_equal(container[probe]["httpGet"]["port"], "admin", f"{probe} of {role}")
            check_equal(container["args"][container["args"].index("--roles") + 1], role, f"role of {role}")
            selector = spec["selector"]["matchLabels"]
            labels = spec["template"]["metadata"]["labels"]
            check(selector.items() <= labels.items() and selector["app.kubernetes.io/component"] == role, f"labels of {role}: {labels}")
            if role != "reaction":
                check_equal(found["Service", f"freshet-{role}"]["spec"]["selector"], selector, f"selector of the service {role}")
            scaled = chosen.get(role, {}).get("autoscaling", {}).get("enabled", False)
            check_equal((("HorizontalPodAutoscaler", f"freshet-{role}") in found, "replicas" in spec), (scaled, not scaled), f"autoscaling of {role}")
            budget = chosen.get("podDisruptionBudget", {}).get("enabled", True)
            check_equal(("PodDisruptionBudget", f"freshet-{role}") in found, budget, f"disruption budget of {role} with {values}")


def test_probes_follow_tls(box):
    """Where the admin listener has a certificate, probes speak TLS, too."""
    tls = box.directory / "tls.yaml"
    tls.write_text("extraConfig: {admin: {tls: {cert: /etc/tls/tls.crt, key: /etc/tls/tls.key}}}\n", encoding="utf-8")
    for values, scheme in ((None, None), (tls, "HTTPS")):
        for role, kind in ROLES.items():
            container, = objects(rendered(values))[kind, f"freshet-{role}"]["spec"]["template"]["spec"]["containers"]
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                check_equal(container[probe]["httpGet"].get("scheme"), scheme, f"scheme of the {probe} of {role} with {values}")


def test_lag_metric(box):
    """What the chart scales action by is what ingest measures."""
    scaler = objects(rendered(CHART / "ci" / "large-values.yaml"))["HorizontalPodAutoscaler", "freshet-action"]
    name = scaler["spec"]["metrics"][0]["external"]["metric"]["name"]
    server = box.server()
    wait_until(lambda: name in server.metrics(), patient(10), f"{name} among the metrics")


def test_changed_configuration_restarts(box):
    """A pod is replaced when the configuration is another one, and only then."""
    def checksum(*more):
        pod = objects(rendered(None, *more))["Deployment", "freshet-ingest"]["spec"]["template"]
        return pod["metadata"]["annotations"]["checksum/config"]
    check_equal(checksum("--set", "ingest.replicas=5"), checksum(), "checksum with another number of pods")
    check(checksum("--set", "revision=2") != checksum(), "another revision has the same checksum")


def test_refused(box):
    """The schema says what is wrong."""
    for what, says in {"ingest.replicas=two": "replicas", "ingest.replcas=2": "replcas", "kafka.brokers=": "brokers", "tenants=null": "tenants",
                       "checkpoints.to=null": "to", "existingSecret=": "existingSecret", "revision=0": "revision"}.items():
        status, _, err = helm(*RENDER, "--set", what)
        check(status != 0 and "schema" in err and says in err, f"--set {what}: exit status {status}, {shorten(err)}")


def test_manifests(box):
    """deploy/kubernetes for those without Helm: what the defaults render."""
    head, _, body = MANIFESTS.read_text(encoding="utf-8").partition("---\n")
    command = f"helm {' '.join(RENDER)}"
    check(command in head, f"its head does not say that `{command}` made it")
    check_equal(objects(body), objects(rendered(None)), f"objects of {MANIFESTS.name}; what `{command}` prints belongs there")
