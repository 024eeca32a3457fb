"""What `coppice new` says and asks, and what it leaves behind when something is wrong."""

import os
import pty
import resource
import select
import signal
import subprocess
import time

from harness import ROOT, expect, expect_in, files_of

LIBRARY = [".clang-format", ".gitignore", "README.md", "include/shop.hpp", "meson.build",
           "src/shop.cpp", "test/main.cpp", "test/shop_test.cpp"]


def in_terminal(place, arguments, cwd, answers):
    """Runs `coppice new` in a pseudo-terminal; each answer is typed when a question stands there. Gives
    what is to be seen on the terminal, and the exit status."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(cwd)
        os.execve(place.program, ["coppice", "new", *arguments], place.environment)
    said, deadline, answers = "", time.monotonic() + 60, list(answers)
    while True:
        ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"no more is said: {said!r}"
        try:
            read = os.read(terminal, 4096)
        except OSError:  # Linux says so that nobody has the other end open
            read = b""
        if not read:
            break
        said += read.decode()
        if said.endswith("[y/n] "):
            assert answers, f"nobody has expected a question: {said!r}"
            os.write(terminal, answers.pop(0).encode())
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    assert not answers, f"{answers} have not been asked for: {said!r}"
    return said.replace("\r\n", "\n"), os.waitstatus_to_exitcode(status)


def a_name_is_the_last_part_of_a_path(place):
    for path in ("shop", "a/b/shop", "shop/", "./shop"):
        folder = place.fresh()
        said = place.new(path, cwd=folder)
        expect(files_of(folder / path), LIBRARY)
        expect_in(f"    cd {path}\n    meson setup build\n", said)


def dot_is_the_directory_where_one_is(place):
    folder = place.fresh() / "shop"
    folder.mkdir()
    said = place.new(".", cwd=folder)
    expect(files_of(folder), LIBRARY)
    assert "cd " not in said, said


def a_directory_can_have_another_name(place):
    folder = place.fresh()
    said = place.new("shop", "--dir", "The Shop", cwd=folder)
    expect(files_of(folder / "The Shop"), LIBRARY)
    expect_in("    cd 'The Shop'\n", said)


def every_file_is_told(place):
    folder = place.fresh()
    said = place.new("shop", cwd=folder)
    told = [line.removeprefix("* creating ") for line in said.splitlines() if line[:2] == "* "]
    expect(sorted(told), LIBRARY)


def bad_names_are_refused_with_advice(place):
    folder = place.fresh()
    for name, advice in {"007invalid": "invalid", "invAlid": "inv_alid", "Hello-World": "hello_world",
                         "class": "class_app", "std": "std_app", "test": "test_app",
                         "inválido": "inv_lido"}.items():
        expect_in(f"for instance {advice}.", place.new(name, cwd=folder, status=1))
    expect_in("--module time_app", place.new("time", cwd=folder, status=1))
    expect_in("--module not_valid", place.new("shop", "--module", "not.valid", cwd=folder, status=1))
    expect_in("coppice new NAME --dir a/B-c", place.new("a/B-c", cwd=folder, status=1))
    expect(list(folder.iterdir()), [])


def wrong_usage_is_told_and_ends_with_2(place):
    folder = place.fresh()
    expect_in("Usage: coppice new NAME|PATH", place.new(cwd=folder, status=2))
    expect_in("--nothing", place.new("shop", "--nothing", cwd=folder, status=2))
    expect_in("Usage: coppice new", place.new("shop", "other", cwd=folder, status=2))
    expect_in("meson", place.new("shop", "--build", "make", cwd=folder, status=2))
    place.run(place.program, cwd=folder, status=2)
    expect_in("no command \"observe\"", place.run(place.program, "observe", cwd=folder, status=2))
    expect(list(folder.iterdir()), [])


def the_version_is_that_of_the_library(place):
    version = place.run("pkg-config", "--modversion", "coppice", cwd=ROOT).strip()
    expect(place.run(place.program, "--version", cwd=ROOT), f"coppice {version}\n")


def without_a_terminal_only_an_empty_directory_is_used(place):
    folder = place.fresh()
    (folder / "shop").mkdir()
    (folder / "other").mkdir()
    (folder / "other" / "notes.txt").touch()
    place.new("shop", cwd=folder)
    expect_in("is not empty. Nobody can be asked", place.new("other", cwd=folder, status=1))
    expect(files_of(folder / "other"), ["notes.txt"])


def on_a_terminal_a_directory_is_asked_for(place):
    folder = place.fresh()
    (folder / "shop").mkdir()
    for answer in ("n\n", "\x04", "maybe\nno\n"):
        asked = [answer] if answer != "maybe\nno\n" else ["maybe\n", "no\n"]
        said, status = in_terminal(place, ["shop"], folder, asked)
        expect(status, 1)
        expect_in('The directory "shop" already exists. Make the project there? [y/n]', said)
        expect_in("Nothing has been written.", said)
        expect(files_of(folder / "shop"), [])
    said, status = in_terminal(place, ["shop"], folder, ["y\n"])
    expect(status, 0)
    expect(files_of(folder / "shop"), LIBRARY)


def on_a_terminal_each_file_is_asked_for(place):
    folder = place.fresh()
    place.new("shop", cwd=folder)
    readme, test = folder / "shop" / "README.md", folder / "shop" / "test" / "shop_test.cpp"
    readme.write_text("mine")
    test.write_text("mine")
    said, status = in_terminal(place, ["shop"], folder, ["y\n", "n\n", "yes\n"])
    expect(status, 0)
    expect_in("README.md already exists. Overwrite it? [y/n] n\n* keeping README.md\n", said)
    expect_in("* overwriting test/shop_test.cpp\n", said)
    expect(said.count("* identical "), len(LIBRARY) - 2)
    expect(readme.read_text(), "mine")
    assert test.read_text() != "mine"


def where_there_is_no_room_whole_files_are_left(place):
    folder = place.fresh()

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))

    # The README is longer than that, and the first.
    said = place.new("shop", "--sup", cwd=folder, status=1, preexec_fn=limit)
    expect_in('Cannot write "shop/README.md": File too large. No file has been made.', said)
    expect(files_of(folder), [])
    whole = place.fresh()
    place.new("shop", cwd=whole)
    longest = max(LIBRARY, key=lambda name: (whole / "shop" / name).stat().st_size)
    size = (whole / "shop" / longest).stat().st_size - 1

    def barely():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    said = place.new("shop", cwd=folder, status=1, preexec_fn=barely)
    expect_in(f'Cannot write "shop/{longest}": File too large.', said)
    made = files_of(folder / "shop")
    expect_in(f"{len(made)} of {len(LIBRARY)} files ha", said)
    expect(said.count("* creating "), len(made))
    assert made, "the longest file is the first"
    for name in made:
        expect((folder / "shop" / name).read_bytes(), (whole / "shop" / name).read_bytes())


def where_one_must_not_write_that_is_told(place):
    folder = place.fresh()
    folder.chmod(0o555)
    for above in folder.parents:  # temporary folders are closed to others
        if above.stat().st_uid == os.getuid() and above.is_relative_to(place.folder):
            above.chmod(0o755)

    def as_nobody():  # root may write everywhere
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)

    said = place.new("shop", cwd=folder, status=1, preexec_fn=as_nobody)
    expect_in("Permission denied. No file has been made.", said)
    expect(files_of(folder), [])


def an_output_that_takes_nothing_is_a_failure(place):
    with open("/dev/full", "w", encoding="utf-8") as full:
        ended = subprocess.run([place.program, "completion", "bash"], stdout=full,
                               stderr=subprocess.PIPE, text=True, check=False)
    expect(ended.returncode, 1)
    expect_in("cannot write to the standard output", ended.stderr)


TESTS = [
    a_name_is_the_last_part_of_a_path,
    dot_is_the_directory_where_one_is,
    a_directory_can_have_another_name,
    every_file_is_told,
    bad_names_are_refused_with_advice,
    wrong_usage_is_told_and_ends_with_2,
    the_version_is_that_of_the_library,
    without_a_terminal_only_an_empty_directory_is_used,
    on_a_terminal_a_directory_is_asked_for,
    on_a_terminal_each_file_is_asked_for,
    where_there_is_no_room_whole_files_are_left,
    where_one_must_not_write_that_is_told,
    an_output_that_takes_nothing_is_a_failure,
]
