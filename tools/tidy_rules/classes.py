"""Class size over all its files: how many functions a class declares, and how many lines their definitions take."""

import collections
import dataclasses
import re

from .source import Finding, method_count, without_arguments, without_template


@dataclasses.dataclass
class Size:
    file: str
    line: int
    methods: int
    lines: int = 0
    files: set = dataclasses.field(default_factory=set)


QUALIFIED = re.compile(r"((?:\w+::)+)(?:~?\w+|operator[^(]*)\s*\(")


def room_of(source):
    """Within it the names of classes are unique: a module, or a folder beside src/."""
    return source.module or source.top


def owner(source, function, sizes):
    """The key of the class whose function this is, or None."""
    head = without_arguments(without_template(function.head))
    match = QUALIFIED.search(head.split("(", 1)[0] + "(")
    if match:
        parts = match.group(1).split("::")[:-1]
        for i in range(len(parts)):
            key = (room_of(source), "::".join(parts[i:]))
            if key in sizes:
                return key
    around = [c for c in source.classes if c.begin < function.at < c.end]
    return (room_of(source), around[-1].path) if around else None


def class_sizes(sources):
    """{(module or folder, class): Size} of what is not a test."""
    sizes = {}
    sources = [s for s in sources if not s.is_test]
    for source in sources:
        for found in source.classes:
            size = Size(source.name, found.line, method_count(source, found))
            sizes.setdefault((room_of(source), found.path), size)
    counted = collections.defaultdict(set)
    for source in sources:
        for function in source.functions:
            key = owner(source, function, sizes)
            if key and (source.name, function.first) not in counted[key]:
                counted[key].add((source.name, function.first))
                sizes[key].lines += function.lines
                sizes[key].files.add(source.name)
    return sizes


def is_large(size, limits):
    return size.methods > limits.most["class_methods"] or size.lines > limits.most["class_lines"]


def check_classes(sources, limits):
    unused = dict(limits.large)
    for (_, path), size in sorted(class_sizes(sources).items()):
        if not is_large(size, limits):
            continue
        ceiling = unused.pop(path, None)
        methods = ceiling.methods if ceiling else limits.most["class_methods"]
        lines = ceiling.lines if ceiling else limits.most["class_lines"]
        if size.methods > methods or size.lines > lines:
            yield Finding(
                size.file,
                size.line,
                "class-size",
                f"{path} has {size.methods} functions with {size.lines} lines in {len(size.files)} files: split it, "
                f"{methods:g} functions and {lines:g} lines are the most",
            )
    for path, ceiling in unused.items():
        yield Finding(
            limits.NAME, ceiling.line, "class-size", f"{path} is not over the limits (any more): take this line out"
        )
