"""What the tests of the program `coppice` share."""

import os
import pathlib
import subprocess
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
WARNINGS = "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
TIME_LIMIT = 600


class Place:
    """The program, where coppice is installed, and a folder for what is made."""

    def __init__(self, folder, prefix, jobs):
        self.folder, self.prefix, self.jobs = folder, prefix, jobs
        self.program = prefix / "bin" / "coppice"
        (self.libraries,) = {path.parent.parent for path in prefix.rglob("pkgconfig/coppice.pc")}
        # Other coppices of this machine are none of these tests' business.
        self.environment = {
            **os.environ,
            "PATH": f"{self.program.parent}:{os.environ['PATH']}",
            "PKG_CONFIG_PATH": str(self.libraries / "pkgconfig"),
            "CMAKE_PREFIX_PATH": str(prefix),
            "LD_LIBRARY_PATH": str(self.libraries),
            "CXXFLAGS": f"-O0 -g0 {WARNINGS}",
            "LC_ALL": "C.UTF-8",
        }

    def fresh(self):
        """A new folder."""
        return pathlib.Path(tempfile.mkdtemp(dir=self.folder))

    def run(self, *command, cwd, status=0, **options):
        """What a command says, on both outputs, which has to end with that status."""
        environment = {**self.environment, **options.pop("environment", {})}
        ended = subprocess.run([str(word) for word in command], cwd=cwd, env=environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, timeout=TIME_LIMIT, **options)
        assert ended.returncode == status, f"{command} ended with {ended.returncode}:\n{ended.stdout}"
        return ended.stdout

    def new(self, *arguments, cwd, status=0, **options):
        return self.run(self.program, "new", *arguments, cwd=cwd, status=status, **options)


def expect(actual, wanted):
    assert actual == wanted, f"expected {wanted!r}, got {actual!r}"


def expect_in(part, text):
    assert part in text, f"{part!r} is not in {text!r}"


def files_of(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")
                  if not path.is_dir())


def run_all(tests, place):
    """Runs the tests, tells each, and gives the numbers of those that have passed and failed."""
    passed = failed = 0
    for test in tests:
        start = time.monotonic()
        name = test.__name__.replace("_", " ")
        try:
            test(place)
            print(f"ok      {name}, {time.monotonic() - start:.1f} s", flush=True)
            passed += 1
        except Exception:  # whatever it is, the others are run
            print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
            failed += 1
    return passed, failed
