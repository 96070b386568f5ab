"""The same records, in any order and over any number of partitions, end in the same profiles (invariant 6)."""
import random

import workload
from harness import check_equal, note, profile, send_records

# What may differ: ids come from the identifier that came first, versions and merges from the order, since from the
# server. Sessions may where they are many.
DIFFERS = ("id", "version", "merged_from", "computed_since", "sessions")
ORDERS = 3


def profiles_of(server, people):
    admin = server.admin()
    found = {}
    for person in people:
        document = profile(admin, "user_id", person["user_id"])
        for name in DIFFERS:
            document.pop(name, None)
        document["identifiers"] = {kind: sorted(values) for kind, values in document["identifiers"].items()}
        found[person["user_id"]] = document
    return found


def test_confluence(box):
    people, records = workload.make(random.Random(4), people=80, records=2500)
    expected = None
    for partitions in (1, 5, 16):
        for order in range(ORDERS):
            shuffled = records[:]
            random.Random(order).shuffle(shuffled)
            server = box.server(partitions=partitions, extra=workload.COMPUTED_YAML)
            http = server.ingest()
            for at in range(0, len(shuffled), 50):
                send_records(http, shuffled[at:at + 50])
            server.wait_drained()
            found = profiles_of(server, people)
            expected = expected or found
            for user_id, document in found.items():
                check_equal(document, expected[user_id], f"profile of {user_id!r}, {partitions} partitions, order {order}")
            server.stop()
    note(f"{len(records)} records, {len(people)} people, {ORDERS} orders on 1, 5 and 16 partitions")
