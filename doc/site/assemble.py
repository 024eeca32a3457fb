"""Puts together what mkdocs makes the manual of: pages, reference, sources, navigation.

    assemble.py [--whole] FOLDER

The links of a page work on GitHub; here they are rewritten to pages of the site, and to sources
that are shown as pages. --whole insists on every page of the list.
"""

import html
import json
import os
import pathlib
import posixpath
import re
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import blocks  # noqa: E402
import pages  # noqa: E402
import reference  # noqa: E402
from pages import ROOT  # noqa: E402

LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:\[[^\]]*\]|`[^`]*`|[^\]`\[])*)\]"
                  r"\((?P<to>[^)\s]+)(?P<title> \"[^\"]*\")?\)")
CODE = re.compile(r"(`+)(.+?)\1")


def place_of(page):
    """Where a page of the sources stands in the site."""
    if page == "README.md":
        return "index.md"
    if page.startswith("doc/"):
        return page.removeprefix("doc/")
    if page.endswith("/README.md"):
        return page.removesuffix("/README.md") + "/index.md"
    return page.lower() if page.endswith(".md") else page


class Site:
    def __init__(self, folder):
        self.folder = folder
        self.docs = folder / "docs"
        self.errors = pages.errors()
        read = reference.public_headers()
        self.errors += reference.errors(read)
        self.reference = reference.Pages(read)
        self.sources = set()  # paths that are linked, shown as pages

    def write(self, place, text):
        file = self.docs / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    # --- pages ---------------------------------------------------------------------------------

    def target(self, page, to):
        """Where a link of a page leads in the site, or None if it stays as it is."""
        if re.match(r"[a-z]+:", to) or to.startswith("#"):
            return None
        path, _, anchor = to.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
        file = ROOT / path
        if path in pages.listed() and not file.exists() and "--whole" not in pages.OPTIONS:
            return ""  # a page that is still to come
        if not file.exists():
            self.errors.append(f"{page}: a link to {to}, which is not there")
            return None
        if file.is_dir() and (file / "README.md").exists():
            path = f"{path}/README.md"
        if path in pages.listed():
            place = place_of(path)
        elif re.fullmatch(r"include/coppice/\w+\.hpp", path) and pathlib.Path(
                path).stem in self.reference.read:
            place = f"reference/{pathlib.Path(path).stem}.md"
        elif path.endswith((".svg", ".png")):
            place = f"files/{path}"
            (self.docs / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, self.docs / place)
        else:
            self.sources.add(path)
            place = f"source/{path}.html" if file.is_file() else f"source/{path}/index.html"
        place = posixpath.relpath(place, posixpath.dirname(place_of(page)) or ".")
        return place + (f"#{anchor}" if anchor else "")

    def line(self, page, text, linked):
        """A line of text, with its links and its names rewritten."""
        kept = []

        def keep(new):
            kept.append(new)
            return f"\0{len(kept) - 1}\0"

        def link(m):
            to = self.target(page, m["to"])
            if to == "":
                return m["text"]
            to = to or m["to"]
            return keep(f"{m['image']}[{m['text']}]({to}{m['title'] or ''})")

        def code(m):
            place = self.reference.link_of(m[2]) if m[1] == "`" else None
            if not place or place in linked:
                return keep(m[0])
            own = place_of(page)
            if place.split("#")[0] == own:
                return keep(m[0])
            linked.add(place)
            to = posixpath.relpath(place, posixpath.dirname(own) or ".")
            return keep(f"[{m[0]}]({to})")

        text = LINK.sub(link, text)
        if not text.startswith("#"):
            text = CODE.sub(code, text)
        # Once for code within the text of a link, which is kept as it was.
        for _ in range(2):
            text = re.sub("\0(\\d+)\0", lambda m: kept[int(m[1])], text)
        return text

    def page(self, page, text, names=True):
        out, fence, linked = [], False, set()
        joined = []
        for line in text.split("\n"):
            if blocks.FENCE.match(line) and (not fence or re.match(r"^ *```\s*$", line)):
                fence = not fence
                joined.append(("code", line))
            elif fence:
                joined.append(("code", line))
            else:
                joined.append(("text", line))
        # Links may be broken over two lines.
        i = 0
        while i < len(joined):
            kind, line = joined[i]
            if kind == "code":
                out.append(line)
                i += 1
                continue
            paragraph = []
            while i < len(joined) and joined[i][0] == "text":
                paragraph.append(joined[i][1])
                i += 1
            for part in re.split(r"(\n\s*\n|\n(?=#))", "\n".join(paragraph)):
                if part.startswith("## ") or part.startswith("# "):
                    linked = set() if names else linked
                out.append(self.line(page, part, linked) if part.strip() else part[1:-1])
        return as_python_markdown("\n".join(out))

    # --- sources -------------------------------------------------------------------------------

    def show_sources(self):
        done = set()
        while self.sources - done:
            path = sorted(self.sources - done)[0]
            done.add(path)
            file = ROOT / path
            if file.is_dir():
                self.show_folder(path)
            else:
                self.show_source(path)

    def show_folder(self, path):
        rows = []
        for child in sorted((ROOT / path).iterdir()):
            name = child.name
            if name.startswith(".") or name == "__pycache__":
                continue
            if child.is_file():
                self.sources.add(f"{path}/{name}")
                rows.append(f'<li><a href="{html.escape(name)}.html">{html.escape(name)}</a></li>')
            else:
                rows.append(f"<li>{html.escape(name)}/</li>")
        self.write(f"source/{path}/index.html",
                   frame(path + "/", f"<ul>{''.join(rows)}</ul>", path.count("/") + 2))

    def show_source(self, path):
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            self.errors.append(f"{path} is linked, and is no text")
            return
        self.write(f"source/{path}.html", frame(path, coloured(path, text), path.count("/") + 1))

    # --- all -----------------------------------------------------------------------------------

    def navigation(self):
        nav = []
        for section, listed in pages.SECTIONS.items():
            if section == "Reference":
                groups = [{"Overview": "reference/index.md"}]
                for group, names in reference.GROUPS.items():
                    there = [n for n in names if n in self.reference.read]
                    if there:
                        groups.append({group: [{n: f"reference/{n}.md"} for n in there]})
                nav.append({section: groups})
                continue
            there = [{title: place_of(page)} for title, page in listed if (ROOT / page).exists()]
            if len(there) == 1:
                nav.append({section: next(iter(there[0].values()))})
            elif there:
                nav.append({section: there})
        return nav

    def make(self):
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.docs.mkdir(parents=True)
        for page in pages.existing():
            text = (ROOT / page).read_text(encoding="utf-8")
            self.write(place_of(page), self.page(page, text))
        for name, text in self.reference.text.items():
            page = f"reference/{name}.md"
            # Links in it are made already, and relative to it.
            self.write(page, as_python_markdown(self.linked_names(page, text)))
        self.show_sources()
        theme = ROOT / "doc" / "site" / "theme"
        shutil.copytree(theme / "assets", self.docs / "assets")
        configuration = json.loads((ROOT / "doc" / "site" / "mkdocs.json").read_text())
        configuration |= {"docs_dir": str(self.docs), "nav": self.navigation()}
        configuration["theme"]["custom_dir"] = str(theme / "templates")
        text = json.dumps(configuration, indent=1)
        # JSON is YAML; but the names of functions have a notation of YAML's own.
        text = re.sub(r'"!!python/name:([\w.]+)"', r"!!python/name:\1 ''", text)
        (self.folder / "mkdocs.yml").write_text(text, encoding="utf-8")
        return self.errors

    def linked_names(self, page, text):
        out, fence, linked = [], False, set()
        for line in text.split("\n"):
            if line.lstrip().startswith("```"):
                fence = not fence
            if fence or line.startswith(("#", "```")) or re.match(r"\| \[\w+\]\(", line):
                out.append(line)
                if line.startswith("#"):
                    linked = set()
                continue

            def code(m):
                place = self.reference.link_of(m[2]) if m[1] == "`" else None
                if not place or place in linked:
                    return m[0]
                linked.add(place)
                file, _, anchor = place.partition("#")
                to = "" if file == page else posixpath.relpath(file, "reference")
                return f"[{m[0]}]({to}#{anchor})"

            cells = line.split(" | ", 1)
            if line.startswith("| <span") and len(cells) == 2:
                out.append(cells[0] + " | " + CODE.sub(code, cells[1]))
            else:
                out.append(CODE.sub(code, line))
        return "\n".join(out)


def as_python_markdown(text):
    """What GitHub takes for a list, as Python-Markdown wants it: by four columns, and set off."""
    out, stack, fence, before = [], [], False, ""
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip(" "))
        if not line.strip():
            out.append(line)
            before = line
            continue
        if not fence:
            while stack and indent < stack[-1][1] and not (
                    before.strip() and not re.match(r" *([-*+]|\d+\.) ", line)
                    and not line.startswith(("#", "|", "```"))):
                stack.pop()
        item = None if fence else re.match(r"( *)([-*+]|\d+\.) +", line)
        if item:
            while stack and len(item[1]) < stack[-1][1]:
                stack.pop()
            if not stack and before.strip() and not before.lstrip().startswith(("<!--",)):
                out.append("")
            level = len(stack)
            out.append("    " * level + line[len(item[1]):])
            stack.append((len(item[1]), len(item[0])))
        elif stack:
            inside = stack[-1][1]
            if indent >= inside or fence:
                out.append("    " * len(stack) + line[min(inside, indent):])
            else:
                out.append(line)
        else:
            out.append(line)
        if blocks.FENCE.match(line):
            fence = not fence
        before = line
    return "\n".join(out)


def coloured(path, text):
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import TextLexer, get_lexer_for_filename
    from pygments.util import ClassNotFound
    try:
        lexer = get_lexer_for_filename(path)
    except ClassNotFound:
        lexer = TextLexer()
    return highlight(text, lexer, HtmlFormatter(cssclass="source"))


def frame(title, body, depth):
    up = "../" * depth
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}'
            f'</title><meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<link rel="icon" href="{up}assets/images/favicon.png">'
            f'<link rel="stylesheet" href="{up}assets/source.css"></head><body><p>'
            f'<a href="{up}index.html">coppice</a> / <code>{html.escape(title)}</code></p>'
            f"{body}</body></html>\n")


def main():
    arguments = sys.argv[1:]
    if "--whole" in arguments:
        arguments.remove("--whole")
        pages.OPTIONS.add("--whole")
    site = Site(pathlib.Path(arguments[0]).resolve())
    found = site.make()
    for error in found:
        print(error, file=sys.stderr)
    print(f"{len(pages.existing())} pages, {len(site.reference.text)} of the reference, "
          f"{len(site.sources)} sources; {len(found)} errors")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
