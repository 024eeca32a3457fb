"""count.py BUILD_FOLDER...: counts the test cases that the last run in each folder ran.

A doctest program counts as its test cases, any other test as one. Exits with 1 if one failed or none
ran.
"""

import json
import pathlib
import re
import sys

SUMMARY = re.compile(r"test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")


def count(record):
    """(passed, failed, skipped) of one test program."""
    ok = record["result"] == "OK"
    if record["result"] == "SKIP":
        return 0, 0, 1
    plain = re.sub(r"\x1b\[[0-9;]*m", "", record.get("stdout", ""))
    summary = SUMMARY.search(plain)
    if summary is None:
        return (1, 0, 0) if ok else (0, 1, 0)
    passed, failed = int(summary[1]), int(summary[2])
    # A program can fail beside its test cases: by a sanitizer's finding at its end, for one.
    return passed, max(failed, 0 if ok else 1), 0


def main():
    passed = failed = skipped = 0
    for folder in sys.argv[1:]:
        for log in pathlib.Path(folder, "meson-logs").glob("*.json"):
            for line in log.read_text().splitlines():
                p, f, s = count(json.loads(line))
                passed, failed, skipped = passed + p, failed + f, skipped + s
    tail = f", {skipped} skipped" if skipped else ""
    print(f"{passed} passed, {failed} failed{tail}")
    sys.exit(0 if passed and not failed else 1)


main()
