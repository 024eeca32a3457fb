#!/usr/bin/env python3
"""Takes the database away from the example that keeps orders in it, and gives it back.

usage: database_test.py PROGRAM

Runs a PostgreSQL of its own, in a temporary folder and on a Unix socket; without one it is skipped (exit
code 77). PostgreSQL refuses to be run by root: then it is the user postgres who runs it, or nobody.
"""

import contextlib
import glob
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from support.program import Listener, TIME_LIMIT, eventually, expect, run_tests

OUTAGE = 5
# What is answered at once is answered within this time, however busy the machine is. The program waits
# three times as long for the database.
AT_ONCE = 1.0
LONGEST_PAUSE = 1.0
REFUSAL = "unavailable, try again"


def find_programs():
    """The folder of PostgreSQL's programs, which Debian keeps out of PATH; None if there is none."""
    found = shutil.which("initdb")
    folders = [os.path.dirname(os.path.realpath(found))] if found else []
    folders += sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)
    needed = ("initdb", "pg_isready", "postgres", "psql")
    return next((f for f in folders if all(os.path.exists(os.path.join(f, n)) for n in needed)), None)


def children_of(parent):
    for stat in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError), open(stat, encoding="utf-8", errors="replace") as file:
            # The name, in parentheses, may have anything in it.
            pid, after_name = stat.split("/")[2], file.read().rpartition(")")[2]
            if int(after_name.split()[1]) == parent:
                yield int(pid)


class Database:
    """A PostgreSQL that is there for this test alone. Ends when it is left, with all it has kept."""

    def __init__(self, programs):
        self.programs = programs
        self.folder = tempfile.mkdtemp(prefix="orders-")
        self.process = None
        self.user = {}
        if os.geteuid() == 0:
            for name in ("postgres", "nobody"):
                with contextlib.suppress(KeyError):
                    entry = pwd.getpwnam(name)
                    self.user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
                    os.chown(self.folder, entry.pw_uid, entry.pw_gid)
                    break
        self.data = os.path.join(self.folder, "data")
        self.where = f"host={self.folder} user=orders dbname=postgres"
        done = self.run("initdb", "-D", self.data, "-U", "orders", "-A", "trust", "-E", "UTF8",
                        "--no-locale", "--no-sync")
        assert done.returncode == 0, done.stdout + done.stderr

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.kill()
        shutil.rmtree(self.folder)

    def run(self, program, *arguments):
        return subprocess.run([os.path.join(self.programs, program), *arguments], cwd=self.folder,
                              capture_output=True, text=True, timeout=TIME_LIMIT, **self.user)

    def start(self):
        """Returns when it lets clients in."""
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [os.path.join(self.programs, "postgres"), "-D", self.data, "-k", self.folder,
                 "-c", "listen_addresses=", "-F"],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.user)
        eventually("the database lets clients in", self.is_ready)

    def is_ready(self):
        assert self.process.poll() is None, open(os.path.join(self.folder, "log"), encoding="utf-8").read()
        return self.run("pg_isready", "-q", "-h", self.folder).returncode == 0

    def kill(self):
        """As by a loss of power: the postmaster and all its children."""
        family = [self.process.pid, *children_of(self.process.pid)]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop_immediately(self):
        """As `pg_ctl stop -m immediate` does."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(TIME_LIMIT)
        self.process = None

    @contextlib.contextmanager
    def locked(self):
        """Nobody gets at the orders, and whoever tries has to wait."""
        command = [os.path.join(self.programs, "psql"), "-q", "-At", "-h", self.folder, "-U", "orders",
                   "-c", "begin", "-c", "lock table orders", "-c", "select 'locked'",
                   "-c", "select pg_sleep(60)", "postgres"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as p:
            try:
                expect(p.stdout.readline(), "locked\n")
                yield
            finally:
                p.kill()


class Program(Listener):
    """The example, with that database."""

    def __init__(self, program, where, *options):
        super().__init__([program, "--port", "0", *options, where])


class Client:
    """A connection to the program. Ends when it is left."""

    def __init__(self, program):
        self.socket = socket.create_connection(("127.0.0.1", program.port), TIME_LIMIT)
        self.replies = self.socket.makefile("r")
        self.slowest = 0.0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.replies.close()
        self.socket.close()

    def send(self, line):
        self.socket.sendall(f"{line}\n".encode())

    def receive(self):
        return self.replies.readline().removesuffix("\n")

    def ask(self, line):
        begin = time.monotonic()
        self.send(line)
        reply = self.receive()
        self.slowest = max(self.slowest, time.monotonic() - begin)
        return reply


def orders_are_taken_again_when_the_database_is_back(program, database):
    pauses = ("--pauses", "100", str(int(LONGEST_PAUSE * 1000)))
    with Program(program, database.where, *pauses) as orders, Client(orders) as other, \
            Client(orders) as client:
        # There is no database yet, and the program runs.
        expect(other.ask("price tea"), "2")
        expect(client.ask("order 1 tea"), REFUSAL)
        database.start()
        eventually("orders are taken", lambda: client.ask("order 1 tea") == "tea")
        expect(client.ask("show 1"), "tea")
        expect(client.ask("show 2"), "no such order")
        expect(client.ask("order 2 bread"), "no such item")
        expect(client.ask("order 1 milk"), "tea")  # it had been taken

        with database.locked():
            client.send("order 2 coffee")
            time.sleep(0.2)
            began = time.monotonic()
            database.kill()
            expect(client.receive(), REFUSAL)  # and does not wait for an answer any longer
            assert time.monotonic() - began < AT_ONCE

        client.slowest = other.slowest = 0
        asked = 0
        while time.monotonic() < began + OUTAGE:
            expect(other.ask("price coffee"), "3")
            expect(client.ask("order 2 coffee"), REFUSAL)
            expect(client.ask("show 1"), REFUSAL)
            asked += 1
            time.sleep(0.01)
        assert other.slowest < AT_ONCE and client.slowest < AT_ONCE, (other.slowest, client.slowest)

        database.start()
        back = time.monotonic()
        eventually("orders are taken again", lambda: client.ask("order 2 coffee") == "coffee")
        away = time.monotonic() - back
        # The last pause had begun before, and connecting takes its time.
        assert away < LONGEST_PAUSE + AT_ONCE, away
        expect(client.ask("show 1"), "tea")
        expect(other.ask("price milk"), "1")

        code, said = orders.stop()
        expect(code, 0)
        told = [float(pause) for pause in re.findall(r"database .* restarting in ([0-9.]+) s", said)]
        assert told[0] < LONGEST_PAUSE / 2 and max(told) <= LONGEST_PAUSE, said
        assert "giving up" not in said and "listener" not in said and "session" not in said, said
        return (f"{asked} rounds without the database, the slowest answers after "
                f"{1000 * other.slowest:.1f} ms and {1000 * client.slowest:.1f} ms; "
                f"back after {away:.1f} s")


def without_pauses_the_program_gives_up(program, database):
    with Program(program, database.where, "--at-once") as orders, Client(orders) as client:
        eventually("orders are taken", lambda: client.ask("show 1") == "tea")
        database.stop_immediately()
        code, said = orders.ended()
        expect(code, 1)
        assert "database" in said and "more than 3 restarts in 5 s" in said, said


def a_database_that_does_not_answer_is_none(program, database):
    silent = os.path.join(database.folder, ".s.PGSQL.5432")
    with contextlib.suppress(FileNotFoundError):
        os.remove(silent)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(TIME_LIMIT)
        listener.bind(silent)
        listener.listen()
        with Program(program, database.where) as orders, Client(orders) as client:
            connected, _ = listener.accept()
            with connected:
                expect(client.ask("order 3 tea"), REFUSAL)
                assert client.slowest < AT_ONCE, client.slowest
                # The stop does not wait for it either.
                begin = time.monotonic()
                expect(orders.stop(), (0, ""))
                assert time.monotonic() - begin < AT_ONCE
    os.remove(silent)


def a_command_line_that_makes_no_sense_is_told(program, database):
    for words in [[], ["--pauses", "2", "1", database.where], ["--nonsense", database.where]]:
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=TIME_LIMIT)
        expect((done.returncode, done.stderr[:6]), (64, "usage:"))


def main():
    programs = find_programs()
    if not programs:
        print("skipped: PostgreSQL is not installed")
        return 77
    with Database(programs) as database:
        run_tests([
            orders_are_taken_again_when_the_database_is_back,
            without_pauses_the_program_gives_up,
            a_database_that_does_not_answer_is_none,
            a_command_line_that_makes_no_sense_is_told,
        ], sys.argv[1], database)
    print("The orders have outlived their database.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
