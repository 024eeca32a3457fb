#!/usr/bin/env python3
"""Has systemd run a program, and looks at what it makes of what the program tells it.

usage: systemd_test.py PROGRAM

Asks the systemd that runs here: that of the system if this is root, else that of the user. Where none runs, root
starts one for this test alone, in namespaces of its own. Skipped (exit code 77) where neither can be had.
"""

import concurrent.futures
import contextlib
import glob
import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import traceback

from support.program import TIME_LIMIT, eventually, expect

# While it stops, a program that tells nothing is killed after this time, in seconds.
STOP_LIMIT = 1
# As the watchdog that is asked for.
WATCHDOG = "WatchdogSec=4"
PERIODS = 2
# The root of the program, the acceptor with its two children, and the gate.
PROCESSES = 5
# What systemd says of the end of a program that was stopped in order.
STOPPED = ["success", "exited", "0"]


def is_up(manager):
    """Whether that systemd answers and has started all it is to start, be it without success."""
    try:
        done = subprocess.run(["systemctl", *manager, "is-system-running"], capture_output=True, text=True,
                              timeout=TIME_LIMIT, check=False)
    except OSError:
        return False
    return done.stdout.strip() in ("running", "degraded")


class Service:
    """The program as a service of systemd, which is stopped when it is left."""

    numbers = itertools.count(1)

    def __init__(self, manager, program, *properties):
        self.manager = manager
        self.unit = f"coppice-test-{os.getpid()}-{next(self.numbers)}.service"
        self.folder = tempfile.mkdtemp(prefix="coppice-systemd-")
        try:
            self.start(program, properties)
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ask("kill", "-s", "KILL")
        self.ask("stop")
        shutil.rmtree(self.folder)

    def start(self, program, properties):
        # The unit is forgotten when it has ended, and its result with it.
        end = f"ExecStopPost=/bin/sh -c 'echo $$SERVICE_RESULT $$EXIT_CODE $$EXIT_STATUS > {self.folder}/end'"
        wanted = ["Type=notify", "LimitCORE=0", f"TimeoutStopSec={STOP_LIMIT}", end,
                  f"StandardOutput=file:{self.folder}/out", "StandardError=null", *properties]
        done = subprocess.run(["systemd-run", *self.manager, "--no-block", "--collect", "--quiet",
                               f"--unit={self.unit}", *(word for p in wanted for word in ("-p", p)),
                               os.path.realpath(program), self.folder],
                              capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
        assert done.returncode == 0, done.stderr
        eventually("the program has started", lambda: os.path.exists(f"{self.folder}/gate"))

    def ask(self, command, *arguments):
        done = subprocess.run(["systemctl", *self.manager, command, *arguments, self.unit], capture_output=True,
                              text=True, timeout=TIME_LIMIT, check=False)
        return done.stdout.strip()

    def show(self, what):
        return self.ask("show", "--value", "-p", what)

    def said(self):
        with open(f"{self.folder}/out", encoding="utf-8") as file:
            return file.read()

    def connect(self, to):
        client = socket.socket(socket.AF_UNIX)
        client.connect(f"{self.folder}/{to}")
        return client

    def served_client(self):
        client = self.connect("clients")
        expect(client.recv(1), b"+")
        return client

    def through_gate(self):
        # A socket has its name shortly before it listens.
        clients = []

        def enters():
            with contextlib.suppress(ConnectionRefusedError):
                clients.append(self.connect("gate"))
            return clients

        eventually("the gate is open", enters)
        return clients[0]

    def let_up(self):
        with self.through_gate():
            eventually("the service is active", lambda: self.show("ActiveState") == "active")

    def end(self):
        """What systemd says of the end of the program, when that has come: result, and how it ended."""
        def read():
            with contextlib.suppress(FileNotFoundError), open(f"{self.folder}/end", encoding="ascii") as file:
                return file.read().split()
            return []

        eventually("the service has ended", read)
        return read()


def a_service_is_active_when_the_program_is_up(manager, program):
    with Service(manager, program) as service:
        expect(service.show("ActiveState"), "activating")
        expect(service.show("StatusText"), "")
        expect(service.said(), "")
        service.let_up()
        expect(service.said(), "ready\n")
        expect(service.show("StatusText"), f"running, {PROCESSES} processes")
        service.ask("stop")
        expect(service.end(), STOPPED)
        expect(service.said(), "ready\nnot ready\n")


def a_service_may_be_stopped_before_it_is_up(manager, program):
    with Service(manager, program) as service:
        service.ask("stop")
        expect(service.end(), STOPPED)
        expect(service.said(), "not ready\n")


def the_watchdog_leaves_a_program_alone_whose_loop_turns(manager, program):
    with Service(manager, program, WATCHDOG) as service:
        service.let_up()
        fed = set()

        def is_fed():
            expect(service.show("ActiveState"), "active")
            fed.add(service.show("WatchdogTimestampMonotonic"))
            return len(fed) > 2 * PERIODS

        eventually("the watchdog has been fed, twice in each period", is_fed, every=0.2)
        service.ask("stop")
        expect(service.end(), STOPPED)


def the_watchdog_ends_a_program_whose_loop_is_blocked(manager, program):
    with Service(manager, program, WATCHDOG) as service:
        service.let_up()
        with service.served_client() as client:
            client.sendall(b"!")
            expect(service.end(), ["watchdog", "killed", "ABRT"])


def a_stop_may_take_longer_than_systemd_has_been_told(manager, program):
    stays_up_while_it_drains(manager, program, "stop", "--no-block")


def a_stop_by_a_mere_signal_may_as_well(manager, program):
    stays_up_while_it_drains(manager, program, "kill", "-s", "TERM", "--kill-who=main")


def stays_up_while_it_drains(manager, program, *stop):
    with Service(manager, program, WATCHDOG) as service:
        service.let_up()
        with service.served_client(), service.served_client() as first_to_go:
            service.ask(*stop)
            for left in (PROCESSES + 2, PROCESSES + 1):
                status = f"stopping, {left} left"
                eventually(status, lambda: service.show("StatusText") == status)
                first_to_go.close()
            expect(service.show("ActiveState"), "deactivating")
            expect(service.said(), "ready\nnot ready\n")
            time.sleep(3 * STOP_LIMIT)
            expect(service.show("ActiveState"), "deactivating")
        expect(service.end(), STOPPED)


TESTS = [
    a_service_is_active_when_the_program_is_up,
    a_service_may_be_stopped_before_it_is_up,
    the_watchdog_leaves_a_program_alone_whose_loop_turns,
    the_watchdog_ends_a_program_whose_loop_is_blocked,
    a_stop_may_take_longer_than_systemd_has_been_told,
    a_stop_by_a_mere_signal_may_as_well,
]


def run_tests(manager, program):
    """Runs them side by side, since what they do most of the time is wait."""
    with concurrent.futures.ThreadPoolExecutor(len(TESTS)) as pool:
        running = [pool.submit(test, manager, program) for test in TESTS]
    failed = False
    for test, done in zip(TESTS, running):
        if why := done.exception():
            failed = True
            traceback.print_exception(why)
        print("failed" if why else "ok", test.__name__, flush=True)
    return 1 if failed else 0


# ---- A systemd for this test alone
#
# It is that of a user, as this needs nothing of the machine to be set up. At its start a systemd takes all processes
# of the control group that it finds itself in, so it gets an empty one, and sees no other; and it has a namespace
# for process numbers, so that the kernel lets it reach no process but its own. All ends with the first of these.

SYSTEMD = next((p for p in ("/lib/systemd/systemd", "/usr/lib/systemd/systemd") if os.path.exists(p)), None)
UNSHARE = ("unshare", "--mount", "--propagation", "private", "--ipc", "--pid", "--fork", "--kill-child", "--")
INTO_GROUP = """
echo 0 > "$GROUP/cgroup.procs"
exec unshare --cgroup -- "$@"
"""
PREPARE = """
trap 'echo "skipped: namespaces cannot be set up as a systemd needs them"; exit 77' EXIT
mount -t proc proc /proc
mount -t cgroup2 cgroup2 /sys/fs/cgroup
if grep -qx 0 /sys/fs/cgroup/cgroup.procs; then exit; fi  # a process of others
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/systemd/system /run/test/units /run/test/none  # the first one says that systemd is here
for target in basic default shutdown; do
  printf '[Unit]\\nDefaultDependencies=no\\n' > /run/test/units/$target.target
done
exec "$@"
"""


def new_group():
    """An empty control group below ours; None if there is no place for one."""
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        ours = next((line[3:].strip("/\n") for line in file if line.startswith("0::")), None)
    with open("/proc/mounts", encoding="utf-8") as file:
        mounts = [words[1] for line in file if (words := line.split())[2] == "cgroup2"]
    if ours is None or not mounts:
        return None
    group = os.path.join(mounts[0], ours, f"coppice-test-{os.getpid()}")
    try:
        os.mkdir(group)
    except OSError:
        return None
    return group


def remove_group(group):
    def is_gone():
        for folder in sorted(glob.glob(f"{group}/**/", recursive=True), reverse=True):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        return not os.path.exists(group)

    eventually("the processes in the control group have gone", is_gone)


def run_with_own(program):
    """Runs this script once more, in namespaces of its own."""
    if subprocess.run([*UNSHARE, "unshare", "--cgroup", "true"], stdin=subprocess.DEVNULL, check=False).returncode:
        return skip("there are no namespaces to be had")
    group = new_group()
    if group is None:
        return skip("there is no place for a control group")
    command = [*UNSHARE, "sh", "-ec", INTO_GROUP, "sh", "sh", "-ec", PREPARE, "sh",
               sys.executable, os.path.realpath(__file__), "--own", program]
    try:
        return subprocess.run(command, env={**os.environ, "GROUP": group}, stdin=subprocess.DEVNULL,
                              check=False).returncode
    finally:
        remove_group(group)


def run_inside(program):
    """Here all is prepared for a systemd."""
    there = {"XDG_RUNTIME_DIR": "/run/test", "SYSTEMD_UNIT_PATH": "/run/test/units", "HOME": "/run/test",
             "SYSTEMD_GENERATOR_PATH": "/run/test/none", "SYSTEMD_ENVIRONMENT_GENERATOR_PATH": "/run/test/none"}
    os.environ.update(there)
    os.environ.pop("DBUS_SESSION_BUS_ADDRESS", None)
    with open("/run/test/log", "wb") as log, \
            subprocess.Popen([SYSTEMD, "--user", "--log-target=console"], stdout=log, stderr=log) as systemd:
        eventually("systemd is up", lambda: systemd.poll() is not None or is_up(["--user"]))
        if systemd.returncode is not None:
            with open("/run/test/log", encoding="utf-8") as file:
                return skip(f"systemd cannot run here: {file.read()}")
        try:
            return run_tests(["--user"], program)
        finally:
            systemd.kill()


def skip(why):
    print(f"skipped: {why}")
    return 77


def main():
    if sys.argv[1] == "--own":
        return run_inside(sys.argv[2])
    program = os.path.realpath(sys.argv[1])
    if not SYSTEMD or not shutil.which("systemd-run"):
        return skip("there is no systemd")
    is_root = os.geteuid() == 0
    manager = [] if is_root else ["--user"]
    if is_up(manager):
        return run_tests(manager, program)
    return run_with_own(program) if is_root else skip("no systemd runs")


if __name__ == "__main__":
    sys.exit(main())
