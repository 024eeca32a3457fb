#!/usr/bin/env python3
"""Looks into a running program, and into a core file of it, with the commands for gdb.

usage: gdb_test.py PROGRAM

Skipped (exit code 77) without gdb and its Python, where ptrace is not allowed, and if the program was built
without debug information.
"""

import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile

TIME_LIMIT = 300
HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "../packaging/gdb/coppice.py")

# The coroutines of some processes, the innermost first, by the marks at their awaits; coppice's own and Asio's
# are left out.
STACKS = {
    "shelf": ["shelf"],
    "cache": ["cache"],
    "client": ["client"],
    "loader": ["fetch", "load", "loader"],
    "ledger": ["pause", "ledger"],
    "listener": ["accept", "listener"],
    "receiver": ["receiver"],
    "reader": ["reader"],
    "owner": ["owner"],
    "slow": ["slow"],
}


def expect(actual, wanted, what):
    assert actual == wanted, f"{what}: expected {wanted!r}, got {actual!r}"


def marks():
    """The lines of the program that are marked, by their marks."""
    with open(os.path.join(HERE, "gdb_program.cpp"), encoding="utf-8") as source:
        return {m[1]: n for n, line in enumerate(source, 1) if (m := re.search(r"// mark: (\w+)", line))}


def is_process(line):
    return re.match(r" *<\d+>", line) is not None


def processes_of(dump):
    """The lines of processes that have run."""
    return [line for line in dump if is_process(line) and " late spawned" not in line]


def stacks_of(dump):
    """The marks' lines in the stack of each process, by its name."""
    stacks = {}
    name = ""
    for line in dump:
        if is_process(line):
            name = line.split()[1]
        elif found := re.search(r" at \S*gdb_program\.cpp:(\d+)$", line):
            stacks.setdefault(name, []).append(int(found[1]))
    return stacks


def gdb(*arguments):
    """What gdb prints, and what it complains of."""
    done = subprocess.run(["gdb", "-batch", "-nx", *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=TIME_LIMIT, check=False)
    return done.stdout, done.stderr


def commands(*lines):
    """The arguments for gdb to carry out these commands."""
    return [word for line in lines for word in ("-ex", line)]


LOOK = commands(f"source {SCRIPT}", "coppice dump", "echo stack:\\n", "coppice stack 1")
# As if the program had another version of coppice.
LOOK_IN_VAIN = commands("python MEMBERS['coppice::detail::process'] += ' new_member'", "coppice dump")


def check(told, complaints, own, where):
    assert "Traceback" not in told + complaints, complaints
    dump, _, stack = told.partition("stack:\n")
    lines = dump.splitlines()
    begin = [i for i, line in enumerate(lines) if line.startswith("io_context ")]
    expect(len(begin), 2, f"{where}: io_contexts\n{told}{complaints}")
    first, second = lines[begin[0]:begin[1]], lines[begin[1]:]
    expect(processes_of(first), processes_of(own), where)
    assert any(re.fullmatch(r"<\d+> late spawned", line) for line in first), dump
    line_of = marks()
    stacks = stacks_of(first)
    for name, awaits in STACKS.items():
        expect(stacks.get(name), [line_of[a] for a in awaits], f"{where}: the stack of {name}")
    assert re.match(r"<1> stuck running", second[1]), dump
    expect(abs(stacks_of(second)["stuck"][0] - line_of["stuck"]) <= 1, True, f"{where}: where stuck is")
    # Both io_contexts have a process of that number.
    assert "<1> shop (supervisor)" in stack and "<1> stuck" in stack and "#0 " in stack, stack


def skip(why):
    print(f"skipped: {why}")
    return 77


def main():
    program = os.path.realpath(sys.argv[1], strict=True)
    if not shutil.which("gdb"):
        return skip("there is no gdb (Debian: gdb)")
    told, complaints = gdb(program, *commands("python print('has Python')", "info line main"))
    if "has Python" not in told:
        return skip("this gdb has no Python")
    if "gdb_program.cpp" not in told:
        return skip(f"the program has no debug information: {told}{complaints}")
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running, \
            tempfile.TemporaryDirectory() as folder:
        try:
            own = list(itertools.takewhile(lambda line: line != "ready", map(str.rstrip, running.stdout)))
            core = os.path.join(folder, "core")
            # One gdb looks at both, since reading the debug information takes it longer than all else.
            told, complaints = gdb("-p", str(running.pid), *LOOK, *commands(
                f"generate-core-file {core}", "detach", "echo core:\\n", f"core-file {core}"), *LOOK, *LOOK_IN_VAIN)
        finally:
            running.kill()
    if "ptrace: Operation not permitted" in complaints:
        return skip("ptrace is not allowed")
    live, _, dead = told.partition("core:\n")
    check(live, complaints, own, "live")
    check(dead, complaints, own, "core")
    assert "times are those of the last turn" in dead and "times are" not in live, told
    wanted = "another version of coppice than this script is for, without coppice::detail::process::new_member"
    assert complaints.rstrip().endswith(wanted), complaints
    print("ok")
    return 0


sys.exit(main())
