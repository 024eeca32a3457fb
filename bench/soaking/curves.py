"""What the server takes up, and does, second by second."""

import statistics

from soaking.worker import Worker

# For a while processes are killed, and the program is not: there it must be seen that nothing grows. Its first quarter
# is for coming up to what is usual.
#
# Memory: SQLite may keep 2 MB of the file, which are gone whenever its process is killed, and come back by and by. The
# tenth is for what is in use at that very moment: values that are on their way, and what the allocator has left over.
# A leak of ten bytes a request would be 3 MB in a minute.
MEMORY_GROWS = 1.1
MEMORY_MORE = 2 << 20
# What piles up for a while and goes again, at the latest when its process is killed, shows in no median. There may never be
# so many times as much as in that second quarter.
MEMORY_PEAK = 1.5


class Curves(Worker):
    """Looks once a second."""

    def __init__(self, program, clients, findings):
        super().__init__("curves")
        self.samples = []
        self._program = program
        self._clients = clients
        self._findings = findings

    def run(self):
        before = 0
        begin = self._findings.now()
        while not self.finishing.wait(max(0, begin + len(self.samples) + 1 - self._findings.now())):
            self._program.see_to_it()
            acknowledged = sum(c.acknowledged for c in self._clients)
            usage = self._program.usage()
            self.samples.append({
                "seconds": self._findings.now(),
                "acknowledged": acknowledged - before,
                **dict(zip(("memory", "peak", "descriptors"), usage or (None, None, None))),
            })
            before = acknowledged

    def quarters(self, end):
        """Of what was there until then, the medians of the second quarter and of the last one: memory, descriptors."""
        def median(what, low, high):
            values = [s[what] for s in self.samples if low * end <= s["seconds"] <= high * end and s[what]]
            return statistics.median(values) if values else 0
        return {what: (median(what, 0.25, 0.5), median(what, 0.75, 1)) for what in ("memory", "descriptors")}

    def peak(self):
        """The most memory at any time."""
        return max((s["peak"] or 0 for s in self.samples), default=0)


def check(curves, end, idle, connections, findings):
    """Whether it is flat.

    `idle`: how many descriptors it has without clients; `connections`: how many there may be at a time.
    """
    before, after = curves.quarters(end)["memory"]
    limit = before * MEMORY_GROWS + MEMORY_MORE
    if after > limit:
        findings.add("memory", f"memory has grown from {before / 1e6:.1f} to {after / 1e6:.1f} MB")
    if curves.peak() > before * MEMORY_PEAK:
        findings.add("memory", f"memory was {before / 1e6:.1f} MB, and once {curves.peak() / 1e6:.1f} MB")
    # A client that has lost its connection may have the next one before the server has closed that.
    most = idle + 2 * connections
    worst = max((s["descriptors"] or 0 for s in curves.samples), default=0)
    if worst > most:
        findings.add("descriptors", f"there were {worst} descriptors, {idle} without clients, and {connections} "
                     "connections at the most")
