#!/usr/bin/env python3
"""Checks that what a page of promises names is there: promises.py PAGE...

Each row of a table is a promise, and in its last cell what shows it: one link at least. Behind a link to a
file of test cases stand names of some of them, in quotes, in rows and elsewhere. All links lead to files
that exist, and to headings that do.
"""

import pathlib
import re
import sys

CASE = re.compile(r'TEST_CASE(?:_TEMPLATE)?\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)')
# A link, or a text in quotes behind one. Quotes in the text of code are none.
PART = re.compile(r'`[^`"]*`|\[[^\]]*\]\((?P<link>[^)\s]+)\)|"(?P<case>[^"]+)"')


def cases_of(file):
    """The names of its test cases; literals that stand side by side are one."""
    names = CASE.findall(file.read_text(encoding="utf-8"))
    return {"".join(re.findall(r'"((?:[^"\\]|\\.)*)"', name)) for name in names}


def headings_of(page):
    """Its headings, as a link has them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def blocks_of(text):
    """(number of its first line, text) of each row, item and paragraph, without line ends."""
    blocks = []
    ends = True
    for number, line in enumerate(text.split("\n"), 1):
        if ends or re.match(r"[|#-]", line):
            blocks.append((number, line))
        else:
            blocks[-1] = (blocks[-1][0], f"{blocks[-1][1]} {line.strip()}")
        ends = not line or line[0] in "|#"
    return blocks


class Check:
    def __init__(self, page):
        self.page = page
        self.faults = []
        self.cases = {}
        self.promises = 0
        self.named = set()

    def fault(self, number, what):
        self.faults.append(f"{self.page.name}:{number}: {what}")

    def check_link(self, number, link):
        """Gives the file that it leads to, or None."""
        if re.match(r"\w+:", link):
            return None
        path, _, heading = link.partition("#")
        file = (self.page.parent / path).resolve() if path else self.page
        if not file.exists():
            self.fault(number, f"there is no {path}")
            return None
        if heading and heading not in headings_of(file):
            self.fault(number, f"{file.name} has no heading #{heading}")
        return file

    def check_block(self, number, text):
        file = None
        unnamed = None  # the file of test cases that none has been named of
        for part in PART.finditer(text):
            link, case = part["link"], part["case"]
            if link:
                if unnamed:
                    self.fault(number, f"names no test case of {unnamed.name}")
                file = self.check_link(number, link)
                if file and file.suffix == ".cpp" and file not in self.cases:
                    self.cases[file] = cases_of(file)
                unnamed = file if self.cases.get(file) else None
            elif case and file in self.cases:
                unnamed = None
                self.named.add((file, case))
                if case not in self.cases[file]:
                    self.fault(number, f'{file.name} has no test case "{case}"')
        if unnamed:
            self.fault(number, f"names no test case of {unnamed.name}")

    def run(self):
        blocks = blocks_of(self.page.read_text(encoding="utf-8"))
        for (number, text), (_, after) in zip(blocks, [*blocks[1:], (0, "")]):
            self.check_block(number, text)
            if text.startswith("| ") and not after.startswith("|-"):  # and so no head
                self.promises += 1
                if "](" not in text.rsplit("|", 2)[1]:
                    self.fault(number, "nothing shows this")
        if self.promises == 0:
            self.faults.append(f"{self.page.name}: promises nothing")
        return self.faults


def main():
    faults = []
    for name in sys.argv[1:]:
        check = Check(pathlib.Path(name).resolve())
        faults += check.run()
        print(f"{check.page.name}: {check.promises} promises, {len(check.named)} test cases")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
