"""symbols.py LIBRARY...: looks at what shared libraries of coppice export.

That is coppice's own alone. What compilers emit of others wherever a template of theirs is used,
and every library then has, is weak, or unique: of Boost's and the standard library's that is
allowed. So is Boost.JSON in coppice_sqlite, where it was compiled along: the templates of
<coppice/stash_codec.hpp> call it from the user's code. Exits with 1 if there is something else.
"""

import pathlib
import re
import subprocess
import sys

# What a compiler emits for a type, a variable or a function.
OF = re.compile(r"^(?:(?:typeinfo(?: name)? for|vtable for|VTT for|guard variable for|"
                r"construction vtable for|(?:non-)?virtual thunk to|reference temporary #\d+ for) )*")
OWN = re.compile(r"^coppice::")
# A template of theirs, whatever it is a template of.
WEAK = re.compile(r"\b(boost|std|__gnu_cxx|coppice)::|\bboost_asio_|^operator (new|delete)\(")
JSON = re.compile(r"\bboost::json::")


def exported(library):
    lines = subprocess.run(["nm", "--dynamic", "--defined-only", "--demangle", library], check=True,
                           stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return [line.split(" ", 2)[1:] for line in lines]


def faults_of(library):
    symbols = exported(library)
    if not any(OWN.match(OF.sub("", name)) for _, name in symbols):
        return [f"{library.name}: exports nothing of coppice"]
    faults = []
    for kind, name in symbols:
        of = OF.sub("", name)
        if OWN.match(of):
            continue
        if kind in "VWu" and WEAK.search(of):
            continue
        if library.name.startswith("libcoppice_sqlite") and JSON.search(of):
            continue
        faults.append(f"{library.name}: exports {name} ({kind})")
    return faults


def main():
    faults = [fault for library in sys.argv[1:] for fault in faults_of(pathlib.Path(library))]
    for fault in faults:
        print(fault)
    sys.exit(1 if faults or len(sys.argv) < 2 else 0)


main()
