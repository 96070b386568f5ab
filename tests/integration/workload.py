"""A seeded workload in which people come with several devices and addresses, first unknown, later known: profiles are
created, linked and merged all the time, and yet the order can't matter in the end (see oracle.py)."""
from datetime import datetime, timedelta, timezone

EVENTS = ("Page Viewed", "Product Added", "Order Completed", "Caf\u00e9 \u2603 Opened")
CITIES = ("Pune", "Lima", "Oslo", "Z\u00fcrich", "Quito")
TAGS = ("a", "b", "c", "d", "e")
COMPUTED = (("purchases", "count", "Order Completed", None), ("lifetime_value", "sum", "Order Completed", "total"))
COMPUTED_YAML = """    computed:
      - {name: purchases, count: "Order Completed"}
      - {name: lifetime_value, sum: total, over: "Order Completed"}
"""
SPAN_S = 6 * 3600  # well inside the deduplication window and every horizon


def make(rng, people=300, records=12_000, tag="p"):
    """(people, records in the order in which they are to be sent)."""
    start = datetime.now(timezone.utc) - timedelta(seconds=SPAN_S + 600)
    everybody = [person(rng, tag, number) for number in range(people)]
    made = []
    for one in everybody:
        made += [{"user": pair} for pair in links(rng, one)]
    made += [{"user": some_identifiers(rng, one)} for one in rng.choices(everybody, k=max(0, records - len(made)))]
    rng.shuffle(made)
    used = set()
    for number, record in enumerate(made):
        record["message_id"] = f"{tag}-{rng.getrandbits(40):010x}-{number}"
        record["timestamp"] = moment(rng, start, used)
        add_content(rng, record)
    return everybody, made


def person(rng, tag, number):
    odd = rng.choice(("", "", "", "/x", " y", "%41", "\u00e9"))  # must survive addresses and logs
    return {
        "user_id": f"{tag}{number}{odd}",
        "emails": [f"{tag}{number}.{i}@example.com" for i in range(rng.randint(0, 2))],
        "anonymous_ids": [f"anon-{tag}{number}-{i}" for i in range(rng.randint(1, 4))],
    }


def links(rng, one):
    """What makes a person one component. The user_id with every other identifier: an anonymous id between two
    identified roots moves instead of joining them."""
    pairs = [{"user_id": one["user_id"], "email": email} for email in one["emails"]]
    pairs += [{"user_id": one["user_id"], "anonymous_id": anonymous} for anonymous in one["anonymous_ids"]]
    rng.shuffle(pairs)
    return pairs


def some_identifiers(rng, one):
    anonymous = rng.choice(one["anonymous_ids"])
    kind = rng.random()
    if kind < 0.45:
        return {"anonymous_id": anonymous}
    if kind < 0.65:
        return {"user_id": one["user_id"]}
    if kind < 0.75 or not one["emails"]:
        return {"user_id": one["user_id"], "anonymous_id": anonymous}
    email = rng.choice(one["emails"])
    return {"email": email} if kind < 0.9 else {"email": email, "anonymous_id": anonymous}


def moment(rng, start, used):
    """A time that no other record has: of records of one instant the one that stands last in its request wins, and which
    records share a request is the sender's affair. (Ties are broken in the simulator and in unit tests.)"""
    while True:
        time = start + timedelta(seconds=rng.randrange(SPAN_S) if rng.random() < 0.8 else rng.randrange(20))
        text = time.strftime("%Y-%m-%dT%H:%M:%S") + ".%03dZ" % rng.randrange(1000)
        if text not in used:
            used.add(text)
            return text


def add_content(rng, record):
    kind = rng.random()
    if kind < 0.5:
        record["event"] = rng.choice(EVENTS)
        record["properties"] = {"total": round(rng.uniform(0, 500), 2), "n": rng.randrange(9)}
    elif kind < 0.75:
        record["set"] = {rng.choice(("city", "town")): rng.choice(CITIES), "score": rng.randrange(100)}
        if rng.random() < 0.3:
            record["set"]["vip"] = rng.random() < 0.5
    elif kind < 0.82:
        record["unset"] = [rng.choice(("city", "town", "score"))]
    elif kind < 0.92:
        record["add_to_set"] = {"tags": sorted(rng.sample(TAGS, rng.randint(1, 3)))}
    else:
        record["remove_from_set"] = {"tags": [rng.choice(TAGS)]}


def fits_segment(record):
    return not ({"unset", "add_to_set", "remove_from_set"} & set(record)) and set(record["user"]) <= {"user_id", "anonymous_id"}


def as_segment(record):
    """The same record as a message of the tracking API. Without sentAt the clock is believed."""
    message = {"messageId": record["message_id"], "timestamp": record["timestamp"]}
    for ours, theirs in (("user_id", "userId"), ("anonymous_id", "anonymousId")):
        if ours in record["user"]:
            message[theirs] = record["user"][ours]
    if "event" in record:
        message.update(type="track", event=record["event"], properties=record["properties"])
    else:
        message.update(type="identify", traits=record.get("set", {}))
    return message
