"""The end of a run: where the time went, what failed, what was flaky, and the counts alone on the last line."""
from testing.stage import say

SLOWEST = 15


def where_time_went(stages):
    say("")
    say(f"{'stage':<14}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for s in stages:
        say(f"{s.name:<14}{s.passed:>8}{s.failed:>8}{s.skipped:>9}{s.seconds:>9.0f}  {s.note}".rstrip())
    times = sorted((entry for s in stages for entry in s.times), key=lambda entry: -entry[1])
    if len(times) > 1:
        say("")
        say(f"{'the slowest':<60}{'seconds':>9}")
        for what, seconds in times[:SLOWEST]:
            say(f"{what:<60}{seconds:>9.1f}")


def summary(stages):
    """Prints it all; how many failed."""
    where_time_went(stages)
    say("")
    for failure in (failure for s in stages for failure in s.failures):
        say(f"failed: {failure}")
    for flaky in (flaky for s in stages for flaky in s.flaky):
        say(f"flaky: {flaky}")
    passed, failed, skipped = (sum(getattr(s, what) for s in stages) for what in ("passed", "failed", "skipped"))
    say(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return failed
