"""replay.py PROGRAM: a test that fails in a simulation prints a command, which plays that failure
again: of the same seed, by the same assertion. Its values may be others, as the command leaves out
the faults that do not matter."""

import re
import subprocess
import sys


def fails(command, **options):
    played = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            **options)
    assert played.returncode != 0, f"it was to fail, and has passed:\n{played.stdout}"
    return played.stdout


def found(pattern, output):
    match = re.search(pattern, output, re.MULTILINE)
    assert match, output
    return match[1]


FAILURE = r"(a simulation fails with seed \d+: an assertion has failed)$"
ASSERTION = r"(ERROR: CHECK\(.*)$"

first = fails([sys.argv[1]])
again = fails(found(r"To play it again:\n +(.*)$", first), shell=True)
for pattern in FAILURE, ASSERTION:
    assert found(pattern, again) == found(pattern, first), again
