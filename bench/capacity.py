#!/usr/bin/env python3
"""What a load needs, from measured figures: bench/capacity.py [--json] [--events-a-month N] [--users N] [--peak TIMES] …

The arithmetic of docs/capacity.md, line by line, and a small simulation of one day at the peak: skew between partitions, tenants that send
more than they may, workers that die. Nothing is measured here: the figures come from docs/benchmarks.md, and what was not measured is
called an assumption. The tables of docs/capacity.md are this program's output (capacity_test.py compares them).
"""
import argparse
import dataclasses
import json
import math
import random

SECONDS_A_MONTH = 30.4 * 86_400
GB, TB = 1e9, 1e12


@dataclasses.dataclass(frozen=True)
class Measured:
    """Of one event, user or failure, from docs/benchmarks.md. Slow: what the slowest machine seen took beside the fastest."""
    ingest_us: float = 2.8          # HTTP, parser and append, of `pipeline` (2.1 and 0.7)
    action_us: float = 18.7         # on Kafka, librdkafka and checkpoints included (beside others)
    broker_us: float = 14.0         # the broker's, on one replica, with what action writes (beside others)
    reaction_us: float = 15.4       # a change to a store of MongoDB's protocol (beside others)
    store_us: float = 119.0         # the store's own, a server in memory (beside others)
    slow: float = 2.2               # floor: 2.2 to 4.9 µs from minute to minute
    envelope_bytes: float = 650     # a 500-byte event in topic `actions`
    change_bytes: float = 300       # a change in topic `changes`
    state_bytes: float = 400        # written by persists and compactions, an event
    user_bytes: float = 2_000       # of state on disk, compacted (taking over: 450,000 users, 881 MiB)
    rows_a_user: float = 3          # an entity and two identifiers
    message_bytes: float = 24       # a message id on disk, of the last 28 hours at most
    filter_bits: float = 10         # a row or a message id
    session_s: float = 9.8          # until another worker has the partitions of one that died
    standby_s: float = 3.1          # the same with a standby
    restore_mb_s: float = 250       # a checkpoint copied and opened, from a disk (1.1 GB in 9.5 s less the session)


@dataclasses.dataclass(frozen=True)
class Load:
    events_a_month: float = 200e9
    users: float = 1.2e9
    peak: float = 5
    partitions: int = 128
    cores_a_worker: int = 4
    busy: float = 0.6               # of a worker's cores at the peak, all workers well
    active_share: float = 0.03      # of the users, in a worker's memory
    replicas: int = 3               # of Kafka's partitions
    changes_an_event: float = 0.5   # what reaction is left with after folding (assumption)
    events_kept_days: float = 0     # topic `events`, for other services
    checkpoints_kept: float = 1.5   # copies of the state that three incremental checkpoints come to (assumption)
    object_mb: float = 32           # of a checkpoint, on average (files are up to 64 MB)
    network_mb_s: float = 300       # a worker's, of 5 Gbit/s (assumption)


def per_second(load):
    average = load.events_a_month / SECONDS_A_MONTH
    return average, average * load.peak


def cores(load, took_us, slow):
    """At the peak, on machines as slow as the slowest one seen, busy as planned."""
    return per_second(load)[1] * took_us * slow / 1e6 / load.busy


def workers(load, measured):
    """Two at least, so that one may die; never more than partitions."""
    return min(load.partitions, max(2, math.ceil(cores(load, measured.action_us, measured.slow) / load.cores_a_worker)))


def needs(load, measured):
    """(what, figure, how) in the order of the document."""
    average, peak = per_second(load)
    count = workers(load, measured)
    state = load.users * measured.user_bytes
    messages = average * 28 * 3600
    message_disk = messages * measured.message_bytes
    disk = (state + message_disk) * 1.5
    filters = (load.users * measured.rows_a_user + messages) * measured.filter_bits / 8
    rows = load.users * load.active_share * measured.user_bytes
    checkpoint_month = load.events_a_month * measured.state_bytes
    log_day = average * 86_400 * (measured.envelope_bytes * 1.1 + measured.change_bytes * load.changes_an_event)
    state_worker = (state + message_disk) / count
    return [
        ("events a second, on average", f"{average:,.0f}", f"{load.events_a_month:,.0f} / (30.4 × 86,400)"),
        ("events a second, at the peak", f"{peak:,.0f}", f"× {load.peak:g}"),
        ("cores for ingest", f"{cores(load, measured.ingest_us, measured.slow):,.0f}", f"peak × {measured.ingest_us} µs × {measured.slow} / {load.busy}"),
        ("cores for action", f"{cores(load, measured.action_us, measured.slow):,.0f}", f"peak × {measured.action_us} µs × {measured.slow} / {load.busy}"),
        ("workers of action", f"{count}", f"{load.cores_a_worker} cores each"),
        ("events a second in a partition, at the peak", f"{peak / load.partitions:,.0f}", f"{load.partitions} partitions"),
        ("cores for reaction", f"{cores(load, measured.reaction_us * load.changes_an_event, measured.slow):,.0f}",
         f"peak × {load.changes_an_event} changes × {measured.reaction_us} µs × {measured.slow} / {load.busy}"),
        ("cores for the profile store", f"{cores(load, measured.store_us * load.changes_an_event, 1):,.0f}",
         f"peak × {load.changes_an_event} changes × {measured.store_us:g} µs / {load.busy}; of a server in memory, so a real one needs more"),
        ("cores for brokers", f"{cores(load, measured.broker_us * load.replicas, measured.slow):,.0f}",
         f"peak × {measured.broker_us:g} µs × {load.replicas} replicas × {measured.slow} / {load.busy}; a follower is counted as a leader"),
        ("state on disk", f"{state / TB:,.1f} TB", f"{load.users:,.0f} users × {measured.user_bytes:,.0f} B"),
        ("message ids of 28 hours", f"{messages / 1e9:,.1f} billion, {message_disk / GB:,.0f} GB", f"average × 100,800 s × {measured.message_bytes:g} B"),
        ("disk of a worker", f"{disk / count / GB:,.0f} GB", f"(state and ids) × 1.5 for compaction / {count}"),
        ("written to it, at the peak", f"{peak * measured.state_bytes / count / 1e6:,.0f} MB/s", f"peak × {measured.state_bytes:g} B / {count}"),
        ("memory of a worker: filters", f"{filters / count / GB:,.1f} GB", f"(rows and ids) × {measured.filter_bits:g} bits / {count}"),
        ("memory of a worker: active profiles", f"{rows / count / GB:,.1f} GB", f"{load.active_share:.0%} of the users × {measured.user_bytes:,.0f} B / {count}"),
        ("topics, a day", f"{log_day / TB:,.1f} TB, {log_day * load.replicas / TB:,.1f} TB on disks", f"`actions` (messages between partitions are a tenth) and `changes`"),
        ("network into and out of brokers, at the peak", f"{peak * (measured.envelope_bytes * 1.1 * (load.replicas + 1) + measured.change_bytes * load.changes_an_event * (load.replicas + 1)) / GB:,.1f} GB/s",
         f"each byte once in, {load.replicas - 1} times to followers, once to its reader"),
        ("to S3, a month", f"{checkpoint_month / TB:,.0f} TB, {checkpoint_month / load.object_mb / 1e6 / 1e6:,.1f} million objects", f"what persists and compactions write, files of {load.object_mb:g} MB"),
        ("kept in S3", f"{state * load.checkpoints_kept / TB:,.1f} TB", f"state × {load.checkpoints_kept:g}"),
        ("a worker's state from S3", f"{state_worker / (min(load.network_mb_s, measured.restore_mb_s) * 1e6) / 60:,.0f} minutes",
         f"{state_worker / GB:,.0f} GB at {min(load.network_mb_s, measured.restore_mb_s):g} MB/s"),
        ("a worker that dies, with standbys", f"{measured.standby_s:g} s", "measured; the size of the state does not matter"),
    ]


# ---- simulation -----------------------------------------------------------------------------------------------------


def zipf_shares(count, exponent):
    weights = [1 / (rank ** exponent) for rank in range(1, count + 1)]
    total = sum(weights)
    return [weight / total for weight in weights]


def zipf_total(count, exponent):
    """The sum of all weights, of any number of users: the first ones by themselves, the rest by its integral."""
    first = min(count, 1000)
    total = sum(1 / rank ** exponent for rank in range(1, first + 1))
    return total + (count ** (1 - exponent) - first ** (1 - exponent)) / (1 - exponent)


def partition_shares(load, exponent, chance, hot_users=1000):
    """Each of the busiest users is in one partition; what all others send is even."""
    total = zipf_total(load.users, exponent)
    shares = [0.0] * load.partitions
    hot = 0.0
    for rank in range(1, hot_users + 1):
        share = 1 / rank ** exponent / total
        shares[chance.randrange(load.partitions)] += share
        hot += share
    return [share + (1 - hot) / load.partitions for share in shares]


@dataclasses.dataclass
class Outcome:
    hottest_share: float      # of a partition, beside an even one
    hottest_busy: float       # of one core, by the hottest partition
    busiest_worker: float     # of its cores, all well
    lag_s: float = 0.0        # the oldest record that waits, at worst
    recovered_s: float = 0.0  # after the last failure, until nothing waits
    lost: int = 0


def simulate(load, measured, exponent=0.75, lost_workers=1, standbys=True, seed=1, seconds=900, step_s=0.5):
    """The peak for a quarter of an hour, in which workers die a minute apart and stay away; partitions are queues that a worker's cores serve.

    A partition is one thread's work, so no queue is served faster than one core can; a worker's cores are shared by what waits.
    """
    chance = random.Random(seed)
    peak = per_second(load)[1]
    rates = [share * peak for share in partition_shares(load, exponent, chance)]
    one_core = 1e6 / (measured.action_us * measured.slow)
    count = workers(load, measured)
    owner = [partition % count for partition in range(load.partitions)]
    chance.shuffle(owner)
    busy = [sum(rates[p] for p in range(load.partitions) if owner[p] == worker) / (one_core * load.cores_a_worker) for worker in range(count)]
    outcome = Outcome(max(rates) * load.partitions / peak, max(rates) / one_core, max(busy))
    queues, away_until = [0.0] * load.partitions, [0.0] * load.partitions
    alive = set(range(count))
    deaths = [60.0 * (number + 1) for number in range(min(lost_workers, count - 1))]
    last_failure, quiet_since = (deaths[-1] if deaths else 0.0), None
    for tick in range(int(seconds / step_s)):
        now = tick * step_s
        if deaths and now >= deaths[0]:
            deaths.pop(0)
            dead = chance.choice(sorted(alive))
            alive.discard(dead)
            outcome.lost += 1
            survivors = sorted(alive)
            for partition in range(load.partitions):
                if owner[partition] == dead:
                    # Whoever has least gets the next one.
                    owner[partition] = min(survivors, key=lambda worker: sum(1 for o in owner if o == worker))
                    away_until[partition] = now + (measured.standby_s if standbys else measured.session_s)
        room = {worker: one_core * load.cores_a_worker * step_s for worker in alive}
        for partition, rate in enumerate(rates):
            queues[partition] += rate * step_s
        for partition in sorted(range(load.partitions), key=lambda p: -queues[p]):
            if now < away_until[partition]:
                continue
            done = min(queues[partition], one_core * step_s, room[owner[partition]])
            queues[partition] -= done
            room[owner[partition]] -= done
        worst = max(queue / rate for queue, rate in zip(queues, rates))
        outcome.lag_s = max(outcome.lag_s, worst)
        quiet_since = None if worst > 1e-6 else (now if quiet_since is None else quiet_since)
    outcome.recovered_s = math.inf if quiet_since is None else max(0.0, quiet_since - last_failure)
    return outcome


def hot_tenant(load, tenants=10_000, exponent=1.0, times=10.0, rated=True):
    """The largest tenant sends so many times what it usually does: (its share, peak with it, what it has to wait for after ten minutes, in minutes)."""
    share = zipf_shares(tenants, exponent)[0]
    peak = per_second(load)[1]
    usual = share * peak
    if not rated:
        return share, peak + usual * (times - 1), 0.0
    allowed = usual * 2  # its rate: twice what it usually sends
    waiting = max(0.0, usual * times - allowed) * 600
    return share, peak + allowed - usual, waiting / (allowed - usual) / 60


# ---- output ---------------------------------------------------------------------------------------------------------


def table(rows):
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def needs_table(load, measured):
    return table([("", "needed", "how"), ("---", "---", "---"), *needs(load, measured)])


def simulation_table(load, measured):
    rows = [("users' skew (Zipf)", "workers lost", "standbys", "hottest partition", "busiest worker", "oldest record waits at most", "nothing waits after"), ("---",) * 7]
    for exponent, lost, standbys in ((0.5, 0, True), (0.75, 1, True), (0.75, 1, False), (0.75, 3, True), (0.99, 1, True)):
        got = simulate(load, measured, exponent, lost, standbys)
        after = "never" if math.isinf(got.recovered_s) else f"{got.recovered_s:.0f} s"
        rows.append((f"{exponent:g}", f"{lost}", "yes" if standbys else "no", f"{got.hottest_share:.1f} times the others, {got.hottest_busy:.0%} of a core",
                     f"{got.busiest_worker:.0%} of its cores", f"{got.lag_s:.1f} s", after))
    return table(rows)


def tenant_table(load):
    rows = [("the largest of 10,000 tenants sends 10 times as much", "its usual share", "events/s of all that action gets", "its last record waits"), ("---",) * 4]
    for rated in (True, False):
        share, peak, minutes = hot_tenant(load, rated=rated)
        rows.append(("with a rate of twice its usual peak" if rated else "without a rate", f"{share:.0%}", f"{peak:,.0f}",
                     f"{minutes:.0f} minutes after ten of these, in `overflow`" if rated else "like everybody's"))
    return table(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    for field in dataclasses.fields(Load):
        parser.add_argument("--" + field.name.replace("_", "-"), type=type(field.default), default=field.default, metavar="N", help=f"usual: {field.default:g}")
    arguments = vars(parser.parse_args())
    as_json = arguments.pop("json")
    load, measured = Load(**arguments), Measured()
    if as_json:
        print(json.dumps({"load": dataclasses.asdict(load), "needs": {what: figure for what, figure, _ in needs(load, measured)},
                          "one_lost_worker": dataclasses.asdict(simulate(load, measured))}))
        return
    print(needs_table(load, measured), simulation_table(load, measured), tenant_table(load), sep="\n\n")


if __name__ == "__main__":
    main()
