"""A browser, driven through chromedriver by the WebDriver protocol: JSON over HTTP, nothing else is needed."""

import base64
import json
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

TIME_LIMIT = 30

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-dev-shm-usage", "--window-size=1000,700"]


class Browser:
    """One browser with any number of pages. Ends, with its folder, when it is left."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        self.session = None
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise

    def start(self):
        for line in self.driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                break
        else:
            raise AssertionError("chromedriver did not start")
        self.address = f"http://127.0.0.1:{found[1]}/session"
        options = {"binary": "/usr/bin/chromium", "args": [*ARGUMENTS, f"--user-data-dir={self.folder.name}"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        self.session = self.call("", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        self.address += "/" + self.session

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            if self.session:
                self.call("", method="DELETE")
        finally:
            self.driver.terminate()
            self.driver.wait(TIME_LIMIT)
            self.driver.stdout.close()
            self.folder.cleanup()

    def call(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"},
                                         method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIME_LIMIT) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"]) from error

    def page(self, url):
        """A new page at that address."""
        return Page(self, self.call("/window/new", {"type": "window"})["handle"], url)


class Page:
    def __init__(self, browser, handle, url):
        self.browser = browser
        self.handle = handle
        self.call("/url", {"url": url})

    def call(self, path, body=None):
        self.browser.call("/window", {"handle": self.handle})
        return self.browser.call(path, body)

    def run(self, script, *arguments):
        """What the script returns."""
        return self.call("/execute/sync", {"script": script, "args": arguments})

    def until(self, what, script, *arguments):
        """Waits until the script returns something true."""
        end = time.monotonic() + TIME_LIMIT
        while not (found := self.run(script, *arguments)):
            assert time.monotonic() < end, f"in vain: {what}; the page says {self.run('return document.body.innerText')!r}"
            time.sleep(0.02)
        return found

    def type(self, selector, text):
        """As on a keyboard."""
        found = self.call("/element", {"using": "css selector", "value": selector})
        self.call(f"/element/{next(iter(found.values()))}/value", {"text": text})

    def emulate(self, command, **parameters):
        self.call("/goog/cdp/execute", {"cmd": f"Emulation.{command}", "params": parameters})

    def complaints(self):
        """What it has complained of on the console since it was last asked."""
        return [entry["message"] for entry in self.call("/se/log", {"type": "browser"}) if entry["level"] == "SEVERE"]

    def picture(self, file):
        with open(file, "wb") as to:
            to.write(base64.b64decode(self.call("/screenshot")))
