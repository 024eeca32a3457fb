"""Runs a program and compares what it prints with what a page says that it prints."""

import os
import re
import selectors
import signal
import subprocess
import tempfile
import time

LIMIT = 30  # s, until all that is expected has come; a program that hangs is not waited for longer
QUIET = 0.25  # s, in which a program that does not end must print nothing more

# What differs from run to run: times of the day, pids (but the same one each time), and durations
# that are drawn or measured.
VARYING = re.compile(r"(?P<clock>\b\d\d:\d\d:\d\d\.\d{3}\b)|(?P<pid><\d+(?:\.\d+)*>)"
                     r"|(?P<figure>\b\d+\.\d{4,}\b)")


def pattern_of(text):
    """A pattern for lines that stand in a page; a line `...` stands for any lines."""
    pids, parts = {}, []
    for line in text.rstrip("\n").split("\n"):
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
            continue
        at = 0
        for m in VARYING.finditer(line):
            parts.append(re.escape(line[at:m.start()]))
            at = m.end()
            if m["clock"]:
                parts.append(r"\d\d:\d\d:\d\d\.\d{3}")
            elif m["figure"]:
                parts.append(r"\d+(?:\.\d+)?(?:e-?\d+)?")
            elif m["pid"] in pids:
                parts.append(f"(?P={pids[m['pid']]})")
            else:
                pids[m["pid"]] = f"pid{len(pids)}"
                parts.append(rf"(?P<{pids[m['pid']]}><\d+(?:\.\d+)*>)")
        parts.append(re.escape(line[at:].rstrip()) + r" *\n")
    return re.compile("".join(parts))


def run(program, expected):
    """None if the program prints what is expected, or else what is wrong.

    A line `^C` in what is expected stands for a SIGINT, which the program is sent when all before
    it has come. A program that goes on when all has come is ended by SIGTERM.
    """
    parts = re.split(r"^\^C\n", expected, flags=re.MULTILINE)
    wanted = [pattern_of("".join(parts[:n + 1])) for n in range(len(parts))]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen([program], cwd=folder, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            return follow(process, wanted)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            process.stdout.close()


def follow(process, wanted):
    output = b""
    stage, stopped = 0, False
    end = time.monotonic() + LIMIT
    selector = selectors.DefaultSelector()
    selector.register(process.stdout, selectors.EVENT_READ)
    while True:
        text = output.decode(errors="replace")
        matches = wanted[stage].fullmatch(text) is not None
        if matches and stage + 1 < len(wanted):
            process.send_signal(signal.SIGINT)
            stage += 1
            continue
        left = end - time.monotonic()
        if left <= 0:
            return f"after {LIMIT} s it has not printed that, but:\n{text}"
        if not selector.select(QUIET if matches else left):
            if not matches:
                continue
            stopped = True
            process.terminate()
            return ended(process)
        chunk = os.read(process.stdout.fileno(), 65536)
        if not chunk:
            break
        output += chunk
    text = output.decode(errors="replace")
    if not stopped and not wanted[-1].fullmatch(text):
        return f"it prints:\n{text}"
    return None if process.wait() >= 0 else f"it ends by signal {-process.returncode}"


def ended(process):
    """Whether a program that was sent SIGTERM ends of that; what it still prints does not count."""
    try:
        process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return f"it prints that, and does not end when it is sent SIGTERM, in {LIMIT} s"
    if process.returncode < 0 and process.returncode != -signal.SIGTERM:
        return f"it ends by signal {-process.returncode}"
    return None
