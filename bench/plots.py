"""How cost grows: `bench/run --plots`. One dimension at a time, everything else as in `pipeline`: CPU µs an event of the server, by stage.

Each point is a server of its own: users are made known, a short run warms it up, a second one is measured. All points of a dimension are
measured one after the other, twice and in the other direction the second time, and the lower figure stands: what else the machine does makes
a figure higher, never lower. The figures go to docs/plots/DIMENSION.json, the picture beside them.
"""
import dataclasses
import json
import math
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIRECTORY = ROOT / "docs" / "plots"
# What is drawn beside all of it: its name, the threads that do it, its colour.
STAGES = (("action", ("action",), "#1f5fa8"), ("ingest", ("http", "ingest-lane"), "#c8641b"), ("log", ("log-writer",), "#8d5aa8"),
          ("RocksDB", ("rocksdb:high", "rocksdb:low", "persist"), "#5a9a4d"))


@dataclasses.dataclass(frozen=True)
class Setting:
    """Of one point; the usual ones are those of `pipeline --quick`."""
    partitions: int = 4
    users: int = 100_000
    tenants: int = 0
    event_bytes: int = 500
    batch: int = 100

    def load_options(self):
        options = ["--users", str(self.users), "--event-bytes", str(self.event_bytes), "--batch", str(self.batch)]
        return options + (["--tenants", str(self.tenants)] if self.tenants else [])


@dataclasses.dataclass(frozen=True)
class Dimension:
    title: str
    field: str
    values: tuple


DIMENSIONS = {
    "partitions": Dimension("partitions", "partitions", (1, 2, 4, 8, 16)),
    "users": Dimension("known users", "users", (1_000, 10_000, 100_000, 1_000_000, 10_000_000)),
    # With the one that every server here has they are the 10,000 that a file may have.
    "tenants": Dimension("tenants", "tenants", (1, 10, 100, 1_000, 9_999)),
    "event_bytes": Dimension("bytes of an event", "event_bytes", (350, 500, 1_000, 2_000, 5_000)),
    "batch": Dimension("events in a request", "batch", (1, 5, 20, 100, 500)),
}


def setting(dimension, value):
    changed = dataclasses.replace(Setting(), **{dimension.field: value})
    # A request has 500 KiB at most.
    return dataclasses.replace(changed, batch=min(changed.batch, 480_000 // changed.event_bytes))


def tenants_yaml(count, key):
    """The further tenants of a configuration, whose keys are those of `freshet-load --tenants`."""
    return "".join(f"  - name: t{number}\n    write_keys: [{key}-{number}]\n" for number in range(count))


def lowest(runs):
    """Of several figures of each value the one with the least CPU."""
    best = {}
    for value, figure in runs:
        if value not in best or figure["cpu_us_per_event"] < best[value]["cpu_us_per_event"]:
            best[value] = figure
    return [{"value": value, **best[value]} for value in sorted(best)]


def measure(dimension, run):
    """`run(setting)` is one point: {"cpu_us_per_event": …, "cpu_us_by_stage": …}."""
    there = list(dimension.values)
    return lowest([(value, run(setting(dimension, value))) for value in there + there[::-1]])


def short(number):
    for size, unit in ((1_000_000, " M"), (1_000, " k")):
        if number >= size:
            return f"{number / size:g}{unit}"
    return f"{number:g}"


def ceiling(most):
    """A round number that is not below it."""
    power = 10 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= most)


def svg(title, points):
    """To the right the values, evenly spread, as each is a multiple of the one before; upwards µs from 0."""
    width, height, left, top = 640, 260, 56, 40
    top_us = ceiling(max(point["cpu_us_per_event"] for point in points))

    def place(index, us):
        return left + (index + 0.5) / len(points) * width, top + height - us / top_us * height

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 130} {top + height + 50}" font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="#fff"/>',
           f'<text x="{left}" y="{top - 16}">CPU µs an event, by {escape(title)}</text>']
    for step in range(6):
        us = top_us * step / 5
        y = place(0, us)[1]
        out.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}" stroke="#ddd"/><text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{us:g}</text>')
    for index, point in enumerate(points):
        x = place(index, 0)[0]
        out.append(f'<text x="{x:.1f}" y="{top + height + 18}" text-anchor="middle">{short(point["value"])}</text>')
    lines = [("all", "#000", [point["cpu_us_per_event"] for point in points])]
    lines += [(stage, colour, [sum(point["cpu_us_by_stage"].get(thread, 0) for thread in threads) for point in points]) for stage, threads, colour in STAGES]
    labels = sorted(((place(0, values[-1])[1], name, colour) for name, colour, values in lines), reverse=True)
    for name, colour, values in lines:
        path = " ".join("{:.1f},{:.1f}".format(*place(index, us)) for index, us in enumerate(values))
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{2.5 if name == "all" else 1.5}"/>')
        out += ['<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="{}"/>'.format(*place(index, us), colour) for index, us in enumerate(values)]
    free = math.inf
    for y, name, colour in labels:  # from below; none over another
        free = min(y, free)
        out.append(f'<text x="{left + width + 4}" y="{free + 4:.1f}" fill="{colour}">{escape(name)}</text>')
        free -= 14
    return "\n".join(out) + "\n</svg>\n"


def write(name, points, machine, directory=DIRECTORY):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}.json").write_text(json.dumps({"machine": machine, "points": points}, indent=1) + "\n", encoding="utf-8")
    (directory / f"{name}.svg").write_text(svg(DIMENSIONS[name].title, points), encoding="utf-8")
