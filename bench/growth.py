#!/usr/bin/env python3
"""Draws how the cost of the workloads that others publish grows with their size.

Started by bench/run --growth. Each side runs each size several times; the median is drawn. The
pictures, SVG, and growth.json go into the build directory; with --write the pictures go into
bench/pictures too.
"""

import argparse
import json
import math
import os
import shutil
import statistics
import sys

import programs
from picture import COLOURS, INK, MUTED, RULE, label, line, text, ticks
from rows import WITH_CAF

HERE = os.path.dirname(os.path.abspath(__file__))

# Family: sizes, among them that of the tables.
SIZES = {
    "skynet": (100, 1_000, 10_000, 100_000, 1_000_000),
    "ring": (5, 16, 50, 160, 503, 5_030),
    "big": (4, 12, 40, 120, 400, 1_200),
    "hackbench": (1, 3, 10, 30),
    "sleepers": (10_000, 30_000, 100_000, 300_000, 1_000_000),
    "supervision_heavy": (10, 100, 1_000, 10_000, 100_000),
}
# Picture: the family, its rows (before the kind of process), heading, words for N, how many of
# those there are to a size, and what is drawn.
PICTURES = {
    "skynet": ("skynet", "skynet", "Skynet", "processes in the last generation", 1,
               "ns, for each process"),
    "ring": ("ring", "ring", "A token in a ring", "processes in the ring", 1, "ns, for each hop"),
    "big": ("big", "big", "Big", "processes that ask one another, 120,000 times in all", 1,
            "ns, for each round trip"),
    "ehb": ("hackbench", "hackbench.ehb", "Hackbench", "groups of 20 senders and 20 receivers", 1,
            "ns, for each message"),
    "bang": ("hackbench", "hackbench.bang", "Bang", "processes that send to one, 1,000 times each",
             20, "ns, for each message"),
    "sleepers": ("sleepers", "sleepers.memory", "Sleepers, memory", "processes that sleep", 1,
                 "bytes of peak memory, for each process"),
    "sleepers_time": ("sleepers", "sleepers.time", "Sleepers, time", "processes that sleep", 1,
                      "ns of processor time, for each process"),
    "supervision_heavy": ("supervision_heavy", "supervision_heavy", "A tree of supervisors",
                          "workers in the tree, ten to each supervisor", 1,
                          "ns, for each process"),
}
# Side and kind of process: name, colour, dashes. The other sides have one kind for both of ours.
CURVES = {
    ("coppice", "awaitable"): ("coppice, awaitable", COLOURS[None], None),
    ("coppice", "task"): ("coppice, task", COLOURS[None], "5 4"),
    ("bare", "awaitable"): ("bare Asio", COLOURS["bare"], None),
    ("otp", "awaitable"): ("OTP", COLOURS["otp"], None),
    ("caf", "awaitable"): ("CAF", COLOURS["caf"], None),
}
LEFT, TOP, WIDTH, HEIGHT, RIGHT, BOTTOM = 70, 60, 400, 260, 180, 50


def measure(build, quick, otp, caf):
    """(family, side, row) -> for each size the median, or nothing."""
    result = {}
    for family, sizes in SIZES.items():
        turns = (1, 0) if family == "sleepers" else (1 if quick else 3, 1)
        for size in sizes:
            programs.show(f"{family}, {size:,}")
            commands = [programs.coppice(build, family, *turns, size)]
            if otp:
                commands.append(programs.otp(build, family, turns[0], 0, size))
            if caf and family in WITH_CAF:
                commands.append(programs.caf(build, family, *turns, size))
            values = {}
            for row, side, value in (x for c in commands for x in programs.measured(c)):
                values.setdefault((side, row), []).append(value)
            for (side, row), all_of_it in values.items():
                curve = result.setdefault((family, side, row), {})
                curve[size] = statistics.median(all_of_it)
    programs.show_nothing()
    return result


def curves_of(picture, measured):
    """Name, colour, dashes and points of each curve that has been measured."""
    family, row, _, _, times, _ = PICTURES[picture]
    for (side, kind), look in CURVES.items():
        points = measured.get((family, side, f"{row}.{kind}"))
        if points:
            yield *look, [(n * times, v) for n, v in points.items() if v > 0]


def mark(x, y, colour, dashes):
    fill = "#ffffff" if dashes else colour
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{fill}" stroke="{colour}"/>'


def draw(picture, measured):
    _, _, heading, what, _, unit = PICTURES[picture]
    curves = list(curves_of(picture, measured))
    points = [p for *_, ps in curves for p in ps]
    low_x, high_x = (math.log10(f(n for n, _ in points)) for f in (min, max))
    low_y = math.floor(math.log10(min(v for _, v in points)))
    high_y = max(math.ceil(math.log10(max(v for _, v in points))), low_y + 1)

    def x(n):
        return LEFT + WIDTH * (math.log10(n) - low_x) / (high_x - low_x)

    def y(v):
        return TOP + HEIGHT * (high_y - math.log10(v)) / (high_y - low_y)

    out = [text(LEFT, 24, heading, font_size=15, font_weight="bold"), text(LEFT, 44, unit, MUTED)]
    for v in ticks(low_y, high_y):
        out.append(line(LEFT, y(v), LEFT + WIDTH, y(v), RULE))
        out.append(text(LEFT - 8, y(v) + 4, label(v), MUTED, text_anchor="end", font_size=11))
    for n in (10 ** power for power in range(math.ceil(low_x), math.floor(high_x) + 1)):
        out.append(line(x(n), TOP, x(n), TOP + HEIGHT, RULE))
        out.append(text(x(n), TOP + HEIGHT + 16, label(n), MUTED, text_anchor="middle",
                        font_size=11))
    out += [line(LEFT, TOP, LEFT, TOP + HEIGHT, INK),
            line(LEFT, TOP + HEIGHT, LEFT + WIDTH, TOP + HEIGHT, INK),
            text(LEFT + WIDTH / 2, TOP + HEIGHT + 36, f"N: {what}", MUTED,
                 text_anchor="middle")]
    for i, (name, colour, dashes, ps) in enumerate(curves):
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        path = " ".join(f"{x(n):.1f},{y(v):.1f}" for n, v in ps)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"'
                   f'{dashed}/>')
        out += [mark(x(n), y(v), colour, dashes) for n, v in ps]
        legend = TOP + 10 + 20 * i
        begin = LEFT + WIDTH + 14
        out.append(f'<line x1="{begin}" y1="{legend}" x2="{begin + 24}" y2="{legend}" '
                   f'stroke="{colour}" stroke-width="2"{dashed}/>')
        out += [mark(begin + 12, legend, colour, dashes), text(begin + 31, legend + 4, name)]
    width, height = LEFT + WIDTH + RIGHT, TOP + HEIGHT + BOTTOM
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>', *out, "</svg>"]) + "\n"


def main():
    options = argparse.ArgumentParser()
    options.add_argument("build")
    for name in "--quick", "--write", "--otp", "--caf":
        options.add_argument(name, action="store_true")
    o = options.parse_args()

    measured = measure(o.build, o.quick, o.otp, o.caf)
    with open(f"{o.build}/growth.json", "w", encoding="utf-8") as f:
        json.dump([{"family": family, "side": side, "row": row, "values": values}
                   for (family, side, row), values in measured.items()], f, indent=1)
    pictures = f"{o.build}/pictures"
    os.makedirs(pictures, exist_ok=True)
    for picture in PICTURES:
        with open(f"{pictures}/{picture}.svg", "w", encoding="utf-8") as f:
            f.write(draw(picture, measured))
    print(f"{pictures}, {o.build}/growth.json", file=sys.stderr)
    if o.write:
        shutil.copytree(pictures, f"{HERE}/pictures", dirs_exist_ok=True)


if __name__ == "__main__":
    main()
