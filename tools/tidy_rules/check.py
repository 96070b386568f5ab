"""Every rule, over a whole tree."""

from . import classes, dead, files, measures, tree
from .settings import Layers, Limits
from .source import Source

FOLDERS = ("src", "sim", "bench", "tests")
# Whose comments must fit the width, too; the C++ code is read anyway.
FOLDERS_OF_SCRIPTS = FOLDERS + ("cmake", "tools", "proto", "deploy", ".ci")


def read_tree(root):
    return [
        Source(root, path)
        for folder in FOLDERS
        for path in dead.files_below(root, folder)
        if path.suffix in (".h", ".cc")
    ]


def check_scripts(root, limits):
    """The width of comments of scripts, CMake's files and protobuf's."""
    paths = [p for folder in FOLDERS_OF_SCRIPTS for p in dead.files_below(root, folder)]
    for path in paths + [p for p in (root / "CMakeLists.txt", root / "dev") if p.is_file()]:
        if path.suffix in (".h", ".cc"):
            continue
        mark = files.comment_mark(path)
        if mark is None:
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        commented = [number for number, line in enumerate(lines, 1) if line.lstrip().startswith(mark)]
        yield from files.check_comment_width(path.relative_to(root).as_posix(), lines, commented, limits)


def check_tree(root):
    layers, limits = Layers(root / "tools/layers.txt"), Limits(root / Limits.NAME)
    sources = read_tree(root)
    findings = []
    for source in sources:
        findings += files.check_calls(source)
        findings += files.check_filesystem(source)
        findings += files.check_text(source, limits)
        findings += files.check_header(source)
        findings += files.check_functions(source, limits)
        findings += files.check_comment_width(source.name, source.lines, source.lines_with_comment, limits)
        findings += files.check_include_style(source, root)
        findings += tree.check_layers(source, root, layers)
    findings += check_scripts(root, limits)
    findings += files.check_escapes(sources, limits)
    findings += tree.check_cycles([source for source in sources if source.module not in layers.tests_only])
    findings += classes.check_classes(sources, limits)
    findings += dead.check_dead(sources, root)
    stats = measures.measures(sources, limits)
    findings += measures.check_measures(stats, limits)
    return sorted(set(findings)), stats
