"""in_step.py SOURCE_FOLDER BUILD_FOLDER COMPILER...: compares what is said in more than one place.

That CMake builds the libraries from the sources from which Meson builds them, with the same version
in their names; that the headers have this version too; and that the wrap file names it. Exits with
1 if something differs.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

# Targets of Meson that are a part of a library there.
PARTS_OF = {"coppice_json": "coppice_sqlite"}
KINDS = {"shared library": "shared", "static library": "static"}


def introspect(build, what):
    return json.loads(subprocess.run(["meson", "introspect", build, what], check=True,
                                     stdout=subprocess.PIPE, text=True).stdout)


def of_meson(source, build):
    """Sources by library, and the names of the shared ones."""
    sources, names = {}, set()
    for target in introspect(build, "--targets"):
        if target["type"] not in KINDS or not target["name"].startswith("coppice"):
            continue
        files = sources.setdefault(PARTS_OF.get(target["name"], target["name"]), set())
        for group in target["target_sources"]:
            files |= {pathlib.Path(file).resolve() for file in group.get("sources", [])}
        # Meson names the file alone; the links are what is installed beside it.
        names |= {pathlib.Path(file).name for file in target["filename"] if ".so" in file}
    return sources, names


def of_cmake(source, folder, compiler, libraries):
    query = folder / ".cmake" / "api" / "v1" / "query"
    query.mkdir(parents=True)
    (query / "codemodel-v2").touch()
    parts = [f"-DCOPPICE_{name.removeprefix('coppice_').upper()}="
             f"{'ON' if name in libraries else 'OFF'}"
             for name in ("coppice_sqlite", "coppice_testing", "coppice_toml")]
    subprocess.run(["cmake", "-S", source, "-B", folder, f"-DCMAKE_CXX_COMPILER={compiler}",
                    "-DBUILD_SHARED_LIBS=ON", *parts], check=True, stdout=subprocess.DEVNULL)
    reply = folder / ".cmake" / "api" / "v1" / "reply"
    sources, names = {}, set()
    for file in reply.glob("target-*.json"):
        target = json.loads(file.read_text())
        sources[target["name"]] = {(source / entry["path"]).resolve() for entry in target["sources"]
                                   if entry["path"].endswith(".cpp")}
        names |= {pathlib.Path(made["path"]).name for made in target["artifacts"]
                  if ".so" in made["path"]}
    cache = (folder / "CMakeCache.txt").read_text()
    version = re.search(r"^CMAKE_PROJECT_VERSION:STATIC=(.*)$", cache, re.M)[1]
    sonames = set()
    for file in folder.rglob("link.txt"):
        sonames |= set(re.findall(r"-soname,(\S+)", file.read_text()))
    for file in folder.rglob("build.ninja"):
        sonames |= set(re.findall(r"^ *SONAME = (\S+)", file.read_text(), re.M))
    return sources, names, sonames, version


def sonames_of_meson(build):
    text = (build / "build.ninja").read_text()
    return {name for name in re.findall(r"-soname,(\S+)", text) if name.startswith("libcoppice")}


def version_of_headers(source):
    text = (source / "include" / "coppice" / "version.hpp").read_text(encoding="utf-8")
    return ".".join(re.search(rf"^#define COPPICE_VERSION_{part} (\d+)$", text, re.M)[1]
                    for part in ("MAJOR", "MINOR", "PATCH"))


def main():
    source, build = (pathlib.Path(folder).resolve() for folder in sys.argv[1:3])
    compiler = sys.argv[-1]
    faults = []

    def compare(what, one, other):
        if one != other:
            faults.append(f"{what}: {one} and {other}")

    version = introspect(build, "--projectinfo")["version"]
    compare("version in meson.build and version.hpp", version, version_of_headers(source))
    wrap = (source / "packaging" / "wrap" / "coppice.wrap").read_text()
    compare("versions in meson.build and the wrap file", {version},
            set(re.findall(r"coppice-(\d+\.\d+\.\d+)", wrap)))

    sources, names = of_meson(source, build)
    with tempfile.TemporaryDirectory() as folder:
        cmake_sources, cmake_names, cmake_sonames, cmake_version = of_cmake(
            source, pathlib.Path(folder), compiler, sources)
    compare("version in meson.build and of CMake", version, cmake_version)
    compare("libraries of Meson and of CMake", set(sources), set(cmake_sources))
    for library in set(sources) & set(cmake_sources):
        odd = sources[library] ^ cmake_sources[library]
        if odd:
            faults.append(f"{library}: only one of Meson and CMake has {sorted(map(str, odd))}")
    if not sources["coppice"]:
        faults.append("Meson tells of no sources of coppice")
    if names:  # where Meson builds shared libraries at all
        compare("files of Meson and of CMake", names, cmake_names)
        compare("sonames of Meson and of CMake", sonames_of_meson(build), cmake_sonames)
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


main()
