#!/usr/bin/env python3
"""Draws the pictures of the manual, doc/pictures/*.svg.

    doc/site/pictures.py            draws them
    doc/site/pictures.py --check    fails if one that lies there is not what this draws

What the strategies do to whom follows from their rule, below. The crash on its time line is what the
program of README.md prints, which doc/site/check_code compares with what it really prints.
"""

import pathlib
import re
import sys
from xml.sax.saxutils import escape

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "doc" / "pictures"
STYLE = """<style>
svg { color: #222; background: #fff; font-family: sans-serif; font-size: 13px; }
text { fill: currentColor; } .muted { opacity: 0.65; } .head { font-weight: bold; }
.box { fill: #e4f0ee; stroke: #2a7d70; } .new { fill: #cfe6ff; stroke: #2563a8; }
.dead { fill: #fbdcd5; stroke: #b5402b; } .gone { fill: none; stroke: #888; stroke-dasharray: 4 3; }
.line { stroke: currentColor; fill: none; opacity: 0.6; }
@media (prefers-color-scheme: dark) {
  svg { color: #ddd; background: #1e2129; }
  .box { fill: #1d3b37; stroke: #5fb3a6; } .new { fill: #173352; stroke: #6fa8dc; }
  .dead { fill: #4a221b; stroke: #e08a76; } .gone { stroke: #999; }
}
</style>"""
CHILDREN = ["a", "b", "c", "d"]
CRASHES = "b"


def text(x, y, what, kind="", anchor="middle"):
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escape(what)}</text>'


def box(x, y, width, what, kind, height=26):
    return (f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="5" class="{kind}"/>'
            + text(x + width / 2, y + height / 2 + 4.5, what))


def line(x1, y1, x2, y2):
    return f'<path d="M{x1},{y1} L{x2},{y2}" class="line"/>'


def svg(name, title, width, height, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img"><title>{escape(title)}</title>\n'
            + STYLE + "\n" + "\n".join(parts) + "\n</svg>\n")


def stopped_along(strategy):
    """The children that are stopped, and started again, with the one that has crashed."""
    at = CHILDREN.index(CRASHES)
    return {"one_for_one": [], "one_for_all": CHILDREN[:at] + CHILDREN[at + 1:],
            "rest_for_one": CHILDREN[at + 1:]}[strategy]


def supervisor(x, y, strategy, kinds, labels):
    parts = [box(x + 45, y, 110, strategy, "box")]
    for i, child in enumerate(CHILDREN):
        left = x + i * 51
        parts.append(line(x + 100, y + 26, left + 22, y + 52))
        parts.append(box(left, y + 52, 44, labels.get(child, child), kinds.get(child, "box")))
    return parts


def strategy(name):
    along = stopped_along(name)
    parts, width = [], 3 * 225 + 15
    stages = [
        (f"{CRASHES} crashes", {CRASHES: "dead"}),
        ("stopped, in reverse order: " + ", ".join(reversed(along)) if along
         else "nobody else is stopped", {CRASHES: "gone", **{c: "gone" for c in along}}),
        ("started again: " + ", ".join(c for c in CHILDREN if c in [CRASHES, *along]),
         {CRASHES: "new", **{c: "new" for c in along}}),
    ]
    for i, (what, kinds) in enumerate(stages):
        x = 10 + i * 230
        parts += supervisor(x, 12, name, kinds, {})
        parts.append(text(x + 100, 118, what))
    return svg(name, f"{name}: who is restarted when {CRASHES} crashes", width + 10, 132, parts)


# A program: its tree, in the order in which it starts. (name, what it is, children)
TREE = ("shop", "rest_for_one", [
    ("database", "server", []),
    ("sessions", "dynamic", [("session 1", "", []), ("session 2", "", [])]),
    ("listener", "worker", []),
])


def places(node, left=10, depth=0):
    """(node, x, y) for each, the children side by side below their supervisor; and the width."""
    name, what, children = node
    if not children:
        return [(node, left, 12 + depth * 78, [])], 122
    found, x, middles = [], left, []
    for child in children:
        below, width = places(child, x, depth + 1)
        middles.append((below[0][1] + 56, below[0][2]))
        found += below
        x += width
    middle = (middles[0][0] + middles[-1][0]) / 2
    return [(node, middle - 56, 12 + depth * 78, middles), *found], x - left


def drawn(tree, mark):
    parts = []
    found, width = places(tree)
    for (name, what, _), x, y, below in found:
        for to_x, to_y in below:
            parts.append(line(x + 56, y + 40, to_x, to_y))
        parts.append(f'<rect x="{x}" y="{y}" width="112" height="40" rx="5" '
                     f'class="{"box" if below or what != "" else "new"}"/>')
        parts.append(text(x + 56, y + (18 if what else 25), name, "head"))
        if what:
            parts.append(text(x + 56, y + 33, what, "muted"))
        if name in mark:
            parts.append(f'<circle cx="{x + 112}" cy="{y + 2}" r="10" class="dead"/>')
            parts.append(text(x + 112, y + 6.5, str(mark[name])))
    return parts, width + 14


def tree():
    parts, width = drawn(TREE, {})
    return svg("tree", "The tree of a program", width, 230, parts)


def order_of_stop(node):
    """Children in the reverse order of their start, those of a dynamic supervisor at once."""
    name, what, children = node
    steps = []
    if what == "dynamic":
        steps.append([child[0] for child in children])
    else:
        for child in reversed(children):
            steps += order_of_stop(child)
    return [*steps, [name]]


def stop():
    steps = order_of_stop(TREE)
    mark = {name: n for n, names in enumerate(steps, 1) for name in names}
    parts, width = drawn(TREE, mark)
    y = 232
    parts.append(text(12, y, "The numbers: in which order they end. Each is asked, has "
                      "its shutdown", anchor="start"))
    parts.append(text(12, y + 18, "time to clean up, and is killed when that is over; then the "
                      "next is asked.", anchor="start"))
    return svg("stop", "What happens in an ordered stop", width, y + 30, parts)


def restart():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    printed = re.search(r"^prints\n\n```\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[1].split("\n")
    lanes, events = {}, []
    for row in filter(None, printed):
        who = re.search(r"<(\d+)>", row)
        pid = who[1] if who else None
        counts = re.match(r"<\d+> (counts \d+)", row)
        ends = re.search(r"<\d+> ended(.*)$", row)
        if counts:
            events.append((pid, counts[1], "counts"))
        elif ends and "once too often" not in row:
            events.append((pid, "throws", "crash"))
            events.append(("supervisor", row.rsplit("; ", 1)[1], "decides"))
        elif "stopped" in row:
            events.append(("supervisor", row.rsplit("; ", 1)[1], "ends"))
        if pid and pid not in lanes:
            lanes[pid] = f"counter <{pid}>"
    rows = ["supervisor", *lanes]
    names = {"supervisor": "supervisor demo", **lanes}
    step, left = 88, 165
    y_of = {row: 40 + i * 62 for i, row in enumerate(rows)}
    width = left + step * len(events) + 30
    parts = [f'<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
             f'markerHeight="7" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#888"/></marker></defs>']
    x_of = [left + step * i + 20 for i in range(len(events))]
    for row in rows:
        own = [i for i, event in enumerate(events) if event[0] == row]
        start = left - 20 if row == "supervisor" else x_of[own[0]] - 26
        parts.append(text(10, y_of[row] + 4.5, names[row], "head", "start"))
        parts.append(line(start, y_of[row], x_of[own[-1]], y_of[row]))
    for i, (who, what, kind) in enumerate(events):
        x, y = x_of[i], y_of[who]
        shape = {"counts": "box", "crash": "dead", "decides": "new", "ends": "gone"}[kind]
        parts.append(f'<circle cx="{x}" cy="{y}" r="6" class="{shape}"/>')
        parts.append(text(x, y - 12, what))
        if kind == "crash":
            parts.append(f'<path d="M{x + 4},{y - 5} L{x_of[i + 1] - 6},{y_of["supervisor"] + 7}" '
                         'class="line" marker-end="url(#to)"/>')
        if what == "restarting":
            to = events[i + 1][0]
            parts.append(f'<path d="M{x + 4},{y + 6} L{x_of[i + 1] - 28},{y_of[to] - 4}" '
                         'class="line" marker-end="url(#to)"/>')
    return svg("restart", "A crash and its restart", width, y_of[rows[-1]] + 24, parts)


PICTURES = {**{name: (lambda name=name: strategy(name))
               for name in ("one_for_one", "one_for_all", "rest_for_one")},
            "tree": tree, "stop": stop, "restart": restart}


def main():
    check = sys.argv[1:] == ["--check"]
    wrong = 0
    for name, draw in PICTURES.items():
        file = FOLDER / f"{name}.svg"
        drawn_now = draw()
        if not check:
            FOLDER.mkdir(exist_ok=True)
            file.write_text(drawn_now, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != drawn_now:
            print(f"doc/pictures/{name}.svg is not what doc/site/pictures.py draws: run that")
            wrong += 1
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
