"""Who ends processes of the server, and the server."""

import random
import re
import socket

from soaking.worker import Worker

# Seconds between two of them, at least and at most.
PROCESS_KILLS = (0.1, 0.9)
PROGRAM_KILLS = (2, 5)

# Within each minute the last seconds are calm. Before, whoever waits in vain for an answer is soon told by a connection
# that breaks that none will come, and would not be found out.
CALM = 15

# The kinds of process that there are always. Those that others can do without are parked for a while when they were
# killed too often.
KINDS = ("keyvalue.file", "keyvalue.store", "keyvalue.clients", "connections", "listener", "connection")


def is_calm(second):
    return second % 60 >= 60 - CALM


class ProcessKiller(Worker):
    """Has processes of the tree killed or crashed, all along."""

    def __init__(self, port, seed, findings):
        super().__init__("killer")
        self.times = []  # seconds
        self._port = port
        self._chance = random.Random(f"{seed} processes")
        self._findings = findings

    def run(self):
        while not self.finishing.wait(self._chance.uniform(*PROCESS_KILLS)):
            if is_calm(self._findings.now()):
                continue
            # Drawn in any case, so that what follows does not depend on whether this one arrives.
            number = self._chance.randrange(1 << 32)
            command = self._chance.choices([f"CRASH RANDOM {number}", "CRASH STORE", "CRASH"], [8, 1, 1])[0]
            try:
                with socket.create_connection(("127.0.0.1", self._port), 2) as s:
                    s.settimeout(2)
                    s.sendall(command.encode() + b"\r\n")
                    answer = s.recv(100)
            except OSError:
                continue
            # A connection that crashes says nothing.
            if answer == b"+OK\r\n" or (command == "CRASH" and not answer):
                self.times.append(self._findings.now())
                self._findings.note(command)


class ProgramKiller(Worker):
    """Kills the whole program, and starts it again."""

    def __init__(self, program, seed, findings):
        super().__init__("kill -9")
        self.times = []
        self._program = program
        self._chance = random.Random(f"{seed} program")
        self._findings = findings

    def run(self):
        while not self.finishing.wait(self._chance.uniform(*PROGRAM_KILLS)):
            if is_calm(self._findings.now()):
                continue
            self.times.append(self._findings.now())
            self._program.kill()


def in_log(path):
    """The kinds of process that were killed, and how many were started again, by what the server has said."""
    kinds, restarts = set(), 0
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            if killed := re.search(r"([\w.]+) <\d+> (?:ended|stopped).*\(killed\)", line):
                kinds.add(killed[1])
            if "restarting" in line:
                more = re.search(r"\(and (\d+) more like it", line)
                restarts += 1 + int(more[1] if more else 0)
    return kinds, restarts
