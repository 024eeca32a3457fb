"""The libraries that coppice installs, and for each a program of a stranger's that uses it."""

# By the name that pkg-config has; what CMake calls coppice::NAME ends in the same word.
PROGRAMS = {"coppice": ("coppice.cpp", "hello from "),
            "coppice-sqlite": ("sqlite.cpp", "the stash has 42"),
            "coppice-toml": ("toml.cpp", "the shop has port 4001"),
            "coppice-testing": ("testing.cpp", "10 hours have passed")}

# What a careful stranger has the compiler say, as errors, of coppice's headers too.
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wsign-conversion",
            "-Werror"]
