"""together.py OUTPUT... -- TEST_FILE...: sources that each include some of the test files.

What the files have in common, above all what they make of Asio's templates, is then compiled once
for all of one source. Each file stands in a namespace of its own, since the same names mean other
things in others; the headers come first, outside. The files are spread by their length. An output
that would be as it was is left alone.
"""

import pathlib
import re
import sys

INCLUDE = re.compile(r"^#include .*$", re.MULTILINE)


def spread(files, texts, many):
    """As many lists of files, of about the same length of text."""
    lists = [[] for _ in range(many)]
    lengths = [0] * many
    for file in sorted(files, key=lambda f: -len(texts[f])):
        shortest = lengths.index(min(lengths))
        lists[shortest].append(file)
        lengths[shortest] += len(texts[file])
    return lists


def together(files, texts):
    headers = sorted({line for file in files for line in INCLUDE.findall(texts[file])})
    lines = ["// Made by test/support/together.py.", *headers]
    for file in sorted(files):
        lines += ["", f"namespace of_{file.stem} {{", f'#include "{file}"', "}"]
    return "\n".join(lines) + "\n"


def main():
    middle = sys.argv.index("--")
    outputs = [pathlib.Path(a) for a in sys.argv[1:middle]]
    files = [pathlib.Path(a).resolve() for a in sys.argv[middle + 1:]]
    texts = {file: file.read_text(encoding="utf-8") for file in files}
    for output, some in zip(outputs, spread(files, texts, len(outputs))):
        text = together(some, texts)
        if not output.exists() or output.read_text(encoding="utf-8") != text:
            output.write_text(text, encoding="utf-8")


main()
