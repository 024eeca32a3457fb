"""The server under test: started, killed and stopped; what it takes up."""

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time

START_LIMIT = 20
STOP_LIMIT = 20


def free_port():
    """One that the system gives to nobody by itself, as the server comes back to it again and again."""
    for port in range(20011, 30000, 7):
        with socket.socket() as s, contextlib.suppress(OSError):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")


class Program:
    """Keeps its data in a file, which outlives it, and listens at the same port always."""

    def __init__(self, command, folder, findings):
        self.port = free_port()
        self.starts = 0
        self._command = [command, "--dbfilename", os.path.join(folder, "data"), str(self.port)]
        self._log = open(os.path.join(folder, "server.log"), "ab")
        self._findings = findings
        self._lock = threading.Lock()  # held while it is not meant to run
        self.process = None

    def start(self):
        """Returns when it listens, or throws."""
        self._findings.note("start the program")
        self.process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=self._log)
        ready, _, _ = select.select([self.process.stdout], [], [], START_LIMIT)
        line = self.process.stdout.readline().decode() if ready else ""
        if not re.fullmatch(rf"listening on 127\.0\.0\.1:{self.port}\n", line):
            self.process.kill()
            code = self.process.wait()
            raise RuntimeError(f"the program does not start: it says {line!r} and ends with {code}")
        self.starts += 1

    def kill(self):
        """As `kill -9` does; and starts it again."""
        with self._lock:
            if not self._has_ended():
                self._findings.note("kill -9 the program")
                self.process.kill()
                self.process.wait()
            self._start_again()

    def see_to_it(self):
        """If it has ended by itself it is started again, to go on with the rest."""
        with self._lock:
            if self._has_ended():
                self._start_again()

    def usage(self):
        """Resident memory and its peak, in bytes, and the number of descriptors; nothing if it does not run."""
        pid = self.process.pid
        try:
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                sizes = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB", f.read(), re.MULTILINE))
            descriptors = len(os.listdir(f"/proc/{pid}/fd"))
            return int(sizes["VmRSS"]) << 10, int(sizes["VmHWM"]) << 10, descriptors
        except (OSError, KeyError):
            return None

    def stop(self):
        """Asks it to stop. Its exit code; nothing if it does not end."""
        with self._lock:
            self._findings.note("stop the program")
            self.process.send_signal(signal.SIGTERM)
            try:
                return self.process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                return None

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log.close()

    def _has_ended(self):
        code = self.process.poll()
        if code is not None:
            self._findings.add("ends", f"the program has ended by itself, with {code}")
        return code is not None

    def _start_again(self):
        self.process.stdout.close()
        try:
            self.start()
        except RuntimeError as why:
            self._findings.add("starts", str(why))
            time.sleep(1)
