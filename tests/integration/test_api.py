"""docs/api: what a validator says of the descriptions, and whether a server answers as they say. That they name every address of
the code and no other is for src/app/api_test.cc."""
import base64
import json
import os
import re
import subprocess
import sys

import packages
from harness import KEY, ROOT, SERVER_KEY, TENANT, Http, check, check_equal, note, send_records, shorten
from patience import patient

FILES = ("ingest.yaml", "admin.yaml")
SECRET = "integration-secret"
SEED = int(os.environ.get("FRESHET_SEED", "1"))
EXAMPLES = 5  # of each operation, beside those that are at its limits
# Not that bad data is refused: a batch with a bad message is taken, less that message.
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
          "response_headers_conformance", "unsupported_method", "allow_header_conformance")
SETTINGS = f"""
hooks = "ndjson.py"
[auth.openapi.writeKeyBasic]
username = "{KEY}"
password = ""
[auth.openapi.writeKeyBearer]
bearer = "{KEY}"
[auth.openapi.serverKeyBasic]
username = "{SERVER_KEY}"
password = ""
[auth.openapi.serverKeyBearer]
bearer = "{SERVER_KEY}"
[auth.openapi.dataApiBasic]
username = "{TENANT}"
password = "{SECRET}"
[parameters]
"path.app_id" = "{TENANT}"
"path.tenant" = "{TENANT}"
"path.key" = "{KEY}"
"path.write_key" = "{KEY}"
"""
# The fuzzer does not know this type by itself.
HOOKS = """
import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(context, value):
    return str(value).encode("utf-8", "surrogatepass")
"""


class Description:
    def __init__(self, name):
        import yaml  # pylint: disable=import-outside-toplevel
        self.name = name
        self.document = yaml.safe_load((ROOT / "docs" / "api" / name).read_text(encoding="utf-8"))

    def follow(self, part):
        """What a {"$ref": "#/…"} stands for."""
        while "$ref" in part:
            target = self.document
            for name in part["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            part = target
        return part

    def operations(self):
        """(method, path, operation)"""
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                if method != "parameters":
                    yield method.upper(), path, operation

    def bodies(self, operation):
        """(content type, its description) of requests."""
        return self.follow(operation.get("requestBody", {})).get("content", {}).items()

    def examples(self, media):
        return [self.follow(example)["value"] for example in media.get("examples", {}).values()]

    def unused_parts(self):
        text = json.dumps(self.document)
        for kind, parts in self.document["components"].items():
            yield from (f"{kind}/{part}" for part in parts if kind != "securitySchemes" and f'"#/components/{kind}/{part}"' not in text)

    def validator(self, schema):
        """Of a schema that may refer to others of the document."""
        import jsonschema  # pylint: disable=import-outside-toplevel
        whole = {"components": self.document["components"], "allOf": [schema]}
        return jsonschema.Draft202012Validator(whole)


def load_descriptions():
    sys.path.insert(0, str(packages.openapi_tools()))
    return [Description(name) for name in FILES]


def test_descriptions_are_valid(box):
    descriptions = load_descriptions()
    import openapi_spec_validator  # pylint: disable=import-outside-toplevel
    for described in descriptions:
        openapi_spec_validator.validate(described.document, cls=openapi_spec_validator.OpenAPIV31SpecValidator)
        check_equal(list(described.unused_parts()), [], f"{described.name}: parts that nothing refers to")
        for method, path, operation in described.operations():
            medias = [media for _, media in described.bodies(operation)]
            for answer in operation["responses"].values():
                medias += described.follow(answer).get("content", {}).values()
            for media in medias:
                for example in described.examples(media):
                    for error in described.validator(media["schema"]).iter_errors(example):
                        check(False, f"{described.name}: an example of {method} {path}: {shorten(error.message)}")
    server = box.server()
    for described in descriptions:
        path = f"/v1/openapi/{described.name}"
        answer = server.get(path)
        check_equal((answer.status, answer.headers.get("content-type")), (200, "application/yaml"), f"GET {path}")
        check_equal(answer.body, (ROOT / "docs" / "api" / described.name).read_bytes(), f"GET {path}")


def server_with_a_profile(box, **options):
    server = box.server(**options)
    send_records(server.ingest(), [{"user": {"user_id": "u1"}, "device": {"device_id": "d1"}, "set": {"city": "Pune"}, "event": "Order Completed"}])
    server.wait_drained()
    return server


def test_examples_are_accepted(box):
    server = server_with_a_profile(box, top="profiles: {kind: embedded}\nevents: {keep: 7d}\n")  # of which all addresses can be asked
    count = 0
    for described, port in zip(load_descriptions(), (server.ingest_port, server.admin_port)):
        for method, path, operation in described.operations():
            schemes = [name for alternative in operation.get("security", []) for name in alternative]
            authorization = f"Basic {base64.b64encode(f'{TENANT}:{SECRET}'.encode()).decode()}" if "dataApiBasic" in schemes else f"Bearer {SERVER_KEY if 'serverKeyBearer' in schemes else KEY}"
            query = "?verdicts=1" if {"$ref": "#/components/parameters/Verdicts"} in operation.get("parameters", []) else ""
            for content_type, media in described.bodies(operation) if method == "POST" else ():
                for example in described.examples(media):
                    target = path.replace("{app_id}", TENANT).replace("{tenant}", TENANT).replace("{write_key}", KEY)
                    if path == "/v1/imports" and content_type == "application/yaml":
                        query = "?content_hash=" + 32 * "ab"
                    body = example if isinstance(example, str) else json.dumps(example)
                    answer = Http(port).request(method, target + query, body.encode(), {"Authorization": authorization, "Content-Type": content_type})
                    check(answer.status in (200, 201, 202), lambda a=answer, p=path: f"the example of POST {p}: {a.status} {shorten(a.body.decode())}")
                    rejected = answer.json().get("rejected", [])
                    check(not rejected, lambda r=rejected, p=path: f"the example of POST {p} is rejected: {r}")
                    count += 1
    check(count >= 25, f"only {count} examples were sent")


def test_a_server_answers_as_described(box):
    server = server_with_a_profile(box)
    for name, url in zip(FILES, (server.url, server.admin_url)):
        fuzz(box, server, name, url)
    server.wait_drained()


def fuzz(box, server, name, url):
    config = box.directory / "schemathesis.toml"
    config.write_text(SETTINGS, encoding="utf-8")
    (box.directory / "ndjson.py").write_text(HOOKS, encoding="utf-8")
    command = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "--config-file", config, "run",
               ROOT / "docs" / "api" / name, "--url", url, "--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing",
               "--seed", SEED, "--max-examples", EXAMPLES, "--request-timeout", patient(10)]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=patient(600), cwd=box.directory, check=False,
                          env={**os.environ, "PYTHONPATH": str(packages.openapi_tools()), "NO_COLOR": "1"})
    check(server.running(), lambda: f"the server ended by itself: {server.log_tail()}")
    report = box.directory / f"{name}.txt"
    report.write_text(done.stdout + done.stderr, encoding="utf-8")
    generated = re.search(r"(\d+) generated", done.stdout)
    note(f"{name}: {generated.group(1) if generated else '?'} requests, seed {SEED}")
    check(done.returncode == 0, f"the server answers otherwise than {name} says: {report}")
