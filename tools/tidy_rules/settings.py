"""What may be set: tools/layers.txt (who may include whom) and tools/tidy.txt (limits and named exceptions)."""

import dataclasses
import sys


def rules_of(path):
    """(line number, words) of each line that says something."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split("#")[0].split()
        if words:
            yield number, words


def not_a_rule(path, number, words, forms):
    sys.exit(f"{path}:{number}: not a rule: {' '.join(words)} ({forms})")


class Layers:
    """tools/layers.txt."""

    def __init__(self, path):
        self.layer_of, self.tops, self.tests_only, self.only = {}, set(), set(), []
        for number, words in rules_of(path):
            if words[0] == "module" and len(words) == 3:
                self.layer_of[words[1]] = int(words[2])
            elif words[0] == "top" and len(words) == 2:
                self.tops.add(words[1])
            elif words[0] == "tests-only" and len(words) == 2:
                self.tests_only.add(words[1])
            elif words[0] == "only" and len(words) >= 3:
                self.only.append((words[1], words[2:]))
            else:
                not_a_rule(path, number, words, "module NAME LAYER, top FOLDER, tests-only NAME, only PREFIX FOLDER...")


@dataclasses.dataclass(frozen=True)
class Ceiling:
    """How much of a limit a named class may break today."""

    line: int
    methods: int
    lines: int


class Limits:
    """tools/tidy.txt."""

    NAME = "tools/tidy.txt"

    def __init__(self, path):
        self.most, self.least = {}, {}  # name: number; of `least` the line, too, because a finding points at it
        self.large, self.escapes = {}, {}
        for number, words in rules_of(path):
            if words[0] == "most" and len(words) == 3:
                self.most[words[1]] = float(words[2])
            elif words[0] == "least" and len(words) == 3:
                self.least[words[1]] = (float(words[2]), number)
            elif words[0] == "class" and len(words) == 4:
                self.large[words[1]] = Ceiling(number, int(words[2]), int(words[3]))
            elif words[0] == "escapes" and len(words) == 2:
                self.escapes[words[1]] = number
            else:
                not_a_rule(
                    path, number, words, "most NAME NUMBER, least NAME NUMBER, class NAME METHODS LINES, escapes FILE"
                )
