"""The demo's first half, as ./dev demo runs it: the built-in tenant takes the shop's file and shows a profile of it."""
from harness import ROOT, check, check_equal, freshet, note, wait_until

SAMPLE, MAPPING = ROOT / "demo" / "shop-sample.csv", ROOT / "demo" / "shop.yaml"


def demo_keys():
    """Of the tenant that tools/demo thinks is built in: (write key, server key)."""
    namespace = {}
    line = next(line for line in (ROOT / "tools" / "demo").read_text(encoding="utf-8").splitlines() if line.startswith("TENANT, WRITE_KEY"))
    exec(line, namespace)  # pylint: disable=exec-used
    return namespace["WRITE_KEY"], namespace["SERVER_KEY"]


def test_the_built_in_tenant_takes_the_file(box):
    """README's and the demo's import, with the keys of the tenant that is there without a configuration."""
    write_key, server_key = demo_keys()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    check(f"--mapping demo/shop.yaml --key {server_key}" in readme, "README.md imports with another key than the demo")
    config = (ROOT / "src" / "app" / "config.cc").read_text(encoding="utf-8")
    check(f"write_keys: [{write_key}]" in config and f"server_keys: [{server_key}]" in config,
          "tools/demo has other keys than the tenant that is built in")
    server = box.server(extra=f"  - name: demo\n    write_keys: [{write_key}]\n    server_keys: [{server_key}]\n")
    command = ["import", SAMPLE, "--tenant", "demo", "--mapping", MAPPING, "--url", server.url, "--key"]
    status, _, err = freshet(*command, write_key)
    check(status != 0 and "server keys" in err, f"a write key imports: {status} {err}")
    status, out, err = freshet(*command, server_key)
    check_equal(status, 0, f"exit status of README's import ({err or out})")
    first = SAMPLE.read_text(encoding="utf-8").splitlines()[1].split(",")[0]
    wait_until(lambda: server.get(f"/v1/tenants/demo/users/user_id/{first}").status == 200, 30, "a profile of the file")
    note("the demo's file is in profiles")
