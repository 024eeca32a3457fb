#!/usr/bin/env python3
"""Plays sessions with the number server example, at a terminal and through a pipe.

usage: sequence_test.py PROGRAM
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

from support.program import TIME_LIMIT, expect, run_tests

ROWS, COLUMNS = 40, 100

CLOCK = re.compile(r"^\d\d:\d\d:\d\d\.\d\d\d ")
CRASH = 'Sequence.Server.increment_number "cat"'
NEXT = "Sequence.Server.next_number"


def report(state):
    """What a crash looks like, by the number that the server had."""
    return [
        "TIME [error] GenServer Sequence.Server terminating",
        f'** (std::invalid_argument) bad argument in arithmetic expression: {state} + "cat"',
        'Last message: increment_number("cat")',
        f"State: {state}",
    ]


def session(number_after_crash):
    n = number_after_crash
    return [
        "> Sequence.Server.increment_number 3", ":ok",
        "> Sequence.Server.next_number", "126",
        '> Sequence.Server.increment_number "cat"', ":ok", *report(127),
        "> Sequence.Server.next_number", str(n),
        "> Sequence.Server.next_number", str(n + 1),
    ]


class Screen:
    """As much of a terminal as the program makes use of."""

    ESCAPE = re.compile(rb"\x1b\[([?0-9;]*)([@-~])|\x1b[()]?[0-~]")
    PARTIAL = re.compile(rb"\x1b(\[[?0-9;]*|[()])?$")

    def __init__(self):
        self.rest = b""
        self.alternate = False
        self.saved = None
        self.clear()

    def clear(self):
        self.rows = [[]]
        self.y = self.x = 0

    def feed(self, data):
        data = self.rest + data
        self.rest = b""
        at = 0
        while at < len(data):
            if data[at:at + 1] == b"\x1b":
                match = self.ESCAPE.match(data, at)
                if not match:
                    assert self.PARTIAL.match(data, at), data[at:]
                    self.rest = data[at:]
                    return
                self.control(match)
                at = match.end()
            else:
                self.put(data[at:at + 1].decode("latin-1"))
                at += 1

    def row(self):
        while len(self.rows) <= self.y:
            self.rows.append([])
        return self.rows[self.y]

    def put(self, c):
        if c == "\r":
            self.x = 0
        elif c == "\n":
            self.y += 1
            self.row()
        elif c == "\b":
            self.x = max(0, self.x - 1)
        elif c != "\a":
            if self.x == COLUMNS:
                self.x = 0
                self.y += 1
            row = self.row()
            row.extend(" " * (self.x + 1 - len(row)))
            row[self.x] = c
            self.x += 1

    def control(self, match):
        arguments, what = match[1], match[2]
        if what is None:
            return
        numbers = [int(a) for a in arguments.strip(b"?").split(b";") if a]
        n = numbers[0] if numbers else 1
        if arguments == b"?1049":
            self.alternate = what == b"h"
            if self.alternate:
                self.saved = (self.rows, self.y, self.x)
                self.clear()
            else:
                self.rows, self.y, self.x = self.saved
        elif what == b"A":
            self.y = max(0, self.y - n)
        elif what == b"C":
            self.x += n
        elif what == b"D":
            self.x = max(0, self.x - n)
        elif what == b"G":
            self.x = n - 1
        elif what == b"H":
            self.y, self.x = 0, 0
            assert not numbers, match[0]
        elif what == b"J":
            del self.row()[self.x:]
            del self.rows[self.y + 1:]
        elif what == b"K":
            del self.row()[self.x:]
        elif what == b"@":
            self.row()[self.x:self.x] = " " * n
        elif what == b"P":
            del self.row()[self.x:self.x + n]
        else:
            assert what in b"mhl", match[0]

    def lines(self):
        text = [CLOCK.sub("TIME ", "".join(row).rstrip()) for row in self.rows]
        while text and not text[-1]:
            text.pop()
        return text


class Terminal:
    """The program at a terminal of its own. Killed, if it has not ended, when it is left."""

    def __init__(self, program, *arguments):
        self.master, self.slave = pty.openpty()
        self.resize(COLUMNS)
        self.before = termios.tcgetattr(self.slave)
        environment = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"}
        self.process = subprocess.Popen(
            [program, *arguments], stdin=self.slave, stdout=self.slave, stderr=self.slave,
            start_new_session=True, env=environment,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.screen = Screen()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def resize(self, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def read(self, deadline):
        left = deadline - time.monotonic()
        assert left > 0, "in vain; the screen shows\n" + "\n".join(self.screen.lines())
        if select.select([self.master], [], [], left)[0]:
            self.screen.feed(os.read(self.master, 65536))

    def until(self, condition):
        deadline = time.monotonic() + TIME_LIMIT
        while not condition(self.screen.lines()):
            self.read(deadline)

    def shows(self, *lines):
        """Waits until the screen ends with these lines."""
        self.until(lambda now: now[-len(lines):] == list(lines))

    def prompts(self):
        self.shows(">")

    def does(self, command, *answer):
        """Types a command at a prompt, and waits for its answer and the next prompt."""
        self.prompts()
        self.type(command + "\n")
        self.shows("> " + command, *answer, ">")

    def ends(self, code):
        """Waits for the end, which leaves the terminal as it was."""
        deadline = time.monotonic() + TIME_LIMIT
        while self.process.poll() is None:
            # What it prints last has to be read, lest it waits for that.
            if select.select([self.master], [], [], 0.05)[0]:
                self.screen.feed(os.read(self.master, 65536))
            assert time.monotonic() < deadline, "it does not end"
        while select.select([self.master], [], [], 0)[0]:
            self.screen.feed(os.read(self.master, 65536))
        assert self.process.returncode == code, (self.process.returncode, self.screen.lines())
        expect(termios.tcgetattr(self.slave), self.before)
        expect(fcntl.fcntl(self.slave, fcntl.F_GETFL) & os.O_NONBLOCK, 0)


def piped(program, text, *arguments, code=0):
    """What the program prints when it reads `text`, line by line."""
    done = subprocess.run([program, *arguments], input=text, capture_output=True, text=True,
                          timeout=TIME_LIMIT)
    expect(done.stderr, "")
    expect(done.returncode, code)
    return [CLOCK.sub("TIME ", line) for line in done.stdout.splitlines()]


def commands_of(lines):
    return [line[2:] for line in lines if line.startswith("> ")]


def a_crash_loses_the_number(program, arguments=(), number=123):
    wanted = session(number)
    with Terminal(program, *arguments) as terminal:
        for command in commands_of(wanted):
            terminal.prompts()
            terminal.type(command + "\n")
            at = wanted.index("> " + command)
        terminal.shows(*wanted, ">")
        terminal.type("\x04")
        terminal.ends(0)
        expect(terminal.screen.lines(), wanted + [">"])


def with_a_stash_a_crash_does_not_lose_the_number(program):
    a_crash_loses_the_number(program, ["--stash"], 127)


def the_same_through_a_pipe(program):
    for arguments, number in [([], 123), (["--stash"], 127)]:
        wanted = session(number)
        text = "".join(line + "\n" for line in commands_of(wanted))
        expect(piped(program, text, *arguments), wanted)
        expect(piped(program, text[:-1], *arguments), wanted)  # the last line is not terminated
        with tempfile.TemporaryFile("w+") as file:
            file.write(text)
            file.flush()
            file.seek(0)
            flags = fcntl.fcntl(file, fcntl.F_GETFL)
            done = subprocess.run([program, *arguments], stdin=file, capture_output=True, text=True,
                                  timeout=TIME_LIMIT)
            expect([CLOCK.sub("TIME ", line) for line in done.stdout.splitlines()], wanted)
            expect(fcntl.fcntl(file, fcntl.F_GETFL), flags)
    with open(os.devnull) as nothing:
        expect(subprocess.run([program], stdin=nothing, timeout=TIME_LIMIT).returncode, 0)


def lines_that_are_typed_ahead_wait_for_the_restart(program):
    wanted = session(123)
    with Terminal(program) as terminal:
        terminal.prompts()
        terminal.type("".join(command + "\n" for command in commands_of(wanted)) + "he")
        terminal.shows(*wanted, "> he")


def lines_are_edited(program):
    with Terminal(program) as terminal:
        terminal.does("Sequence.Server.next_number", "123")
        terminal.type("Sequence.Server.next_numbxx")
        terminal.shows("> Sequence.Server.next_numbxx")
        terminal.type("\x7f\x7fer\n")
        terminal.shows("> Sequence.Server.next_number", "124", ">")
        terminal.type("Server.next_number\x01Sequence.\n")  # to the beginning of the line
        terminal.shows("> Sequence.Server.next_number", "125", ">")
        terminal.type("nothing at all\x15hxlp\x1b[D\x1b[D\x1b[D\x1b[3~e\x05\n")  # kill line, left, delete
        terminal.until(lambda now: "> help" in now and now[-1] == ">")
        terminal.type("h\u00e4lp\n")
        terminal.shows("unknown command h\u00c3\u00a4lp; help lists those there are", ">")
        terminal.type("exit ")
        terminal.shows("> exit")
        terminal.type("\x02\x04\x04\x1b")  # Ctrl-D within a line deletes; the escape key is no end
        terminal.type("\n\x13\x15\x04")  # Ctrl-S stops nothing
        terminal.ends(0)


def the_history_is_walked_with_the_arrows(program):
    with Terminal(program) as terminal:
        terminal.does("Sequence.Server.increment_number 10", ":ok")
        terminal.does(NEXT, "133")
        terminal.does("kill Sequence.Console", ":ok")  # the history outlives that
        terminal.type("\x1b[A\x1b[A")
        terminal.shows(f"> {NEXT}")
        terminal.type("\n")
        terminal.shows(f"> {NEXT}", "134", ">")
        for up in ["\x1b[A" * 4, "\x1bOA" * 4 + "\x1b[B\x1b[A"]:
            terminal.type(up)
            terminal.shows("> Sequence.Server.increment_number 10")
            terminal.type("\x15\n")
            terminal.prompts()
        # An escape sequence that arrives in parts holds up nobody.
        for part in "\x1b[A":
            terminal.type(part)
        terminal.shows(f"> {NEXT}")
        terminal.type("\n")
        terminal.shows(f"> {NEXT}", "135", ">")


def commands_are_completed(program):
    with Terminal(program) as terminal:
        terminal.prompts()
        terminal.type("S\t")
        terminal.shows("> Sequence.Server.")
        terminal.type("\t")
        terminal.shows("Sequence.Server.increment_number", NEXT, "> Sequence.Server.")
        terminal.type("n\t\n")
        terminal.shows(f"> {NEXT}", "123", ">")
        terminal.type("zz\t\x15hel\t\n")
        terminal.until(lambda now: "> help" in now and now[-1] == ">")


def a_line_is_drawn_again_when_the_terminal_changes(program):
    with Terminal(program) as terminal:
        terminal.prompts()
        terminal.type("hel")
        terminal.shows("> hel")
        terminal.screen.clear()
        terminal.resize(COLUMNS - 1)
        terminal.shows("> hel")
        # As a shell does, when the program has been stopped and goes on.
        mode = termios.tcgetattr(terminal.slave)
        terminal.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED | os.WNOWAIT)
        termios.tcsetattr(terminal.slave, termios.TCSANOW, terminal.before)
        terminal.screen.clear()
        terminal.process.send_signal(signal.SIGCONT)
        terminal.shows("> hel")
        expect(termios.tcgetattr(terminal.slave), mode)
        terminal.type("p\n")
        terminal.until(lambda now: "> help" in now and now[-1] == ">")
        terminal.type("\x04")
        terminal.ends(0)


def the_observer_shows_the_tree_until_a_key_is_pressed(program):
    with Terminal(program, "--stash") as terminal:
        terminal.does("Sequence.Server.increment_number 7", ":ok")
        terminal.does("kill Sequence.Server", ":ok")
        before = terminal.screen.lines()
        terminal.type("observer\n")
        terminal.until(lambda now: terminal.screen.alternate and "any key leaves the observer" in now)
        expect([line.split() for line in terminal.screen.lines()], [
            ["process", "kind", "pid", "restarts", "queue", "state"],
            ["Sequence", "supervisor", "<1>", "0"],
            ["Sequence.Supervisor", "supervisor", "<2>", "0"],
            ["Sequence.Stash", "server", "<3>", "0", "0", "stash"],
            ["Sequence.Server", "server", "<7>", "1", "0", "130"],
            ["Sequence.Shell", "supervisor", "<5>", "0"],
            ["Sequence.Console", "worker", "<6>", "0"],
            [],
            "any key leaves the observer".split(),
        ])
        for _ in range(2):  # it is drawn anew
            terminal.screen.clear()
            terminal.until(lambda now: "any key leaves the observer" in now)
        terminal.type("\x1b[A")  # one key, though it sends three bytes
        terminal.until(lambda now: not terminal.screen.alternate and now[-1] == ">")
        expect(terminal.screen.lines(), before[:-1] + ["> observer", ">"])
        terminal.does(NEXT, "130")
        terminal.type("observer\n")
        terminal.until(lambda now: terminal.screen.alternate and now)
        terminal.type("\x03")
        terminal.ends(0)
        expect(terminal.screen.alternate, False)


def anybody_in_the_tree_can_be_killed(program):
    killed = ["Sequence.Server", "Sequence.Console"]
    with Terminal(program) as terminal:
        terminal.does(NEXT, "123")
        for name in killed:
            terminal.does(f"kill {name}", ":ok")
        terminal.does(NEXT, "123")
    wanted = [["> kill Sequence.Console"], [":ok"], ["> kill Sequence.Stash"], [":ok"],
              "TIME [error] server Sequence.Server <4> has lost its state (noproc)".split(),
              ["> which_children"], ["Sequence.Stash", "<8>", "worker"],
              ["Sequence.Server", "<9>", "worker"]]
    expect(piped(program, "kill Sequence.Console\nkill Sequence.Stash\nwhich_children\n", "--stash"),
           [" ".join(words) for words in wanted])
    # What nobody brings back ends the program.
    expect(piped(program, "kill Sequence.Supervisor\nhelp\n", code=1), [
        "> kill Sequence.Supervisor", ":ok",
        "TIME [error] Sequence: Sequence.Supervisor <2> ended once too often: more than 0 restarts in 5 s",
    ])
    expect(piped(program, "kill Sequence\nhelp\n", code=1), ["> kill Sequence", ":ok"])


def mistakes_are_explained_and_end_nothing(program):
    for line, answer in [
            ("nonsense 1", "unknown command nonsense; help lists those there are"),
            (NEXT + " 1", f"{NEXT} takes no argument, not 1; usage: {NEXT}"),
            ("kill", "kill takes one argument, not 0; usage: kill NAME"),
            ("kill Nobody", "no process is registered as Nobody; see observer"),
            ("which_children Nobody", "no process is registered as Nobody; see observer"),
            ("which_children Sequence.Server", "Sequence.Server is no supervisor"),
            ("Sequence.Server.increment_number cat", "cat is neither an integer nor a text in quotes"),
            ('kill "Sequence', "a closing quote is missing"),
    ]:
        expect(piped(program, f"{line}\n\n{NEXT}\n"),
               [f"> {line}", answer, "> ", f"> {NEXT}", "123"])
    expect(piped(program, "\x00\x01\x7f\xff\n")[1][:15], "unknown command")


def arguments_are_checked(program):
    for arguments, code in [(["--help"], 0), (["--nonsense"], 2), (["--stash", "x"], 2)]:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=TIME_LIMIT)
        expect(done.returncode, code)
        assert "usage: sequence [--stash]" in (done.stderr if code else done.stdout), done


def too_many_crashes_end_the_program(program):
    crashes = [line for _ in range(4) for line in ["> " + CRASH, ":ok", *report(123)]]
    wanted = crashes + [
        "TIME [error] Sequence.Supervisor: Sequence.Server <8> ended once too often: "
        "more than 3 restarts in 5 s",
        "TIME [error] Sequence: Sequence.Supervisor <2> ended once too often: "
        "more than 0 restarts in 5 s",
    ]
    expect(piped(program, (CRASH + "\n") * 4 + "help\n", code=1), wanted)
    with Terminal(program) as terminal:
        terminal.prompts()
        terminal.type((CRASH + "\n") * 4)
        terminal.ends(1)
        # Lines too long for the screen are continued on the next one.
        expect("".join(terminal.screen.lines()), "".join(wanted))


def a_signal_stops_it(program):
    for typed in ["", "half a li"]:
        for stop in [lambda t: t.type("\x03"), lambda t: t.process.send_signal(signal.SIGTERM)]:
            with Terminal(program) as terminal:
                terminal.prompts()
                terminal.type(typed)
                terminal.shows(("> " + typed).rstrip())
                stop(terminal)
                terminal.ends(0)
                expect(terminal.screen.lines(), [("> " + typed).rstrip()])
                expect(terminal.screen.x, 0)
    waiting = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    waiting.stdin.write(b"help\n")
    waiting.stdin.flush()
    waiting.stdout.readline()
    waiting.send_signal(signal.SIGTERM)
    waiting.communicate(timeout=TIME_LIMIT)
    expect(waiting.returncode, 0)


def exit_ends_it_too(program):
    with Terminal(program) as terminal:
        terminal.prompts()
        terminal.type("exit\n")
        terminal.ends(0)
        expect(terminal.screen.lines(), ["> exit"])
    expect(piped(program, "exit\nhelp\n"), ["> exit"])


def main():
    program = sys.argv[1]
    run_tests([
        a_crash_loses_the_number,
        with_a_stash_a_crash_does_not_lose_the_number,
        the_same_through_a_pipe,
        lines_that_are_typed_ahead_wait_for_the_restart,
        lines_are_edited,
        the_history_is_walked_with_the_arrows,
        commands_are_completed,
        a_line_is_drawn_again_when_the_terminal_changes,
        the_observer_shows_the_tree_until_a_key_is_pressed,
        anybody_in_the_tree_can_be_killed,
        mistakes_are_explained_and_end_nothing,
        arguments_are_checked,
        too_many_crashes_end_the_program,
        a_signal_stops_it,
        exit_ends_it_too,
    ], program)
    print("The number server has passed everything.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
