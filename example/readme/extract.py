"""extract.py README N OUTPUT: writes the N-th C++ program of the README to OUTPUT."""

import re
import sys

readme, number, output = sys.argv[1:]
with open(readme, encoding="utf-8") as file:
    programs = re.findall(r"^```cpp\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
with open(output, "w", encoding="utf-8") as file:
    file.write(programs[int(number)])
