"""The recipe of the C library: builds it from the tree that this folder is in. Cargo must be there."""

import os
import re

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load


class Holdall(ConanFile):
    name = "holdall"
    license = "MIT OR Apache-2.0"
    description = "An embedded storage engine for the files that a web server keeps and hands out"
    topics = ("storage", "upload", "signed-url", "zip", "embedded")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False]}
    default_options = {"shared": True}

    def set_version(self):
        manifest = load(self, os.path.join(self.recipe_folder, "../../Cargo.toml"))
        self.version = re.search(r'^version = "(.+)"', manifest, re.MULTILINE)[1]

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "../..")
        for pattern in ["Cargo.*", "CMakeLists.txt", "LICENSE-*", "include/*"]:
            copy(self, pattern, root, self.export_sources_folder)
        for crate in ["core", "http", "import", "ffi", "cli", "benches", "python", "tests/tree"]:
            copy(self, f"{crate}/*", root, self.export_sources_folder)

    def configure(self):
        self.settings.rm_safe("compiler.cppstd")
        self.settings.rm_safe("compiler.libcxx")

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        if self.settings.build_type == "Debug":
            toolchain.cache_variables["HOLDALL_CARGO_PROFILE"] = "dev"
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        unused = "*.a" if self.options.shared else "*.so*"
        for folder, _, files in os.walk(os.path.join(self.package_folder, "lib")):
            for file in files:
                if (".so" in file) if unused == "*.so*" else file.endswith(".a"):
                    os.unlink(os.path.join(folder, file))

    def package_info(self):
        self.cpp_info.libs = ["holdall"]
        self.cpp_info.set_property("cmake_target_name", "holdall::holdall")
        self.cpp_info.set_property("pkg_config_name", "holdall")
        if not self.options.shared:
            self.cpp_info.system_libs = ["gcc_s", "util", "rt", "pthread", "m", "dl"]
