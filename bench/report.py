#!/usr/bin/env python3
"""Runs the benchmarks family by family; makes medians, ratios, tables, a picture and a JSON file.

Started by bench/run. Every family is measured in rounds; in a round coppice and bare Asio take
turns within one process (A B A B ...), and OTP and CAF follow. A ratio is the median of the ratios
of neighbouring turns; the spread beside it goes from their lower to their upper quartile. OTP and
CAF cannot take turns within that process: their ratios compare the medians of each round.
"""

import argparse
import datetime
import fnmatch
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time

import keyvalue
import programs
from picture import draw
from programs import measured, show, show_nothing
from rows import (DERIVED, FAMILIES, FIRST_ROUND_ONLY, GOALS, NOTE, OTP_IN_A_ROW, OTP_NOTE,
                  OTP_REPETITIONS, QUICK_OTP_IN_A_ROW, QUICK_OTP_NOTE, QUICK_ROUNDS, ROUNDS, ROWS,
                  WITH_CAF, WITHOUT_OTP, family_of)
from tables import brief, goals_met, groups, tables

HERE = os.path.dirname(os.path.abspath(__file__))
BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->\n"


def wanted(pattern):
    return [r for r in [*ROWS, *DERIVED] if not pattern or fnmatch.fnmatch(r, f"*{pattern}*")]


def add(new, into):
    """Adds a round of row, side, value to into[row, side]."""
    of_round = {}
    for row, side, value in new:
        of_round.setdefault((row, side), []).append(value)
    for key, values in of_round.items():
        into.setdefault(key, []).append(values)


def measure_family(build, family, quick, otp, caf, into):
    repetitions, warm_ups = FAMILIES[family][quick]
    if family == "keyvalue":
        add(keyvalue.measure(build, programs.cores(), repetitions, warm_ups), into)
        return
    add(measured(programs.coppice(build, family, repetitions, warm_ups)), into)
    if otp and family not in WITHOUT_OTP:
        in_a_row = QUICK_OTP_IN_A_ROW if quick else OTP_IN_A_ROW
        add(measured(programs.otp(build, family, OTP_REPETITIONS.get(family, 1), in_a_row)), into)
    if caf and family in WITH_CAF:
        add(measured(programs.caf(build, family, repetitions, warm_ups)), into)


def measure_all(build, families, quick, otp, caf):
    """(row, side) -> one list of values a round."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    values = {}
    steps = [(r, f) for r in range(rounds) for f in families
             if r == 0 or f not in FIRST_ROUND_ONLY]
    begin = time.monotonic()
    for i, (r, family) in enumerate(steps):
        show(f"[{i + 1}/{len(steps)}] round {r + 1} of {rounds}: {family} "
             f"({time.monotonic() - begin:.0f} s)")
        measure_family(build, family, quick, otp, caf, values)
    show_nothing()
    for row, (_, above, below, sides) in DERIVED.items():
        for side in sides:
            if (above, side) in values and (below, side) in values:
                values[row, side] = [[a / b for a, b in zip(x, y)] for x, y in
                                     zip(values[above, side], values[below, side])]
    return values


def summary(samples):
    samples = sorted(samples)
    if len(samples) == 1:
        low = high = samples[0]
    else:
        low, _, high = statistics.quantiles(samples, n=4, method="inclusive")
    return {"median": statistics.median(samples), "low": low, "high": high, "samples": len(samples)}


def flat(rounds):
    return [v for r in rounds for v in r]


def summarise(values, rows):
    result = []
    for row in rows:
        ours = values.get((row, "coppice"))
        if not ours:
            continue
        what, unit = ROWS[row] if row in ROWS else (DERIVED[row][0], "x")
        line = {"row": row, "what": what, "unit": unit, "coppice": summary(flat(ours))}
        bare = values.get((row, "bare"))
        if bare:
            line["bare"] = summary(flat(bare))
            line["to_bare"] = summary([a / b for a, b in zip(flat(ours), flat(bare))])
        for side in "otp", "caf":
            theirs = values.get((row, side))
            if theirs:
                line[side] = summary(flat(theirs))
                line[f"to_{side}"] = summary([statistics.median(a) / statistics.median(b)
                                              for a, b in zip(ours, theirs)])
        line["goals"] = []
        for of, below in GOALS.get(row, {}).items():
            compared = line.get("coppice" if of == "self" else f"to_{of}")
            if compared:
                line["goals"].append({"of": of, "below": below, "value": compared["median"],
                                      "met": compared["median"] <= below})
        result.append(line)
    return result


def machine(build, otp, caf):
    cpu = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            cpu = next((x.split(":", 1)[1].strip() for x in f if x.startswith("model name")), cpu)
    except OSError:
        pass

    def version(program):
        return subprocess.run([f"{build}/bench/{program}", "--version"], stdout=subprocess.PIPE,
                              text=True, check=True).stdout.strip()

    release = ""
    if otp:
        release = subprocess.run(
            ["erl", "-noshell", "-eval",
             'io:put_chars(erlang:system_info(otp_release)), halt().'],
            stdout=subprocess.PIPE, text=True).stdout.strip()
    return {"cpu": cpu, "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 2),
            "compiler": version("coppice-bench"), "otp": release,
            "caf": version("caf/caf-bench") if caf else ""}


def put(text, path):
    """Puts a text between the marks in a file."""
    with open(path, encoding="utf-8") as f:
        before, rest = f.read().split(BEGIN)
    after = rest.split(END)[1]
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"{before}{BEGIN}\n{text}\n\n{END}{after}")


def write(lines, text, picture):
    """Puts the tables into bench/README.md, a short one into README.md, and the
    picture here; and one with date and machine into the manual."""
    put(f"![The ratios](benchmark.svg)\n\n{text}", f"{HERE}/README.md")
    put(brief(lines), f"{os.path.dirname(HERE)}/README.md")
    on = next(line for line in reversed(text.splitlines()) if line.strip())
    put(f"{brief(lines)}\n\nMeasured on {datetime.date.today()}: {on}",
        f"{os.path.dirname(HERE)}/doc/costs.md")
    shutil.copy(picture, f"{HERE}/benchmark.svg")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("build")
    options.add_argument("--quick", action="store_true")
    options.add_argument("--markdown", action="store_true")
    options.add_argument("--write", action="store_true")
    options.add_argument("--otp", action="store_true")
    options.add_argument("--caf", action="store_true")
    options.add_argument("--rows", default="")
    o = options.parse_args()

    rows = wanted(o.rows)
    if not rows:
        sys.exit(f"bench/report.py: no row matches {o.rows}; there are: "
                 f"{', '.join([*ROWS, *DERIVED])}")
    families = [f for f in FAMILIES if any(family_of(r) == f for r in rows)]
    if "keyvalue" in families and (why := keyvalue.missing(o.build)):
        print(f"bench/report.py: no key-value server: {why}", file=sys.stderr)
        families.remove("keyvalue")
    where = machine(o.build, o.otp, o.caf)
    lines = summarise(measure_all(o.build, families, o.quick, o.otp, o.caf), rows)

    otp = f"; OTP {where['otp']}, one scheduler" if where["otp"] else ""
    caf = f"; {where['caf']}, one worker" if where["caf"] else ""
    below = [goals_met(lines),
             "Medians; ratios with their quartiles, below 1 coppice is better. " + NOTE,
             *([OTP_NOTE] if o.otp else []), *([QUICK_OTP_NOTE] if o.otp and o.quick else []),
             f"{where['cpu']}, {where['cores']} cores, load {where['load']} before; "
             f"{where['compiler']}{otp}{caf}"]

    def text(markdown):
        return tables(lines, markdown) + "\n\n" + ("\n\n" if markdown else "\n").join(below)

    # At once, or a part of it would follow what goes to stderr.
    print(text(o.markdown), flush=True)
    picture = f"{o.build}/benchmark.svg"
    with open(f"{o.build}/benchmark.json", "w", encoding="utf-8") as f:
        json.dump({"machine": where, "quick": o.quick, "rows": lines}, f, indent=1)
    with open(picture, "w", encoding="utf-8") as f:
        f.write(draw(groups(lines)))
    print(f"{picture}, {o.build}/benchmark.json", file=sys.stderr)
    if o.write:
        write(lines, text(markdown=True), picture)


if __name__ == "__main__":
    main()
