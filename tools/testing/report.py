"""The end of a run: where the time went, what failed, what was flaky, and the counts alone on the last line."""
from testing.stage import say

SLOWEST = 15
PASSED, FAILED, NOT_WHOLE = 0, 1, 3  # 2 is wrong usage


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


def say_what_is_missing(stages):
    """A run that time cut short says nothing of what it left out: nobody may take it for a whole one."""
    left_out = [(s.name, what) for s in stages for what in s.left_out]
    if not left_out:
        return
    say("!" * 100)
    say(f"NOT WHOLE: the time was over before {len(left_out)} {'thing' if len(left_out) == 1 else 'things'} could be tested; nobody knows whether they work:")
    for name, what in left_out:
        say(f"left out: {name}: {what}")
    say("to test them: the same again, with a larger FRESHET_TEST_MINUTES or none (--only STAGE: no more than that stage)")
    say("!" * 100)


def summary(stages):
    """Prints it all. The exit status: PASSED, FAILED, or NOT_WHOLE if nothing failed, but something was left out."""
    where_time_went(stages)
    say("")
    for failure in (failure for s in stages for failure in s.failures):
        say(f"failed: {failure}")
    for flaky in (flaky for s in stages for flaky in s.flaky):
        say(f"flaky: {flaky}")
    passed, failed, skipped = (sum(getattr(s, what) for s in stages) for what in ("passed", "failed", "skipped"))
    say_what_is_missing(stages)
    say(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    if failed:
        return FAILED
    return NOT_WHOLE if any(s.left_out for s in stages) else PASSED
