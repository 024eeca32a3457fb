"""extract.py PAGE N OUTPUT [PART...]: writes the N-th C++ program of a Markdown page to OUTPUT, but
for the lines that contain one of the parts, each of which one line has to contain."""

import re
import sys

page, number, output, *left_out = sys.argv[1:]
with open(page, encoding="utf-8") as file:
    programs = re.findall(r"^```cpp\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
lines = programs[int(number)].splitlines(keepends=True)
for part in left_out:
    rest = [line for line in lines if part not in line]
    if len(rest) + 1 != len(lines):
        sys.exit(f"extract.py: one line of the program has to contain {part!r}")
    lines = rest
with open(output, "w", encoding="utf-8") as file:
    file.writelines(lines)
