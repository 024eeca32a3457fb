"""Measures the key-value example, and the same server on bare Asio, with redis-benchmark."""

import os
import re
import shutil
import signal
import socket
import subprocess

# Clients and requests that each of them sends at a time: so many requests, for a quarter second.
# Multiples of the pipeline: else redis-benchmark may count more than it was told to, and take
# that for a lost connection if its clock ticks at that moment.
LOADS = {(1, 1): 2_000, (50, 1): 9_000, (1, 16): 28_000, (50, 16): 128_000}
TIME_LIMIT = 120


def servers(build):
    return {"coppice": f"{build}/example/keyvalue/keyvalue",
            "bare": f"{build}/bench/keyvalue/keyvalue-bare"}


def missing(build):
    """Why it cannot be measured, or nothing."""
    if not shutil.which("redis-benchmark"):
        return "redis-benchmark is not installed"
    if not all(map(os.path.exists, servers(build).values())):
        return "the servers were not built"
    return ""


def pinned(core):
    return ["taskset", "-c", str(core)] if core is not None else []


class Server:
    """A running server on a port of its own choice."""

    def __init__(self, program, core):
        self.process = subprocess.Popen([*pinned(core), program, "0"], stdout=subprocess.PIPE,
                                        text=True)
        self.port = int(re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n",
                                     self.process.stdout.readline())[1])

    def ask(self, text):
        with socket.create_connection(("127.0.0.1", self.port), TIME_LIMIT) as client:
            client.sendall(text + b"\r\nQUIT\r\n")
            return client.makefile("rb").read()

    def seconds_each(self, core, clients, pipeline, requests):
        """Of a request, the average of SET and GET."""
        done = subprocess.run(
            [*pinned(core), "redis-benchmark", "-p", str(self.port), "-t", "set,get", "--csv",
             "-n", str(requests), "-c", str(clients), "-P", str(pipeline)],
            capture_output=True, text=True, timeout=TIME_LIMIT)
        rates = dict(re.findall(r'^"(SET|GET)","([\d.]+)"', done.stdout, re.MULTILINE))
        if done.returncode != 0 or len(rates) != 2 or "rror" in done.stdout + done.stderr:
            raise RuntimeError(f"redis-benchmark: {done.stdout}{done.stderr}")
        return sum(1 / float(r) for r in rates.values()) / 2

    def stop(self):
        """Sees to it that what was set is there, and ends the server in order."""
        if self.ask(b"DBSIZE") != b":1\r\n+OK\r\n":
            raise RuntimeError("the key-value server did not keep what was set")
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(TIME_LIMIT) != 0:
            raise RuntimeError("the key-value server did not end in order")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def measure(build, cores, repetitions, warm_ups):
    """Yields row, side, nanoseconds. Both servers run all along; they take turns in serving."""
    server_core, client_core = (cores[-1], cores[0]) if cores else (None, None)
    programs = servers(build)
    with Server(programs["coppice"], server_core) as ours, Server(programs["bare"],
                                                               server_core) as bare:
        for turn in range(-warm_ups, repetitions):
            for (clients, pipeline), requests in LOADS.items():
                for side, server in ("coppice", ours), ("bare", bare):
                    cost = server.seconds_each(client_core, clients, pipeline, requests)
                    if turn >= 0:
                        yield f"keyvalue.{clients}x{pipeline}", side, 1e9 * cost
        ours.stop()
        bare.stop()
