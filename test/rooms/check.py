#!/usr/bin/env python3
"""Checks that the sources lie as ARCHITECTURE.md says: each room includes only what lies below it.

    check.py ROOT

A room is a folder of src/ and include/coppice/detail/. Public headers lie flat in include/coppice/;
which room each belongs to is said in rooms.json. Besides: no file is longer than 350 lines, no room
has more than ten files, and a public header
has no code of namespace detail, but for declarations.
"""
import argparse
import json
import pathlib
import re
import sys

LONGEST_FILE = 350
LARGEST_ROOM = 10
DECLARATIONS = re.compile(r"((template <[^>]*>\n)?(class|struct) \w+;\s*)+")
BESIDE = {"sqlite", "toml"}  # libraries beside the core, which see all of it
PARTS = {"command": ["new_project"]}  # folders within a room


def rooms_of(root):
    """The rooms from the ground floor up, and the room of each public header."""
    plan = json.loads((root / "test/rooms/rooms.json").read_text())
    rank = {room: i for i, room in enumerate(plan)}
    public = {f"coppice/{name}.hpp": room for room, names in plan.items() for name in names}
    return rank, public


def included(text):
    return re.findall(r'^#include [<"]([^>"]+)[>"]', text, re.M)


class Check:
    def __init__(self, root):
        self.root = root
        self.rank, self.public = rooms_of(root)
        self.faults = []

    def fault(self, path, what):
        self.faults.append(f"{path.relative_to(self.root)}: {what}")

    def room_of_include(self, name):
        if name in self.public:
            return self.public[name]
        parts = name.split("/")
        if parts[:2] == ["coppice", "detail"]:
            return parts[2]
        if len(parts) > 1 and parts[0] in self.rank:
            return parts[0]
        return None  # of the same folder, or somebody else's

    def check_file(self, path, room):
        text = path.read_text()
        if text.count("\n") > LONGEST_FILE:
            self.fault(path, f"has {text.count(chr(10))} lines, more than {LONGEST_FILE}")
        if room not in self.rank:
            self.fault(path, f'the room "{room}" is not in rooms.json')
            return
        for name in included(text):
            there = self.room_of_include(name)
            if there is not None and self.rank[there] > self.rank[room]:
                self.fault(path, f"{room} includes {name}, of {there} above it")

    def check_rooms(self, folder):
        for room in sorted(p for p in folder.iterdir() if p.is_dir()):
            self.check_folder(room, room.name)
            for part in PARTS.get(room.name, ()):
                self.check_folder(room / part, room.name)

    def check_folder(self, folder, room):
        files = sorted(folder.glob("*.[ch]pp"))
        if len(files) > LARGEST_ROOM and room not in BESIDE:
            self.fault(folder, f"has {len(files)} files, more than {LARGEST_ROOM}")
        for path in files:
            self.check_file(path, room)

    def check_public(self):
        for path in sorted((self.root / "include/coppice").glob("*.hpp")):
            room = self.public.get(f"coppice/{path.name}")
            if room is None:
                self.fault(path, "belongs to no room in rooms.json")
                continue
            self.check_file(path, room)
            for code in re.findall(r"^namespace detail \{\n(.*?)^\}", path.read_text(), re.M | re.S):
                if not DECLARATIONS.fullmatch(code.strip()):
                    self.fault(path, "has code of namespace detail")

    def run(self):
        self.check_rooms(self.root / "src")
        self.check_rooms(self.root / "include/coppice/detail")
        self.check_public()
        return self.faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=pathlib.Path)
    options = parser.parse_args()
    check = Check(options.root.resolve())
    faults = check.run()
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
