"""Drives a headless Chromium by chromedriver's protocol, with nothing but the standard library."""

import base64
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request

# It asks nobody for anything by itself: what is requested then is requested by the page.
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--hide-scrollbars"]
LIMIT = 60  # s


class Browser:
    def __enter__(self):
        self.profile = tempfile.mkdtemp()
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            for line in self.driver.stdout:
                started = re.search(r"started successfully on port (\d+)", line)
                if started:
                    break
            else:
                raise RuntimeError("chromedriver does not start")
            self.base = f"http://127.0.0.1:{started[1]}"
            made = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome",
                "goog:chromeOptions": {"args": [*FLAGS, f"--user-data-dir={self.profile}"]},
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
                "timeouts": {"script": LIMIT * 1000, "pageLoad": LIMIT * 1000},
            }}})
            self.session = f"/session/{made['sessionId']}"
        except BaseException:
            self.driver.kill()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.ask("DELETE", self.session)
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.driver.stdout.close()
            shutil.rmtree(self.profile, ignore_errors=True)

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=2 * LIMIT) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode(errors="replace")[:500]) from error

    def open(self, url):
        self.ask("POST", self.session + "/url", {"url": url})

    def run(self, script):
        return self.ask("POST", self.session + "/execute/sync", {"script": script, "args": []})

    def when(self, condition):
        """Waits until the expression is true, and gives its value."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            value = self.run(f"return {condition}")
            if value:
                return value
            self.ask("POST", self.session + "/execute/async", {
                "script": "requestAnimationFrame(() => arguments[0]())", "args": []})
        return None

    def command(self, name, **parameters):
        return self.ask("POST", self.session + "/goog/cdp/execute",
                        {"cmd": name, "params": parameters})

    def look(self, width, height, scheme):
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height,
                     deviceScaleFactor=1, mobile=False)
        self.command("Emulation.setEmulatedMedia",
                     features=[{"name": "prefers-color-scheme", "value": scheme}])

    def errors(self):
        """What the console has told since the last call, as texts."""
        return [entry["message"] for entry in self.log("browser") if entry["level"] == "SEVERE"]

    def requests(self):
        """What has been requested since the last call, as addresses."""
        found = []
        for entry in self.log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return found

    def log(self, kind):
        return self.ask("POST", self.session + "/se/log", {"type": kind})

    def screenshot(self, file):
        data = self.ask("GET", self.session + "/screenshot")
        pathlib.Path(file).write_bytes(base64.b64decode(data))
