"""`./dev bench --gate [COMMIT]`: whether this checkout takes more CPU an event than a commit before it.

Both are built, that one in a git worktree under build/gate, and run the quick pipeline in turn (before, after, before, after, …), because
what a machine can do changes from minute to minute: it changes for both. What counts is the median of the CPU µs an event of each. Where that
says worse, as many runs again must say so, too.
"""
import dataclasses
import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TREE = ROOT / "build" / "gate" / "before"
MAINS = ("main", "origin/main")
WORSE = 0.10  # by so much more CPU an event it fails
PAIRS = 3


class Unable(Exception):
    """It can't be said; the text says why, and what would help."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    change: float  # of the median: 0.1 is a tenth more CPU an event
    worse: bool
    text: str


def judge(before, after, worse=WORSE):
    """Of the CPU µs an event that the runs of both took."""
    if not before or len(before) != len(after) or min(before + after) <= 0:
        raise Unable("there are not as many runs of one as of the other, or one of them says nothing of its CPU")
    old, new = statistics.median(before), statistics.median(after)
    change = new / old - 1
    spread = f"{min(before):.2f} to {max(before):.2f} before, {min(after):.2f} to {max(after):.2f} now"
    how = "as much as" if round(abs(change), 3) == 0 else f"{abs(change):.1%} {'more' if change > 0 else 'less'} than"
    return Verdict(change, change >= worse, f"{new:.2f} µs of CPU an event, {how} before ({old:.2f}); {len(before)} runs each: {spread}")


def measured(run, pairs=PAIRS, worse=WORSE):
    """`run` takes "before" or "after" and returns the CPU µs an event of a run of it."""
    took = {"before": [], "after": []}
    for _ in range(2):  # A second look only at what seems to be worse: a busy minute must not fail a change.
        for _ in range(pairs):
            for which in ("before", "after"):
                took[which].append(run(which))
        verdict = judge(took["before"], took["after"], worse)
        if not verdict.worse:
            break
    return verdict


def chosen(asked, head, merge_bases, parent, is_changed):
    """The commit to compare with: what was asked for; on a branch where it left main; on main itself the commit before, or that commit itself if
    what is not committed yet is to be looked at. None: there is none."""
    if asked:
        return asked
    for base in merge_bases:
        if base != head:
            return base
    return head if is_changed else parent


def git(*arguments):
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def commit_before(asked):
    head = git("rev-parse", "--verify", "HEAD")
    if not head:
        raise Unable("this is no git repository with a commit, so there is nothing to compare with")
    bases = [base for base in (git("merge-base", "HEAD", main) for main in MAINS) if base]
    name = chosen(asked, head, bases, git("rev-parse", "--verify", "HEAD~1"), bool(git("status", "--porcelain", "--untracked-files=no")))
    commit = git("rev-parse", "--verify", f"{name}^{{commit}}") if name else ""
    if not commit:
        raise Unable(f"there is no commit {name or 'before this one'} here: name one (./dev bench --gate COMMIT), or fetch more of the history")
    return commit


def checked(what, command, cwd):
    if subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False).returncode != 0:
        raise Unable(f"{what} failed (its output is above)")


def build_before(commit):
    """Its folder stays, so that the next one is built faster; it shares what was fetched."""
    git("worktree", "prune")
    if (TREE / ".git").exists():
        checked(f"git checkout {commit}", ["git", "-C", str(TREE), "checkout", "--quiet", "--force", "--detach", commit], ROOT)
    else:
        TREE.parent.mkdir(parents=True, exist_ok=True)
        checked("git worktree add", ["git", "-C", str(ROOT), "worktree", "add", "--force", "--detach", str(TREE), commit], ROOT)
    (TREE / "build").mkdir(exist_ok=True)
    if not (TREE / "build" / "cache").exists() and (ROOT / "build" / "cache").exists():
        (TREE / "build" / "cache").symlink_to((ROOT / "build" / "cache").resolve())
    checked(f"building {commit}", [str(TREE / "dev"), "build", "release", "freshet", "freshet-load"], TREE)


def run_pipeline(tree):
    """Each with its own benchmark: what it prints is the same in all of them."""
    done = subprocess.run([str(tree / "bench" / "run"), "--json", "--quick", "pipeline"], cwd=tree, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, check=False)
    try:
        return float(json.loads(done.stdout)["pipeline"]["cpu_us_per_event"])
    except (ValueError, KeyError, TypeError) as error:
        raise Unable(f"the benchmark of {tree} did not end well (its output is above)") from error


def main(asked, as_json):
    """Exit status: 0 as good as before, 1 worse, or it can't be said."""
    try:
        commit = commit_before(asked)
        print(f"bench: this checkout and {commit[:12]}", file=sys.stderr, flush=True)
        build_before(commit)
        trees = {"before": TREE, "after": ROOT}

        def run(which):
            took = run_pipeline(trees[which])
            print(f"bench: {which}: {took:.2f} µs", file=sys.stderr, flush=True)
            return took

        verdict = measured(run)
    except Unable as unable:
        print(f"bench: the gate: {unable}", file=sys.stderr)
        return 1
    if as_json:
        print(json.dumps({"gate": {"before": commit, "change": round(verdict.change, 4), "worse": verdict.worse}}))
    print(f"bench: {'WORSE: ' if verdict.worse else ''}{verdict.text}", file=sys.stderr if as_json else sys.stdout)
    return 1 if verdict.worse else 0
