"""check.py KIND SOURCE_FOLDER BUILD_FOLDER COMPILER...: uses coppice as a stranger's project would.

KIND is subproject (coppice lies in subprojects/, and is built with the project), or shared or
static (coppice is installed, and found by pkg-config). The programs are compiled by that compiler,
with all warnings that a user might have, as errors, from coppice's headers too: these are not the
system's. Exits with 1 if a program does not come to be, or does not say what it should.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wsign-conversion",
            "-Werror"]
PROGRAMS = {"coppice": ("main.cpp", "hello from "),
            "coppice-sqlite": ("sqlite.cpp", "the stash has 42")}


def run(*command, **options):
    subprocess.run(command, check=True, **options)


def output_of(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def check(program, expected, environment):
    said = output_of(program, env=environment)
    if expected not in said:
        sys.exit(f"{program} does not say {expected!r}: {said!r}")


def options_of(build):
    told = json.loads(output_of("meson", "introspect", build, "--buildoptions"))
    return {option["name"]: option["value"] for option in told}


def as_subproject(source, folder, environment):
    project = folder / "project"
    shutil.copytree(source / "test" / "consumer" / "subproject", project)
    shutil.copy(source / "test" / "consumer" / "main.cpp", project)
    (project / "subprojects").mkdir()
    (project / "subprojects" / "coppice").symlink_to(source)
    # Built as quickly as can be: it is the putting together that is tried.
    run("meson", "setup", "-Dunity=subprojects", "-Dunity_size=1000", "-Doptimization=0",
        "-Ddebug=false", project / "build", project, env=environment)
    run("ninja", "-C", project / "build", "consumer", env=environment)
    check(project / "build" / "consumer", PROGRAMS["coppice"][1], environment)


def install(kind, source, build, folder, environment):
    """Where the descriptions for pkg-config and the libraries lie, as an installation has them."""
    stage = folder / "stage"
    run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", stage)
    (description,) = stage.rglob("coppice.pc")
    options = options_of(build)
    if kind == "static" and options["default_library"] == "both":
        # What a build of nothing else would install: the same archives, and its own descriptions.
        for library in description.parent.parent.glob("libcoppice*.so*"):
            library.unlink()
        other = folder / "static"
        run("meson", "setup", other, source, "-Ddefault_library=static", "-Dtests=disabled",
            f"-Dprefix={options['prefix']}", f"-Dlibdir={options['libdir']}",
            f"-Dsqlite={options['sqlite']}", stdout=subprocess.DEVNULL, env=environment)
        for made in (other / "meson-private").glob("*.pc"):
            if (description.parent / made.name).exists():
                shutil.copy(made, description.parent)
    return stage, description.parent


def as_installed(kind, source, build, folder, compiler, environment):
    stage, descriptions = install(kind, source, build, folder, environment)
    environment |= {"PKG_CONFIG_PATH": str(descriptions), "PKG_CONFIG_SYSROOT_DIR": str(stage),
                    "LD_LIBRARY_PATH": str(descriptions.parent)}
    for package, (program, expected) in PROGRAMS.items():
        if not (descriptions / f"{package}.pc").exists():
            continue
        flags = output_of("pkg-config", "--cflags", "--libs", package, env=environment).split()
        run(*compiler, "-std=c++20", *WARNINGS, source / "test" / "consumer" / program, "-o",
            folder / package, *flags)
        check(folder / package, expected, environment)


def main():
    kind, compiler = sys.argv[1], sys.argv[4:]
    source, build = (pathlib.Path(folder).resolve() for folder in sys.argv[2:4])
    environment = {**os.environ, "CXX": " ".join(compiler)}
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        if kind == "subproject":
            as_subproject(source, folder, environment)
        else:
            as_installed(kind, source, build, folder, compiler, environment)


main()
