"""extract.py PAGE N OUTPUT: writes the N-th C++ program of a Markdown page to OUTPUT."""

import re
import sys

page, number, output = sys.argv[1:]
with open(page, encoding="utf-8") as file:
    programs = re.findall(r"^```cpp\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
with open(output, "w", encoding="utf-8") as file:
    file.write(programs[int(number)])
