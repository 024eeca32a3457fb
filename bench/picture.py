"""Draws the ratios, a group of rows below the other, as bars on logarithmic scales, as SVG."""

import math
from xml.sax.saxutils import escape

COLOURS = {"bare": "#2f7d4f", "otp": "#b5562b", "caf": "#7a4b9a", None: "#4a6fa5"}
INK, MUTED, RULE, MET, MISSED = "#222222", "#666666", "#dddddd", "#222222", "#c01515"
LEFT, WIDTH, RIGHT = 330, 460, 150
TOP, HEAD, STEP, BAR, FOOT = 76, 34, 19, 12, 34
TOTAL = LEFT + WIDTH + RIGHT


def label(v):
    if v >= 100 or v == int(v):
        return f"{v:,.0f}"
    if v >= 0.1:
        return f"{v:.2f}".rstrip("0") if math.log10(v).is_integer() else f"{v:.2f}"
    digits = 1 - math.floor(math.log10(v) + 1e-9)  # two that count
    return f"{v:.{digits}f}".rstrip("0")


def text(x, y, what, fill=INK, **attributes):
    more = "".join(f' {k.replace("_", "-")}="{v}"' for k, v in attributes.items())
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}"{more}>{escape(what)}</text>'


def line(x1, y1, x2, y2, stroke, width=1):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" '
            f'stroke-width="{width}"/>')


def bar_of(entry, side):
    """What is drawn for a row: a ratio with its quartiles, its goal, and where to mark that."""
    ratio = entry["coppice" if side is None else f"to_{side}"]
    goal = next((g for g in entry["goals"] if g["of"] in (side, "self")), None)
    at = goal and goal["below"]
    if goal and goal["of"] == "self" and side:
        at /= entry[side]["median"]
    return ratio, goal, at


def ticks(low, high):
    """1, 2 and 5 times powers of ten, where there is room for them all; else powers only."""
    steps = (1, 2, 5) if high - low <= 2 else (1,)
    powers = range(math.floor(low) - 1, math.ceil(high) + 1)
    values = [step * 10.0 ** power for power in powers for step in steps]
    return [v for v in values if low - 1e-9 <= math.log10(v) <= high + 1e-9]


def draw_group(heading, side, entries, top):
    """The elements of one group, and its height."""
    bars = [bar_of(e, side) for e in entries]
    shown = [r[k] for r, _, _ in bars for k in ("low", "high")]
    shown += [at for _, _, at in bars if at]
    low = math.log10(min(0.5, *shown) / 1.1)
    high = math.log10(max(2, *shown) * 1.1)

    def x(v):
        return LEFT + WIDTH * (math.log10(v) - low) / (high - low)

    bottom = top + HEAD + STEP * len(entries)
    out = [text(20, top + 20, heading, font_size=14, font_weight="bold")]
    for v in ticks(low, high):
        out.append(line(x(v), top + HEAD - 4, x(v), bottom, INK if v == 1 else RULE))
        out.append(text(x(v), bottom + 14, label(v), MUTED, text_anchor="middle", font_size=11))
    for i, (entry, (ratio, goal, at)) in enumerate(zip(entries, bars)):
        y = top + HEAD + STEP * i
        middle = y + BAR / 2
        a, b = sorted((x(1), x(ratio["median"])))
        out.append(f'<g><title>{escape(entry["row"])}</title>')
        out.append(text(30, middle + 4, entry["what"]))
        out.append(f'<rect x="{a:.1f}" y="{y:.1f}" width="{max(b - a, 1):.1f}" height="{BAR}" '
                   f'fill="{COLOURS[side]}" fill-opacity="0.75"/>')
        out.append(line(x(ratio["low"]), middle, x(ratio["high"]), middle, INK))
        out.append(text(LEFT + WIDTH + 56, middle + 4, label(ratio["median"]), text_anchor="end"))
        if goal:
            colour = MET if goal["met"] else MISSED
            out.append(line(x(at), y - 3, x(at), y + BAR + 3, colour, 3))
            out.append(text(LEFT + WIDTH + 70, middle + 4,
                            f'{goal["below"]:g} {"✓" if goal["met"] else "✗"}', colour))
        out.append("</g>")
    return out, HEAD + STEP * len(entries) + FOOT


def draw(groups):
    body = []
    y = TOP
    for heading, side, entries in groups:
        elements, height = draw_group(heading, side, entries, y)
        body += elements
        y += height
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{TOTAL}" height="{y}" '
        f'viewBox="0 0 {TOTAL} {y}" font-family="sans-serif" font-size="12">',
        f'<rect width="{TOTAL}" height="{y}" fill="#ffffff"/>',
        text(20, 28, "What supervision costs", font_size=17, font_weight="bold"),
        text(20, 48, "Cost of coppice divided by the cost of the same work done otherwise; left of "
             "1 coppice is cheaper.", MUTED),
        text(20, 64, "Thin lines: quartiles. Thick marks, and the last column: what a row shall "
             "stay below.", MUTED),
        *body, "</svg>"]) + "\n"
