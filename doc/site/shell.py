"""Looks at commands that a page shows: their syntax, and whether there is such a command."""

import os
import re
import shlex
import shutil
import subprocess

from pages import ROOT

BUILTINS = set("cd echo export set unset source . exec eval test true false kill wait trap umask ulimit "
               "read printf type command alias for if while case then else elif fi do done in esac "
               "{ } ( ) ! [ [[ time".split())
# Commands that the pages tell to use, and that need not be on the machine that checks this; with
# the Debian package that has them.
ELSEWHERE = {
    "abidiff": "abigail-tools", "apt": "apt", "apt-get": "apt", "autopkgtest": "autopkgtest",
    "clang++-16": "clang-16", "cmake": "cmake", "conan": None, "coppice": "coppice-tools",
    "coredumpctl": "systemd-coredump", "curl": "curl", "dpkg-buildpackage": "dpkg-dev",
    "erl": "erlang-base", "gdb": "gdb", "git": "git", "journalctl": "systemd",
    "lintian": "lintian", "meson": "meson", "mix": "elixir", "nc": "netcat-openbsd",
    "ninja": "ninja-build", "npm": "npm", "pkg-config": "pkg-config", "psql": "postgresql-client",
    "redis-benchmark": "redis-tools", "redis-cli": "redis-tools", "spin": "spin",
    "sqlite3": "sqlite3", "sudo": "sudo", "systemctl": "systemd", "vcpkg": None,
    "websocat": None, "wrk": "wrk",
}
PREFIXES = {"sudo", "exec", "time", "env", "nohup", "command", "!", "then", "do", "else", "if", "while",
            "{", "("}


def commands_of(line):
    """The first word of each command in the line."""
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|()")
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        return  # goes on in the next line; bash has looked at the syntax
    first = True
    for word in words:
        if re.fullmatch(r"[;&|()]+", word):
            first = "&" in word or "|" in word or ";" in word or "(" in word
        elif first and not re.match(r"^\w+=", word) and word not in PREFIXES:
            yield word
            first = False


def exists(command, made):
    if command in BUILTINS or command in ELSEWHERE or command in made:
        return True
    if "/" in command:
        path = command.removeprefix("./")
        # What a build makes is there only after it.
        return (path.startswith(("build/", "build-")) or (ROOT / path).exists()
                or os.path.exists(command) or any(path.startswith(folder) for folder in made))
    return shutil.which(command) is not None


def check(code):
    """ValueError, if something is wrong."""
    done = subprocess.run(["bash", "-n"], input=code, text=True, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise ValueError(done.stderr.strip())
    joined = re.sub(r"\\\n", " ", re.sub(r"<<-?\s*'?(\w+)'?.*?\n\1\n", "\n", code, flags=re.DOTALL))
    # Programs that the lines themselves make or change to: `g++ ... -o shop`, `cd shop`.
    made = set(re.findall(r"-o (\S+)", joined)) | {f"./{n}" for n in re.findall(r"-o (\S+)", joined)}
    for folder in re.findall(r"\bcd (\S+)|\bcoppice new (\S+)", joined):
        made |= {f for f in folder if f}
    somewhere_else = bool(re.search(r"^\s*(cd|git clone|coppice new)\b", joined, re.MULTILINE))
    for line in joined.split("\n"):
        for command in commands_of(line):
            if somewhere_else and "/" in command:
                continue
            if not exists(command, made):
                raise ValueError(f"there is no command {command!r}")
