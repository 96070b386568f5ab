"""Plants one violation of every rule in a made-up tree: each must be found, and nothing in the tree without them."""

import pathlib
import tempfile

from .check import check_tree

LIMITS = """
most file_lines 800
most function_lines 70
most class_methods 25
most class_lines 400
most comment_columns 120
most source_lines_median 200
most header_lines_median 90
most includes_median 25
most closure_median 2
least comment_percent_sources 0.1
least comment_percent_headers 5
least assertions_per_function 0.01
class Large 30 400
escapes src/model/quoted.cc
"""
FUNCTION_LINES = 70
FILE_LINES = 800
FOLDERS = (
    "base",
    "env",
    "model",
    "schema",
    "http",
    "kv",
    "state",
    "eventlog",
    "docstore",
    "action",
    "reaction",
    "other",
)


def methods(count):
    return "".join(f"  void f{i}(int a = 1, std::function<int(int)> b = {{}});\n" for i in range(count))


def definitions(name, functions, lines):
    return "".join(f"void {name}::f{i}() {{\n" + "  x();\n" * (lines - 2) + "}\n" for i in functions)


QUOTES = """std::string quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\\\') out += '\\\\';
    out += c;
  }
  return out;
}
"""
CLEAN = {
    **{f"src/{folder}/CMakeLists.txt": f"freshet_module({folder} DEPS x)\n" for folder in FOLDERS},
    "src/eventlog/CMakeLists.txt": "freshet_module(eventlog WITHOUT kafka)  # kafka/none.cc\nadd_subdirectory(kafka)\n",
    "src/eventlog/kafka/CMakeLists.txt": "freshet_module(eventlog_kafka)\n",
    "src/eventlog/kafka/kafka.cc": "\n",
    "src/app/CMakeLists.txt": "add_executable(app main.cc)\n",
    "src/app/main.cc": "int main() {}\n",
    "sim/CMakeLists.txt": "file(GLOB sources ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)\n",
    "src/model/large.h": "// Contract.\n#pragma once\nclass Large : public A::B<C> {\n  Large() = default;\n"
    "  D<int()> d_ = f();\n  "
    "int x_{f()};\n  struct Inner {\n    void g();\n  };\n" + methods(30) + "};\n",
    "src/model/full.h": "// Contract.\n#pragma once\nstruct Full {\n  Full(int a) : x_{a} {}\n"
    + methods(24)
    + "  int x_;\n};\n",
    "sim/other.cc": '#include "world.h"\n#include "model/full.h"\n',
    "src/model/full.cc": '#include "model/full.h"\n#include "model/large.h"\n' + definitions("Full", range(6), 66),
    "src/model/quoted.cc": QUOTES + "void g(int n) { FRESHET_ASSERT(n > 0); }\n",
    "src/model/read_test.cc": QUOTES,
    "src/model/read.cc": "bool ends(std::string_view t) {\n  if (t[0] == '\\\\') ++n;\n  return t[0] == '\"';\n}\n"
    'auto yaml = R"(\n' + "  http://" + "x" * 120 + '\n)";\n',
    "docs/README.md": "See [the other page](other-page.md), tools/run, tools/layers.txt and tidy.txt.\n",
    "docs/other-page.md": "See README.md.\n",
    "tools/run": "#!/usr/bin/env python3\n# Reads tests/golden and README.md, runs check_*.py.\n"
    + "a = 1" * 40
    + "  # as it is\n",
    "tests/golden/small/a.json": "{}\n",
    "tests/check_a.py": "",
    "src/base/fine.h": "// Contract.\n#pragma once\n\nclass Fine {\n public:\n  int time() const { return 1; }\n};\n",
    "src/model/fine.cc": '#include "base/fine.h"\n\n// steady_clock, rand() and std::regex in a comment are no calls.\n'
    'const char* text = "rand() std::regex getrandom(";\nint f(const Fine& x) { return x.time(); }\n',
    "src/env/clock.cc": "#include <chrono>\nauto now() { return std::chrono::steady_clock::now(); }\n",
    "src/kv/rocks.cc": "#include <rocksdb/db.h>\n",
    "src/kv/files.cc": "std::error_code error, gone;\nfor (fs::directory_iterator at(path, error), end; !error && at != end; "
    "at.increment(error))\n  f(at->path(), fs::exists(path(1, 2), gone), fs::is_regular_file(fs::status(path, error)));\n"
    "bool is_end = at == std::filesystem::recursive_directory_iterator();\n",
    "src/kv/files_test.cc": "auto n = std::filesystem::file_size(path);\n",
    "src/action/short.cc": "namespace a {\nstruct S {\n  S(int a) : a_{a} {}\n  int a_;\n};\nint table[] = {\n"
    + "  1,\n" * 90
    + "};\n}\n",
    "sim/world.cc": '#include "action/worker.h"\n#include "reaction/writer.h"\n#include "world.h"\n',
    "sim/world.h": "// Contract.\n#pragma once\n",
    "src/kv/rocks_test.cc": '#include "testing/store.h"\n',
    "src/testing/store.h": '// Contract.\n#pragma once\n#include "kv/store.h"\n',
    "src/kv/store.h": "// Contract.\n#pragma once\n",
    "src/action/worker.h": "// Contract.\n#pragma once\n",
    "src/reaction/writer.h": "// Contract.\n#pragma once\n",
}
LONG = "  x();\n" * FUNCTION_LINES
PLANTED = [  # file, content, line and rule to be found; None: what goes with the others
    ("src/model/a.cc", "auto t = std::chrono::system_clock::now();\n", 1, "clock"),
    ("src/model/b.cc", "\nauto t = time(nullptr);\n", 2, "clock"),
    ("src/model/c.cc", "void f() { gettimeofday(&t, 0); }\n", 1, "clock"),
    ("src/model/d.cc", "int f() { return rand(); }\n", 1, "random"),
    ("src/model/e.cc", "std::random_device d;\n", 1, "random"),
    ("src/model/f.cc", "void f() {\n  getrandom(p, 1, 0);\n}\n", 2, "random"),
    ("src/model/g.cc", "void f() { std::this_thread::sleep_for(x); }\n", 1, "sleep"),
    ("src/model/h.cc", "std::regex r;\n", 1, "regex"),
    ("src/model/i.cc", "// TODO\n", 1, "unfinished"),
    ("src/model/j.cc", "// a\n" * (FILE_LINES + 1), FILE_LINES + 1, "file-length"),
    ("src/model/k.cc", "namespace n {\n\nvoid f(int a) {\n" + LONG + "}\n}\n", 3, "function-length"),
    (
        "src/model/l.cc",
        "class C {\n public:\n  C(int a)\n      : a_{a}, b_(a) {\n" + LONG + "}\n};\n",
        3,
        "function-length",
    ),
    (
        "src/model/m.cc",
        "template <class T>\nauto g(T t) -> int {\n  if (t) { f([](int) { return 1; }); }\n" + LONG + "}\n",
        1,
        "function-length",
    ),
    ("src/model/n.h", "#pragma once\n", 1, "contract"),
    ("src/model/o.h", "// Contract.\n", 1, "pragma-once"),
    ("src/model/p.cc", '#include "fine.h"\n', 1, "include-style"),
    ("src/model/q.cc", "#include <base/fine.h>\n", 1, "include-style"),
    ("src/model/r.cc", '#include "../base/fine.h"\n', 1, "include-style"),
    ("src/base/s.cc", '#include "base/fine.h"\n#include "model/up.h"\n', 2, "layer"),
    ("src/action/t.cc", '#include "reaction/writer.h"\n', 1, "layer"),
    ("src/other/u.cc", "\n", 1, "layer"),
    ("src/state/v.cc", "#include <rocksdb/db.h>\n", 1, "confined"),
    ("src/eventlog/w.cc", "#include <librdkafka/rdkafka.h>\n", 1, "confined"),
    ("src/docstore/x.cc", "#include <mongoc/mongoc.h>\n", 1, "confined"),
    ("src/model/y.h", "// Contract.\n#pragma once\nusing namespace std;\n", 3, "using"),
    ("src/schema/z.cc", '#include "http/cycle.h"\n', 1, "cycle"),
    ("src/kv/store.h", '// Contract.\n#pragma once\n#include "testing/store.h"\n', 3, "tests-only"),
    ("src/model/aa.cc", "// " + "a" * 118 + "\n", 1, "comment-width"),
    ("src/model/ab.cc", "int a;  // " + "a" * 110 + "\n", 1, "comment-width"),
    ("src/model/ac.cc", "int a;\n/* a\n" + "é" * 121 + " */\n", 3, "comment-width"),
    ("tools/ad.py", "a = 1\n  # " + "a" * 118 + "\n", 2, "comment-width"),
    ("src/model/CMakeLists.txt", "# " + "a" * 119 + "\nfreshet_module(model)\n", 1, "comment-width"),
    ("proto/ae.proto", "// " + "a" * 118 + "\n", 1, "comment-width"),
    ("src/model/af.cc", "struct Many {\n  Many();\n" + methods(25) + "};\n", 1, "class-size"),
    (
        "src/model/ag.cc",
        "\nclass Long final {\n  void f0();\n};\n" + definitions("a::Long", range(6), 67),
        2,
        "class-size",
    ),
    ("src/model/large.h", "// Contract.\n#pragma once\nclass Large {\n" + methods(31) + "};\n", 3, "class-size"),
    ("src/model/ah.cc", "int a;\n" + QUOTES, 2, "escaping"),
    ("sim/ai.cc", 'void f(char* out) {\n  snprintf(out, 8, "\\\\u%04x", 1);\n}\n', 1, "escaping"),
    ("src/model/quoted.cc", "void f() {}\n", LIMITS[: LIMITS.index("escapes")].count("\n") + 1, "escaping"),
    ("src/model/aj.h", "// Contract.\n#pragma once\n", 1, "dead"),
    ("src/model/ak.h", "// Contract.\n#pragma once\n", 1, "dead"),
    ("src/model/ak.cc", '#include "model/ak.h"\n', 1, None),
    ("src/model/ak_test.cc", '#include "model/ak.h"\n', 1, None),
    ("src/eventlog/kafka/CMakeLists.txt", "# freshet_module(eventlog_kafka)\n", 1, None),
    ("src/eventlog/kafka/none.cc", "\n", 1, "dead"),
    ("src/app/extra.cc", "\n", 1, "dead"),
    ("sim/below/am.cc", "\n", 1, "dead"),
    ("docs/alone.md", "See alone.md.\n", 1, "dead"),
    ("tests/corpora/an.json", "{}\n", 1, "dead"),
    ("tools/ao", "#!/bin/sh\n", 1, "dead"),
    ("src/model/ap.cc", "bool f() {\n  return fs::exists(path);\n}\n", 2, "filesystem"),
    ("src/model/aq.cc", "std::error_code error;\nauto n = std::filesystem::file_size(at(error));\n", 2, "filesystem"),
    ("src/model/ar.cc", "std::error_code e;\nfs::directory_iterator at(path);\n", 2, "filesystem"),
    ("src/model/as.cc", "std::error_code e;\nfor (auto& f : fs::directory_iterator(path, e)) g(f);\n", 2, "filesystem"),
    (
        "sim/at.cc",
        "std::error_code e;\n\nfor (fs::directory_iterator at(path, e), end; at != end; ++at) g();\n",
        3,
        "filesystem",
    ),
    ("src/model/au.cc", "void f(const fs::directory_entry& e) {\n  g(e.file_size());\n}\n", 2, "filesystem"),
]
PLANTED_HELPERS = {
    "src/model/up.h": "// Contract.\n#pragma once\n",
    "src/http/cycle.h": '// Contract.\n#pragma once\n#include "schema/cycle.h"\n',
    "src/schema/cycle.h": "// Contract.\n#pragma once\n",
}


def findings_in(files, layers_text, limits_text=LIMITS):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, content in {**files, "tools/layers.txt": layers_text, "tools/tidy.txt": limits_text}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content, encoding="utf-8")
        return check_tree(root)[0]


def measures_found(layers_text):
    """Trees and limits with a measure on the wrong side: (what, how many findings there must be, how many are)."""
    crowded = {f"src/model/m{i}.cc": "#include <map>\n" * 26 + "// a.\n" + "\n" * 200 for i in range(30)}
    tall = {f"src/model/h{i}.h": "// Contract.\n#pragma once\n" + "\n" * 90 for i in range(30)}
    deep = {f"src/model/d{i}.h": f'// Contract.\n#pragma once\n#include "model/d{i + 1}.h"\n' for i in range(2)}
    deep |= {"src/model/d2.h": "// Contract.\n#pragma once\n"}
    deep |= {f"src/model/e{i}.cc": '#include "model/d0.h"\n' for i in range(30)}
    count = lambda files, limits: sum(1 for f in findings_in(files, layers_text, limits) if f.rule == "measure")
    yield "medians of lines and includes", 3, count({**CLEAN, **crowded, **tall}, LIMITS)
    yield "closure of headers", 1, count({**CLEAN, **deep}, LIMITS)
    for name in ("comment_percent_sources", "comment_percent_headers", "assertions_per_function", "no_such_measure"):
        yield name, 1, count(CLEAN, f"{LIMITS}least {name} 90\n")
    stale = findings_in(CLEAN, layers_text, LIMITS + "class Full 30 500\n")
    yield "a class that is not large any more", 1, sum(1 for f in stale if f.rule == "class-size")


def run(layers_text):
    failed = [f"found in a clean tree: {finding}" for finding in findings_in(CLEAN, layers_text)]
    planted = {**CLEAN, **PLANTED_HELPERS, **{name: content for name, content, _, _ in PLANTED}}
    found = {(f.file, f.line, f.rule) for f in findings_in(planted, layers_text)}
    checks = 1
    for name, _, line, rule in (p for p in PLANTED if p[3]):
        checks += 1
        alternatives = {(name, line, rule)}
        if rule == "cycle":
            alternatives |= {("src/http/cycle.h", 3, "cycle")}
        if name == "src/model/quoted.cc":
            alternatives = {("tools/tidy.txt", line, rule)}
        if not alternatives & found:
            failed.append(f"not found: {name}:{line} [{rule}]")
    for what, expected, count in measures_found(layers_text):
        checks += 1
        if count != expected:
            failed.append(f"{what}: {count} findings, not {expected}")
    for line in failed:
        print("self-test:", line)
    print(f"tidy self-test: {checks} checks, {len(failed)} failed")
    return 1 if failed else 0
