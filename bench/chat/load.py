#!/usr/bin/env python3
"""Loads GET / of the chat example with wrk, beside the same server on bare Beast.

usage: load.py CHAT CHAT-BARE [ROUNDS [SECONDS]]

Both run at a time, and have turns alternately. Prints the requests per second and the 99th percentile of
the times of answers, as medians, and their ratio, coppice to bare, as the median over the rounds with its spread.
"""

import re
import signal
import statistics
import subprocess
import sys

CONNECTIONS = 64
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


class Server:
    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        found = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", line)
        assert found, line
        self.port = int(found[1])
        self.rates, self.latencies = [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.process.stdout.close()

    def load(self, seconds):
        done = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency",
                               f"http://127.0.0.1:{self.port}/"], capture_output=True, text=True, check=True)
        said = done.stdout
        assert "Non-2xx" not in said and "Socket errors" not in said, said
        number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", said).groups()
        return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), float(number) * UNITS[unit]


def main():
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    seconds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    with Server(sys.argv[1], "--port", "0") as coppice, Server(sys.argv[2], "0") as bare:
        for server in (coppice, bare):
            server.load(1)  # warm
        for i in range(rounds):
            # Who begins alternates too.
            for server in ((coppice, bare) if i % 2 else (bare, coppice)):
                rate, latency = server.load(seconds)
                server.rates.append(rate)
                server.latencies.append(latency)
        print(f"GET /, {CONNECTIONS} connections, {rounds} rounds of {seconds} s each")
        for name, server in (("coppice", coppice), ("bare", bare)):
            print(f"{name:8} {statistics.median(server.rates):9,.0f} requests/s   "
                  f"p99 {1e3 * statistics.median(server.latencies):7.2f} ms")
        for what, mine, other in (("requests/s", coppice.rates, bare.rates), ("p99", coppice.latencies, bare.latencies)):
            ratios = sorted(a / b for a, b in zip(mine, other))
            print(f"coppice : bare, {what}: {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
