"""Writes the rows as tables: text or Markdown, one for each thing that they are compared with."""

from rows import BRIEF, DERIVED, SIDES, is_task

BASELINES = {"bare": "bare Asio", "otp": "OTP", "caf": "CAF"}


def groups(lines):
    """Heading, the side that coppice is compared with (none: itself), and lines, of each table."""
    for heading, side, tasks in (("Beside bare Boost.Asio", "bare", False),
                                 ("Tasks, beside awaitables on bare Boost.Asio", "bare", True),
                                 ("Beside Erlang/OTP, one scheduler", "otp", False),
                                 ("Tasks, beside Erlang/OTP, one scheduler", "otp", True),
                                 ("Beside CAF, one worker", "caf", False),
                                 ("Tasks, beside CAF, one worker", "caf", True)):
        chosen = [x for x in lines
                  if x["row"] not in DERIVED and f"to_{side}" in x and is_task(x["row"]) == tasks]
        if chosen:
            yield heading, side, chosen
    chosen = [x for x in lines if x["row"] in DERIVED]
    if chosen:
        yield "Growth, and other quotients", None, chosen


def digits(v):
    return f"{v:.2f}" if v >= 0.1 else f"{v:.3f}" if v >= 0.01 else f"{v:.6f}"


def number(summary, unit):
    if not summary:
        return ""
    value = summary["median"]
    if unit == "x":
        return f"x {digits(value)}" if value < 100 else f"x {value:,.0f}"
    return f"{value:,.0f}"


def ratio(r):
    if r["samples"] == 1:
        return digits(r["median"])
    return f"{digits(r['median'])} ({digits(r['low'])}-{digits(r['high'])})"


def goal(line, side):
    """The goals of that side and those of the row's own value; a line has one of them at most."""
    return ", ".join(f"{g['below']:g} {'✓' if g['met'] else '✗'}" for g in line["goals"]
                     if g["of"] in (side, "self"))


def cells(line, side):
    what, unit = line["what"], line["unit"]
    ours = number(line["coppice"], unit)
    if side is None:
        others = [number(line.get(s), unit) for s in SIDES[1:]]
        return [what, ours, *others, goal(line, side)]
    return [what, unit, ours, number(line[side], unit), ratio(line[f"to_{side}"]), goal(line, side)]


def table(lines, side, markdown):
    if side is None:
        head = ["what", "coppice", *(BASELINES[s] for s in SIDES[1:]), "goal"]
        left = 1
    else:
        head = ["what", "unit", "coppice", BASELINES[side], f"coppice : {BASELINES[side]}", "goal"]
        left = 2
    body = [cells(line, side) for line in lines]
    widths = [max(len(r[i]) for r in [head, *body]) for i in range(len(head))]

    def row(texts):
        texts = [c.ljust(w) if i < left else c.rjust(w)
                 for i, (c, w) in enumerate(zip(texts, widths))]
        return "| " + " | ".join(texts) + " |" if markdown else "  ".join(texts).rstrip()

    if markdown:
        rule = "|" + "|".join("-" * (w + 1) + ("-" if i < left else ":")
                              for i, w in enumerate(widths)) + "|"
    else:
        rule = "  ".join("-" * w for w in widths)
    return "\n".join([row(head), rule, *map(row, body)])


def tables(lines, markdown):
    mark = "### " if markdown else ""
    return "\n\n".join(f"{mark}{heading}\n\n{table(chosen, side, markdown)}"
                       for heading, side, chosen in groups(lines))


def brief(lines):
    """A few rows in one table, as Markdown."""
    by_row = {line["row"]: line for line in lines}

    def of(line, side):
        return f"{number(line[side], line['unit'])} {line['unit']}" if side in line else ""

    def to(line, side):
        return digits(line[side]["median"]) if side in line else ""

    body = [[text, of(line, "coppice"), of(line, "bare"), to(line, "to_bare"), to(line, "to_otp")]
            for row, text in BRIEF.items() if (line := by_row.get(row))]
    head = ["", "coppice", "bare Asio", "coppice : bare", "coppice : OTP"]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *body])


def goals_met(lines):
    goals = [(x["row"], g) for x in lines for g in x["goals"]]
    missed = [f"{row} ({g['value']:.3g}, goal {g['below']:g}, {g['of']})" for row, g in goals
              if not g["met"]]
    text = f"{len(goals) - len(missed)} of {len(goals)} goals met"
    return text + (": missed " + ", ".join(missed) if missed else "") + "."
