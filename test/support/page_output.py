"""Compares what example programs print with what a page of the manual says that they print.

There it stands in a block without a language, behind a comment line `<!-- output of: NAME -->`.
Reports, which go to stderr, and the rest, which goes to stdout, are compared apart: on a terminal
they may be mixed in another way. Where a page shows no reports, there may be any.
"""

import pathlib
import re
import subprocess

from support.program import TIME_LIMIT

BLOCK = re.compile(r"^<!-- output of: (\S+) -->\n```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REPORT = re.compile(r"\d\d:\d\d:\d\d\.\d{3} \[coppice\] ")
# What differs from run to run: the time of day, pids, how often a child has been restarted, and
# durations that are measured or drawn.
VARYING = [(re.compile(p), with_what) for p, with_what in (
    (r"^\d\d:\d\d:\d\d\.\d{3} ", ""), (r"<\d+>", "<N>"), (r" after \d+ restarts?\b", ""),
    (r"\b\d+\.\d+(e-\d+)? s\b", "N s"))]


def blocks_of(page):
    return {m[1]: m[2] for m in BLOCK.finditer(pathlib.Path(page).read_text(encoding="utf-8"))}


def loosely(line):
    for pattern, replacement in VARYING:
        line = pattern.sub(replacement, line)
    return line


def compare(name, printed, reported, shown):
    """Both outputs with the block of the page."""
    lines = shown.splitlines()
    wanted = [line for line in lines if not REPORT.match(line)]
    assert printed.splitlines() == wanted, f"{name} has printed\n{printed}\nand not\n{shown}"
    reports = [line for line in lines if REPORT.match(line)]
    if reports:
        actual = [loosely(line) for line in reported.splitlines()]
        assert actual == [loosely(line) for line in reports], \
            f"{name} has reported\n{reported}\nand not\n{shown}"


def run_and_compare(command, name, shown, exit_code=0):
    done = subprocess.run([*command, name], text=True, capture_output=True, timeout=TIME_LIMIT)
    assert done.returncode == exit_code, \
        f"{name} has ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    compare(name, done.stdout, done.stderr, shown)
