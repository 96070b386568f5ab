"""What is counted. `least` and `most` of tools/tidy.txt turn a measure into a rule.

Of product code (src/ without tests):
  comment_percent_sources, _headers   lines with nothing but a comment, of the lines with a comment or code; a comment
                                      behind code is not counted
  assertions_per_function             FRESHET_ASSERT; a static_assert finds no bug of a run and is not counted
  closure_median                      headers of ours that one source pulls in
  comment_blocks_no_sentence_percent  comments that begin with a lower-case word or have no mark at their end: a guess, since
                                      lists, grammars and names of files count, too; so it is no rule
"""

import re
import statistics

from .classes import class_sizes, is_large
from .source import Finding
from .tree import closure

ASSERTION = re.compile(r"\bFRESHET_ASSERT\w*\s*\(")


def median(numbers):
    return statistics.median(numbers) if numbers else 0


def comment_percent(sources):
    comments = sum(len(s.comment_lines) for s in sources)
    return round(100 * comments / max(1, comments + sum(s.code_line_count for s in sources)), 2)


def is_sentence(text):
    """Whether a comment looks like sentences; separators (---- words) and names (a_name, kName) do."""
    first = text.split(None, 1)[0] if text.split() else ""
    if re.match(r"-{2,}", text) or not first:
        return True
    return not re.fullmatch(r"[a-z]+,?", first) and re.search(r"[.:;?!)}…\"]$", text) is not None


def measures(sources, limits):
    product = [s for s in sources if s.is_product]
    cc = [s for s in product if not s.is_header]
    headers = [s for s in product if s.is_header]
    lengths = [f.lines for s in product for f in s.functions]
    by_name = {s.name: s for s in sources}
    blocks = [text for s in product for _, text in s.comment_blocks]
    count = lambda pattern: sum(len(pattern.findall(s.statements)) for s in product)
    return {
        "sources": len(cc),
        "headers": len(headers),
        "source_lines_median": median([len(s.lines) for s in cc]),
        "header_lines_median": median([len(s.lines) for s in headers]),
        "functions": len(lengths),
        "function_lines_median": median(lengths),
        "functions_over_limit": sum(1 for n in lengths if n > limits.most["function_lines"]),
        "includes_median": median([len(s.includes) for s in cc]),
        "closure_median": median([len(closure(s, by_name)) for s in cc]),
        "classes_over_limit": sum(1 for size in class_sizes(sources).values() if is_large(size, limits)),
        "comment_percent_sources": comment_percent(cc),
        "comment_percent_headers": comment_percent(headers),
        "comment_blocks_no_sentence_percent": round(
            100 * sum(1 for text in blocks if not is_sentence(text)) / max(1, len(blocks)), 1
        ),
        "assertions_per_function": round(count(ASSERTION) / max(1, len(lengths)), 4),
        "lines": sum(len(s.lines) for s in product),
        "test_lines": sum(len(s.lines) for s in sources if s.is_test),
    }


def check_measures(stats, limits):
    for name, most in limits.most.items():
        if stats.get(name, 0) > most:
            yield Finding("src", 1, "measure", f"{name} is {stats[name]:g}: {most:g} is the most")
    for name, (least, line) in limits.least.items():
        if name not in stats:
            yield Finding(limits.NAME, line, "measure", f"{name} is not a measure (tools/tidy --json shows them)")
        elif stats[name] < least:
            yield Finding("src", 1, "measure", f"{name} is {stats[name]:g}: {least:g} is the least")
