"""Rules over includes: layers, cycles between modules, the closure of a source's headers."""

import collections

from .source import Finding


def check_layers(source, root, layers):
    tests_only = source.module in layers.tests_only
    if source.module and not tests_only and source.module not in layers.layer_of:
        yield Finding(source.name, 1, "layer", f"src/{source.module} has no layer: add it to tools/layers.txt")
        return
    for number, _, path in source.includes:
        for prefix, allowed in layers.only:
            if path.startswith(prefix) and not any(source.name.startswith(folder + "/") for folder in allowed):
                yield Finding(source.name, number, "confined", f"{path} may be included in {', '.join(allowed)} only")
        target = path.split("/")[0]
        if target in layers.tests_only and source.module and not source.is_test:
            yield Finding(source.name, number, "tests-only", f"{path} is for tests: the product may not include it")
        if source.module is None or tests_only or target == source.module or not (root / "src" / path).is_file():
            continue
        mine, theirs = layers.layer_of[source.module], layers.layer_of.get(target)
        if theirs is not None and theirs >= mine:
            yield Finding(
                source.name,
                number,
                "layer",
                f"src/{source.module} (layer {mine}) may not include {path} (layer {theirs}): only lower layers",
            )


def check_cycles(sources):
    """Modules that reach themselves over includes; each cycle is told once, at one of its includes."""
    uses = collections.defaultdict(dict)
    modules = {source.module for source in sources if source.module}
    for source in sources:
        for number, _, path in source.includes:
            target = path.split("/")[0]
            if source.module and target in modules and target != source.module:
                uses[source.module].setdefault(target, (source.name, number))
    told = set()
    for start in sorted(uses):
        stack, seen = [(start, [start])], set()
        while stack:
            module, path = stack.pop()
            for target in uses.get(module, {}):
                if target == start and frozenset(path) not in told:
                    told.add(frozenset(path))
                    name, number = uses[start][path[1] if len(path) > 1 else start]
                    yield Finding(name, number, "cycle", f"modules in a cycle: {' -> '.join(path + [start])}: cut it")
                elif target not in seen and target not in path:
                    seen.add(target)
                    stack.append((target, path + [target]))


def included_files(source, by_name):
    """The names of our files that it includes: paths are from src/, beside src/ from the folder, too."""
    for _, _, path in source.includes:
        for folder in ("src", source.top):
            if f"{folder}/{path}" in by_name:
                yield f"{folder}/{path}"
                break


def closure(source, by_name):
    """The names of our headers that a source pulls in, over all others."""
    seen, stack = set(), [source]
    while stack:
        for name in included_files(stack.pop(), by_name):
            if name not in seen:
                seen.add(name)
                stack.append(by_name[name])
    return seen
