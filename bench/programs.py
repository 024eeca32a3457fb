"""The programs that measure, how each is called, and what they print."""

import os
import shutil
import subprocess
import sys

import keyvalue
from rows import OTP_KEEPS_MEMORY, OTP_WARM


def cores():
    return sorted(os.sched_getaffinity(0)) if shutil.which("taskset") else []


def pinned():
    """What stands before each command: all sides run on the last core."""
    mine = cores()
    return keyvalue.pinned(mine[-1] if mine else None)


def coppice(build, family, repetitions, warm_ups, *size):
    return [*pinned(), f"{build}/bench/coppice-bench", family,
            *map(str, (repetitions, warm_ups, *size))]


def caf(build, family, repetitions, warm_ups, *size):
    return [*pinned(), f"{build}/bench/caf/caf-bench", family,
            *map(str, (repetitions, warm_ups, *size))]


def otp(build, family, repetitions, in_a_row, *size):
    warm = family in OTP_WARM
    return [*pinned(), "erl", "+S", "1", "+P", "2000000", *(OTP_KEEPS_MEMORY if warm else []),
            "-noinput", "-pa", build, "-run", "otp_bench", "main", family,
            *map(str, (repetitions, in_a_row, int(warm), *size))]


def measured(command):
    """What one process prints: row, side, value."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=600)
    if done.returncode != 0:
        sys.exit(f"bench/run: failed: {' '.join(command)}")
    if not done.stdout:
        sys.exit(f"bench/run: measured nothing: {' '.join(command)}")
    for line in done.stdout.splitlines():
        row, side, _, value = line.split("\t")
        yield row, side, float(value)


def show(text):
    """Says on stderr what is done now; on a terminal it takes the place of what was said before."""
    terminal = sys.stderr.isatty()
    print(f"\r\x1b[K{text}" if terminal else text, end="" if terminal else "\n", file=sys.stderr,
          flush=True)


def show_nothing():
    """Takes away what was said last, from a terminal."""
    if sys.stderr.isatty():
        show("")
