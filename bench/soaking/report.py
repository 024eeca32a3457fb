"""The figures of a run: as a table, as a picture, and where they are published."""

import os
import statistics

from soaking import svg
from soaking.findings import CHECKS

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def rows(figures):
    """What, and how much."""
    def of(times):
        return f"{len(times):,}"

    outages = figures["outages"] or [0]
    memory, descriptors = (figures["quarters"][x] for x in ("memory", "descriptors"))
    return [
        ("seconds", f"{figures['seconds']:.0f}"),
        ("processes of the tree killed or crashed", of(figures["process_kills"])),
        ("... and started again by their supervisors", f"{figures['restarts']:,}"),
        ("kill -9 of the program", of(figures["program_kills"])),
        ("writes acknowledged to the clients that verify", f"{figures['acknowledged']:,}"),
        ("... and lost", f"{len(figures['failed'].get('lost', []))}"),
        ("requests of redis-benchmark, about", f"{figures['requests']:,}"),
        ("connections lost by the clients that verify", of(figures["outages"])),
        ("until they were served again: median, longest",
         f"{1000 * statistics.median(outages):,.0f} ms, {1000 * max(outages):,.0f} ms"),
        ("memory, the program not killed: second quarter, last quarter",
         f"{memory[0] / 1e6:.1f} MB, {memory[1] / 1e6:.1f} MB"),
        ("descriptors likewise", f"{descriptors[0]:.0f}, {descriptors[1]:.0f}"),
        ("the most memory at any time", f"{figures['peak'] / 1e6:.1f} MB"),
    ]


def counts(figures):
    """How many of the checks have passed, and have failed."""
    failed = len(figures["failed"])
    return len(CHECKS) - failed, failed


def text(figures):
    lines = [(what, value) for what, value in rows(figures)]
    width = max(len(what) for what, _ in lines)
    out = [f"{what.ljust(width)}  {value}" for what, value in lines]
    for check, what in CHECKS.items():
        found = figures["failed"].get(check, [])
        out.append(f"{'FAILED' if found else 'ok'}: {what}" + (f" ({len(found)} times not)" if found else ""))
    return "\n".join(out)


def markdown(figures):
    passed, failed = counts(figures)
    lines = ["![Memory, descriptors and acknowledged writes](pictures/soak.svg)", "", "| | |", "|---|---:|"]
    lines += [f"| {what} | {value} |" for what, value in rows(figures)]
    return "\n".join([*lines, "", f"{passed} checks passed, {failed} failed."])


def picture(figures):
    return svg.draw(figures["samples"], figures["process_kills"], figures["program_kills"], figures["seconds"])


def write(figures, drawn):
    """Puts the table into bench/README.md, and the picture beside the others."""
    begin, end = "<!-- soak -->\n", "<!-- end of soak -->\n"
    with open(f"{HERE}/README.md", encoding="utf-8") as f:
        before, rest = f.read().split(begin)
    after = rest.split(end)[1]
    with open(f"{HERE}/README.md", "w", encoding="utf-8") as f:
        f.write(f"{before}{begin}\n{markdown(figures)}\n\n{end}{after}")
    with open(f"{HERE}/pictures/soak.svg", "w", encoding="utf-8") as f:
        f.write(drawn)
