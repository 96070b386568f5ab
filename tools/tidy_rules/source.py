"""A C++ file as the rules see it: lines, code without comments and literals, includes, functions, classes."""

import dataclasses
import functools
import re

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

LITERAL = re.compile(
    r"//[^\n]*|/\*.*?\*/"
    r'|R"(?P<mark>[^ ()\\\t\n]*)\(.*?\)(?P=mark)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",
    re.DOTALL,
)


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    file: str
    line: int
    rule: str
    message: str

    def __str__(self):
        return f"{self.file}:{self.line}: {self.message} [{self.rule}]"


@dataclasses.dataclass(frozen=True)
class Function:
    head: str  # everything before the brace
    at: int  # offset of the head
    first: int  # lines, from 1
    last: int

    @property
    def lines(self):
        return self.last - self.first + 1


@dataclasses.dataclass(frozen=True)
class Class:
    path: str  # with the classes around it, without namespaces: Outer::Inner
    begin: int  # offsets of its braces
    end: int
    line: int


class Source:
    """One file: its text, and its code with comments and literals blanked (same length, same lines)."""

    def __init__(self, root, path):
        self.name = path.relative_to(root).as_posix()
        self.text = path.read_text(encoding="utf-8", errors="replace")
        self.lines = self.text.splitlines()
        self.code = blank(self.text)
        self.is_header = self.name.endswith(".h")
        self.is_test = self.name.endswith(("_test.cc", "_fuzz.cc")) or self.name.startswith(("tests/", "src/testing/"))
        parts = self.name.split("/")
        self.module = parts[1] if parts[0] == "src" and len(parts) > 2 else None
        self.top = parts[0]
        self.is_product = self.top == "src" and not self.is_test
        self.includes = []  # (line, "<" or '"', path)
        for number, line in enumerate(self.lines, 1):
            match = INCLUDE.match(line)
            if match:
                self.includes.append((number, match.group(1), match.group(2)))

    def line_at(self, offset):
        return self.code.count("\n", 0, offset) + 1

    @functools.cached_property
    def statements(self):
        """The code without preprocessor lines, so that every brace has its other."""
        hide = lambda match: re.sub(r"[^\n]", " ", match.group())
        return re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", hide, self.code, flags=re.M)

    @functools.cached_property
    def functions(self):
        return list(functions(self))

    @functools.cached_property
    def classes(self):
        return list(classes(self))

    @functools.cached_property
    def lines_with_comment(self):
        """Numbers of the lines where a comment stands, alone or behind code."""
        found = set()
        for match in LITERAL.finditer(self.text):
            if match.group().startswith("/"):
                first = self.line_at(match.start())
                found.update(range(first, first + match.group().count("\n") + 1))
        return sorted(found)

    @functools.cached_property
    def comment_lines(self):
        """Numbers of the lines with nothing but a comment."""
        code = self.code.split("\n")
        return [number for number in self.lines_with_comment if not code[number - 1].strip()]

    @functools.cached_property
    def code_line_count(self):
        """Lines with code. Those in a literal over several lines are code; empty ones are not."""
        return sum(1 for line in self.lines if line.strip()) - len(self.comment_lines)

    @functools.cached_property
    def comment_blocks(self):
        """(line, text) of each run of lines that are a // comment."""
        blocks, before = [], 0
        for number in self.comment_lines:
            text = self.lines[number - 1].strip()
            if not text.startswith("//"):
                continue
            text = text[2:].strip()
            if blocks and before == number - 1:
                blocks[-1] = (blocks[-1][0], f"{blocks[-1][1]}\n{text}")
            else:
                blocks.append((number, text))
            before = number
        return blocks


def blank(text):
    """Comments become blanks; literals keep their quotes, so that the shape of the code stays."""

    def replace(match):
        found = match.group()
        hidden = re.sub(r"[^\n]", " ", found)
        if found.startswith("/"):
            return hidden
        return '"' + hidden[1:-1] + '"' if len(found) >= 2 else hidden

    return LITERAL.sub(replace, text)


HEAD_OF_TYPE = re.compile(
    r"^(?:\[\[[^\]]*\]\]\s*|alignas\s*\([^)]*\)\s*|typedef\s+|inline\s+|static\s+)*"
    r"(?:class|struct|union|enum|namespace|extern\s*\")"
)
CONTROL = re.compile(r"^(?:else\s+)?(?:if|for|while|switch|catch|do|else|try|return)\b")


def without_template(head):
    """Drops a leading template<...> and requires-less angle brackets."""
    while True:
        match = re.match(r"\s*template\s*<", head)
        if not match:
            return head.strip()
        depth, i = 1, match.end()
        while i < len(head) and depth:
            depth += {"<": 1, ">": -1}.get(head[i], 0)
            i += 1
        head = head[i:]


def opens_function(head):
    """Whether a brace after this text, outside of any function, opens a function's body."""
    head = without_template(head)
    if not head or HEAD_OF_TYPE.match(head) and not re.search(r"\)\s*(?:const|noexcept|override|final|\s)*$", head):
        return False
    flat = re.sub(r"\([^()]*\)", "()", re.sub(r"\([^()]*\)", "()", head))
    if re.search(r"(?<!operator)(?<![=!<>+\-*/%&|^])=(?!=)", flat) and "[" not in flat:
        return False  # an initializer
    return ")" in head and not CONTROL.match(head)


def functions(source):
    """Each function with a body outside of other functions: brace matching."""
    code = source.statements
    depth, inside, head_start = 0, None, 0
    parens = 0
    for match in re.finditer(r"[{};()]|(?<!:):(?!:)", code):
        char, at = match.group(), match.start()
        if char == "(":
            parens += 1
        elif char == ")":
            parens = max(0, parens - 1)
        elif char == "{":
            depth += 1
            if inside is None and parens == 0:
                head = code[head_start:at]
                if opens_function(head):
                    first = head_start + len(head) - len(head.lstrip())
                    inside = (depth, first, head.strip())
                else:
                    head_start = match.end()
        elif char == "}":
            if inside is not None and inside[0] == depth:
                _, first, head = inside
                inside = None
                if re.match(r"\s*[,{]", code[match.end() : match.end() + 200]):
                    depth -= 1  # a member's initializer: the body is still to come
                    continue
                yield Function(head, first, source.line_at(first), source.line_at(at))
            depth = max(0, depth - 1)
            if inside is None:
                head_start = match.end()
        elif char == ";" and inside is None and parens == 0:
            head_start = match.end()
        elif char == ":" and inside is None and parens == 0:
            if re.search(r"\b(?:public|private|protected)\s*$", code[head_start:at]):
                head_start = match.end()


CLASS = re.compile(
    r"(?<![\w<,])(?:class|struct)\s+(?:\[\[[^\]]*\]\]\s*|alignas\s*\([^)]*\)\s*)*"
    r"(\w+(?:::\w+)*)(?:<[^;{]*>)?\s*(?:final\s*)?(?::(?!:)[^;{}]*)?\{"
)


def end_of_braces(code, begin):
    """The offset of the brace that closes the one at `begin`."""
    depth = 0
    for match in re.finditer(r"[{}]", code[begin:]):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return begin + match.start()
    return len(code)


def classes(source):
    code, around = source.statements, []
    for match in CLASS.finditer(code):
        if re.search(r"\benum\s+$", code[: match.start()]):
            continue
        begin = match.end() - 1
        around = [c for c in around if begin < c.end]
        path = "::".join([around[-1].path] if around else []) + ("::" if around else "") + match.group(1)
        found = Class(path, begin, end_of_braces(code, begin), source.line_at(match.start()))
        around.append(found)
        yield found


def without_arguments(text):
    """Text without what stands in its angle brackets."""
    before = None
    while before != text:
        before, text = text, re.sub(r"<[^<>]*>", "", text)
    return text


def declares_function(statement):
    """Whether a statement of a class, up to its ; or {, declares a function that has or will have a body."""
    statement = re.sub(r"\[\[[^\]]*\]\]|\b(?:public|private|protected)\s*:(?!:)", " ", without_template(statement))
    statement = re.sub(r"\boperator\s*(?:\(\s*\)|[^\s\w(]+)", "operator_", statement)
    statement = without_arguments(statement).strip()
    if re.match(r"(?:using|friend|typedef|static_assert|enum|class|struct|union)\b", statement):
        return False
    if re.search(r"=\s*(?:default|delete)\s*$", statement):
        return False
    head = re.sub(r"=\s*0\s*$", "", statement)
    return re.search(r"[~\w]\s*\((?!\s*\*)", head) is not None and "=" not in re.sub(r"\(.*\)", "", head, flags=re.S)


def method_count(source, wanted):
    """How many functions a class declares, without those of the classes in it and those with `= default`."""
    code, count, at, start, parens = source.statements, 0, wanted.begin + 1, wanted.begin + 1, 0
    while at < wanted.end:
        char = code[at]
        if char in "()":
            parens += 1 if char == "(" else -1
        elif char == "{" and parens == 0:
            body_ends = end_of_braces(code, at)
            if not re.match(r"\s*[,{]", code[body_ends + 1 : body_ends + 200]):  # else a member's initializer
                head = code[start:at]
                if declares_function(re.sub(r"(?<=\))\s*:(?!:).*$", "", head, flags=re.S)):
                    count += 1
                start = body_ends + 1
            at = body_ends
        elif char == ";" and parens == 0:
            count += declares_function(code[start:at])
            start = at + 1
        at += 1
    return count
