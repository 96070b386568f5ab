"""Attribution partners: what a report makes of the person and of the device, and that one that is sent again counts once."""
import json

from harness import KEY, SERVER_KEY, TENANT, check, check_equal, profile

ADJUST = (f"/v1/attribution/adjust/{KEY}?activity_kind=install&created_at=1767230400&adid=a1&idfa=%7Bidfa%7D&idfv=v1&user_id=u1"
          "&tracker_name=Facebook+Installs%3A%3ADiwali%20%26%20more")
BRANCH = {"id": "1", "name": "PURCHASE", "timestamp": 1767230500123, "event_data": {"revenue": 19.9},
          "user_data": {"idfv": "v1", "idfa": "i1", "limit_ad_tracking": True, "developer_identity": "u1"},
          "last_attributed_touch_data": {"~campaign": "Spring", "~channel": "Email"}}


def test_reports_become_profiles(box):
    server = box.server()
    client = server.ingest()
    for _ in range(2):
        answer = client.request("GET", ADJUST)
        check_equal((answer.status, answer.json()), (200, {"accepted": 1, "rejected": []}), "a callback of Adjust")
        answer = client.request("POST", f"/v1/attribution/branch/{KEY}", json.dumps(BRANCH).encode())
        check_equal(answer.status, 200, "a webhook of Branch")
    check_equal(client.request("HEAD", ADJUST.replace("install", "session")).status, 200, "HEAD, which takes nothing")
    check_equal(client.request("GET", ADJUST.replace(KEY, SERVER_KEY)).status, 401, "with a server key")
    server.wait_drained()
    admin = server.admin()
    person = profile(admin, "user_id", "u1")
    check_equal({name: event["count"] for name, event in person["events"].items()}, {"install": 1, "PURCHASE": 1}, "events")
    check_equal(person["events"]["PURCHASE"]["first_at"], "2026-01-01T01:21:40.123Z", "when it was")
    facts = {"attribution_provider": "branch", "attribution_source": "Email", "attribution_campaign": "Spring", "attribution_channel": "Email",
             "install_source": "Facebook Installs", "install_campaign": "Diwali & more", "installed_at": "2026-01-01T01:20:00.000Z"}
    check_equal(person["attributes"], facts, "the person's attributes")
    device = admin.request("GET", f"/v1/tenants/{TENANT}/devices/idfv/v1").json()
    check_equal(device["identifiers"], {"idfv": ["v1"], "adjust_id": ["a1"]}, "the device's identifiers")
    check(facts.items() <= device["attributes"].items(), f"the device's attributes: {device['attributes']}")
