"""Which integration test begins when. A machine has so many units; a test takes its weight of them while it runs,
most of them little, because they mostly wait. The longest begin first, so that none of them is left to run alone at
the end."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Test:
    """One line of table.py."""

    name: str
    seconds: float  # by itself, on the usual machine; roughly
    weight: int = 1  # of the runner's UNITS
    long: bool = False  # only `--all` runs it


class Packing:
    """Not for several threads at once."""

    def __init__(self, tests, units):
        self.waiting = sorted(tests, key=lambda test: (-test.seconds, test.name))
        self.units = units
        self.free = units

    def weight(self, test):
        """A test that is heavier than the whole machine still runs: alone."""
        return min(test.weight, self.units)

    def begin(self):
        """The longest of those that fit now, which counts as running from here on; None: none fits."""
        for test in self.waiting:
            if self.weight(test) <= self.free:
                self.waiting.remove(test)
                self.free -= self.weight(test)
                return test
        return None

    def end(self, test):
        """It does not run any more."""
        self.free += self.weight(test)
        assert self.free <= self.units, f"{test.name} ended twice"
