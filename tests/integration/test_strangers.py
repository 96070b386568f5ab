"""What people without a key do to a server that stands open to them, and TLS against them. docs/operations/strangers.md
says what one sees."""
import gzip
import os
import resource
import signal
import socket
import ssl
import subprocess
import threading
import time

from harness import FRESHET, TENANT, Http, Server, bearer, check, check_equal, freshet, profile, send_records, shorten, wait_until
from patience import patient
from test_import import MAPPING, command

ANNOUNCED = b"POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n"
RECORD = [{"user": {"user_id": "good"}, "event": "E", "message_id": "m1"}]


def memory_mib(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def open_many(port, count, data=b""):
    sockets = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), timeout=patient(10))
        try:
            connection.sendall(data)
        except OSError:
            pass  # it was closed for another
        sockets.append(connection)
    return sockets


def close_all(sockets):
    for connection in sockets:
        connection.close()


def test_announcements_cost_nothing(box):
    server = box.server()
    before = memory_mib(server)
    sockets = open_many(server.ingest_port, 300, ANNOUNCED)
    time.sleep(0.5)
    check(memory_mib(server) - before < 60, f"300 announcements took {memory_mib(server) - before:.0f} MiB")
    send_records(server.ingest(), RECORD)
    close_all(sockets)


def test_places_are_for_those_who_use_them(box):
    """Of one address, the attacker's as well as the good client's: on both listeners somebody new gets in."""
    server = box.server(ingest=", connections: 64")
    good = server.ingest()
    send_records(good, RECORD)
    sockets = open_many(server.ingest_port, 300) + open_many(server.admin_port, 330)
    began = time.monotonic()
    send_records(server.ingest(), RECORD)
    check_equal(server.get("/healthz").status, 200, "/healthz beside 330 idle connections")
    check(time.monotonic() - began < patient(5), "a newcomer waits for idle connections to go")
    send_records(good, RECORD)  # who has sent a whole request with a key has kept its place
    for listener in ("ingest", "admin"):
        count = server.metric_sum(f'^freshet_http_connections_evicted_total{{.*listener="{listener}"')
        check(count > 0, f"{listener}: nobody was counted as evicted")
    close_all(sockets)


def test_garbage_waits_for_itself(box):
    """A hundred bytes that unpack to 40,000 items which are all rejected: they take turns beside, and others are not set back."""
    server = box.server(extra="  - name: garbage\n    write_keys: [garbage-key]\n")
    garbage, stop, statuses = gzip.compress(b"x\n" * 40_000, 9), threading.Event(), set()
    bomb = gzip.compress(b" " * (10 << 20), 9)

    def send(path, body, headers):
        while not stop.is_set():
            client = server.ingest()
            statuses.add(client.request("POST", path, body, {"Content-Encoding": "gzip", **headers}).status)
            client.close()

    kinds = [("/v1/records", garbage, bearer("garbage-key")), ("/v1/batch", bomb, {}), ("/v1/records", bomb, {})]
    threads = [threading.Thread(target=send, args=kind) for kind in kinds * 2]
    for thread in threads:
        thread.start()
    http = server.ingest()
    try:
        wait_until(lambda: server.metric_sum('^freshet_ingest_set_back_total{.*reason="size"') > 10, patient(60), "garbage to be set back")
        for number in range(50):
            send_records(http, [{"user": {"user_id": f"u{number}"}, "event": "E", "message_id": f"m{number}"}])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    check(statuses <= {200, 401, 413, 503}, f"answers to garbage: {statuses}")
    used = {name: server.metric_sum(f'^freshet_ingest_cpu_microseconds_total{{.*tenant="{name}"') for name in (TENANT, "garbage")}
    check(used["garbage"] > used[TENANT] > 0, f"CPU of tenants: {used}")
    server.wait_drained()
    check(profile(server.admin(), "user_id", "u49") is not None, "a record of the honest tenant is not to be seen")


def limited(files):
    return ["bash", "-c", f'ulimit -n {files}; exec "$@"', "x"]


def test_open_files(box):
    """Connections never take the files that a store needs; too few for the stores are refused."""
    refused = Server(box.directory / "refused", partitions=16)
    refused.write_config()
    done = subprocess.run([*limited(128), str(FRESHET), "run", "--config", str(refused.config_path)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=patient(30), check=False)
    check_equal(done.returncode, 2, "exit status with too few open files")
    check("open files: the limit is 128" in done.stdout + done.stderr, f"does not name open files: {shorten(done.stderr or done.stdout)}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    server = box.server(partitions=4, ingest=", connections_per_address: 100000", prefix=limited(400))
    sockets = open_many(server.ingest_port, 500)
    files = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    check(files < 380, f"{files} files are open of 400 allowed: a store may find none")
    for number in range(200):  # enough for stores to write files meanwhile
        send_records(server.ingest(), [{"user": {"user_id": f"u{number}"}, "event": "E", "message_id": f"m{number}"}])
    server.wait_drained()
    check(profile(server.admin(), "user_id", "u199") is not None, "a record is not to be seen")
    close_all(sockets)
    server.stop()


def certificate(folder, days=2):
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(days), "-subj", "/CN=test", "-addext",
                           "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
                          capture_output=True, text=True, check=False)
    check_equal(done.returncode, 0, f"openssl ({shorten(done.stderr)})")
    return folder / "cert.pem", folder / "key.pem"


def reloads(server, result):
    return server.metric_sum(f'^freshet_http_tls_reloads_total{{.*result="{result}"')


def test_tls(box):
    cert, key = certificate(box.directory / "tls")
    section = f", tls: {{cert: {cert}, key: {key}}}"
    client = ssl.create_default_context(cafile=str(cert))
    server = box.server(ingest=section, admin=section, tls=client)
    send_records(server.ingest(), RECORD)
    # Every client of ours, with the authority and without.
    table = box.directory / "shop.csv"
    table.write_text("user_id,event,timestamp\n1,main,2026-01-02 03:04:05.6\n")
    mapping = box.directory / "mapping.yaml"
    mapping.write_text(MAPPING)
    admin = ["deadletters", "list", "--tenant", TENANT, "--url", server.admin_url]
    for arguments in (command(table, mapping, server), admin):
        status, out, err = freshet(*arguments, "--ca", cert)
        check_equal(status, 0, f"exit status of freshet {arguments[0]} ({shorten(err or out)})")
        status, out, err = freshet(*arguments)
        check_equal(status, 2, f"exit status of freshet {arguments[0]} without the authority")
        check("not trusted" in err, f"does not say that the certificate is not trusted: {shorten(err)}")
    # A bad certificate is told and not used; a renewed one is.
    good = cert.read_bytes()
    cert.write_bytes(b"nothing")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: reloads(server, "refused") == 2, patient(10), "both listeners refuse a bad certificate")
    check("tls cert" in server.log_tail(), f"the log does not say so: {server.log_tail()}")
    cert.write_bytes(good)
    new, _ = certificate(box.directory / "tls", days=30)
    server.process.send_signal(signal.SIGHUP)
    server.tls.load_verify_locations(cafile=str(new))
    wait_until(lambda: reloads(server, "taken") == 2, patient(10), "both listeners take the renewed certificate")
    for port in (server.ingest_port, server.admin_port):
        seen = ssl.get_server_certificate(("127.0.0.1", port))
        check_equal(seen.split(), new.read_text().split(), "the certificate of new connections")
    check_equal(Http(server.ingest_port, tls=ssl.create_default_context(cafile=str(new))).request(
        "POST", "/v1/records", b'{"user":{"user_id":"u"}}', bearer()).status, 200, "status with the renewed certificate")
    server.stop()
