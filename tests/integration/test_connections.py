"""Thousands of connections that are open all the time and send a little now and then, as those of apps and proxies do."""
import resource
import socket

from harness import KEY, Skipped, check, check_equal, lines, note, send_records
from patience import patient

CONNECTIONS = 5000
SPARE_FILES = 500
KIB_EACH_MAX = 8  # of a connection that has sent, and waits
MIB_BESIDE = 24  # what the server takes for the records, its stores and threads, whoever sends them


def memory_kib(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def request_of(number, turn):
    body = lines([{"user": {"user_id": f"u{number % 50}"}, "event": "Seen", "message_id": f"c{number}-{turn}"}])
    head = f"POST /v1/records HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def status_of(connection):
    """Of the next answer, which is read to its end."""
    text = b""
    while True:
        part = connection.recv(4096)
        check(part, "a connection was closed before its answer was whole")
        text += part
        head, gap, body = text.partition(b"\r\n\r\n")
        if not gap:
            continue
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        if len(body) >= length:
            return int(head.split()[1])


def send_from_all(connections, turn):
    """A record from each, all of them under way together."""
    for number, connection in enumerate(connections):
        connection.sendall(request_of(number, turn))
    for number, connection in enumerate(connections):
        check_equal(status_of(connection), 200, f"answer to connection {number} in turn {turn}")


def test_five_thousand(box):
    """None of them is closed for another, each is answered, and what they cost in memory has a bound."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < CONNECTIONS + SPARE_FILES:
        raise Skipped(f"a process may have {hard} open files here: {CONNECTIONS} connections need more")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = box.server(ingest=f", connections: {CONNECTIONS + 50}, connections_per_address: {CONNECTIONS + 50}")
    send_records(server.ingest(), [{"user": {"user_id": "first"}, "event": "Seen", "message_id": "first"}])
    before = memory_kib(server)
    connections = []
    try:
        for _ in range(CONNECTIONS):
            connections.append(socket.create_connection(("127.0.0.1", server.ingest_port), timeout=patient(60)))
        for turn in range(2):
            send_from_all(connections, turn)
        took = (memory_kib(server) - before) / 1024
        most = CONNECTIONS * KIB_EACH_MAX / 1024 + MIB_BESIDE
        check(took < most, f"{CONNECTIONS} connections took {took:.0f} MiB of memory, more than {most:.0f}")
        note(f"{CONNECTIONS} connections: {took:.1f} MiB")
        send_records(server.ingest(), [{"user": {"user_id": "last"}, "event": "Seen", "message_id": "last"}])
    finally:
        for connection in connections:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for what in ("evicted", "refused"):
        check_equal(server.metric_sum(f"^freshet_http_connections_{what}_total"), 0, f"connections {what}")
    check_equal(server.metric_sum("^freshet_ingest_items_total"), 2 * CONNECTIONS + 2, "records that were taken")
