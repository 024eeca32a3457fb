"""Makes the pages of the reference from the doc comments of the public headers."""

import re

import headers
from groups import GROUPS, INTRODUCTIONS
from pages import ROOT

INCLUDE = ROOT / "include"
COMMAND = re.compile(r"@(param|tparam|return|throws|par|relates)\b ?")
WIDTH = 84
OPERATION = re.compile(r"\boperation<|\bserver_call<|\bfunction_call<")


def public_headers():
    """By name, in the order of the groups; KeyError-free: errors() tells what is in no group."""
    found = {}
    for names in GROUPS.values():
        for name in names:
            path = INCLUDE / "coppice" / f"{name}.hpp"
            if path.exists():
                found[name] = headers.read(path, f"coppice/{name}.hpp")
    return found


def errors(read):
    """What is missing in the headers, one line each."""
    found = []
    for path in sorted((INCLUDE / "coppice").glob("*.hpp")):
        if path.stem not in read:
            found.append(f"include/coppice/{path.name}: is in no group of doc/site/groups.py")
    for name, header in read.items():
        for entry in headers.all_of(header.entries):
            where = f"include/coppice/{name}.hpp:{entry.line}: {entry.qualified}"
            if not entry.doc.strip() and not entry.plain:
                found.append(f"{where} has no doc comment")
            elif entry.kind == "type" and not entry.doc.strip():
                found.append(f"{where} has no doc comment")
            if (entry.kind == "function" and entry.doc and returns_operation(entry)
                    and "@par Completion Signature" not in entry.doc):
                found.append(f"{where} has no completion signature")
            told = " ".join(entry.signatures)
            for parameter in re.findall(r"@t?param (\w+)", entry.doc):
                if not re.search(rf"\b{parameter}\b", told):
                    found.append(f"{where} has no parameter {parameter}")
    return found


def returns_operation(entry):
    for signature in entry.signatures:
        rest = headers.Reader.without_template(signature)
        before = rest[:max(rest.find(entry.name + "("), 0)]
        if OPERATION.search(before):
            return True
    return False


# --- the words ---------------------------------------------------------------------------------

def sections_of(doc):
    """The text before the first command, and the commands: (command, argument, text)."""
    text, sections, current = [], [], None
    for line in doc.split("\n"):
        command = COMMAND.match(line)
        if command:
            kind, rest = command[1], line[command.end():]
            if kind == "relates":
                current = None
                continue
            if kind == "par":
                current = [kind, rest.strip(), []]
            elif kind == "return":
                current = [kind, "", [rest]]
            else:
                first, _, rest = rest.partition(" ")
                current = [kind, first, [rest]]
            sections.append(current)
        elif current is None:
            text.append(line)
        else:
            if current[0] != "par" and not line.strip():
                # A paragraph of its own belongs to the whole again.
                current = None
                text.append("")
            else:
                current[2].append(line if current[0] == "par" else line.strip())
    return "\n".join(text).strip("\n"), sections


def markdown(text):
    """Indented code becomes fenced."""
    out, code = [], []

    def flush():
        if code:
            while not code[-1].strip():
                code.pop()
            out.extend(["```cpp", *(line[4:] for line in code), "```", ""])
            code.clear()

    before = ""
    for line in text.split("\n"):
        if line.startswith("    ") and (code or not before.strip()) and not re.match(
                r" +([-*]|\d+\.) ", line):
            code.append(line)
        elif code and not line.strip():
            code.append(line)
        else:
            flush()
            out.append(line)
        before = line
    flush()
    return "\n".join(out).strip("\n")


def words(doc):
    text, sections = sections_of(doc)
    out = [markdown(text), ""]
    for kind, title in (("tparam", "Template parameters"), ("param", "Parameters"),
                        ("return", "Returns"), ("throws", "Throws")):
        these = [s for s in sections if s[0] == kind]
        if not these:
            continue
        out += [f"**{title}**", ""]
        for _, argument, lines in these:
            said = " ".join(line.strip() for line in lines).strip()
            out.append(f"- `{argument}`: {said}" if argument else said)
        out.append("")
    pars = [s for s in sections if s[0] == "par"]
    # First what an operation completes with: it is a part of how the function is declared.
    pars.sort(key=lambda s: s[1] != "Completion Signature")
    for _, title, lines in pars:
        out += [f"**{title}**", "", markdown("\n".join(lines)), ""]
    return out


def in_a_row(doc):
    """The words of a doc comment for a cell of a table."""
    text, sections = sections_of(doc)
    parts = re.split(r"\n\s*\n", text)
    for kind, argument, lines in sections:
        said = " ".join(line.strip() for line in lines).strip()
        parts.append(f"{argument if kind == 'par' else kind}: {said}")
    cell = "<br>".join(" ".join(part.split()) for part in parts if part.strip())
    return cell.replace("|", "\\|")


# --- the declarations --------------------------------------------------------------------------

def declaration(signature):
    """A signature as it reads best: without what is not for users, and broken into lines."""
    text = re.sub(r"operation<(?:typename )?detail::(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>",
                  "operation</* see below */>", signature)
    text = re.sub(r"\bdetail::", "", text)
    text = re.sub(r" *\{\}$| *\{.*\}$", lambda m: m[0] if "=" in text[:m.start()] or
                  not re.search(r"[\w>]\s*\{", text) or "concept" in text else m[0], text)
    text = re.sub(r"\(\s+", "(", text)
    rest = headers.Reader.without_template(text)
    head = text[:len(text) - len(rest)].strip()
    lines = []
    if head:
        template, _, required = head.partition("> requires")
        lines.append(template + (">" if required else ""))
        if required:
            lines.append("  requires" + (required if required[0] in " (" else " " + required))
    if len(rest) <= WIDTH or "(" not in rest:
        lines.append(rest)
    else:
        at = rest.find("(", rest.find(" auto ") + 1 if " auto " in rest else 0)
        line = rest[:at + 1]
        pieces, depth, piece = [], 0, ""
        for c in rest[at + 1:]:
            piece += c
            depth += (c in "(<{[") - (c in ")>}]")
            if c == "," and depth == 0:
                pieces.append(piece.strip())
                piece = ""
        pieces.append(piece.strip())
        lines.append(line)
        line = "   "
        for piece in pieces:
            if len(line) + len(piece) + 1 > WIDTH and line.strip():
                lines.append(line)
                line = "   "
            line += " " + piece
        lines.append(line)
    return "\n".join(lines) + ";"


def fenced(signatures):
    return ["```cpp", *(declaration(s) for s in signatures), "```", ""]


# --- the pages ---------------------------------------------------------------------------------

class Pages:
    """All pages of the reference, and where each name stands."""

    def __init__(self, read):
        self.read = read
        self.group_of = {name: group for group, names in GROUPS.items() for name in names}
        self.links = {}  # a name as it is written: reference/page.md#anchor
        self.members = {}  # the name of a member alone: the set of its places
        self.text = {name: self.page(name, header) for name, header in read.items()}
        self.text["index"] = self.index()

    def heading(self, level, title, entry, used):
        anchor = ".".join([*(s for s in entry.scope if s != "coppice"), entry.name])
        anchor = re.sub(r"[^\w.~<>=+-]", "", anchor).replace("<", "lt").replace(">", "gt")
        count = used.get(anchor, 0) + 1
        used[anchor] = count
        if count > 1:
            anchor += f"-{count}"
        return [f"{'#' * level} {title} {{ #{anchor} }}", ""], anchor

    def note(self, name, entry, anchor):
        place = f"reference/{name}.md#{anchor}"
        short = entry.qualified.removeprefix("coppice::")
        for written in (short, f"coppice::{short}"):
            self.links.setdefault(written, place)
        for other in entry.also:
            self.links.setdefault(other, place)
            self.links.setdefault(f"coppice::{other}", place)
        if "::" in short:
            self.members.setdefault(entry.name, set()).add(place.split("-")[0])

    def page(self, name, header):
        out = [f"# {name}", "", f"```cpp\n#include <{header.file}>\n```", ""]
        if name in INTRODUCTIONS:
            out += [INTRODUCTIONS[name], ""]
        used = {}
        for entry in header.entries:
            self.entry(name, entry, 2, used, out)
        return "\n".join(out)

    def entry(self, name, entry, level, used, out):
        title = ", ".join([entry.name, *entry.also])
        scopes = [s for s in entry.scope if s not in ("coppice", *self.types_of(name))]
        if scopes and scopes[0] in ("this_server", "sys"):
            title = "::".join([*scopes, title])
        title = title.replace("*", "\\*").replace("<", "&lt;")
        lines, anchor = self.heading(level, title, entry, used)
        out += lines
        self.note(name, entry, anchor)
        signatures = entry.signatures
        if entry.kind == "type":
            signatures = [re.sub(r" ?: ?.*detail::.*$", "", signatures[0])]
        if entry.kind == "macro":
            out += ["```cpp", *(f"#define {macro}" for macro in entry.signatures), "```", ""]
        else:
            out += fenced(signatures)
        out += words(entry.doc)
        rows = [m for m in entry.members if m.kind in ("enumerator", "value")]
        if rows:
            what = "Value" if rows[0].kind == "enumerator" else "Member"
            out += [f"| {what} | |", "|---|---|"]
            for row in rows:
                _, row_anchor = self.heading(level, row.name, row, used)
                self.note(name, row, row_anchor)
                shown = re.sub(r"\bdetail::", "", row.signatures[0]).removesuffix("{}").strip()
                shown = re.sub(r"^(static )?constexpr ", "static constexpr ", shown)
                if row.kind == "value":
                    shown = self.with_name_first(shown, row.name)
                else:
                    shown = f"`{shown}`"
                out.append(f'| <span id="{row_anchor}"></span>{shown} | {in_a_row(row.doc)} |')
            out.append("")
        if entry.plain:
            out += ["Besides:" if entry.members else "With:", ""]
            out += fenced(entry.plain)
        for member in entry.members:
            if member not in rows:
                self.entry(name, member, min(level + 1, 4), used, out)

    @staticmethod
    def with_name_first(shown, name):
        """`name`, and its type and its default below."""
        found = re.search(rf"\s{re.escape(name)}(?![\w:])", shown)
        kind, default = shown[:found.start()], shown[found.end():].strip()
        default = re.sub(r"^= ", "", default)
        default = re.sub(r"^\{(.*)\}$", r"\1", default)
        text = f"`{name}`<br>`{kind.strip()}`" if kind else f"`{name}`"
        text += f"<br>default `{default}`" if default else ""
        return text.replace("|", "\\|")

    def types_of(self, name):
        found = set()
        for entry in headers.all_of(self.read[name].entries):
            if entry.kind == "type":
                found.add(entry.name)
        return found

    def index(self):
        out = ["# Reference", "",
               "Made from the doc comments of the public headers, which `#include <coppice.hpp>` "
               "brings all but for those that are marked. All names are in the namespace "
               "`coppice`. How an operation is awaited, or begun with a completion token, is said "
               "once, at [operation](operation.md#operation); each has a *completion signature*, "
               "which says what it gives.", ""]
        umbrella = (INCLUDE / "coppice.hpp").read_text(encoding="utf-8")
        brought = {h for h in self.read if self.brings(umbrella, h)}
        for group, names in GROUPS.items():
            there = [n for n in names if n in self.read]
            if not there:
                continue
            out += [f"## {group}", "", "| Header | Names |", "|---|---|"]
            for name in there:
                names_of = []
                for entry in self.read[name].entries:
                    link = self.links.get(entry.qualified.removeprefix("coppice::"))
                    if link and entry.kind != "macro":
                        shown = entry.qualified.removeprefix("coppice::")
                        text = f"[`{shown}`]({link.removeprefix('reference/')})"
                        if text not in names_of:
                            names_of.append(text)
                mark = "" if name in brought else " (to be included)"
                out.append(f"| [{name}]({name}.md){mark} | {', '.join(names_of)} |")
            out.append("")
        return "\n".join(out)

    def brings(self, umbrella, name, seen=None):
        """Whether coppice.hpp includes the header, itself or by another one."""
        if f"<coppice/{name}.hpp>" in umbrella:
            return True
        direct = re.findall(r"<(coppice/[\w/]+\.hpp)>", umbrella)
        seen, todo = set(), list(direct)
        while todo:
            file = todo.pop()
            if file in seen or not (INCLUDE / file).exists():
                continue
            seen.add(file)
            todo += re.findall(r"<(coppice/[\w/]+\.hpp)>",
                               (INCLUDE / file).read_text(encoding="utf-8"))
        return f"coppice/{name}.hpp" in seen

    def link_of(self, code):
        """Where a piece of code in a text leads: the place of the name that it is, or None."""
        name = re.sub(r"\(\)$", "", code)
        if not re.fullmatch(r"[\w:~]+(?:<>)?", name):
            return None
        name = name.removesuffix("<>")
        if name in self.links:
            return self.links[name]
        places = self.members.get(name, ())
        if len(places) == 1 and "_" in name:
            return next(iter(places))
        return None
