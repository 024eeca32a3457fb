#!/usr/bin/env python3
"""Drives the page of the chat example in a real browser.

usage: chat_browser_test.py SERVER [FOLDER]

Pictures of the page are put into FOLDER, if it is given. The last line counts what has passed.
"""

import contextlib
import os
import signal
import sys
import tempfile
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from support.program import Listener, expect  # noqa: E402
from browser.web_driver import Browser  # noqa: E402

LINES = "return [...document.querySelectorAll('#lines li')].map(l => l.innerText)"
HAS = "return [...document.querySelectorAll('#lines li')].some(l => l.innerText.includes(arguments[0]))"
IS = "return document.body.dataset.state == arguments[0]"


class World:
    def __init__(self, program, browser, pictures):
        self.program = program
        self.browser = browser
        self.pictures = pictures

    def server(self, port=0):
        return Listener([self.program, "--faults", "--port", str(port)])

    def user(self, server, nick, room="lobby"):
        page = self.browser.page(f"http://127.0.0.1:{server.port}/#{room}")
        page.until("it is connected", IS, "open")
        say(page, f"/nick {nick}")
        page.until("it has its name", "return document.getElementById('state').innerText == 'you are ' + arguments[0]",
                   nick)
        return page

    def picture(self, page, name):
        page.picture(os.path.join(self.pictures, name + ".png"))


def say(page, text):
    page.type("#text", text + "\n")


def until_has(pages, text):
    for page in pages:
        page.until(f"it shows {text!r}", HAS, text)


def two_pages_talk_through_a_crash_without_connecting_again(world):
    with world.server() as server:
        ada, bob = pages = [world.user(server, "ada"), world.user(server, "bob")]
        say(ada, "hello bob")
        until_has(pages, "hello bob")
        say(bob, "hello ada")
        until_has(pages, "hello ada")
        for page in pages:
            page.run("window.first = socket")
        say(bob, "/crash")
        until_has(pages, "the room has crashed")
        until_has(pages, "the room is back")
        say(ada, "are you still there?")
        until_has(pages, "are you still there?")
        say(bob, "I never left")
        until_has(pages, "I never left")
        for page in pages:
            assert page.run("return socket === window.first && socket.readyState === WebSocket.OPEN")
            expect(page.run("return document.body.dataset.connections"), "1")
            expect(page.run("return document.getElementById('people').innerText"), "ada, bob")
            said = [line for line in page.run(LINES) if line.startswith(("ada", "bob")) and "is called" not in line
                    and "has" not in line]
            expect([line.split(maxsplit=1)[1] for line in said],
                   ["hello bob", "hello ada", "are you still there?", "I never left"])
            expect(page.complaints(), [])
        late = world.user(server, "late")
        until_has([late], "hello bob")
        until_has([late], "I never left")
        world.picture(ada, "light")


def what_is_said_is_text_and_no_markup(world):
    with world.server() as server:
        ada = world.user(server, "ada")
        say(ada, "<img src=x onerror=window.broken=1> <b>bold</b>")
        until_has([ada], "<b>bold</b>")
        expect(ada.run("return [window.broken, document.querySelectorAll('#lines img, #lines b b').length]"), [None, 0])
        # Nor does it get anything from elsewhere.
        expect(ada.run("return performance.getEntriesByType('resource').length"), 0)
        expect(ada.complaints(), [])


def it_fits_a_phone_and_the_dark(world):
    with world.server() as server:
        ada = world.user(server, "a" * 32, "a-room-with-a-name-of-32-letters")
        say(ada, "x" * 500)
        say(ada, "a sentence that has words enough to need more than one line on the screen of a phone")
        until_has([ada], "sentence")
        backs = []
        for scheme in ["light", "dark"]:
            ada.emulate("setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            for width in [320, 375, 1000]:
                ada.emulate("setDeviceMetricsOverride", width=width, height=667, deviceScaleFactor=2,
                            mobile=width < 500)
                expect(ada.run("return innerWidth"), width)
                expect(ada.run("return document.scrollingElement.scrollWidth"), width)
                outside = ada.run("return [...document.querySelectorAll('body *')].filter(e => {"
                                  "const r = e.getBoundingClientRect();"
                                  "return r.width && (r.left < 0 || r.right > innerWidth) }).map(e => e.outerHTML)")
                expect(outside, [])
                # What one types into is on the screen.
                assert ada.run("return document.querySelector('#text').getBoundingClientRect().bottom <= innerHeight")
                world.picture(ada, f"{scheme}-{width}")
            colours = ada.run("const s = getComputedStyle(document.body);"
                              "return [s.backgroundColor, s.color].map(c => c.match(/\\d+/g).slice(0, 3)"
                              ".reduce((sum, n) => sum + +n, 0))")
            backs.append(colours[0])
            assert abs(colours[0] - colours[1]) > 500, colours
        assert backs[0] > 600 and backs[1] < 150, backs


def a_page_connects_again_when_the_server_has_been_away(world):
    with world.server() as server:
        ada = world.user(server, "ada")
        say(ada, "before")
        until_has([ada], "before")
        server.signal(signal.SIGTERM)
        ada.until("it is not connected", IS, "closed")
        expect(server.ended()[0], 0)
        with world.server(server.port):
            ada.until("it is connected again", IS, "open")
            assert int(ada.run("return document.body.dataset.connections")) > 1
            say(ada, "after")
            until_has([ada], "after")
            expect(sum("before" in line for line in ada.run(LINES)), 1)


def main():
    tests = [
        two_pages_talk_through_a_crash_without_connecting_again,
        what_is_said_is_text_and_no_markup,
        it_fits_a_phone_and_the_dark,
        a_page_connects_again_when_the_server_has_been_away,
    ]
    failed = 0
    with contextlib.ExitStack() as stack:
        pictures = sys.argv[2] if len(sys.argv) > 2 else stack.enter_context(tempfile.TemporaryDirectory())
        os.makedirs(pictures, exist_ok=True)
        world = World(sys.argv[1], stack.enter_context(Browser()), pictures)
        for test in tests:
            try:
                test(world)
                print(f"ok {test.__name__}", flush=True)
            except Exception:  # pylint: disable=broad-except
                failed += 1
                print(f"failed {test.__name__}\n{traceback.format_exc()}", flush=True)
    print(f"{len(tests) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
