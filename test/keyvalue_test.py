#!/usr/bin/env python3
"""Drives the key-value example with the real clients of its protocol.

usage: keyvalue_test.py SERVER

Needs redis-cli and redis-benchmark; without them it is skipped (exit code 77).

Two client libraries of Node.js take part if they are found:

    cd ANYWHERE && npm install ioredis redis
    NODE_PATH=ANYWHERE/node_modules keyvalue_test.py SERVER
"""

import contextlib
import functools
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from support.program import Listener, TIME_LIMIT, eventually, expect, run_tests


class Server(Listener):
    """The example. With `files` descriptors at most, with files of `file_size` bytes at most, and that patience, in
    seconds, with clients who take nothing.

    `options` are words of its command line.
    """

    def __init__(self, program, *options, files=None, file_size=None, environment=None, patience=60):
        limits = [(which, most) for which, most in
                  [(resource.RLIMIT_NOFILE, files), (resource.RLIMIT_FSIZE, file_size)] if most]
        limit = (lambda: [resource.setrlimit(which, (most, most)) for which, most in limits]) if limits else None
        super().__init__([program, *options, "0", "127.0.0.1", str(patience)], preexec_fn=limit, env=environment)

    def memory(self):
        """What it has in memory, in bytes."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), TIME_LIMIT)

    def cli(self, *words):
        """What redis-cli prints."""
        done = subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True,
                              timeout=TIME_LIMIT)
        return (done.stdout + done.stderr).removesuffix("\n")

    def ask(self, text):
        """The replies to `text` on a connection of its own, until the server closes it."""
        with self.connect() as client:
            client.sendall(text)
            with contextlib.suppress(ConnectionResetError):
                return read_all(client)
        return b""


def request(*words):
    """As programs send it."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def read_all(client):
    received = bytearray()
    while piece := client.recv(1 << 18):
        received += piece
    return bytes(received)


def commands_work_with_redis_cli(program):
    with Server(program) as server:
        expect(server.cli("PING"), "PONG")
        expect(server.cli("ECHO", "two words"), "two words")
        expect(server.cli("SET", "a", "1"), "OK")
        expect(server.cli("INCR", "a"), "2")
        expect(server.cli("APPEND", "a", "0"), "2")
        expect(server.cli("MGET", "a", "none"), "20\n")
        expect(server.cli("EXISTS", "a", "none"), "1")
        expect(server.cli("DEL", "a"), "1")
        expect(server.cli("DBSIZE"), "0")
        expect(server.cli("GET"), "ERR wrong number of arguments for 'get' command\n")
        expect(server.cli("NONSENSE"), "ERR unknown command 'NONSENSE'\n")

        expect(server.cli("SET", "brief", "x", "PX", "200"), "OK")
        expect(server.cli("SET", "long", "x", "EX", "1000"), "OK")
        # Seen by the store process itself, not only by who asks for the key.
        eventually("the value expires", lambda: server.cli("DBSIZE") == "1")
        expect(server.cli("MGET", "brief", "long"), "\nx")
        expect(server.cli("FLUSHALL"), "OK")
        expect(server.cli("DBSIZE"), "0")

        expect(server.stop(), (0, ""))


def client_libraries_connect_without_a_complaint(program):
    with Server(program) as server:
        expect(server.cli("-3", "GET", "none"), "")
        expect(server.cli("-3", "SET", "a", "1"), "OK")
        expect(server.cli("-3", "CONFIG", "GET", "save"), "save ")
        expect(server.cli("-3", "--user", "default", "--pass", "any", "--no-auth-warning", "INCR", "a"),
               "2")
        node = shutil.which("node")
        script = os.path.join(os.path.dirname(__file__), "keyvalue_clients.js")
        found = node and subprocess.run([node, "-e", "require('ioredis'); require('redis')"],
                                        capture_output=True).returncode == 0
        if found:
            done = subprocess.run([node, script, str(server.port)], capture_output=True, text=True,
                                  timeout=TIME_LIMIT)
            expect((done.returncode, done.stdout + done.stderr), (0, ""))
        expect(server.stop(), (0, ""))
    return "with ioredis and redis of Node.js" if found else "without Node.js"


def a_client_may_write_all_of_a_long_pipeline_before_it_reads(program):
    count = 600_000
    value = b"v" * 100
    with Server(program) as server, server.connect() as client:
        client.sendall(b"SET k %s\r\n" % value)
        expect(client.recv(100), b"+OK\r\n")
        client.sendall(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" * count)
        client.shutdown(socket.SHUT_WR)
        expect(len(read_all(client)), count * len(b"$100\r\n%s\r\n" % value))
        expect(server.stop(), (0, ""))


def what_is_asked_while_answers_are_not_taken_is_answered_too(program):
    value = b"v" * 10_000
    count = 1000
    with Server(program) as server, server.connect() as client:
        client.sendall(b"SET k %s\r\n" % value)
        expect(client.recv(100), b"+OK\r\n")
        # One by one, so that the server has nothing else to do when it finds no room for an answer.
        for _ in range(count):
            client.sendall(b"GET k\r\n")
            time.sleep(0.0005)
        left = count * len(b"$%d\r\n%s\r\n" % (len(value), value))
        while left > 0:
            left -= len(client.recv(1 << 18))
        expect(left, 0)
        expect(server.stop(), (0, ""))


def a_client_that_never_reads_is_hung_up_on(program):
    with Server(program, patience=1) as server, server.connect() as client:
        value = b"v" * 4000
        client.sendall(b"SET k %s\r\n" % value)
        expect(client.recv(100), b"+OK\r\n")
        piece = b"GET k\r\n" * 100_000
        try:
            for _ in range(1000):
                client.sendall(piece)
            raise AssertionError("the server takes it all")
        except ConnectionError:
            pass
        expect(server.cli("PING"), "PONG")
        expect(server.stop(), (0, ""))


def long_values_on_their_way_take_no_memory(program):
    size = 16_000_000
    with Server(program) as server, contextlib.ExitStack() as stack:
        with server.connect() as client:
            client.sendall(b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%d\r\n%s\r\n" % (size, b"v" * size))
            expect(client.recv(100), b"+OK\r\n")
        before = server.memory()
        greedy = [stack.enter_context(server.connect()) for _ in range(10)]
        for client in greedy:
            client.sendall(b"MGET big big big big\r\nQUIT\r\n")
        for client in greedy:
            expect(client.recv(5, socket.MSG_PEEK | socket.MSG_WAITALL), b"*4\r\n$")
        expect(server.cli("PING"), "PONG")
        taken = server.memory() - before
        assert taken < size, taken
        # What they get is what was there when they asked.
        expect(server.cli("DEL", "big"), "1")
        one = b"$%d\r\n%s\r\n" % (size, b"v" * size)
        assert read_all(greedy[0]) == b"*4\r\n" + one * 4 + b"+OK\r\n"
        for client in greedy:
            client.close()
        expect(server.stop(), (0, ""))
        return f"{taken >> 10} KiB for {10 * 4 * size >> 20} MiB"


def pipelined_and_split_requests_are_answered_in_order(program):
    with Server(program) as server:
        count = 5000
        text = b"".join(b"*3\r\n$3\r\nSET\r\n$4\r\n%04d\r\n$1\r\nx\r\nGET %04d\r\n" % (i, i)
                        for i in range(count))
        expect(server.ask(text + b"QUIT\r\n"), b"+OK\r\n$1\r\nx\r\n" * count + b"+OK\r\n")
        with server.connect() as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"*2\r\n$3\r\nGET\r\n$4\r\n0007\r\nQUIT\r\n":
                client.sendall(bytes([byte]))
            expect(read_all(client), b"$1\r\nx\r\n+OK\r\n")
        value = random.Random(1).randbytes(3_000_000)
        expect(server.ask(b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%d\r\n%s\r\nGET big\r\nQUIT\r\n" %
                          (len(value), value)),
               b"+OK\r\n$%d\r\n%s\r\n+OK\r\n" % (len(value), value))
        expect(server.stop(), (0, ""))


def a_broken_protocol_ends_that_connection_alone(program):
    with Server(program) as server, server.connect() as witness:
        for garbage, problem in [
                (b"*1\r\nPING\r\n", b"expected '$', got 'P'"),
                (b"*99999999\r\n", b"invalid multibulk length"),
                (b"*1\r\n$999999999999\r\n", b"invalid bulk length"),
                (b"SET 'a\r\n", b"unbalanced quotes in request"),
        ]:
            expect(server.ask(garbage), b"-ERR Protocol error: " + problem + b"\r\n")
            witness.sendall(b"PING\r\n")
            expect(witness.recv(100), b"+PONG\r\n")
        expect(server.stop(), (0, ""))


def crashes_and_garbage_harm_nobody_else(program):
    """Healthy clients run while others crash their connections; no error, no loss."""
    keys, rounds = 200, 1000
    with Server(program) as server:
        over = threading.Event()
        attacks = {"crash": 0, "garbage": 0}

        def attack(kind, texts):
            while not over.is_set():
                text = next(texts)
                with server.connect() as client, contextlib.suppress(ConnectionError):
                    client.sendall(text)
                    client.shutdown(socket.SHUT_WR)
                    read_all(client)
                attacks[kind] += 1
                time.sleep(0.002)

        def garbage():
            source = random.Random(7)
            while True:
                # Never a command: those that change something are at least two words.
                yield b"*" + source.randbytes(source.randrange(1, 200)).replace(b"\n", b"")
                yield b"*3\r\n$3\r\nSET\r\n$5\r\n"  # hangs up in the middle
                yield b"\x16\x03\x01\n*-7\r\n*1\r\n$-5\r\n"

        def crash():
            while True:
                yield b"CRASH\r\n"
                yield b"*1\r\n$5\r\ncrash\r\n"

        failures = []

        def healthy():
            try:
                with server.connect() as client:
                    replies = client.makefile("rb")
                    for i in range(rounds):
                        client.sendall(b"INCR healthy\r\nGET key:%d\r\n" % (i % keys))
                        assert replies.readline().startswith(b":")
                        expect(replies.readline() + replies.readline(),
                               b"$%d\r\nvalue:%d\r\n" % (len(b"value:%d" % (i % keys)), i % keys))
            except (AssertionError, OSError) as e:
                failures.append(e)

        for i in range(keys):
            server.ask(b"SET key:%d value:%d\r\nQUIT\r\n" % (i, i))
        attackers = [threading.Thread(target=attack, args=a)
                     for a in [("crash", crash()), ("crash", crash()), ("garbage", garbage())]]
        clients = [threading.Thread(target=healthy) for _ in range(4)]
        for t in attackers + clients:
            t.start()
        try:
            benches = [
                subprocess.run(["redis-benchmark", "-p", str(server.port), "-t", "ping,set,get,incr", "-n",
                                "10000", "-c", clients_count, "-P", pipeline, "-q"],
                               capture_output=True, text=True, timeout=TIME_LIMIT)
                for clients_count, pipeline in [("1", "16"), ("50", "1"), ("50", "16")]
            ]
            for t in clients:
                t.join(TIME_LIMIT)
        finally:
            over.set()
            for t in attackers:
                t.join(TIME_LIMIT)

        expect(failures, [])
        for bench in benches:
            assert bench.returncode == 0, bench
            assert "rror" not in bench.stdout + bench.stderr, bench
            expect(bench.stdout.count("requests per second"), 5)
        assert attacks["crash"] > 20 and attacks["garbage"] > 20, attacks
        expect(server.cli("GET", "healthy"), str(len(clients) * rounds))
        expect(server.cli("MGET", *[f"key:{i}" for i in range(keys)]),
               "\n".join(f"value:{i}" for i in range(keys)))
        code, said = server.stop()
        expect(code, 0)
        # Equal reports are summed up.
        told = re.findall(r"a client asked for a crash.*?(?:\(and (\d+) more like it.*)?$", said, re.M)
        expect(sum(1 + int(more or 0) for more in told), attacks["crash"])
        expect(said.count("\n"), len(told))
        assert "restarting" not in said, said
        return f"{attacks['crash']} crashes, {attacks['garbage']} pieces of garbage"


def a_crash_of_the_store_restarts_what_relies_on_it(program):
    with Server(program) as server, server.connect() as other:
        expect(server.cli("SET", "a", "1"), "OK")
        other.sendall(b"GET a\r\n")
        expect(other.recv(100), b"$1\r\n1\r\n")
        expect(server.ask(b"CRASH STORE\r\n"), b"+OK\r\n")
        expect(other.recv(100), b"")
        eventually("the server listens on the same port again", lambda: server.cli("DBSIZE") == "0")
        code, said = server.stop()
        expect(code, 0)
        expect(said.count("restarting"), 1)


def a_store_that_crashes_often_pauses_and_takes_nobody_along(program):
    crashes = 5
    with Server(program) as server:
        for _ in range(crashes):
            eventually("the server listens on the same port again", lambda: server.cli("DBSIZE") == "0")
            expect(server.ask(b"CRASH STORE\r\n"), b"+OK\r\n")
        eventually("the server listens on the same port again", lambda: server.cli("DBSIZE") == "0")
        code, said = server.stop()
        expect(code, 0)
        # More than would be forgiven, were there no pauses.
        expect(said.count("restarting"), crashes)


def the_server_outlasts_a_lack_of_descriptors(program):
    # The undefined behaviour sanitizer probes memory through a pipe, and without a descriptor left for
    # that it takes sound objects for broken ones. So it may complain here; the others see to the rest.
    complain = {**os.environ, "UBSAN_OPTIONS": os.environ.get("UBSAN_OPTIONS", "") + ":halt_on_error=0"}
    with Server(program, files=40, environment=complain) as server, contextlib.ExitStack() as stack:
        def ping(client):
            client.settimeout(0.3)
            client.sendall(b"PING\r\n")
            try:
                return client.recv(100) == b"+PONG\r\n"
            except socket.timeout:
                return False

        clients = [stack.enter_context(server.connect()) for _ in range(60)]
        served = 0
        while ping(clients[served]):
            served += 1
        assert 10 < served < 40, served
        # Those that are served notice nothing.
        assert all(ping(c) for c in clients[:served])
        for client in clients[:served]:
            client.close()
        # Those that waited have their turn now.
        clients[served].settimeout(TIME_LIMIT)
        expect(clients[served].recv(100), b"+PONG\r\n")
        for client in clients:
            client.close()
        expect(server.cli("PING"), "PONG")
        code, said = server.stop()
        expect(code, 0)
        assert "accepts nothing for now (Too many open files" in said, said
        assert "restarting" not in said, said
        return f"{served} of {len(clients)} clients served at a time"


def a_second_server_on_the_same_port_says_why_it_ends(program):
    with Server(program) as server:
        second = subprocess.run([program, str(server.port)], capture_output=True, text=True,
                                timeout=TIME_LIMIT)
        expect(second.returncode, 2)
        expect(second.stdout, "")
        assert f"cannot listen on 127.0.0.1:{server.port}: Address already in use" in second.stderr
        expect(server.cli("PING"), "PONG")
        expect(server.stop(), (0, ""))


def wrong_words_on_the_command_line_are_named(program):
    for words, problem in [
            (["no port"], "the port is a number from 0 to 65535, and not 'no port'"),
            (["65536"], "the port is a number from 0 to 65535, and not '65536'"),
            (["0", "localhost"], "an address is one of numbers, as 127.0.0.1 or ::1, and not 'localhost'"),
            (["0", "::1", "0"], "the patience is a number from 1 to 86400, and not '0'"),
            (["0", "::1", "1", "more"], "too much: 'more'"),
            (["--maxclients"], "--maxclients needs a value"),
            (["--maxclients", "0"], "--maxclients is a number from 1 to 1000000, and not '0'"),
            (["--timeout", "1s"], "--timeout is a number from 0 to 86400, and not '1s'"),
            (["--drain", "-1"], "--drain is a number from 0 to 86400, and not '-1'"),
            (["--slowlog-log-slower-than", "-2"],
             "--slowlog-log-slower-than is a number from -1 to 86400000000, and not '-2'"),
            (["--bind", "::1"], "no such option: --bind"),
    ]:
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=TIME_LIMIT)
        expect((done.returncode, done.stdout), (64, ""))
        expect(done.stderr.splitlines()[0], f"keyvalue: {problem}")
        assert "\nusage: keyvalue " in done.stderr, done.stderr


def a_signal_stops_the_server_with_clients_connected(program):
    with Server(program) as server, server.connect() as client:
        client.sendall(b"PING\r\n")
        expect(client.recv(100), b"+PONG\r\n")
        expect(server.stop(), (0, ""))
        expect(client.recv(100), b"")


def what_is_under_way_when_the_server_stops_is_finished(program):
    """Idle clients are hung up on; a command that has arrived in part is answered, and answers are sent."""
    size = 30_000_000
    with Server(program, "--drain", str(TIME_LIMIT)) as server, contextlib.ExitStack() as stack:
        new = lambda: stack.enter_context(server.connect())
        idle, silent, slow, writer, reader = new(), new(), new(), new(), new()
        writer.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nv\r\n$%d\r\n%s" % (size, b"v" * (size // 2)))
        for client in [idle, reader]:
            client.sendall(b"PING\r\n")
            expect(client.recv(100), b"+PONG\r\n")
        # More than fits between here and there.
        expect(server.cli("SET", "r", "r" * 100_000), "OK")
        reader.sendall(b"GET r\r\n" * 300)
        expect(reader.recv(1, socket.MSG_PEEK), b"$")
        # As if typed: it is an incomplete request once the server has read it, which it then says.
        slow.sendall(b"CLIENT ID\r\nEC")
        assert slow.recv(100).startswith(b":")

        server.signal(signal.SIGTERM)
        for client in [idle, silent]:
            expect(client.recv(100), b"")
        expect(refused(server), True)
        writer.sendall(b"%s\r\n" % (b"v" * (size - size // 2)))
        expect(read_all(writer), b"+OK\r\n")
        slow.sendall(b"HO there\r\n")
        expect(read_all(slow), b"$5\r\nthere\r\n")
        expect(read_all(reader), (b"$100000\r\n%s\r\n" % (b"r" * 100_000)) * 300)
        expect(server.ended(), (0, ""))


def refused(server):
    """Whether the port is closed."""
    try:
        with server.connect():
            return False
    except ConnectionRefusedError:
        return True


def a_command_that_does_not_arrive_holds_up_the_stop_for_as_long_as_it_may(program):
    with Server(program, "--drain", "1") as server, server.connect() as client:
        client.sendall(b"PING\r\nPIN")
        expect(client.recv(100), b"+PONG\r\n")
        begin = time.monotonic()
        expect(server.stop(), (0, ""))
        expect(client.recv(100), b"")
        assert time.monotonic() - begin > 0.9


def a_second_signal_ends_the_server_at_once(program):
    with Server(program, "--drain", "3600") as server, server.connect() as idle, \
            server.connect() as client:
        client.sendall(b"PING\r\nPIN")
        expect(client.recv(100), b"+PONG\r\n")
        idle.sendall(b"PING\r\n")
        expect(idle.recv(100), b"+PONG\r\n")
        server.signal(signal.SIGTERM)
        # So the stop has begun.
        expect(idle.recv(100), b"")
        expect(server.process.poll(), None)
        server.signal(signal.SIGTERM)
        code, _ = server.ended()
        expect(code, 3)
        expect(client.recv(100), b"")


def clients_beyond_the_cap_wait_for_their_turn(program):
    with Server(program, "--maxclients", "2") as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(3)]
        for client in clients:
            client.sendall(b"PING\r\n")
        for client in clients[:2]:
            expect(client.recv(100), b"+PONG\r\n")
        eventually("it is told", lambda: any("accepts nothing for now" in l for l in server.lines))
        # Those that are served are served again, and nobody else.
        for client in clients[:2]:
            client.sendall(b"PING\r\n")
            expect(client.recv(100), b"+PONG\r\n")
        clients[2].setblocking(False)
        with contextlib.suppress(BlockingIOError):
            raise AssertionError(f"it is served: {clients[2].recv(100)}")
        clients[2].settimeout(TIME_LIMIT)
        clients[0].close()
        expect(clients[2].recv(100), b"+PONG\r\n")
        code, said = server.stop()
        expect(code, 0)
        assert "restarting" not in said, said


def a_client_that_says_nothing_for_too_long_is_hung_up_on(program):
    with Server(program, "--timeout", "1") as server, server.connect() as client:
        client.sendall(b"PING\r\n")
        expect(client.recv(100), b"+PONG\r\n")
        expect(client.recv(100), b"")
        expect(server.stop(), (0, ""))


def number_of(client):
    """The number of the process that is its connection."""
    client.sendall(b"CLIENT ID\r\n")
    return int(re.fullmatch(rb":(\d+)\r\n", client.recv(100))[1])


def a_dump_tells_what_each_connection_waits_for(program):
    with Server(program) as server, contextlib.ExitStack() as stack:
        idle, stuck = (stack.enter_context(server.connect()) for _ in range(2))
        numbers = {client: number_of(client) for client in [idle, stuck]}
        expect(server.cli("SET", "v", "v" * 100_000), "OK")
        stuck.sendall(b"GET v\r\n" * 1000)
        expect(stuck.recv(1, socket.MSG_PEEK), b"$")

        def dump():
            seen = len(server.lines)
            server.signal(signal.SIGUSR1)
            eventually("it is written", lambda: "keyvalue.slow_log" in "".join(server.lines[seen:]))
            return "".join(server.lines[seen:])

        def waits_in(client):
            """Where it waits, the innermost function first; nothing if it does not wait."""
            until = " for something with a deadline" if client is stuck else ""
            entry = re.search(r"( *)<%d> connection waits%s, .*\n((?:\1    .*\n)+)" % (numbers[client], until), text)
            return [line.strip() for line in entry[2].splitlines()] if entry else []

        def both_wait():
            nonlocal text
            text = dump()
            return len(waits_in(idle)) == 1 and len(waits_in(stuck)) == 2

        text = ""
        eventually("both wait", both_wait)
        # It waits until it can write, within the function in which the idle one reads.
        expect(waits_in(stuck)[1], waits_in(idle)[0])
        # Where the compiler has kept the name of the coroutine to itself, the place is told.
        function = waits_in(stuck)[0]
        if "(" not in function and shutil.which("addr2line"):
            function = subprocess.run(["addr2line", "-Cfe", program, function.rpartition("+")[2]],
                                      capture_output=True, text=True).stdout
        assert "until_writable" in function or not shutil.which("addr2line"), function
        for name in ["keyvalue (supervisor)", "keyvalue.store waits", "keyvalue.clients (supervisor)",
                     "listener waits", "sweeper waits for time to pass",
                     "keyvalue.slow_log (server) waits for a message"]:
            assert name in text, text
        stuck.close()
        expect(server.stop()[0], 0)


def whoever_holds_up_all_others_is_named(program):
    with Server(program) as server, server.connect() as client:
        number = number_of(client)
        client.sendall(b"DEBUG SLEEP 1.5\r\n")
        expect(client.recv(100), b"+OK\r\n")
        code, said = server.stop()
        expect(code, 0)
        assert f"process connection <{number}> has blocked the loop" in said, said
        assert "keyvalue::" in said, said


def the_slow_log_tells_which_commands_took_long(program):
    with Server(program, "--slowlog-log-slower-than", "1000") as server, server.connect() as client:
        expect(server.cli("SLOWLOG", "GET"), "")
        client.sendall(b"CLIENT SETNAME me\r\nDEBUG SLEEP 0.01\r\n")
        expect(client.recv(5, socket.MSG_WAITALL) + client.recv(5, socket.MSG_WAITALL), b"+OK\r\n+OK\r\n")
        expect(server.cli("SLOWLOG", "LEN"), "1")
        number, when, took, *rest = server.cli("SLOWLOG", "GET", "1").split("\n")
        expect(number, "0")
        assert abs(int(when) - time.time()) < 60 and int(took) >= 10_000, (when, took)
        expect(rest, ["DEBUG", "SLEEP", "0.01", "%s:%d" % client.getsockname(), "me"])
        # It outlives its crashes, until these are too many. Nobody else notices.
        for _ in range(3):
            expect(server.cli("CRASH", "SLOWLOG"), "OK")
            eventually("it answers again", lambda: server.cli("SLOWLOG", "LEN") == "1")
        expect(server.cli("CRASH", "SLOWLOG"), "OK")
        expect(server.cli("SLOWLOG", "LEN"), "ERR the slow log does not answer, try again later\n")
        client.sendall(b"CLIENT GETNAME\r\n")
        expect(client.recv(100), b"$2\r\nme\r\n")
        code, said = server.stop()
        expect(code, 0)
        expect(said.count("restarting"), 3)
        assert "parking it" in said, said


def the_slow_log_keeps_what_is_latest_in_a_flood(program):
    count = 20_000
    with Server(program, "--slowlog-log-slower-than", "0") as server, server.connect() as client:
        client.sendall(b"".join(b"PING %d\r\n" % i for i in range(count)))
        client.shutdown(socket.SHUT_WR)
        expect(len(read_all(client).split(b"\r\n")), 2 * count + 1)
        expect(server.cli("SLOWLOG", "LEN"), "128")
        latest = server.cli("SLOWLOG", "GET", "-1").split("\n")
        expect(latest.count("PING"), 128)
        assert str(count - 1) in latest, latest
        expect(server.cli("SLOWLOG", "RESET"), "OK")
        expect(server.cli("SLOWLOG", "GET"), "")
        expect(server.stop(), (0, ""))


def in_a_file(test):
    """That test is given the name of a file; it is not run without SQLite."""
    @functools.wraps(test)
    def run(program):
        done = subprocess.run([program, "--dbfilename", ""], capture_output=True, text=True, timeout=TIME_LIMIT)
        expect(done.returncode, 64)
        if "built without it" in done.stderr:
            return "not without SQLite"
        with tempfile.TemporaryDirectory() as folder:
            return test(program, os.path.join(folder, "data"))
    return run


@in_a_file
def what_was_acknowledged_outlives_a_kill_of_the_program(program, file):
    rounds, keys = 5, 50
    odd, long = b"\0\r\n\xff", random.Random(1).randbytes(1_000_000)
    wanted = {}
    for n in range(rounds):
        with Server(program, "--dbfilename", file) as server, server.connect() as client:
            for key, text in wanted.items():
                found = server.ask(request(b"GET", key) + b"QUIT\r\n")
                assert found == b"$%d\r\n%s\r\n+OK\r\n" % (len(text), text), (key, found[:100])
            replies = client.makefile("rb")
            for i in range(keys):
                client.sendall(b"SET %d:%d x\r\nINCR %d:n\r\nAPPEND a %d,\r\n" % (n, i, n, i))
                expect([replies.readline()[:1] for _ in range(3)], [b"+", b":", b":"])
            client.sendall(request(b"SET", odd, long) +
                           b"DEL %d:0\r\nSET brief x PX 1\r\nSET while x EX 1000\r\nINCR n\r\n" % n)
            expect([replies.readline() for _ in range(5)],
                   [b"+OK\r\n", b":1\r\n", b"+OK\r\n", b"+OK\r\n", b":%d\r\n" % (n + 1)])
            server.signal(signal.SIGKILL)
            expect(server.ended()[0], -signal.SIGKILL)
        wanted |= {b"%d:%d" % (n, keys - 1): b"x", b"%d:n" % n: b"%d" % keys, b"while": b"x", odd: long,
                   b"n": b"%d" % (n + 1), b"a": b"".join(b"%d," % i for i in range(keys)) * (n + 1)}
    with Server(program, "--dbfilename", file) as server:
        expect(server.cli("MGET", "0:0", "brief"), "\n")
        expect(server.cli("DBSIZE"), str(rounds * keys + 4))
        expect(server.cli("FLUSHALL"), "OK")
        server.signal(signal.SIGKILL)
        server.ended()
    with Server(program, "--dbfilename", file) as server:
        expect(server.cli("DBSIZE"), "0")
        expect(server.stop(), (0, ""))


@in_a_file
def whoever_of_the_tree_is_killed_the_data_is_there(program, file):
    kills = 24
    with Server(program, "--dbfilename", file) as server:
        def answers():
            return server.cli("GET", "n") == str(n)

        expect(server.cli("SET", "n", "0"), "OK")
        for n in range(kills):
            eventually("it goes on", answers)
            crash = b"CRASH STORE\r\n" if n % 9 == 0 else b"CRASH RANDOM %d\r\n" % n
            with server.connect() as client:
                client.sendall(b"INCR n\r\n" + crash)
                expect(client.makefile("rb").readline(), b":%d\r\n" % (n + 1))
        n = kills
        eventually("it goes on", answers)
        code, said = server.stop()
        expect(code, 0)
        for who in ["keyvalue.file", "keyvalue.store", "keyvalue.clients", "connections", "listener", "connection",
                    "sweeper", "keyvalue.slow_log"]:
            assert re.search(rf"\b{who} <\d+> ended .*\(killed\)", said), (who, said)


@in_a_file
def what_a_full_disk_cannot_take_is_not_acknowledged(program, file):
    with Server(program, "--dbfilename", file, file_size=1_000_000) as server, server.connect() as other:
        expect(server.cli("SET", "small", "x"), "OK")
        other.sendall(b"GET small\r\n")
        expect(other.recv(100), b"$1\r\nx\r\n")
        expect(server.ask(request(b"SET", b"v", b"v" * 2_000_000)), b"")
        # Memory and file differ, so that all start again from the file.
        expect(other.recv(100), b"")
        eventually("the server listens again", lambda: server.cli("MGET", "small", "v") == "x\n")
        expect(server.cli("SET", "small", "y"), "OK")
        code, said = server.stop()
        expect(code, 0)
        assert "what has changed cannot be written" in said, said
    with Server(program, "--dbfilename", file) as server:
        expect(server.cli("MGET", "small", "v"), "y\n")
        expect(server.stop(), (0, ""))


@in_a_file
def a_file_that_is_none_of_its_own_is_named(program, file):
    with open(file, "w", encoding="ascii") as f:
        f.write("this is no database\n" * 100)
    done = subprocess.run([program, "--dbfilename", file, "0"], capture_output=True, text=True, timeout=TIME_LIMIT)
    expect((done.returncode, done.stdout), (2, ""))
    assert file in done.stderr and "not a database" in done.stderr, done.stderr


def main():
    if not shutil.which("redis-cli") or not shutil.which("redis-benchmark"):
        print("skipped: redis-cli and redis-benchmark are not installed")
        return 77
    program = sys.argv[1]
    run_tests([
        commands_work_with_redis_cli,
        client_libraries_connect_without_a_complaint,
        pipelined_and_split_requests_are_answered_in_order,
        a_client_may_write_all_of_a_long_pipeline_before_it_reads,
        what_is_asked_while_answers_are_not_taken_is_answered_too,
        a_client_that_never_reads_is_hung_up_on,
        long_values_on_their_way_take_no_memory,
        a_broken_protocol_ends_that_connection_alone,
        crashes_and_garbage_harm_nobody_else,
        a_crash_of_the_store_restarts_what_relies_on_it,
        a_store_that_crashes_often_pauses_and_takes_nobody_along,
        the_server_outlasts_a_lack_of_descriptors,
        a_second_server_on_the_same_port_says_why_it_ends,
        wrong_words_on_the_command_line_are_named,
        a_signal_stops_the_server_with_clients_connected,
        what_is_under_way_when_the_server_stops_is_finished,
        a_command_that_does_not_arrive_holds_up_the_stop_for_as_long_as_it_may,
        a_second_signal_ends_the_server_at_once,
        clients_beyond_the_cap_wait_for_their_turn,
        a_client_that_says_nothing_for_too_long_is_hung_up_on,
        a_dump_tells_what_each_connection_waits_for,
        whoever_holds_up_all_others_is_named,
        the_slow_log_tells_which_commands_took_long,
        the_slow_log_keeps_what_is_latest_in_a_flood,
        what_was_acknowledged_outlives_a_kill_of_the_program,
        whoever_of_the_tree_is_killed_the_data_is_there,
        what_a_full_disk_cannot_take_is_not_acknowledged,
        a_file_that_is_none_of_its_own_is_named,
    ], program)
    print("The key-value server has passed everything.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
