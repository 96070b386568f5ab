"""No tenant reaches another's data, and whoever has no right key gets nothing and costs little: asked at every address
that docs/api/ describes, so an address that is added is asked, too."""
import base64
import hashlib
import json
import time

from harness import KEY, SERVER_KEY, TENANT, Http, bearer, check, check_equal, lines, note, shorten, wait_until
from test_api import SECRET, load_descriptions

OTHER = "other"
OTHER_KEY, OTHER_SERVER_KEY, OTHER_SECRET = "other-key", "other-server-key", "other-secret"
MARK = "mark-of-the-other-tenant"
EXTRA = f"""  - name: {OTHER}
    write_keys: [{OTHER_KEY}]
    server_keys: [{OTHER_SERVER_KEY}]
    data_api: {{app_id: {OTHER}, secret: {OTHER_SECRET}}}
"""
STRANGER_S = 2.0  # a bound far away: the answer comes within milliseconds
STRANGER_KIB = 64  # of memory, of each request
MAPPING = "kind: users\ncolumns:\n  id: {identifier: user_id}\n  n: {attribute: n, type: number}\n"


def basic_auth(user, password=""):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


WRONG = {"none": None, "empty": "", "wrong": "Bearer wrong", "wrong basic": basic_auth("wrong", "wrong"), "app id alone": basic_auth(TENANT),
         "the other's secret": basic_auth(TENANT, OTHER_SECRET), "a tenant's name": f"Bearer {TENANT}"}
OWN = {"write key": f"Bearer {KEY}", "server key": f"Bearer {SERVER_KEY}", "secret": basic_auth(TENANT, SECRET)}


def memory_kib(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def other_tenant(server):
    """Its profile, dead letter and import; the ids of the last two."""
    records = [{"user": {"user_id": MARK}, "set": {"note": MARK}, "event": "E", "message_id": "o1"}, {"user": {"user_id": MARK}, "oops": MARK}]
    check_equal(server.ingest().request("POST", "/v1/records", lines(records), bearer(OTHER_KEY)).status, 200, "records of the other tenant")
    content = f"id,n\n{MARK},x\n"
    digest = hashlib.sha256(content.encode()).hexdigest()
    headers = {"Authorization": f"Bearer {OTHER_SERVER_KEY}", "Content-Type": "application/yaml"}
    started = server.ingest().request("POST", f"/v1/imports?content_hash={digest}&name={MARK}", MAPPING.encode(), headers)
    check_equal(started.status, 201, "an import of the other tenant")
    server.wait_drained()
    path = f"/v1/tenants/{OTHER}/deadletters"
    wait_until(lambda: server.get(path).json()["deadletters"], 20, "the other tenant's dead letter")
    return server.get(path).json()["deadletters"][0]["id"], started.json()["id"]


def profile_of_other(server):
    return server.get(f"/v1/tenants/{OTHER}/users/user_id/{MARK}").json()


def bodies_of(described, operation):
    """(content type, body) of each example; one without a body if there is none."""
    found = []
    for content_type, media in described.bodies(operation):
        for example in described.examples(media):
            found.append((content_type, (example if isinstance(example, str) else json.dumps(example)).encode()))
    return found or [(None, b"")]


def targets_of(path, tenant, letter, upload):
    """The address with what is the other tenant's in it."""
    for name, value in (("{app_id}", OTHER), ("{tenant}", tenant), ("{key}", "wrong-key"), ("{type}", "user_id"), ("{value}", MARK),
                        ("{id}", upload if "imports" in path else letter), ("{name}", "E"), ("{attribute}", "a")):
        path = path.replace(name, value)
    return path


def is_open(operation):
    """Whether anybody may ask."""
    return {} in operation.get("security", [{}])


def test_strangers_get_nothing(box):
    server = box.server(extra=EXTRA, partitions=2)
    letter, upload = other_tenant(server)
    described = load_descriptions()[0]
    before = profile_of_other(server)
    memory, count, slowest = memory_kib(server), 0, 0.0
    for method, path, operation in described.operations():
        if is_open(operation) and "writeKeyBasic" not in json.dumps(operation["security"]):
            continue  # a question that anybody may ask
        for name, authorization in WRONG.items():
            for content_type, body in bodies_of(described, operation):
                if b'"writeKey"' in body:
                    continue  # it brings a key of its own
                headers = {"Content-Type": content_type} if content_type else {}
                headers |= {"Authorization": authorization} if authorization is not None else {}
                began = time.monotonic()
                answer = server.ingest().request(method, targets_of(path, TENANT, letter, upload), body, headers)
                slowest = max(slowest, time.monotonic() - began)
                check(answer.status in (401, 403), lambda a=answer, m=method, p=path, n=name: f"{m} {p} with {n}: {a.status} {shorten(a.body.decode())}")
                check(MARK.encode() not in answer.body, lambda m=method, p=path, n=name: f"{m} {p} with {n} shows what is the other tenant's")
                count += 1
    check(count > 150, f"only {count} requests were made")
    check(slowest < STRANGER_S, f"a refusal took {slowest:.2f} s")
    grown = memory_kib(server) - memory
    check(grown < count * STRANGER_KIB, f"{count} refusals took {grown} KiB of memory")
    server.wait_drained()
    check_equal(profile_of_other(server), before, "the other tenant's profile")
    note(f"{count} requests without a right key refused, the slowest in {slowest * 1000:.0f} ms; {grown} KiB of memory more")


def test_a_tenant_reaches_its_own_only(box):
    server = box.server(extra=EXTRA, partitions=2)
    letter, upload = other_tenant(server)
    ingest, admin = load_descriptions()
    before = profile_of_other(server)
    count = 0
    for method, path, operation in ingest.operations():
        for name, authorization in OWN.items():
            for content_type, body in bodies_of(ingest, operation):
                headers = {"Authorization": authorization} | ({"Content-Type": content_type} if content_type else {})
                answer = server.ingest().request(method, targets_of(path, OTHER, letter, upload), body, headers)
                check(answer.status < 500, lambda a=answer, m=method, p=path: f"{m} {p}: {a.status} {shorten(a.body.decode())}")
                check(MARK.encode() not in answer.body, lambda m=method, p=path, n=name: f"{m} {p} with the {n} of {TENANT} shows what is the other's")
                if "{app_id}" in path or "{id}" in path:
                    check(answer.status in (401, 403, 404), lambda a=answer, m=method, p=path, n=name: f"{m} {p} of the other with a {n}: {a.status}")
                count += 1
    # Whoever has an admin token may see every tenant, but one at a time.
    for method, path, operation in admin.operations():
        if "{tenant}" not in path or "{value}" in path:
            continue
        for content_type, body in bodies_of(admin, operation):
            headers = {"Content-Type": content_type} if content_type else {}
            answer = Http(server.admin_port).request(method, targets_of(path, TENANT, letter, upload), body, headers)
            check(MARK.encode() not in answer.body, lambda m=method, p=path: f"{m} {p}: {TENANT}'s part of the listener shows what is the other's")
            count += 1
    server.wait_drained()
    check_equal(profile_of_other(server), before, "the other tenant's profile")
    check(server.get(f"/v1/tenants/{OTHER}/deadletters").json()["deadletters"], "the other tenant's dead letter is gone")
    note(f"{count} requests with keys of one tenant reached nothing of the other")
