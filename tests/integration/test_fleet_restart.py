"""`freshet fleet restart` on three real brokers under a load of writes: each is restarted while the others are in sync, nothing is lost, and
killed in the middle it goes on."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import kafka
from harness import FRESHET, check, check_equal, freshet, note, shorten, wait_until
from patience import patient
from test_rebalance import Cluster, Load, TOPIC

BROKERS = 3
# More than one is there, so that each broker leads some and follows others.
SPREAD = "1:2:3,2:3:1,3:1:2,1:3:2,2:1:3,3:2:1"
TIMEOUT_S = patient(400)


def restart_command(cluster):
    """What restarts a broker of tools/kafka: it knows them by their place from 1 on, which is their id."""
    broker, tool = cluster.broker, pathlib.Path(kafka.TOOL)
    one = f"{sys.executable} {tool} {{action}} --brokers {broker.count} --port {broker.port} --data {broker.directory} --only {{{{broker}}}}"
    log = cluster.box.directory / "restarts"
    return f"echo {{broker}} {{port}} >> {log} && " + one.format(action="down") + " && " + one.format(action="up") + f" && echo >> {log}.ends"


def arguments(cluster, *more):
    return ["fleet", "restart", cluster.file, *more]


def environment(cluster):
    return {**os.environ, **cluster.broker.env}


def restarted(cluster):
    log = cluster.box.directory / "restarts"
    return log.read_text(encoding="utf-8").split("\n")[:-1] if log.exists() else []


def test_under_load_killed_in_the_middle(box):
    cluster = Cluster(box)
    cluster.make_topic(TOPIC, SPREAD)
    cluster.fill(TOPIC, 2_000)
    status, out, err = freshet(*arguments(cluster))
    check_equal(status, 0, f"printed ({shorten(err)})")
    check("ready: every replica is in sync" in out and "3. broker 3" in out, shorten(out))
    check_equal(restarted(cluster), [], "restarted by printing")
    load = Load(cluster.broker.brokers)
    follow = ["--follow", "--yes", "--command", restart_command(cluster)]
    with open(box.directory / "restart.log", "w", encoding="utf-8") as log:
        first = subprocess.Popen([FRESHET, *map(str, arguments(cluster, *follow))], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 env=environment(cluster))
        box.at_end(first.kill)
        wait_until(lambda: len(restarted(cluster)) == 2, TIMEOUT_S, "the second broker is being restarted")
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    # Its command goes on by itself, and is run again when that one has ended.
    ends = box.directory / "restarts.ends"
    wait_until(lambda: ends.exists() and ends.stat().st_size == 2, TIMEOUT_S, "the command of the one that was killed has ended")
    status, _, err = freshet(*arguments(cluster, *follow), env=environment(cluster))
    check(status == 1 and "--resume goes on with it" in err, f"anew beside an open journal: {status} {shorten(err)}")
    done = subprocess.run([FRESHET, *map(str, arguments(cluster, "--resume", "--yes", "--json", "--command", restart_command(cluster)))],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=environment(cluster))
    check_equal(done.returncode, 0, f"gone on ({shorten(done.stderr, 2000)})")
    load.end()
    journal = json.loads(done.stdout)["journal"]
    check_equal((journal["outcome"], journal["done"]), ("done", BROKERS), "the journal")
    note(f"{len(load.written)} records written meanwhile; restarts: {restarted(cluster)}")
    check_equal([line.split()[0] for line in restarted(cluster)], ["1", "2", "2", "3"], "each was restarted, the killed one again")
    check_equal(sorted(set(cluster.keys(TOPIC))), sorted([f"first-{i}" for i in range(2_000)] + load.written), "records")


def test_refused_while_not_in_sync(box):
    cluster = Cluster(box)
    cluster.make_topic(TOPIC, SPREAD)
    cluster.make_topic("single", "1,2,3")
    follow = ["--follow", "--yes", "--command", restart_command(cluster)]
    status, _, err = freshet(*arguments(cluster, *follow))
    check(status == 1 and "partitions can't be read or written (single[0])" in err, f"one replica: {status} {shorten(err)}")
    # With a broker away nothing is touched.
    (box.directory / "restart-main.journal").unlink()
    cluster.broker.kill(only=3)

    def lacking():
        out = freshet(*arguments(cluster, "--json"))[1]
        return "not in sync" in json.loads(out).get("plan", {}).get("not_ready", "") if out else False
    wait_until(lacking, patient(60), "the broker is missed")
    status, _, err = freshet(*arguments(cluster, *follow, "--ready-timeout", "2", "--allow-outage"))
    check(status == 1 and "not ready after 2 s" in err, f"not in sync: {status} {shorten(err)}")
    check_equal(restarted(cluster), [], "restarted")
    cluster.broker.start(only=3)
    # A command that restarts nothing is found out.
    (box.directory / "restart-main.journal").unlink()
    began = time.monotonic()
    status, _, err = freshet(*arguments(cluster, "--follow", "--yes", "--allow-outage", "--command", "true"))
    check(status == 1 and "it was never away" in err, f"nothing restarted, after {time.monotonic() - began:.0f} s: {status} {shorten(err)}")
    status, out, _ = freshet(*arguments(cluster, "--status", "--json"))
    check_equal((status, json.loads(out)["journal"]["brokers"][0]["stage"]), (0, "away"), "the journal")
    status, _, err = freshet(*arguments(cluster, "--upgrade-to", "3.0.0"))
    check(status == 2 and "no rolling way" in err, f"an older release: {status} {shorten(err)}")
