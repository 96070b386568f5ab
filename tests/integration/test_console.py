"""The page at / of the admin listener, and the health checks. In a real browser: test_console_pages.py."""
from harness import TENANT, check, check_equal, send_records


def test_page(box):
    server = box.server()
    send_records(server.ingest(), [{"user": {"user_id": "u1"}, "set": {"city": "Pune"}, "event": "Order Completed", "message_id": "m1"}])
    server.wait_drained()
    page = server.get("/")
    check_equal(page.status, 200, "GET /")
    check("text/html" in page.headers.get("content-type", ""), f"GET / is {page.headers.get('content-type')}, not HTML")
    check(b"Freshet" in page.body, "the page does not say what it is")
    for path in ("/healthz", "/readyz", "/metrics", "/v1/status", f"/v1/tenants/{TENANT}/schema", f"/v1/tenants/{TENANT}/deadletters",
                 f"/v1/tenants/{TENANT}/freshness"):
        check_equal(server.get(path).status, 200, f"GET {path}")
    check_equal(server.get("/v1/nothing").status, 404, "GET of a path that is not there")
    check_equal(server.get("/v1/tenants/nobody/schema").status, 404, "GET of a tenant that is not there")
    schema = server.get(f"/v1/tenants/{TENANT}/schema").body.decode()
    check("Order Completed" in schema and "city" in schema, "the schema does not list what was sent")
    check("freshet_freshness" in server.get("/metrics").body.decode(), "no freshness in /metrics")
