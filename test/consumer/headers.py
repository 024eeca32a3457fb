#!/usr/bin/env python3
"""Reads coppice's headers as a stranger's compiler would.

    headers.py [--programs] [--record FILE] SOURCE_FOLDER COMPILER...

Compiles a source that includes them all, and with --programs those of the README and of the guide,
which make something of the templates, with all warnings that a user might have, as errors: coppice's
headers are not the system's. Only the syntax, and no code. Headers that need what is not installed
are left out. --record writes how it ended, for test/support/count.py.
"""

import argparse
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys
import tempfile

from parts import WARNINGS

# Header: what it needs beside Boost.
NEEDS = {
    "simulation_doctest.hpp": "doctest/doctest.h",
    "spdlog_sink.hpp": "spdlog/spdlog.h",
}
PROGRAM = re.compile(r"^```cpp\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def compiles(command, text, **options):
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as file:
        file.write(text)
        file.flush()
        return subprocess.run([*command, file.name], **options).returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", action="store_true")
    parser.add_argument("--record")
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("compiler", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    source, compiler = options.source.resolve(), options.compiler
    command = [*compiler, "-std=c++20", "-fsyntax-only", *WARNINGS, f"-I{source / 'include'}"]
    include = source / "include"
    lines = []
    for header in sorted(include.rglob("*.hpp")):
        needed = NEEDS.get(header.name)
        if needed is None or compiles(command, f"#include <{needed}>\n", stderr=subprocess.DEVNULL):
            lines.append(f"#include <{header.relative_to(include)}>")
    pages = [source / "README.md", source / "doc" / "state-across-restarts.md"]
    programs = [program for page in pages if options.programs
                for program in PROGRAM.findall(page.read_text(encoding="utf-8"))
                if "int main()" in program]
    texts = ["\n".join(lines) + "\n", *programs]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        failed = list(pool.map(lambda text: compiles(command, text), texts)).count(False)
    print(f"{len(lines)} headers, {len(programs)} programs; {failed} failed")
    if options.record:
        result = {"name": "headers", "result": "FAIL" if failed else "OK", "stdout": ""}
        pathlib.Path(options.record).write_text(json.dumps(result) + "\n", encoding="utf-8")
    sys.exit(1 if failed else 0)


main()
