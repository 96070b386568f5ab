"""Dead files: headers that nothing uses, sources that no CMakeLists compiles, other files that nothing refers to."""

import collections
import fnmatch
import re

from .source import Finding
from .tree import included_files

SKIPPED = {"build", "node_modules", "freshet-data", "__pycache__", ".git", ".cache"}
TEXT_BYTES_MAX = 2_000_000


def files_below(root, folder):
    for path in sorted((root / folder).iterdir()) if (root / folder).is_dir() else []:
        if path.name in SKIPPED or path.is_symlink():
            continue
        if path.is_dir():
            yield from files_below(root, path)
        else:
            yield path


def check_headers(sources, root):
    """A header that only its own source and its own tests include is as dead as one that nobody includes."""
    by_name = {s.name: s for s in sources}
    users = collections.defaultdict(set)
    for source in sources:
        for name in included_files(source, by_name):
            users[name].add(source.name)
    for template in (p for folder in ("src", "cmake") for p in files_below(root, folder) if p.name.endswith(".cc.in")):
        for path in re.findall(r'#include "([^"]+)"', template.read_text(encoding="utf-8")):
            users[f"src/{path}"].add(template.relative_to(root).as_posix())
    for source in sources:
        if not source.is_header:
            continue
        stem = source.name[:-2]
        others = users[source.name] - {f"{stem}.cc", f"{stem}_test.cc", f"{stem}_fuzz.cc"}
        if not others:
            yield Finding(source.name, 1, "dead", "nothing but its own source and tests includes it: take it out")


def list_of_cmake(text):
    """The commands of a CMakeLists: (name in lower case, its words)."""
    text = re.sub(r"#[^\n]*", "", text)
    for match in re.finditer(r"(\w+)\s*\(((?:[^()]|\([^()]*\))*)\)", text):
        yield match.group(1).lower(), re.findall(r'"[^"]*"|[^\s"]+', match.group(2))


def compiled_sources(root):
    """Names of the .cc files that the CMakeLists compile: by freshet_module, by a glob, by name."""
    compiled = set()
    name_of = lambda path: path.relative_to(root).as_posix()
    for file in (p for p in files_below(root, ".") if p.name == "CMakeLists.txt"):
        folder = file.parent
        for command, words in list_of_cmake(file.read_text(encoding="utf-8")):
            if command == "freshet_module":
                without = words[words.index("WITHOUT") + 1 :] if "WITHOUT" in words else []
                apart = tuple(f"{name_of(folder)}/{below}/" for below in without)
                found = {name_of(p) for p in folder.rglob("*.cc") if p.name != "main.cc"}
                compiled |= {name for name in found if not name.startswith(apart)}
            elif command == "file" and words and words[0].startswith("GLOB"):
                for word in words:
                    pattern = word.replace("${CMAKE_CURRENT_SOURCE_DIR}/", "")
                    if pattern.endswith(".cc"):
                        found = folder.rglob(pattern) if words[0] == "GLOB_RECURSE" else folder.glob(pattern)
                        compiled |= {name_of(p) for p in found if p.name != "main.cc"}
            else:
                named = [w for w in words if w.endswith(".cc") and "$" not in w and "\\" not in w]
                compiled |= {name_of(folder / w) for w in named if (folder / w).is_file()}
    return compiled


def check_sources(sources, root):
    compiled = compiled_sources(root)
    for source in sources:
        if not source.is_header and source.name not in compiled:
            yield Finding(source.name, 1, "dead", "no CMakeLists.txt compiles it: name it in one, or take it out")


WORD = re.compile(r"[\w.@%+*?-]+")


def mentions(root):
    """({word: the files where it stands}, {file: its text})."""
    words, texts = collections.defaultdict(set), {}
    for path in files_below(root, "."):
        if path.stat().st_size > TEXT_BYTES_MAX:
            continue
        name = path.relative_to(root).as_posix()
        texts[name] = path.read_text(encoding="utf-8", errors="replace")
        for word in set(WORD.findall(texts[name])):
            words[word.strip(".")].add(name)
    return words, texts


def check_others(root, folders=("tools", "tests", "docs")):
    """Files that are no C++ code. One is used if another file mentions one of these:
    its name (in docs/ nothing else counts: stems are everyday words there); its stem; a pattern that begins like it
    (test_*.py); the two last parts of the path of a folder that it is in (golden/fleet).
    """
    words, texts = mentions(root)
    patterns = [(w, files) for w, files in words.items() if re.match(r"\w{3,}[*?]", w)]
    folder_is_used = {}

    def is_folder_used(folder):
        if folder not in folder_is_used:
            path = "/".join(folder.relative_to(root).parts[-2:])
            inside = folder.relative_to(root).as_posix() + "/"
            folder_is_used[folder] = any(path in text for name, text in texts.items() if not name.startswith(inside))
        return folder_is_used[folder]

    for folder in folders:
        for path in files_below(root, folder):
            name = path.relative_to(root).as_posix()
            if path.suffix in (".cc", ".h") or path.name in ("CMakeLists.txt", "__init__.py"):
                continue
            called = [path.name] if folder == "docs" else [path.name, path.stem]
            if any(words[word] - {name} for word in called if word in words):
                continue
            if any(fnmatch.fnmatch(path.name, p) and files - {name} for p, files in patterns):
                continue
            around = [p for p in path.parents if root in p.parents and len(p.relative_to(root).parts) > 1]
            if folder != "docs" and any(is_folder_used(p) for p in around):
                continue
            yield Finding(
                name, 1, "dead", "nothing refers to it: refer to it where somebody looks for it, or take it out"
            )


def check_dead(sources, root):
    yield from check_headers(sources, root)
    yield from check_sources(sources, root)
    yield from check_others(root)
