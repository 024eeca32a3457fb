"""Several pages in one browser, which doc/site/browser.py drives."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "doc", "site"))

import browser  # noqa: E402

LIMIT = 30  # s


class Browser(browser.Browser):
    def page(self, url):
        """A new page at that address."""
        made = self.ask("POST", self.session + "/window/new", {"type": "window"})
        return Page(self, made["handle"], url)

    def close_pages(self):
        """All but the empty one with which it has begun; and what they have complained of is forgotten."""
        first, *others = self.ask("GET", self.session + "/window/handles")
        for handle in others:
            self.turn_to(handle)
            self.ask("DELETE", self.session + "/window")
        self.turn_to(first)
        self.errors()

    def turn_to(self, handle):
        self.ask("POST", self.session + "/window", {"handle": handle})


class Page:
    def __init__(self, of, handle, url):
        self.of = of
        self.handle = handle
        self.turned_to().open(url)

    def turned_to(self):
        """The browser, which does to this page what it is asked for from now on."""
        self.of.turn_to(self.handle)
        return self.of

    def call(self, path, body):
        return self.turned_to().ask("POST", self.of.session + path, body)

    def run(self, script, *arguments):
        """What the script returns."""
        return self.call("/execute/sync", {"script": script, "args": arguments})

    def until(self, what, script, *arguments):
        """Waits until the script returns something true."""
        end = time.monotonic() + LIMIT
        while not self.run(script, *arguments):
            assert time.monotonic() < end, f"in vain: {what}; it says {self.run('return document.body.innerText')!r}"
            time.sleep(0.02)

    def type(self, selector, text):
        """As on a keyboard."""
        found = self.call("/element", {"using": "css selector", "value": selector})
        self.call(f"/element/{next(iter(found.values()))}/value", {"text": text})

    def emulate(self, command, **parameters):
        self.turned_to().command(f"Emulation.{command}", **parameters)

    def complaints(self):
        """What the pages have complained of on the console since somebody asked."""
        return self.of.errors()

    def picture(self, file):
        self.turned_to().screenshot(file)
