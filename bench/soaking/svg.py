"""Draws what was seen second by second, as SVG."""

from picture import COLOURS, INK, MUTED, RULE, line, text

LEFT, TOP, WIDTH, HEIGHT, GAP, RIGHT, BOTTOM = 80, 74, 640, 130, 44, 30, 50
PANELS = (
    ("resident memory, MB", lambda s: s["memory"] and s["memory"] / 1e6, COLOURS[None]),
    ("descriptors", lambda s: s["descriptors"], COLOURS["bare"]),
    ("acknowledged writes of the clients that verify, a second", lambda s: s["acknowledged"], COLOURS["caf"]),
)
PROGRAM = "#c01515"


def step(most):
    """Between two lines: one, two or five times a power of ten, so that there are a few."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            if most / (size * factor) <= 5:
                return size * factor
        size *= 10


def panel(name, value, colour, top, samples, x):
    points = [(s["seconds"], value(s)) for s in samples]
    most = max((v for _, v in points if v is not None), default=1) or 1
    bottom = top + HEIGHT

    def y(v):
        return bottom - HEIGHT * v / (most * 1.1)

    out = [text(LEFT, top - 8, name, MUTED)]
    for i in range(int(most // step(most)) + 1):
        v = i * step(most)
        out.append(line(LEFT, y(v), LEFT + WIDTH, y(v), RULE))
        out.append(text(LEFT - 8, y(v) + 4, f"{v:,}", MUTED, text_anchor="end", font_size=11))
    # It is interrupted where there was nothing to be seen.
    path, pen = "", "M"
    for second, v in points:
        if v is None:
            pen = "M"
        else:
            path += f"{pen}{x(second):.1f},{y(v):.1f} "
            pen = "L"
    out.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    out.append(line(LEFT, bottom, LEFT + WIDTH, bottom, INK))
    return out


def draw(samples, process_kills, program_kills, seconds):
    def x(second):
        return LEFT + WIDTH * second / seconds

    end = TOP + len(PANELS) * (HEIGHT + GAP) - GAP
    out = [text(20, 26, "The key-value server while it is killed", font_size=17, font_weight="bold"),
           text(20, 46, f"Ticks at the top: {len(process_kills):,} processes of its tree killed or crashed. "
                f"Red lines: {len(program_kills):,} times kill -9 of the program.", MUTED)]
    for t in program_kills:
        out.append(f'<line x1="{x(t):.1f}" y1="{TOP}" x2="{x(t):.1f}" y2="{end}" stroke="{PROGRAM}" '
                   'stroke-width="0.7" stroke-opacity="0.45"/>')
    ticks = "".join(f"M{x(t):.1f},{TOP - 24}v6" for t in process_kills)
    out.append(f'<path d="{ticks}" stroke="{INK}" stroke-width="0.5" fill="none"/>')
    for i, (name, value, colour) in enumerate(PANELS):
        out += panel(name, value, colour, TOP + i * (HEIGHT + GAP), samples, x)
    for i in range(int(seconds // step(seconds)) + 1):
        v = i * step(seconds)
        out.append(text(x(v), end + 16, f"{v:,}", MUTED, text_anchor="middle", font_size=11))
    out.append(text(LEFT + WIDTH / 2, end + 36, "seconds", MUTED, text_anchor="middle"))
    width, height = LEFT + WIDTH + RIGHT, end + BOTTOM
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>', *out, "</svg>"]) + "\n"
