"""A client that knows what it has written, and looks whether it is there."""

import random
import socket
import time

from soaking.worker import Worker

REQUEST_LIMIT = 10
OUTAGE_LIMIT = 20

VALUES = 24
COUNTERS = 8
MOST_AT_ONCE = 8
# Short ones, and such as the server keeps and sends in another way.
SIZES = (40, 400, 3000, 12000)


class Broken(Exception):
    """The connection is of no use any more."""


class Key:
    """One of the keys of a client, whose values are the numbers 1, 2, 3 and so on in a text of their own.

    What is there must be one of `least` to `most`: the last that was acknowledged, or read; and the last that was
    sent. As long as the connection holds they are equal between two rounds.
    """

    def __init__(self, name):
        self.name = name
        self.least = self.most = 0

    def next(self):
        """The request that writes the next number, and the answer to that."""
        self.most += 1
        words = [b"SET", self.name, self.text(self.most)]
        if self.most % 5 == 0:
            words += [b"PX", b"3600000"]
        return words, "OK"

    def text(self, number):
        begin = b"%s=%d:" % (self.name, number)
        return begin.ljust(SIZES[number % len(SIZES)], b"%d" % (number % 10))

    def number(self, text):
        """Which one it is; nothing if it is none of them."""
        if text is None:
            return 0
        try:
            number = int(text[len(self.name) + 1:text.index(b":", len(self.name))])
        except ValueError:
            return None
        return number if text == self.text(number) else None


class Counter(Key):
    """One that is counted by the server."""

    def next(self):
        self.most += 1
        return [b"INCR", self.name], self.most

    def text(self, number):
        return b"%d" % number

    def number(self, text):
        return 0 if text is None else int(text) if text.isdigit() else None


class Verifier(Worker):
    """Writes until it is told to finish, several numbers at a time, and then looks once more."""

    def __init__(self, number, port, seed, findings):
        super().__init__(f"client {number}")
        self.acknowledged = 0
        self.outages = []  # seconds
        self.done = False
        self._port = port
        self._chance = random.Random(f"{seed} {number}")
        self._findings = findings
        self._keys = [Key(b"soak:%d:v%d" % (number, i)) for i in range(VALUES)]
        self._keys += [Counter(b"soak:%d:n%d" % (number, i)) for i in range(COUNTERS)]
        self._socket = self._replies = None
        self._down_since = None

    def finish(self):
        """Does not wait for its end: all clients are told first."""
        self.finishing.set()

    def run(self):
        while not self.done:
            try:
                self._connect()
                self._check_all()
                rounds = self._chance.randrange(50, 400)
                while rounds > 0 and not self.finishing.is_set():
                    self._write_some()
                    if self._chance.random() < 0.1:
                        self._check(self._chance.sample(self._keys, 4))
                    rounds -= 1
                if self.finishing.is_set():
                    self._check_all()
                    self.done = True
                self._close()
            except (Broken, ConnectionError):
                self._close()
                if self._down_since is None:
                    self._down_since = time.monotonic()
            except socket.timeout:
                self._findings.add("hangs", f"{self.name} has waited for {REQUEST_LIMIT} s for an answer")
                self._close()

    def _write_some(self):
        keys = self._chance.sample(self._keys, self._chance.randrange(1, MOST_AT_ONCE + 1))
        expected = []
        sent = b""
        for key in keys:
            words, answer = key.next()
            sent += request(*words)
            expected.append((key, key.most, answer))
        self._send(sent)
        for key, number, answer in expected:
            got = self._receive()
            if got == answer:
                key.least = number
                self.acknowledged += 1
            elif isinstance(got, Refusal):
                raise Broken
            else:
                # The number is as good as unknown.
                self._findings.add("answers", f"{self.name}: {answer!r} expected of {key.name}, and not {got!r}")

    def _check_all(self):
        self._check(self._keys)
        if self._down_since is not None:
            outage = time.monotonic() - self._down_since
            self._down_since = None
            self.outages.append(outage)
            if outage > OUTAGE_LIMIT:
                self._findings.add("outages", f"{self.name} had no server for {outage:.1f} s")

    def _check(self, keys):
        self._send(request(b"MGET", *(k.name for k in keys)))
        found = self._receive()
        if isinstance(found, Refusal):
            raise Broken
        for key, text in zip(keys, found):
            number = key.number(text)
            shown = text if text is None else text[:60]
            if number is None or number > key.most:
                self._findings.add("invented", f"{self.name}: {key.name} is {shown!r}, {key.most} was the last sent")
            elif number < key.least:
                self._findings.add("lost", f"{self.name}: {key.name} is {shown!r}, though {key.least} was acknowledged")
            if number is not None:
                # What has not come by now comes no more; and it is not taken back.
                key.least = key.most = number

    def _connect(self):
        self._socket = socket.create_connection(("127.0.0.1", self._port), REQUEST_LIMIT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._replies = self._socket.makefile("rb")

    def _close(self):
        if self._socket:
            self._replies.close()
            self._socket.close()
            self._socket = None
        elif not self.finishing.wait(0.02):
            # It was refused.
            return

    def _send(self, text):
        self._socket.sendall(text)

    def _receive(self):
        line = self._replies.readline()
        if not line.endswith(b"\r\n"):
            raise Broken
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"-":
            if b"store is down" not in rest:
                self._findings.add("answers", f"{self.name} is told {rest!r}")
            return Refusal()
        if kind == b"*":
            return [self._receive() for _ in range(int(rest))]
        if kind != b"$":
            self._findings.add("answers", f"{self.name}: this is no answer: {line[:60]!r}")
            raise Broken
        if rest == b"-1":
            return None
        text = self._replies.read(int(rest) + 2)
        if len(text) < int(rest) + 2:
            raise Broken
        return text[:-2]


class Refusal:
    """The server cannot do it now."""


def request(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)
