"""check.py INCLUDE... -- COMPILER...: compiles the wrong programs beside it, and reads what is said.

The first line of a program is a comment with the words that the compiler's first error line must
contain. "(compiles)" stands for a program that is right, and "(g++ 12)" before the words for one that
only that compiler, which would get it wrong, is to refuse.
"""

import concurrent.futures
import pathlib
import subprocess
import sys
import tempfile


def split_at(words, mark):
    at = words.index(mark)
    return words[:at], words[at + 1 :]


def first_error(command):
    """The first line of it that tells an error, or None if there is none."""
    run = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace")
    for line in run.stderr.splitlines():
        if "error:" in line:
            return line
    return None if run.returncode == 0 else f"exit code {run.returncode}: {run.stderr}"


def is_gcc_12(compiler):
    macros = subprocess.run(
        [*compiler, "-dM", "-E", "-x", "c++", "/dev/null"], stdout=subprocess.PIPE, text=True
    ).stdout.splitlines()
    return "#define __GNUC__ 12" in macros and not any("__clang__ " in m for m in macros)


def words_of(program, gcc_12):
    """What is to be said of it, or None if it is to compile."""
    words = program.read_text().splitlines()[0].removeprefix("// ")
    if words.startswith("(g++ 12) "):
        return words.removeprefix("(g++ 12) ") if gcc_12 else None
    return None if words == "(compiles)" else words


def main():
    includes, compiler = split_at(sys.argv[1:], "--")
    command = [*compiler, "-std=c++20", *[f"-I{folder}" for folder in includes]]
    gcc_12 = is_gcc_12(compiler)
    programs = sorted(pathlib.Path(__file__).parent.glob("*.cpp"))
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        # All of them include the same, which is read once.
        header = pathlib.Path(folder, "all.hpp")
        header.write_text("#include <coppice.hpp>\n")
        subprocess.run([*command, "-x", "c++-header", header, "-o", f"{header}.gch"], check=True)
        command += ["-fsyntax-only", "-Wfatal-errors", "-include", str(header)]

        def check(program):
            words, said = words_of(program, gcc_12), first_error([*command, str(program)])
            if (words is None) != (said is None) or (words or "") not in (said or ""):
                return f"{program.name}: said {said!r} in place of {words!r}"
            return None

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            failed = [fault for fault in pool.map(check, programs) if fault]
    print(*failed, sep="\n")
    print(f"test cases: {len(programs)} | {len(programs) - len(failed)} passed | {len(failed)} failed")
    sys.exit(1 if failed else 0)


main()
