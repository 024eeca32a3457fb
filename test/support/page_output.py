"""Compares what example programs print with what a page of the manual says that they print.

There it stands in a block without a language, behind a comment line `<!-- output of: NAME -->`, or
`<!-- reports of: NAME -->`, if stdout is left out. Reports, which go to stderr, and the rest, which goes to stdout, are compared apart: on a terminal
they may be mixed in another way. Where a page shows no reports, there may be any.
"""

import pathlib
import re
import subprocess

from support.program import TIME_LIMIT

BLOCK = re.compile(r"^<!-- (?:output|reports) of: (.+?) -->\n```\n(.*?)^```$",
                   re.MULTILINE | re.DOTALL)
CHANGE = re.compile(r"^<!-- change: (\S+) (\S+) -->\n```diff\n(.*?)^```$",
                    re.MULTILINE | re.DOTALL)
REPORT = re.compile(r"\d\d:\d\d:\d\d\.\d{3} \[coppice\] ")
# What differs from run to run: the time of day, pids, how often a child has been restarted, and
# durations that are measured or drawn.
VARYING = [(re.compile(p), with_what) for p, with_what in (
    (r"^\d\d:\d\d:\d\d\.\d{3} ", ""), (r"<\d+>", "<N>"), (r" after \d+ restarts?\b", ""),
    (r"\b\d+\.\d+(e-\d+)? s\b", "N s"))]


def blocks_of(page):
    return {m[1]: m[2] for m in BLOCK.finditer(pathlib.Path(page).read_text(encoding="utf-8"))}


def check_changes(page, folder):
    """Blocks of `diff` behind `<!-- change: OLD NEW -->` have lines of the one file and of the other,
    in their order, that are not in both."""
    found = CHANGE.findall(pathlib.Path(page).read_text(encoding="utf-8"))
    for old, new, block in found:
        texts = [(pathlib.Path(folder) / f"{name}.cpp").read_text(encoding="utf-8").splitlines()
                 for name in (old, new)]
        for sign, here, elsewhere in ("-", *texts), ("+", *texts[::-1]):
            rest = iter(here)
            for line in (b[1:] for b in block.splitlines() if b.startswith(sign)):
                assert line in rest, f"{old} to {new}: there is no {sign}{line}"
                assert line not in elsewhere or not line.strip(" {}()"), \
                    f"{old} to {new}: that is in both: {line}"
        assert all(b[0] in "-+" for b in block.splitlines()), block
    return len(found)


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


def compare_reports(name, reported, page):
    """What has been said on stderr with the block of the page."""
    actual, wanted = reported.splitlines(), blocks_of(page)[name].splitlines()
    assert [loosely(line) for line in actual] == [loosely(line) for line in wanted], \
        f"{name} has reported\n{reported}\nand not what {page} says"


def run_and_compare(command, name, shown, exit_code=0):
    done = subprocess.run([*command, name], text=True, capture_output=True, timeout=TIME_LIMIT)
    assert done.returncode == exit_code, \
        f"{name} has ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    compare(name, done.stdout, done.stderr, shown)
