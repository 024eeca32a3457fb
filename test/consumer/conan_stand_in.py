"""Runs packaging/conan/conanfile.py as Conan would, with stand-ins for what it uses of Conan.

    conan_stand_in.py RECIPE WORK [CMAKE OPTION...]

All parts are built, static, from nothing but what the recipe exports. What it packages is in
WORK/package then, and what it says of that is printed as JSON: for each part the target of CMake,
the libraries, the requirements and the libraries of the system.
"""

import fnmatch
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import types


class Settings(dict):
    __getattr__ = dict.__getitem__


class Options(Settings):
    def get_safe(self, name):
        return self[name]


class Component:
    def __init__(self):
        self.properties, self.libs, self.requires, self.system_libs = {}, [], [], []

    def set_property(self, name, value):
        self.properties[name] = value


class Components(dict):
    def __missing__(self, name):
        return self.setdefault(name, Component())


class ConanFile:
    def requires(self, reference, transitive_headers=False):
        self.required.append(reference)


class CMakeToolchain:
    def __init__(self, conanfile):
        self.conanfile, self.cache_variables = conanfile, {}

    def generate(self):
        self.conanfile.cache_variables = self.cache_variables


class CMakeDeps:
    def __init__(self, conanfile):
        pass

    def generate(self):
        pass


class CMake:
    def __init__(self, conanfile):
        self.conanfile = conanfile

    def configure(self):
        options = [f"-D{name}={'ON' if value else 'OFF'}"
                   for name, value in self.conanfile.cache_variables.items()]
        self._run("-S", self.conanfile.source_folder, "-B", self.conanfile.build_folder,
                  f"-DCMAKE_INSTALL_PREFIX={self.conanfile.package_folder}",
                  "-DCMAKE_INSTALL_LIBDIR=lib", *options, *self.conanfile.cmake_options)

    def build(self):
        self._run("--build", self.conanfile.build_folder)

    def install(self):
        self._run("--install", self.conanfile.build_folder)

    def _run(self, *arguments):
        subprocess.run(["cmake", *map(str, arguments)], check=True, stdout=sys.stderr)


def copy(_, pattern, source, destination):
    """Whatever fits: * stands for folders, too."""
    copied = []
    for file in pathlib.Path(source).rglob("*"):
        name = file.relative_to(source)
        if file.is_file() and fnmatch.fnmatch(str(name), pattern):
            copied.append(pathlib.Path(destination, name))
            copied[-1].parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copied[-1])
    if not copied:
        sys.exit(f"there is no {pattern} in {source}")
    return copied


def module(name, **content):
    made = types.ModuleType(name)
    vars(made).update(content)
    sys.modules[name] = made


module("conan", ConanFile=ConanFile)
module("conan.errors", ConanInvalidConfiguration=Exception)
module("conan.tools")
module("conan.tools.build", check_min_cppstd=lambda conanfile, standard: None)
module("conan.tools.cmake", CMake=CMake, CMakeDeps=CMakeDeps, CMakeToolchain=CMakeToolchain,
       cmake_layout=lambda conanfile, src_folder: None)
module("conan.tools.files", copy=copy, load=lambda _, path: pathlib.Path(path).read_text(),
       rmdir=lambda _, folder: shutil.rmtree(folder))

path, work, cmake_options = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
spec = importlib.util.spec_from_file_location("recipe", path)
recipe = importlib.util.module_from_spec(spec)
spec.loader.exec_module(recipe)

conanfile = recipe.Coppice()
conanfile.recipe_folder = path.parent
conanfile.required = []
conanfile.cmake_options = cmake_options
conanfile.settings = Settings(os="Linux")
conanfile.dependencies = {"boost": types.SimpleNamespace(options=Options(header_only=False))}
conanfile.cpp_info = types.SimpleNamespace(components=Components())
for folder in ["source", "build", "package"]:
    setattr(conanfile, f"{folder}_folder", work / folder)
    os.makedirs(work / folder)
conanfile.export_sources_folder = conanfile.source_folder
given = {"shared": False, "fPIC": True, "sqlite": True, "testing": True, "toml": True}
odd = [name for name, value in given.items() if value not in conanfile.options.get(name, [])]
if odd or given.keys() != conanfile.options.keys() or given.keys() != conanfile.default_options.keys():
    sys.exit(f"the recipe has other options: {conanfile.options}")
conanfile.options = Options(given)

conanfile.set_version()
conanfile.export_sources()
conanfile.layout()
conanfile.requirements()
conanfile.validate()
conanfile.generate()
conanfile.build()
conanfile.package()
conanfile.package_info()
print(json.dumps({
    "version": conanfile.version,
    "requires": conanfile.required,
    "parts": {name: {"target": part.properties["cmake_target_name"], "libs": part.libs,
                     "requires": part.requires, "system_libs": part.system_libs}
              for name, part in conanfile.cpp_info.components.items()}}))
