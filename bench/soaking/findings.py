"""What has gone wrong, and the journal of a run."""

import sys
import threading
import time

# Each is a check, which has passed when nothing was found, in the words of what is expected.
CHECKS = {
    "lost": "what was acknowledged is there",
    "invented": "nothing is there that was never written",
    "answers": "every answer is one to the request",
    "hangs": "no request of a client takes longer than its limit",
    "outages": "no client is without a server for longer than the limit",
    "ends": "the program does not end by itself",
    "starts": "the program starts again on the same file",
    "memory": "memory does not grow",
    "descriptors": "there are no more descriptors than connections need",
    "left": "no descriptor is left when all clients have gone",
    "kinds": "processes of every kind were killed",
    "work": "every client got through",
    "stop": "the program stops in order, with exit code 0",
}


class Findings:
    """Used by all threads of a run."""

    def __init__(self, journal):
        self.begin = time.monotonic()
        self.found = {check: [] for check in CHECKS}
        self._journal = open(journal, "w", encoding="utf-8")
        self._lock = threading.Lock()

    def now(self):
        """Seconds since the beginning."""
        return time.monotonic() - self.begin

    def note(self, text):
        """Writes a line into the journal."""
        with self._lock:
            self._journal.write(f"{self.now():9.3f} {text}\n")
            self._journal.flush()

    def add(self, check, text):
        """Something that must not be."""
        self.note(f"FAILED {check}: {text}")
        with self._lock:
            self.found[check].append(text)
            # Of the same kind a few are enough.
            if len(self.found[check]) <= 5:
                print(f"bench/soak: at {self.now():.1f} s: {text}", file=sys.stderr)

    def failed(self):
        return {check: texts for check, texts in self.found.items() if texts}
