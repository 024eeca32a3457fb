"""Where coppice comes from, for what the pages compile: built here, or installed."""

import hashlib
import os
import pathlib
import shlex
import shutil
import subprocess

from pages import ROOT

FOLDER = ROOT / "build-doc"
# What a page includes: the library it is linked with.
PARTS = {"coppice/sqlite_stash.hpp": "coppice-sqlite", "coppice/simulation": "coppice-testing",
         "coppice/toml_configuration.hpp": "coppice-toml"}


def compiler():
    return shlex.split(os.environ.get("CXX") or "g++")


class Library:
    """Flags with which a program is compiled and linked."""

    def __init__(self, installed=False):
        self.environment = dict(os.environ)
        self.static = []
        if not installed:
            self.build()
            self.static = ["--static"]
            self.environment["PKG_CONFIG_PATH"] = str(FOLDER / "installed" / "lib" / "pkgconfig")
        self.include = pathlib.Path(self.pkg_config("--variable=includedir", "coppice")[0])
        # These are no system's headers: what the compiler says of them counts.
        self.compile = [f"-I{self.include}"]
        self.identity = self.hash_of_all()

    def pkg_config(self, *arguments):
        done = subprocess.run(["pkg-config", *self.static, *arguments], text=True, check=True,
                              stdout=subprocess.PIPE, env=self.environment)
        return shlex.split(done.stdout)

    @staticmethod
    def build():
        """Builds the static library and puts it where only this looks for it."""
        folder, prefix = FOLDER / "library", FOLDER / "installed"
        if not (folder / "build.ninja").exists():
            launcher = ["ccache"] if shutil.which("ccache") else []
            environment = os.environ | {"CXX": shlex.join(launcher + compiler())}
            subprocess.run(
                ["meson", "setup", str(folder), str(ROOT), f"--prefix={prefix}", "--libdir=lib",
                 "-Dtests=disabled",
                 "-Dexamples=disabled", "-Dbenchmarks=disabled", "-Ddefault_library=static",
                 "-Ddebug=false", "-Doptimization=0", "-Dunity=on", "-Dunity_size=19"],
                env=environment, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["ninja", "-C", str(folder), "--quiet"], check=True)
        subprocess.run(["meson", "install", "-C", str(folder), "--no-rebuild", "--only-changed"],
                       check=True, stdout=subprocess.DEVNULL)

    def hash_of_all(self):
        """Of all that a program is made from beside its own text."""
        digest = hashlib.sha256()
        digest.update(subprocess.run([*compiler(), "--version"], check=True,
                                     stdout=subprocess.PIPE).stdout)
        files = [self.include / "coppice.hpp", *sorted((self.include / "coppice").rglob("*.hpp"))]
        files += sorted(self.library_folder().glob("libcoppice*"))
        for file in files:
            digest.update(file.read_bytes())
        return digest.hexdigest()

    def library_folder(self):
        return pathlib.Path(self.pkg_config("--variable=libdir", "coppice")[0])

    def link(self, code):
        """What a program is linked with: told by what it includes."""
        parts = [part for header, part in PARTS.items() if header in code]
        return [*self.pkg_config("--libs", *parts, "coppice"), "-pthread",
                f"-Wl,-rpath,{self.library_folder()}"]
