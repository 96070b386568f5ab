"""A watch and a mirror of a made-up fleet: what `fleet watch` and `mirror` tell of themselves in a bad night. For what the console makes of
it without brokers, and for the pictures of docs/console/."""
import http.server
import json
import threading

GIB = 1 << 30


def group(name, topic, verdict, lag, **more):
    return {"group": name, "topic": topic, "verdict": verdict, "state": "Stable" if more.get("has_members", True) else "Empty", "has_members": True, "partitions": 6,
            "lag_messages": lag, "lag_s": 0, "lag_is": "measured", "oldest_partition": 0, "lost_messages": 0, "read_per_s": 200, "in_per_s": 200, "catch_up_s": 0,
            "retention_s": None, "loses_messages": False, "promised_s": None, **more}


def broker(number, shares, fills_s=None):
    return {"id": number, "host": f"kafka-{number}", "leaders": 12, "replicas": 36, "bytes": 900 * GIB, "cpu": 0.31 + 0.1 * (number % 4),
            "log_dirs": [{"path": f"/var/lib/kafka/disk{n + 1}", "failed": False, "replica_bytes": int(share * 900 * GIB), "used_bytes": int(share * 1000 * GIB), "total_bytes": 1000 * GIB,
                          "full_s": fills_s if n == 0 else None} for n, share in enumerate(shares)]}


def topic(name, in_per_s, out_per_s, skew=1.1):
    return {"topic": name, "in_per_s": in_per_s, "out_per_s": out_per_s, "in_bytes_per_s": in_per_s * 400, "out_bytes_per_s": out_per_s * 400, "skew": skew}


def batch(name, messages, batches_per_s, advice=""):
    return {"topic": name, "codec": "none", "sampled_batches": 40, "producers": 4, "batches_per_s": batches_per_s, "messages_per_batch": messages, "bytes_per_batch": messages * 300,
            "raw_bytes_per_batch": messages * 400, "advised": {}, "advice": advice}


def cluster(name, brokers, probe, **more):
    return {"cluster": name, "away": False, "looked": True, "age_s": 2.5, "took_s": 0.1, "looks": 900, "failures": 0, "cluster_id": "x", "topics": 24, "partitions": 288,
            "under_replicated": 0, "offline": 0, "skew": {"leaders": 1.02, "replicas": 1.0, "bytes": 1.1}, "concerns": [], "groups": [], "hot_topics": [], "batches_per_s": None,
            "batches": [], "probe": probe, "brokers": brokers, "moving": 0, "moves": [], **more}


def probe(verdict, p99_s=None):
    return {"verdict": verdict, "p50_s": p99_s and p99_s / 3, "p99_s": p99_s, "window_probes": 90, "window_failures": 0, "brokers_not_probed": 0, "brokers": []}


def concern(severity, subject, what, action):
    return {"severity": severity, "subject": subject, "what": what, "action": action}


def look():
    """As docs/fleet/watch.md has it."""
    front = cluster("front", [broker(1, (0.61, 0.58)), broker(2, (0.6, 0.57)), broker(3, (0.62, 0.59))], probe("ok", 0.012),
                    hot_topics=[topic("clicks", 21_400, 42_800), topic("orders", 310, 620)],
                    batches=[batch("clicks", 3.1, 6900, "linger.ms=20 and batch.size=16384 would make it 24.0 records a batch, 892 batches/s; lz4 sends 61 % fewer bytes than now for "
                                   "1.2 us of CPU a record (zstd: 70 %, 2.9 us)"), batch("orders", 41.0, 7.6)],
                    groups=[group("gateway-audit", "orders", "ok", 0)],
                    concerns=[concern("warn", "topic clicks", "its producers send 6900 batches/s of 3.1 records", "linger.ms=20 and batch.size=16384 would make it 24.0 records a batch")])
    orders = cluster("orders", [broker(1, (0.87, 0.71), 140_000), broker(2, (0.74, 0.7)), broker(3, (0.72, 0.69))], probe("fails", 1.4), under_replicated=14,
                     hot_topics=[topic("invoices", 20, 20), topic("orders", 310, 120, 2.4)], batches=[batch("invoices", 18.0, 1.1)],
                     groups=[group("billing", "orders", "stop", 84_210, has_members=False, lag_s=271, lag_is="measured", promised_s=30, catch_up_s=None, read_per_s=0),
                             group("mailer", "orders", "warn", 5200, lag_s=16, lag_is="estimated", catch_up_s=None), group("reports", "invoices", "ok", 12, lag_s=0.6, catch_up_s=1),
                             group("fraud", "orders", "stall", 940, lag_s=88, catch_up_s=None, retention_s=79_000, loses_messages=True)],
                     moving=1, moves=[{"topic": "orders", "partition": 4, "adding": [3], "removing": [1]}],
                     concerns=[concern("critical", "group billing, topic orders", "nobody reads (partition 2): 84 thousand messages wait, the oldest for 271 s; promised are 30 s; and at this rate it "
                                       "never catches up", "Start its readers. If it reads rarely by design, give it a lag_max in service_levels; if it is no longer used, delete the group."),
                               concern("critical", "broker 1", "the last 4 probes of it failed: writing freshet-probe[0]: it took longer than 5 s",
                                       "Whoever writes to it or reads from it fails, too: see its log, then its disks and its network."),
                               concern("warn", "broker 1, /var/lib/kafka/disk1", "87 % of 1000 GiB used, full in 39 hours as it grows now",
                                       "A broker loses a log dir that is full. Shorten a retention, move replicas away, or grow the volume."),
                               concern("warn", "cluster", "14 partitions without all replicas", "Usual for minutes after a restart or during a move; else look at the brokers' disks and network."),
                               concern("critical", "group fraud, topic orders", "retention reaches it in 22 hours, and it does not catch up before",
                                       "Raise the topic's retention now; then add instances, or find what holds the group back.")])
    away = cluster("payments", [], probe("off"), away=True, looked=False, age_s=None, error="no broker answers", topics=0, partitions=0, skew={"leaders": None, "replicas": None, "bytes": None},
                   concerns=[concern("critical", "cluster", "it can't be looked at: payments-1:9092: connect: Connection refused", "See whether its brokers run, and its address and credentials in the file.")])
    return {"ok": False, "file": "fleet.yaml", "at_ms": 0, "clusters": [front, orders, away]}


MIRROR = """freshet_mirror_lag_records{topic="clicks"} 420
freshet_mirror_lag_seconds{topic="clicks"} 0.4
freshet_mirror_halted{topic="clicks"} 0
freshet_mirror_lag_records{topic="orders"} 0
freshet_mirror_lag_seconds{topic="orders"} 0
freshet_mirror_halted{topic="orders"} 0
freshet_mirror_records_total 918273
freshet_mirror_lost_records_total 0
"""


def start(box, answers):
    """Its address. It answers {path: (type, text)}, and 404 else."""
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):  # pylint: disable=invalid-name
            kind, text = answers.get(self.path, ("text/plain", ""))
            self.send_response(200 if self.path in answers else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    box.at_end(server.shutdown)
    return f"http://127.0.0.1:{server.server_port}"


def watch(box):
    return start(box, {"/v1/fleet": ("application/json", json.dumps(look()))})


def mirror(box):
    return start(box, {"/metrics": ("text/plain", MIRROR)})
