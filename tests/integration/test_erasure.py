"""After an erasure nobody finds a copy: in files, in dead letters, in what other listeners show; and it is shown how far it is."""
import os
import secrets
from pathlib import Path

from harness import Http, SERVER_KEY, TENANT, bearer, check, check_equal, freshet, profile, send_batch, send_records, shorten, wait_until
from patience import patient
from test_import import import_file

WINDOW = 8  # bytes of a value that nothing else has


def marks(*names):
    return {name: f"{name}-{secrets.token_hex(16)}" for name in names}


def found_in(data, values):
    """The names of the values that are in the bytes, or so much of one that it is no chance. LZ4 writes what it sees for the first time
    in a block as it is, but for the few bytes that happen to be there already: so a value in a compressed block is found, too."""
    def is_in(value):
        random = value.rpartition("-")[2].encode()
        return any(random[at:at + WINDOW] in data for at in range(0, len(random) - WINDOW + 1, WINDOW // 2))

    return [name for name, value in values.items() if is_in(value)]


def files(directory):
    """Every file with its bytes, but for what is removed meanwhile, a folder or a file."""
    for folder, _, names in os.walk(directory):
        for path in (Path(folder) / name for name in names):
            try:
                yield path, path.read_bytes()
            except OSError:
                continue


def copies(directory, values):
    """Which of the values are in which files."""
    found = set()
    for path, data in files(directory):
        if path.name in ("server.log", "freshet.yaml", "audit.jsonl"):
            continue
        found.update((name, str(path.relative_to(directory))) for name in found_in(data, values))
    return sorted(found)


def import_person(server, directory, person, name):
    """Two rows of the person, one of which is bad, in a file whose name the import keeps."""
    path = directory / f"{name}.csv"
    path.write_text(f"user_id,event,timestamp\n{person['user']},Bought,2024-01-01 00:00:00.000000\n{person['user']},,2024-01-01 00:00:00.000000\n",
                    encoding="utf-8")
    import_file(path, server)
    path.unlink()


def unsearched(found, places):
    """Those of the places that the search has not found anybody in; of imports the file's name is all that is kept."""
    return {place for place in places if not any(place in path and (name == "file") == ("imports" in place) for name, path in found)}


def erasure(server, identifier):
    answer = server.admin().request("GET", f"/v1/tenants/{TENANT}/erasures/{identifier}")
    return answer.json() if answer.status == 200 else {"state": None}


def letters_shown(admin):
    """All that the admin listener shows of dead letters, their bodies too, which lists have not."""
    path = f"/v1/tenants/{TENANT}/deadletters"
    ids = [letter["id"] for letter in admin.request("GET", path).json()["deadletters"]]
    return "".join(admin.request("GET", f"{path}/{one}").body.decode(errors="replace") for one in ids)


def test_no_copy_remains(box):
    directory = box.directory / "server-0"
    server = box.server(partitions=2, extra="    enrich: [email, city]\n",
                        top=f'checkpoints: {{to: "file://{directory}/checkpoints", interval: 1s, min_pause: 0s, keep: 2}}\n'
                            'profiles: {kind: embedded}\nevents: {keep: 1h}\n')
    file = marks("file")
    person = marks("user", "mail", "anonymous", "city", "set", "property", "device", "model", "letter")
    send_records(server.ingest(), [
        {"user": {"user_id": person["user"], "email": person["mail"] + "@x.yz", "anonymous_id": person["anonymous"]},
         "device": {"device_id": person["device"]}, "set": {"city": person["city"]}, "add_to_set": {"tags": [person["set"]]}},
        {"user": {"user_id": person["user"]}, "event": "Bought", "properties": {"card": person["property"]}},
        {"device": {"device_id": person["device"]}, "set": {"model": person["model"]}}])
    send_batch(server.ingest(), [{"type": "track", "userId": person["user"], "properties": {"x": person["letter"]}}])  # without an event
    send_records(server.ingest(), [{"user": {"user_id": f"other-{i}"}, "event": "Bought"} for i in range(20)])
    import_person(server, box.directory, person, file["file"])
    server.wait_drained()
    # To find nothing somewhere says something only where the search has found the person before.
    places = {"data/log/", "data/state/", "data/profiles/", "data/letters/", "data/imports/", "checkpoints/"}
    wait_until(lambda: not unsearched(copies(directory, person | file), places), patient(60),
               lambda: f"the person in every place; not in {unsearched(copies(directory, person | file), places)}", every_s=1)
    for stream, value in (("events", person["property"]), ("changes", person["user"])):
        shown = server.get(f"/v1/tenants/{TENANT}/{stream}?after=begin").body.decode()
        check(value in shown, f"the person is not in topic {stream}: {shorten(shown)}")

    answer = server.admin().request("DELETE", f"/v1/tenants/{TENANT}/users/user_id/{person['user']}")
    check_equal(answer.status, 202, "DELETE of a user")
    order = answer.json()["message_id"]
    wait_until(lambda: erasure(server, order)["state"] == "written", patient(15), "the erasure written")
    # What is still to be done outlives a restart.
    server.stop()
    server.start()
    number = [0]

    def verified():
        number[0] += 1
        send_records(server.ingest(), [{"user": {"user_id": f"later-{number[0]}"}, "event": "Bought"}])
        return erasure(server, order)["state"] == "verified"

    wait_until(verified, patient(90), "the erasure verified")
    check("verified" in freshet("erase", "--url", server.admin_url, "--tenant", TENANT, "--user", f"user_id={person['user']}", "--status")[1],
          "freshet erase --status does not say so")
    # A new manifest, which no longer names the keys of files that are gone; and newer checkpoints.
    server.stop()
    server.start()

    def gone():
        number[0] += 1
        send_records(server.ingest(), [{"user": {"user_id": f"later-{number[0]}"}, "event": "Bought"}])
        return not copies(directory, person)

    wait_until(gone, patient(30), lambda: f"no copy in files: {copies(directory, person)}")
    check_equal(profile(server.admin(), "device_id", person["device"], kind="devices"), None, "the device that nobody else used")

    # Later ones are refused: a record is counted, a dead letter is dropped, and both say so.
    send_records(server.ingest(), [{"user": {"user_id": person["user"]}, "event": "Bought"}])
    send_batch(server.ingest(), [{"type": "track", "userId": person["user"], "properties": {"x": person["letter"]}}])
    server.wait_drained()
    check_equal(profile(server.admin(), "user_id", person["user"]), None, "the profile after a late record")
    late = lambda: {name: erasure(server, order)[name] for name in ("late_letters", "late_records")}
    wait_until(lambda: late() == {"late_letters": 1, "late_records": 1}, patient(20), lambda: f"the late letter and record counted: {late()}")
    counts = server.admin().request("GET", f"/v1/tenants/{TENANT}/deadletters/counts").json()["counts"]
    check(sum(row["count"] for row in counts if row["code"] == "erased") == 2, f"what came late is not in the counts: {counts}")
    shown = letters_shown(server.admin())
    check(not any(value in shown for value in person.values()), "a dead letter of the person is shown")


def test_by_record(box):
    """An erase that came as a record is kept account of like one of the admin listener."""
    server = box.server()
    send_records(server.ingest(), [{"user": {"user_id": "u1"}, "event": "E"}])
    answer = server.ingest().request("POST", "/v1/records", b'{"message_id":"order-1","erase":{"user_id":"u1"}}\n', bearer(SERVER_KEY))
    check_equal(answer.status, 200, "an erase")
    wait_until(lambda: erasure(server, "order-1")["state"] == "written", patient(15), "the erasure written")
    metrics = Http(server.admin_port).request("GET", "/metrics").body.decode()
    check("freshet_erasures_pending 1" in metrics, "the erasure is not in freshet_erasures_pending")


def test_letters_of_tenants_are_apart(box):
    server = box.server(extra="  - {name: beta, write_keys: [beta-key]}\n", top="deadletters: {count: 100, bytes: 1MiB}\n")
    send = lambda key, count: server.ingest().request(
        "POST", "/v1/records", b'{"user":{"user_id":"u"},"sett":{}}\n' * count, bearer(key))
    check_equal(send("beta-key", 50).status, 200, "bad records of beta")
    for _ in range(4):
        check_equal(send("integration-key", 500).status, 200, "bad records of the other tenant")
    listed = lambda tenant: server.admin().request("GET", f"/v1/tenants/{tenant}/deadletters?limit=1000").json()["deadletters"]
    wait_until(lambda: len(listed("beta")) == 50, patient(10), "beta's letters are there")
    check(1 <= len(listed(TENANT)) <= 100, "the quota is not kept")
    counts = lambda tenant: sum(row["count"] for row in server.admin().request("GET", f"/v1/tenants/{tenant}/deadletters/counts").json()["counts"])
    wait_until(lambda: counts(TENANT) == 2000, patient(10), "all are counted")
    check_equal(counts("beta"), 50, "beta's are counted apart")
