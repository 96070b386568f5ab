"""Explicit merges that lead back to where they began: whoever is one stays one, and nothing is counted twice."""
from harness import check, check_equal, profile, send_records


def test_circles(box):
    server = box.server()
    http = server.ingest()
    send_records(http, [{"user": {"user_id": u}, "event": "Ordered", "set": {f"of_{u}": 1}, "message_id": f"first-{u}"} for u in "abc"])
    server.wait_drained()
    for n, (loser, winner) in enumerate(["ab", "bc", "ca", "ac", "ba", "ab"]):
        send_records(http, [{"merge": {"from": {"user_id": loser}, "into": {"user_id": winner}}, "message_id": f"merge-{n}"}])
    send_records(http, [{"user": {"user_id": u}, "event": "Ordered", "message_id": f"later-{u}"} for u in "abc"])
    server.wait_drained()
    a, b, c = (profile(server.admin(), "user_id", u) for u in "abc")
    check(a and b and c and a["id"] == b["id"] == c["id"], "a, b and c are not one")
    check_equal(a["events"]["Ordered"]["count"], 6, "orders")
    check_equal(sorted(a["attributes"]), ["of_a", "of_b", "of_c"], "attributes")
