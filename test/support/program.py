"""What the tests share that look at a program from outside."""

import re
import signal
import subprocess
import threading
import time

TIME_LIMIT = 60


def expect(actual, wanted):
    assert actual == wanted, f"expected {wanted!r}, got {actual!r}"


def eventually(what, condition, every=0.02):
    deadline = time.monotonic() + TIME_LIMIT
    while not condition():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(every)


class Listener:
    """A program that says on which port of its own choice it listens. Ends when it is left."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
        line = self.process.stdout.readline()
        match = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", line)
        assert match, f"the program said {line!r}"
        self.port = int(match[1])
        # Read all along, lest the program stands still when the pipe is full.
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stderr))
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.ended()
        self.process.stdout.close()
        self.process.stderr.close()

    def ended(self):
        """Waits for its end, and gives its exit code and what it said on stderr."""
        code = self.process.wait(TIME_LIMIT)
        self.reader.join()
        return code, "".join(self.lines)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """Asks it to stop, and waits for its end likewise."""
        self.signal(signal.SIGTERM)
        return self.ended()


def run_tests(tests, *arguments):
    """Calls one after the other, and says how long each has taken, and what it returns."""
    for test in tests:
        start = time.monotonic()
        detail = test(*arguments)
        print(f"ok {test.__name__}, {time.monotonic() - start:.1f} s" + (f": {detail}" if detail else ""), flush=True)
