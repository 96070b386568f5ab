"""The simplest program that knows what the profiles must be: all records at once, in one dictionary per person.

Written without looking at the server's code, from DESIGN's invariants 6 and 7. A person is a connected component of
identifiers named together. It speaks of workloads where order can't matter: one user_id a person, no identifier shared by
two persons, nothing refused, unlinked or erased, all within the deduplication window.

A record is a dict as POST /v1/records takes it, with a message_id and a timestamp (RFC 3339, UTC, milliseconds).
"""
from collections import defaultdict
from decimal import Decimal


class Components:
    """Union-find over hashable things."""

    def __init__(self):
        self.parent = {}

    def find(self, item):
        self.parent.setdefault(item, item)
        while self.parent[item] != item:
            self.parent[item] = self.parent[self.parent[item]]
            item = self.parent[item]
        return item

    def union(self, one, other):
        self.parent[self.find(one)] = self.find(other)


def expected_profiles(records, computed=()):
    """One dict per person: identifiers, attributes, events, computed, first_seen, last_seen.

    computed: (name, 'count', event, None) or (name, 'sum', event, property).
    """
    unique = {}
    for record in records:
        known = unique.setdefault(record["message_id"], record)
        assert known == record, f"message id {record['message_id']} stands for two records"
    components = Components()
    for record in unique.values():
        names = sorted(record["user"].items())
        for name in names:
            components.union(names[0], name)
    persons = defaultdict(list)
    for record in unique.values():
        persons[components.find(min(record["user"].items()))].append(record)
    return [one_profile(of_person, computed) for of_person in persons.values()]


def one_profile(records, computed):
    return {
        "identifiers": identifiers_of(records),
        "attributes": attributes_of(records),
        "events": events_of(records),
        "computed": computed_of(records, computed),
        "first_seen": min(record["timestamp"] for record in records),
        "last_seen": max(record["timestamp"] for record in records),
    }


def identifiers_of(records):
    found = defaultdict(set)
    for record in records:
        for name, value in record["user"].items():
            found[name].add(value)
    return {name: sorted(values) for name, values in found.items()}


def clock(record):
    """Last writer wins: the later event time, then the greater message id."""
    return record["timestamp"], record["message_id"]


def attributes_of(records):
    values = {}
    elements = defaultdict(dict)
    for record in sorted(records, key=clock):
        for name, value in record.get("set", {}).items():
            values[name] = value
        for name in record.get("unset", []):
            values.pop(name, None)
        for name, members in record.get("add_to_set", {}).items():
            for member in members:
                elements[name][member] = True
        for name, members in record.get("remove_from_set", {}).items():
            for member in members:
                elements[name][member] = False
    for name, members in elements.items():
        present = sorted(member for member, there in members.items() if there)
        if present:
            values[name] = present
    return values


def events_of(records):
    times = defaultdict(list)
    for record in records:
        if "event" in record:
            times[record["event"]].append(record["timestamp"])
    return {name: {"count": len(of), "first_at": min(of), "last_at": max(of)} for name, of in times.items()}


def computed_of(records, rules):
    values = {}
    for name, kind, event, prop in rules:
        matching = [record for record in records if record.get("event") == event]
        if kind == "count":
            values[name] = Decimal(len(matching))
        else:
            values[name] = sum((Decimal(str(record["properties"][prop])) for record in matching), Decimal(0))
    return values


def readable(document, rules=()):
    """The same shape from what GET /v1/tenants/{t}/users/… answers (numbers parsed as Decimal)."""
    sets = {name: sorted(value) if isinstance(value, list) else value for name, value in document.get("attributes", {}).items()}
    computed = document.get("computed", {})
    return {
        "identifiers": {name: sorted(values) for name, values in document["identifiers"].items()},
        "attributes": {name: value for name, value in sets.items() if value != []},
        "events": document.get("events", {}),
        # Not having seen an event and having seen it no times are the same to a reader.
        "computed": {name: Decimal(computed.get(name, 0)) for name, _, _, _ in rules},
        "first_seen": document["first_seen"],
        "last_seen": document["last_seen"],
    }
