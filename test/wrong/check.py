"""check.py INCLUDE... -- COMPILER...: compiles the wrong programs beside it, and reads what is said.

The first line of a program is a comment with the words that the compiler's first error line must
contain. "(compiles)" stands for a program that is right, and "(g++ 12)" before the words for one that
only that compiler, which would get it wrong, is to refuse; "(Asio 1.26)" likewise.

Most are compiled together, each in a namespace of its own, which is far quicker. What is not said of
one there, as it is not repeated for the same types, is asked for by compiling it alone.
"""

import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile


def split_at(words, mark):
    at = words.index(mark)
    return words[:at], words[at + 1 :]


def errors_of(command):
    """The exit code, and for each error the lines that lead to it with the one that tells it."""
    run = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace")
    errors, lines = [], []
    for line in run.stderr.splitlines():
        lines.append(line)
        if re.search(r": (fatal )?error: ", line):
            errors.append(lines)
        if re.search(r": (fatal error|error|warning|note): ", line):
            lines = []
    return run.returncode, errors


def alone(command, program):
    """The first line that tells an error of it, or None if there is none."""
    code, errors = errors_of([*command, "-Wfatal-errors", program])
    if errors:
        return errors[0][-1]
    return None if code == 0 else f"exit code {code}"


def together(command, programs, source):
    """The same of each, if it is to be had that way, by its name."""
    parts = [f'namespace of_{p.stem} {{\n#include "{p}"\n}}\n' for p in programs]
    source.write_text("".join(parts))
    said = {}
    for lines in errors_of([*command, "-fmax-errors=0", source])[1]:
        named = re.findall(r"(\w+\.cpp):\d", "\n".join(lines))
        if named:
            said.setdefault(named[-1], lines[-1])
    return said


def conditions(compiler):
    """What holds of it, as the first lines have it."""
    source = "#include <boost/asio/version.hpp>\n"
    macros = subprocess.run([*compiler, "-dM", "-E", "-x", "c++", "-"], input=source, text=True,
                            stdout=subprocess.PIPE, check=True).stdout.splitlines()
    gcc_12 = "#define __GNUC__ 12" in macros and not any("__clang__ " in m for m in macros)
    return {"(g++ 12) ": gcc_12, "(Asio 1.26) ": "#define BOOST_ASIO_VERSION 102600" in macros}


def words_of(program, holds):
    """What is to be said of it, or None if it is to compile."""
    words = program.read_text().splitlines()[0].removeprefix("// ")
    for condition, true in holds.items():
        if words.startswith(condition):
            return words.removeprefix(condition) if true else None
    return None if words == "(compiles)" else words


def main():
    includes, compiler = split_at(sys.argv[1:], "--")
    command = [*compiler, "-std=c++20", *[f"-I{folder}" for folder in includes]]
    holds = conditions(compiler)
    programs = sorted(pathlib.Path(__file__).parent.glob("*.cpp"))
    words = {program.name: words_of(program, holds) for program in programs}

    def as_it_should(name, said):
        return (words[name] is None) == (said is None) and (words[name] or "") in (said or "")

    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        # All of them include the same, which is read once.
        header = folder / "all.hpp"
        header.write_text("#include <coppice.hpp>\n#include <coppice/acceptor.hpp>\n")
        subprocess.run([*command, "-x", "c++-header", header, "-o", f"{header}.gch"], check=True)
        command += ["-fsyntax-only", "-include", header]

        def check(half):
            said = together(command, half, folder / f"{half[0].stem}_and_others.cpp")
            faults = []
            for program in half:
                if words[program.name] and as_it_should(program.name, said.get(program.name)):
                    continue
                last = alone(command, program)
                if not as_it_should(program.name, last):
                    faults.append(f"{program.name}: said {last!r} in place of {words[program.name]!r}")
            return faults

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            failed = sum(pool.map(check, [programs[::2], programs[1::2]]), [])
    print(*failed, sep="\n")
    print(f"test cases: {len(programs)} | {len(programs) - len(failed)} passed | {len(failed)} failed")
    sys.exit(1 if failed else 0)


main()
