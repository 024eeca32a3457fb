"""installed.py SOURCE_FOLDER BUILD_FOLDER COMPILER...: uses coppice as it is installed from a build
folder, found by pkg-config, as a stranger's project would.

It is linked shared or static, or one after the other if both are built. The programs are compiled by
that compiler, with all warnings that a user might have, as errors, from coppice's headers too: these
are not the system's. Exits with 1 if a program does not come to be, or does not say what it should.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from parts import PROGRAMS, WARNINGS


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


def install(build, stage):
    """Where the descriptions for pkg-config and the libraries lie then."""
    run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", stage)
    (description,) = stage.rglob("coppice.pc")
    return description.parent


def make_static(source, options, descriptions, folder, environment):
    """Leaves what a build of static libraries alone would have installed: the same archives, and
    descriptions of its own."""
    for library in descriptions.parent.glob("libcoppice*.so*"):
        library.unlink()
    other = folder / "static"
    run("meson", "setup", other, source, "-Ddefault_library=static", "-Dtests=disabled",
        f"-Dprefix={options['prefix']}", f"-Dlibdir={options['libdir']}",
        *(f"-D{part}={options[part]}" for part in ["sqlite", "toml", "testing"]),
        stdout=subprocess.DEVNULL, env=environment)
    for made in (other / "meson-private").glob("*.pc"):
        if (descriptions / made.name).exists():
            shutil.copy(made, descriptions)


def as_installed(source, build, folder, compiler, environment):
    options = options_of(build)
    stage = folder / "stage"
    descriptions = install(build, stage)
    environment |= {"PKG_CONFIG_PATH": str(descriptions), "PKG_CONFIG_SYSROOT_DIR": str(stage),
                    "LD_LIBRARY_PATH": str(descriptions.parent)}
    compiled = {}
    both = options["default_library"] == "both"
    for kind in ["shared", "static"] if both else [options["default_library"]]:
        if both and kind == "static":
            make_static(source, options, descriptions, folder, environment)
        for package, (program, expected) in PROGRAMS.items():
            if not (descriptions / f"{package}.pc").exists():
                continue
            flags, libraries = (
                output_of("pkg-config", what, package, env=environment).split()
                for what in ("--cflags", "--libs"))
            object_file = folder / f"{package}.o"
            if compiled.get(package) != flags:
                run(*compiler, "-std=c++20", *WARNINGS, *flags, "-c",
                    source / "test" / "consumer" / program, "-o", object_file)
                compiled[package] = flags
            run(*compiler, object_file, "-o", folder / package, *libraries)
            check(folder / package, expected, environment)


def main():
    source, build = (pathlib.Path(folder).resolve() for folder in sys.argv[1:3])
    compiler = sys.argv[3:]
    environment = {**os.environ, "CXX": " ".join(compiler)}
    with tempfile.TemporaryDirectory() as temporary:
        as_installed(source, build, pathlib.Path(temporary), compiler, environment)


main()
