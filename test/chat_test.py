#!/usr/bin/env python3
"""Drives the chat example over real sockets: HTTP, WebSocket, crashes of rooms, and the stop.

usage: chat_test.py SERVER
"""

import contextlib
import random
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from support.program import Listener, eventually, expect, run_tests
from support.web_socket import BINARY, CLOSE, PING, PONG, TEXT, Connection, WebSocket, ask


class Server(Listener):
    def __init__(self, program, *options):
        super().__init__([program, "--port", "0", *options])
        self.users = []

    def user(self, room="lobby", nick=None, **options):
        self.users.append(User(self.port, room, nick, **options))
        return self.users[-1]

    def stop(self):
        """Its users hang up before, as it would wait for their answers to its close frames."""
        for user in self.users:
            user.socket.close()
        return super().stop()

    def memory(self):
        """What it has in memory, in KiB."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])


class User(WebSocket):
    """Somebody in a room, who has heard "welcome", "here" and what was said before."""

    def __init__(self, port, room, nick=None, **options):
        super().__init__(port, f"/rooms/{room}", **options)
        self.nick = self.hear_only("welcome")[0]
        self.people = self.hear_only("here")
        if nick:
            self.say(f"/nick {nick}")
            self.before = self.hear_until("renamed")
            self.nick = nick

    def hear_only(self, word):
        """What belongs to the next line, which begins with that word."""
        first, *rest = self.hear().split(" ")
        expect(first, word)
        return rest

    def hear_until(self, word):
        """All lines up to one that begins with that word."""
        lines = [self.hear()]
        while lines[-1].split(" ")[0] != word:
            lines.append(self.hear())
        return lines

    def hear_said(self):
        """The next text that was said, as "NICK TEXT"; other lines are passed over."""
        return self.hear_until("said")[-1].split(" ", 2)[2]


def get(target, method="GET", fields=""):
    return f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n".encode()


def the_page_and_the_probes_are_served(program):
    with Server(program) as server:
        status, fields, page = ask(server.port, get("/"))
        expect(status, 200)
        expect(fields["content-type"], "text/html; charset=utf-8")
        assert page.startswith(b"<!doctype html>") and page.endswith(b"</html>\n"), page
        assert b"//" not in re.sub(rb"//.*|\"/+\"", b"", page), "the page needs something from elsewhere"
        status, head, none = ask(server.port, get("/", "HEAD"), has_body=False)
        expect((status, none), (200, b""))
        expect(head["content-length"], str(len(page)))
        expect(ask(server.port, get("/?x=1"))[0], 200)
        expect(ask(server.port, get("/live"))[::2], (200, b"live\n"))
        expect(ask(server.port, get("/ready"))[::2], (200, b"ready\n"))
        expect(server.stop(), (0, ""))


def what_is_wrong_with_a_request_is_told(program):
    with Server(program) as server:
        for request, wanted in [
                (get("/nothing"), 404),
                (get("/rooms/"), 404),
                (get("/rooms/Upper"), 404),
                (get("/rooms/a/b"), 404),
                (get("/", "POST", "Content-Length: 0\r\n"), 405),
                (get("/live", "DELETE"), 405),
                (get("/rooms/lobby"), 426),
                (b"GET / HTTP/1.1\r\n\r\n", 400),
                (b"GET nothing HTTP/1.1\r\nHost: a\r\n\r\n", 400),
                (b"what is this\r\n\r\n", 400),
                (b"GET / HTTP/7.1\r\n\r\n", 400),
                (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 400),
                (get("/", "POST", "Content-Length: x\r\n"), 400),
                (get("/", "POST", "Content-Length: 2000\r\n") + b"x" * 2000, 413),
                (get("/", "POST", "Transfer-Encoding: chunked\r\n") + b"7d0\r\n" + b"x" * 2000, 413),
                (get("/", fields="X: " + "x" * 20000 + "\r\n"), 431),
                (get("/rooms/lobby", fields="Upgrade: websocket\r\nConnection: Upgrade\r\n"), 400),
        ]:
            status, fields, _ = ask(server.port, request)
            expect((request[:60], status), (request[:60], wanted))
            if status == 405:
                expect(fields["allow"], "GET, HEAD")
            if status == 426:
                expect(fields["upgrade"], "websocket")
        expect(ask(server.port, get("/live"))[0], 200)
        expect(server.stop(), (0, ""))


def connections_are_kept_for_further_requests(program):
    with Server(program) as server, Connection(server.port) as client:
        for _ in range(3):
            client.send(get("/live"))
            expect(client.answer()[0], 200)
        client.send(get("/live") + get("/none") + get("/ready"))
        expect([client.answer()[0] for _ in range(3)], [200, 404, 200])
        for byte in get("/live"):
            client.send(bytes([byte]))
        expect(client.answer()[0], 200)
        client.send(get("/live", fields="Connection: close\r\n"))
        expect(client.answer()[0], 200)
        assert client.is_closed()
        with Connection(server.port) as old:
            old.send(b"GET /live HTTP/1.0\r\n\r\n")
            expect(old.answer()[0], 200)
            assert old.is_closed()
        expect(server.stop(), (0, ""))


def a_client_that_is_too_slow_is_hung_up_on(program):
    with Server(program, "--patience", "1") as server:
        with Connection(server.port) as silent, Connection(server.port) as slow:
            started = time.monotonic()
            slow.send(b"GET / HTTP/1.1\r\n")
            over = threading.Event()

            def drip():
                with contextlib.suppress(OSError):
                    while not over.wait(0.1):
                        slow.send(b"X: y\r\n")

            thread = threading.Thread(target=drip)
            thread.start()
            assert silent.is_closed() and slow.is_closed()
            over.set()
            thread.join()
            took = time.monotonic() - started
            assert took > 0.9, took
        # One that does not take its answers.
        with Connection(server.port, receive_buffer=4096) as greedy:
            with contextlib.suppress(ConnectionError):
                for _ in range(100_000):
                    greedy.send(get("/"))
                raise AssertionError("the server takes all requests")
        expect(ask(server.port, get("/live"))[0], 200)
        expect(server.stop(), (0, ""))


def it_is_not_ready_while_it_settles(program):
    with Server(program, "--settle", "2") as server, Connection(server.port) as client:
        client.send(get("/ready"))
        expect(client.answer()[0], 200)
        server.signal(signal.SIGTERM)

        def is_unready():
            client.send(get("/ready"))
            return client.answer()[::2] == (503, b"stopping\n")

        eventually("it is not ready", is_unready)
        client.send(get("/live"))
        expect(client.answer()[0], 200)
        expect(server.ended(), (0, ""))


def users_talk(program):
    with Server(program) as server, server.user(nick="ada") as ada:
        expect([line.split()[0] for line in ada.before], ["welcome", "renamed"])
        with server.user() as bob:
            expect(bob.people, ["ada", bob.nick])
            expect(ada.hear(), f"joined {bob.nick}")
            was = bob.nick
            bob.say("/nick bob")
            expect(bob.hear_until("renamed"), ["welcome bob", f"renamed {was} bob"])
            expect(ada.hear(), f"renamed {was} bob")
            ada.say("good  morning, 世界")
            expect(ada.hear_said(), "ada good  morning, 世界")
            expect(bob.hear_said(), "ada good  morning, 世界")
            bob.say("//slashes")
            expect(ada.hear_said(), "bob /slashes")
            bob.say("/who")
            expect(bob.hear_until("here")[-1], "here ada bob")
            # Nobody hears what is said in another room.
            with server.user("elsewhere", "eve") as eve:
                eve.say("psst")
                expect(eve.hear_said(), "eve psst")
        expect(ada.hear(), "left bob")
        expect(server.stop()[0], 0)


def what_cannot_be_done_is_refused(program):
    with Server(program) as server, server.user(nick="ada"), server.user(nick="bob") as bob:
        for text, why in [
                ("/nick ada", "somebody is called ada"),
                ("/nick two words", "a name is 1 to 32 letters, digits, '-' or '_'"),
                ("/nick", "a name is 1 to 32 letters, digits, '-' or '_'"),
                ("   ", "there is nothing in that"),
                ("/dance", "there is no command /dance"),
                ("/crash", "there is no command /crash"),
        ]:
            bob.say(text)
            expect(bob.hear(), f"refused {why}")
        expect(server.stop()[0], 0)


def who_comes_in_is_told_what_was_said_last(program):
    with Server(program, "--history", "3") as server, server.user(nick="ada") as ada:
        for i in range(5):
            ada.say(str(i))
            expect(ada.hear_said(), f"ada {i}")
        with server.user() as bob:
            lines = [bob.hear_only("said") for _ in range(3)]
            expect([line[1:] for line in lines], [["ada", "2"], ["ada", "3"], ["ada", "4"]])
            numbers = [int(line[0]) for line in lines]
            expect(numbers, list(range(numbers[0], numbers[0] + 3)))
        expect(server.stop()[0], 0)


def an_empty_room_ends_by_itself(program):
    with Server(program, "--idle", "1") as server:
        with server.user(nick="ada") as ada:
            ada.say("remember me")
            ada.hear_said()

        def is_new():
            with server.user() as user:
                user.say("/who")
                return not any(line.startswith("said") for line in user.hear_until("here"))

        eventually("the room has begun anew", is_new, every=1.5)
        expect(server.stop(), (0, ""))


def a_room_that_crashes_comes_back_and_its_users_stay(program):
    with Server(program, "--faults") as server, server.user(nick="ada") as ada, server.user(nick="bob") as bob:
        ada.say("before")
        expect(bob.hear_said(), "ada before")
        bob.say("/crash")
        ada.hear_until("away")
        expect(ada.hear_until("back"), ["welcome ada", "here ada bob", "back"])
        expect(bob.hear_until("back"), ["away", "welcome bob", "here ada bob", "back"])
        ada.say("after")
        expect(bob.hear_only("said")[1:], ["ada", "after"])
        with server.user() as eve:
            expect(eve.people, ["ada", "bob", eve.nick])
            expect([eve.hear_said(), eve.hear_said()], ["ada before", "ada after"])
        # Who leaves while it is away is missed when it is back; or just before, if that is quicker.
        ada.hear_until("left")
        ada.say("/crash")
        bob.socket.close()
        if not any(line.startswith("left") for line in ada.hear_until("back")):
            ada.hear_until("left")
        ada.say("/who")
        expect(ada.hear_until("here")[-1], "here ada")
        code, said = server.stop()
        expect(code, 0)
        expect(said.count("somebody asked for a crash); restarting"), 2)


def nothing_is_lost_or_told_twice_when_a_room_crashes(program):
    """Users talk as fast as they can while their room crashes."""
    users, texts, crashes = 5, 200, 3
    with Server(program, "--faults", "--history", "2000") as server, contextlib.ExitStack() as stack:
        everybody = [stack.enter_context(server.user(nick=f"u{i}")) for i in range(users)]
        heard = [[] for _ in everybody]

        def talk(user):
            for i in range(texts):
                user.say(f"{user.nick}-{i}")
                if user is everybody[0] and i % (texts // crashes) == 50:
                    user.say("/crash")

        def listen(user, to):
            while len(to) < users * texts:
                to.append(user.hear_said().split(" ")[1])

        threads = [threading.Thread(target=talk, args=[user]) for user in everybody]
        threads += [threading.Thread(target=listen, args=pair) for pair in zip(everybody, heard)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for lines in heard:
            expect(lines, heard[0])  # all of them in one order
        for user in everybody:
            expect([text for text in heard[0] if text.startswith(user.nick + "-")],
                   [f"{user.nick}-{i}" for i in range(texts)])
        code, said = server.stop()
        expect(code, 0)
        expect(said.count("somebody asked for a crash); restarting"), crashes)
        return f"{users * texts} texts, {crashes} crashes"


def requests_are_answered_under_load_while_a_room_crashes(program):
    """wrk asks for the page on 64 connections."""
    if not shutil.which("wrk"):
        return "left out, there is no wrk"
    with Server(program, "--faults") as server, server.user(nick="ada") as ada:
        load = subprocess.Popen(["wrk", "-t1", "-c64", "-d2s", f"http://127.0.0.1:{server.port}/"],
                                stdout=subprocess.PIPE, text=True)
        for _ in range(3):
            ada.say("/crash")
            ada.hear_until("back")
            ada.say("still here")
            expect(ada.hear_said(), "ada still here")
        said, _ = load.communicate(timeout=60)
        expect(load.returncode, 0)
        for word in ["Non-2xx", "Socket errors"]:
            assert word not in said, said
        asked = int(re.search(r"(\d+) requests in", said)[1])
        assert asked > 64, said
        code, said = server.stop()
        expect(code, 0)
        expect(said.count("somebody asked for a crash); restarting"), 3)
        return f"{asked} requests"


def a_room_that_cannot_be_kept_alive_begins_anew(program):
    with Server(program, "--faults") as server, server.user(nick="ada") as ada, \
            server.user(nick="bob") as bob, server.user("other", "eve") as eve:
        ada.say("lost in the end")
        expect(bob.hear_said(), "ada lost in the end")
        # The third crash with the same state throws it away; after the fourth the room is given up.
        for _ in range(4):
            ada.say("/crash")
            ada.hear_until("back")
        ada.say("anew")
        expect(bob.hear_said(), "ada anew")
        ada.say("/who")
        expect(sorted(ada.hear_until("here")[-1].split()), ["ada", "bob", "here"])
        with server.user() as late:
            expect(late.hear_said(), "ada anew")
        eve.say("/who")
        expect(eve.hear(), "here eve")
        expect(server.stop()[0], 0)


def a_client_whose_room_cannot_be_had_is_told_to_come_later(program):
    with Server(program, "--rooms", "1", "--idle", "1") as server:
        with server.user("one", "ada") as ada, WebSocket(server.port, "/rooms/two") as bob:
            bob.say("is anybody there?")
            while (heard := bob.message())[0] == TEXT:
                assert heard[1].startswith(b"refused the room is away"), heard
            expect(heard, (CLOSE, (1013).to_bytes(2, "big")))
            ada.say("here")
            expect(ada.hear_said(), "ada here")
        # When there is room again, so is a room.
        eventually("there is a room", lambda: can_come_in(server, "two"), every=0.5)
        expect(server.stop()[0], 0)


def can_come_in(server, room):
    with WebSocket(server.port, f"/rooms/{room}") as client:
        return client.message()[0] == TEXT


def who_does_not_read_is_cut_off(program):
    with Server(program) as server, server.user(nick="ada") as ada:
        before = server.memory()
        with server.user(nick="sloth", receive_buffer=4096) as sloth:
            ada.hear_until("renamed")
            text, said = "x" * 1900, 0
            cut = False
            while not cut:
                ada.say(text)
                said += 1
                assert said < 20_000, "the server keeps it all"
                line = ada.hear()
                cut = line == "left sloth"
            grown = server.memory() - before
            assert grown < 20_000, grown
            with contextlib.suppress(OSError):
                while sloth.more():
                    sloth.left = b""
        ada.say("at last")
        eventually("the others go on", lambda: ada.hear_said() == "ada at last")
        expect(server.stop()[0], 0)
        return f"after {said * len(text) >> 10} KiB; memory grew by {grown} KiB"


def a_broken_protocol_ends_that_connection_alone(program):
    with Server(program) as server, server.user(nick="ada") as ada:
        for broken, code in [
                (lambda u: u.send_frame(TEXT, b"x", masked=False), 1002),
                (lambda u: u.send(b"\xf1\x80aaaa"), 1002),  # reserved bits
                (lambda u: u.send_frame(0, b"x"), 1002),  # goes on with nothing
                (lambda u: u.send_frame(7, b"x"), 1002),
                (lambda u: u.send_frame(PING, b"x" * 126), 1002),
                (lambda u: u.send_frame(TEXT, b"\xff\xfe"), 1007),
                (lambda u: u.send_frame(TEXT, b"x" * 3000), 1009),
                (lambda u: u.send_frame(BINARY, b"x"), 1003),
        ]:
            with server.user() as user:
                broken(user)
                expect(user.closed_with(), code)
                assert user.is_closed()
        source = random.Random(1)
        for _ in range(50):
            with server.user() as user, contextlib.suppress(OSError):
                user.send(source.randbytes(source.randrange(1, 300)))
        ada.say("all is well")
        expect(ada.hear_said(), "ada all is well")
        expect(server.stop()[0], 0)


def frames_may_come_in_pieces(program):
    with Server(program) as server, server.user(nick="ada") as ada:
        ada.send_frame(TEXT, "zwölf ".encode()[:3], last=False)
        ada.send_frame(PING, b"still there?")
        expect(ada.frame(), (PONG, b"still there?"))
        ada.send_frame(0, "zwölf ".encode()[3:], last=False)
        ada.send_frame(0, b"pieces")
        expect(ada.hear_said(), "ada zwölf pieces")
        ada.send_frame(CLOSE, (1000).to_bytes(2, "big"))
        expect(ada.closed_with(), 1000)
        assert ada.is_closed()
        expect(server.stop()[0], 0)


def a_stop_tells_users_that_the_server_is_going_away(program):
    with Server(program) as server, server.user() as ada, server.user() as bob, \
            server.user("other") as eve, Connection(server.port) as idle:
        ada.hear()
        server.signal(signal.SIGTERM)
        for user in [ada, bob, eve]:
            expect(user.closed_with(), 1001)
            assert user.is_closed()
            user.socket.close()  # as a browser does then
        assert idle.is_closed()
        expect(server.ended(), (0, ""))
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port))
            raise AssertionError("the port is not closed")


def a_stop_does_not_wait_long_for_who_does_not_answer(program):
    with Server(program) as server, server.user() as deaf, server.user() as bob:
        deaf.hear()
        started = time.monotonic()
        server.signal(signal.SIGTERM)
        expect(bob.closed_with(), 1001)
        code, _ = server.ended()
        expect(code, 0)
        expect(deaf.message()[0], CLOSE)
        assert time.monotonic() - started < 8
        assert deaf.is_closed()


def wrong_words_on_the_command_line_are_refused(program):

    for words in [["--what"], ["--port"], ["--port", "x"], ["--idle", "0"], ["--address", "nowhere"], ["8080"]]:
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=30)
        expect((words, done.returncode), (words, 64))
        assert done.stderr.startswith("usage: chat "), done.stderr


def main():
    # What the address sanitizer keeps of freed memory would count as the server's.
    options = os.environ.get("ASAN_OPTIONS")
    os.environ["ASAN_OPTIONS"] = f"{options}:quarantine_size_mb=1" if options else "quarantine_size_mb=1"
    run_tests([
        the_page_and_the_probes_are_served,
        what_is_wrong_with_a_request_is_told,
        connections_are_kept_for_further_requests,
        a_client_that_is_too_slow_is_hung_up_on,
        it_is_not_ready_while_it_settles,
        users_talk,
        what_cannot_be_done_is_refused,
        who_comes_in_is_told_what_was_said_last,
        an_empty_room_ends_by_itself,
        a_room_that_crashes_comes_back_and_its_users_stay,
        nothing_is_lost_or_told_twice_when_a_room_crashes,
        requests_are_answered_under_load_while_a_room_crashes,
        a_room_that_cannot_be_kept_alive_begins_anew,
        a_client_whose_room_cannot_be_had_is_told_to_come_later,
        who_does_not_read_is_cut_off,
        a_broken_protocol_ends_that_connection_alone,
        frames_may_come_in_pieces,
        a_stop_tells_users_that_the_server_is_going_away,
        a_stop_does_not_wait_long_for_who_does_not_answer,
        wrong_words_on_the_command_line_are_refused,
    ], sys.argv[1])
    print("The chat has passed everything.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
