"""The pages of the manual, in the order of its navigation: the one list that says what there is.

A page that is not there yet is left out; a page of doc/ that is not in this list is an error.
"""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Section: (title, page). What a section has on the reference is made, and stands for itself.
SECTIONS = {
    "Home": [("coppice", "README.md")],
    "Quick start": [("Quick start", "doc/quick-start.md"),
                    ("coppice new", "doc/coppice-new.md")],
    "Tour": [("Tour", "doc/tour.md")],
    "Guides": [
        ("Bring your server", "doc/bring-your-server.md"),
        ("Applications", "doc/applications.md"),
        ("State across restarts", "doc/state-across-restarts.md"),
        ("State across restarts, the example", "example/sequence/README.md"),
        ("Stopping", "doc/stopping.md"),
        ("A dependency that is down", "doc/a-dependency-that-is-down.md"),
        ("Choosing a budget", "doc/choosing-a-budget.md"),
        ("Testing", "doc/testing.md"),
        ("Bad weather on purpose", "doc/bad-weather-on-purpose.md"),
        ("When memory runs out", "doc/when-memory-runs-out.md"),
        ("In the debugger", "packaging/gdb/README.md"),
    ],
    "Coming from": [
        ("Erlang and Elixir", "doc/from-erlang.md"),
        ("Bare Asio", "doc/from-asio.md"),
        ("Boost.Cobalt", "doc/from-cobalt.md"),
    ],
    "Examples": [
        ("Examples", "doc/examples.md"),
        ("A chat on Boost.Beast", "doc/chat.md"),
    ],
    "Reference": [],
    "Background": [
        ("What coppice promises", "doc/what-coppice-promises.md"),
        ("OTP's behaviours", "test/otp/conformance.md"),
        ("How they are compared", "test/otp/README.md"),
        ("What differs from OTP", "doc/differences-from-otp.md"),
        ("Threads and lifetimes", "doc/threads-and-lifetimes.md"),
        ("With g++ 12", "doc/gcc-12.md"),
        ("Why not std::execution", "doc/why-not-std-execution.md"),
        ("What it costs", "doc/costs.md"),
        ("The benchmark", "bench/README.md"),
        ("Where the time goes", "bench/COSTS.md"),
        ("Compatibility", "doc/compatibility.md"),
        ("Architecture", "ARCHITECTURE.md"),
        ("The tests", "test/README.md"),
        ("Glossary", "doc/glossary.md"),
    ],
    "Changes": [("Changes", "CHANGELOG.md")],
}


def listed():
    """All pages of the list, whether they are there or not, as paths from the root."""
    return [page for pages in SECTIONS.values() for _, page in pages]


def existing():
    return [page for page in listed() if (ROOT / page).exists()]


def errors():
    """What is wrong with the list, one sentence each."""
    found = []
    pages = listed()
    found += [f"{page} is listed twice" for page in sorted(set(pages)) if pages.count(page) > 1]
    there = sorted(p.relative_to(ROOT).as_posix() for pattern in ("doc/*.md", "example/*/README.md")
                   for p in ROOT.glob(pattern))
    found += [f"{page} is in no section of doc/site/pages.py"
              for page in there if page not in pages]
    if "--whole" in OPTIONS:
        found += [f"{page} is listed in doc/site/pages.py, and is not there"
                  for page in pages if not (ROOT / page).exists()]
    return found


# Until all pages are there: set by the build's --whole, which insists on every one.
OPTIONS = set()
