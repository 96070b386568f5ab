"""Rules over one file."""

import re

from .source import Finding

EXEMPT = ("src/env/", "bench/")  # from BANNED_CALLS: the real clock is in env; benchmarks measure our own clock, too

# (rule, pattern over code without comments and strings, what would be right); not checked in EXEMPT.
BANNED_CALLS = [
    ("clock", r"\b(?:system|steady|high_resolution)_clock\b", "take an env::Clock&"),
    ("clock", r"(?<![\w.>])time\s*\(\s*(?:nullptr|NULL|0|&\s*\w+)\s*\)", "take an env::Clock&"),
    ("clock", r"\b(?:gettimeofday|clock_gettime|timespec_get)\s*\(", "take an env::Clock&"),
    ("sleep", r"\bsleep_(?:for|until)\b", "use env::Clock::sleep_us or wait on a condition"),
    ("sleep", r"(?<![\w.>])(?:sleep|usleep|nanosleep)\s*\(", "use env::Clock::sleep_us or wait on a condition"),
    (
        "random",
        r"(?<![\w.>])(?:rand|srand|random|drand48|getrandom|getentropy|arc4random)\s*\(",
        "take an env::Random&",
    ),
    ("random", r"\b(?:random_device|randombytes_\w+)\b", "take an env::Random&"),
]
# Not allowed anywhere.
BANNED_EVERYWHERE = [
    ("regex", r"\bstd\s*::\s*(?:basic_)?w?regex\b", "write the few lines of a parser: std::regex is slow and recurses"),
]
# Not allowed in headers.
BANNED_IN_HEADERS = [("using", r"\busing\s+namespace\s+\w", "a header's names are everybody's: name what is used")]
# Functions of std::filesystem that throw unless their last argument is a std::error_code, and iterators over folders.
THROWING = (
    r"\b(?:fs|filesystem)\s*::\s*"
    r"(absolute|canonical|copy(?:_file|_symlink)?|create_\w+|current_path|equivalent|exists|file_size|hard_link_count"
    r"|is_(?:block_file|character_file|directory|empty|fifo|other|regular_file|socket|symlink)|last_write_time"
    r"|permissions|proximate|read_symlink|relative|remove(?:_all)?|rename|resize_file|space|(?:symlink_)?status"
    r"|temp_directory_path|weakly_canonical|(?:recursive_)?directory_iterator)\b\s*\w*\s*\("
)
# Of an entry of a folder.
THROWING_OF_ENTRY = (
    r"(?:\.|->)\s*(exists|file_size|hard_link_count|is_(?:directory|other|regular_file|symlink)|last_write_time)"
    r"\s*\(\s*\)"
)
ERROR_CODES = re.compile(r"\berror_code\s*&?\s+(\w+(?:\s*,\s*\w+)*)")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")


def check_calls(source):
    outside_env = [] if source.name.startswith(EXEMPT) else BANNED_CALLS
    in_headers = BANNED_IN_HEADERS if source.is_header else []
    for rule, pattern, right in outside_env + BANNED_EVERYWHERE + in_headers:
        for match in re.finditer(pattern, source.code):
            what = match.group().strip()
            yield Finding(source.name, source.line_at(match.start()), rule, f"'{what}' is not for here: {right}")


def arguments_at(code, begin):
    """The arguments of the call whose parenthesis opens at `begin`, and where it closes."""
    depth, at, first, arguments = 0, begin, begin + 1, []
    for at in range(begin, len(code)):
        char = code[at]
        depth += (char in "([{") - (char in ")]}")
        if depth == 0 or (char == "," and depth == 1):
            arguments.append(code[first:at].strip())
            first = at + 1
        if depth == 0:
            break
    return arguments, at


def thrown_by(source):
    """(offset, call) of what of std::filesystem throws where the disk, or somebody's hand, is at fault."""
    code = source.code
    codes = {name.strip() for found in ERROR_CODES.findall(code) for name in found.split(",")}
    for match in re.finditer(THROWING, code):
        arguments, _ = arguments_at(code, match.end() - 1)
        iterates = match.group(1).endswith("directory_iterator")
        is_end = iterates and arguments == [""]
        of_status = match.group(1).startswith("is_") and len(arguments) == 1 and re.search(r"status\(", arguments[0])
        if arguments[-1] not in codes and not is_end and not of_status:
            yield match.start(), match.group(1)
    for match in re.finditer(r"\bfor\s*\(", code):
        head = code[match.end() : arguments_at(code, match.end() - 1)[1]]
        if "directory_iterator" in head and (";" not in head or "++" in head):
            yield match.start(), "++ of a directory_iterator"
    if re.search(r"\bdirectory_(?:iterator|entry)\b", code):
        for match in re.finditer(THROWING_OF_ENTRY, code):
            yield match.start(), match.group(1)


def check_filesystem(source):
    if source.is_test or source.top not in ("src", "sim"):
        return
    for at, call in thrown_by(source):
        right = "give it a std::error_code as its last argument, and increment(error) to an iterator: else it throws"
        yield Finding(source.name, source.line_at(at), "filesystem", f"'{call}' is not for here: {right}")


def check_text(source, limits):
    most = limits.most["file_lines"]
    if len(source.lines) > most:
        yield Finding(
            source.name,
            len(source.lines),
            "file-length",
            f"{len(source.lines)} lines: split the file, {most:g} are the most",
        )
    for number, line in enumerate(source.lines, 1):
        match = UNFINISHED.search(line)
        if match:
            yield Finding(
                source.name, number, "unfinished", f"{match.group()}: do it now, or open an issue and drop the mark"
            )


def check_comment_width(name, lines, commented, limits):
    """`commented` are the numbers of the lines with a comment."""
    most = limits.most["comment_columns"]
    for number in commented:
        columns = len(lines[number - 1])
        if columns > most:
            yield Finding(
                name, number, "comment-width", f"a comment that is {columns} columns wide: {most:g} are the most"
            )


def comment_mark(path):
    """How a comment begins in a file that is no C++ code; None: it is not held to the rules."""
    if path.suffix == ".proto":
        return "//"
    if path.suffix in (".py", ".cmake", ".sh") or path.name == "CMakeLists.txt":
        return "#"
    if path.suffix == "":
        with path.open("rb") as file:
            return "#" if file.read(2) == b"#!" else None
    return None


def check_header(source):
    if not source.is_header:
        return
    if not source.lines or not source.lines[0].startswith("//"):
        yield Finding(
            source.name,
            1,
            "contract",
            "a header starts with its contract: // what it does, units, owners, threads, how it fails",
        )
    if not any(line.strip() == "#pragma once" for line in source.lines):
        yield Finding(source.name, 1, "pragma-once", "no #pragma once: write it after the contract")


def check_include_style(source, root):
    for number, quote, path in source.includes:
        ours = (root / "src" / path).is_file() or path.startswith("freshet/v1/")
        beside = source.top != "src" and (root / source.top / path).is_file()
        if quote == "<" and ours:
            yield Finding(source.name, number, "include-style", f'<{path}> is ours: write "{path}"')
        elif quote == '"' and not ours and not beside:
            yield Finding(
                source.name,
                number,
                "include-style",
                f'"{path}" is not a file from src/: write the path from src/ for ours, <{path}> for a library',
            )
        if path.endswith(".cc"):
            yield Finding(source.name, number, "include-style", f"{path} is a source: include its header")


def check_functions(source, limits):
    most = limits.most["function_lines"]
    for function in source.functions:
        if function.lines > most:
            yield Finding(
                source.name,
                function.first,
                "function-length",
                f"a function of {function.lines} lines: split it, {most:g} are the most",
            )


# A function that escapes: it writes \uXXXX, or compares with a quote and writes a backslash.
WRITES_UNICODE = re.compile(r'"[^"\n]*\\\\u(?:%|\{|00)')
QUOTE = re.compile(r"""'"'|'\\"'""")
WRITES_BACKSLASH = re.compile(r"""(?:\+=|<<|\?|push_back\(|append\()[^;\n]*?(?:'\\\\'|"\\\\)""")


def escapes_in(source):
    """The functions that escape quotes, of what is not a test."""
    if source.is_test:
        return
    for function in source.functions:
        text = "\n".join(source.lines[function.first - 1 : function.last])
        if WRITES_UNICODE.search(text) or QUOTE.search(text) and WRITES_BACKSLASH.search(text):
            yield function


def check_escapes(sources, limits):
    unused = dict(limits.escapes)
    for source in sources:
        for function in escapes_in(source):
            if source.name in limits.escapes:
                unused.pop(source.name, None)
                continue
            yield Finding(
                source.name,
                function.first,
                "escaping",
                "escapes quotes by itself: call who does it already (see 'escapes' in tools/tidy.txt)",
            )
    for name, line in unused.items():
        yield Finding(limits.NAME, line, "escaping", f"nothing in {name} escapes quotes (any more): take this line out")
