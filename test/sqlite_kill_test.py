"""sqlite_kill_test.py WRITER: kills the writer again and again, and looks whether all it said is kept.

Each round starts it on the same file. After a random number of lines it kills itself with SIGKILL, right
behind an acknowledgement; or it is killed from here, which finds it anywhere, from the opening of the
file on. What the next one finds must be no less than the last number that was acknowledged under that
key, and no more than the one after it, which may have been under way.
"""

import pathlib
import random
import subprocess
import sys
import tempfile

ROUNDS = 40
KEYS = ("a", "b", "c", "d")


def run(writer, file, lines, by_itself):
    """What the writer found, and the last number that it acknowledged, for each key it came to."""
    found, last = {}, {}

    def read(line):
        if not line.endswith(b"\n"):
            return  # cut off
        words = line.decode().split()
        if words[0] == "has":
            found[words[1]] = int(words[2])
        else:
            last[words[0]] = int(words[1])

    command = [writer, str(file), *([str(lines)] if by_itself else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        for _ in range(lines):
            line = process.stdout.readline()
            if not line:
                sys.exit(f"the writer has ended by itself, with {process.wait()}")
            read(line)
        if not by_itself:
            process.kill()
        for line in process.stdout:
            read(line)
    return found, last


def main():
    writer = sys.argv[1]
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    acknowledged = dict.fromkeys(KEYS, 0)
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "states")
        for number in range(ROUNDS + 1):
            by_itself = chance.randrange(2) == 0
            early = not by_itself and chance.randrange(2) == 0
            full = number == ROUNDS  # the last one has to tell of all
            lines = 100 if full else chance.randrange(3) if early else chance.randrange(1, 100)
            found, last = run(writer, file, lines, by_itself)
            if full and len(found) != len(KEYS):
                sys.exit(f"round {number}: only {sorted(found)} have been found")
            for key, value in found.items():
                low = acknowledged[key]
                if not low <= value <= low + 1:
                    sys.exit(f"round {number}: {key} is {value}, though {low} was acknowledged")
                acknowledged[key] = last.get(key, value)
    total = sum(acknowledged.values())
    print(f"{ROUNDS} kills; {total} numbers, each kept when it was acknowledged")
    if total == 0:
        sys.exit("nothing was ever acknowledged")


main()
