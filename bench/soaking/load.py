"""redis-benchmark, as often as it takes."""

import os
import re
import select
import subprocess
import time

from soaking.verifier import REQUEST_LIMIT
from soaking.worker import Worker

CLIENTS = 50
PIPELINE = 16
# So many keys, of so many bytes: what it writes is soon all there is, and takes no more from then on.
KEYS = 1000
SIZE = 100
REQUESTS = 20_000
TESTS = ("set", "get", "incr")
# It tells four times a second how far it is. When a connection breaks at the wrong moment it tries to write to it again
# and again, without a system call in between, and says nothing any more: Redis 7.0.15, writeHandler().
SILENCE = 0.6


class Load(Worker):
    """Keeps the server under full load. When its connections break, redis-benchmark ends, and is started again."""

    def __init__(self, port, folder, findings):
        super().__init__("redis-benchmark")
        self.requests = 0  # about so many were answered
        self._port = port
        self._findings = findings
        self._log = open(os.path.join(folder, "redis-benchmark.log"), "w", encoding="utf-8")

    def finish(self):
        super().finish()
        self._log.close()

    def run(self):
        turn = 0
        while not self.finishing.is_set():
            self._run_once(TESTS[turn % len(TESTS)])
            turn += 1
            self.finishing.wait(0.05)

    def _run_once(self, test):
        command = ["redis-benchmark", "-p", str(self._port), "-t", test, "-n", str(REQUESTS), "-c", str(CLIENTS),
                   "-P", str(PIPELINE), "-r", str(KEYS), "-d", str(SIZE), "-q"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            heard = last = progress = time.monotonic()
            while True:
                readable, _, _ = select.select([process.stdout], [], [], 0.2)
                said = os.read(process.stdout.fileno(), 1 << 16).decode() if readable else None
                now = time.monotonic()
                if said == "":
                    break
                for rate in re.findall(r"rps=([\d.]+)", said or ""):
                    # So many since it has said that the last time.
                    self.requests += round(float(rate) * (now - last))
                    last = now
                    if float(rate) > 0:
                        progress = now
                if said:
                    heard = now
                    self._log.write(said)
                if now - progress > REQUEST_LIMIT:
                    self._findings.add("hangs", f"redis-benchmark gets no answers for {REQUEST_LIMIT} s")
                    process.kill()
                    break
                if now - heard > SILENCE or self.finishing.is_set():
                    process.kill()
                    break
