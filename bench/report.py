#!/usr/bin/env python3
"""Runs the benchmarks family by family, and makes medians, ratios, a table, a picture and a JSON file.

Started by bench/run. Every family is measured in rounds; in a round coppice and bare Asio take turns
within one process (A B A B ...), and OTP follows. A ratio is the median of the ratios of neighbouring
turns; the spread beside it goes from their lower to their upper quartile. OTP cannot take turns within
that process: its ratios compare the medians of each round.
"""

import argparse
import fnmatch
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time

from picture import draw
from rows import FAMILIES, GROWTH, NOTE, OTP_REPETITIONS, QUICK_ROUNDS, ROUNDS, ROWS


def family_of(row):
    row = GROWTH.get(row, (row,))[0]
    return max((f for f in FAMILIES if row.startswith(f + ".")), key=len)


def wanted(pattern):
    return [r for r in ROWS if not pattern or fnmatch.fnmatch(r, f"*{pattern}*")]


def measure(command, into):
    """Runs one process and adds what it prints to into[row, side]."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=600)
    if done.returncode != 0:
        sys.exit(f"bench/report.py: failed: {' '.join(command)}")
    new = {}
    for line in done.stdout.splitlines():
        row, side, _, value = line.split("\t")
        new.setdefault((row, side), []).append(float(value))
    if not new:
        sys.exit(f"bench/report.py: measured nothing: {' '.join(command)}")
    for key, values in new.items():
        into.setdefault(key, []).append(values)


def measure_all(build, families, quick, otp):
    """(row, side) -> one list of values a round."""
    pin = []
    if shutil.which("taskset"):
        pin = ["taskset", "-c", str(max(os.sched_getaffinity(0)))]
    rounds = QUICK_ROUNDS if quick else ROUNDS
    values = {}
    steps = [(r, f) for r in range(rounds) for f in families]
    begin = time.monotonic()
    show = sys.stderr.isatty()
    for i, (r, family) in enumerate(steps):
        text = (f"[{i + 1}/{len(steps)}] round {r + 1} of {rounds}: {family} "
                f"({time.monotonic() - begin:.0f} s)")
        print(f"\r\x1b[K{text}" if show else text, end="" if show else "\n", file=sys.stderr,
              flush=True)
        repetitions, warm_ups = FAMILIES[family][quick]
        measure([*pin, f"{build}/bench/coppice-bench", family, str(repetitions), str(warm_ups)],
                values)
        if otp:
            measure([*pin, "erl", "+S", "1", "+P", "1000000", "-noinput", "-pa", build, "-run",
                     "otp_bench", "main", family, str(OTP_REPETITIONS.get(family, 1))], values)
    if show:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    for row, (above, below) in GROWTH.items():
        for side in ("coppice", "bare", "otp"):
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
        line = {"row": row, "what": ROWS[row][0], "unit": ROWS[row][1],
                "coppice": summary(flat(ours))}
        bare = values.get((row, "bare"))
        if bare:
            line["bare"] = summary(flat(bare))
            line["to_bare"] = summary([a / b for a, b in zip(flat(ours), flat(bare))])
        otp = values.get((row, "otp"))
        if otp:
            line["otp"] = summary(flat(otp))
            line["to_otp"] = summary([statistics.median(a) / statistics.median(b)
                                      for a, b in zip(ours, otp)])
        result.append(line)
    return result


def number(value, unit):
    if unit == "x":
        return f"x {value:,.2f}" if value < 100 else f"x {value:,.0f}"
    return f"{value:,.0f}"


def ratio(r):
    def digits(v):
        return f"{v:.2f}" if v >= 0.1 else f"{v:.3f}" if v >= 0.01 else f"{v:.6f}"

    if r["samples"] == 1:
        return digits(r["median"])
    return f"{digits(r['median'])} ({digits(r['low'])}-{digits(r['high'])})"


def table(lines, otp, markdown):
    head = ["what", "unit", "coppice", "bare Asio", "coppice : bare"]
    if otp:
        head += ["OTP", "coppice : OTP"]
    body = []
    for line in lines:
        unit = line["unit"]
        cells = [line["what"], "" if unit == "x" else unit]
        for side, to in (("bare", "to_bare"), ("otp", "to_otp"))[: 2 if otp else 1]:
            if side == "bare":
                cells.append(number(line["coppice"]["median"], unit))
            cells.append(number(line[side]["median"], unit) if side in line else "")
            cells.append(ratio(line[to]) if to in line and unit != "x" else "")
        body.append(cells)
    widths = [max(len(r[i]) for r in [head, *body]) for i in range(len(head))]

    def row(cells):
        texts = [c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths))]
        return "| " + " | ".join(texts) + " |" if markdown else "  ".join(texts).rstrip()

    if markdown:
        rule = "|" + "|".join("-" * (w + 1) + ("-" if i < 2 else ":")
                              for i, w in enumerate(widths)) + "|"
    else:
        rule = "  ".join("-" * w for w in widths)
    return "\n".join([row(head), rule, *map(row, body)])


def machine(build, otp):
    cpu = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            cpu = next((x.split(":", 1)[1].strip() for x in f if x.startswith("model name")), cpu)
    except OSError:
        pass
    compiler = subprocess.run([f"{build}/bench/coppice-bench", "--version"],
                              stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    release = ""
    if otp:
        release = subprocess.run(
            ["erl", "-noshell", "-eval",
             'io:put_chars(erlang:system_info(otp_release)), halt().'],
            stdout=subprocess.PIPE, text=True).stdout.strip()
    return {"cpu": cpu, "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 2),
            "compiler": compiler, "otp": release}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("build")
    options.add_argument("--quick", action="store_true")
    options.add_argument("--markdown", action="store_true")
    options.add_argument("--otp", action="store_true")
    options.add_argument("--rows", default="")
    o = options.parse_args()

    rows = wanted(o.rows)
    if not rows:
        sys.exit(f"bench/report.py: no row matches {o.rows}; there are: {', '.join(ROWS)}")
    families = [f for f in FAMILIES if any(family_of(r) == f for r in rows)]
    where = machine(o.build, o.otp)
    lines = summarise(measure_all(o.build, families, o.quick, o.otp), rows)

    print(table(lines, o.otp, o.markdown))
    print(f"\nMedians; ratios with their quartiles, below 1 coppice is better. {NOTE if o.otp else ''}")
    otp = f"; OTP {where['otp']}, one scheduler" if where["otp"] else ""
    print(f"{where['cpu']}, {where['cores']} cores, load {where['load']} before; "
          f"{where['compiler']}{otp}")
    with open(f"{o.build}/benchmark.json", "w", encoding="utf-8") as f:
        json.dump({"machine": where, "quick": o.quick, "rows": lines}, f, indent=1)
    with open(f"{o.build}/benchmark.svg", "w", encoding="utf-8") as f:
        f.write(draw([x for x in lines if x["unit"] != "x" and "to_bare" in x], o.otp))
    print(f"{o.build}/benchmark.svg, {o.build}/benchmark.json", file=sys.stderr)


if __name__ == "__main__":
    main()
