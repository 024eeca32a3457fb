"""What doc/coppice-new.md shows: its commands are typed, and have to print what stands there.

Commands stand behind `$ `, what they print below. A line `...` stands for any lines, 12:34:56.789 for any
time, and ^C for the key, which is pressed when what is above it has been printed. The exit status
of a command is 0, unless `echo $?` comes next."""

import re
import shlex
import signal
import subprocess
import threading

from harness import ROOT, TIME_LIMIT, expect

PAGE = ROOT / "doc" / "coppice-new.md"


def commands():
    """(command, the lines that it prints), in the order of the page."""
    typed = []
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE.read_text(), re.M | re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                typed.append((line[2:], []))
            else:
                typed[-1][1].append(line)
    return typed


def pattern_of(lines):
    pattern = ""
    for line in lines:
        if line == "...":
            pattern += r"(?:.*\n)*?"
        elif line != "^C":
            escaped = re.escape(line).replace(re.escape("12:34:56.789"), r"\d\d:\d\d:\d\d\.\d{3}")
            pattern += escaped + r"\n"
    return re.compile(pattern)


def typed(command, lines, cwd, environment):
    """Runs a command; gives what it has printed, and its status. Presses Ctrl-C where the page does."""
    process = subprocess.Popen(["bash", "-c", "exec " + command if "^C" in lines else command],
                               cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    above = pattern_of(lines[:lines.index("^C")]) if "^C" in lines else None
    late = threading.Timer(TIME_LIMIT, process.kill)
    late.start()
    said = ""
    for line in process.stdout:
        said += line
        if above and above.fullmatch(said):
            process.send_signal(signal.SIGINT)
            above = None
    late.cancel()
    process.stdout.close()
    return said, process.wait()


def the_page_shows_what_is_printed(place):
    cwd = place.fresh()
    # Compiled as quickly as can be.
    environment = {**place.environment, "CXX": place.environment.get("CXX", "g++")}
    steps = commands()
    status = 0
    for i, (command, lines) in enumerate(steps):
        word, *arguments = shlex.split(command)
        if word == "cd":
            cwd = cwd / arguments[0]
            continue
        if command == "echo $?":
            expect([str(status)], lines)
            continue
        said, status = typed(command, lines, cwd, environment)
        assert pattern_of(lines).fullmatch(said), \
            f"$ {command}\n{said}\nwhere the page has\n" + "\n".join(lines)
        asked = i + 1 < len(steps) and steps[i + 1][0] == "echo $?"
        assert asked or status == 0, f"{command} ended with {status}"
    assert len(steps) > 8 and any("^C" in lines for _, lines in steps), "the page has lost its steps"
    # It is the whole output of `coppice new`, at least once.
    for command, lines in steps:
        if command.startswith("coppice new"):
            assert "..." not in lines, command


TESTS = [the_page_shows_what_is_printed]
