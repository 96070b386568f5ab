"""Files of a data directory damaged in ten ways: the server names what it has lost and does not start, or makes it anew; it never
starts with less than it has acknowledged and says nothing. And what follows: --accept-loss, a profile store made anew."""
import os
import shutil
import stat

from harness import SERVER_KEY, TENANT, Failure, bearer, check, check_equal, note, profile, send_batch, send_records, wait_until
from patience import patient
from test_import import generate, import_file

PEOPLE = 40
PARTITIONS = 2
LETTERS = 15  # of each of two turns
WHOLE = {"letters": 2 * LETTERS, "erasures": 2, "imports": 2}
T = "2026-01-02T03:04:05.678Z"


def flip(path, begin, count=16):
    with open(path, "r+b") as file:
        file.seek(begin)
        data = file.read(count)
        file.seek(begin)
        file.write(bytes(byte ^ 0xFF for byte in data))


def as_directory(path):
    path.unlink()
    path.mkdir()


def as_anothers(path, data):
    """By the file of the same name of another store, or else by one of the same kind. A write-ahead log that goes on further than
    this one is left out: docs/operations/damage.md says so."""
    others = [p for p in data.rglob("*") if p.is_file() and p != path and p.parent != path.parent and p.suffix == path.suffix]
    same = [p for p in others if p.name == path.name] or [p for p in others if p.stem[:4] == path.stem[:4]] or others
    if not same or (path.suffix == ".log" and same[0].stat().st_size >= path.stat().st_size):
        return False
    shutil.copyfile(same[0], path)
    return True


WAYS = {
    "emptied": lambda path, data: os.truncate(path, 0),
    "cut": lambda path, data: os.truncate(path, path.stat().st_size * 2 // 3),
    "flipped at the beginning": lambda path, data: flip(path, 0),
    "flipped in the middle": lambda path, data: flip(path, path.stat().st_size // 2),
    "flipped at the end": lambda path, data: flip(path, max(0, path.stat().st_size - 24)),
    "zeros": lambda path, data: path.write_bytes(bytes(4096) + path.read_bytes()[4096:]) and None,
    "deleted": lambda path, data: path.unlink(),
    "a directory": lambda path, data: as_directory(path),
    "another store's": as_anothers,
    "garbage behind": lambda path, data: path.write_bytes(path.read_bytes() + os.urandom(3000)) and None,
}


def load(server, begin, end):
    http = server.ingest()
    for at in range(begin, end, 20):
        send_records(http, [{"user": {"user_id": f"u{i % PEOPLE}", "email": f"e{i % PEOPLE}@x.y"}, "event": "E", "message_id": f"m{i}",
                             "set": {"pad": f"p{i}" * 40}, "timestamp": T} for i in range(at, at + 20)])
    http.close()


def counts(server):
    admin = server.admin()
    found = [(profile(admin, "user_id", f"u{i}") or {}).get("events", {}).get("E", {}).get("count") for i in range(PEOPLE)]
    admin.close()
    return found


def load_others(server, turn):
    """What is in no profile: dead letters, an import, an erasure that somebody was promised."""
    send_batch(server.ingest(), [{"type": "track", "userId": f"u{i}"} for i in range(LETTERS)])  # without an event
    import_file(generate(server.directory / f"shop{turn}.csv", rows=20 + turn, users=20), server)
    send_records(server.ingest(), [{"user": {"user_id": f"gone{turn}"}, "event": "E"}])
    server.wait_drained()
    check_equal(server.admin().request("DELETE", f"/v1/tenants/{TENANT}/users/user_id/gone{turn}").status, 202, "DELETE of a user")
    wanted = {"letters": LETTERS * (turn + 1), "imports": turn + 1, "erasures": turn + 1}
    wait_until(lambda: others(server) == wanted, patient(30), lambda: f"letters, imports and erasures are kept: {others(server)}")


def others(server):
    """How many of these there are; None of what can't be read."""
    def count(http, path, name, headers=None, of=lambda one: True):
        answer = http.request("GET", path, headers=headers)
        return sum(map(of, answer.json()[name])) if answer.status == 200 else None

    admin = server.admin()
    found = {"letters": count(admin, f"/v1/tenants/{TENANT}/deadletters?limit=1000", "deadletters"),
             "erasures": count(admin, f"/v1/tenants/{TENANT}/erasures", "erasures", of=lambda one: one["state"] != "requested"),
             "imports": count(server.ingest(), "/v1/imports", "imports", headers=bearer(SERVER_KEY))}
    admin.close()
    return found


def make(box):
    """A directory with rows in every kind of file: some from before a restart, some from after it; ended by SIGKILL."""
    server = box.server(partitions=PARTITIONS, top="profiles: {kind: embedded}\n")
    load(server, 0, 400)
    load_others(server, 0)
    server.wait_drained()
    server.stop()
    server.start()
    load(server, 400, 600)
    load_others(server, 1)
    server.wait_drained()
    server.kill()
    template = server.directory / "template"
    shutil.copytree(server.directory / "data", template)
    return server, template


def reset(server, template):
    data = server.directory / "data"
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(template, data)
    server.log_path.write_text("")
    return data


def is_told_to_readers(server, what):
    """Damage of a profile that only its reader meets: an error, never a profile that is not there, and the server is not ready."""
    statuses = {server.get(f"/v1/tenants/{TENANT}/users/user_id/u{i}").status for i in range(PEOPLE)}
    if 500 not in statuses:
        return False
    check(404 not in statuses, f"{what}: answers: {statuses}")
    check_equal(server.get("/readyz").status, 503, f"{what}: readiness")
    return True


def is_named(server, path, way):
    """An error names the file; one that is gone, or says of others where they are, is told by its store's directory."""
    data = server.directory / "data"
    errors = [line for line in server.log_path.read_text(errors="replace").splitlines() if "error" in line]
    by_store = path.parent.name and (way in ("deleted", "emptied", "another store's") or path.name == "CURRENT")
    return any(str(data / path) in line or path.name in line or (by_store and f"{data / path.parent}" in line) for line in errors)


def is_whole(server, path):
    """All that was acknowledged is there. Imports may be begun anew, if that is told."""
    found = others(server)
    said = server.log_path.read_text(errors="replace").splitlines()
    if path.parts[0] == "imports" and any("imports" in line and "it begins anew" in line for line in said):
        found["imports"] = WHOLE["imports"]
    return found == WHOLE and counts(server) == [600 // PEOPLE] * PEOPLE


def outcome(server, path, way):
    """'named', 'whole' or 'told', which is whole, or named, at another start; anything else is a failure."""
    what = f"{path} {way}"
    if not starts(server, path, way):
        return "named"
    result = "whole"
    try:
        if path.parts[0] == "profiles" and is_told_to_readers(server, what):
            result = "told"
            server.kill()
            server.start()
        elif path.parts[0] == "letters" and None in others(server).values():
            check_equal(server.get("/readyz").status, 503, f"{what}: readiness")
            check(is_named(server, path, way), f"{what}: the log does not name it: {server.log_tail()}")
            server.kill()
            check(not starts(server, path, way), f"{what}: it starts though it knows of the damage")
            return "told"
        wait_until(lambda: is_whole(server, path), patient(20),
                   lambda: f"{what}: all that was acknowledged, in {counts(server)} and {others(server)}; the log: {server.log_tail()}")
    finally:
        if server.process is not None:
            server.kill()
    return result


def starts(server, path, way):
    """False: it has ended by itself and named what is damaged."""
    try:
        server.start()
    except Failure as failure:
        check("ended by itself with status 1" in str(failure) or "ended by itself with status 2" in str(failure), f"{path} {way}: {failure}")
        check(is_named(server, path, way), f"{path} {way}: the log does not name it: {server.log_tail()}")
        server.process = None
        return False
    return True


def try_all(box, choose, ways):
    server, template = make(box)
    results = {}
    for path in sorted(p for p in template.rglob("*") if p.is_file() and choose(p.relative_to(template))):
        for way in ways:
            data = reset(server, template)
            target = data / path.relative_to(template)
            if target.stat().st_size == 0 or WAYS[way](target, data) is False:
                continue
            results[f"{path.relative_to(template)} {way}"] = outcome(server, path.relative_to(template), way)
    note(f"{len(results)} damages: {sum(r == 'named' for r in results.values())} refused by name, "
         f"{sum(r == 'told' for r in results.values())} told to readers and whole after another start, the rest whole")
    check(len(results) > 5 and "named" in results.values() and "whole" in results.values(), f"nothing was tried: {results}")
    return results


def test_files_damaged(box):
    """The files that a start relies on most, in the ways that are hardest to see."""
    chosen = try_all(box, lambda p: str(p) == "installation" or p.parts[0] in ("log", "letters") and p.suffix == ".log" or
                     p.name == "CURRENT" and p.parts[0] in ("log", "profiles") or p.name.startswith("MANIFEST") and p.parts[0] == "state",
                     ["cut", "flipped in the middle", "deleted"])
    check(all(result == "named" for what, result in chosen.items() if ".log " in what),
          f"a write-ahead log of the log or the letters is damaged, and it starts: {chosen}")


def test_every_file_damaged(box):
    skipped = ("LOG", "LOCK", "lock", "LOG.old")
    try_all(box, lambda p: not p.name.startswith(skipped), list(WAYS))


def test_accept_loss(box):
    """What is left of a damaged log goes on, and counts what is lost; new records find their profiles."""
    server, template = make(box)
    for way in ("cut", "deleted", "flipped at the beginning"):
        for damaged in ("log/*.log", "log/MANIFEST*"):
            data = reset(server, template)
            largest = max(data.glob(damaged), key=lambda p: p.stat().st_size)
            WAYS[way](largest, data)
            try:
                server.start()
            except Failure as failure:
                check("--accept-loss" in str(failure), f"it does not say how to go on: {failure}")
            else:
                server.kill()
                check("MANIFEST" in damaged, f"{largest.name} {way}: it starts")
                continue
            server.arguments = ["--accept-loss"]
            server.start()
            server.arguments = []
            check(server.metric_sum("^freshet_log_lost_rows_total") > 0, "nothing is counted as lost")
            for again in range(2):
                http = server.ingest()
                send_records(http, [{"user": {"user_id": f"u{i}"}, "event": "Later", "message_id": f"later-{again}-{i}"} for i in range(PEOPLE)])
                send_records(http, [{"user": {"user_id": f"new{again}"}, "event": "Later", "message_id": f"new-{again}"}])
                server.wait_drained()
                admin = server.admin()
                later = [profile(admin, "user_id", f"u{i}")["events"]["Later"]["count"] for i in range(PEOPLE)]
                check_equal(later, [again + 1] * PEOPLE, f"{largest.name} {way}: events after the loss")
                check(profile(admin, "user_id", f"new{again}") is not None, "a new profile can't be read")
                server.stop()
                server.start()
            server.kill()


def test_profiles_made_anew(box):
    """A damaged profile store: readers get 5xx, the server is not ready, and the next start makes it anew."""
    server, _ = make(box)
    server.start()
    server.stop()
    data = server.directory / "data"
    for sst in (data / "profiles").glob("*.sst"):
        for at in range(0, sst.stat().st_size * 3 // 4, 997):
            flip(sst, at, 1)
    try:
        server.start()
    except Failure as failure:
        raise Failure(f"it should start, and notice when it reads: {failure}") from failure
    if server.metric_sum("^freshet_store_set_aside_total") == 0:  # RocksDB looks into some files when it opens them.
        statuses = {server.get(f"/v1/tenants/{TENANT}/users/user_id/u{i}").status for i in range(PEOPLE)}
        check(404 not in statuses, f"answers: {statuses}")
        check_equal(server.get("/readyz").status, 503, "readiness with a damaged store")
        check(server.metric_sum("^freshet_store_unhealthy") > 0, "no metric says that a store is damaged")
        server.stop()
        server.start()
    check_equal(counts(server), [600 // PEOPLE] * PEOPLE, "events in the profiles that were made anew")
    check((data / "profiles.damaged").is_dir(), "the damaged store was not set aside")
    check(not (data / "profiles.rebuild").exists(), "the mark is left")
    server.stop()
    server.start()
    check_equal(counts(server), [600 // PEOPLE] * PEOPLE, "events after another start")


def test_found_without_a_reader(box):
    """Damage in files that nobody reads is found by itself, told, and remembered: the next start sets the state aside."""
    server = box.server(partitions=1, top=f'checkpoints: {{to: "file://{box.directory}/checkpoints", interval: 1s, min_pause: 0s}}\n')
    load(server, 0, 400)
    server.wait_drained()
    wait_until(lambda: server.metric_sum("^freshet_checkpoint_age_seconds") == 0 and server.metric_sum("^freshet_checkpoint_total") > 0, patient(60),
               "a checkpoint of everything", every_s=0.2)
    server.stop()
    largest = max((server.directory / "data" / "state" / "0000").glob("*.sst"), key=lambda p: p.stat().st_size)
    flip(largest, largest.stat().st_size // 3, 1)
    server.start()
    wait_until(lambda: server.metric_sum("^freshet_scrub_damaged_total") == 1, patient(150), "the damage found", every_s=0.5)
    check_equal(server.get("/readyz").status, 503, "readiness with a damaged file")
    wait_until(lambda: server.metric_sum("^freshet_scrub_files_total") > 0, patient(60), "other files read, too", every_s=0.5)
    text = server.log_path.read_text(errors="replace")
    check("damage was found" in text and largest.name in text, "the log does not name the file")
    server.stop()
    server.start()
    check((server.directory / "data" / "state" / "0000.damaged").is_dir(), "the damaged state was not moved aside")


def test_no_checkpoint_of_damage(box):
    """A state that was damaged after its newest checkpoint gets no other one, says so, and comes back from the one before."""
    server = box.server(partitions=1, top=f'checkpoints: {{to: "file://{box.directory}/checkpoints", interval: 1s, min_pause: 0s}}\n')

    def checkpoints():
        return sorted(p.name for p in (box.directory / "checkpoints" / "partitions" / "0000" / "checkpoints").iterdir())

    load(server, 0, 600)
    server.wait_drained()
    wait_until(lambda: server.metric_sum("^freshet_checkpoint_age_seconds") == 0 and server.metric_sum("^freshet_checkpoint_total") > 0, patient(60),
               "a checkpoint of everything", every_s=0.2)
    before = checkpoints()
    check(before, "no manifest of a checkpoint is to be seen")
    state = server.directory / "data" / "state" / "0000"
    largest = max(state.glob("*.sst"), key=lambda p: p.stat().st_size)
    flip(largest, largest.stat().st_size // 3, 1)  # under the running server, which has read it and need not read it again
    send_records(server.ingest(), [{"user": {"user_id": "later"}, "event": "E", "message_id": "later"}])

    def is_told():  # by the checkpoint; or by a read that happened to need that block, which ends the process
        return not server.running() or server.metric_sum('^freshet_checkpoint_failures_total{reason="corrupt"') > 0

    wait_until(is_told, patient(120), "the damage told", every_s=0.2)
    check(largest.name in server.log_path.read_text(errors="replace"), "the log does not name the file")
    if server.running():
        check("not made, as it would have the damage" in server.log_path.read_text(errors="replace"), "the log does not say what follows")
        server.kill()
    check_equal(checkpoints(), before, "manifests after the damage")
    server.start()
    check((server.directory / "data" / "state" / "0000.damaged").is_dir(), "the damaged state was not moved aside")
    check_equal(counts(server), [600 // PEOPLE] * PEOPLE, "events after the start from a checkpoint")
    check(profile(server.admin(), "user_id", "later") is not None, "what came after the damage is gone")


def test_only_the_owner_may_read(box):
    server = box.server()
    data = server.directory / "data"
    open_to = [str(p) for p in [data, *data.rglob("*")] if stat.S_IMODE(p.stat().st_mode) & 0o077]
    check_equal(open_to, [], "files that others may read or write")
    server.stop()
    data.chmod(0o755)
    server.start()
    check_equal(stat.S_IMODE(data.stat().st_mode), 0o700, "rights of a directory that was open to others")
