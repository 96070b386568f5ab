"""After an erasure nobody finds a copy with roles apart either: not in a topic's files on the broker, not in a document of
the store, not in an object of a bucket, not on a worker's disk."""
import re
import subprocess
import time
import urllib.parse

import apart
import s3
from harness import TENANT, check, check_equal, freshet, note, profile, send_batch, send_records, wait_until
from patience import patient
from test_erasure import copies, erasure, files, found_in, import_person, letters_shown, marks, unsearched

TOPICS = ("actions", "overflow", "events", "changes", "deadletters")
# What an operator sets in hours and days. The broker looks every second, and deletes at once.
BROKER = "log.retention.check.interval.ms=1000\n"
SHORT = "segment.ms=2000,file.delete.delay.ms=100"
RETENTION_MS = 5000


def objects(bucket):
    """Of every object its key and its bytes."""
    curl = ["curl", "--silent", "--fail", "--noproxy", "*", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "a:b"]
    at = f"http://127.0.0.1:{bucket.port}/{bucket.name}"
    listing, token = "", ""
    while True:
        query = "?list-type=2" + (f"&continuation-token={urllib.parse.quote(token)}" if token else "")
        page = subprocess.run([*curl, at + query], capture_output=True, check=True).stdout.decode()
        listing += page
        more = re.search(r"<NextContinuationToken>([^<]*)<", page)
        if not more:
            break
        token = more.group(1)
    for key in re.findall(r"<Key>([^<]*)</Key>", listing):
        done = subprocess.run([*curl, f"{at}/{urllib.parse.quote(key)}"], capture_output=True, check=False)
        if done.returncode == 0:  # else it was removed meanwhile
            yield key, done.stdout


def everywhere(fleet, bucket, values):
    """Which of the values are where: "NAME in PLACE"."""
    found = [f"{name} in {process.directory.name}/{file}" for process in fleet.processes() for name, file in copies(process.directory, values)]
    for path, data in files(fleet.broker.directory):
        if path.suffix == ".properties":
            continue
        found += [f"{name} in {path.relative_to(fleet.broker.directory)}" for name in found_in(data, values)]
    for key, data in objects(bucket):
        found += [f"{name} in bucket/{key}" for name in found_in(data, values)]
    client = fleet.mongo.client()
    for database in client.list_database_names():
        for collection in client[database].list_collection_names():
            text = "".join(map(repr, client[database][collection].find()))
            found += [f"{name} in {database}.{collection}" for name, value in values.items() if value in text]
    return found


def shorten_topics(broker, kept_shortly):
    for topic in TOPICS:
        more = f",retention.ms={RETENTION_MS}" if topic in kept_shortly else ""
        broker.run("kafka.admin.ConfigCommand", "--alter", "--entity-type", "topics", "--entity-name", broker.prefix + topic,
                   "--add-config", SHORT + more)


def send_person(http, person):
    send_records(http, [
        {"user": {"user_id": person["user"], "email": person["mail"] + "@x.yz", "anonymous_id": person["anonymous"]},
         "device": {"device_id": person["device"]}, "set": {"city": person["city"]}, "add_to_set": {"tags": [person["set"]]}},
        {"user": {"user_id": person["user"]}, "event": "Bought", "properties": {"card": person["property"]}},
        {"device": {"device_id": person["device"]}, "set": {"model": person["model"]}}])
    send_batch(http, [{"type": "track", "userId": person["user"], "properties": {"x": person["letter"]}}])  # without an event
    send_records(http, [{"user": {"user_id": f"other-{i}"}, "event": "Bought"} for i in range(20)])


def test_no_copy_remains(box):
    properties = box.directory / "broker.properties"
    properties.write_text(BROKER, encoding="utf-8")
    bucket = s3.share()
    fleet = apart.Apart(box, partitions=2, actions=1, own=True, broker_env={"FRESHET_KAFKA_PROPERTIES": str(properties)},
                        checkpoints=f'{{to: "s3://{bucket.name}/erasure", endpoint: "http://127.0.0.1:{bucket.port}", interval: 1s, min_pause: 0s, keep: 2}}',
                        extra="    enrich: [email, city]\n").start()
    person = marks("user", "mail", "anonymous", "city", "set", "property", "device", "model", "letter")
    # Short segments from the begin: what is written to one is deleted only with all of it.
    shorten_topics(fleet.broker, [])
    send_person(fleet.ingest.ingest(), person)
    file = marks("file")
    import_person(fleet.ingest, box.directory, person, file["file"])
    fleet.wait_drained()
    # To find nothing somewhere says something only where the search has found the person before. (Nothing is sent over
    # its rate here, so `overflow` has nobody.)
    places = {f"{fleet.broker.prefix}{topic}-" for topic in ("actions", "events", "changes", "deadletters", "imports")}
    places |= {"data/state/", "bucket/", ".users", ".devices"}
    missing = lambda: unsearched([found.split(" in ", 1) for found in everywhere(fleet, bucket, person | file)], places)
    wait_until(lambda: not missing(), patient(60), lambda: f"the person in every place; not in {missing()}", every_s=1)
    # Letters are in the console's memory until something there has to be durable, as the order to erase somebody.
    wait_until(lambda: person["letter"] in letters_shown(fleet.admin()), patient(30), "the person's dead letter is kept")
    shorten_topics(fleet.broker, ("events", "changes", "deadletters"))
    admin = fleet.admin()
    answer = admin.request("DELETE", f"/v1/tenants/{TENANT}/users/user_id/{person['user']}")
    check_equal(answer.status, 202, "DELETE of a user")
    order = answer.json()["message_id"]
    wait_until(lambda: erasure(fleet, order)["state"] == "written", patient(30), "the erasure written")
    # Nobody sends anything any more: the rest comes about by itself.
    began = time.monotonic()
    wait_until(lambda: erasure(fleet, order)["state"] == "verified", patient(400),
               lambda: f"the erasure verified: {erasure(fleet, order)}", every_s=1)
    note(f"verified {time.monotonic() - began:.0f} s after it was written")
    check_equal(everywhere(fleet, bucket, person), [], "copies after it was verified")
    status, out, err = freshet("erase", "--url", fleet.console.admin_url, "--tenant", TENANT, "--user", f"user_id={person['user']}", "--status")
    check_equal(status, 0, f"exit status of freshet erase --status ({err})")
    check("verified" in out, f"freshet erase --status does not say so: {out}")
    check(fleet.actions[0].metric_sum("^freshet_state_scrubs_total") >= 2, "the states' files were not rewritten")
    check_equal(profile(admin, "user_id", person["user"]), None, "the profile")
