#!/usr/bin/env python3
"""Runs the programs of example/tour, and compares what they print with the page that explains them.

usage: tour_test.py PAGE PROGRAM

PROGRAM is all of them, see support/programs.py. The echo server gets clients.
"""

import contextlib
import pathlib
import re
import signal
import socket
import subprocess
import sys

from support.page_output import blocks_of, run_and_compare
from support.program import Listener, TIME_LIMIT, expect, run_tests

SERVERS = {"echo"}
TESTS = {"virtual_time"}


def sources():
    folder = pathlib.Path(__file__).resolve().parent.parent / "example" / "tour"
    return {file.stem for file in folder.glob("*.cpp")}


def each_prints_what_the_page_says(program, page):
    shown = blocks_of(page)
    names = sources() - SERVERS - TESTS
    missing = names - shown.keys()
    assert not missing, f"the page does not say what these print: {sorted(missing)}"
    for name in sorted(names):
        run_and_compare([program], name, shown[name])
    return f"{len(names)} programs"


def the_tests_in_virtual_time_pass(program, _):
    done = subprocess.run([program, "doctest"], text=True, capture_output=True, timeout=TIME_LIMIT)
    assert done.returncode == 0, done.stdout
    found = re.search(r"test cases: +(\d+) \| +(\d+) passed", done.stdout)
    assert found and int(found[1]) >= 4 and found[1] == found[2], done.stdout


def connect(port):
    return contextlib.closing(socket.create_connection(("127.0.0.1", port), TIME_LIMIT))


def ask(client, text):
    client.sendall(text)
    answer = b""
    while len(answer) < len(text):
        more = client.recv(65536)
        assert more, "the connection has been closed"
        answer += more
    expect(answer, text)


def the_echo_server_echoes(program, _):
    with Listener([program, "echo", "0"]) as server:
        with connect(server.port) as one, connect(server.port) as two:
            ask(one, b"hello")
            ask(two, b"x" * 100_000)
            ask(one, b"again")
        code, reports = server.stop()
    expect((code, reports), (0, ""))


def the_echo_server_stops_in_order(program, _):
    """The port is free when the stop begins; who is connected goes on for a while."""
    with Listener([program, "echo", "0"]) as server:
        with connect(server.port) as client:
            ask(client, b"before")
            server.signal(signal.SIGTERM)
            with contextlib.closing(socket.socket()) as other:
                # Listening at that port works as soon as the server does not any more.
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listening = False
                while not listening:
                    assert server.process.poll() is None, "it has not waited for its client"
                    with contextlib.suppress(OSError):
                        other.bind(("127.0.0.1", server.port))
                        other.listen()
                        listening = True
            ask(client, b"after")
        expect(server.ended()[0], 0)


def the_echo_server_wants_a_port(program, _):
    for wrong in (["x"], ["70000"], ["1", "2"]):
        done = subprocess.run([program, "echo", *wrong], text=True, capture_output=True,
                              timeout=TIME_LIMIT)
        expect((done.returncode, done.stderr), (64, "usage: echo [PORT]\n"))
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        done = subprocess.run([program, "echo", str(taken.getsockname()[1])], text=True,
                              capture_output=True, timeout=TIME_LIMIT)
        expect(done.returncode, 2)
        assert "failed to start" in done.stderr, done.stderr


def main():
    page, program = sys.argv[1:]
    tests = [each_prints_what_the_page_says, the_tests_in_virtual_time_pass, the_echo_server_echoes,
             the_echo_server_stops_in_order, the_echo_server_wants_a_port]
    run_tests(tests, program, page)


main()
