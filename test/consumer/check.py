"""check.py KIND SOURCE_FOLDER BUILD_FOLDER: uses coppice as a stranger's project would.

KIND is subproject (coppice lies in subprojects/) or pkgconfig (coppice is installed). Builds the tiny
project of that name from scratch in a temporary folder and runs it.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile


def run(*command, **options):
    subprocess.run(command, check=True, **options)


def main():
    kind, source, build = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    with tempfile.TemporaryDirectory() as temporary:
        project = pathlib.Path(temporary, "project")
        shutil.copytree(source / "test" / "consumer" / kind, project)
        shutil.copy(source / "test" / "consumer" / "main.cpp", project)
        environment = dict(os.environ)
        if kind == "subproject":
            (project / "subprojects").mkdir()
            (project / "subprojects" / "coppice").symlink_to(source)
        else:
            stage = pathlib.Path(temporary, "stage")
            run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", stage)
            (description,) = stage.rglob("coppice.pc")
            environment["PKG_CONFIG_PATH"] = str(description.parent)
            environment["PKG_CONFIG_SYSROOT_DIR"] = str(stage)
            environment["LD_LIBRARY_PATH"] = str(description.parent.parent)
        run("meson", "setup", project / "build", project, env=environment)
        run("ninja", "-C", project / "build", "consumer", env=environment)
        run(project / "build" / "consumer", env=environment)


main()
