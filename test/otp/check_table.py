#!/usr/bin/env python3
"""Checks that the test cases named in conformance.md exist, and that the page for readers has its
differences: check_table.py conformance.md TEST_FOLDER PAGE

In the last column of a row with an ID, `name_test.cpp` stands for a file of the test folder, and each text
in quotes behind it for the beginning of the name of one of its test cases.
"""

import pathlib
import re
import sys


def cases_of(file):
    text = file.read_text(encoding="utf-8")
    return re.findall(r'TEST_CASE\(\s*"((?:[^"\\]|\\.)*)"', text)


def differences(text):
    """What differs, and how: the rows of the table at the end, without their IDs."""
    rows = text.partition("## Where coppice differs on purpose")[2].splitlines()
    return [" | ".join(row.split(" | ")[:4]) for row in rows
            if row.startswith("| ") and not row.startswith("| What |")]


def main(table, folder, page):
    problems = []
    there = pathlib.Path(page).read_text(encoding="utf-8").splitlines()
    for row in differences(pathlib.Path(table).read_text(encoding="utf-8")):
        if f"{row} |" not in there:
            problems.append(f"{pathlib.Path(page).name} has no row {row} |")
    seen = set()
    known = {}
    for row in pathlib.Path(table).read_text(encoding="utf-8").splitlines():
        match = re.match(r"\| ([A-Z]+-\d+) \|.*\|([^|]*)\|$", row)
        if not match:
            continue
        behaviour, places = match.groups()
        if behaviour in seen:
            problems.append(f"{behaviour} stands there twice")
        seen.add(behaviour)
        if not places.strip():
            problems.append(f"{behaviour}: tested nowhere")
        file = None
        for name, case in re.findall(r'`(\w+_test\.cpp)`|"([^"]+)"', places):
            if name:
                file = name
                path = pathlib.Path(folder) / file
                if file not in known and path.exists():
                    known[file] = cases_of(path)
                if file not in known:
                    problems.append(f"{behaviour}: there is no {file}")
            elif not any(c.startswith(case) for c in known.get(file, [])):
                problems.append(f'{behaviour}: {file} has no case that begins with "{case}"')
    if not seen:
        problems.append("the table has no rows")
    print(*(problems or [f"{len(seen)} behaviours, and all that they name is there"]), sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
