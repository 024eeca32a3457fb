"""Finds the code blocks of a Markdown page, and what the page says about each."""

import dataclasses
import re

FENCE = re.compile(r"^( *)```(.*)$")
DIRECTIVE = re.compile(r"^ *<!-- *([a-z][a-z+ 0-9]*[a-z0-9])(?:: *(.*?))? *-->$")


@dataclasses.dataclass
class Block:
    page: str  # path from the root
    line: int  # of the first line of its code, from 1
    language: str
    code: str
    says: dict  # what the comment lines directly before it say
    printed: "Block | None" = None  # what follows the word "prints" behind it

    @property
    def where(self):
        return f"{self.page}:{self.line}"


def of_page(page, text):
    """The blocks of the text, in order; ValueError if a fence is left open."""
    lines = text.split("\n")
    blocks, between = [], []
    i = 0
    while i < len(lines):
        opening = FENCE.match(lines[i])
        if not opening:
            between.append(lines[i])
            i += 1
            continue
        indent, language = len(opening[1]), opening[2].strip()
        code, start = [], i + 1
        i += 1
        while i < len(lines) and not re.match(rf"^ {{0,{indent}}}```\s*$", lines[i]):
            code.append(lines[i][min(indent, len(lines[i]) - len(lines[i].lstrip(" "))):])
            i += 1
        if i == len(lines):
            raise ValueError(f"{page}:{start}: a code block that does not end")
        i += 1
        says = {}
        for line in reversed(between):
            directive = DIRECTIVE.match(line)
            if not directive:
                break
            says[directive[1]] = directive[2] or ""
        block = Block(page, start + 1, language, "".join(f"{c}\n" for c in code), says)
        # A paragraph of its own, with the word in it: so that what is printed is told as such.
        told = "\n".join(between).strip()
        if (blocks and not language and blocks[-1].language == "cpp" and "\n\n" not in told
                and re.search(r"\bprints?\b", told)):
            blocks[-1].printed = block
        blocks.append(block)
        between = []
    return blocks


def indented(text):
    """The numbers of lines at which code begins that is indented, and in no fence."""
    found, in_fence, before, in_list = [], False, "", False
    for number, line in enumerate(text.split("\n"), 1):
        if FENCE.match(line):
            in_fence = not in_fence
        elif not in_fence:
            if line.strip() and not line.startswith(" "):
                in_list = bool(re.match(r"([-*+]|\d+\.) ", line))
            if line.startswith("    ") and not before.strip() and line.strip() and not in_list:
                if not found or found[-1][1] != number - 1:
                    found.append([number, number])
            if found and line.startswith("    "):
                found[-1][1] = number
        before = line
    return [first for first, _ in found]
