"""Every kind of project is built in every way, tested, and run."""

import itertools
import os
import shutil
import signal
import subprocess

from harness import ROOT, expect, expect_in, files_of

TIMES = 60
UNCOMMENTED = ("// coppice::worker", "coppice::worker")


def without_coppice(place):
    """Of a machine where none is installed."""
    # CMake looks beside the folders of PATH, too.
    return {"PATH": os.environ["PATH"], "PKG_CONFIG_PATH": str(place.folder), "PKG_CONFIG_LIBDIR": str(place.folder),
            "CMAKE_PREFIX_PATH": "", "LD_LIBRARY_PATH": ""}


def change(path, old, new):
    text = path.read_text()
    expect(text.count(old), 1)
    path.write_text(text.replace(old, new))


def build_with_meson(place, project, *options, environment=None):
    environment = environment or {}
    place.run("meson", "setup", "build", "-Ddebug=false", "-Doptimization=0", *options, cwd=project,
              environment=environment)
    # What coppice has beside its core is nothing to these projects.
    place.run("ninja", "-C", "build", f"-j{place.jobs}", f"{project.name}_test",
              *([project.name] if (project / "src/main.cpp").exists() else []), cwd=project, environment=environment)
    said = place.run("meson", "test", "-C", "build", "--no-rebuild", cwd=project, environment=environment)
    expect_in(f"1/1 {project.name} OK", said.replace(f"{project.name}:", "").replace("  ", " "))


def build_with_cmake(place, project, *options, environment=None):
    environment = environment or {}
    place.run("cmake", "-B", "build", "-DCMAKE_BUILD_TYPE=None", *options, cwd=project, environment=environment)
    place.run("cmake", "--build", "build", f"-j{place.jobs}", "--target", f"{project.name}_test",
              *([project.name] if (project / "src/main.cpp").exists() else []), cwd=project, environment=environment)
    said = place.run("ctest", "--test-dir", "build", cwd=project, environment=environment)
    expect_in("100% tests passed, 0 tests failed out of 1", said)


def greets_and_stops(place, project, environment=None):
    """Runs the program, whose child has been uncommented, until it greets; asks it to stop."""
    program = subprocess.Popen([project / "build" / project.name], stdout=subprocess.PIPE, text=True,
                               env={**place.environment, **(environment or {})})
    expect(program.stdout.readline(), "hello, world\n")
    program.send_signal(signal.SIGTERM)
    rest, _ = program.communicate(timeout=TIMES)
    expect(program.returncode, 0)
    assert set(rest.splitlines()) <= {"hello, world"}, rest


def supervised(place, *arguments):
    folder = place.fresh()
    place.new("shop", "--sup", *arguments, cwd=folder)
    change(folder / "shop/src/shop/application.cpp", *UNCOMMENTED)
    return folder / "shop"


def with_sources(project):
    (project / "subprojects").mkdir()
    (project / "subprojects" / "coppice").symlink_to(ROOT)
    return project


def meson_with_the_installed_static_library(place):
    project = supervised(place)
    build_with_meson(place, project, "-Dprefer_static=true")
    greets_and_stops(place, project, {"LD_LIBRARY_PATH": ""})


def meson_with_coppice_as_a_subproject(place):
    project = with_sources(supervised(place))
    build_with_meson(place, project, "-Dunity=subprojects", "-Dunity_size=1000",
                     environment=without_coppice(place) | {"CXXFLAGS": "-O0 -g0"})
    greets_and_stops(place, project, without_coppice(place))


def meson_with_a_namespace_of_another_name(place):
    folder = place.fresh()
    place.new("shop", "--module", "acme::OnlineShop", cwd=folder)
    build_with_meson(place, folder / "shop")


def cmake_with_the_installed_library(place):
    project = supervised(place, "--build", "cmake")
    build_with_cmake(place, project)
    greets_and_stops(place, project)


def cmake_with_a_folder_of_sources(place):
    project = supervised(place, "--build", "cmake")
    # Although one is installed.
    build_with_cmake(place, project, f"-DCOPPICE_SOURCE_DIR={ROOT}", "-DCMAKE_UNITY_BUILD=ON",
                     "-DCMAKE_UNITY_BUILD_BATCH_SIZE=1000", environment={"CXXFLAGS": "-O0 -g0"})
    greets_and_stops(place, project)


def cmake_with_sources_in_subprojects(place):
    folder = place.fresh()
    place.new("shop", "--build", "cmake", cwd=folder)
    project = with_sources(folder / "shop")
    place.run("cmake", "-B", "build", cwd=project, environment=without_coppice(place))
    expect_in("subprojects/coppice", (project / "build" / "CMakeCache.txt").read_text())


def cmake_with_a_namespace_of_another_name(place):
    folder = place.fresh()
    place.new("shop", "--build", "cmake", "--module", "acme::OnlineShop", cwd=folder)
    build_with_cmake(place, folder / "shop")


def without_any_coppice_it_is_said_what_to_do(place):
    for build, command in {"meson": ("meson", "setup", "build"), "cmake": ("cmake", "-B", "build")}.items():
        folder = place.fresh()
        place.new("shop", "--build", build, cwd=folder)
        said = place.run(*command, cwd=folder / "shop", status=1, environment=without_coppice(place))
        words = " ".join(said.split())
        expect_in("coppice 0.1 or newer is not found. Install it", words)
        expect_in("subprojects/coppice.", words)


def generated_sources_are_formatted(place):
    """By their own rules, also with the shortest and the longest names."""
    formatter = next(name for name in ("clang-format", "clang-format-14") if shutil.which(name))
    kinds = itertools.product([[], ["--sup"]], [("shop", None), ("a", None), ("n" * 32, None),
                                                ("shop", "a::" + "B" * 29), ("x" * 32, "zzz")])
    for options, (name, module) in kinds:
        folder = place.fresh()
        place.new(name, *options, *(["--module", module] if module else []), cwd=folder)
        sources = [file for file in files_of(folder / name) if file.endswith("pp")]
        place.run(formatter, "--dry-run", "-Werror", *sources, cwd=folder / name)
        for file in sources:
            assert max(map(len, (folder / name / file).read_text().splitlines())) <= 100, file


INSTALLED = [
    generated_sources_are_formatted,
    without_any_coppice_it_is_said_what_to_do,
    meson_with_a_namespace_of_another_name,
    meson_with_the_installed_static_library,
    meson_with_coppice_as_a_subproject,
]
BY_CMAKE = [
    cmake_with_a_namespace_of_another_name,
    cmake_with_the_installed_library,
    cmake_with_a_folder_of_sources,
    cmake_with_sources_in_subprojects,
]
