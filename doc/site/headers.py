"""Reads the public headers: which names there are, how they are declared, and what is said of each.

No compiler: it reads what clang-format leaves. What is for users is told by these rules:

- a comment of `///` lines before a declaration, or `///<` behind it, is its documentation;
- declarations of the same name without a blank line between them, and constants and macros, share
  the first one's comment, as long as they have none of their own;
- a comment of `//` lines before a declaration, and for the rest of its paragraph, hides it, and so
  does a parameter whose type is in `detail`, or a template parameter `Never`: such functions refuse a
  mistake in words, when they are compiled;
- what a class has that is defaulted or deleted, moves or destroys it, or compares it, is told in one
  block, and needs no words.
"""

import dataclasses
import re


@dataclasses.dataclass
class Entry:
    kind: str  # function, type, value, enumerator, alias, concept, macro
    name: str  # without scopes
    scope: tuple  # namespaces and classes around it
    line: int
    signatures: list = dataclasses.field(default_factory=list)
    doc: str = ""
    members: list = dataclasses.field(default_factory=list)
    plain: list = dataclasses.field(default_factory=list)  # signatures that need no words
    bases: str = ""
    also: list = dataclasses.field(default_factory=list)  # further names, of constants

    @property
    def qualified(self):
        return "::".join([*self.scope, self.name])


@dataclasses.dataclass
class Header:
    file: str  # as it is included
    entries: list


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])\'(?!\w)|\n|[ \t]+|'
                   r'#(?:\\\n|[^\n])*|[A-Za-z_0-9][A-Za-z_0-9\']*|::|->|&&|\|\||<=>|==|.',
                   re.DOTALL)
OPEN, CLOSE = {"(": ")", "[": "]", "{": "}"}, {")", "]", "}"}


class Reader:
    def __init__(self, text):
        self.tokens, line = [], 1
        for match in TOKEN.finditer(text):
            self.tokens.append((match[0], line))
            line += match[0].count("\n")
        self.at = 0

    def peek(self, ahead=0):
        i = self.at + ahead
        return self.tokens[i][0] if i < len(self.tokens) else ""

    def skip_balanced(self):
        """The text of a balanced group, from its bracket on."""
        start, depth = self.at, 0
        while True:
            token = self.peek()
            depth += (token in OPEN) - (token in CLOSE)
            self.at += 1
            if depth == 0 or not token:
                return "".join(t for t, _ in self.tokens[start:self.at])

    def scope(self, names, parent=None, access="public", is_class=False):
        """Reads declarations up to the end of the scope; gives back its entries."""
        entries = []
        doc, hidden, blank, last = [], False, False, None
        newlines = 0
        while self.at < len(self.tokens):
            token, line = self.tokens[self.at]
            if token == "\n":
                newlines += 1
                self.at += 1
                if newlines == 2:  # a blank line: a new paragraph
                    doc, hidden, last = [], False, None
                continue
            if token[0] in " \t":
                self.at += 1
                continue
            if token.startswith("///<"):
                if last is not None and newlines == 0:
                    last.doc = token[4:].strip()
                    self.at += 1
                    last.doc += self.more_behind()
                else:
                    self.at += 1
                continue
            if token.startswith("///"):
                doc.append(token[4:] if token[3:4] == " " else token[3:])
                newlines = 0
                self.at += 1
                continue
            if token.startswith("//"):
                if newlines > 0 or last is None:
                    hidden, doc = True, []
                newlines = 0
                self.at += 1
                continue
            if token.startswith("/*"):
                self.at += 1
                continue
            newlines = 0
            if token.startswith("#"):
                self.at += 1
                made = re.match(r"#\s*define\s+(COPPICE_\w+)(\([^)]*\))?", token)
                if made and not doc and last is not None and last.kind == "macro":
                    last.signatures.append(made[1] + (made[2] or ""))
                    last.also.append(made[1])
                elif made and not any(e.name == made[1] for e in entries):
                    last = Entry("macro", made[1], (), line, [made[1] + (made[2] or "")],
                                 "\n".join(doc))
                    if not hidden:
                        entries.append(last)
                if not token.startswith("#if"):
                    doc = []
                continue
            if token == "}":
                self.at += 1
                break
            if token in ("public", "private", "protected") and self.next_is_colon():
                access = token
                while self.peek() != ":":
                    self.at += 1
                self.at += 1
                doc, hidden, last = [], False, None
                continue
            entry = self.declaration(names, line, parent)
            visible = access == "public" and not hidden and entry is not None
            if visible and isinstance(entry, list):  # a namespace
                entries += entry
                last = None
            elif visible:
                own = "\n".join(doc)
                before = entries[-1] if entries else None
                if (not own and last is not None and before is last and entry.name == before.name
                        and entry.kind == before.kind == "function" and not entry.plain):
                    before.signatures += entry.signatures
                elif (not own and last is not None and before is last and not is_class
                        and entry.kind == before.kind == "value"):
                    before.signatures += entry.signatures  # constants of one paragraph
                    before.also.append(entry.name)
                else:
                    entry.doc = own
                    entries.append(entry)
                    last = entry
            else:
                last = None
            doc = []
        return entries

    def next_is_colon(self):
        ahead = 1
        while self.peek(ahead).isspace():
            ahead += 1
        return self.peek(ahead) == ":"

    def more_behind(self):
        """The lines that go on a comment `///<`."""
        text = ""
        while True:
            ahead = 0
            while self.peek(ahead).isspace():
                ahead += 1
            if not self.peek(ahead).startswith("///<"):
                return text
            text += " " + self.peek(ahead)[4:].strip()
            self.at += ahead + 1

    def declaration(self, names, line, parent):
        """One declaration: None if it is nobody's, a list for a namespace, or an entry."""
        text, kind, members, bases = "", None, [], ""
        angle = 0
        seen_call = seen_equal = False
        while self.at < len(self.tokens):
            token = self.peek()
            if token.startswith("//") or token.startswith("/*") or token.startswith("#"):
                self.at += 1
                continue
            if token == ";" or token == "":
                self.at += 1
                break
            if token in "([":
                group = self.skip_balanced()
                if token == "(" and angle == 0 and not re.search(
                        r"(\brequires|__attribute__|\bnoexcept|\bexplicit|\balignas)\s*$", text):
                    seen_call = True
                text += group
                continue
            if token == "<" and not re.search(r"operator\s*$", text):
                angle += 1
            elif token == ">" and angle > 0 and not re.search(r"operator\s*$", text):
                angle -= 1
            elif token == "=" and angle == 0 and not re.search(r"operator\s*$", text):
                seen_equal = True
            elif token == ":" and angle == 0 and seen_call and not seen_equal:
                self.skip_initialisers()
                break
            elif token == "{":
                head = self.cleaned(text)
                if re.match(r"(inline )?namespace\b", head):
                    self.at += 1
                    inner = head.split()[-1] if head.split()[-1] != "namespace" else None
                    found = self.scope((*names, *inner.split("::")) if inner else names)
                    return found if inner and "detail" not in inner else None
                if angle > 0:  # a lambda, or braces, among template arguments
                    text += self.skip_balanced()
                    continue
                named = re.match(
                    r"(?P<template>template\s*<.*>\s*(?:requires.*?\s)?)?"
                    r"(?P<key>class|struct|union|enum(?: class)?)\s+(?P<attributes>(?:\[\[.*?\]\] ?|COPPICE_API )*)"
                    r"(?P<name>[\w:]+(?:<.*?>)?)(?: final)?(?: ?: (?P<bases>.*))?$", head)
                if named and not seen_call and not seen_equal:
                    kind = "type"
                    self.at += 1
                    if named["key"].startswith("enum"):
                        members = self.enumerators((*names, named["name"]))
                    else:
                        members = self.scope(
                            (*names, named["name"]), named["name"],
                            "private" if named["key"] == "class" else "public", True)
                    text, bases = head, named["bases"] or ""
                    name = named["name"]
                    self.to_semicolon()
                    break
                if seen_call and not seen_equal:  # the body of a function
                    self.skip_balanced()
                    break
                if re.search(r"\bconcept\b", head) or seen_equal:
                    text += self.skip_balanced()
                    continue
                text += self.skip_balanced()  # the initialiser of a value
                continue
            text += token
            self.at += 1
        head = self.cleaned(text)
        if kind == "type":
            entry = Entry("type", name, names, line, [self.shown(head)], members=members,
                          bases=bases)
            return entry
        return self.entry_of(head, names, line, parent)

    def enumerators(self, names):
        entries, doc, last, newlines = [], [], None, 0
        while self.peek() != "}":
            token, line = self.tokens[self.at]
            if token == "\n":
                newlines += 1
            elif token.startswith("///<"):
                target = last
                target.doc = (target.doc + " " + token[4:].strip()).strip()
            elif token.startswith("///"):
                doc.append(token[3:].strip())
            elif re.match(r"[A-Za-z_]\w*$", token):
                text = token
                while self.peek(1) not in (",", "}", "\n") and not self.peek(1).startswith("//"):
                    self.at += 1
                    text += self.peek()
                last = Entry("enumerator", token, names, line, [text.strip()], " ".join(doc))
                entries.append(last)
                doc = []
            self.at += 1
        self.at += 1
        return entries

    def to_semicolon(self):
        while self.peek() != ";":
            self.at += 1
        self.at += 1

    def skip_initialisers(self):
        """From the colon of a constructor to the end of its body."""
        before = ":"
        while True:
            token = self.peek()
            if token == "{" and re.search(r"[)}]$", before):
                self.skip_balanced()
                return
            if token in OPEN:
                self.skip_balanced()
                before = OPEN[token]
                continue
            if not token.isspace():
                before = token
            self.at += 1

    @staticmethod
    def cleaned(text):
        return " ".join(text.split())

    @staticmethod
    def shown(head):
        """A declaration as a user reads it."""
        head = re.sub(r"\bCOPPICE_API ?", "", head)
        head = re.sub(r"\[\[(nodiscard|deprecated)(\(.*?\))?\]\] ?", "", head)
        head = re.sub(r"^(friend|inline) ", "", head)
        head = re.sub(r"^((?:template ?<.*> )?)(?:inline |friend )", r"\1", head)
        return head.strip()

    def entry_of(self, head, names, line, parent):
        if not head or head.startswith(("using namespace", "static_assert", "extern template")):
            return None
        if re.match(r"friend (struct|class) ", head):
            return None
        signature = self.shown(head)
        if re.match(r"(template ?<.*> ?)?(class|struct|enum|union) [\w:]+$", signature):
            return None  # a forward declaration
        alias = re.match(r"(?:template ?<.*> )?using (\w+) ?=", signature)
        if alias and alias[1] == "promise_type":
            return None  # for the compiler
        if alias:
            return Entry("alias", alias[1], names, line, [signature])
        if signature.startswith("using "):  # constructors of the base
            return Entry("function", parent or "", names, line, [signature], plain=[signature])
        if signature.startswith("namespace "):
            return None
        concept = re.match(r"template ?<.*> ?concept (\w+) ?=", signature)
        if concept:
            return Entry("concept", concept[1], names, line, [signature])
        without = self.without_template(signature)
        found = re.search(r"(operator ?(?:\(\)|\[\]|co_await|bool|<=>|[^\s\w(]+|\"\" ?\w+|[\w:<>]+(?: \*)?)"
                          r"|~?[A-Za-z_]\w*) ?\(", self.outside(without))
        equal = without.find(" = ")
        if found and (equal < 0 or found.start() < equal or "operator" in found[1]):
            return self.function(found[1], signature, names, line, parent, without)
        value = re.search(r"([A-Za-z_]\w*)(?:\[.*?\])?(?: ?=.*|\{.*\})?$",
                          self.without_value(without))
        if not value:
            raise ValueError(f"line {line}: what is this? {head}")
        return Entry("value", value[1], names, line, [signature])

    @staticmethod
    def without_value(text):
        depth = 0
        for i, c in enumerate(text):
            depth += (c in "<(") - (c in ">)")
            if depth == 0 and (c == "{" or c == "="):
                return text[:i].rstrip()
        return text

    @staticmethod
    def without_template(signature):
        """Without `template <...>` and what is required of it."""
        text = signature
        while text.startswith("template"):
            depth, i = 0, text.index("<")
            while True:
                depth += (text[i] == "<") - (text[i] == ">" and text[i - 1] != "-")
                i += 1
                if depth == 0:
                    break
            text = text[i:].lstrip()
        required = re.match(r"requires ?(?=[\w(!:])", text)
        if required:
            # A clause is a chain of names with arguments and of groups, joined by && and ||.
            i, depth = required.end(), 0
            primary = re.compile(r"!?(?:[\w:]+(?:<)?)")
            while True:
                if text[i] == "(":
                    while True:
                        depth += (text[i] == "(") - (text[i] == ")")
                        i += 1
                        if depth == 0:
                            break
                else:
                    i = primary.match(text, i).end()
                    if text[i - 1] == "<":
                        depth = 1
                        while depth:
                            depth += (text[i] == "<") - (text[i] == ">" and text[i - 1] != "-")
                            i += 1
                    while text.startswith("::", i):
                        i = re.compile(r"::\w+").match(text, i).end()
                joined = re.compile(r" ?(?:&&|\|\|) ?").match(text, i)
                if not joined:
                    break
                i = joined.end()
            text = text[i:].lstrip()
        return text

    @staticmethod
    def outside(text):
        """The text with template arguments blanked, so that the first call is the function's own."""
        out, depth, i = [], 0, 0
        while i < len(text):
            c = text[i]
            if c == "<" and not re.search(r"operator ?<?$", text[:i]) and text[i:i + 3] != "<=>":
                depth += 1
            if c == "(" and depth == 0:
                out.append(text[i:])
                break
            out.append("_" if depth else c)
            if c == ">" and depth and text[i - 1] != "-":
                depth -= 1
            i += 1
        return "".join(out)

    def function(self, name, signature, names, line, parent, without):
        name = name.replace("operator ", "operator") if re.match(r"operator \W", name) else name
        if re.search(r"[(,] ?(const )?detail::(?!reply_signature|.*\bauto\b)", self.parameters_of(
                signature, name)) or "class Never" in signature:
            return None
        if re.search(rf"\w::{re.escape(name)} ?\(", without):
            return None  # the body of something that is declared in its class
        entry = Entry("function", name, names, line, [signature])
        own = (parent or "").split("<")[0]
        moves = own and (name == f"~{own}" or name == "operator=" or re.search(
            rf"\b{own}\((?:const )?{own}(?:<\w+>)? ?&&?(?: \w+)?\)", signature))
        if (re.search(r"= (default|delete)$", signature) or moves
                or re.match(r"operator(==|!=|<=>)$", name)):
            entry.plain = [signature]
        return entry

    @staticmethod
    def parameters_of(signature, name):
        at = signature.find(name + "(")
        at = at if at >= 0 else signature.find(name)
        start, depth = signature.find("(", at + len(name) if name.startswith("operator") else at), 0
        for i in range(start, len(signature)):
            depth += (signature[i] == "(") - (signature[i] == ")")
            if depth == 0:
                return signature[start:i + 1]
        return ""


def read(path, file):
    """The header's entries, with members, in the order in which they stand."""
    text = path.read_text(encoding="utf-8")
    entries = [e for e in Reader(text).scope(()) if "detail" not in e.scope]
    return Header(file, [collected(e) for e in entries])


def collected(entry):
    """What needs no words goes to the class; what is left are the members."""
    rest = []
    for member in entry.members:
        if member.plain and not member.doc:
            entry.plain += member.plain
        else:
            rest.append(collected(member))
    entry.members = rest
    return entry


def all_of(entries):
    for entry in entries:
        yield entry
        yield from all_of(entry.members)
