"""programs.py OUTPUT PROGRAM_FILE...: a source of one program that is all of the given ones.

Each of these is a whole program in one file. Together they are compiled in a fraction of the time,
as what they make of Asio's templates is compiled once. The first argument of the program that comes
out is the name of the one to run, and the others are for that. Each stands in a namespace of its
own, its `main` too; the headers come first, outside. Those that are tests of doctest's run them,
by `doctest`.
"""

import pathlib
import re
import sys

OUTSIDE = re.compile(r"^#(include|define DOCTEST_CONFIG).*$", re.MULTILINE)
MAIN = re.compile(r"^int main\((int argc, char\*\* argv)?\) \{$", re.MULTILINE)


def main():
    output, *files = map(pathlib.Path, sys.argv[1:])
    texts = {file: file.read_text(encoding="utf-8") for file in files}
    headers = sorted({m[0] for text in texts.values() for m in OUTSIDE.finditer(text)
                      if m[1] == "include"})
    lines = ["// Made by test/support/programs.py.", "#include <string_view>"]
    with_tests = "#include <doctest/doctest.h>" in headers
    if with_tests:
        lines.append("#define DOCTEST_CONFIG_IMPLEMENT")
    lines += headers
    calls = []
    for file, text in texts.items():
        lines += ["", f"namespace of_{file.stem} {{", f'#line 1 "{file}"',
                  OUTSIDE.sub("", text), "}"]
        starts = MAIN.findall(text)
        if starts:
            arguments = "argc - 1, argv + 1" if starts[0] else ""
            calls.append(f'  if (name == "{file.stem}") return of_{file.stem}::main({arguments});')
    if with_tests:
        calls.append('  if (name == "doctest") return doctest::Context{argc - 1, argv + 1}.run();')
    lines += ["int main(int argc, char** argv) {",
              '  const std::string_view name = argc > 1 ? argv[1] : "";', *calls, "  return 64;", "}"]
    output.write_text("\n".join(lines) + "\n", encoding="utf-8")


main()
