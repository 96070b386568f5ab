"""No tenant reaches another's data, and whoever has no right key gets nothing and costs little: asked at every address
that docs/api/ describes, so an address that is added is asked, too."""
import base64
import hashlib
import json
import re
import time
from pathlib import Path

from harness import KEY, ROOT, SERVER_KEY, TENANT, Http, bearer, check, check_equal, lines, note, shorten, wait_until
from patience import patient
from test_api import SECRET, load_descriptions

OTHER = "other"
OTHER_KEY, OTHER_SERVER_KEY, OTHER_SECRET = "other-key", "other-server-key", "other-secret"
PERSON, MARK = "person-of-the-other", "mark-of-the-other-tenant"  # who it is, and what only the other tenant has of that person
EXTRA = f"""  - name: {OTHER}
    write_keys: [{OTHER_KEY}]
    server_keys: [{OTHER_SERVER_KEY}]
    data_api: {{app_id: {OTHER}, secret: {OTHER_SECRET}}}
"""
STRANGER_S = 2.0  # a bound far away: the answer comes within milliseconds
# What the page says that a refusal costs, once more for the connection and the header before it, and then as much again
# for a build and a machine that are not those of the page.
STRANGERS_PAGE = ROOT / "docs" / "operations" / "strangers.md"
COST_FACTOR = 20
MAPPING = "kind: users\ncolumns:\n  id: {identifier: user_id}\n  n: {attribute: n, type: number}\n"


def basic_auth(user, password=""):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


WRONG = {"none": None, "empty": "", "wrong": "Bearer wrong", "wrong basic": basic_auth("wrong", "wrong"), "app id alone": basic_auth(TENANT),
         "the other's secret": basic_auth(TENANT, OTHER_SECRET), "a tenant's name": f"Bearer {TENANT}"}
OWN = {"write key": f"Bearer {KEY}", "server key": f"Bearer {SERVER_KEY}", "secret": basic_auth(TENANT, SECRET)}


def memory_kib(server, what="VmRSS"):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(what))


def forget_peak(server):
    """VmHWM begins again at what there is now."""
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5", encoding="ascii")


def cpu_us(server):
    """Of all threads that are there."""
    total = 0
    for task in Path(f"/proc/{server.process.pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text(encoding="ascii").split()[0]) // 1000
        except OSError:
            pass  # it has ended
    return total


def stated_cost():
    """KiB and microseconds of a refused announcement, as the page has them."""
    found = re.search(r"^\| announces a body \| (\d+) KiB, (\d+) µs, whatever it announces \|", STRANGERS_PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    check(found, f"{STRANGERS_PAGE.name} does not say what an announced body costs")
    return int(found.group(1)), int(found.group(2))


def other_tenant(server):
    """Its profile, dead letter and import; the ids of the last two."""
    records = [{"user": {"user_id": PERSON}, "set": {"note": MARK}, "event": "E", "message_id": "o1"}, {"user": {"user_id": PERSON}, "oops": MARK}]
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
    return server.get(f"/v1/tenants/{OTHER}/users/user_id/{PERSON}").json()


def bodies_of(described, operation):
    """(content type, body) of each example; one without a body if there is none."""
    found = []
    for content_type, media in described.bodies(operation):
        for example in described.examples(media):
            found.append((content_type, (example if isinstance(example, str) else json.dumps(example)).encode()))
    return found or [(None, b"")]


def targets_of(path, tenant, letter, upload):
    """The address with what is the other tenant's in it."""
    for name, value in (("{app_id}", OTHER), ("{tenant}", tenant), ("{key}", "wrong-key"), ("{type}", "user_id"), ("{value}", PERSON),
                        ("{id}", upload if "imports" in path else letter), ("{name}", "E"), ("{attribute}", "a")):
        path = path.replace(name, value)
    return path


def is_open(operation):
    """Whether anybody may ask."""
    return {} in operation.get("security", [{}])


def without_keys(body):
    """The body, with a wrong key in the place of one that it brings."""
    return re.sub(rb'"writeKey": ?"[^"]*"', b'"writeKey": "wrong"', body)


def of_the_other(body):
    """The body of a request to the admin listener, with the other tenant's person in the place of the example's."""
    return re.sub(rb'("(?:user_id|email|device_id)": ?)"[^"]*"', rb'\1"' + PERSON.encode() + b'"', body)


def refused_everywhere(server, described, letter, upload):
    """(how many requests, the slowest in seconds) of every wrong way to say who one is, at every address that asks."""
    count, slowest = 0, 0.0
    for method, path, operation in described.operations():
        if is_open(operation) and "writeKeyBasic" not in json.dumps(operation["security"]):
            continue  # a question that anybody may ask
        for name, authorization in WRONG.items():
            for content_type, body in bodies_of(described, operation):
                headers = {"Content-Type": content_type} if content_type else {}
                headers |= {"Authorization": authorization} if authorization is not None else {}
                began = time.monotonic()
                answer = server.ingest().request(method, targets_of(path, TENANT, letter, upload), without_keys(body), headers)
                slowest = max(slowest, time.monotonic() - began)
                check(answer.status in (401, 403), lambda a=answer, m=method, p=path, n=name: f"{m} {p} with {n}: {a.status} {shorten(a.body.decode())}")
                check(MARK.encode() not in answer.body, lambda m=method, p=path, n=name: f"{m} {p} with {n} shows what is the other tenant's")
                count += 1
    return count, slowest


def test_strangers_get_nothing(box):
    server = box.server(extra=EXTRA, partitions=2)
    letter, upload = other_tenant(server)
    described = load_descriptions()[0]
    before = profile_of_other(server)
    refused_everywhere(server, described, letter, upload)  # what is made once is there now
    began, idle = time.monotonic(), cpu_us(server)
    time.sleep(2)
    idle_us_per_s = (cpu_us(server) - idle) / (time.monotonic() - began)
    forget_peak(server)
    memory, cpu, began = memory_kib(server), cpu_us(server), time.monotonic()
    count, slowest = refused_everywhere(server, described, letter, upload)
    took_us = cpu_us(server) - cpu - idle_us_per_s * (time.monotonic() - began)
    grown_kib = memory_kib(server, "VmHWM") - memory
    check(count > 150, f"only {count} requests were made")
    check(slowest < patient(STRANGER_S), f"a refusal took {slowest:.2f} s")
    stated_kib, stated_us = stated_cost()
    check(grown_kib < count * stated_kib * 2, f"{count} refusals, one after the other, took {grown_kib} KiB at most, the page says {stated_kib} of each")
    check(took_us < count * stated_us * COST_FACTOR, f"{count} refusals took {took_us:.0f} us of CPU, the page says {stated_us} of each")
    server.wait_drained()
    check_equal(profile_of_other(server), before, "the other tenant's profile")
    note(f"{count} requests without a right key refused, the slowest in {slowest * 1000:.0f} ms; {grown_kib} KiB of memory at most, {took_us / count:.0f} us of CPU each")


ROLES = ("read", "operate", "erase")


def role_of(method, path):
    """What docs/operations/admin.md has each role do."""
    of_persons = "/users/" in path or "/devices/" in path
    if method == "GET" or path.endswith(("/lookup", "/lookup/identity", "/lookup/events", "/search")):
        return "read"
    return "erase" if of_persons else "operate"


def test_every_admin_address_asks_for_its_role(box):
    """Without a token, with a wrong one and with each lesser role, at every address that docs/api/admin.yaml describes."""
    tokens = ", ".join(f"{{name: {role}, token: token-{role}, role: {role}}}" for role in ROLES)
    server = box.server(admin=f", tokens: [{tokens}]", partitions=2)
    described, count = load_descriptions()[1], 0
    for method, path, operation in described.operations():
        if operation.get("security") == [{}]:
            continue  # a probe, or a file of the page
        needed = ROLES.index(role_of(method, path))
        target = targets_of(path, "nobody", "0" * 32, "0" * 32)
        for name, authorization in {**WRONG, "a tenant's key": f"Bearer {SERVER_KEY}"}.items():
            for content_type, body in bodies_of(described, operation):
                headers = ({"Content-Type": content_type} if content_type else {}) | ({"Authorization": authorization} if authorization is not None else {})
                answer = Http(server.admin_port).request(method, target, body, headers)
                check_equal(answer.status, 401, f"{method} {path} with {name}")
                count += 1
        for number, role in enumerate(ROLES):
            answer = Http(server.admin_port).request(method, target, b"{}", {"Authorization": f"Bearer token-{role}"})
            check(answer.status != 401, lambda m=method, p=path, r=role: f"{m} {p} does not know the token of {r}")
            check_equal(answer.status == 403, number < needed, f"{method} {path} is refused with the role {role}")
            count += 1
    check(count > 300, f"only {count} requests were made")
    note(f"{count} requests to the admin listener")


COMMANDS = [{"message_id": "c1", "merge": {"from": {"user_id": PERSON}, "into": {"user_id": "u1"}}}, {"message_id": "c2", "unsuppress": {"user_id": PERSON}},
            {"message_id": "c3", "unlink": {"from": {"user_id": PERSON}, "identifier": {"email": "a@b.c"}}}, {"message_id": "c4", "erase": {"user_id": PERSON}},
            {"message_id": "o1", "user": {"user_id": PERSON}, "set": {"note": "overwritten"}}]


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
    # What commands a person of the other's names commands one's own of that name.
    for name, authorization in OWN.items():
        server.ingest().request("POST", "/v1/records", lines(COMMANDS), {"Authorization": authorization})
    server.wait_drained()
    check_equal(profile_of_other(server), before, "the other tenant's profile, after commands")
    # Whoever has an admin token may see every tenant, but one at a time. Who is deleted has no addresses to look at.
    for method, path, operation in sorted(admin.operations(), key=lambda one: one[:2] == ("DELETE", "/v1/tenants/{tenant}")):
        if "{tenant}" not in path:
            continue
        for content_type, body in bodies_of(admin, operation):
            headers = {"Content-Type": content_type} if content_type else {}
            answer = Http(server.admin_port).request(method, targets_of(path, TENANT, letter, upload), of_the_other(body), headers)
            check(MARK.encode() not in answer.body, lambda m=method, p=path: f"{m} {p}: {TENANT}'s part of the listener shows what is the other's")
            count += 1
    server.wait_drained()
    check_equal(profile_of_other(server), before, "the other tenant's profile")
    check(server.get(f"/v1/tenants/{OTHER}/deadletters").json()["deadletters"], "the other tenant's dead letter is gone")
    note(f"{count} requests with keys of one tenant reached nothing of the other")
