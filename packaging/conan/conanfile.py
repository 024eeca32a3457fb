"""The recipe of coppice for Conan 2, of the checkout in which it lies:

    conan create packaging/conan
"""

import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir

required_conan_version = ">=2.0.9"


class Coppice(ConanFile):
    name = "coppice"
    description = "OTP's supervision for Boost.Asio coroutines"
    license = "BSL-1.0"
    topics = ("actor", "asio", "coroutines", "erlang", "otp", "supervision")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False],
               "sqlite": [True, False], "testing": [True, False], "toml": [True, False]}
    default_options = {"shared": False, "fPIC": True,
                       "sqlite": False, "testing": False, "toml": False}
    implements = ["auto_shared_fpic"]

    @property
    def _checkout(self):
        return os.path.join(self.recipe_folder, "..", "..")

    def set_version(self):
        project = load(self, os.path.join(self._checkout, "meson.build"))
        self.version = re.search(r"^ *version: '(.+)'", project, re.MULTILINE)[1]

    def export_sources(self):
        for pattern in ["CMakeLists.txt", "LICENSE", "meson.build", "include/*", "src/*",
                        "packaging/cmake/*"]:
            copy(self, pattern, self._checkout, self.export_sources_folder)

    def layout(self):
        cmake_layout(self, src_folder=".")

    def requirements(self):
        # Classes of Asio are a part of the interface; so is Boost.JSON, with SQLite.
        self.requires("boost/[>=1.81 <2]", transitive_headers=True)
        if self.options.sqlite:
            self.requires("sqlite3/[>=3.24 <4]")
        if self.options.toml:
            self.requires("tomlplusplus/[>=3.3 <4]")

    def validate(self):
        if self.settings.os == "Windows":
            raise ConanInvalidConfiguration("coppice is not made for Windows")
        if self.options.testing and self.settings.os != "Linux":
            raise ConanInvalidConfiguration("the simulated system is made for Linux")
        check_min_cppstd(self, 20)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        for part in ["sqlite", "testing", "toml"]:
            toolchain.cache_variables[f"COPPICE_{part.upper()}"] = bool(self.options.get_safe(part))
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()
        rmdir(self, os.path.join(self.package_folder, "lib", "cmake"))  # Conan describes it instead

    def package_info(self):
        self._describe("coppice", "coppice", ["boost::headers"], ["pthread"])
        if self.options.sqlite:
            json = [] if self.dependencies["boost"].options.get_safe("header_only") else ["boost::json"]
            self._describe("sqlite", "coppice_sqlite", ["coppice", "sqlite3::sqlite3", *json])
        if self.options.toml:
            self._describe("toml", "coppice_toml", ["coppice", "tomlplusplus::tomlplusplus"])
        if self.options.testing:
            self._describe("testing", "coppice_testing", ["coppice"], ["dl"])

    def _describe(self, part, library, requires, system_libs=()):
        component = self.cpp_info.components[part]
        component.set_property("cmake_target_name", f"coppice::{part}")
        component.set_property("pkg_config_name", library.replace("_", "-"))
        component.libs = [library]
        component.requires = requires
        if self.settings.os in ["Linux", "FreeBSD"]:
            component.system_libs = list(system_libs)
