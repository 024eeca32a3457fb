"""Draws the ratios as horizontal bars on a logarithmic scale, as SVG."""

import math
from xml.sax.saxutils import escape

BARE, OTP, INK, MUTED, RULE = "#2f7d4f", "#b5562b", "#222222", "#666666", "#dddddd"
LEFT, WIDTH, RIGHT = 330, 560, 90
HEAD, ROW = 92, 24


def label(v):
    if v >= 100 or v == int(v):
        return f"{v:,.0f}"
    if v >= 0.1:
        return f"{v:.2f}".rstrip("0") if math.log10(v).is_integer() else f"{v:.2f}"
    digits = 1 - math.floor(math.log10(v) + 1e-9)  # two that count
    return f"{v:.{digits}f}".rstrip("0")


def draw(lines, otp):
    sides = [("to_bare", BARE, "coppice : bare Asio")]
    if otp:
        sides.append(("to_otp", OTP, "coppice : OTP, one scheduler"))
    values = [line[s][k] for line in lines for s, _, _ in sides if s in line for k in ("low", "high")]
    low = min(-1, math.floor(math.log10(min(values))))
    high = max(1, math.ceil(math.log10(max(values))))
    bar = ROW - 6 if len(sides) == 1 else 13
    step = ROW if len(sides) == 1 else 2 * bar + 8

    def x(v):
        return LEFT + WIDTH * (math.log10(v) - low) / (high - low)

    height = HEAD + step * len(lines) + 34
    total = LEFT + WIDTH + RIGHT
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="{height:.0f}" '
        f'viewBox="0 0 {total} {height:.0f}" font-family="sans-serif" font-size="12">',
        f'<rect width="{total}" height="{height:.0f}" fill="#ffffff"/>',
        f'<text x="20" y="28" font-size="17" font-weight="bold" fill="{INK}">'
        'What supervision costs</text>',
        f'<text x="20" y="48" fill="{MUTED}">Cost of coppice divided by the cost of the same work '
        'done otherwise; left of 1 coppice is cheaper. Thin lines: quartiles.</text>',
    ]
    at = LEFT
    for _, colour, name in sides:
        out.append(f'<rect x="{at}" y="60" width="12" height="12" fill="{colour}"/>')
        out.append(f'<text x="{at + 18}" y="70" fill="{INK}">{name}</text>')
        at += 190
    for power in range(low, high + 1):
        strong = power == 0
        out.append(
            f'<line x1="{x(10 ** power):.1f}" x2="{x(10 ** power):.1f}" y1="{HEAD - 6}" '
            f'y2="{height - 28:.0f}" stroke="{INK if strong else RULE}"/>')
        text = "1" if strong else label(10 ** power)
        out.append(f'<text x="{x(10 ** power):.1f}" y="{height - 12:.0f}" text-anchor="middle" '
                   f'fill="{MUTED}">{text}</text>')
    heading = ""
    for i, line in enumerate(lines):
        y = HEAD + step * i
        what = line["what"].rstrip(" *")
        if not what.startswith("... "):
            heading = what
        left = 20 if heading == what else 34
        out.append(f'<g><title>{escape(heading)}: {escape(line["row"])}</title>'
                   f'<text x="{left}" y="{y + step / 2 + 1:.1f}" fill="{INK}">{escape(what)}</text>')
        for n, (side, colour, _) in enumerate(sides):
            if side not in line:
                continue
            r = line[side]
            top = y + n * bar
            a, b = sorted((x(1), x(r["median"])))
            middle = top + (bar - 2) / 2
            out.append(f'<rect x="{a:.1f}" y="{top:.1f}" width="{max(b - a, 1):.1f}" '
                       f'height="{bar - 2:.1f}" fill="{colour}" fill-opacity="0.8"/>')
            out.append(f'<line x1="{x(r["low"]):.1f}" x2="{x(r["high"]):.1f}" y1="{middle:.1f}" '
                       f'y2="{middle:.1f}" stroke="{INK}"/>')
            if r["median"] >= 1:
                place, anchor = max(x(r["high"]), b) + 5, "start"
            else:
                place, anchor = min(x(r["low"]), a) - 5, "end"
            out.append(f'<text x="{place:.1f}" y="{middle + 4:.1f}" text-anchor="{anchor}" '
                       f'font-size="11" fill="{colour}">{label(r["median"])}</text>')
        out.append("</g>")
    out.append("</svg>")
    return "\n".join(out) + "\n"
