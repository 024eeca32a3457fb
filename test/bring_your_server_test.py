#!/usr/bin/env python3
"""Runs each step of example/bring_your_server, and shows what has been won by it.

usage: bring_your_server_test.py PAGE PROGRAM

PAGE leads through the steps, and shows what changes and what is reported. PROGRAM is all of the steps, see support/programs.py; the last one is a test of its own.
"""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile

from support.page_output import check_changes, compare_reports
from support.program import Listener, TIME_LIMIT, eventually, expect, run_tests

BUG = "show nobody"


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), TIME_LIMIT)
        self.file = self.socket.makefile("rw", encoding="ascii", newline="\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.file.close()
        self.socket.close()

    def ask(self, line):
        """The answer, or nothing if the connection is gone."""
        with contextlib.suppress(ConnectionError):
            self.file.write(line + "\n")
            self.file.flush()
            return self.file.readline().rstrip("\n")
        return ""


def free_port():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return taken.getsockname()[1]


def start(program, step, *arguments, **options):
    ports = [str(a) for a in arguments] or ["0"]
    return Listener([program, f"step{step}", *ports], **options)


def each_step_does_what_the_first_did(program, _):
    for step in range(6):
        dropped, nobody = ("dropped", "nobody") if step < 3 else ("ok", "ok")
        with start(program, step) as server:
            with Client(server.port) as ann, Client(server.port) as bob:
                expect(ann.ask("add ann 3"), "3")
                expect(bob.ask("add ann 4"), "7")
                expect(bob.ask("show ann"), "7")
                expect(ann.ask("hello"), "what?")
                expect(ann.ask("drop ann"), dropped)
                expect(ann.ask("drop ann"), nobody)
            expect(server.stop()[0], 0)
        wrong = subprocess.run([program, f"step{step}", "x"], text=True, capture_output=True,
                               timeout=TIME_LIMIT)
        expect((wrong.returncode, wrong.stderr), (64, "usage: scores [PORT [COLLECTOR]]\n"))


def step_0_a_bug_ends_the_program(program, page):
    with start(program, 0) as server:
        with Client(server.port) as ann, Client(server.port) as bob:
            expect(ann.ask("add ann 7"), "7")
            expect(bob.ask(BUG), "")
            code, said = server.ended()
            expect(code, 1)
            compare_reports("step0", said, page)
            expect(ann.ask("show ann"), "")


def step_0_and_so_does_a_collector_that_is_not_there(program, _):
    with start(program, 0, 0, free_port()) as server:
        code, said = server.ended()
    expect(code, 1)
    assert "Connection refused" in said, said


def step_1_the_program_survives_and_starts_afresh(program, page):
    with start(program, 1, free_port()) as server:
        with Client(server.port) as ann, Client(server.port) as bob:
            expect(ann.ask("add ann 7"), "7")
            expect(bob.ask(BUG), "")
            expect(ann.file.readline(), "")  # soon after, her connection is gone, too
        expect(server.process.stdout.readline(), f"listening on 127.0.0.1:{server.port}\n")
        with Client(server.port) as ann:
            expect(ann.ask("add ann 0"), "0")
        code, said = server.stop()
    expect(code, 0)
    compare_reports("step1", said, page)


def step_2_a_bug_ends_one_session(program, page):
    with start(program, 2) as server:
        with Client(server.port) as ann, Client(server.port) as bob:
            expect(ann.ask("add ann 7"), "7")
            expect(bob.ask(BUG), "")
            expect(ann.ask("show ann"), "7")
        code, said = server.stop()
    expect(code, 0)
    compare_reports("step2", said, page)


def step_2_a_collector_that_is_not_there_ends_all(program, page):
    for step in 2, 3:
        with start(program, step, 0, free_port()) as server:
            code, said = server.ended()
        expect(code, 1)
        compare_reports("step2 without a collector", said, page)


def step_3_who_asks_is_told_and_the_scores_are_gone(program, page):
    with start(program, 3) as server:
        with Client(server.port) as ann, Client(server.port) as bob:
            expect(ann.ask("add ann 7"), "7")
            expect(bob.ask(BUG), "try again")
            expect(bob.ask("add bob 1"), "1")
            expect(ann.ask("add ann 0"), "0")
        code, said = server.stop()
    expect(code, 0)
    compare_reports("step3", said, page)


def step_4_the_scores_outlive_the_crash(program, _):
    with start(program, 4) as server:
        with Client(server.port) as ann, Client(server.port) as bob:
            expect(ann.ask("add ann 7"), "7")
            expect(bob.ask(BUG), "try again")
            expect(bob.ask("show ann"), "7")
        expect(server.stop()[0], 0)


def step_4_the_collector_may_come_later_and_go(program, _):
    port = free_port()
    with start(program, 4, 0, port) as server:
        attempts = lambda: sum("Connection refused" in line for line in server.lines)  # noqa: E731
        eventually("more attempts than the budget has", lambda: attempts() > 4)
        with Client(server.port) as ann:
            expect(ann.ask("add ann 7"), "7")
            for _ in range(2):
                with contextlib.closing(socket.create_server(("127.0.0.1", port))) as collector:
                    collector.settimeout(TIME_LIMIT)
                    with contextlib.closing(collector.accept()[0]) as connection:
                        connection.settimeout(TIME_LIMIT)
                        expect(connection.makefile().readline(), "1 names, 7 points\n")
        expect(server.stop()[0], 0)


def step_5_who_is_connected_may_finish(program, _):
    with start(program, 5) as server:
        with Client(server.port) as ann:
            expect(ann.ask("add ann 7"), "7")
            server.signal(signal.SIGTERM)
            def refuses():
                with contextlib.suppress(ConnectionRefusedError):
                    Client(server.port).__exit__()
                    return False
                return True
            eventually("it listens no more", refuses)
            expect(ann.ask("add ann 1"), "8")
        code, said = server.ended()
        expect(server.process.stdout.read(), "at the end: 1 names, 8 points\n")
    expect(code, 0)
    assert "program demo stopped (shutdown); exit code 0" in said, said


def step_5_the_service_manager_and_operators_are_told(program, _):
    with tempfile.TemporaryDirectory() as folder, socket.socket(
            socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(os.path.join(folder, "notify"))
        manager.settimeout(TIME_LIMIT)
        environment = {**os.environ, "NOTIFY_SOCKET": manager.getsockname()}

        def heard(word):
            while word not in manager.recv(4096).decode():
                pass

        with start(program, 5, env=environment) as server:
            heard("READY=1")
            server.signal(signal.SIGUSR1)
            eventually("a dump", lambda: any("scores" in line and "waits" in line
                                             for line in server.lines))
            server.signal(signal.SIGTERM)
            heard("STOPPING=1")
            expect(server.ended()[0], 0)


def the_page_shows_what_changes(_, page):
    folder = pathlib.Path(__file__).resolve().parent.parent / "example" / "bring_your_server"
    count = check_changes(page, folder)
    assert count >= 5, f"{count} changes are shown"
    return f"{count} changes"


def main():
    tests = [the_page_shows_what_changes, each_step_does_what_the_first_did, step_0_a_bug_ends_the_program,
             step_0_and_so_does_a_collector_that_is_not_there,
             step_1_the_program_survives_and_starts_afresh, step_2_a_bug_ends_one_session,
             step_2_a_collector_that_is_not_there_ends_all,
             step_3_who_asks_is_told_and_the_scores_are_gone, step_4_the_scores_outlive_the_crash,
             step_4_the_collector_may_come_later_and_go, step_5_who_is_connected_may_finish,
             step_5_the_service_manager_and_operators_are_told]
    page, program = sys.argv[1:]
    run_tests(tests, program, page)


main()
